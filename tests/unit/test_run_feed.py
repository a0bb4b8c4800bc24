"""A run is read in slices; what comes out is what reading all of it at once gives."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.pace import pace_of
from mlterm.core.records import Record, encode
from mlterm.core.samples import figures_of
from mlterm.core.series import Series, SeriesFold
from mlterm.feed import samples as samples_module
from mlterm.feed.run import RunFeed
from mlterm.system import lock, store
from mlterm.system.checkpoint import Checkpoint, read_progress
from mlterm.system.paths import RunFiles
from mlterm.system.summaryfile import SummaryFile
from mlterm.ui.machine import draw_machine
from mlterm.ui.overlay import Overlay
from mlterm.ui.state import State
from mlterm.ui.system import draw_system

START = {
    "timestamp": "2026-11-24T07:00:00+00:00", "type": "run", "schema": 1, "project": "p",
    "run_id": "r", "host": "h",
}  # fmt: skip
FINISH = {
    "timestamp": "2026-11-24T08:00:00+00:00", "type": "finish", "status": "completed",
    "exit_code": 0, "duration_seconds": 3600.0, "reason": "exit code 0",
}  # fmt: skip
DEFINE = {"type": "define", "name": "loss", "summary": None, "goal": "minimize"}


def moment(seconds: int) -> str:
    return f"2026-11-24T{7 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}+00:00"


def metrics(step: int, **fields: Any) -> Record:
    fields = fields or {"loss": 1 / (1 + step), "acc": step}
    return {"timestamp": moment(step), "type": "metrics", "epoch": step // 10, **fields} | {
        "_step": step, "_offset": 7 * step
    }  # fmt: skip


def sample(t: float, cpu: float = 50.0, **fields: Any) -> Record:
    job = {"cpu_percent": cpu, "rss_bytes": 7, "pss_bytes": None}
    return {"timestamp": moment(int(t)), "t": t, "job": job, "host": {}, "processes": [], **fields}


class Clock:
    """Stands still, or moves on by a step whenever it is asked."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Folder:
    """A run's files."""

    def __init__(self, path: Path) -> None:
        self.files = RunFiles(path / "p_r.jsonl")
        self.files.folder.mkdir()
        self.stack = ExitStack()

    def put(self, *content: Record, torn: bytes = b"") -> "Folder":
        self.files.run.write_bytes(b"".join(map(encode, content)) + torn)
        return self

    def add(self, *content: Record, path: Path | None = None, torn: bytes = b"") -> "Folder":
        with (path or self.files.run).open("ab") as file:
            file.write(b"".join(map(encode, content)) + torn)
        return self

    def sampled(self, *content: Record) -> "Folder":
        return self.add(*content, path=self.files.system)

    def summarize(self, offset: int | None = None, progress: Record | None = None) -> "Folder":
        """As the observer does, of the file's beginning, or all of it, and the samples."""
        data = self.files.run.read_bytes()[:offset]
        fold = SeriesFold()
        fold.add_batch([json.loads(line) for line in data.splitlines()])
        figures: dict[str, Series] = {}
        size = 0
        if self.files.system.exists():
            size = self.files.system.stat().st_size
            for line in self.files.system.read_bytes().splitlines():
                one = json.loads(line)
                for name, value in figures_of(one):
                    figures.setdefault(name, Series()).add(value, one["t"])
        summary = SummaryFile(self.files.summary)
        summary.put("system", {"part": 1, "offset": size}, figures)
        head = {"schema": 1, "records_offset": len(data), "progress": progress or {}}
        summary.put("", {**head, "records": fold.records}, fold.series)
        return self

    def hold(self) -> Callable[[], None]:
        """Let the run live, until the function is called."""
        fd = lock.take(self.files.lock)
        assert fd is not None
        held = self.stack.enter_context(ExitStack())
        held.callback(os.close, fd)
        return held.close


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    with made.stack:
        yield made


def opened(folder: Folder, clock: Callable[[], float] | None = None) -> RunFeed:
    feed = RunFeed(folder.files, clock or Clock())
    finish_reading(feed)
    return feed


def finish_reading(feed: RunFeed) -> int:
    steps = 1
    while feed.step(0.01):
        steps += 1
        assert steps < 100_000
    return steps


def shape(series: dict[str, Series]) -> dict[str, Any]:
    """All but the mean's last digits."""
    return {
        name: [repr({**one.as_json(), "sum": 0, "mean": 0}), pytest.approx(one.mean, nan_ok=True)]
        for name, one in series.items()
    }


# Opening


def test_a_bare_file_is_folded_in_slices_and_tells_how_far_it_is(folder: Folder) -> None:
    folder.put(START, *(metrics(n) for n in range(5000)))
    feed = RunFeed(folder.files, Clock(step=1.0))  # the time is always up
    assert (feed.loading, feed.series, feed.version) == (0.0, {}, 0)
    told, counts, versions = [], [], []
    while feed.step(0.5):
        told.append(feed.loading)
        counts.append(feed.series["loss"].count)
        versions.append(feed.metrics_version)
    assert len(told) > 5
    for column in (told, counts, versions):
        assert column == sorted(set(column))
    assert 0 < told[0] < told[-1] < 1.0 == feed.loading
    assert shape(feed.series) == shape(store.fold(folder.files.run).series)


@pytest.mark.parametrize("lines", [0, 1, 2, 1000, 3001])
def test_series_of_the_checkpoint_are_there_at_once_and_the_rest_is_folded_on(
    folder: Folder, lines: int
) -> None:
    folder.put(START, *(metrics(n) for n in range(3000)))
    offset = sum(map(len, folder.files.run.read_bytes().splitlines(keepends=True)[:lines]))
    folder.summarize(offset)
    feed = opened(folder)
    assert shape(feed.series) == shape(store.fold(folder.files.run).series)
    folder.add(metrics(3000))
    feed.step(0.01)
    assert shape(feed.series) == shape(store.fold(folder.files.run).series)


def test_a_checkpoint_of_many_series_is_taken_in_slices_too(folder: Folder) -> None:
    folder.put(START, metrics(1, **{f"m{n}": n for n in range(50)})).summarize()
    feed = RunFeed(folder.files, Clock(step=1.0))
    assert feed.step(0.5)
    assert (feed.loading, feed.series) == (0.0, {})
    assert finish_reading(feed) >= 49
    assert (feed.loading, len(feed.series)) == (1.0, 50)


def test_a_file_that_is_cut_while_its_checkpoint_is_taken_is_read_anew(folder: Folder) -> None:
    folder.put(START, metrics(1, a=1, b=2, c=3)).summarize()
    feed = RunFeed(folder.files, Clock(step=1.0))
    assert feed.step(0.5)
    folder.put(START)
    finish_reading(feed)
    assert feed.series == {}


def test_what_the_checkpoint_has_is_not_read_again(folder: Folder) -> None:
    folder.put(START, metrics(1, loss=1.0)).summarize()
    text = folder.files.run.read_bytes()
    folder.files.run.write_bytes(text.replace(b'"loss":1.0', b'"loss":2.0'))
    folder.add(metrics(2, loss=3.0))
    one = opened(folder).series["loss"]
    assert (one.first, one.last, one.count) == (1.0, 3.0, 2)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"records_offset":1}',
                                    b'{"records_offset":0,"records":0,"series":{"loss":3}}',
                                    b'{"records_offset":0,"records":0,"series":{"loss":{}}}',
                                    b'{"records_offset":0,"records":"x","series":{}}',
                                    b'{"records_offset":0,"records":0,"series":{},"system":[]}',
                                    b'{"records_offset":99999999,"records":1,"series":{}}',
                                    b'{"system":{"part":1,"offset":0,"series":{"a":1}}}',
                                    b'{"system":{"part":1,"offset":7,"series":{}}}'])  # fmt: skip
def test_a_checkpoint_that_is_none_is_passed_over(folder: Folder, damage: bytes) -> None:
    folder.put(START, metrics(1), metrics(2)).sampled(sample(0), sample(1))
    folder.files.summary.write_bytes(damage)
    feed = opened(folder)
    assert feed.series["loss"].count == 2
    assert feed.system["job/cpu_percent"].count == 2


def test_a_checkpoint_that_ends_within_a_line_is_not_of_this_file(folder: Folder) -> None:
    folder.put(START, *(metrics(n) for n in range(9))).summarize()
    text = folder.files.summary.read_bytes()
    size = folder.files.run.stat().st_size
    folder.files.summary.write_bytes(text.replace(b":%d," % size, b":%d," % (size - 3)))
    assert opened(folder).series["loss"].count == 9


def test_definitions_come_from_the_part_that_the_checkpoint_has_too(folder: Folder) -> None:
    folder.put(START, DEFINE, metrics(1)).summarize()
    folder.add(DEFINE | {"name": "acc"})
    assert opened(folder).definitions.keys() == {"loss", "acc"}
    folder.files.summary.unlink()
    assert opened(folder).definitions["loss"]["goal"] == "minimize"


def test_a_run_without_a_file_cannot_be_opened(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        RunFeed(folder.files)


# Following


def test_only_what_is_new_is_read_and_nothing_changes_without_it(folder: Folder) -> None:
    folder.hold()
    feed = opened(folder.put(START, metrics(1)))
    version, series = feed.version, feed.series
    assert not feed.step(0.01)
    assert (feed.version, feed.series is series) == (version, True)
    folder.add(metrics(2), metrics(3))
    assert not feed.step(0.01)
    assert feed.version > version
    assert feed.series["loss"].count == 3


def test_a_torn_line_waits_for_its_end(folder: Folder) -> None:
    folder.hold()
    whole = encode(metrics(2))
    feed = opened(folder.put(START, metrics(1), torn=whole[:-1]))
    assert feed.series["loss"].count == 1
    assert not feed.step(0.01)
    folder.add(torn=b"\n" + encode(metrics(3)))
    feed.step(0.01)
    assert feed.series["loss"].count == 3


@pytest.mark.parametrize(("cut", "count"), [(1, 2), (2, 1)])
def test_a_torn_line_that_nobody_will_end_is_taken_if_it_is_whole(
    folder: Folder, cut: int, count: int
) -> None:
    feed = opened(folder.put(START, metrics(1), torn=encode(metrics(2))[:-cut]))
    assert feed.series["loss"].count == count
    folder.add(torn=b"\n" + encode(metrics(3)))
    feed.step(0.01)
    assert feed.series["loss"].count == count + 1


def test_a_file_that_was_cut_is_read_anew(folder: Folder) -> None:
    feed = opened(folder.put(START, DEFINE, *(metrics(n) for n in range(50))))
    folder.put(START, metrics(7))
    finish_reading(feed)
    assert (feed.series["loss"].count, feed.series["acc"].last) == (1, 7)
    assert feed.definitions == {}


def test_a_file_that_was_replaced_is_read_anew_and_one_that_is_gone_stays_shown(
    folder: Folder,
) -> None:
    feed = opened(folder.put(START, metrics(1)))
    other = folder.files.run.with_suffix(".new")
    other.write_bytes(b"".join(map(encode, [START, *(metrics(n, val=n) for n in range(90))])))
    other.replace(folder.files.run)
    finish_reading(feed)
    assert {name: one.count for name, one in feed.series.items()} == {"val": 90}
    folder.files.run.unlink()
    assert not feed.step(0.01)
    assert feed.series["val"].count == 90


def test_the_status_changes_with_the_lock_and_with_the_finish_record(folder: Folder) -> None:
    let_go, clock = folder.hold(), Clock()
    feed = opened(folder.put(START, metrics(1)), clock)
    assert feed.summary.status == "running"
    let_go()
    feed.step(0.01)
    assert feed.summary.status == "running"  # it is not asked every time
    clock.now += 1
    feed.step(0.01)
    assert feed.summary.status == "lost"
    version = feed.version
    folder.add(FINISH)
    feed.step(0.01)
    assert (feed.summary.status, feed.summary.exit_code) == ("completed", 0)
    assert feed.version > version
    folder.add(START | {"timestamp": moment(5000)}, metrics(2))  # gone on with
    folder.hold()
    clock.now += 1
    feed.step(0.01)
    assert (feed.summary.status, feed.series["loss"].count) == ("running", 2)


def test_settings_that_come_late_are_in_the_summary(folder: Folder) -> None:
    feed = opened(folder.put(START, metrics(1)))
    folder.add({"type": "hyperparameters", "lr": 0.1})
    feed.step(0.01)
    assert feed.summary.hyperparameters == {"lr": 0.1}


def test_the_start_in_seconds(folder: Folder) -> None:
    feed = opened(folder.put(START))
    assert feed.started_wall == feed.clock_offset == 1795503600.0
    folder.sampled(sample(12.5) | {"timestamp": moment(13)})
    feed.step(0.01)
    assert feed.clock_offset == 1795503600.5


# Progress


def told(fraction: float | None, step: int = 3) -> Record:
    return {"step": step, "total": 9, "fraction": fraction, "title": 'a } " b', "rate": None,
            "rate_unit": "", "eta_seconds": 5.0}  # fmt: skip


def test_progress_is_that_of_the_output_while_the_run_lives(folder: Folder) -> None:
    let_go, clock = folder.hold(), Clock()
    folder.put(START, {"type": "hyperparameters", "steps": 10}, metrics(5))
    feed = opened(folder.summarize(progress=told(0.25)), clock)
    assert feed.progress == told(0.25)
    version = feed.version
    folder.summarize(progress=told(0.75))
    feed.step(0.01)
    assert feed.progress == told(0.75)
    assert feed.version > version
    let_go()
    clock.now += 1
    feed.step(0.01)
    assert feed.progress is not None
    assert (feed.progress["fraction"], feed.progress["eta_seconds"]) == (0.5, None)


def test_progress_goes_by_the_settings_where_the_output_tells_none(folder: Folder) -> None:
    folder.hold()
    folder.put(START, {"type": "hyperparameters", "max_steps": 400}, metrics(100))
    feed = opened(folder.summarize(progress=told(None)))
    assert feed.progress is not None
    assert (feed.progress["fraction"], feed.progress["eta_seconds"]) == (0.25, 300.0)
    folder.add(metrics(200))
    feed.step(0.01)
    assert (feed.progress["fraction"], feed.progress["eta_seconds"]) == (0.5, 200.0)


@pytest.mark.parametrize(
    ("settings", "last", "fraction"),
    [({"epochs": 4}, {"epoch": 3}, 0.75), ({"num-epochs": 4}, {"epoch": 9}, 1.0),
     ({"Max_Steps": 8, "epochs": 4}, {"_step": 2, "epoch": 3}, 0.25),
     ({"max_steps": -1, "epochs": 4}, {"step": 2, "epoch": 3}, 0.75), ({}, {}, None),
     ({"steps": 0}, {"step": 3}, None), ({"epochs": "4"}, {"epoch": 3}, None),
     ({"epochs": 4}, {"epoch": "NaN"}, None)],
)  # fmt: skip
def test_a_pace_wants_a_total_and_a_place(
    settings: Record, last: Record, fraction: float | None
) -> None:
    pace = pace_of(settings, last, 10.0)
    assert (pace and pace["fraction"]) == fraction


@pytest.mark.parametrize(
    "text",
    ["{}", "{", "[]", '{"progress": {"step": 1, "fraction": 0.5}}',
     '{"progress":{"fraction":null}}', '{"progress":{"fraction":"0.6"}}',
     '{"progress":{"fraction":0.5,"step":"1","total":[],"eta_seconds":{}}}',
     '{"series":{"progress":{"last":1}},"progress":{"fraction":0.5}}'],
)  # fmt: skip
def test_progress_of_any_json_is_found(tmp_path: Path, text: str) -> None:
    path = tmp_path / "summary.json"
    path.write_text(text)
    found = read_progress(path)
    assert (found and found["fraction"]) == (0.5 if "0.5" in text else None)
    assert {type(value) for value in (found or {}).values()} <= {int, float, type(None)}


# Samples


def test_samples_behind_the_checkpoint_are_folded_on(folder: Folder) -> None:
    folder.put(START).sampled(*(sample(t, t) for t in range(20))).summarize()
    feed = opened(folder)
    assert feed.sample == sample(19, 19)
    folder.sampled(*(sample(t, t) for t in range(20, 30)))
    version = feed.system_version
    feed.step(0.01)
    one = feed.system["job/cpu_percent"]
    assert (one.count, one.last, [*one.points().begins]) == (30, 29, [*range(30)])
    assert feed.sample == sample(29, 29)
    assert feed.system_version > version
    folder.files.summary.unlink()
    assert shape(opened(folder).system) == shape(feed.system)


def test_samples_of_a_part_that_was_gone_on_with_begin_anew(folder: Folder) -> None:
    folder.put(START).sampled(*(sample(t) for t in range(9)), sample(0), sample(1))
    assert opened(folder).system["job/rss_bytes"].count == 2
    folder.summarize().sampled(sample(0.5))
    assert opened(folder).system["job/rss_bytes"].count == 1


def test_samples_that_were_thinned_out_are_not_folded_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "LOOK_BACK", 2000)
    folder.put(START).sampled(*(sample(t, t) for t in range(100)))
    feed = opened(folder)
    scratch = folder.files.system.with_suffix(".tmp")
    lines = folder.files.system.read_bytes().splitlines(keepends=True)
    scratch.write_bytes(b"".join([*lines[:50:10], *lines[50:]]) + encode(sample(100, 7)))
    scratch.replace(folder.files.system)
    feed.step(0.01)
    assert (feed.system["job/cpu_percent"].count, feed.system["job/cpu_percent"].last) == (101, 7)
    folder.sampled(sample(101, 8))
    feed.step(0.01)
    assert feed.system["job/cpu_percent"].count == 102


@pytest.mark.parametrize(
    "odd", [{}, {"t": "x"}, {"t": "NaN"}, {"t": 1, "job": 3, "host": None, "gpus": 4},
            {"t": 1, "gpus": [None, {}]}, {"t": 1, "job": {"cpu_percent": "much"}}]
)  # fmt: skip
def test_samples_of_any_form_are_borne(folder: Folder, odd: Record) -> None:
    folder.put(START).sampled(sample(0), odd, sample(2))
    assert opened(folder).system["job/cpu_percent"].count == 2


@pytest.mark.parametrize("odd", [None, True, 3, "x", [], [1], {}, {"a": []}, ["x"], [[]], "NaN"])
def test_whatever_a_sample_holds_can_be_drawn(folder: Folder, odd: Any) -> None:
    whole = sample(0, gpus=[{"index": 0}], processes=[{"pid": 1, "ppid": 0}])
    process, gpu = whole["processes"][0], whole["gpus"][0]
    spoilt = [{**whole, part: odd} for part in ("job", "host", "cgroup", "processes", "gpus")]
    for part, one in (("processes", process), ("gpus", gpu)):
        names = (*one, "name", "role", "state", "threads", "open_files", "gpus", "mig",
                 "utilization_percent", "unavailable")  # fmt: skip
        spoilt += [{**whole, part: [{**one, name: odd}, one]} for name in names]
    spoilt += [{**whole, "host": {name: odd}} for name in ("cores", "load_1m")]
    folder.put(START)
    state = State(120, 40)
    for number, one in enumerate(spoilt):
        folder.sampled({**one, "t": number, "timestamp": moment(number)})
        feed = opened(folder)
        rows = draw_system(state, Overlay(feed), 0, 120, 40, focused=True)
        assert len(rows) == 40
        assert len(draw_machine(Overlay(feed), 120, 4)) == 4


def test_figures_are_named_by_device() -> None:
    gpus = [{"index": 1, "mig": 2, "power_watts": 5}, {"index": 0, "utilization_percent": 3}]
    found = dict(figures_of(sample(0, gpus=gpus)))
    assert found == {"job/cpu_percent": 50.0, "job/rss_bytes": 7, "gpu1.2/power_watts": 5,
                     "gpu0/utilization_percent": 3}  # fmt: skip


# Checkpoints


def test_a_checkpoint_gives_each_series_by_itself(folder: Folder) -> None:
    odd = {'x"y': 1.0, "{": 2.0, 'a":{"last":1': 3.0, "é": "NaN"}
    folder.put(START, *(metrics(n, **odd) for n in range(3))).sampled(sample(1)).summarize()
    found = Checkpoint.read(folder.files.summary)
    assert found is not None
    whole = store.fold(folder.files.run).series
    assert shape(dict(found.series())) == shape(whole)
    assert shape({"{": found.one("{") or Series()}) == shape({"{": whole["{"]})
    assert found.one("loss") is None
    assert dict(found.series("system")).keys() == {"job/cpu_percent", "job/rss_bytes"}
    loose = Checkpoint(json.dumps(json.loads(folder.files.summary.read_bytes())).encode())
    assert shape(dict(loose.series())) == shape(whole)


# All of it


LINES = st.lists(
    st.one_of(
        st.builds(metrics, st.integers(0, 500)),
        st.builds(lambda n, v: metrics(n, val=v), st.integers(0, 9), st.floats(-9, 9)),
        st.just(DEFINE), st.just({"type": "hyperparameters", "lr": 1}), st.just({}),
        st.just(metrics(1, loss="NaN", note="text")), st.just(START),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(LINES, st.integers(0, 99), st.integers(0, 4000), st.booleans(), st.integers(1, 12))
def test_however_it_is_read_it_is_what_the_whole_file_gives(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[Record], share: int, cut: int, has_checkpoint: bool, repeat: int,
) -> None:  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "any"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    folder = Folder(path)
    data = b"".join(map(encode, lines * repeat))
    written = data[: len(data) * share // 99]
    folder.files.run.write_bytes(written)
    if has_checkpoint:
        folder.summarize(written[:cut].rfind(b"\n") + 1)
    with folder.stack:
        folder.hold()
        feed = RunFeed(folder.files, Clock(step=1.0))
        feed.step(0)
        with folder.files.run.open("ab") as file:
            file.write(data[len(written) :])
        finish_reading(feed)
        assert shape(feed.series) == shape(store.fold(folder.files.run).series)
        defined = {"loss": DEFINE} if DEFINE in lines else {}
        assert feed.definitions == defined
