"""mlterm dashboard: the runs of a project, side by side."""

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.show import files_of, find, importing
from mlterm.cli.table import print_runs
from mlterm.system import catalog, paths, terminal

SHORTEST_REFRESH, LONGEST_REFRESH = 0.1, 3600.0


def _refresh(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not SHORTEST_REFRESH <= value <= LONGEST_REFRESH:
        raise click.BadParameter(f"{value} is not between 0.1 s and 1 h")
    return value


@click.command()
@run_argument(required=False, several=True)
@project_option
@log_dir_option
@click.option(
    "--refresh",
    type=float,
    default=1.0,
    callback=_refresh,
    metavar="SECONDS",
    help="How often files are looked at [1].",
)
def dashboard(
    runs: tuple[str, ...], project: str | None, log_dir: str | None, refresh: float
) -> int:
    """Show the runs of a project as a table, live ones first; or RUN, or several in one.

    Where no view fits, the table is printed once.
    """
    folder = paths.log_dir(log_dir)
    chosen = [find(word, log_dir, project) for word in runs]
    if not terminal.fits_view():
        known = chosen or catalog.all_runs(folder, project)
        if not known:
            raise catalog.nothing_found(folder, project)
        print_runs(known)
        return 0
    with importing():
        from mlterm.feed.runs import RunsFeed
        from mlterm.ui.app import first_state
        from mlterm.ui.dashboard import Dashboard
        from mlterm.ui.state import Mode

    feed = RunsFeed(folder, project)
    while not feed.runs and feed.poll():
        continue
    if not feed.runs and not chosen:
        raise catalog.nothing_found(folder, project)
    state = first_state(Mode.DASHBOARD)
    Dashboard(feed, folder, project, state, refresh, [files_of(run) for run in chosen]).run()
    return 0
