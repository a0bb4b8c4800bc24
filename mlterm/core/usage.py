"""What a job has used between two looks at its processes: rates from counters that only grow.

Nothing is told that was not measured: the first look has no rates, a process that is seen
late has none in that look, and a gap (a suspend, a stopped job) is one long interval.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlterm.core.pidfiles import Stat

SHORTEST_SECONDS = 0.09
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
    cpu_seconds: float | None
    """Of the whole job, from its beginning; None where nothing of it was ever seen."""
    cpu_percent: float | None
    """100 is one core."""
    each_percent: Mapping[Identity, float | None]
    """Of each process; None where it was not there to be seen at the look before."""
    read_bytes: int | None
    written_bytes: int | None
    """From the job's beginning; None where some process keeps it to itself, or none was seen."""
    read_rate: float | None
    written_rate: float | None
    """Bytes per second."""


@dataclass(frozen=True)
class Adopted:
    """What the process that inherits a job's orphans has taken in of those that have ended."""

    ticks: float = 0
    io: tuple[int, int] | None = (0, 0)

    def without(self, own: "Adopted") -> "Adopted":
        """What is the job's of it, where ``own`` is not."""
        io = self.io
        if io is not None and own.io is not None:
            io = max(0, io[0] - own.io[0]), max(0, io[1] - own.io[1])
        return Adopted(max(0, self.ticks - own.ticks), io)


@dataclass
class Meter:
    """The sum of a counter over processes that come and go.

    Where a child was waited for, the counter of who waited takes in the child's (getrusage(2),
    RUSAGE_CHILDREN): so the sum over all that live, with what took in the orphans, loses
    nothing of those that lived and died between two looks. What nobody waits for (SIGCHLD
    ignored, or a parent outside) is lost with it, never counted twice.
    """

    total: float | None = None
    """None where there never was a sum."""
    sum: float | None = None
    """At the last step."""
    missing: float = 0
    """By what the last step found less than there had been."""

    def step(
        self, now: float, *, late: float = 0, gained: float = 0, from_birth: bool
    ) -> float | None:
        """Take in the sum ``now``; what was used since the last step, None at the first.

        ``late`` is the part of it of processes that should have been seen before, ``gained``
        what certain ones have used since then, whoever else has gone. What a child had used is
        missing where it ended after its parent was looked at: it is back at the next step,
        and no use then.
        """
        before, self.sum = self.sum, now
        if before is None:
            self.total = max(self.total or 0, now if from_birth else 0)
            return None
        moved = now - late - before - gained
        used = gained + max(0, moved - self.missing)
        self.missing = max(0, -moved)
        self.total = (self.total or 0) + used + (late if from_birth else 0)
        return used

    def forget(self) -> None:
        """The sum is not known: the next step will be a first one."""
        self.sum, self.missing = None, 0


class Meters:
    """What a job has used by now; whoever counts on goes on from it."""

    def __init__(self) -> None:
        self.cpu, self.io = Meter(), (Meter(), Meter())

    def as_json(self) -> list[list[float | None]]:
        """Plain data."""
        return [[each.total, each.sum, each.missing] for each in (self.cpu, *self.io)]

    def go_on_from(self, data: Iterable[Iterable[Any]]) -> None:
        """What ``as_json`` gave. Raises ValueError or TypeError where it is not."""
        cpu, read, written = (Meter(*each) for each in data)
        self.cpu, self.io = cpu, (read, written)


class Account:
    """Keeps what a job has used. ``clock_ticks`` are those of a second, ``cores`` of the host.

    ``from_birth``: what its processes had used before the first look is the job's too.
    ``meters``: what was counted before, and where the count is kept.
    """

    def __init__(
        self, clock_ticks: int, cores: int, meters: Meters | None = None, *, from_birth: bool
    ) -> None:
        self._ticks, self._cores = clock_ticks, cores
        self._meters, self._from_birth = meters or Meters(), from_birth
        self._known: dict[Identity, int] = {}
        self._before: tuple[float, float] | None = None

    def look(
        self, now: float, boot_seconds: float, readings: Iterable[Reading], adopted: Adopted | None
    ) -> Usage:
        """Take in a look that began at ``now`` on a clock that stands still in a suspend
        (CLOCK_MONOTONIC), at ``boot_seconds`` on the one that a process's start is told by
        (CLOCK_BOOTTIME).

        Who waits for others was looked at before them; ``adopted`` is None where nobody adopts.
        """
        found = {reading.identity: reading for reading in readings}
        known = self._known
        self._known = {who: reading.stat.own_ticks for who, reading in found.items()}
        before, self._before = self._before, (now, boot_seconds)
        elapsed = None if before is None else max(1e-9, now - before[0])
        late = set()
        if before is not None:  # a tick is taken off, since starts are told in whole ones
            oldest = before[1] * self._ticks - 1
            late = {who for who in found if who not in known and who[1] < oldest}
        grown = {
            who: reading.stat.own_ticks - known.get(who, 0)
            for who, reading in found.items()
            if before is not None and who not in late
        }
        used = self._used(found, late, sum(grown.values()), adopted)
        total = self._meters.cpu.total
        read = self._transferred(0, found, late, adopted)
        written = self._transferred(1, found, late, adopted)
        return Usage(
            interval_seconds=elapsed,
            cpu_seconds=None if total is None else total / self._ticks,
            cpu_percent=self._percent(used, elapsed),
            each_percent={who: self._percent(grown.get(who), elapsed) for who in found},
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

    def _used(
        self,
        found: Mapping[Identity, Reading],
        late: set[Identity],
        gained: int,
        adopted: Adopted | None,
    ) -> float | None:
        """Ticks since the last look; None where nobody is left who could tell."""
        if adopted is None and not found:
            return None
        return self._meters.cpu.step(
            (adopted.ticks if adopted else 0) + _ticks(found.values()),
            late=_ticks(found[who] for who in late),
            gained=gained,
            from_birth=self._from_birth,
        )

    def _transferred(
        self,
        way: int,
        found: Mapping[Identity, Reading],
        late: set[Identity],
        adopted: Adopted | None,
    ) -> tuple[int | None, float | None]:
        """Bytes read (0) or written (1): all so far, and since the last look."""
        meter = self._meters.io[way]
        counts = {who: reading.io[way] for who, reading in found.items() if reading.io}
        if adopted is None and not found:
            return None if meter.total is None else int(meter.total), None
        if len(counts) < len(found) or (adopted is not None and adopted.io is None):
            meter.forget()
            return None, None
        taken_in = adopted.io[way] if adopted and adopted.io else 0
        used = meter.step(
            taken_in + sum(counts.values()),
            late=sum(counts[who] for who in late),
            from_birth=self._from_birth,
        )
        return None if meter.total is None else int(meter.total), used


def _rate(gained: float | None, elapsed: float | None) -> float | None:
    """None after so short a time that one tick would be a spike."""
    if gained is None or elapsed is None or elapsed < SHORTEST_SECONDS:
        return None
    return gained / elapsed


def _ticks(readings: Iterable[Reading]) -> int:
    return sum(reading.stat.own_ticks + reading.stat.waited_ticks for reading in readings)
