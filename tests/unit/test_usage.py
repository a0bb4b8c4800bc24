"""What a job used, held against simulated jobs whose use is known."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.pidfiles import Stat
from mlterm.core.usage import Account, Adopted, Meters, Reading

TICKS = 100


def reading(
    pid: int, own: int, waited: int = 0, born: int = 0, io: tuple[int, int] | None = (0, 0)
) -> Reading:
    return Reading(Stat(pid, "python", "R", 1, 1, own, waited, 1, born, 10), io)


def account(from_birth: bool = True, cores: int = 8, meters: Meters | None = None) -> Account:
    return Account(TICKS, cores, meters, from_birth=from_birth)


def test_the_first_look_has_no_rates_but_all_that_was_used_before() -> None:
    usage = account().look(10.0, 100.0, [reading(1, 150, 50)], Adopted(20))
    assert usage.cpu_percent is None
    assert usage.interval_seconds is None
    assert usage.each_percent == {(1, 0): None}
    assert usage.cpu_seconds == 2.2


def test_what_was_used_before_watching_began_is_not_the_runs() -> None:
    watched = account(from_birth=False)
    assert watched.look(0, 0, [reading(1, 150, io=(7, 9))], Adopted()).cpu_seconds == 0
    usage = watched.look(1, 1, [reading(1, 250, io=(10, 9))], Adopted())
    assert (usage.cpu_seconds, usage.read_bytes, usage.written_bytes) == (1.0, 3, 0)


def test_percents_are_over_the_time_that_really_passed() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0), reading(2, 0)], Adopted())
    usage = job.look(2.0, 2.0, [reading(1, 100), reading(2, 200)], Adopted())
    assert usage.cpu_percent == 150.0
    assert usage.each_percent == {(1, 0): 50.0, (2, 0): 100.0}


def test_a_suspend_is_no_idle_time_and_a_stopped_observer_no_spike() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0)], Adopted())
    slept = job.look(1.0, 3601.0, [reading(1, 100)], Adopted())  # an hour on one clock only
    assert slept.cpu_percent == 100.0
    gap = job.look(101.0, 3701.0, [reading(1, 10_100)], Adopted())
    assert (gap.cpu_percent, gap.interval_seconds) == (100.0, 100.0)


def test_a_child_that_lived_and_died_between_two_looks_is_counted_by_who_waited() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0)], Adopted())
    usage = job.look(1.0, 1.0, [reading(1, 5, waited=80)], Adopted())
    assert usage.cpu_percent == 85.0
    assert usage.each_percent == {(1, 0): 5.0}


def test_a_child_that_was_seen_is_not_counted_again_when_it_is_waited_for() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0), reading(2, 90, born=0)], Adopted())
    usage = job.look(1.0, 1.0, [reading(1, 0, waited=100)], Adopted())
    assert usage.cpu_percent == 10.0
    assert usage.cpu_seconds == 1.0


def test_an_orphan_counts_when_the_adopter_has_collected_it() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0), reading(2, 90)], Adopted(0))
    assert job.look(1.0, 1.0, [reading(1, 0)], Adopted(95)).cpu_percent == 5.0


def test_what_nobody_waited_for_is_kept_and_takes_nothing_away() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0), reading(2, 500)], Adopted())
    lost = job.look(1.0, 1.0, [reading(1, 50)], Adopted())  # SIGCHLD ignored
    assert lost.cpu_percent == 50.0
    after = job.look(2.0, 2.0, [reading(1, 100)], Adopted())
    assert (after.cpu_percent, after.cpu_seconds) == (50.0, 6.0)


def test_who_ends_in_the_middle_of_a_look_is_counted_once() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0), reading(2, 500, io=(90, 0))], Adopted())
    # 1 was looked at, then 2 ended and was waited for, then it was not there.
    between = job.look(1.0, 1.0, [reading(1, 10)], Adopted())
    assert (between.cpu_percent, between.cpu_seconds) == (10.0, 5.1)
    after = job.look(2.0, 2.0, [reading(1, 20, waited=505, io=(95, 0))], Adopted())
    assert (after.cpu_percent, after.cpu_seconds) == (15.0, 5.25)
    assert (after.read_bytes, after.read_rate) == (95, 5.0)


def test_where_nobody_is_left_to_tell_no_rate_is_told() -> None:
    watched = account(from_birth=False)
    watched.look(0, 0, [reading(1, 100)], None)
    watched.look(1.0, 1.0, [reading(1, 150)], None)
    end = watched.look(2.0, 2.0, [], None)
    assert (end.cpu_percent, end.cpu_seconds) == (None, 0.5)
    assert (end.read_bytes, end.read_rate) == (0, None)


def test_of_what_was_never_seen_nothing_is_told() -> None:
    usage = account(from_birth=False).look(0, 0, [], None)
    assert (usage.cpu_seconds, usage.read_bytes, usage.written_bytes) == (None, None, None)
    hidden = account(from_birth=False)
    hidden.look(0, 0, [reading(1, 5, io=None)], None)
    assert hidden.look(1, 1, [], None).read_bytes is None


@pytest.mark.parametrize("from_birth", [True, False])
def test_another_observer_goes_on_where_one_was_killed(from_birth: bool) -> None:
    meters = Meters()
    killed = account(from_birth, meters=meters)
    killed.look(0, 0, [reading(1, 100, io=(5, 0))], Adopted())
    before = killed.look(1, 1, [reading(1, 150, io=(6, 0))], Adopted()).cpu_seconds
    assert before is not None
    again = Meters()
    again.go_on_from(json.loads(json.dumps(meters.as_json())))
    usage = account(from_birth, meters=again).look(9, 9, [reading(1, 900, io=(9, 0))], Adopted())
    assert usage.cpu_percent is None
    assert usage.cpu_seconds == before + 7.5
    assert usage.read_bytes == (9 if from_birth else 4)


def test_a_process_that_was_born_since_counts_from_its_birth() -> None:
    job = account()
    job.look(0, 50.0, [reading(1, 0)], Adopted())
    usage = job.look(1.0, 51.0, [reading(1, 0), reading(2, 30, born=5050)], Adopted())
    assert usage.each_percent[2, 5050] == 30.0


def test_a_process_that_is_found_late_is_no_spike() -> None:
    job = account()
    job.look(0, 50.0, [reading(1, 0)], Adopted())
    old = reading(2, 40_000, born=1000, io=(10**12, 0))
    usage = job.look(1.0, 51.0, [reading(1, 20), old], Adopted())
    assert usage.cpu_percent == 20.0
    assert usage.each_percent[2, 1000] is None
    assert usage.cpu_seconds == 400.2
    assert usage.read_rate == 0


def test_another_process_of_the_same_pid_is_another() -> None:
    job = account()
    job.look(0, 50.0, [reading(1, 0), reading(2, 500, born=10)], Adopted())
    usage = job.look(1.0, 51.0, [reading(1, 0, 505), reading(2, 7, born=5050)], Adopted())
    assert usage.each_percent[2, 5050] == 7.0
    assert usage.cpu_percent == 12.0


def test_more_than_all_cores_is_never_told() -> None:
    job = account(cores=2)
    job.look(0, 0, [reading(1, 0)], Adopted())
    usage = job.look(1.0, 1.0, [reading(1, 10, waited=9000)], Adopted())
    assert usage.cpu_percent == 200.0
    assert usage.cpu_seconds == 90.1


def test_after_too_short_a_time_a_tick_is_no_rate() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0)], Adopted())
    usage = job.look(0.004, 0.004, [reading(1, 1)], Adopted())
    assert usage.cpu_percent is None
    assert usage.each_percent == {(1, 0): None}
    assert usage.cpu_seconds == 0.01


def test_io_that_one_process_keeps_to_itself_is_not_told_and_no_spike_later() -> None:
    job = account()
    job.look(0, 0, [reading(1, 0, io=(100, 10))], Adopted())
    hidden = job.look(
        1, 1, [reading(1, 0, io=(200, 20)), reading(2, 0, born=5, io=None)], Adopted()
    )
    assert (hidden.read_bytes, hidden.read_rate) == (None, None)
    back = job.look(2, 2, [reading(1, 0, io=(300, 30))], Adopted())
    assert (back.read_bytes, back.read_rate) == (300, None)
    assert job.look(3, 3, [reading(1, 0, io=(350, 30))], Adopted()).read_rate == 50.0


def test_a_job_without_processes_is_told() -> None:
    job = account()
    job.look(0, 0, [reading(1, 40)], Adopted())
    usage = job.look(1.0, 1.0, [], Adopted(50))
    assert (usage.cpu_percent, usage.cpu_seconds, usage.each_percent) == (10.0, 0.5, {})


class _World:
    """A tree whose processes burn ticks, fork, exit and are waited for, as a kernel counts."""

    def __init__(self) -> None:
        self.own, self.waited, self.parent = {1: 0}, {1: 0}, {1: 0}
        self.born = {1: 0}
        self.adopted = 0
        self.burnt = 0
        self.next_pid = 2

    def do(self, what: str, who: int, amount: int, now: int) -> None:
        pids = sorted(self.own)
        pid = pids[who % len(pids)]
        if what == "burn":
            self.own[pid] += amount
            self.burnt += amount
        elif what == "fork":
            self.own[self.next_pid], self.waited[self.next_pid] = 0, 0
            self.parent[self.next_pid], self.born[self.next_pid] = pid, now
            self.next_pid += 1
        elif pid != 1:
            total = self.own.pop(pid) + self.waited.pop(pid)
            parent = self.parent.pop(pid)
            if parent in self.own:
                self.waited[parent] += total
            else:
                self.adopted += total
            for child, of in self.parent.items():
                if of == pid:
                    self.parent[child] = 0

    def readings(self) -> Iterable[Reading]:
        return [reading(p, self.own[p], self.waited[p], self.born[p]) for p in self.own]


STEPS = st.lists(
    st.tuples(st.sampled_from(["burn", "burn", "fork", "exit", "look"]),
              st.integers(0, 9), st.integers(0, 50)), max_size=60,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=200)
def test_every_tick_is_counted_once_whoever_lives_and_dies(
    steps: list[tuple[str, int, int]],
) -> None:
    world, job = _World(), account(cores=10**6)
    now = 0
    told = 0.0
    job.look(0, 0, world.readings(), Adopted())
    for what, who, amount in steps:
        if what == "look":
            now += 1
            usage = job.look(now, now, world.readings(), Adopted(world.adopted))
            assert usage.cpu_percent is not None
            told += usage.cpu_percent
        else:
            world.do(what, who, amount, now * TICKS)
    last = job.look(now + 1, now + 1, world.readings(), Adopted(world.adopted))
    assert last.cpu_percent is not None
    assert last.cpu_seconds * TICKS == pytest.approx(world.burnt)
    assert told + last.cpu_percent == pytest.approx(world.burnt)


@given(STEPS, STEPS, st.integers(0, 9))
@settings(max_examples=200)
def test_what_happens_in_the_middle_of_a_look_is_counted_once_by_the_next(
    steps: list[tuple[str, int, int]], meanwhile: list[tuple[str, int, int]], cut: int
) -> None:
    world, job = _World(), account(cores=10**6)
    for what, who, amount in steps:
        if what != "look":
            world.do(what, who, amount, 0)
    job.look(0, 0, world.readings(), Adopted(world.adopted))
    adopted, early = world.adopted, list(world.readings())[:cut]  # parents come first
    for what, who, amount in meanwhile:
        if what != "look":
            world.do(what, who, amount, TICKS)
    seen = {each.stat.pid for each in early}
    torn = [*early, *(each for each in world.readings() if each.stat.pid not in seen)]
    job.look(1, 1, torn, Adopted(adopted))
    last = job.look(2, 2, world.readings(), Adopted(world.adopted))
    assert last.cpu_seconds is not None
    assert last.cpu_seconds * TICKS == pytest.approx(world.burnt)
