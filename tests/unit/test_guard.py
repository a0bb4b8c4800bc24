"""Histories of deaths are replayed to a guard whose world is made by hand."""

import errno
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType

import pytest

from mlterm.guard import LONGEST_PAUSE_SECONDS, PATIENCE, Guard, Parts
from mlterm.system.board import Board

COMMAND, ORPHAN = 10, 20
KILLED = 9


class World:
    """Children that die as ``history`` says, and notes of all that the guard does.

    A death is (who, wait status), or with a third item after how many seconds of life.
    ``no_fork`` has the attempts (1, 2, …) to start a part at which there is no process left.
    """

    def __init__(
        self,
        history: Iterable[tuple[str, int] | tuple[str, int, float]],
        lifetime: float = 0.0,
        no_fork: Mapping[str, Collection[int]] = MappingProxyType({}),
    ) -> None:
        self.history = list(history)
        self.lifetime = lifetime
        self.now = 0.0
        self.events: list[str] = []
        self.pauses: dict[str, list[float]] = {"keeper": [], "observer": []}
        self.attempts = {"keeper": 0, "observer": 0}
        self.no_fork = no_fork
        self.board = Board()
        self._last_pid = 100
        self._ready_at = {"keeper": 0.0, "observer": 0.0}
        parts = Parts(
            lambda delay: self._spawn("keeper", delay),
            lambda delay: self._spawn("observer", delay),
            self._wait,
            lambda: self.events.append(f"keeper told, status {self.board.wait_status}"),
            lambda: self.events.append("observer released"),
            lambda: self.now,
        )
        self.guard = Guard(COMMAND, self.board, parts)

    def run(self) -> list[str]:
        assert self.guard.run() == 0
        return self.events

    def _spawn(self, part: str, delay: float) -> int:
        self.attempts[part] += 1
        if self.attempts[part] in self.no_fork.get(part, ()):
            raise BlockingIOError(errno.EAGAIN, "fork: the limit of processes is reached")
        self.events.append(part)
        self.pauses[part].append(delay)
        self._ready_at[part] = self.now + delay
        self._last_pid += 1
        return self._last_pid

    def _wait(self) -> tuple[int, int]:
        if not self.history:
            raise ChildProcessError
        who, status, *rest = self.history.pop(0)
        lifetime = rest[0] if rest else self.lifetime
        self.now = max(self.now, self._ready_at.get(who, 0.0)) + lifetime
        pids = {"command": COMMAND, "orphan": ORPHAN}
        pids |= {"keeper": self.guard.keeper, "observer": self.guard.observer}
        assert pids[who], f"no {who} lives that could die"
        return pids[who], status


def test_an_ordinary_run() -> None:
    world = World([("command", 3 << 8), ("keeper", 0), ("observer", 0)])
    assert world.run() == [
        "keeper", "observer", "keeper told, status 768", "observer released",
    ]  # fmt: skip
    assert world.board.exit_known


@pytest.mark.parametrize("status", [0, 1 << 8, 255 << 8, 9, 15, 11 | 0x80])
def test_the_commands_status_stands_on_the_board_when_the_keeper_is_told(status: int) -> None:
    world = World([("command", status)])
    assert f"keeper told, status {status}" in world.run()
    assert world.board.wait_status == status


def test_nothing_is_on_the_board_before_the_command_ends() -> None:
    world = World([("observer", KILLED), ("keeper", KILLED), ("orphan", 0)])
    world.run()
    assert not world.board.exit_known


@pytest.mark.parametrize("status", [KILLED, 1 << 8, 15])
def test_a_keeper_that_dies_is_followed_by_another(status: int) -> None:
    world = World([("keeper", status), ("command", 0), ("keeper", 0), ("observer", 0)])
    assert world.run() == [
        "keeper", "observer", "keeper", "keeper told, status 0", "observer released",
    ]  # fmt: skip


def test_a_keeper_that_dies_after_the_command_is_followed_by_another_too() -> None:
    world = World([("command", 0), ("keeper", KILLED), ("keeper", 0), ("observer", 0)])
    assert world.run().count("keeper") == 2
    assert world.board.exit_known


def test_an_observer_that_dies_is_followed_by_another() -> None:
    world = World([("observer", KILLED), ("command", 0), ("keeper", 0), ("observer", 0)])
    assert world.run().count("observer") == 2


def test_an_observer_that_leaves_by_itself_is_not_replaced() -> None:
    world = World([("observer", 0), ("command", 0), ("keeper", 0)])
    assert world.run().count("observer") == 1


def test_no_observer_is_started_once_the_keeper_is_done() -> None:
    world = World([("command", 0), ("keeper", 0), ("observer", KILLED)])
    assert world.run()[-1] == "observer released"


def test_the_end_waits_for_the_observer_and_for_nobody_else() -> None:
    world = World([("command", 0), ("keeper", 0), ("orphan", 0), ("observer", 0), ("orphan", 0)])
    world.run()
    assert world.history == [("orphan", 0)]


def test_the_end_comes_with_the_keeper_where_the_observer_has_left() -> None:
    world = World([("observer", 0), ("command", 0), ("keeper", 0), ("orphan", 0)])
    world.run()
    assert world.history == [("orphan", 0)]


def test_the_end_of_the_command_alone_is_not_the_end() -> None:
    world = World([("command", 0), ("orphan", 0), ("keeper", 0), ("observer", 0)])
    world.run()
    assert world.history == []


def test_orphans_are_buried_in_silence() -> None:
    quiet = World([("command", 0), ("keeper", 0), ("observer", 0)])
    crowded = World(
        [("orphan", 0), ("orphan", 9), ("command", 0), ("orphan", 1 << 8), ("keeper", 0),
         ("observer", 0)]
    )  # fmt: skip
    assert crowded.run() == quiet.run()


def test_a_process_that_has_the_dead_commands_pid_is_an_orphan() -> None:
    world = World([("command", 5 << 8), ("command", 9), ("keeper", 0), ("observer", 0)])
    assert world.run().count("keeper told, status 1280") == 1
    assert world.board.wait_status == 5 << 8


@pytest.mark.parametrize("part", ["keeper", "observer"])
def test_the_first_early_deaths_are_answered_at_once(part: str) -> None:
    world = World([(part, KILLED)] * PATIENCE)
    world.run()
    assert world.pauses[part] == [0.0] * (PATIENCE + 1)


def test_further_early_deaths_of_a_keeper_never_make_the_job_wait_half_a_second() -> None:
    world = World([("keeper", KILLED)] * 60)
    world.run()
    pauses = world.pauses["keeper"]
    assert max(pauses) <= 0.5
    assert pauses[-1] == LONGEST_PAUSE_SECONDS["keeper"]
    assert pauses == sorted(pauses)


def test_an_observer_that_always_dies_at_once_is_given_ever_longer_pauses() -> None:
    world = World([("observer", KILLED)] * 30, lifetime=0.01)
    world.run()
    pauses = world.pauses["observer"]
    assert pauses == sorted(pauses)
    grown = [b / a for a, b in pairwise(pauses) if a and b < 30]
    assert grown == pytest.approx([2.0] * len(grown))
    assert pauses[-1] == LONGEST_PAUSE_SECONDS["observer"]


def test_an_observer_that_has_lived_for_long_is_replaced_at_once_again() -> None:
    world = World(
        [*[("observer", KILLED)] * 9, ("observer", KILLED, 60.0), ("observer", KILLED)],
    )
    world.run()
    assert world.pauses["observer"][9] > 0
    assert world.pauses["observer"][10:] == [0.0, 0.0]


def test_the_deaths_of_one_part_do_not_slow_down_the_other() -> None:
    world = World([*[("observer", KILLED)] * 20, ("keeper", KILLED)])
    world.run()
    assert world.pauses["keeper"] == [0.0, 0.0]


def test_a_keeper_that_cannot_be_forked_at_once_is_tried_again() -> None:
    """The job's own workers may have used up the processes that are allowed."""
    history = [("keeper", KILLED), ("command", 0), ("keeper", 0), ("observer", 0)]
    world = World(history, no_fork={"keeper": [2]})
    assert world.run().count("keeper") == 2
    assert world.board.exit_known


def test_an_observer_that_cannot_be_forked_costs_the_run_nothing() -> None:
    world = World([("command", 0), ("keeper", 0)], no_fork={"observer": range(1, 1000)})
    assert "observer released" in world.run()
    assert world.board.exit_known


PASSES_ON = """
import os, signal, subprocess, sys
from mlterm.guard import Guard, Parts, pass_on
from mlterm.system.board import Board

guard = Guard(0, Board(), Parts(*[lambda *_: 0.0] * 6))
pass_on(guard)
os.kill(os.getpid(), signal.SIGTERM)  # while there is no keeper
child = subprocess.Popen(["sleep", "60"])
guard.keeper = child.pid
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
print("keeper died of", -child.wait())
os.kill(os.getpid(), signal.SIGTERM)  # before the guard has noted its death
print("guard lives")
"""


@pytest.mark.parametrize(("name", "number"), [("SIGTERM", 15), ("SIGINT", 2)])
def test_a_signal_to_the_guard_is_the_keepers_and_harms_no_guard(name: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PASSES_ON, name],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == f"keeper died of {number}\nguard lives\n", done.stderr
