"""mlterm list-runs: what is live and what has ended."""

import gc
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from mlterm.cli.choosing import Choice, choosing
from mlterm.cli.printing import lines_of, print_runs, width
from mlterm.cli.stdout import stdout
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.query import Key, Order, parse_key, parse_order, tell_unknown
from mlterm.core.summary import RunSummary
from mlterm.system import terminal
from mlterm.ui.columns import Column, key_column
from mlterm.ui.listing import table, usual_columns

WATCH_SECONDS = 2.0
_NAMES = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,"'])+""")
"""Between commas that stand in no quotes."""


@dataclass(frozen=True)
class _List:
    """What is listed, and how."""

    choice: Choice
    live: bool
    order: Order | None
    keys: Sequence[Key]
    limit: int | None

    def runs(self, *, metrics: bool) -> list[RunSummary]:
        """In their order, and no more than are wanted. Raises NotFoundError."""
        used = [*self.keys, *([self.order.key] if self.order else [])]
        needed = metrics or not self.keys or any(key.needs_metrics for key in used)
        runs = self.choice.runs(metrics=needed, live=self.live)
        if unknown := tell_unknown([key.name for key in used], runs):
            raise NotFoundError("\n  ".join(unknown))
        if self.order is None:
            return runs[-self.limit :] if self.limit else runs
        return self.order.sort(runs)[: self.limit]

    @property
    def columns(self) -> Sequence[Column] | None:
        """Those that were asked for."""
        return [key_column(key) for key in self.keys] or None


def _split(text: str) -> list[str]:
    return [name.strip() for name in _NAMES.findall(text)]


@click.command("list-runs")
@choosing
@click.option("--sort", metavar="KEY", help="By this, ascending; with - before it descending.")
@click.option("--columns", metavar="KEY,…", help="Show these, such as name,param.lr,val_loss.min.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest, or first, N.")
@click.option("--live", is_flag=True, help="Every live run of yours, in whatever folder.")
@click.option("--watch", is_flag=True, help="Refresh the table until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines: an object a run.")
def list_runs(
    choice: Choice,
    sort: str | None,
    columns: str | None,
    limit: int | None,
    live: bool,
    watch: bool,
    as_json: bool,
) -> int:
    """Show runs: how they stand, their metrics, and what differs; the newest last."""
    keys = [parse_key(name) for name in _split(columns or "")]
    order = parse_order(sort) if sort else None
    wanted = _List(choice, live, order, keys, limit)
    if watch:
        return _watch(wanted, as_json=as_json)
    gc.disable()  # ten thousand runs are no garbage, and looking for some took a third of the time
    runs = wanted.runs(metrics=as_json)
    if as_json:
        with stdout() as out:
            out.writelines(run.encoded() for run in runs)
    elif runs:
        print_runs(runs, wanted.columns)
    else:
        print("No run is live.", file=sys.stderr)
    return 0


def _watch(wanted: _List, *, as_json: bool) -> int:
    if as_json or not terminal.is_terminal(1):
        raise RefusedError("--watch draws on a terminal; without one, call list-runs again")
    shown: list[str] = []
    try:
        while True:
            lines = _frame(wanted)
            if lines != shown:
                sys.stdout.write("\x1b[H\x1b[2J" + "\n".join(lines))
                sys.stdout.flush()
                shown = lines
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        return 0


def _frame(wanted: _List) -> list[str]:
    """The table in no more lines than the terminal has: of too many runs the newest, or first."""
    height, _ = terminal.size(1)
    try:
        runs = wanted.runs(metrics=False)
    except NotFoundError as error:
        return str(error).split("\n")
    columns = wanted.columns or usual_columns(runs, width(), datetime.now(UTC))
    head, *lines = lines_of(table(runs, columns, width()))
    room = max(1, height - 2)
    return [head, *(lines[-room:] if wanted.order is None else lines[:room])]
