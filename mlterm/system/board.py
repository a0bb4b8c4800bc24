"""What must outlive a keeper that is killed: a few numbers in memory that forks share.

The guard maps one anonymous page before it forks the keeper; every later keeper of the
run finds there what the last one knew. Each field is written by one process at a time.
"""

import mmap
import struct

_FIELDS = {  # name: (offset, format)
    "exit_known": (0, "?"),
    "wait_status": (4, "i"),
    "cause": (8, "B"),
    "finished": (9, "?"),
    "stopping": (10, "?"),
    "backlog_bytes": (16, "Q"),
    "gap_offset": (24, "Q"),
    "gap_bytes": (32, "Q"),
    "lost_bytes": (40, "Q"),
    "tail_from": (48, "Q"),
    "read_offset": (56, "Q"),
    "output_whole": (64, "?"),
    "sampling": (65, "?"),
    "own_cpu_seconds": (72, "d"),
    "own_read_bytes": (80, "q"),
    "own_written_bytes": (88, "q"),
}


class Board:
    """The shared page, its fields as attributes."""

    exit_known: bool
    """Whether wait_status is the command's."""
    wait_status: int
    """As of wait(2); -1 where the kernel could not tell."""
    cause: int
    """A lifecycle.Cause."""
    finished: bool
    """Whether the finish record is written."""
    stopping: bool
    """Whether a stopper is at work."""
    backlog_bytes: int
    """Output that stands only in the keeper's memory, because the disk is full."""
    gap_offset: int
    gap_bytes: int
    """A gap in output.log that no record tells of yet."""
    lost_bytes: int
    """All that was lost of the output so far."""
    tail_from: int
    """Where in output.log this part of the run begins."""
    read_offset: int
    """How far output.log was read for metrics when the observer had recorded all of them; where
    the part begins until then."""
    output_whole: bool
    """Whether the command has ended and all that it wrote is in output.log."""

    sampling: bool
    """Whether the observer has begun to sample the job, and not yet taken the last sample."""

    own_cpu_seconds: float
    """Of mlterm's own processes that have died: the guard has waited for them as for the job's."""
    own_read_bytes: int
    own_written_bytes: int
    """Of the same, and of the guard itself when the command started."""

    def __init__(self) -> None:
        object.__setattr__(self, "_page", mmap.mmap(-1, mmap.PAGESIZE))

    def __getattr__(self, name: str) -> float | bool:
        offset, form = _FIELDS[name]
        value: float | bool = struct.unpack_from(form, self.__dict__["_page"], offset)[0]
        return value

    def __setattr__(self, name: str, value: float | bool) -> None:
        offset, form = _FIELDS[name]
        struct.pack_into(form, self.__dict__["_page"], offset, value)
