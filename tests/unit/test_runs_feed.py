import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlterm.core.records import Record, encode
from mlterm.core.series import SeriesFold
from mlterm.feed.runs import RunsFeed
from mlterm.system import lock, store
from mlterm.system.paths import RunFiles
from mlterm.system.summaryfile import SummaryFile
from mlterm.ui.runs import RunsPane
from mlterm.ui.state import State


def start(run_id: str, minute: int, project: str = "p") -> Record:
    return {"timestamp": f"2026-11-24T07:{minute:02}:00+00:00", "type": "run", "schema": 1,
            "project": project, "run_id": run_id, "host": "h"}  # fmt: skip


def metrics(step: int, **fields: Any) -> Record:
    stamp = "2026-11-24T08:00:00+00:00"
    return {"timestamp": stamp, "type": "metrics", **(fields or {"loss": 9 - step}), "_step": step}


def finish(**fields: Any) -> Record:
    return {"timestamp": "2026-11-24T09:00:00+00:00", "type": "finish", "status": "completed",
            "exit_code": 0, "duration_seconds": 2.0, "reason": "exit code 0", **fields}  # fmt: skip


SUMS = {"loss": {"last": 4, "min": 4, "max": 4, "mean": 4, "first": 4, "count": 1}}


class Clock:
    def __init__(self) -> None:
        self.now, self.step = 100.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Folder:
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self.stack, self.clock = path, stack, Clock()

    def put(self, run_id: str, *content: Record, project: str = "p") -> RunFiles:
        files = RunFiles.of(self.path, project, run_id)
        files.run.write_bytes(b"".join(map(encode, content)))
        return files

    def add(self, files: RunFiles, *content: Record) -> None:
        with files.run.open("ab") as file:
            file.write(b"".join(map(encode, content)))

    def summarize(self, files: RunFiles, *content: Record) -> None:
        fold = SeriesFold()
        fold.add_batch(content)
        files.folder.mkdir(exist_ok=True)
        head = {"records_offset": files.run.stat().st_size, "records": fold.records}
        SummaryFile(files.summary).put("", head, fold.series)

    def hold(self, files: RunFiles) -> Callable[[], None]:
        fd = lock.take(files.lock)
        assert fd is not None
        held = self.stack.enter_context(ExitStack())
        held.callback(os.close, fd)
        return held.close

    def feed(self, project: str | None = "p") -> RunsFeed:
        return RunsFeed(self.path, project, self.clock)

    def poll(self, feed: RunsFeed) -> list[str]:
        """Until there is no more; the table's runs."""
        self.clock.now += 10
        for _ in range(10_000):
            if not feed.poll():
                return [run.run_id for run in feed.runs]
        raise AssertionError("it never ends")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with ExitStack() as stack:
        yield Folder(tmp_path, stack)


def test_live_runs_come_first_then_the_newest(folder: Folder) -> None:
    for minute, name in enumerate(["a", "b", "c", "d"]):
        files = folder.put(name, start(name, minute), *([finish()] if name != "b" else []))
        if name == "b":
            folder.hold(files)
    feed = folder.feed()
    assert feed.runs == []
    assert folder.poll(feed) == ["b", "d", "c", "a"]
    assert [run.status for run in feed.runs] == ["running", *["completed"] * 3]


def test_new_runs_appear_changed_ones_change_and_those_gone_go(folder: Folder) -> None:
    feed = folder.feed()
    assert folder.poll(feed) == []
    files = folder.put("a", start("a", 1))
    let_go = folder.hold(files)
    assert folder.poll(feed) == ["a"]
    version = feed.version
    assert folder.poll(feed) == ["a"]
    assert feed.version == version
    let_go()
    folder.poll(feed)
    assert feed.runs[0].status == "lost"
    folder.add(files, finish(status="failed"))
    folder.poll(feed)
    assert feed.runs[0].status == "failed"
    assert feed.version > version
    folder.put("b", start("b", 2))
    assert folder.poll(feed) == ["b", "a"]
    files.run.unlink()
    assert folder.poll(feed) == ["b"]


def test_a_folder_that_is_not_there_has_no_runs(folder: Folder) -> None:
    feed = RunsFeed(folder.path / "none", None, folder.clock)
    assert folder.poll(feed) == []


def test_only_the_projects_runs_are_listed_and_files_are_named_by_known_projects(
    folder: Folder,
) -> None:
    folder.put("a", start("a", 1))
    folder.put("x", start("x", 1, "other"), project="other")
    folder.put("old_one", metrics(1))
    assert folder.poll(folder.feed()) == ["old_one", "a"]
    feed = folder.feed(None)
    folder.poll(feed)
    assert {run.name for run in feed.runs} == {"p/a", "p/old_one", "other/x"}
    assert folder.poll(folder.feed("other")) == ["x"]


def test_files_that_have_not_changed_are_not_read_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        folder.put(name, start(name, 1), finish(metrics=SUMS))
    feed = folder.feed()
    folder.poll(feed)

    def read(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(store, "load_named", read)
    monkeypatch.setattr(lock, "is_live", read)
    assert len(folder.poll(feed)) == 3


@pytest.mark.parametrize("has_summary", [True, False])
@pytest.mark.parametrize("is_live", [True, False])
def test_metrics_are_there_whoever_summed_them_up(
    folder: Folder, has_summary: bool, is_live: bool
) -> None:
    those = [metrics(n) for n in range(5)]
    files = folder.put("a", start("a", 1), *those)
    if has_summary:
        folder.summarize(files, *those)
    if is_live:
        folder.hold(files)
    feed = folder.feed()
    folder.poll(feed)
    assert feed.runs[0].metrics == store.fold(files.run).summaries()
    for _ in range(2):
        folder.add(files, metrics(7), metrics(8, acc=1.0))
        folder.poll(feed)
        assert feed.runs[0].metrics == store.fold(files.run).summaries()
    folder.add(files, finish(metrics=SUMS))
    folder.poll(feed)
    assert feed.runs[0].metrics == SUMS


@pytest.mark.parametrize("has_summary", [True, False])
@pytest.mark.parametrize("ends", [[], [finish()], [finish(metrics=SUMS)]])
def test_the_chosen_metrics_curve_comes_with_the_next_polls(
    folder: Folder, has_summary: bool, ends: list[Record]
) -> None:
    those = [metrics(n, loss=9 - n, acc=n) for n in range(5)]
    files = folder.put("a", start("a", 1), *those, *ends)
    folder.put("b", start("b", 0), finish())
    if has_summary:
        folder.summarize(files, *those)
    feed = folder.feed()
    folder.poll(feed)
    paths = [run.path for run in feed.runs]
    assert [feed.curve(path) for path in (*paths, "other")] == [None] * 3
    for name, last in (("loss", 5), ("acc", 4)):
        if not has_summary and ends == [finish(metrics=SUMS)] and name == "acc":
            continue  # the finish record says that there is none
        version = feed.version
        feed.choose(name)
        folder.poll(feed)
        curve = feed.curve(paths[0])
        assert curve is not None
        assert (curve.last, curve.count) == (last, 5)
        assert feed.curve(paths[1]) is None
        assert feed.version > version
    feed.choose("none")
    folder.poll(feed)
    assert feed.curve(paths[0]) is None


def test_the_curve_of_a_live_run_grows(folder: Folder) -> None:
    files = folder.put("a", start("a", 1), metrics(1))
    folder.hold(files)
    feed = folder.feed()
    feed.choose("loss")
    folder.poll(feed)
    folder.add(files, metrics(2))
    folder.poll(feed)
    curve = feed.curve(str(files.run))
    assert curve is not None
    assert curve.count == 2


def test_a_poll_is_bounded_and_what_is_left_comes_with_the_next(folder: Folder) -> None:
    for number in range(20):
        folder.put(f"r{number}", start(f"r{number}", number), finish(metrics=SUMS))
    long = folder.put("long", start("long", 59), *(metrics(n) for n in range(5000)))
    feed = folder.feed()
    folder.clock.step = 1.0  # the time is always up
    seen = []
    while feed.poll(0.5):
        seen.append(len(feed.runs))
        assert len(seen) < 200
    assert seen[0] == 1
    assert seen == sorted(seen)  # listed now and then while there is more to read
    assert len(seen) > 23
    assert feed.runs[0].run_id == "long"
    assert feed.runs[0].metrics == store.fold(long.run).summaries()


def test_what_is_no_run_is_passed_over(folder: Folder) -> None:
    (folder.path / "folder.jsonl").mkdir()
    (folder.path / "gone.jsonl").symlink_to(folder.path / "nowhere")
    folder.put("a", start("a", 1))
    assert folder.poll(folder.feed()) == ["a"]


@pytest.mark.parametrize(
    "odd", [None, 1, "x", [], {"loss": 1}, {"loss": []}, {"loss": {"min": []}}]
)
def test_whatever_a_finish_record_holds_can_be_shown(folder: Folder, odd: object) -> None:
    folder.put("r", start("r", 0), finish(metrics=odd, duration_seconds=odd, exit_code=odd))
    feed = RunsFeed(folder.path)
    while feed.poll():
        pass
    table = RunsPane(feed, lambda: datetime.now(UTC), named=True)
    for _ in range(8):
        assert len(table.draw(State(120, 40), 120, 10, focused=True)) == 10
        table.sort(1)
