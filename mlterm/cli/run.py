"""mlterm run: a command under supervision."""

import os
import signal
import stat
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import click

from mlterm.cli.options import (
    Way,
    duration,
    grace_option,
    log_dir_option,
    naming_options,
    parsing_options,
    sampling_options,
    tag_option,
    view_options,
)
from mlterm.core import names
from mlterm.core.command import script_name
from mlterm.core.errors import RefusedError, SupervisorError
from mlterm.core.plan import DEFAULT_SIZE, ChildSpec, Plan, SamplingPlan
from mlterm.session import Launch
from mlterm.system import config, daemon, git, paths, terminal

HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
GIT_PATIENCE_SECONDS = 0.1
"""A start never waits longer for git than this; the observer asks again."""


@click.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@naming_options
@log_dir_option
@tag_option
@click.option("-d", "--detach", is_flag=True, help="Print the run's name and return at once.")
@view_options
@grace_option("Between INT, TERM and KILL when --timeout ends the run [10].")
@click.option(
    "--timeout", callback=duration, metavar="DURATION", help="End the run after this (90m, 2h30m)."
)
@click.option("--resume", is_flag=True, help="Go on with an ended run of this --run-id.")
@parsing_options
@click.option("--no-parse", is_flag=True, help="Read no metrics out of the output.")
@sampling_options
@click.option("-q", "--quiet", is_flag=True, help="No summary at the end.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(
    launch: Launch | None,
    project: str | None,
    run_id: str | None,
    log_dir: str | None,
    tags: dict[str, str],
    detach: bool,
    plain: bool,
    stay: bool,
    grace: float,
    timeout: float | None,
    resume: bool,
    patterns: tuple[str, ...],
    ignored: tuple[str, ...],
    no_parse: bool,
    interval: float,
    gpus: str,
    retention: float,
    quiet: bool,
    command: tuple[str, ...],
) -> int:
    """Run COMMAND under a supervisor that outlives this terminal.

    Its output, exit code and origin are recorded in plain files; Ctrl-\\ detaches, and
    mlterm attach comes back.
    """
    argv = list(command[1:] if command[0] == "--" else command)
    if not argv:
        raise RefusedError("nothing to run: mlterm run -- COMMAND [ARG…]")
    if resume and run_id is None:
        raise RefusedError("--resume needs the --run-id of the run that is to go on")
    cwd = current_folder()
    query = git.ask_status(cwd)
    parsing = config.settings(cwd).with_options(patterns, ignored)
    if parsing.patterns:
        from mlterm.core.patterns import compile_pattern  # few runs have any

        for text in parsing.patterns:
            compile_pattern(text)
    plan = Plan(
        **place_of_run(project, run_id, log_dir, argv, cwd),
        child=_child(argv, cwd, detach=detach),
        tags=tags,
        resume=resume,
        grace_seconds=grace,
        timeout_seconds=timeout,
        git=query.result(GIT_PATIENCE_SECONDS) if query else None,
        git_asked=query is not None,
        parses=parsing.parse and not no_parse,
        patterns=parsing.patterns,
        ignored=parsing.ignore,
        sampling=SamplingPlan(interval, gpus, retention),
    )
    return launched_view(launch or Launch(), plan, Way(detach, plain, stay, quiet))


class PlaceOfRun(TypedDict):
    """Of a plan: how the run is named, and where it is."""

    project: str
    run_id: str
    run_id_is_default: bool
    log_dir: str


def place_of_run(
    project: str | None, run_id: str | None, log_dir: str | None, argv: list[str], cwd: str
) -> PlaceOfRun:
    """As the options say, else by the folder ``cwd``, the script of ``argv`` and the time."""
    return {
        "project": paths.default_project(cwd) if project is None else project,
        "run_id": _default_run_id(argv) if run_id is None else run_id,
        "run_id_is_default": run_id is None,
        "log_dir": os.fspath(paths.log_dir(log_dir)),
    }


def _default_run_id(argv: list[str]) -> str:
    return names.default_run_id(script_name(argv), datetime.now())


def launched_view(launch: Launch, plan: Plan, way: Way) -> int:
    """Start a run, and show it unless it is to be left alone; the exit code."""
    # A Ctrl-C from here on is the command's: it waits until the client can hand it on.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
    launch.start(plan)
    if way.detach:
        print(launch.result().name)
        return 0
    return _watch(launch, way)


def _watch(launch: Launch, way: Way) -> int:
    # Here, so that it is done while the daemon starts the command.
    from mlterm.cli.show import leave
    from mlterm.client import View

    daemon.set_title("client", "of a run that is being started")
    launched = launch.result()
    daemon.set_title("client", launched.name)
    if not terminal.is_terminal(0):  # it is the command's: held here, a pipe would never break
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    view = View(paths.RunFiles(Path(launched.run_file)), launched.offset, terminal.keyboard())
    return leave(view, launched.name, way, is_run=True)


def _child(argv: list[str], cwd: str, *, detach: bool) -> ChildSpec:
    """The command as the caller's shell would start it, on a terminal like the caller's."""
    window = next((size for fd in (0, 1, 2) if all(size := terminal.size(fd))), DEFAULT_SIZE)
    attributes = terminal.attributes(0) if terminal.is_terminal(0) else None
    return ChildSpec(
        argv=argv,
        cwd=cwd,
        environ=dict(os.environ),
        size=window,
        control_characters=attributes[6] if attributes else None,
        stdin=_command_stdin(detach=detach),
        pass_fds=_opened_for_the_command(),
    )


def _command_stdin(*, detach: bool) -> int | None:
    """The caller's stdin where it is no terminal; with --detach only a pipe or a file, so
    that whoever attaches can type."""
    if terminal.is_terminal(0):
        return None
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return None  # closed: the command gets its terminal
    if detach and not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return None
    return 0


def _opened_for_the_command() -> tuple[int, ...]:
    """Descriptors that the caller's shell left open on purpose: <(…) and 3<file."""
    folder = "/proc/self/fd" if sys.platform.startswith("linux") else "/dev/fd"
    found = []
    for word in os.listdir(folder):
        fd = int(word)
        with suppress(OSError):
            if fd > 2 and os.get_inheritable(fd):
                found.append(fd)
    return tuple(found)


def current_folder() -> str:
    """Raises SupervisorError where it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        raise SupervisorError(
            "the current folder has been removed; nothing was started. Go to one that exists."
        ) from None
