"""What the files of Linux's control groups say, version 1 and 2.

Only parsing belongs here (Documentation/admin-guide/cgroup-v2.rst, …/cgroup-v1/memory.rst,
Documentation/scheduler/sched-bwc.rst).
"""

from contextlib import suppress


def memberships(text: str) -> dict[str, str]:
    """/proc/PID/cgroup: the group's path by v1 controller; v2's under "" (cgroups(7))."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            found.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return found


def size(text: str) -> int | None:
    """A limit or a use in bytes; None for "max" and for what is no number."""
    with suppress(ValueError):
        return int(text)
    return None


def cores(text: str) -> float | None:
    """``quota period`` in µs, as cpu.max has it, in CPUs; None for "max" and v1's -1."""
    with suppress(ValueError):
        quota, period = map(int, text.split())
        if quota > 0 and period > 0:
            return quota / period
    return None


def field(text: str, name: str) -> int | None:
    """A number of a flat-keyed file; None where it is not there."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name:
            return size(words[1])
    return None
