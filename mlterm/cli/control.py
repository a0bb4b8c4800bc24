"""mlterm stop and mlterm wait: ending runs, and waiting for their end."""

import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mlterm.cli.options import duration, grace_option, log_dir_option, project_option, run_argument
from mlterm.cli.show import files_of, find, lost_words, say, shell_code
from mlterm.core import protocol
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError, SupervisorError
from mlterm.core.lifecycle import LOST, RUNNING
from mlterm.core.summary import RunSummary
from mlterm.system import channel, finding, lock, registry, store
from mlterm.system.registry import Entry

if TYPE_CHECKING:
    from mlterm.system.host import Tree

LOOK_SECONDS = 0.1
KEEPER_PATIENCE_SECONDS = 2.0
TIMED_OUT = 124  # as timeout(1)


@click.command()
@run_argument(several=True)
@project_option
@log_dir_option
@grace_option("Between one signal and the next [10].")
@click.option(
    "--signal", "first", default="INT", metavar="NAME", help="The signal to begin with [INT]."
)
def stop(
    runs: tuple[str, ...], project: str | None, log_dir: str | None, grace: float, first: str
) -> int:
    """End RUNs: INT, then TERM, then KILL, to every process until none is left."""
    number = _signal(first)
    chosen = [find(word, log_dir, project) for word in runs]
    live = [(run, entry) for run in chosen if (entry := _entry(run)) is not None]
    trees = [(run, entry, _seen_tree(entry)) for run, entry in live]
    for run, entry in live:
        _ask(run, entry, number, grace)
    survivors = [_await_end(run, entry, tree, number, grace) for run, entry, tree in trees]
    return 1 if any(survivors) else 0


def _seen_tree(entry: Entry) -> "Tree":
    """The run's processes, looked at once before the guard that adopts orphans may end."""
    from mlterm.system.host import Tree

    tree = Tree(entry)
    tree.members()
    return tree


@click.command()
@run_argument(several=True)
@project_option
@log_dir_option
@click.option(
    "--timeout", callback=duration, metavar="DURATION", help="Give up after this (exit code 124)."
)
def wait(
    runs: tuple[str, ...], project: str | None, log_dir: str | None, timeout: float | None
) -> int:
    """Wait until RUNs have ended; exit with the code of the last one that failed, else 0."""
    deadline = None if timeout is None else time.monotonic() + timeout
    code = 0
    for word in runs:
        run = find(word, log_dir, project)
        while run.status == RUNNING:
            if deadline is not None and time.monotonic() >= deadline:
                say(f"{run.title} is still running")
                return TIMED_OUT
            time.sleep(LOOK_SECONDS)
            run = store.load(files_of(run))
        if run.status == LOST:
            say(lost_words(run))
        code = shell_code(run) or code
    return code


def _signal(name: str) -> int:
    word = name.upper()
    word = word if word.startswith("SIG") else f"SIG{word}"
    if word in signal.Signals.__members__:
        return signal.Signals[word].value
    if name.isdigit() and int(name) in {number.value for number in signal.Signals}:
        return int(name)
    raise RefusedError(
        f"there is no signal {name!r}; INT, TERM, KILL, USR1 are some that there are"
    )


def _entry(run: RunSummary) -> Entry | None:
    """How to reach a live run; None, in words, for one that has ended."""
    entry = registry.find(files_of(run))
    if entry is None and run.status == RUNNING:
        host = finding.on_other_host(run)
        if host is not None:
            command = f"ssh {host} mlterm stop {files_of(run).run}"
            raise SupervisorError(f"{run.title} runs on {host}, not here. To stop it: {command}")
        raise NotFoundError(f"{run.title} is not supervised by mlterm run: end its script itself")
    if entry is None and run.status == LOST:
        entry = _left_behind(run)
    if entry is None:
        say(f"{run.title} has ended already ({run.status})")
    return entry


def _left_behind(run: RunSummary) -> Entry | None:
    """A lost run's processes that live on without a supervisor; they carry its environment."""
    from mlterm.system import host

    here = socket.gethostname()
    entry = Entry(
        run.project, run.run_id, run.path, command_pid=-1, guard_pid=-1, tty="", host=here
    )
    return entry if host.members(entry) else None


def _ask(run: RunSummary, entry: Entry, number: int, grace: float) -> None:
    """Let the keeper do it, so that it is done to the end even if this terminal is lost."""
    if not _keeper_takes(entry, protocol.hello(False, 0, 0) + protocol.stop(number, grace)):
        from mlterm import stopper

        say(f"the keeper of {run.title} does not answer; ending its processes from here")
        stopper.end_tree(entry, number, grace)


def _keeper_takes(entry: Entry, frames: bytes) -> bool:
    """Whether a keeper has read them: it answers the first with a welcome."""
    connection = channel.connect(entry.files.key)
    if connection is None:
        return False
    with connection:
        connection.settimeout(KEEPER_PATIENCE_SECONDS)
        try:
            connection.sendall(frames)
            return bool(connection.recv(64))
        except OSError:
            return False


def _await_end(run: RunSummary, entry: Entry, tree: "Tree", number: int, grace: float) -> bool:
    """Wait until no process of the run is left; whether some could not be ended."""
    from mlterm import stopper
    from mlterm.system import host

    rungs = len(stopper.ladder(number))
    limit = (rungs - 1) * grace + stopper.LAST_PATIENCE_SECONDS + KEEPER_PATIENCE_SECONDS
    deadline = time.monotonic() + limit
    while who := tree.members():
        if time.monotonic() > deadline:
            stuck = " (state D: in the kernel, where no signal reaches)"
            names = clean_text(host.describe(who))
            say(f"{run.title}: still there: {names}{stuck if any(m.stuck for m in who) else ''}")
            return True
        time.sleep(LOOK_SECONDS)
    _wait_until(lambda: not lock.is_held(entry.files.lock), KEEPER_PATIENCE_SECONDS)
    ended = store.load(entry.files)
    say(f"{ended.title} {ended.status}: {clean_text(ended.reason or '')}")
    return False


def _wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
