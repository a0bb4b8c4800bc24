import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.util import tensor_util

from mlterm.core.errors import RefusedError
from mlterm.core.summary import RunSummary
from mlterm.exporting import tensorboard
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
from mlterm.tracker import Tracker

START = "2026-11-24T10:00:00.000000+00:00"
SECONDS = 1795514400.0


def make_run(folder: Path, *records: dict[str, Any], run_id: str = "r", **start: Any) -> RunSummary:
    head = {"type": "run", "schema": 1, "project": "p", "run_id": run_id, **start}
    path = folder / f"p_{run_id}.jsonl"
    lines = [{"timestamp": START, **record} for record in (head, *records)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return store.load(RunFiles(path))


def metrics(seconds: int = 0, **values: Any) -> dict[str, Any]:
    return {"type": "metrics", "timestamp": START.replace("00.000", f"{seconds:02}.000"), **values}


def export(folder: Path, *runs: RunSummary) -> Report:
    return tensorboard.export(runs, Target(folder), Options())


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def scalars(folder: Path, tag: str) -> list[tuple[float, int, float]]:
    return [(event.wall_time, event.step, event.value) for event in read(folder).Scalars(tag)]


def texts(folder: Path) -> dict[str, list[tuple[int, str]]]:
    found = read(folder)
    return {
        tag: [
            (event.step, tensor_util.make_ndarray(event.tensor_proto)[0].decode())
            for event in found.Tensors(tag)
        ]
        for tag in found.Tags()["tensors"]
        if not tag.startswith("_hparams_/")
    }


def sessions(folder: Path) -> list[Any]:
    """What TensorBoard's HPARAMS tab would show."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context = base_plugin.TBContext(data_provider=provider, logdir=str(folder))
    backend = backend_context.Context(context)
    request, experiment = RequestContext(), "x"
    everything = backend.hparams_metadata(request, experiment)
    told = backend.experiment_from_metadata(
        request, experiment, True, everything,
        backend.hparams_from_data_provider(request, experiment, limit=0),
    )  # fmt: skip
    wanted = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=[
            api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE,
            api_pb2.STATUS_RUNNING, api_pb2.STATUS_UNKNOWN,
        ],
        include_metrics=True,
        aggregation_type=api_pb2.AGGREGATION_AVG,
        col_params=[
            *(api_pb2.ColParams(hparam=info.name) for info in told.hparam_infos),
            *(api_pb2.ColParams(metric=info.name) for info in told.metric_infos),
        ],
    )  # fmt: skip
    handler = list_session_groups.Handler(request, backend, experiment, wanted)
    return list(handler.run().session_groups)


def test_scalars_have_their_tags_steps_times_and_values(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        metrics(1, **{"_step": 10, "train/loss": 0.5, "naïve 指標": "NaN"}),
        metrics(2, **{"_step": 20, "train/loss": "Infinity", "ok": True}),
    )
    assert export(tmp_path / "out", run).rows == 2
    folder = tmp_path / "out" / "p" / "r"
    assert scalars(folder, "train/loss") == [
        (SECONDS + 1, 10, 0.5),
        (SECONDS + 2, 20, math.inf),
    ]
    assert scalars(folder, "ok") == [(SECONDS + 2, 20, 1.0)]
    ((_, step, value),) = scalars(folder, "naïve 指標")
    assert step == 10
    assert math.isnan(value)


def test_records_without_a_step_lie_at_their_epoch_or_their_place(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(epoch=3, a=1), metrics(step=4, epoch=2.5, a=2), metrics(b=3))
    export(tmp_path / "out", run)
    folder = tmp_path / "out" / "p" / "r"
    assert [step for _, step, _ in scalars(folder, "a")] == [3, 4]
    assert [step for _, step, _ in scalars(folder, "b")] == [2]
    assert [(step, value) for _, step, value in scalars(folder, "epoch")] == [(4, 2.5)]


def test_steps_that_are_no_whole_numbers_are_cut_and_told(tmp_path: Path) -> None:
    report = export(
        tmp_path / "out", make_run(tmp_path, metrics(_step=1.5, a=1), metrics(_step=1e30, a=1))
    )
    assert [step for _, step, _ in scalars(tmp_path / "out" / "p" / "r", "a")] == [1, 2**63 - 1]
    assert report.notes == ["steps that are no whole numbers, cut to whole ones: 2"]


def test_ranks_have_folders_of_their_own(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(_step=1, _rank=0, a=1), metrics(_step=1, _rank=3, a=2))
    export(tmp_path / "out", run)
    folder = tmp_path / "out" / "p" / "r"
    assert [value for *_, value in scalars(folder / "rank0", "a")] == [1.0]
    assert [value for *_, value in scalars(folder / "rank3", "a")] == [2.0]
    assert read(folder).Tags()["scalars"] == []


def test_the_hparams_tab_shows_settings_last_metrics_and_status(tmp_path: Path) -> None:
    settings = {"lr": 0.1, "on": True, "optim": {"name": "adam", "betas": [0.9, 0.99]}, "no": None}
    one = make_run(
        tmp_path,
        {"type": "hyperparameters", **settings},
        metrics(1, _step=1, loss=0.5),
        metrics(2, _step=2, loss=0.25),
        {"type": "finish", "status": "failed"},
    )
    other = make_run(
        tmp_path, {"type": "hyperparameters", "lr": 1}, metrics(loss=2.0), run_id="other"
    )
    export(tmp_path / "out", one, other)
    shown = {group.name: group for group in sessions(tmp_path / "out")}
    assert set(shown) == {"p/r", "p/other"}
    group = shown["p/r"]
    told = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
    assert told == {
        "lr": 0.1, "on": True, "optim/name": "adam", "optim/betas": "[0.9,0.99]", "no": "null",
    }  # fmt: skip
    last = {(value.name.group, value.name.tag): value.value for value in group.metric_values}
    assert last[("", "loss")] == 0.25
    (session,) = group.sessions
    assert session.status == api_pb2.STATUS_FAILURE
    assert session.start_time_secs == SECONDS


def test_texts_are_the_strings_the_command_and_the_artifacts(tmp_path: Path) -> None:
    with Tracker("p", "r", tmp_path, tags={"team": "vision"}) as tracker:
        tracker.log({"sample": "a cat", "loss": 1.0}, step=5)
        tracker.log_text("notes.md", "# told\n", step=7)
    run = store.load(RunFiles(tmp_path / "p_r.jsonl"))
    report = export(tmp_path / "out", run)
    told = texts(tmp_path / "out" / "p" / "r")
    assert told["sample"] == [(5, "a cat")]
    assert told["notes.md"] == [(7, "# told\n")]
    assert told["mlterm/tags"] == [(0, "    team=vision")]
    assert sys.executable in told["mlterm/command"][0][1]
    assert report.notes == []


def test_a_copy_outside_of_the_runs_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "p_r" / "artifacts").mkdir(parents=True)
    artifact = {"type": "artifact", "name": "a", "kind": "text", "path": "/x", "copy": "../secret"}
    report = export(tmp_path / "out", make_run(tmp_path, artifact))
    assert report.notes == ["text artifacts that could not be read: 1"]
    assert "a" not in texts(tmp_path / "out" / "p" / "r")


def test_what_has_no_form_there_is_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(a=[1, 2], b=None, c=1e300, _other=3))
    report = export(tmp_path / "out", run)
    assert report.notes == ["values that are neither numbers nor text, left out: 1"]
    assert scalars(tmp_path / "out" / "p" / "r", "c") == [(SECONDS, 0, math.inf)]


def test_a_file_that_names_odd_places_stays_within_the_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(a=1), run_id="x")
    odd = RunSummary(**{**run.as_json(), "project": "../..", "run_id": "/etc/\ud800x"})
    export(tmp_path / "out", odd)
    (found,) = (tmp_path / "out").rglob("events*")
    assert found.parent == tmp_path / "out" / "-.." / "etc-x"


def test_two_files_that_claim_one_name_are_two_runs(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(a=1))
    export(tmp_path / "out", run, run)
    assert {path.parent.name for path in (tmp_path / "out").rglob("events*")} == {"r", "r-2"}


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RefusedError, match="--overwrite"):
        export(tmp_path / "out", make_run(tmp_path, metrics(a=1)))
