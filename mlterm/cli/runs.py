"""mlterm list-runs: what is live and what has ended."""

import sys
from datetime import UTC, datetime

import click

from mlterm.cli.options import log_dir_option, project_option
from mlterm.cli.show import COLOURS
from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.durations import format_age, format_duration
from mlterm.core.summary import RunSummary
from mlterm.system import catalog, finding, paths, terminal

HEADINGS = ("RUN", "STATUS", "AGE", "DURATION", "EXIT")


@click.command("list-runs")
@project_option
@log_dir_option
@click.option("--live", is_flag=True, help="Every live run of yours, in whatever folder.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines: an object a run.")
def list_runs(project: str | None, log_dir: str | None, live: bool, as_json: bool) -> int:
    """Show runs with status, age and duration; the newest last."""
    folder = paths.log_dir(log_dir)
    if live:
        runs = [run for run in finding.live_runs() if project in (None, run.project)]
        runs.sort(key=lambda run: run.started or "")
    else:
        runs = catalog.all_runs(folder, project, metrics=as_json)
        if not runs:
            raise catalog.nothing_found(folder, project)
    if as_json:
        for run in runs:
            sys.stdout.buffer.write(records.encode(run.as_json()))
    elif runs:
        print_table(runs)
    else:
        print("No run is live.", file=sys.stderr)
    sys.stdout.flush()
    return 0


def print_table(runs: list[RunSummary]) -> None:
    """Aligned columns, the status coloured on a terminal."""
    rows = [HEADINGS, *(_row(run) for run in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    colour = terminal.supports_colour(1)
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if colour and number:
            cells[1] = click.style(cells[1], fg=COLOURS.get(row[1].split()[0], "red"))
        elif colour:
            cells = [click.style(cell, dim=True) for cell in cells]
        print("  ".join(cells).rstrip())


def _row(run: RunSummary) -> tuple[str, ...]:
    duration = "" if run.duration_seconds is None else format_duration(run.duration_seconds)
    code = clean_text(run.signal or "") or ("" if run.exit_code is None else str(run.exit_code))
    status = clean_text(run.status)
    if run.progress is not None:
        status += f" {run.progress['fraction']:.0%}"
    return run.title, status, _age(run.started), duration, code


def _age(started: str | None) -> str:
    try:
        begin = datetime.fromisoformat(started or "")
    except ValueError:
        return ""
    return format_age((datetime.now(UTC if begin.tzinfo else None) - begin).total_seconds())
