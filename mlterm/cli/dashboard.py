"""mlterm dashboard: the runs of a project, side by side."""

from dataclasses import replace

import click

from mlterm.cli.choosing import Choice, choosing
from mlterm.cli.printing import print_runs
from mlterm.cli.show import files_of, importing
from mlterm.system import terminal
from mlterm.system.catalog import nothing_found

SHORTEST_REFRESH, LONGEST_REFRESH = 0.1, 3600.0


def _refresh(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not SHORTEST_REFRESH <= value <= LONGEST_REFRESH:
        raise click.BadParameter(f"{value} is not between 0.1 s and 1 h")
    return value


@click.command()
@choosing
@click.option(
    "--refresh",
    type=float,
    default=1.0,
    callback=_refresh,
    metavar="SECONDS",
    help="How often files are looked at [1].",
)
def dashboard(choice: Choice, refresh: float) -> int:
    """Show the runs of a project as a table, live ones first; or RUN, or several in one.

    Where no view fits, the table is printed once.
    """
    if not terminal.fits_view():
        print_runs(choice.runs())
        return 0
    query = choice.query
    chosen = choice.runs(metrics=False) if choice.words else []
    with importing():
        from mlterm.feed.runs import RunsFeed
        from mlterm.ui.app import first_state
        from mlterm.ui.dashboard import Dashboard
        from mlterm.ui.state import Mode

    feed = RunsFeed(choice.folder, choice.project)
    while not feed.runs and feed.poll():
        continue
    if not feed.runs and not chosen:
        raise nothing_found(choice.folder, choice.project)
    state = replace(first_state(Mode.DASHBOARD), runs_pattern=query.text)
    opened = [files_of(run) for run in chosen]
    Dashboard(feed, choice.folder, choice.project, state, refresh, opened).run()
    return 0
