"""What a process may have of the machine, and has: its control groups' limits and use."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlterm.core import cgroups
from mlterm.system import cgroup
from mlterm.system.cgroup import Group

SELDOM = 10
"""Groups and limits are looked up every tenth time: a process may be moved, a limit changed."""


@dataclass(frozen=True)
class _Limit:
    """One limit, and the group that sets it."""

    value: float
    folder: Path
    v2: bool


@dataclass(frozen=True)
class _Found:
    """What the last look found."""

    cpu: _Limit | None = None
    memory: _Limit | None = None
    high: _Limit | None = None
    oom: cgroup.OomCount | None = None
    cpus: int | None = None

    @property
    def any(self) -> bool:
        return any((self.cpu, self.memory, self.high, self.cpus))


class Limits:
    """The limits on a process, one reading after the other.

    A limit holds for all that is within a group, so the smallest on the way up to the root is
    the one that counts; of equal ones the outermost, whose use is the largest. From inside a
    container only the groups of the container can be seen, but for what v1's memory.stat tells
    of the ones outside (hierarchical_memory_limit).
    """

    def __init__(self, pid: int | str, root: Path = cgroup.ROOT, proc: Path = cgroup.PROC) -> None:
        self._pid = str(pid)
        self._root = root
        self._proc = proc
        self._reads = 0
        self._found = _Found()

    def read(self) -> dict[str, Any] | None:
        """The figures now, or None where nothing limits the process. Never raises.

        Always there, None where there is no such limit (one larger than the host has is none):
        ``cpu_limit_cores`` (CPU time per time), ``memory_limit_bytes``.

        With a limit on memory, of the group that sets it: ``memory_used_bytes`` (page cache
        included), and where offered ``memory_inactive_file_bytes`` (cache that the kernel can
        drop at once), ``memory_peak_bytes`` (since the group was made, not of the run alone).
        ``memory_high_bytes``, in v2: where the process is slowed down before the limit; it may
        stand alone, and then the use is of its group.

        With a limit on CPU time, of the group that sets it, since it was made: ``periods``,
        ``throttled_periods`` (those in which the quota was used up), ``throttled_seconds``
        (summed over the CPUs, so it may pass faster than time does).

        ``oom_kills`` of the process's own group, where offered. ``cpus``: how many CPUs its
        threads may run on (cpuset and affinity alike), where those are fewer than the host's.

        A use that cannot be read is None, and ``unavailable`` has the reason.
        """
        if self._reads % SELDOM == 0:
            self._look()
        self._reads += 1
        found = self._found
        if not found.any:
            return None
        record: dict[str, Any] = {
            "cpu_limit_cores": found.cpu and found.cpu.value,
            "memory_limit_bytes": found.memory and found.memory.value,
        }
        if found.high is not None:
            record["memory_high_bytes"] = found.high.value
        if (memory := found.memory or found.high) is not None:
            record |= self._memory_use(memory)
        if found.cpu is not None:
            record |= _throttling(found.cpu)
        if found.oom is not None and (kills := cgroup.count(found.oom.file)) is not None:
            record["oom_kills"] = kills
        if found.cpus is not None:
            record["cpus"] = found.cpus
        return record

    def _look(self) -> None:
        try:
            paths = cgroup.memberships(self._pid, self._proc)
        except OSError:  # gone: what was found last stands
            return
        cpu_groups = cgroup.groups("cpu", paths, self._root)
        memory_groups = cgroup.groups("memory", paths, self._root)
        host_cpus = os.sysconf("SC_NPROCESSORS_ONLN")
        host_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = _smallest(memory_groups, _memory_limits, host_bytes)
        high = _smallest(memory_groups, _high_limits, host_bytes)
        if memory is not None and high is not None and high.value >= memory.value:
            high = None  # the limit comes first
        self._found = _Found(
            cpu=_smallest(cpu_groups, _cpu_limits, host_cpus),
            memory=memory,
            high=high,
            oom=cgroup.oom_kills(self._pid, self._root, self._proc),
            cpus=self._cpus(host_cpus),
        )

    def _cpus(self, host_cpus: int) -> int | None:
        """Of all threads together: OpenMP may pin each to a CPU of its own."""
        allowed: set[int] = set()
        with suppress(OSError):
            for thread in os.listdir(self._proc / self._pid / "task"):
                with suppress(OSError, ValueError):
                    allowed |= os.sched_getaffinity(int(thread))
                if len(allowed) >= host_cpus:
                    return None
        return len(allowed) or None

    def _memory_use(self, limit: _Limit) -> dict[str, Any]:
        use, peak, inactive = (
            ("memory.current", "memory.peak", "inactive_file")
            if limit.v2
            else ("memory.usage_in_bytes", "memory.max_usage_in_bytes", "total_inactive_file")
        )
        record: dict[str, Any] = {"memory_used_bytes": None}
        try:
            record["memory_used_bytes"] = int(cgroup.read(limit.folder / use))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no number"
            record["unavailable"] = {"memory_used_bytes": f"{limit.folder / use}: {reason}"}
            self._reads = 0  # the group may be gone: look again
        offered = {
            "memory_inactive_file_bytes": cgroups.field(
                _text(limit.folder / "memory.stat"), inactive
            ),
            "memory_peak_bytes": cgroups.size(_text(limit.folder / peak)),
        }
        return record | {name: value for name, value in offered.items() if value is not None}


def _throttling(limit: _Limit) -> dict[str, float]:
    text = _text(limit.folder / "cpu.stat")
    name, unit = ("throttled_usec", 1e6) if limit.v2 else ("throttled_time", 1e9)
    record: dict[str, float] = {}
    if (periods := cgroups.field(text, "nr_periods")) is not None:
        record["periods"] = periods
    if (throttled := cgroups.field(text, "nr_throttled")) is not None:
        record["throttled_periods"] = throttled
    if (time := cgroups.field(text, name)) is not None:
        record["throttled_seconds"] = round(time / unit, 6)
    return record


def _smallest(
    groups: list[Group], limits: Callable[[Group], Iterator[_Limit]], host: float
) -> _Limit | None:
    found = [limit for group in groups for limit in limits(group) if limit.value <= host]
    return min(found, key=lambda limit: limit.value, default=None)


def _cpu_limits(group: Group) -> Iterator[_Limit]:
    """cpu.max, v1's cpu.cfs_quota_us (Documentation/scheduler/sched-bwc.rst)."""
    for folder in group.downwards():
        if group.v2:
            text = _text(folder / "cpu.max")
        else:
            text = f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
        if (value := cgroups.cores(text)) is not None:
            yield _Limit(value, folder, group.v2)


def _memory_limits(group: Group) -> Iterator[_Limit]:
    """memory.max, v1's memory.limit_in_bytes: there, none is a number near 2**63."""
    name = "memory.max" if group.v2 else "memory.limit_in_bytes"
    yield from _sizes(group, name)
    if not group.v2:
        text = _text(group.folder / "memory.stat")
        if (value := cgroups.field(text, "hierarchical_memory_limit")) is not None:
            yield _Limit(value, group.top, group.v2)


def _high_limits(group: Group) -> Iterator[_Limit]:
    if group.v2:
        yield from _sizes(group, "memory.high")


def _sizes(group: Group, name: str) -> Iterator[_Limit]:
    for folder in group.downwards():
        if (value := cgroups.size(_text(folder / name))) is not None:
            yield _Limit(value, folder, group.v2)


def _text(file: Path) -> str:
    """What is offered; a file that is not there says nothing."""
    with suppress(OSError):
        return cgroup.read(file)
    return ""
