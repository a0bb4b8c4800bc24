"""A tree of processes and a clock, made by hand, are given to the stopper."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mlterm.stopper import LAST_PATIENCE_SECONDS, end_members, ladder
from mlterm.system.host import Member

INT, TERM, KILL, USR1 = signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1


def member(pid: int, started: float = 1.0, state: str = "sleeping") -> Member:
    return Member(pid, started, f"p{pid}", state)


@dataclass
class Tree:
    """Processes; ``obeys`` says whether one ends of a signal, at a time."""

    members: list[Member]
    obeys: Callable[[Member, int], bool] = lambda _member, _number: True
    now: float = 0.0
    sent: list[tuple[float, int, int]] = field(default_factory=list)
    """Time, pid, signal."""
    on_look: Callable[["Tree"], None] = lambda _tree: None
    looks: int = 0

    def find(self) -> list[Member]:
        self.looks += 1
        assert self.looks < 10_000, "the stopper goes on without end"
        self.on_look(self)
        return list(self.members)

    def send(self, who: Member, number: int) -> None:
        self.sent.append((self.now, who.pid, number))
        if who in self.members and self.obeys(who, number):
            self.members.remove(who)

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def end(self, first: int = INT, grace: float = 10.0) -> list[Member]:
        return end_members(self.find, self.send, first, grace, lambda: self.now, self.pause)

    def signals(self, pid: int) -> list[int]:
        return [number for _, who, number in self.sent if who == pid]


@pytest.mark.parametrize(
    ("first", "rungs"),
    [
        (INT, [INT, TERM, KILL]),
        (USR1, [USR1, TERM, KILL]),
        (TERM, [TERM, KILL]),
        (KILL, [KILL]),
        (int(TERM), [TERM, KILL]),
    ],
)
def test_the_ladder_ends_with_kill_and_repeats_nothing(first: int, rungs: list[int]) -> None:
    assert ladder(first) == rungs


def test_nobody_is_signalled_where_nobody_is_left() -> None:
    tree = Tree([])
    assert tree.end() == []
    assert (tree.sent, tree.now) == ([], 0.0)


def test_whoever_obeys_is_asked_once() -> None:
    tree = Tree([member(1), member(2)])
    assert tree.end() == []
    assert [(pid, number) for _, pid, number in tree.sent] == [(1, INT), (2, INT)]


@pytest.mark.parametrize("last", [INT, TERM, KILL])
def test_the_ladder_is_climbed_as_far_as_is_needed(last: int) -> None:
    tree = Tree([member(1)], obeys=lambda _, number: number == last)
    assert tree.end() == []
    rungs = ladder(INT)
    assert tree.signals(1) == rungs[: rungs.index(signal.Signals(last)) + 1]


def test_the_grace_lies_between_one_signal_and_the_next() -> None:
    tree = Tree([member(1)], obeys=lambda _, number: number == KILL)
    tree.end(grace=10.0)
    (first, _, _), (second, _, _), (third, _, _) = tree.sent
    assert 10.0 <= second - first < 10.5
    assert 10.0 <= third - second < 10.5


def test_without_grace_the_ladder_is_climbed_at_once() -> None:
    tree = Tree([member(1)], obeys=lambda _, number: number == KILL)
    assert tree.end(grace=0.0) == []
    assert tree.signals(1) == [INT, TERM, KILL]
    assert [when for when, _, _ in tree.sent] == [0.0] * 3


def test_the_end_is_noticed_before_the_grace_is_over() -> None:
    tree = Tree([member(1)], obeys=lambda *_: False)
    tree.on_look = lambda tree: tree.members.clear() if tree.now >= 1.0 else None
    assert tree.end(grace=3600.0) == []
    assert tree.now < 2.0


def test_a_process_that_appears_later_is_asked_too() -> None:
    def appear(tree: Tree) -> None:
        if tree.looks == 5:
            tree.members.append(member(7))

    tree = Tree([member(1)], obeys=lambda who, number: who.pid == 7 or number == TERM)
    tree.on_look = appear
    assert tree.end() == []
    assert tree.signals(7) == [INT]
    assert tree.signals(1) == [INT, TERM]


def test_another_process_with_the_same_pid_is_asked_for_itself() -> None:
    def replace(tree: Tree) -> None:
        if tree.looks == 5:
            tree.members[:] = [member(1, started=2.0)]

    tree = Tree([member(1, started=1.0)], obeys=lambda who, _: who.started == 2.0)
    tree.on_look = replace
    assert tree.end() == []
    assert tree.signals(1) == [INT, INT]


def test_kill_is_repeated_until_nobody_is_left() -> None:
    """A process that forks while it is being killed leaves a child behind each time."""
    tree = Tree([member(1)])
    next_pid = 1

    def fork(tree: Tree) -> None:
        nonlocal next_pid
        if not tree.members and next_pid < 20:
            next_pid += 1
            tree.members.append(member(next_pid))

    tree.on_look = fork
    assert tree.end(first=KILL) == []
    assert [(pid, number) for _, pid, number in tree.sent] == [(n, KILL) for n in range(1, 21)]


def test_one_that_ignores_a_kill_for_a_while_is_killed_again() -> None:
    tree = Tree([member(1)])
    tree.obeys = lambda _who, number: number == KILL and len(tree.sent) >= 6
    assert tree.end(first=KILL) == []
    assert tree.signals(1) == [KILL] * 6


def test_who_sits_in_the_kernel_is_returned_and_not_waited_for_without_end() -> None:
    stuck = member(3, state="disk-sleep")
    tree = Tree([member(1), stuck], obeys=lambda who, _: who != stuck)
    assert tree.end(grace=10.0) == [stuck]
    assert stuck.stuck
    assert tree.now < 2 * 10.0 + LAST_PATIENCE_SECONDS + 1.0
    assert tree.signals(3)[:2] == [INT, TERM]
    assert set(tree.signals(3)[2:]) == {KILL}


def test_a_tree_that_grows_faster_than_it_is_killed_has_an_end_too() -> None:
    def grow(tree: Tree) -> None:
        tree.members.append(member(100 + tree.looks))

    tree = Tree([], on_look=grow)
    assert tree.end(grace=1.0) != []
    assert tree.now < 2 * 1.0 + LAST_PATIENCE_SECONDS + 1.0
