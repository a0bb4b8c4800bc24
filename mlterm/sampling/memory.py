"""PSS and USS of a job's processes, read as seldom as is right: they cost more than all else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mlterm.core.pidfiles import DEAD
from mlterm.system.processes import Process

BUDGET_SECONDS = 0.1
"""How long reading may take in one sample."""
SHARE = 0.01
"""And which part of all time: after a slow reading the next one waits."""
GROWTH = 1.02
"""By how much RSS grows until PSS is read out of turn, so that no peak is missed."""
UNREADABLE = "not readable for {} of {} processes"


@dataclass(frozen=True)
class Shares:
    """What was read in one sample: bytes of PSS and USS by pid, and the job's PSS."""

    each: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    total: int | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)


class MemoryShares:
    """Decides when to read, and reads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._not_before = float("-inf")
        self._rss = 0

    def read(self, processes: list[Process], rss_bytes: int, *, is_due: bool) -> Shares:
        """In its turn, or where the job's RSS has grown much since the last reading."""
        begin = self._clock()
        grown = rss_bytes > GROWTH * self._rss
        if not (is_due or grown) or begin < self._not_before:
            return Shares()
        self._rss = rss_bytes
        each: dict[int, tuple[int, int]] = {}
        gone = 0
        is_cut = False
        for process in processes:
            if self._clock() - begin > BUDGET_SECONDS:
                is_cut = True
                break
            shares = (0, 0) if process.stat.state in DEAD else process.memory()
            if shares is not None:
                each[process.pid] = shares
            elif not process.look() or process.stat.state in DEAD:
                gone += 1
        self._not_before = begin + (self._clock() - begin) / SHARE
        left = len(processes) - gone
        if len(each) == left:
            return Shares(each, sum(pss for pss, _ in each.values()))
        missing = UNREADABLE.format(left - len(each), left)
        why = f"not read: it takes over {BUDGET_SECONDS} s" if is_cut else missing
        return Shares(each, None, {"job.pss_bytes": why})
