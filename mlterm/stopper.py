"""Ending a run: INT, then TERM, then KILL, some seconds apart, to every process of its tree.

The tree is looked at anew before each signal, since processes come and go, and again
until none is left. What sits in the kernel (state D) is reported, never waited for
without end.
"""

import signal
import time
from collections.abc import Callable

from mlterm.system import host
from mlterm.system.host import Member
from mlterm.system.registry import Entry

LOOK_SECONDS = 0.1
LAST_PATIENCE_SECONDS = 5.0
"""How long after the first KILL what still stands is taken to be stuck."""


def ladder(first: int) -> list[int]:
    """The signals in turn, the first one chosen."""
    rest = {signal.SIGTERM: [signal.SIGKILL], signal.SIGKILL: []}
    return [first, *rest.get(signal.Signals(first), [signal.SIGTERM, signal.SIGKILL])]


def end_members(
    find: Callable[[], list[Member]],
    send: Callable[[Member, int], None],
    first: int,
    grace_seconds: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> list[Member]:
    """Climb the ladder until ``find`` finds nobody; whoever is left at its end."""
    for number in ladder(first):
        told: set[tuple[int, float]] = set()
        last = number == signal.SIGKILL
        deadline = clock() + (LAST_PATIENCE_SECONDS if last else grace_seconds)
        while True:
            left = find()
            if not left:
                return []
            for member in left:
                # A process is asked once a rung: Python takes a second Ctrl-C as another.
                if last or (member.pid, member.started) not in told:
                    told.add((member.pid, member.started))
                    send(member, number)
            if clock() >= deadline:
                break
            pause(LOOK_SECONDS)
    return left


def end_tree(entry: Entry, first: int, grace_seconds: float) -> int:
    """End a run's tree; the number of processes that could not be ended."""
    left = end_members(
        host.Tree(entry).members,
        host.send,
        first,
        grace_seconds,
        time.monotonic,
        time.sleep,
    )
    return min(len(left), 100)
