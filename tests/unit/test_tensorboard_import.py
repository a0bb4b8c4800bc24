import json
import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

from mlterm.exporting import tensorboard as tensorboard_export
from mlterm.exporting.formats import Options
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
from tests.unit.importing import SECONDS, START, imported, metrics, only, records, summary


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


def test_an_event_file_alone_is_called_as_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "r", scalar(1, loss=0.5))
    (file,) = (tmp_path / "r").iterdir()
    assert summary(only("tensorboard", file)).name == "here/r"
