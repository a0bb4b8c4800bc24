"""mlterm watch: sample a process that mlterm did not start."""

import errno
import os
import select
import sys

import click

from mlterm.cli.options import (
    Way,
    log_dir_option,
    naming_options,
    sampling_options,
    tag_option,
    view_options,
)
from mlterm.cli.run import current_folder, launched_view, place_of_run
from mlterm.cli.show import say
from mlterm.core.clean import clean_text
from mlterm.core.command import script_name
from mlterm.core.errors import NotFoundError, SupervisorError
from mlterm.core.plan import ChildSpec, Plan, SamplingPlan, Watched
from mlterm.session import Launch
from mlterm.system import git, terminal
from mlterm.system.processes import NO_PROC, Process, is_alive, is_proc_ours

_OF_A_THREAD = (errno.EINVAL, errno.ENOENT)  # the latter since Linux 6.15


@click.command()
@naming_options
@log_dir_option
@tag_option
@click.option("-d", "--detach", is_flag=True, help="Print the run's name and return at once.")
@view_options
@sampling_options
@click.option("-q", "--quiet", is_flag=True, help="No summary at the end.")
@click.argument("pid", type=click.IntRange(min=1))
def watch(
    project: str | None,
    run_id: str | None,
    log_dir: str | None,
    tags: dict[str, str],
    detach: bool,
    plain: bool,
    stay: bool,
    interval: float,
    gpus: str,
    retention: float,
    quiet: bool,
    pid: int,
) -> int:
    """Sample the process PID and its descendants into a run, until it ends.

    Its output cannot be had. Ctrl-C and mlterm stop end the watching, never the process.
    """
    watched, pidfd = _watched(pid)
    argv = list(watched.argv)
    cwd = current_folder()
    query = git.ask_status(watched.cwd)
    plan = Plan(
        **place_of_run(project, run_id, log_dir, argv, cwd),
        child=ChildSpec(
            argv=[sys.executable, "-P", "-m", "mlterm.waiter", str(pidfd)],
            cwd=cwd,
            environ=dict(os.environ),
            pass_fds=(pidfd,),
        ),
        tags=tags,
        git_asked=query is not None,
        parses=False,
        sampling=SamplingPlan(interval, gpus, retention),
        watched=watched,
    )
    if not (detach or quiet) and (plain or not terminal.fits_view()):
        words = clean_text(f"{script_name(argv)} (pid {pid})")
        say(f"watching {words}; Ctrl-C ends the watching, Ctrl-\\ detaches")
    return launched_view(Launch(), plan, Way(detach, plain, stay, quiet))


def _watched(pid: int) -> tuple[Watched, int]:
    """The process, and a pidfd of it for the waiter: opened first, so that however soon the
    process ends, it is this one's end that is told.

    Raises NotFoundError where there is no such process, SupervisorError where it cannot be
    seen.
    """
    if not is_proc_ours():
        raise SupervisorError(f"process {pid} cannot be watched: {NO_PROC}")
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        raise NotFoundError(f"there is no process {pid}") from None
    except OSError as error:
        hint = ". Is it a thread? Give its process's pid." if error.errno in _OF_A_THREAD else ""
        raise SupervisorError(f"{pid} cannot be watched: {error.strerror}{hint}") from None
    except AttributeError:
        raise SupervisorError(
            "mlterm watch needs pidfd_open(2), which this Python does not offer"
        ) from None
    try:
        process = Process("/proc", pid, keep_open=False)
    except (FileNotFoundError, ProcessLookupError):
        if is_alive(pid):
            raise SupervisorError(
                f"process {pid} cannot be seen: it is another user's, and /proc hides it (hidepid)"
            ) from None
        raise NotFoundError(f"process {pid} has ended already") from None
    except OSError as error:
        raise SupervisorError(f"process {pid} cannot be seen: {error.strerror}") from None
    try:
        cwd = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        cwd = "/"
    words = process.words() or (process.stat.name,)
    watched = Watched(pid, process.stat.started_ticks, words, cwd, process.environ())
    if select.select([pidfd], [], [], 0)[0]:  # else it had its pid all the while
        raise NotFoundError(f"process {pid} has ended already")
    os.set_inheritable(pidfd, True)
    return watched, pidfd
