"""mlterm prune: removing the runs that pass a filter."""

from collections.abc import Sequence

import click

from mlterm.cli.choosing import Choice, choosing, no_such_metric
from mlterm.cli.remove import (
    Manner,
    listed,
    measured,
    print_item,
    remove,
    removing_options,
    sum_of,
)
from mlterm.cli.show import say
from mlterm.core.best import best_of
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.goals import goal_of
from mlterm.core.lifecycle import RUNNING
from mlterm.core.summary import RunSummary, definitions_of


@click.command()
@choosing
@removing_options
@click.option("-n", "--dry-run", is_flag=True, help="Only show which runs would go.")
@click.option(
    "--keep-best", type=click.IntRange(min=1), metavar="N", help="But for the N best by --metric."
)
@click.option("-m", "--metric", metavar="METRIC", help="What --keep-best judges by.")
def prune(
    choice: Choice,
    force: bool,
    yes: bool,
    as_json: bool,
    dry_run: bool,
    keep_best: int | None,
    metric: str | None,
) -> int:
    """Remove the runs that pass --filter and are not live: to the trash, unless --force."""
    if not (choice.filter or "").strip():
        raise RefusedError(
            "prune wants a --filter, such as 'status = failed'; nothing was removed. "
            "mlterm rm removes runs by their names."
        )
    if (keep_best is None) != (metric is None):
        raise RefusedError("--keep-best and --metric go together; nothing was removed")
    runs = choice.runs(metrics=keep_best is not None)
    kept = {run.path for run in _best(runs, metric, keep_best)} if metric and keep_best else set()
    going = []
    for run in runs:
        if run.path in kept:
            continue
        if run.status == RUNNING:
            say(f"{run.title} is live and stays")
        else:
            going.append(run)
    if not going:
        raise NotFoundError("Of the runs that pass the filter none is to be removed.")
    items = measured(going)
    if not dry_run:
        return remove(items, Manner(force, yes, as_json))
    if as_json:
        for item in items:
            print_item(item, "planned")
    else:
        print("\n".join(listed(items, 1)), flush=True)
        say(f"would remove {sum_of(items)}")
    return 0


def _best(runs: Sequence[RunSummary], metric: str, count: int) -> list[RunSummary]:
    """The runs that came nearest to the metric's goal.

    Raises NotFoundError where none of them has it, RefusedError where nothing tells its goal.
    """
    known = [run for run in runs if metric in run.metrics]
    if not known:
        raise no_such_metric(metric, {name for run in runs for name in run.metrics})
    goal = goal_of(metric, definitions_of(runs))
    if goal is None:
        raise RefusedError(
            f"Nothing tells whether {clean_text(metric)} is to be small or large, so there is no "
            "best; nothing was removed. The script says so with Tracker.define."
        )
    reached = ((best_of(run.metrics[metric], goal), run) for run in known)
    judged = [(value, run) for value, run in reached if value is not None]
    judged.sort(key=lambda pair: pair[0], reverse=goal == "max")
    return [run for _, run in judged[:count]]
