"""Any file of a run, whoever wrote it and however it ended, read as far as it can be."""

import itertools
import math
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mlterm
from mlterm import MltermError, MltermWarning, follow_run, read_run
from mlterm.core.errors import NotFoundError
from mlterm.core.records import Record, encode
from mlterm.system import lock, store
from tests.support import wait_until

MOMENT = "2026-11-24T07:31:05.000000+00:00"


def record(kind: str, **fields: Any) -> Record:
    return {"timestamp": MOMENT, "type": kind, **fields}


RUN = record("run", schema=1, project="p", run_id="r", host="h")
FINISH = record("finish", status="failed", exit_code=1, reason="exit code 1")


def written(path: Path, *records: Record | bytes) -> Path:
    path.write_bytes(b"".join(r if isinstance(r, bytes) else encode(r) for r in records))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p_r.jsonl"


def test_a_run_is_read_with_all_that_it_is(path: Path) -> None:
    run = read_run(
        written(
            path, RUN, record("hyperparameters", lr=0.1),
            record("define", name="loss", summary="min", goal="minimize"),
            record("metrics", epoch=0, loss=2.0, _step=5), record("alert", level="error", text="!"),
            record("metrics", epoch=1, loss="NaN", _rank=1), FINISH,
        )
    )  # fmt: skip
    assert (run.project, run.run_id, run.status, run.schema) == ("p", "r", "failed", 1)
    assert run.hyperparameters == {"lr": 0.1}
    assert run.definitions["loss"]["goal"] == "minimize"
    assert [alert["text"] for alert in run.alerts] == ["!"]
    assert run.finish is not None
    assert run.finish["reason"] == "exit code 1"
    assert run.series["loss"].min == 2.0
    assert run.series["loss"].count == 2
    assert len(list(run.records())) == 7
    columns = run.columns()
    assert columns["step"] == [5, None]
    assert columns["epoch"] == [0, 1]
    assert columns["rank"] == [None, 1]
    assert columns["loss"][0] == 2.0
    assert math.isnan(columns["loss"][1])
    assert run.broken_lines == 0
    assert repr(run) == f"<RunData p/r failed {path}>"


def test_columns_come_in_the_order_in_which_they_first_came_and_are_of_one_length(
    path: Path,
) -> None:
    fields = [{"b": 1}, {"a": 2}, {"step": 3, "b": 4, "rank": 9}, {"timestamp_": 1}]
    run = read_run(written(path, RUN, *(record("metrics", **these) for these in fields)))
    columns = run.columns()
    assert list(columns) == ["timestamp", "step", "epoch", "rank", "b", "a", "rank_", "timestamp_"]
    assert {len(column) for column in columns.values()} == {4}
    assert columns["b"] == [1, None, 4, None]
    assert columns["step"] == [None, None, 3, None]


@pytest.mark.parametrize(
    ("tail", "broken", "values"),
    [
        (b"", 0, [1]),
        (b'{"type":"metrics","x"', 0, [1]),  # torn: its newline may come
        (b'{"type":"metrics","x":2}', 0, [1, 2]),  # whole, but for the newline
        (b'{"type":"metrics","x":2\n{"type":"metrics","x":3}\n', 1, [1, 3]),
        (b'\n\n{"type":"metrics","x":2}\r\n', 0, [1, 2]),
        (b'{"type":"metrics","x":[1\n2]}\n{"type":"metrics","x":3}\n', 2, [1, 3]),
        (b'{"type":"metrics","x":"a\nb"}\n{"type":"metrics","x":3}\n', 2, [1, 3]),
        (b'{"type":"metrics","x":2},{"type":"metrics","x":3}\n', 1, [1]),
        (b"\0\0\0\n", 1, [1]),
        (b'[1]\n5\n"x"\n', 3, [1]),
        (b'{"type":"metrics","x":NaN}\n', 0, [1, math.nan]),
        (b'{"timestamp":"2","type":"met{"timestamp":"3","type":"metrics","x":2}\n', 1, [1, 2]),
        (b"\xff\xfe\n", 1, [1]),
    ],
)  # fmt: skip
def test_broken_lines_are_counted_and_skipped_and_glued_ones_saved(
    path: Path, tail: bytes, broken: int, values: list[Any]
) -> None:
    run = read_run(written(path, RUN, record("metrics", x=1), tail))
    assert repr([r.get("x") for r in run.metrics()]) == repr(values)
    assert run.broken_lines == broken
    assert run.series["x"].count == len(values)
    assert run.broken_lines == broken


def test_a_file_of_the_first_mlterm_is_read(tmp_path: Path) -> None:
    old = written(
        tmp_path / "digits_run_7.jsonl",
        b'{"timestamp": "2024-01-15T10:30:45.123456", "type": "hyperparameters", "lr": 0.001}\n',
        b'{"timestamp": "2024-01-15T10:30:45.234567", "type": "metrics", "loss": 1.0}\n',
    )
    run = read_run(old)
    assert (run.project, run.run_id, run.schema, run.status) == ("digits", "run_7", None, "lost")
    assert run.hyperparameters == {"lr": 0.001}
    assert run.series["loss"].last == 1.0
    assert run.finish is None


def test_a_newer_format_is_read_with_one_warning(path: Path) -> None:
    written(path, RUN | {"schema": 99}, record("hologram", x=1), record("metrics", x=1))
    with pytest.warns(MltermWarning, match="newer mlterm") as seen:
        run = read_run(path)
    assert len(seen) == 1
    assert run.series["x"].count == 1
    assert run.schema == 99


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not json"])
def test_an_empty_file_is_a_run_of_which_nothing_is_known(path: Path, content: bytes) -> None:
    run = read_run(written(path, content))
    assert (run.project, run.run_id, run.status, run.series) == ("p", "r", "lost", {})


def test_what_is_no_file_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no run file"):
        read_run(tmp_path / "none.jsonl")
    with pytest.raises(NotFoundError, match="no run file"):
        follow_run(tmp_path / "none.jsonl")
    with pytest.raises(MltermError, match="cannot read"):
        read_run(tmp_path)


def test_what_was_known_later_of_an_artifact_stands_in_it(path: Path) -> None:
    big = {"name": "model", "path": "/m"}
    run = read_run(
        written(
            path, RUN, record("artifact", **big, sha256=None, _pending=True, _step=1),
            record("artifact", **big, sha256=None, _pending=True, _step=2),
            record("artifact", _amends=True, **big, sha256="one", _step=1),
            record("artifact", name="other", path="/o", sha256="x"),
            record("artifact", _amends=True, **big, sha256="two", _step=2),
            record("artifact", name="other", path="/o", sha256="y"),
        )
    )  # fmt: skip
    found = [(a["name"], a["sha256"], "_pending" in a) for a in run.artifacts]
    assert sorted(found) == [
        ("model", "one", False), ("model", "two", False), ("other", "x", False),
        ("other", "y", False),
    ]  # fmt: skip


def test_a_line_longer_than_a_block_is_one_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BLOCK", 64)
    values = ["x" * n for n in (1, 63, 64, 65, 1000, 5)]
    run = read_run(written(path, RUN, *(record("metrics", n=n, v=v) for n, v in enumerate(values))))
    assert [r["v"] for r in run.metrics()] == values
    assert [r["v"] for r in follow_run(path) if r["type"] == "metrics"] == values


def test_to_pandas(path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    naive = record("metrics", loss=2.0) | {"timestamp": "2024-01-15T10:30:45"}
    run = read_run(written(path, RUN, record("metrics", loss=1.0, _step=3, note="a"), naive))
    frame = run.to_pandas()
    assert list(frame.columns) == ["timestamp", "step", "epoch", "rank", "loss", "note"]
    assert frame["loss"].tolist() == [1.0, 2.0]
    assert frame["timestamp"][0] == datetime.fromisoformat(MOMENT)
    assert str(frame["timestamp"].dt.tz) == "UTC"
    local = datetime.fromisoformat("2024-01-15T10:30:45").astimezone(UTC)
    assert frame["timestamp"][1] == pandas.Timestamp(local)


def test_to_polars(path: Path) -> None:
    pytest.importorskip("polars")
    run = read_run(
        written(path, RUN, record("metrics", loss=1.0, _step=3), record("metrics", loss=2))
    )
    frame = run.to_polars()
    assert frame["loss"].to_list() == [1.0, 2.0]
    assert frame["step"].to_list() == [3, None]


def test_a_library_that_is_missing_is_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = read_run(written(path, RUN))
    for name in ("pandas", "polars"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
        with pytest.raises(MltermError, match=f"pip install {name}"):
            getattr(run, f"to_{name}")()


class Follower:
    """follow_run in a thread, what it has yielded so far, and whether it has ended."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.records: list[Record] = []
        self.thread = threading.Thread(target=self._run, args=(path,), kwargs=options)
        self.thread.start()

    def _run(self, path: Path, **options: Any) -> None:
        for found in follow_run(path, poll_seconds=0.005, **options):
            self.records.append(found)

    @property
    def values(self) -> list[Any]:
        return [r["x"] for r in self.records if r["type"] == "metrics"]

    def join(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_following_yields_what_comes_and_ends_with_the_run(path: Path) -> None:
    held = lock.take(Path(f"{written(path, RUN)}.lock"))
    assert held is not None
    follower = Follower(path)
    line = encode(record("metrics", x=1))
    append(path, line[:10])
    append(path, line[10:-1])
    append(path, b"\n" + encode(record("finish", status="failed", _source="tracker")))
    wait_until(lambda: follower.values == [1], "the first")
    append(path, encode(record("metrics", x=2)) + encode(FINISH))
    wait_until(lambda: follower.values == [1, 2], "the second")
    os.close(held)
    follower.join()
    assert follower.records[-1]["exit_code"] == 1


def test_following_ends_with_the_finish_but_not_with_one_that_was_gone_on_from(path: Path) -> None:
    again = RUN | {"timestamp": MOMENT}
    held = lock.take(Path(f"{written(path, RUN, FINISH, again, record('metrics', x=1))}.lock"))
    assert held is not None
    follower = Follower(path)
    wait_until(lambda: follower.values == [1], "the second part")
    append(path, encode(FINISH))  # the lock is still held
    follower.join()
    os.close(held)


def test_following_from_the_end_begins_with_the_line_that_is_being_written(path: Path) -> None:
    line = encode(record("metrics", x=2))
    held = lock.take(Path(f"{written(path, RUN, record('metrics', x=1), line[:9])}.lock"))
    assert held is not None
    found = follow_run(path, from_start=False, poll_seconds=0.005)
    append(path, line[9:] + encode(FINISH))
    assert [each.get("x") for each in found] == [2, None]
    os.close(held)


def test_a_huge_integer_beside_a_bare_nan_is_a_float(path: Path) -> None:
    huge = b'{"type":"metrics","x":1%s,"y":NaN,"_step":1%s}\n' % (b"0" * 30, b"0" * 400)
    run = read_run(written(path, RUN, huge))
    assert run.series["x"].last == 1e30


def test_hyperparameters_anywhere_in_the_file_are_found(path: Path) -> None:
    many = [record("metrics", x=n, text="x" * 1000) for n in range(1500)]
    middle = record("hyperparameters", lr=0.5)
    run = read_run(written(path, RUN, *many, middle, *many, FINISH))
    assert run.hyperparameters == {"lr": 0.5}


def test_a_pipe_is_no_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p_r.jsonl")
    with pytest.raises(MltermError, match="it is no file"):
        read_run(tmp_path / "p_r.jsonl")


def test_following_a_run_that_is_lost_ends_with_what_there_is(path: Path) -> None:
    written(path, RUN, record("metrics", x=1), b'{"torn')
    assert [r["type"] for r in follow_run(path)] == ["run", "metrics"]
    assert list(follow_run(path, from_start=False)) == []


def test_a_file_that_is_replaced_or_cut_is_read_anew(path: Path) -> None:
    held = lock.take(Path(f"{written(path, RUN, record('metrics', x=1))}.lock"))
    assert held is not None
    follower = Follower(path)
    wait_until(lambda: follower.values == [1], "the first")
    other = written(path.with_suffix(".new"), RUN, *(record("metrics", x=n) for n in range(2, 5)))
    other.replace(path)
    wait_until(lambda: follower.values == [1, 2, 3, 4], "the other file")
    written(path, record("metrics", x=9))
    wait_until(lambda: follower.values == [1, 2, 3, 4, 9], "the shorter file")
    os.close(held)
    follower.join()


def test_all_that_the_package_exports_is_there() -> None:
    for name in mlterm.__all__:
        assert getattr(mlterm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'tracker_'"):
        mlterm.tracker_  # type: ignore[attr-defined]  # noqa: B018  # that is the test
    assert list(itertools.chain(dir(mlterm))) == sorted(mlterm.__all__)
