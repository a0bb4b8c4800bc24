"""Runs as tables and JSON: what other programs read is what the runs' files tell."""

import csv
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import MltermError, NotFoundError
from mlterm.core.records import Record, encode
from mlterm.core.summary import RunSummary
from mlterm.exporting import reading, tables
from mlterm.exporting.formats import FORMATS, Options, Report, exporter
from mlterm.exporting.target import Target
from mlterm.reader import RunData, read_run
from mlterm.system import store
from mlterm.system.paths import RunFiles

MOMENT = "2026-11-24T07:31:05.000000+00:00"
SAMPLE = {
    "timestamp": MOMENT, "t": 1.5, "interval_seconds": None,
    "job": {"cpu_percent": 187.0, "rss_bytes": 5, "unavailable": {"pss_bytes": "no"}},
    "host": {"memory_used_bytes": 7}, "processes": [{"pid": 1}], "roles": {"main": {}},
    "gpus": [{"index": 0, "name": "A", "power_watts": 3.5, "throttle_reasons": ["heat"]},
             {"index": 0, "mig": 2, "power_watts": None}],
}  # fmt: skip


def record(kind: str, **fields: Any) -> Record:
    return {"timestamp": MOMENT, "type": kind, **fields}


def metrics(**fields: Any) -> Record:
    return record("metrics", **fields)


def made(folder: Path, *records: Record | bytes, run_id: str = "r") -> RunSummary:
    """A run of these records."""
    files = RunFiles.of(folder, "p", run_id)
    start = record("run", schema=1, project="p", run_id=run_id)
    data = (each if isinstance(each, bytes) else encode(each) for each in (start, *records))
    files.run.write_bytes(b"".join(data))
    return store.load(files)


def sampled(run: RunSummary, *samples: Record) -> RunSummary:
    files = RunFiles(Path(run.path))
    files.folder.mkdir()
    files.system.write_bytes(b"".join(map(encode, samples)))
    return run


def exported(
    form: str, runs: RunSummary | Sequence[RunSummary], **options: Any
) -> tuple[Path, Report]:
    several = [runs] if isinstance(runs, RunSummary) else runs
    path = Path(several[0].path).with_suffix(f".out{FORMATS[form].ending}")
    target = Target(path, overwrite=True)
    return path, exporter(FORMATS[form])(several, target, Options(**options))


def table(runs: RunSummary | Sequence[RunSummary], **options: Any) -> list[list[str]]:
    """As csv says it."""
    with exported("csv", runs, **options)[0].open(newline="") as file:
        return list(csv.reader(file, strict=True))


MIXED = (
    metrics(_step=1, epoch=1, loss=0.5, note="=bad, \"really\"\n", _source="tracker"),
    metrics(_step=2, loss="NaN", acc=1, ok=True), record("superseded", _was="metrics", loss=9),
    metrics(step=3, _rank=1, loss="-Infinity", shape=[1, {"a": None}], rank=7, project="x"),
    record("finish", status="completed", exit_code=0),
)  # fmt: skip
HEAD = ["project", "run_id", "timestamp", "step", "epoch", "rank"]


# --- csv ----------------------------------------------------------------------------------


def test_a_row_is_a_record_and_names_come_in_the_order_of_their_first(tmp_path: Path) -> None:
    later = made(tmp_path, metrics(lr=0.1, loss=1), run_id="=s")
    assert table([made(tmp_path, *MIXED), later]) == [
        [*HEAD, "loss", "note", "acc", "ok", "shape", "rank_", "project_", "lr"],
        ["p", "r", MOMENT, "1", "1", "", "0.5", '\'=bad, "really"\n', *[""] * 6],
        ["p", "r", MOMENT, "2", "", "", "NaN", "", "1", "true", *[""] * 4],
        ["p", "r", MOMENT, "3", "", "1", "-Infinity", "", "", "", '[1,{"a":null}]', "7", "x", ""],
        ["p", "'=s", MOMENT, "", "", "", "1", *[""] * 6, "0.1"],
    ]


def test_a_long_row_is_a_value(tmp_path: Path) -> None:
    run = made(tmp_path, metrics(_step=1, epoch=2, loss=0.5, none=None), metrics(acc="Infinity"))
    assert table(run, long=True) == [
        [*HEAD, "name", "value"],
        ["p", "r", MOMENT, "1", "2", "", "loss", "0.5"],
        ["p", "r", MOMENT, "", "", "", "acc", "Infinity"],
    ]
    assert exported("csv", run, long=True)[1].rows == 2


def test_records_of_a_step_can_be_merged_by_rank_and_part(tmp_path: Path) -> None:
    run = made(
        tmp_path,
        metrics(_step=1, _rank=0, loss=1), metrics(_step=1, _rank=1, loss=2),
        metrics(_step=2, _rank=0, loss=3), metrics(_step=1, _rank=0, acc=4, loss=5),
        metrics(epoch=1, f=6), metrics(epoch=1, g=7), metrics(h=8), metrics(h=9),
        record("run", project="p", run_id="r", aliases=["p/q"]), metrics(_step=2, _rank=0, acc=10),
        record("run", schema=1, project="p", run_id="r"), metrics(_step=2, _rank=0, acc=11),
    )  # fmt: skip
    rows = [row[3:] for row in table(run, merge_steps=True)]
    assert rows == [
        ["step", "epoch", "rank", "loss", "acc", "f", "g", "h"],
        ["1", "", "0", "5", "4", "", "", ""],
        ["1", "", "1", "2", "", "", "", ""],
        ["2", "", "0", "3", "10", "", "", ""],
        ["", "1", "", "", "", "6", "7", ""],
        ["", "", "", "", "", "", "", "8"],
        ["", "", "", "", "", "", "", "9"],
        ["2", "", "0", "", "11", "", "", ""],
    ]


def test_steps_wait_for_more_in_memory_that_does_not_grow() -> None:
    records = [metrics(_step=n, loss=n) for n in range(5 * tables.WINDOW)]
    blocks = list(tables.merged([records[n : n + 100] for n in range(0, len(records), 100)]))
    assert [each for block in blocks for each in block] == records
    assert len(blocks[-1]) == tables.WINDOW


def test_samples_are_a_table_of_their_own(tmp_path: Path) -> None:
    with_samples = sampled(made(tmp_path, metrics(loss=1)), SAMPLE, {"t": 2, "job": 5})
    runs = [with_samples, made(tmp_path, metrics(loss=1), run_id="other")]
    assert table(runs, system=True) == [
        ["project", "run_id", "timestamp", "t", "interval_seconds", "job.cpu_percent",
         "job.rss_bytes", "host.memory_used_bytes", "gpu0.name", "gpu0.power_watts",
         "gpu0.2.power_watts"],
        ["p", "r", MOMENT, "1.5", "", "187.0", "5", "7", "A", "3.5", ""],
        ["p", "r", "", "2", *[""] * 7],
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="no samples of the machine in these runs"):
        exported("csv", runs[1], system=True)


NAMES = st.text(max_size=4) | st.sampled_from(["loss", "a,b", "=x", 'q"', "é", "a\nb", "train/x"])
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=4)
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=8)
OURS = {*HEAD, "type", "rank_", "project_", "run_id_"}


@given(RECORDS)
def test_a_csv_tells_what_read_run_tells(
    tmp_path_factory: pytest.TempPathFactory, fields: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    kept = [{k: v for k, v in each.items() if k not in OURS} for each in fields]
    run = made(folder, *({**metrics(), **each} for each in kept))
    head, *rows = table(run)
    columns = RunData(Path(run.path)).columns()
    guarded = [f"'{n}" if n[:1] in set("=+-@\t\r\n\0＝＋－＠") and n else n for n in columns]
    assert head == ["project", "run_id", *guarded]
    for place, values in enumerate(columns.values()):
        assert [same(row[place + 2], value) for row, value in zip(rows, values, strict=True)]


def same(cell: str, value: Any) -> bool:
    if isinstance(value, bool):
        assert cell == str(value).lower()
    elif isinstance(value, int | float):
        assert type(value)(cell) == value or math.isnan(value)
    else:
        assert cell.removeprefix("'") == (value or "").removeprefix("'")
    return True


def test_pandas_reads_what_read_run_gives(tmp_path: Path) -> None:
    import pandas

    rows = [metrics(_step=n, epoch=n // 3, loss=1 / (n + 1), acc=None if n % 2 else n / 7)
            for n in range(100)]  # fmt: skip
    run = made(tmp_path, *rows, metrics(_step=100, loss="NaN", acc="Infinity"))
    read = pandas.read_csv(exported("csv", run)[0])
    told = read_run(run.path).to_pandas()
    assert list(read.columns[2:]) == list(told.columns)
    for name in ("step", "epoch", "loss", "acc"):
        assert read[name].astype(float).equals(told[name].astype(float))
    assert (pandas.to_datetime(read["timestamp"]) == told["timestamp"]).all()


# --- parquet ------------------------------------------------------------------------------


def test_parquet_is_read_by_pandas_polars_and_duckdb(tmp_path: Path) -> None:
    import duckdb
    import pandas
    import polars

    path, report = exported("parquet", made(tmp_path, *MIXED))
    assert report.rows == 3
    read = pandas.read_parquet(path)
    assert list(read["step"]) == [1, 2, 3]
    assert [str(read[name].dtype) for name in ("timestamp", "step", "loss", "acc")] == [
        "datetime64[us, UTC]", "int64", "float64", "float64",
    ]  # fmt: skip
    assert read["loss"].to_list()[::2] == [0.5, -math.inf]
    frame = polars.read_parquet(path)
    assert str(frame["timestamp"][0]) == "2026-11-24 07:31:05+00:00"
    assert frame["ok"].to_list() == [None, True, None]
    assert frame["shape"].to_list() == [None, None, '[1,{"a":null}]']
    assert frame["note"][0] == '=bad, "really"\n'
    assert math.isnan(frame["loss"][1])
    with duckdb.connect() as base:
        (found,) = base.execute(f"select max(step), count(epoch) from '{path}'").fetchall()
    assert found == (3, 1)
    long = polars.read_parquet(exported("parquet", made(tmp_path, *MIXED), long=True)[0])
    assert long.columns == [*HEAD, "name", "value"]
    assert long.schema["value"] == polars.String  # there is text among them
    assert long["value"][2] == "NaN"


@given(RECORDS)
def test_parquet_holds_whatever_was_logged(
    tmp_path_factory: pytest.TempPathFactory, fields: list[Record]
) -> None:
    import polars

    run = made(tmp_path_factory.mktemp("runs"), *({**metrics(), **each} for each in fields))
    if not any("\x00" in name for each in fields for name in each):
        read = polars.read_parquet(exported("parquet", run)[0])
        assert read.columns[:6] == HEAD
        assert read.height == len(fields)


def test_odd_axes_and_surrogates_have_a_type_that_holds_them(tmp_path: Path) -> None:
    import polars

    odd = b'{"timestamp":"?","type":"metrics","_step":1.5,"epoch":1e30,"x":"\\ud800","y":NaN}\n'
    naive = metrics(timestamp="2026-11-24 07:31:05", _step=2.0, epoch=2, x=5, y=True)
    read = polars.read_parquet(exported("parquet", made(tmp_path, odd, naive))[0])
    assert read["timestamp"][0] is None
    assert read["timestamp"][1] is not None
    assert read["step"].to_list() == [1.5, 2.0]
    assert read["epoch"].to_list() == [1e30, 2.0]
    assert read["x"].to_list() == ["\\ud800", "5"]
    assert read["y"].to_list()[1] == 1.0


def test_groups_of_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow.parquet import ParquetFile

    from mlterm.exporting import parquet

    monkeypatch.setattr(parquet, "_GROUP_BYTES", 10_000)
    monkeypatch.setattr(parquet, "_BATCH_CELLS", 1_000)
    rows = [metrics(_step=n, loss=n / 7) for n in range(2000)]
    with ParquetFile(exported("parquet", made(tmp_path, *rows))[0]) as file:
        assert file.metadata.num_rows == 2000
        assert file.num_row_groups > 3


# --- json ---------------------------------------------------------------------------------


def test_json_has_all_of_each_run(tmp_path: Path) -> None:
    artifact = record("artifact", name="model", path="m.pt")
    one = sampled(made(tmp_path, record("hyperparameters", lr=0.1), artifact, *MIXED), SAMPLE)
    two = made(tmp_path, run_id="two")
    path, report = exported("json", [one, two])
    first, second = json.loads(path.read_bytes())
    assert (report.runs, report.rows) == (2, 3)
    assert list(first) == ["run", "hyperparameters", "metrics", "artifacts", "finish"]
    assert (first["run"]["run_id"], first["run"]["status"]) == ("r", "completed")
    assert first["hyperparameters"] == {"lr": 0.1}
    assert first["metrics"] == [each for each in MIXED if each["type"] == "metrics"]
    assert [each["name"] for each in first["artifacts"]] == ["model"]
    assert first["finish"]["exit_code"] == 0
    assert second["metrics"] == second["artifacts"] == []
    assert second["finish"] is None
    first, second = json.loads(exported("json", [one, two], system=True)[0].read_bytes())
    assert first["system"] == [SAMPLE]
    assert second["system"] == []


def test_json_lines_are_records_with_the_names_of_their_run(tmp_path: Path) -> None:
    run = sampled(made(tmp_path, *MIXED), SAMPLE, {})
    lines = list(map(json.loads, exported("jsonl", run)[0].read_bytes().splitlines()))
    kept = [each for each in MIXED if each["type"] == "metrics"]
    kept[2] = {k if k != "project" else "project_": v for k, v in kept[2].items()}
    assert lines == [{"project": "p", "run_id": "r", **each} for each in kept]
    lines = list(map(json.loads, exported("jsonl", run, system=True)[0].read_bytes().splitlines()))
    names = {"project": "p", "run_id": "r", "type": "sample"}
    assert lines[3:] == [{**names, **SAMPLE}, names]


@pytest.mark.parametrize(
    ("form", "times"),
    [
        ("csv", {"finding the columns": 1, "exporting": 1}),
        ("parquet", {"finding the columns": 1, "finding their types": 1, "exporting": 1}),
        ("json", {"exporting": 2}),
        ("jsonl", {"exporting": 1}),
    ],
)
def test_how_far_it_is_is_told_by_the_bytes(
    tmp_path: Path, form: str, times: dict[str, int]
) -> None:
    done: Counter[str] = Counter()
    totals: Counter[str] = Counter()

    @contextmanager
    def progress(what: str, total: int | None) -> Iterator["Step"]:
        totals[what] += total or 0
        yield Step(what)

    class Step:
        def __init__(self, what: str) -> None:
            self.what = what

        def step(self, count: int = 1) -> None:
            done[self.what] += count

    run = made(tmp_path, *MIXED)
    exported(form, run, progress=progress)
    size = Path(run.path).stat().st_size
    assert totals == {what: n * size for what, n in times.items()}
    assert all(totals[what] - n <= done[what] <= totals[what] for what, n in times.items())


# --- what is broken -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "jsonl"])
def test_what_can_be_read_is_exported_and_the_rest_counted(tmp_path: Path, form: str) -> None:
    bare = b'{"timestamp":"2","type":"metrics","loss":NaN,"big":1e999}\n'
    torn = b'{"timestamp":"2","type":"metr'
    run = made(tmp_path, metrics(loss=1), b"{broken\n", b"\xff\n", bare, metrics(loss=2), torn)
    gone = made(tmp_path, metrics(loss=3), run_id="gone")
    Path(gone.path).unlink()
    path, report = exported(form, [run, gone])
    assert (report.runs, report.rows, report.broken_lines) == (1, 3, 2)
    (words,) = report.unreadable
    assert words == f"{gone.path} could not be read: No such file or directory"
    if form != "parquet":
        assert b"NaN" in path.read_bytes()
        assert path.read_bytes().count(b"Infinity") == 1


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_where_there_is_nothing_no_file_comes_to_be(tmp_path: Path, form: str) -> None:
    run = made(tmp_path, record("hyperparameters", lr=1), b"{broken\n")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(
        NotFoundError, match=r"no metrics in these runs; 1 line.* could not be read"
    ):
        exported(form, run)
    assert sorted(os.listdir(tmp_path)) == before


def test_what_a_live_run_writes_meanwhile_is_not_read(tmp_path: Path) -> None:
    run = made(tmp_path, metrics(a=1), b'{"timestamp":"2","type":"metrics",')
    (source,) = reading.runs_of([run])
    with Path(run.path).open("ab") as file:
        file.write(b'"b":1}\n' + encode(metrics(c=1)))
    shown = Options().progress("", None).__enter__()
    assert [[r.get("a") for r in block] for block in source.metrics(Report(), shown)] == [[1]]


def test_a_run_that_is_replaced_meanwhile_is_told(tmp_path: Path) -> None:
    run = made(tmp_path, metrics(a=1), metrics(a=2))
    found = tables.Table([run], Options())
    made(tmp_path, metrics(b=1))
    with pytest.raises(MltermError, match="export it again"):
        list(found.blocks(Report()))
