"""How a run ends: from what the kernel told and what was asked for, to the truth in words.

The table ``_CAUSES`` is the whole of it: which request turns an end into ``cancelled``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
RUNNING, LOST = "running", "lost"
ENDED = frozenset({COMPLETED, FAILED, CANCELLED})
SEVERITY = {COMPLETED: 0, CANCELLED: 1, FAILED: 2}
LOST_EXIT_CODE = 125
UNTOLD_SIGNAL = 64
"""Of the waiter of a run that watches: its process has ended, but how, the kernel did not tell. A
real-time signal, since a process may end with any code, and hardly by this."""

SIGINT, SIGKILL = 2, 9


class Cause(IntEnum):
    """What was asked of the run before it ended; later values outrank earlier ones."""

    NONE = 0
    INTERRUPT = 1
    """Ctrl-C reached the command, by key or by signal."""
    PASSED_ON = 2
    """The keeper was sent SIGTERM or SIGINT and passed it on."""
    STOP = 3
    """``mlterm stop``, or the same from the interface."""
    TIMEOUT = 4
    """The run's --timeout ran out."""


@dataclass(frozen=True)
class Exit:
    """The command's end as the kernel tells it: one of the two, or neither where it cannot."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_wait_status(cls, status: int) -> "Exit":
        """Decode a wait status as of wait(2): low 7 bits the signal, else the high byte."""
        signal = status & 0x7F
        return cls(signal=signal) if signal else cls(code=status >> 8 & 0xFF)

    @property
    def shell_code(self) -> int:
        """What a shell would report: the code, 128 + n for signal n, 125 where unknown."""
        if self.signal is not None:
            return 128 + self.signal
        return LOST_EXIT_CODE if self.code is None else self.code


@dataclass(frozen=True)
class Outcome:
    """The status of an ended run, and why."""

    status: str
    reason: str


def _always(_: Exit) -> bool:
    return True


def _interrupted(exit_: Exit) -> bool:
    """Died of SIGINT, or left as a shell does that saw its child die of it."""
    return exit_.signal == SIGINT or exit_.code == 128 + SIGINT


_CAUSES: dict[Cause, tuple[Callable[[Exit], bool], str]] = {
    Cause.INTERRUPT: (_interrupted, "interrupted (Ctrl-C)"),
    Cause.PASSED_ON: (_always, "the supervisor was told to end and passed the signal on"),
    Cause.STOP: (_always, "stopped (mlterm stop)"),
    Cause.TIMEOUT: (_always, "timeout"),
}


def outcome(exit_: Exit, cause: Cause, *, signal_name: str = "", oom: str = "") -> Outcome:
    """Judge an end. ``oom`` is what the kernel told of its OOM killer, empty if nothing."""
    how = _in_words(exit_, signal_name)
    if cause in _CAUSES:
        applies, words = _CAUSES[cause]
        if applies(exit_):
            return Outcome(CANCELLED, f"{words}; {how}")
    if exit_.code == 0:
        return Outcome(COMPLETED, how)
    if oom:
        return Outcome(FAILED, f"out of memory: {oom}; {how}")
    return Outcome(FAILED, how)


def outcome_of_watched(
    exit_: Exit, cause: Cause, *, signal_name: str = "", oom: str = ""
) -> Outcome:
    """Judge the end of a run that watched a process: ``exit_`` is that of its waiter."""
    if cause in _CAUSES:
        return Outcome(CANCELLED, f"the watching was ended: {_CAUSES[cause][1]}")
    if exit_.signal == UNTOLD_SIGNAL:
        return Outcome(COMPLETED, "the process has ended; how, only its parent was told")
    return outcome(exit_, cause, signal_name=signal_name, oom=oom)


def with_trackers(end: Outcome, told: Iterable[tuple[str, str]]) -> Outcome:
    """The worse of what the exit code says and what the script's Trackers said (status and
    reason). A run that was stopped stays so, whatever the script made of being stopped."""
    if end.status != COMPLETED:
        return end
    status, reason = max(told, key=lambda said: SEVERITY.get(said[0], 0), default=(COMPLETED, ""))
    if not SEVERITY.get(status, 0):
        return end
    return Outcome(status, f"the script's Tracker said so: {reason}; {end.reason}")


def _in_words(exit_: Exit, signal_name: str) -> str:
    if exit_.signal is not None:
        return f"killed by {signal_name or f'signal {exit_.signal}'}"
    if exit_.code is None:
        return "exit code unknown: the process that could have been told it was killed"
    return f"exit code {exit_.code}"
