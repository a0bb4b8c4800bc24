import json
from itertools import pairwise
from pathlib import Path

import pytest

from mlterm.system.retention import MOST_MARKS, ONE_IN, STEP_SECONDS, Retention

DAY = 24 * 3600.0


def line(t: float) -> bytes:
    return json.dumps({"t": t, "filler": "x" * (int(t) % 7)}).encode() + b"\n"


class Log:
    """A file that grows by a sample at each step, thinned whenever it is due."""

    def __init__(self, path: Path, keep: float) -> None:
        self.path, self.keep = path, keep
        self.retention = Retention(path, keep)
        self.thinned = 0
        path.touch()

    def append(self, t: float) -> None:
        self.retention.note(t, self.path.stat().st_size)
        with self.path.open("ab") as file:
            file.write(line(t))
        if self.retention.is_due(t):
            self.retention.thin(t)
            self.thinned += 1

    def times(self) -> list[float]:
        return [json.loads(each)["t"] for each in self.path.read_text().splitlines()]


def test_all_is_kept_for_a_day_and_one_in_ten_after(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", DAY)
    for t in range(0, int(DAY + 6 * 3600), 20):
        log.append(float(t))
    times = log.times()
    end = times[-1]
    young = [t for t in times if t > end - DAY]
    assert young == [float(t) for t in range(int(end - DAY) + 20, int(end) + 20, 20)]
    old = [t for t in times if t < end - DAY - STEP_SECONDS]
    gaps = {b - a for a, b in pairwise(old)}
    assert gaps == {20.0 * ONE_IN}
    assert log.thinned == 5


def test_nothing_is_thinned_twice(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", 3600.0)
    for t in range(0, 20 * 3600, 30):
        log.append(float(t))
    old = [t for t in log.times() if t < 17 * 3600]
    assert {b - a for a, b in pairwise(old)} == {30.0 * ONE_IN}


def test_for_ever_is_for_ever(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", float("inf"))
    for t in range(0, 100 * 3600, 600):
        log.append(float(t))
    assert log.thinned == 0
    assert len(log.times()) == 600


def test_nothing_is_kept_whole_where_that_is_asked_for(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", 0.0)
    for t in range(600):
        log.append(float(t))
    times = log.times()
    assert times[:50] == [float(t) for t in range(0, 500, ONE_IN)]


def test_another_goes_on_with_the_marks(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", 3600.0)
    for t in range(0, 20 * 3600, 30):
        log.append(float(t))
        if t % 5000 == 0:
            state = json.loads(json.dumps(log.retention.as_json()))
            log.retention = Retention(log.path, log.keep, state)
    old = [t for t in log.times() if t < 17 * 3600]
    assert {b - a for a, b in pairwise(old)} == {30.0 * ONE_IN}


def test_marks_of_another_file_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "system.jsonl"
    path.write_bytes(b"".join(line(t) for t in range(100)))
    marks = [[0.0, 0], [10.0, 500]]
    state = {"inode": path.stat().st_ino + 1, "marks": marks, "passed": 0}
    assert Retention(path, 5.0, state | {"inode": path.stat().st_ino}).is_due(1e6)
    retention = Retention(path, 5.0, state)
    assert not retention.is_due(1e6)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", 3600.0)
    for t in range(0, 2 * 3600, 30):
        log.append(float(t))
    before = log.path.read_bytes()
    (tmp_path / "system.tmp").mkdir()
    with pytest.raises(OSError, match="directory"):
        log.retention.thin(3 * 3600.0)
    assert log.path.read_bytes() == before


def test_what_could_not_be_thinned_is_tried_again_a_step_later(tmp_path: Path) -> None:
    log = Log(tmp_path / "system.jsonl", 3600.0)
    for t in range(0, 2 * 3600, 30):
        log.append(float(t))
    now = 2 * 3600.0
    log.retention.note(now, log.path.stat().st_size)
    assert log.retention.is_due(now)
    (tmp_path / "system.tmp").mkdir()
    with pytest.raises(OSError, match="directory"):
        log.retention.thin(now)
    (tmp_path / "system.tmp").rmdir()
    assert not log.retention.is_due(now + STEP_SECONDS - 1)
    assert log.retention.is_due(now + STEP_SECONDS)
    log.retention.thin(now + STEP_SECONDS)
    assert len(log.times()) < 240


@pytest.mark.parametrize("days", [1, 7, 3650])
def test_its_state_is_small_however_long_all_is_kept(tmp_path: Path, days: int) -> None:
    path = tmp_path / "system.jsonl"
    retention = Retention(path, days * DAY)
    for part in range(10_000):
        retention.note(part / 10_000 * days * DAY, 0)
    assert 20 < len(retention.as_json()["marks"]) <= MOST_MARKS
