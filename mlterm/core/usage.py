"""What a job has used between two looks at its processes: rates from counters that only grow.

Nothing is told that was not measured: the first look has no rates, a process that is seen
late has none in that look, and a gap (a suspend, a stopped job) is one long interval.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mlterm.core.pidfiles import Stat

SHORTEST_SECONDS = 0.05
"""Between two looks, for a rate to mean something: times are told in ticks, of 10 ms mostly."""
Identity = tuple[int, int]
"""pid and start time, in clock ticks: no other process of this boot has both."""


class Reading(NamedTuple):
    """One process, as it was found."""

    stat: Stat
    io: tuple[int, int] | None = None
    """Bytes read and written, those of children that were waited for included."""

    @property
    def identity(self) -> Identity:
        """Tells it from every other process."""
        return self.stat.pid, self.stat.started_ticks


@dataclass(frozen=True)
class Usage:
    """What one look has found."""

    interval_seconds: float | None
    """Since the look before; None at the first."""
    cpu_seconds: float
    """Of the whole job, from its beginning."""
    cpu_percent: float | None
    """100 is one core."""
    each_percent: Mapping[Identity, float | None]
    """Of each process; None where it was not there to be seen at the look before."""
    read_bytes: int | None
    written_bytes: int | None
    """From the job's beginning; None where some process keeps it to itself."""
    read_rate: float | None
    written_rate: float | None
    """Bytes per second."""


@dataclass(frozen=True)
class Adopted:
    """What the process that inherits a job's orphans has taken in of those that have ended."""

    ticks: int = 0
    io: tuple[int, int] | None = (0, 0)


class Meter:
    """The sum of a counter over processes that come and go.

    Where a child was waited for, the counter of who waited takes in the child's (getrusage(2),
    RUSAGE_CHILDREN): so the sum over all that live, with what took in the orphans, loses
    nothing of those that lived and died between two looks. What nobody waits for (SIGCHLD
    ignored, or a parent outside) is lost with it, never counted twice.
    """

    def __init__(self, *, from_birth: bool) -> None:
        self.total: float = 0
        self._from_birth = from_birth
        self._sum: float | None = None

    def step(self, now: float, late: float = 0) -> float | None:
        """``now`` is the sum, ``late`` the part of it of processes that should have been seen
        before; what was used since the last step, None at the first."""
        before, self._sum = self._sum, now
        if before is None:
            self.total = max(self.total, now) if self._from_birth else self.total
            return None
        used = max(0, now - late - before)
        self.total += used + (late if self._from_birth else 0)
        return used

    def forget(self) -> None:
        """The sum is not known: the next step will be a first one."""
        self._sum = None


class Account:
    """Keeps what a job has used. ``clock_ticks`` are those of a second, ``cores`` of the host.

    ``from_birth``: what its processes had used before the first look is the job's too.
    """

    def __init__(self, clock_ticks: int, cores: int, *, from_birth: bool) -> None:
        self._ticks, self._cores = clock_ticks, cores
        self._cpu = Meter(from_birth=from_birth)
        self._io = (Meter(from_birth=from_birth), Meter(from_birth=from_birth))
        self._known: dict[Identity, int] = {}
        self._before: tuple[float, float] | None = None

    def look(
        self, now: float, boot_seconds: float, readings: Iterable[Reading], adopted: Adopted
    ) -> Usage:
        """Take in a look, ``now`` on a clock that stands still in a suspend (CLOCK_MONOTONIC) and
        at ``boot_seconds`` on the one that a process's start is told by (CLOCK_BOOTTIME)."""
        found = {reading.identity: reading for reading in readings}
        known = self._known
        self._known = {who: reading.stat.own_ticks for who, reading in found.items()}
        before, self._before = self._before, (now, boot_seconds)
        elapsed = None if before is None else max(1e-9, now - before[0])
        late = set()
        if before is not None:  # a tick is taken off, since starts are told in whole ones
            oldest = before[1] * self._ticks - 1
            late = {who for who in found if who not in known and who[1] < oldest}
        used = self._cpu.step(
            adopted.ticks + _ticks(found.values()), _ticks(found[who] for who in late)
        )
        read = self._transferred(0, found, late, adopted)
        written = self._transferred(1, found, late, adopted)
        return Usage(
            interval_seconds=elapsed,
            cpu_seconds=self._cpu.total / self._ticks,
            cpu_percent=self._percent(used, elapsed),
            each_percent={
                who: None
                if who in late
                else self._percent(reading.stat.own_ticks - known.get(who, 0), elapsed)
                for who, reading in found.items()
            },
            read_bytes=read[0],
            written_bytes=written[0],
            read_rate=_rate(read[1], elapsed),
            written_rate=_rate(written[1], elapsed),
        )

    def _percent(self, ticks: float | None, elapsed: float | None) -> float | None:
        """Never more than all cores: what is reported late was not used just now."""
        rate = _rate(ticks, elapsed)
        if rate is None:
            return None
        return min(100.0 * self._cores, max(0.0, 100.0 * rate / self._ticks))

    def _transferred(
        self, way: int, found: Mapping[Identity, Reading], late: set[Identity], adopted: Adopted
    ) -> tuple[int | None, float | None]:
        """Bytes read (0) or written (1): all so far, and since the last look."""
        counts = {who: reading.io[way] for who, reading in found.items() if reading.io}
        if len(counts) < len(found) or adopted.io is None:
            self._io[way].forget()
            return None, None
        late_count = sum(counts[who] for who in late)
        gained = self._io[way].step(adopted.io[way] + sum(counts.values()), late_count)
        return int(self._io[way].total), gained


def _rate(gained: float | None, elapsed: float | None) -> float | None:
    """None after so short a time that one tick would be a spike."""
    if gained is None or elapsed is None or elapsed < SHORTEST_SECONDS:
        return None
    return gained / elapsed


def _ticks(readings: Iterable[Reading]) -> int:
    return sum(reading.stat.own_ticks + reading.stat.waited_ticks for reading in readings)
