"""mlterm watch: sample a process that mlterm did not start."""

import os
import select
import sys
from datetime import datetime

import click

from mlterm.cli.options import log_dir_option, naming_options, sampling_options, tag_option
from mlterm.cli.run import launched_view
from mlterm.cli.show import say
from mlterm.core import names
from mlterm.core.clean import clean_text
from mlterm.core.command import script_name
from mlterm.core.errors import NotFoundError, SupervisorError
from mlterm.core.lifecycle import UNTOLD_CODE
from mlterm.core.plan import ChildSpec, Plan, SamplingPlan, Watched
from mlterm.session import Launch
from mlterm.system import git, paths
from mlterm.system.processes import NO_PROC, Process, is_alive, is_proc_ours


@click.command()
@naming_options
@log_dir_option
@tag_option
@click.option("-d", "--detach", is_flag=True, help="Print the run's name and return at once.")
@sampling_options
@click.option("-q", "--quiet", is_flag=True, help="No summary at the end.")
@click.argument("pid", type=click.IntRange(min=1))
def watch(
    project: str | None,
    run_id: str | None,
    log_dir: str | None,
    tags: dict[str, str],
    detach: bool,
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
    cwd = os.getcwd()
    name = names.default_run_id(script_name(argv), datetime.now()) if run_id is None else run_id
    query = git.ask_status(watched.cwd)
    plan = Plan(
        project=paths.default_project(cwd) if project is None else project,
        run_id=name,
        run_id_is_default=run_id is None,
        log_dir=os.fspath(paths.log_dir(log_dir)),
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
    if not (detach or quiet):
        words = clean_text(f"{script_name(argv)} (pid {pid})")
        say(f"watching {words}; Ctrl-C ends the watching, Ctrl-\\ detaches")
    code = launched_view(Launch(), plan, detach=detach, quiet=quiet)
    return 0 if code == UNTOLD_CODE else code


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
    except OSError as error:  # EINVAL; ENOENT since Linux 6.15
        raise SupervisorError(
            f"{pid} cannot be watched: {error.strerror}. Is it a thread? Give its process's pid."
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
