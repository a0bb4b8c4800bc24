"""The finish record of a supervised run: how it ended, and what it said last."""

import os
import signal
from contextlib import suppress
from datetime import UTC, datetime

from mlterm.core import clean, records
from mlterm.core.lifecycle import (
    CANCELLED,
    FAILED,
    UNTOLD_SIGNAL,
    Cause,
    Exit,
    outcome,
    outcome_of_watched,
    with_trackers,
)
from mlterm.core.records import Record
from mlterm.system import cgroup
from mlterm.system.job import Job
from mlterm.system.runlog import said_by_trackers

TAIL_LINES = 50
TAIL_BYTES = 64 * 1024


def finish_record(job: Job, exit_: Exit, duration_seconds: float, backlog: bytes) -> Record:
    """The record; ``backlog`` is output that could not be written to the log."""
    kills = cgroup.kills_since(job.oom_before) if exit_.code != 0 else 0
    oom = f"the kernel's OOM killer ended {kills} process(es) of its group" if kills else ""
    name = signal_name(exit_.signal)
    cause = Cause(job.board.cause)
    judge = outcome if job.watched is None else outcome_of_watched
    end = judge(exit_, cause, signal_name=name or "", oom=oom)
    if _is_untold(job, exit_) or (job.watched is not None and end.status == CANCELLED):
        exit_, name = Exit(), None  # the waiter's own, and not the process's
    with suppress(OSError):
        end = with_trackers(end, said_by_trackers(job.runlog.fileno()))
    record: Record = {
        "timestamp": records.timestamp(datetime.now(UTC)),
        "type": "finish",
        "status": end.status,
        "exit_code": exit_.code,
        "signal": name,
        "duration_seconds": round(duration_seconds, 3),
        "reason": end.reason,
    }
    if kills:
        record["oom_kills"] = kills
    record |= _cost(job)
    lost = job.board.lost_bytes + job.board.backlog_bytes  # lost, or not on disk by now
    if lost:
        record["lost_output_bytes"] = lost
    if end.status == FAILED:
        record["tail"] = "\n".join(_tail(job, backlog))
    return record


def shell_code(job: Job, exit_: Exit) -> int:
    """What who shows the run ends with: 0 where how a watched process ended was not told."""
    return 0 if _is_untold(job, exit_) else exit_.shell_code


def _is_untold(job: Job, exit_: Exit) -> bool:
    return job.watched is not None and exit_.signal == UNTOLD_SIGNAL


def signal_name(number: int | None) -> str | None:
    """``SIGKILL``; real-time signals count from SIGRTMIN (signal(7))."""
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}" if number > 31 else str(number)


def _cost(job: Job) -> Record:
    """As the last sample left it; nothing of a run that ended before there was one."""
    if not job.sums.read():
        return {}
    from mlterm.sampling.sums import finish_fields  # a run as short as this has no use for it

    return finish_fields(job.sums)


def _tail(job: Job, backlog: bytes) -> list[str]:
    with suppress(OSError, ValueError), open(job.files.output, "rb") as log:
        size = os.fstat(log.fileno()).st_size
        log.seek(max(job.board.tail_from, size - TAIL_BYTES))
        return clean.tail_lines((log.read(TAIL_BYTES) + backlog)[-TAIL_BYTES:], TAIL_LINES)
    return []
