"""In the daemon: everything between a plan and a running command under its guard.

It is imported in the daemon, while the client reads its options.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mlterm import provenance
from mlterm.core import records
from mlterm.core.errors import CommandError, RefusedError, SupervisorError
from mlterm.core.lifecycle import FAILED
from mlterm.core.pidfiles import parse_io
from mlterm.core.plan import Launched, Plan
from mlterm.guard import Guard, Parts, pass_on
from mlterm.keeper import Keeper
from mlterm.system import cgroup, channel, daemon, lock, registry
from mlterm.system.board import Board
from mlterm.system.child import spawn
from mlterm.system.job import Job
from mlterm.system.paths import RunFiles
from mlterm.system.runlog import RunLog
from mlterm.system.slate import Slate

_HEAD_BYTES = 256 * 1024
_BLOCK_BYTES = 512  # of Linux's ru_inblock and ru_oublock (task_io_get_inblock)


def set_up(plan: Plan) -> tuple[Guard, Launched]:
    """Claim the names, start the command, make its guard; the rest of the daemon's life is
    ``guard.run``."""
    plan, files, held = _claim(plan)
    files.folder.mkdir(exist_ok=True)
    part = _count_parts(files) + 1
    files.names.unlink(missing_ok=True)  # what an earlier part's script called it
    runlog = RunLog(files.run, files.reserve)
    _need_room(plan, runlog)
    output = os.open(files.output, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    board = Board()
    board.tail_from = board.read_offset = os.lseek(output, 0, os.SEEK_END)
    oom_before = cgroup.oom_kills("self" if plan.watched is None else plan.watched.pid)
    try:
        server, server_path = channel.listen(files.key)
    except (SupervisorError, OSError):
        _leave_no_trace(runlog)
        raise
    environ = _environment(plan, files)
    started = datetime.now(UTC)
    started_monotonic = time.monotonic()
    try:
        child = spawn(replace(plan.child, environ=environ))
    except CommandError as error:
        _record_failure(plan, runlog, environ, started, error)
        server_path.unlink(missing_ok=True)
        raise CommandError(
            f"{error} (recorded as a failed run in {files.run})", error.exit_code
        ) from None
    with suppress(OSError):  # the disk has filled up in this instant: the job runs all the same
        provenance.record_start(
            plan, runlog, environ, started, child.pid, output_offset=board.tail_from
        )
    for fd in plan.given_fds:
        os.close(fd)
    daemon.set_title("guard", f"{plan.project}/{plan.run_id}")
    entry = registry.Entry(
        project=plan.project,
        run_id=plan.run_id,
        run_file=os.fspath(files.run),
        command_pid=child.pid,
        guard_pid=os.getpid(),
        session=os.getsid(0),
        tty=child.tty,
        host=socket.gethostname(),
    )
    with suppress(OSError):  # the keeper tries again
        registry.write(server_path.parent, entry)
    job = Job(
        files=files,
        entry=entry,
        argv=list(plan.argv),
        cwd=plan.cwd,
        environ=environ if plan.watched is None else dict(plan.watched.environ),
        runlog=runlog,
        board=board,
        sums=Slate(),
        child=child,
        lock=held,
        pipe=_nonblocking_pipe(),
        output=output,
        index=_open_index(files),
        status_pipe=os.pipe(),
        lifeline=os.pipe(),
        server=server,
        server_path=server_path,
        started=started,
        started_monotonic=started_monotonic,
        timeout_seconds=plan.timeout_seconds,
        grace_seconds=plan.grace_seconds,
        oom_before=oom_before,
        part=part,
        parses=plan.parses,
        patterns=plan.patterns,
        ignored=plan.ignored,
        sampling=plan.sampling,
        watched=plan.watched,
        bell=_nonblocking_pipe(),
        git_known=plan.git is not None or not plan.git_asked,
    )
    with suppress(OSError, ValueError, KeyError):  # where there is no /proc nothing is sampled
        io = parse_io(Path("/proc/self/io").read_bytes())
        board.own_read_bytes, board.own_written_bytes = io
    return _make_guard(job), Launched(
        plan.project, plan.run_id, os.fspath(files.run), board.tail_from
    )


def crash_log_of(started: Launched) -> Path:
    """Where a part of mlterm that dies says why."""
    return RunFiles(Path(started.run_file)).crash_log


def _make_guard(job: Job) -> Guard:
    def keep(delay: float) -> int:
        def body() -> int:
            time.sleep(delay)
            daemon.set_title("keeper", job.name)
            return Keeper(job).run()

        return daemon.fork_part(body, job.files.crash_log)

    def observe(delay: float) -> int:
        def body() -> int:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            kept = {0, 1, 2, job.lifeline[0], job.bell[0], job.runlog.fileno()}
            if job.child.pidfd is not None:
                kept.add(job.child.pidfd)
            daemon.close_all_but(kept)  # the lock above all: it must end with guard and keeper
            time.sleep(delay)
            daemon.set_title("observer", job.name)
            # Imported only in this process: nothing of it may delay the job's start.
            from mlterm.observer import Observer

            return Observer(job).run()

        return daemon.fork_part(body, job.files.crash_log)

    def tell_keeper() -> None:
        os.write(job.status_pipe[1], b"e")

    def release_observer() -> None:
        os.close(job.lifeline[1])
        # The run is over, whatever the observer still does: nobody is to wait at a door that
        # no keeper opens, and the run may be resumed.
        job.server.close()
        os.close(job.lock)

    def wait() -> tuple[int, int]:
        ended, is_own = _who_has_ended()
        pid, status, usage = os.wait4(ended, 0)
        if is_own:
            board = job.board
            board.own_cpu_seconds += usage.ru_utime + usage.ru_stime
            board.own_read_bytes += usage.ru_inblock * _BLOCK_BYTES
            board.own_written_bytes += usage.ru_oublock * _BLOCK_BYTES
        return pid, status

    parts = Parts(keep, observe, wait, tell_keeper, release_observer, time.monotonic)
    guard = Guard(job.child.pid, job.board, parts)
    pass_on(guard)
    return guard


def _who_has_ended() -> tuple[int, bool]:
    """A child that is to be collected (-1: any), once there is one, and whether it was mlterm's
    own: of our session, as is also what an observer that was killed has left to us.

    Raises ChildProcessError where there are no children.
    """
    if not sys.platform.startswith("linux"):  # nothing is sampled there
        return -1, False
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    return ended.si_pid, os.getsid(ended.si_pid) == os.getsid(0)


def _claim(plan: Plan) -> tuple[Plan, RunFiles, int]:
    """Take the lock of a run that may begin; the plan with its final run id."""
    try:
        Path(plan.log_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SupervisorError(
            f"the log folder {plan.log_dir} cannot be made ({error.strerror}); "
            "nothing was started. Choose another with --log-dir or MLTERM_LOG_DIR."
        ) from None
    for run_id in _candidates(plan):
        files = RunFiles.of(Path(plan.log_dir), plan.project, run_id)
        if not plan.run_id_is_default:
            _refuse_mixing(plan, files)
        try:
            held = lock.take(files.lock)
        except OSError as error:
            raise SupervisorError(f"cannot lock {files.lock}: {error.strerror}") from None
        taken = held is None or (files.run.exists() and files.run.stat().st_size > 0)
        if held is not None and (not taken or (plan.resume and not plan.run_id_is_default)):
            return replace(plan, run_id=run_id), files, held
        if not plan.run_id_is_default:
            raise RefusedError(_why_taken(plan, files, live=held is None))
        if held is not None:
            os.close(held)
    raise AssertionError("there is always another candidate")


def _count_parts(files: RunFiles) -> int:
    """How often the run was started before."""
    try:
        with files.run.open("rb") as file:
            starts = (line for line in file if b'"schema"' in line)
            return sum(1 for record in map(records.decode, starts) if record is not None)
    except OSError:
        return 0


def _candidates(plan: Plan) -> Iterator[str]:
    yield plan.run_id
    number = 2
    while plan.run_id_is_default:
        yield f"{plan.run_id}-{number}"
        number += 1


def _why_taken(plan: Plan, files: RunFiles, *, live: bool) -> str:
    name = f"{plan.project}/{plan.run_id}"
    if live:
        return (
            f"{name} is running, or its output is still held by a process it left behind; "
            f"mlterm attach {name} goes there, mlterm stop {name} ends it"
        )
    return (
        f"{name} has ended already and is kept in {files.run}; "
        "choose another --run-id, or --resume to go on with it"
    )


def _refuse_mixing(plan: Plan, files: RunFiles) -> None:
    """Two pairs of names that share a file name (a + b_c, a_b + c) are never mixed."""
    try:
        with files.run.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return
    first = next((r for r in records.decode_lines(head) if r.get("type") == "run"), None)
    if first is None:
        return
    theirs = (first.get("project"), first.get("run_id"))
    if theirs != (plan.project, plan.run_id):
        raise RefusedError(
            f"{files.run.name} already belongs to project {theirs[0]!r}, run {theirs[1]!r}; "
            f"{plan.project!r} and {plan.run_id!r} would share that file. Choose another --run-id."
        )


def _need_room(plan: Plan, runlog: RunLog) -> None:
    try:
        runlog.keep_room()
    except OSError as error:
        _leave_no_trace(runlog)
        raise SupervisorError(
            f"nothing can be written to {plan.log_dir} ({error.strerror}); nothing was started. "
            "Make room, or choose another folder with --log-dir or MLTERM_LOG_DIR."
        ) from None


def _leave_no_trace(runlog: RunLog) -> None:
    """A run that was refused has no file; one that is resumed keeps its own."""
    runlog.drop_room()
    with suppress(OSError):
        if not os.fstat(runlog.fileno()).st_size:
            files = RunFiles(runlog.path)
            files.run.unlink()
            files.output.unlink(missing_ok=True)
            files.folder.rmdir()


def _environment(plan: Plan, files: RunFiles) -> dict[str, str]:
    environ = dict(plan.child.environ)
    outer = environ.get("MLTERM_PROJECT"), environ.get("MLTERM_RUN_ID")
    if all(outer):
        environ["MLTERM_PARENT_RUN"] = "/".join(word for word in outer if word)
    environ |= {
        "MLTERM_PROJECT": plan.project,
        "MLTERM_RUN_ID": plan.run_id,
        "MLTERM_LOG_DIR": plan.log_dir,
        "MLTERM_RUN_FILE": os.fspath(files.run),
    }
    return environ


def _record_failure(
    plan: Plan,
    runlog: RunLog,
    environ: Mapping[str, str],
    started: datetime,
    error: CommandError,
) -> None:
    """A command that could not be started is a failed run all the same."""
    provenance.record_start(plan, runlog, environ, started, None)
    runlog.append_last(
        {
            "timestamp": records.timestamp(datetime.now(UTC)),
            "type": "finish",
            "status": FAILED,
            "exit_code": error.exit_code,
            "signal": None,
            "duration_seconds": 0.0,
            "reason": str(error),
        }
    )
    runlog.drop_room()


def _open_index(files: RunFiles) -> int | None:
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(files.index, flags, 0o666)
    return None


def _nonblocking_pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
