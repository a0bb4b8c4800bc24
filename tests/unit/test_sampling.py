"""The parts of sampling that decide: when PSS is read, who is asked again, what is kept."""

import dataclasses
import json
import math
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlterm.core.energy import Energy
from mlterm.core.pidfiles import Stat
from mlterm.core.plan import SamplingPlan
from mlterm.core.roles import Part
from mlterm.core.series import Series
from mlterm.core.usage import Meters
from mlterm.sampling import sampler
from mlterm.sampling.book import CHECKPOINT_SECONDS, SampleBook
from mlterm.sampling.memory import BUDGET_SECONDS, SHARE, MemoryShares
from mlterm.sampling.parts import DESCRIBED, Parts
from mlterm.sampling.rows import LISTED
from mlterm.sampling.sums import cost_of, finish_fields
from mlterm.sampling.thread import Sampling
from mlterm.system.board import Board
from mlterm.system.job import Job
from mlterm.system.paths import RunFiles
from mlterm.system.processes import Process, ProcessTree
from mlterm.system.slate import Slate
from mlterm.system.summaryfile import SummaryFile
from tests.unit.test_format import problems_of_sample
from tests.unit.test_processes import canned


class Fake:
    """A process as the code asks it, what it answers in its fields."""

    def __init__(self, pid: int, name: str = "python", state: str = "S", ppid: int = 1) -> None:
        self.stat = Stat(pid, name, state, ppid, 1, 0, 0, 1, pid, 1)
        self.pid = pid
        self.shares: tuple[int, int] | None = (100, 50)
        self.argv: tuple[str, ...] = ("python", "train.py")
        self.clock: list[float] = [0.0]
        self.takes = 0.0
        self.asked = 0
        self.is_gone = False

    def look(self) -> bool:
        return not self.is_gone

    @property
    def identity(self) -> tuple[int, int]:
        return self.pid, self.stat.started_ticks

    def memory(self) -> tuple[int, int] | None:
        self.clock[0] += self.takes
        return self.shares

    def words(self) -> tuple[str, ...]:
        self.asked += 1
        return self.argv

    def environ(self) -> dict[str, str]:
        return {}


def processes(*fakes: Fake) -> list[Process]:
    return cast("list[Process]", list(fakes))


# --- PSS ------------------------------------------------------------------------------------


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def shares(now: list[float]) -> MemoryShares:
    return MemoryShares(lambda: now[0])


def test_pss_is_read_in_its_turn_and_when_memory_has_grown(
    shares: MemoryShares, now: list[float]
) -> None:
    job = processes(Fake(1), Fake(2))
    assert shares.read(job, 1000, is_due=True).total == 200
    assert shares.read(job, 1020, is_due=False).total is None
    assert shares.read(job, 1021, is_due=False).total == 200
    assert shares.read(job, 1041, is_due=False).total is None


def test_a_process_that_keeps_its_pss_to_itself_leaves_no_total(shares: MemoryShares) -> None:
    hidden = Fake(2)
    hidden.shares = None
    read = shares.read(processes(Fake(1), hidden), 10, is_due=True)
    assert read.total is None
    assert read.each == {1: (100, 50)}
    assert read.unavailable == {"job.pss_bytes": "not readable for 1 of 2 processes"}


def test_a_process_that_has_vanished_hides_nothing(shares: MemoryShares) -> None:
    vanished = Fake(2)
    vanished.shares, vanished.is_gone = None, True
    read = shares.read(processes(Fake(1), vanished), 10, is_due=True)
    assert (read.total, read.unavailable) == (100, {})


def test_a_zombie_has_no_memory(shares: MemoryShares) -> None:
    dead = Fake(2, state="Z")
    dead.shares = None
    assert shares.read(processes(Fake(1), dead), 10, is_due=True).total == 100


def test_a_slow_reading_is_cut_short_and_the_next_one_waits(
    shares: MemoryShares, now: list[float]
) -> None:
    slow = [Fake(pid) for pid in range(1, 10)]
    for each in slow:
        each.clock, each.takes = now, BUDGET_SECONDS / 2
    read = shares.read(processes(*slow), 10, is_due=True)
    assert len(read.each) == 3
    assert read.unavailable == {"job.pss_bytes": f"not read: it takes over {BUDGET_SECONDS} s"}
    took = 3 * BUDGET_SECONDS / 2
    now[0] = 1000.0 + took / SHARE - 0.01
    assert shares.read(processes(*slow), 10**6, is_due=True).each == {}
    now[0] += 0.02
    assert shares.read(processes(*slow), 10**6, is_due=True).each != {}


# --- Roles ----------------------------------------------------------------------------------


def test_a_process_is_asked_twice_since_it_may_have_been_met_before_exec() -> None:
    parts, one = Parts(1), Fake(1)
    for _ in range(5):
        parts.meet(processes(one))
    assert one.asked == 2
    assert parts.of(processes(one)[0]) == Part("main")


def test_who_takes_another_name_is_asked_again() -> None:
    parts, main, loader = Parts(1), Fake(1), Fake(2)
    for _ in range(3):
        parts.meet(processes(main, loader))
    assert parts.of(processes(loader)[0]) == Part("worker")
    loader.stat = loader.stat._replace(name="pt_data_worker")
    parts.meet(processes(main, loader))
    assert parts.of(processes(loader)[0]) == Part("DataLoader worker")


def test_a_crowd_is_described_over_several_samples() -> None:
    parts = Parts(1)
    crowd = processes(*(Fake(pid) for pid in range(1, 2 * DESCRIBED + 1)))
    parts.meet(crowd)
    assert sum(parts.of(each) is not None for each in crowd) == DESCRIBED
    for _ in range(4):
        parts.meet(crowd)
    assert all(parts.of(each) is not None for each in crowd)


def test_those_that_have_gone_are_forgotten() -> None:
    parts, one = Parts(1), Fake(2)
    parts.meet(processes(one))
    parts.meet([])
    assert parts.of(processes(one)[0]) is None


# --- What is kept ----------------------------------------------------------------------------


def sample(t: float, **more: Any) -> dict[str, Any]:
    job = {"cpu_percent": 50.0, "rss_bytes": 10, "pss_bytes": None, "cpu_seconds": t / 2}
    return {"t": t, "interval_seconds": 1.0, "job": job, "processes": [], **more}


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    found = RunFiles.of(tmp_path, "p", "r")
    found.folder.mkdir()
    return found


@pytest.fixture
def sums() -> Slate:
    return Slate()


def book(files: RunFiles, sums: Slate, part: int = 1) -> SampleBook:
    plan = SamplingPlan(retention_seconds=math.inf)
    return SampleBook(files, part, plan, SummaryFile(files.summary), sums)


def cost(sums: Slate) -> dict[str, Any]:
    found = cost_of(sums)
    assert found is not None
    return found.finish_fields()


def summary(files: RunFiles) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files.summary.read_text())["system"]
    return found


def test_each_sample_is_a_line_and_all_are_folded(files: RunFiles, sums: Slate) -> None:
    kept = book(files, sums)
    gpu = {"index": 0, "uuid": "GPU-a", "utilization_percent": 7}
    for t in range(3):
        kept.add(sample(float(t), host={"cpu_percent": None}, gpus=[gpu]))
    kept.close()
    lines = files.system.read_bytes()
    assert [json.loads(each)["t"] for each in lines.splitlines()] == [0.0, 1.0, 2.0]
    system = summary(files)
    assert system["offset"] == len(lines)
    assert set(system["series"]) == {"job/cpu_percent", "job/rss_bytes", "gpu0/utilization_percent"}
    series = system["series"]["job/cpu_percent"]
    assert (series["count"], series["buckets"]["x_first"]) == (3, [0.0, 1.0, 2.0])


def test_another_observer_goes_on_where_one_was_killed(files: RunFiles, sums: Slate) -> None:
    killed = book(files, sums)
    times = [float(t) for t in range(int(CHECKPOINT_SECONDS) + 1)]
    gpu = {"index": 0, "uuid": "GPU-a", "energy_joules": 500.0}
    for t in times:
        killed.add(sample(t, gpus=[gpu]))
    again = book(files, sums)
    assert again.energy.add("GPU-a", 10.0, 0.0, None) == 500.0
    again.add(sample(10.0))
    again.close()
    count = len(times) + 1
    assert summary(files)["series"]["job/cpu_percent"]["count"] == count
    assert cost(sums)["samples"] == count
    assert len(files.system.read_bytes().splitlines()) == count


def test_the_sums_are_whole_at_every_sample(files: RunFiles, sums: Slate) -> None:
    killed = book(files, sums)
    for t in range(3):
        killed.add(sample(float(t)))
        assert cost(sums)["samples"] == t + 1


def test_another_part_of_the_run_begins_anew(files: RunFiles, sums: Slate) -> None:
    first = book(files, sums)
    first.add(sample(1.0))
    first.close()
    second = book(files, Slate(), part=2)
    second.add(sample(0.0))
    second.close()
    assert summary(files)["series"]["job/cpu_percent"]["count"] == 1
    assert len(files.system.read_bytes().splitlines()) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"part":1}', b'{"part":1,"cost":{}}'])
def test_what_is_broken_is_begun_anew(files: RunFiles, sums: Slate, content: bytes) -> None:
    sums.write(content)
    files.summary.write_bytes(content)
    assert cost_of(sums) is None
    kept = book(files, sums)
    kept.add(sample(0.0))
    kept.close()
    assert cost(sums)["samples"] == 1


@pytest.mark.linux
def test_on_a_full_disk_the_sums_go_on(files: RunFiles, sums: Slate) -> None:
    files.system.symlink_to("/dev/full")
    kept = book(files, sums)
    for t in range(3):
        kept.add(sample(float(t)))
    kept.close()
    assert cost(sums)["samples"] == 3


def test_without_its_folder_the_sums_go_on(files: RunFiles, sums: Slate) -> None:
    kept = book(files, sums)
    kept.add(sample(0.0))
    shutil.rmtree(files.folder)
    for t in range(1, int(CHECKPOINT_SECONDS) + 2):
        kept.add(sample(float(t)))
    kept.close()
    assert cost(sums)["samples"] == int(CHECKPOINT_SECONDS) + 2


def test_where_the_file_cannot_be_opened_the_sums_go_on_until_it_can(
    files: RunFiles, sums: Slate
) -> None:
    book(files, sums).add(sample(0.0))
    shutil.rmtree(files.folder)
    again = book(files, sums)
    again.add(sample(1.0))
    assert cost(sums)["samples"] == 2
    files.folder.mkdir()
    again.add(sample(2.0))
    again.close()
    assert [json.loads(each)["t"] for each in files.system.read_bytes().splitlines()] == [2.0]


def test_old_samples_are_thinned_and_new_ones_follow_in_the_new_file(files: RunFiles) -> None:
    plan = SamplingPlan(retention_seconds=60.0)
    kept = SampleBook(files, 1, plan, SummaryFile(files.summary), Slate())
    for t in range(1000):
        kept.add(sample(float(t)))
    kept.close()
    times = [json.loads(each)["t"] for each in files.system.read_bytes().splitlines()]
    assert times[-60:] == [float(t) for t in range(940, 1000)]
    assert times[:50] == [10.0 * t for t in range(50)]
    assert times == sorted(times)


def test_the_parts_of_the_summary_leave_each_other_alone(files: RunFiles) -> None:
    one = SummaryFile(files.summary)
    loss = Series()
    loss.add(0.5, 1.0)
    one.put("", {"records": 3}, {})
    one.put("system", {"offset": 1}, {"job/rss_bytes": loss})
    system = {"offset": 1, "series": {"job/rss_bytes": loss.as_json()}}
    assert one.read() == {"records": 3, "series": {}, "system": system}
    one.put("", {"records": 4}, {"loss": loss, 'a "b"': loss})
    both = {"loss": loss.as_json(), 'a "b"': loss.as_json()}
    assert one.read() == {"records": 4, "series": both, "system": system}


def test_the_energy_is_added_up_at_any_interval(files: RunFiles) -> None:
    plan = SamplingPlan(interval_seconds=600.0)
    energy = SampleBook(files, 1, plan, SummaryFile(files.summary), Slate()).energy
    energy.add("GPU-a", 0.0, None, 100.0)
    assert energy.add("GPU-a", 600.0, None, 100.0) == 60_000


def test_a_command_that_ended_before_it_could_be_seen_has_no_figures(
    files: RunFiles, sums: Slate
) -> None:
    board = Board()
    board.exit_known = True
    job = SimpleNamespace(board=board, files=files, sums=sums, part=1, sampling=SamplingPlan())
    Sampling(cast("Job", job), SummaryFile(files.summary)).run()
    assert not board.sampling, "the end would wait for it"
    assert (finish_fields(sums), list(files.folder.iterdir())) == ({}, [])


# --- Whole samples ---------------------------------------------------------------------------


class Seconds:
    """A clock that a second passes on from one sample to the next."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.mark.linux
def test_pss_and_uss_are_in_every_tenth_sample_at_least(tmp_path: Path) -> None:
    clock = Seconds()
    subject = sampler.Subject(os.getpid(), {}, tmp_path, clock(), gpus="none")
    one = sampler.Sampler(subject, Energy(), Meters(), clock)
    samples = []
    for _ in range(21):
        samples.append(one.sample())
        clock.passed += 100.0  # so that no slow reading holds the next one off
    one.close()
    read = [n for n, each in enumerate(samples) if each["job"]["pss_bytes"] is not None]
    assert {0, 10, 20} <= set(read)
    assert len(read) < 21
    for n, each in enumerate(samples):
        (us,) = [p for p in each["processes"] if p["pid"] == os.getpid()]
        assert (us["pss_bytes"] is not None) == (us["uss_bytes"] is not None) == (n in read)


@pytest.mark.linux
def test_of_thousands_of_processes_all_are_counted_and_a_hundred_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 2_000
    parents = {1: (0, "S")} | {pid: (1 + pid // 100, "S") for pid in range(2, count + 1)}
    proc = canned(tmp_path / "proc", parents)

    class Canned(ProcessTree):
        def __init__(self, *_: object, **__: object) -> None:
            super().__init__(1, proc=proc)

    monkeypatch.setattr(sampler, "ProcessTree", Canned)
    subject = sampler.Subject(os.getpid(), {}, tmp_path, time.monotonic(), gpus="none")
    one = sampler.Sampler(subject, Energy(), Meters())
    crowd = one.sample()
    one.close()
    job = crowd["job"]
    assert (job["processes"], job["threads"]) == (count, count)
    assert job["cpu_seconds"] == count * 4 / os.sysconf("SC_CLK_TCK")
    assert job["rss_bytes"] == count * 100 * os.sysconf("SC_PAGE_SIZE")
    assert (len(crowd["processes"]), crowd["processes_left_out"]) == (LISTED, count - LISTED)
    assert crowd["unavailable"]["job.read_bytes"] == "not asked of more than 1000 processes"
    book(RunFiles.of(tmp_path, "p", "r"), Slate()).add(crowd)  # which adds the peak
    assert problems_of_sample(crowd) == []


@pytest.mark.linux
def test_of_processes_that_the_kernel_hides_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(ProcessTree):
        def look(self, *, thoroughly: bool) -> list[Process]:
            return []

    monkeypatch.setattr(sampler, "ProcessTree", Blind)
    subject = sampler.Subject(os.getpid(), {}, tmp_path, 0.0, gpus="none")
    hidden = sampler.Sampler(subject, Energy(), Meters()).sample()
    assert set(hidden["job"].values()) == {None}
    assert hidden["processes"] == []
    assert hidden["unavailable"] == {"job": sampler.HIDDEN, "processes": sampler.HIDDEN}
    gone = dataclasses.replace(subject, root=2**22 + 1)
    ended = sampler.Sampler(gone, Energy(), Meters()).sample()
    assert (ended["job"]["rss_bytes"], ended["job"]["processes"]) == (0, 0)
    assert "job" not in ended.get("unavailable", {})
