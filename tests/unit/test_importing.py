import io
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.lifecycle import LOST
from mlterm.core.summary import RunSummary
from mlterm.exporting import csvtable as csv_export
from mlterm.exporting import tensorboard as tensorboard_export
from mlterm.exporting.formats import Options
from mlterm.exporting.target import Target
from mlterm.importing.sources import reader
from mlterm.importing.staging import Asked, Made, staging
from mlterm.importing.wandbfile import Reading, records_in
from mlterm.reader import RunData
from mlterm.system import store
from mlterm.system.paths import RunFiles

START = "2026-11-24T10:00:00.000000+00:00"
SECONDS = 1795514400.0


def imported(source: str, path: Path, **asked: Any) -> list[Made]:
    with staging(Asked(path.parent / "logs", "here", **asked)) as staged:
        reader(source)(path, staged, Asked(path.parent, "here"))
        return staged.keep()


def only(source: str, path: Path, **asked: Any) -> Made:
    (made,) = imported(source, path, **asked)
    return made


def records(made: Made) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.files.run.read_text().splitlines()]


def metrics(made: Made) -> list[dict[str, Any]]:
    found = [record for record in records(made) if record["type"] == "metrics"]
    return [{k: v for k, v in record.items() if k not in ("type", "timestamp")} for record in found]


def summary(made: Made) -> RunSummary:
    return store.load(made.files, metrics=True)


# --- TensorBoard ------------------------------------------------------------------------------


def write(folder: Path, *events: Event, suffix: str = "") -> None:
    """Events, as TensorBoard's own writer writes them."""
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events:
        writer.add_event(event)
    writer.close()


def scalar(step: int, seconds: float = 0.0, **values: float) -> Event:
    told = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(step=step, wall_time=SECONDS + seconds, summary=Summary(value=told))


def test_each_folder_with_event_files_is_a_run(tmp_path: Path) -> None:
    write(tmp_path / "runs" / "one" / "train", scalar(1, loss=0.5))
    write(tmp_path / "runs" / "two", scalar(1, loss=0.25), scalar(2, loss=math.nan))
    write(tmp_path / "runs", scalar(1, loss=1.0))
    made = {summary(one).name: one for one in imported("tensorboard", tmp_path / "runs")}
    assert set(made) == {"here/one-train", "here/two", "here/runs"}
    run = summary(made["here/two"])
    assert (run.status, run.metrics["loss"]["count"], run.metrics["loss"]["min"]) == (
        "completed", 2, 0.25,
    )  # fmt: skip
    start, *_, finish = records(made["here/two"])
    assert start["imported"] == {"format": "TensorBoard", "path": str(tmp_path / "runs" / "two")}
    assert finish["reason"] == "imported from TensorBoard"


def test_values_of_one_moment_are_one_record(tmp_path: Path) -> None:
    write(
        tmp_path / "r",
        scalar(1, 0.0, loss=0.5),
        scalar(1, 0.1, acc=0.25),
        scalar(1, 9.0, val=1.0),  # at the end of the epoch
        scalar(2, 9.1, loss=0.25),
        scalar(2, 9.2, loss=0.125),  # said twice
        scalar(2, 9.3, _hidden=1.0, epoch=3.0),
    )
    made = only("tensorboard", tmp_path / "r")
    assert metrics(made) == [
        {"loss": 0.5, "acc": 0.25, "_step": 1},
        {"val": 1.0, "_step": 1},
        {"loss": 0.25, "_step": 2},
        {"loss": 0.125, "hidden": 1.0, "epoch": 3.0, "_step": 2},
    ]
    stamps = [record["timestamp"][17:22] for record in records(made)[1:-1]]
    assert stamps == ["00.00", "09.00", "09.10", "09.20"]


def test_what_a_restart_has_made_void_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "r", *(scalar(step, a=step) for step in range(5)), suffix=".1")
    restart = Event(step=3, wall_time=SECONDS, session_log=SessionLog(status=SessionLog.START))
    write(tmp_path / "r", restart, scalar(3, a=30.0), scalar(4, a=40.0), suffix=".2")
    made = only("tensorboard", tmp_path / "r")
    assert [record["a"] for record in metrics(made)] == [0, 1, 2, 30, 40]
    assert made.draft.passed_over == {"values that a restart has made void": 2}


said = st.lists(
    st.tuples(st.sampled_from(["a", "b", "start", "file"]), st.integers(0, 6)), max_size=40
)


@given(said, st.booleans())
@settings(max_examples=40)
def test_restarts_leave_what_tensorboard_itself_shows(
    told: list[tuple[str, int]], has_version: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        folder.mkdir()
        files: list[list[Event]] = [[scalar(0, a=-1.0)]]
        for at, (kind, step) in enumerate(told):
            if kind == "file":
                files.append([])
            elif kind == "start":
                restart = SessionLog(status=SessionLog.START)
                files[-1].append(Event(step=step, wall_time=SECONDS, session_log=restart))
            else:
                files[-1].append(scalar(step, **{kind: float(at)}))
        for number, events in enumerate(files):
            with (folder / f"events.out.tfevents.{number:03}").open("wb") as file:
                writer = RecordWriter(file)
                if has_version:
                    events.insert(0, Event(file_version="brain.Event:2"))
                for event in events:
                    writer.write(event.SerializeToString())
        shown = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        shown.Reload()
        made = only("tensorboard", folder)
        for tag in "ab":
            values = [record[tag] for record in metrics(made) if tag in record]
            there = tag in shown.Tags()["scalars"]
            assert values == [event.value for event in shown.Scalars(tag)] if there else not values


def test_texts_stay_and_other_kinds_are_counted(tmp_path: Path) -> None:
    image = Summary.Value(tag="picture", image=Summary.Image(height=1, width=1, colorspace=1))
    told = text_pb("note/text_summary", "a *cat*")
    write(
        tmp_path / "r",
        Event(step=1, wall_time=SECONDS, summary=told),
        Event(step=1, wall_time=SECONDS, summary=Summary(value=[image])),
        Event(graph_def=b"graph"),
    )
    made = only("tensorboard", tmp_path / "r")
    assert metrics(made) == [{"note": "a *cat*", "_step": 1}]
    assert made.draft.passed_over == {"images": 1, "graphs": 1}


def test_an_event_file_that_was_cut_gives_what_is_whole(tmp_path: Path) -> None:
    write(tmp_path / "r", scalar(1, loss=0.5), scalar(2, loss=0.25))
    (file,) = (tmp_path / "r").iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    made = only("tensorboard", tmp_path / "r")
    assert [record["loss"] for record in metrics(made)] == [0.5]
    assert list(made.draft.passed_over) == ["bytes at a file's end that could not be read"]


def test_an_export_to_tensorboard_comes_back(tmp_path: Path) -> None:
    lines = [
        {"type": "run", "schema": 1, "project": "p", "run_id": "r", "host": "node",
         "argv": ["python", "my train.py"], "tags": {"team": "vision"}},
        {"type": "hyperparameters", "lr": 0.5, "n": 3, "on": True, "optim": {"name": "adam"}},
        {"type": "note", "text": "first try"},
        {"type": "metrics", "_step": 1, "loss": 0.5, "said": "a cat"},
        {"type": "metrics", "_step": 1, "_rank": 0, "gpu": 1.0},
        {"type": "metrics", "_step": 2, "loss": "NaN", "epoch": 1},
        {"type": "finish", "status": "failed"},
    ]  # fmt: skip
    (tmp_path / "first").mkdir()
    path = tmp_path / "first" / "p_r.jsonl"
    path.write_text("".join(json.dumps({"timestamp": START, **line}) + "\n" for line in lines))
    run = store.load(RunFiles(path))
    tensorboard_export.export([run], Target(tmp_path / "out"), Options())
    made = only("tensorboard", tmp_path / "out" / "p", project="p")
    found = summary(made)
    assert (found.name, found.status, found.host) == ("p/r", "failed", "node")
    assert found.started == START
    assert found.hyperparameters == {"lr": 0.5, "n": 3, "on": True, "optim/name": "adam"}
    assert (found.tags, found.notes) == ({"team": "vision"}, ["first try"])
    assert records(made)[0]["argv"] == ["python", "my train.py"]
    assert metrics(made) == [
        {"loss": 0.5, "said": "a cat", "_step": 1},
        {"epoch": 1.0, "loss": "NaN", "_step": 2},
        {"gpu": 1.0, "_step": 1, "_rank": 0},
    ]
    assert made.draft.passed_over == {}


# --- wandb ------------------------------------------------------------------------------------

WANDB = """
import math, wandb
settings = wandb.Settings(x_disable_stats=True, console="off", silent=True)
config = {"lr": 0.1, "opt": {"name": "adam"}}
run = wandb.init(mode="offline", project="digits", name="calm tree", id="abc", notes="first try",
                 tags=["good"], group="g", config=config, settings=settings)
run.define_metric("loss", summary="min")
for i in range(3):
    run.log({"loss": 1 / (i + 1), "deep": {"a": i}, "said": "hi", "nan": math.nan})
run.log({"hist": wandb.Histogram([1, 2, 3]), "inf": math.inf}, step=10)
run.summary["best"] = 3
run.config.update({"late": 1})
run.finish(exit_code=EXIT)
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wandb's folder, as it makes one without any network."""
    folder = tmp_path_factory.mktemp("offline")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    environ |= {"HOME": str(folder), "WANDB_ERROR_REPORTING": "false"}
    command = [sys.executable, "-c", WANDB.replace("EXIT", "3")]
    subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, timeout=60)
    return folder / "wandb"


def wandb_file(offline: Path) -> Path:
    (file,) = offline.glob("offline-run-*/*.wandb")
    return file


def test_a_run_of_wandbs_comes_with_all_that_it_tells(offline: Path, tmp_path: Path) -> None:
    made = only("wandb-offline", offline, project=None)
    run = summary(made)
    assert (run.name, run.aliases) == ("digits/abc", ["digits/calm-tree"])
    assert (run.status, run.exit_code, run.reason) == ("failed", 3, "exit code 3")
    assert run.hyperparameters == {"lr": 0.1, "opt": {"name": "adam"}, "late": 1}
    assert (run.notes, run.tags) == (["first try"], {"good": "", "group": "g"})
    assert run.definitions == {"loss": {"summary": "min", "goal": None}}
    first, _, third, fourth, fifth = metrics(made)
    assert first == {"loss": 1, "deep.a": 0, "said": "hi", "nan": "NaN", "_step": 0}
    assert third["_step"] == 2
    assert (fourth["_step"], fourth["inf"]) == (10, "Infinity")
    assert fourth["hist"]["_type"] == "histogram"
    assert fifth == {"best": 3, "_step": 10}
    assert set(run.metrics) == {"loss", "deep.a", "nan", "inf", "best"}
    assert RunData(made.files.run).broken_lines == 0
    assert made.draft.passed_over == {}


def test_a_wandb_file_that_was_cut_or_spoilt_gives_the_rest(offline: Path, tmp_path: Path) -> None:
    whole = wandb_file(offline).read_bytes()
    cut = tmp_path / "run-cut.wandb"
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    made = only("wandb-offline", cut)
    assert summary(made).status == LOST
    assert metrics(made)
    assert list(made.draft.passed_over) == ["bytes at a file's end that could not be read"]
    spoilt = tmp_path / "run-spoilt.wandb"
    spoilt.write_bytes(whole[:100] + b"\0" + whole[101:])
    made = only("wandb-offline", spoilt)
    assert made.draft.passed_over["records that could not be read"] == 1
    assert len(metrics(made)) == 5


def test_what_is_no_file_of_wandbs_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wandb").write_bytes(b"nonsense" * 100)
    with pytest.raises(NotFoundError, match="not taken: files that are not wandb's: 1"):
        imported("wandb-offline", tmp_path / "x.wandb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="nothing was found"):
        imported("wandb-offline", tmp_path / "empty")


@given(st.lists(st.integers(0, 100_000), max_size=6), st.integers(0, 5))
def test_records_over_several_blocks_are_whole(sizes: list[int], missing: int) -> None:
    """Framed as LevelDB's log_format.md describes it."""
    data = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    wanted = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    for record in wanted:
        rest, is_first = record, True
        while True:
            left = 32768 - len(data) % 32768
            if left < 7:
                data += bytes(left)
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[
                (is_first, not rest)
            ]
            body = bytes([kind]) + part
            data += struct.pack("<IH", zlib.crc32(body), len(part)) + body
            is_first = False
            if not rest:
                break
    reading = Reading()
    assert list(records_in(io.BytesIO(bytes(data)), reading)) == wanted
    assert (reading.broken, reading.torn_bytes, reading.is_wandb) == (0, 0, True)
    if wanted and wanted[-1] and missing:
        cut = Reading()
        assert list(records_in(io.BytesIO(bytes(data[:-missing])), cut)) == wanted[:-1]
        assert cut.torn_bytes > 0


# --- CSV --------------------------------------------------------------------------------------


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_an_event_file_alone_is_called_as_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "r", scalar(1, loss=0.5))
    (file,) = (tmp_path / "r").iterdir()
    assert summary(only("tensorboard", file)).name == "here/r"


def test_a_table_is_a_run_called_as_its_file(tmp_path: Path) -> None:
    path = table(tmp_path, 'step,loss,"said, so"\n1,0.5,hi\n2,nan,\n3,-inf,true\n')
    made = only("csv", path)
    assert summary(made).name == "here/t"
    assert metrics(made) == [
        {"loss": 0.5, "said, so": "hi", "_step": 1},
        {"loss": "NaN", "_step": 2},
        {"loss": "-Infinity", "said, so": True, "_step": 3},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "step;loss\n1;0,5\n2;1.5\n",
        "step\tloss\n1\t0.5\n2\t1.5\n",
        "\ufeffStep|loss\r\n1|0.5\r\n2|1.5",
        "timestamp,_step,loss\n2026-11-24T10:00:00+00:00,1,.5\n1795514400,2,15e-1\n",
        "name,value,step\nloss,0.5,1\nloss,1.5,2\n",
    ],
)
def test_dialects_of_tables(tmp_path: Path, text: str) -> None:
    made = only("csv", table(tmp_path, text))
    assert metrics(made) == [{"loss": 0.5, "_step": 1}, {"loss": 1.5, "_step": 2}]
    if "timestamp" in text:
        assert {record["timestamp"] for record in records(made)} == {START}


def test_a_run_for_each_project_and_run_id(tmp_path: Path) -> None:
    text = "run_id,project,loss,rank,epoch\na,p,1,0,2\nb,p,2,,\na,p,3,1,3\na,q,4,,\n,,5,,\n"
    made = {summary(one).name: one for one in imported("csv", table(tmp_path, text))}
    assert set(made) == {"p/a", "p/b", "q/a", "here/t"}
    assert metrics(made["p/a"]) == [
        {"epoch": 2, "loss": 1, "_rank": 0}, {"epoch": 3, "loss": 3, "_rank": 1},
    ]  # fmt: skip


def test_rows_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    made = only("csv", table(tmp_path, "step,loss\n1,0.5\n2,1,2,3\n\n3\n"))
    assert metrics(made) == [{"loss": 0.5, "_step": 1}, {"_step": 3}]
    assert made.draft.passed_over == {"rows that could not be read": 1}


@pytest.mark.parametrize("text", ["", "\n", "step,loss\n"])
def test_an_empty_table_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotFoundError, match="nothing was found"):
        imported("csv", table(tmp_path, text))


words = st.text(min_size=1, max_size=8).filter(lambda text: text[0] not in "0123456789.tTfFnNiI[{")
values = (
    st.floats(width=64) | st.integers(-(2**53), 2**53) | st.booleans() | words
    | st.lists(st.integers(0, 9), max_size=3)
)  # fmt: skip
rows = st.lists(
    st.dictionaries(
        st.sampled_from(["loss", "a,b", "=x", "é\n", 'q"q', "step_2"]), values, min_size=1
    ),
    min_size=1,
    max_size=8,
)


@given(rows, st.booleans())
def test_an_export_as_csv_comes_back_the_same(told: list[dict[str, Any]], long: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "first").mkdir()
        path = folder / "first" / "p_r.jsonl"
        lines = [{"type": "run", "schema": 1, "project": "p", "run_id": "r"}]
        lines += [
            {"type": "metrics", "_step": n, "_rank": n % 2, **row} for n, row in enumerate(told)
        ]
        path.write_text(
            "".join(
                json.dumps({"timestamp": START, **line}, default=str).replace("NaN", '"NaN"')
                .replace("-Infinity", '"-Infinity"').replace(": Infinity", ': "Infinity"') + "\n"
                for line in lines
            )
        )  # fmt: skip
        before, after = folder / "before.csv", folder / "after.csv"
        options = Options(long=long)
        csv_export.export([store.load(RunFiles(path))], Target(before), options)
        made = only("csv", before)
        csv_export.export([summary(made)], Target(after), options)
        assert after.read_bytes() == before.read_bytes()


# --- Names, and what is there already ---------------------------------------------------------


def test_names_are_made_allowed_and_unique(tmp_path: Path) -> None:
    text = (
        "project,run_id,loss\nmy proj,é/1,1\nmy proj,é 1,2\nmy proj,../x,3\n" + f"p,{'r' * 128},4\n"
    )
    made = imported("csv", table(tmp_path, text))
    assert [summary(one).name for one in made] == [
        "my-proj/1", "my-proj/1-2", "my-proj/-x", f"p/{'r' * 128}",
    ]  # fmt: skip


def test_a_taken_name_is_refused_and_nothing_is_imported(tmp_path: Path) -> None:
    path = table(tmp_path, "run_id,loss\na,1\nb,2\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "here_b.jsonl").touch()
    with pytest.raises(
        RefusedError, match=r"there are runs of these names already\n .*here_b.jsonl"
    ):
        imported("csv", path)
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["here_b.jsonl"]
    assert len(imported("csv", path, project="other")) == 2


def test_a_name_that_is_taken_meanwhile_undoes_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlterm.importing import staging as module

    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "here_b.jsonl").touch()
    monkeypatch.setattr(module, "_is_taken", lambda files: False)
    with pytest.raises(RefusedError, match=r"here_b\.jsonl"):
        imported("csv", table(tmp_path, "run_id,loss\na,1\nb,2\n"))
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["here_b.jsonl"]


def test_a_run_id_is_for_one_run(tmp_path: Path) -> None:
    assert summary(only("csv", table(tmp_path, "loss\n1\n"), run_id="mine")).name == "here/mine"
    with pytest.raises(RefusedError, match="--run-id names one run, and 2 were found"):
        imported("csv", table(tmp_path, "run_id,loss\na,1\nb,2\n"), run_id="mine")
    with pytest.raises(RefusedError, match="cannot be used as a name"):
        imported("csv", table(tmp_path, "loss\n1\n"), project="a/b")


def test_moments_that_are_none_are_those_before(tmp_path: Path) -> None:
    text = "timestamp,loss\nnan,1\n1e300,2\n-5,3\n"
    stamps = [record["timestamp"] for record in records(only("csv", table(tmp_path, text)))]
    assert stamps[2] == "9999-12-31T23:59:59.000000+00:00"
    assert all(math.isfinite(len(stamp)) for stamp in stamps)
