"""mlterm attach: come back to a run."""

import os

import click

from mlterm.cli.options import Way, log_dir_option, project_option, run_argument, view_options
from mlterm.cli.show import (
    files_of,
    find,
    leave,
    lost_words,
    print_summary,
    say,
    shell_code,
)
from mlterm.client import View
from mlterm.core.errors import SupervisorError
from mlterm.core.lifecycle import LOST, LOST_EXIT_CODE, RUNNING
from mlterm.core.summary import RunSummary
from mlterm.system import daemon, finding, terminal
from mlterm.system.paths import RunFiles

REPLAY_BYTES = 64 * 1024


@click.command()
@run_argument(required=False)
@project_option
@log_dir_option
@click.option("--all", "everything", is_flag=True, help="Replay the whole output first.")
@click.option("--read-only", is_flag=True, help="Watch; no key reaches the program.")
@view_options
@click.option("-q", "--quiet", is_flag=True, help="No summary at the end.")
def attach(
    run: str | None,
    project: str | None,
    log_dir: str | None,
    everything: bool,
    read_only: bool,
    plain: bool,
    stay: bool,
    quiet: bool,
) -> int:
    """Show RUN's output and follow it; keys go to the program, Ctrl-\\ detaches.

    Without RUN, the only live run. Ends with the command's exit code.
    """
    chosen = find(run, log_dir, project) if run else finding.only_live(project)
    files = files_of(chosen)
    if chosen.status == RUNNING:
        _refuse_elsewhere(chosen, files)
        daemon.set_title("client", chosen.name)
    if not files.output.exists() and (plain or not terminal.fits_view()):
        return _without_output(chosen, quiet=quiet)
    start = 0 if everything else replay_start(files, REPLAY_BYTES)
    keys = None if read_only else terminal.keyboard()
    view = View(files, start, keys, read_only=read_only)
    return leave(view, chosen.name, Way(plain=plain, stay=stay, quiet=quiet))


def replay_start(files: RunFiles, count: int) -> int:
    """Where to begin so that at most ``count`` bytes are replayed, from a line's start."""
    try:
        log = files.output.open("rb")
    except FileNotFoundError:  # of a run without supervisor; the view shows the rest of it
        return 0
    with log:
        size = os.fstat(log.fileno()).st_size
        if size <= count:
            return 0
        log.seek(size - count)
        newline = log.read(count).find(b"\n")
    return size - count + newline + 1


def _refuse_elsewhere(run: RunSummary, files: RunFiles) -> None:
    """A keeper can be reached only on the machine that it runs on."""
    host = finding.on_other_host(run)
    if host is not None:
        raise SupervisorError(
            f"{run.title} runs on {host}, not here. To get there: "
            f"ssh -t {host} mlterm attach {files.run}"
        )


def _without_output(run: RunSummary, *, quiet: bool) -> int:
    if run.status == LOST:
        say(lost_words(run))
        return LOST_EXIT_CODE
    if run.status == RUNNING:
        raise SupervisorError(f"{run.title} is not supervised by mlterm run: it has no output here")
    if not quiet:
        print_summary(run)
    return shell_code(run)
