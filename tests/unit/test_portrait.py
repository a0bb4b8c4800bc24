"""What is read of a run for its page, and of long files how little."""

import os
from pathlib import Path
from typing import Any

import pytest

from mlterm.core.best import best_of, place_of
from mlterm.core.origin import origin_of
from mlterm.core.records import Record, encode
from mlterm.core.series import Series
from mlterm.feed import courses as reading
from mlterm.feed.courses import courses
from mlterm.feed.portrait import read_portrait
from mlterm.reader import RunData
from mlterm.system import store
from mlterm.system.paths import RunFiles
from mlterm.system.sources import PACKAGES, PATCH, source_file
from mlterm.system.summaryfile import SummaryFile
from tests.unit.viewing import series_of

MOMENT = "2026-11-24T07:31:05.000000+00:00"


def record(kind: str, **fields: Any) -> Record:
    return {"timestamp": MOMENT, "type": kind, **fields}


def metrics(step: int) -> bytes:
    return encode(record("metrics", loss=1 / (1 + step), _step=step))


RUN = record("run", schema=1, project="p", run_id="r", argv=["a"], cwd="/x", git=None)
FINISH = record("finish", status="failed", exit_code=1, tail="one\ntwo\n")
ARTIFACT = record("artifact", name="model", path="/m", size_bytes=1)


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "p_r.jsonl")


def written(files: RunFiles, *parts: Record | bytes) -> RunFiles:
    files.run.write_bytes(b"".join(p if isinstance(p, bytes) else encode(p) for p in parts))
    return files


# --- The rare records of a file --------------------------------------------------------------

MANY = b"".join(map(metrics, range(2000)))
TORN = b'{"timestamp":"2026-11-24T07:31:05.000000+00:00","type":"metrics","lo'


@pytest.mark.parametrize(
    ("middle", "broken"),
    [
        (b"", 0),
        (TORN + b"\n", 1),
        (TORN + encode(ARTIFACT), 1),
        (b"\0\0\0\n", 1),
        (MANY[:300] + b"\0\n", 1),
        (encode(record("metrics", nested={"type": "metrics"})), 0),
        (b'{"type": "metrics", "timestamp": "x"}\n', 0),
    ],
)
def test_rare_records_are_found_among_very_many_metrics(
    files: RunFiles, middle: bytes, broken: int
) -> None:
    written(files, RUN, MANY, middle, MANY, ARTIFACT, MANY, record("alert", text="!"), TORN)
    run = RunData(files.run)
    every = [found for batch, _ in store.batches(files.run) for found in batch]
    assert [each["name"] for each in run.artifacts] == [
        each["name"] for each in every if each["type"] == "artifact"
    ]
    assert [alert["text"] for alert in run.alerts] == ["!"]
    assert run.seen_broken_lines == run.broken_lines == broken


def test_blocks_of_metrics_alone_are_not_parsed(files: RunFiles) -> None:
    written(files, RUN, MANY, MANY, MANY)
    parsed = sum(len(found) for found, _ in store.batches(files.run, rare=True))
    assert parsed < 2000


def test_what_amends_the_start_stands_in_it_and_the_last_part_counts() -> None:
    git = {"commit": "f00"}
    late = record("run", _amends=True, git=git, aliases=["p/x"], _source="observer")
    rank = record("run", _amends=True, launch="l", _rank=1, host="other")
    assert origin_of([RUN, late, rank]) == RUN | {"git": git}
    assert origin_of([RUN, late, RUN | {"cwd": "/y"}])["cwd"] == "/y"
    assert origin_of([FINISH]) == {}


# --- Courses ---------------------------------------------------------------------------------


def test_a_long_file_is_sampled_where_a_sketch_will_do(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "READ_WHOLE_BYTES", 1000)
    written(files, RUN, *map(metrics, range(50_000)))
    found, is_exact = courses(files, sketch=True)
    assert not is_exact
    assert 1000 < found["loss"].count < 25_000
    assert found["loss"].points().begins[-1] > 49_000
    found, is_exact = courses(files)
    assert is_exact
    assert found["loss"].count == 50_000


def test_what_was_folded_already_is_not_read_again(files: RunFiles) -> None:
    written(files, RUN, *map(metrics, range(1000)))
    files.folder.mkdir()
    fields = {"schema": 1, "records_offset": os.path.getsize(files.run), "records": 1000}
    folded = series_of([7.0] * 1000)
    SummaryFile(files.summary).put("", fields, {"loss": folded})
    with files.run.open("ab") as file:
        file.write(metrics(1000))
    found, is_exact = courses(files, sketch=True)
    assert is_exact
    assert (found["loss"].count, found["loss"].max) == (1001, 7.0)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([3.0, 1.0, 2.0], (1, 1)), ([2.0, 2.0], (0, 0)), ([float("nan")], None), ([], None),
        ([float("-inf"), 1.0], None),
    ],
)  # fmt: skip
def test_the_best_value_has_a_place(values: list[float], place: tuple[float, float] | None) -> None:
    assert place_of(series_of(values), "min") == place


@pytest.mark.parametrize("odd", [None, float("nan"), "NaN", "x", []])
def test_what_cannot_be_compared_is_no_best(odd: object) -> None:
    assert best_of({"min": odd, "last": 1.0}, "min") is None
    assert best_of({"min": 0, "max": "Infinity"}, "min") == 0


def test_inside_of_a_bucket_the_place_of_the_best_is_a_span() -> None:
    series: Series = series_of([float(abs(step - 1001)) for step in range(4000)])
    span = place_of(series, "min")
    assert span is not None
    assert span[0] < 1001 < span[1]
    assert place_of(series, "max") == (3999, 3999)


def test_the_last_parts_sources_count(files: RunFiles) -> None:
    assert source_file(files, PATCH) == files.folder / "source.patch"
    files.folder.mkdir()
    for name in (
        "source.patch",
        "packages.txt",
        "packages-2.txt",
        "source-10.patch",
        "source-x.patch",
    ):
        (files.folder / name).touch()
    assert source_file(files, PATCH) == files.folder / "source-10.patch"
    assert source_file(files, PACKAGES) == files.folder / "packages-10.txt"


# --- The whole -------------------------------------------------------------------------------


def test_a_run_is_read_with_its_files_and_the_end_of_its_output(files: RunFiles) -> None:
    encoded = ["YQ==", "/w=="]
    written(files, RUN | {"argv_base64": encoded}, metrics(0), ARTIFACT, FINISH)
    files.folder.mkdir()
    (files.folder / "source.patch").write_text("+1\n")
    (files.folder / "artifacts").mkdir()
    (files.folder / "artifacts" / "m").write_text("12345")
    (files.folder / ".reserve").write_text("")
    run = read_portrait(files)
    assert run.summary.metrics["loss"]["last"] == 1.0
    assert run.argv == ["a", "\udcff"]
    assert run.command == "cd /x && a $'\\xff'"
    assert run.tail == ["one", "two"]
    assert [(os.path.relpath(path, files.folder), size) for path, size in run.files[1:]] == [
        ("artifacts", 5), ("source.patch", 3),
    ]  # fmt: skip
    assert run.files[1][0].endswith("artifacts/")


def test_of_a_lost_run_the_output_itself_is_read(files: RunFiles) -> None:
    written(files, RUN)
    files.folder.mkdir()
    files.output.write_bytes(b"\x1b[31mred\x1b[0m\nKill")
    assert read_portrait(files).tail == ["red", "Kill"]


def test_a_traceback_is_told_where_there_is_no_output(files: RunFiles) -> None:
    end = record("finish", status="failed", traceback="Traceback\nValueError: x\n")
    assert read_portrait(written(files, RUN, end)).tail == ["Traceback", "ValueError: x"]


@pytest.mark.parametrize("text", [b"", b"\n", b"{}\n", b"[1]\n", b'{"type":"run"}\n', b"\xff\n"])
def test_any_file_has_a_portrait(files: RunFiles, text: bytes) -> None:
    run = read_portrait(written(files, text))
    assert run.summary.status == "lost"
    assert run.as_json()["status"] == "lost"
