import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import MltermError, RefusedError
from mlterm.core.summary import RunSummary
from mlterm.exporting import mlflow
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.keys import LIMIT, Keys
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
from mlterm.tracker import Tracker

START = "2026-11-24T10:00:00.000000+00:00"
MILLISECONDS = 1795514400000


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the export sets is forgotten behind each test."""
    for name in (*mlflow._SETTINGS, mlflow._RETRIES):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)


def make_run(folder: Path, *records: dict[str, Any], run_id: str = "r", **start: Any) -> RunSummary:
    head = {"type": "run", "schema": 1, "project": "p", "run_id": run_id, "host": "h", **start}
    path = folder / f"p_{run_id}.jsonl"
    lines = [{"timestamp": START, **record} for record in (head, *records)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return store.load(RunFiles(path))


def metrics(**values: Any) -> dict[str, Any]:
    return {"type": "metrics", **values}


def export(folder: Path | str, *runs: RunSummary, overwrite: bool = False) -> Report:
    return mlflow.export(runs, Target(folder, overwrite=overwrite), Options())


class Read:
    """What MLflow's own client finds in a folder."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=folder.as_uri())

    def runs(self, project: str = "p") -> list[Any]:
        experiment = self.client.get_experiment_by_name(project)
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id]))

    def only(self) -> Any:
        (run,) = self.runs()
        return run

    def history(self, name: str) -> list[tuple[int, int, float]]:
        found = self.client.get_metric_history(self.only().info.run_id, name)
        return [(metric.timestamp, metric.step, metric.value) for metric in found]


def test_a_run_has_its_settings_metrics_tags_status_and_times(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        {"type": "hyperparameters", "lr": 0.1, "optim": {"name": "adam", "betas": [0.9, 0.99]}},
        metrics(_step=1, loss=0.5, nan="NaN", ok=True),
        metrics(step=2, epoch=1, loss="Infinity", text="no metric"),
        {"type": "finish", "status": "failed", "reason": "exit code 1"},
        tags={"team": "vision", "mlterm.key": "mine"},
        argv=["python", "train.py"],
        git={"commit": "abc"},
    )
    report = export(tmp_path / "mlruns", run)
    read = Read(tmp_path / "mlruns")
    found = read.only()
    assert found.data.params == {"lr": "0.1", "optim/name": "adam", "optim/betas": "[0.9,0.99]"}
    assert read.history("loss") == [(MILLISECONDS, 1, 0.5), (MILLISECONDS, 2, math.inf)]
    assert read.history("epoch") == [(MILLISECONDS, 2, 1.0)]
    assert math.isnan(read.history("nan")[0][2])
    assert found.info.run_name == "r"
    assert (found.info.status, found.info.start_time) == ("FAILED", MILLISECONDS)
    assert found.info.end_time == MILLISECONDS
    assert found.data.tags.items() >= {
        "team": "vision", "mlflow.source.name": "python train.py", "mlterm.path": run.path,
        "mlflow.source.git.commit": "abc", "mlterm.status": "failed",
    }.items()  # fmt: skip
    assert (report.runs, report.rows) == (1, 2)
    assert report.notes == ["values that are no numbers, left out: 1"]


def test_more_metrics_than_fit_into_a_batch_all_arrive_in_order(tmp_path: Path) -> None:
    export(tmp_path / "m", make_run(tmp_path, *(metrics(step=n, a=n) for n in range(2345))))
    assert [step for _, step, _ in Read(tmp_path / "m").history("a")] == list(range(2345))


def test_a_run_that_is_there_already_is_refused_or_replaced(tmp_path: Path) -> None:
    run, other = make_run(tmp_path, metrics(a=1)), make_run(tmp_path, metrics(a=1), run_id="other")
    export(tmp_path / "m", run)
    with pytest.raises(RefusedError, match=r"p/r has been exported .* --overwrite"):
        export(tmp_path / "m", other, run)
    assert len(Read(tmp_path / "m").runs()) == 1
    export(tmp_path / "m", make_run(tmp_path, metrics(a=2)), overwrite=True)
    assert [value for *_, value in Read(tmp_path / "m").history("a")] == [2.0]
    export(tmp_path / "m", other)
    assert len(Read(tmp_path / "m").runs()) == 2


def test_names_and_values_that_mlflow_refuses_are_changed_and_told(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        {"type": "hyperparameters", "a#b": "v" * 7000, "": 1},
        metrics(**{"loss": 1, "loss/train": 2, "x=y": 3, "/etc": 4, "a//../b": 5, "指標": 6}),
    )
    report = export(tmp_path / "m", run)
    found = Read(tmp_path / "m").only().data
    assert found.metrics == {
        "loss": 1, "loss.train": 2, "x_y": 3, "etc": 4, "a/b": 5, "指標": 6,
    }  # fmt: skip
    assert {name: len(value) for name, value in found.params.items()} == {"a_b": 6000, "_": 1}
    assert sorted(report.notes) == [
        "hyperparameters cut at 6,000 characters: 1",
        "names that MLflow does not allow, changed: 6",
    ]


def test_copies_of_artifacts_go_along(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights" * 1000)
    with Tracker("p", "r", tmp_path) as tracker:
        tracker.log_artifact("model", tmp_path / "model.bin", copy=True, compress="gz")
        tracker.log_artifact("elsewhere", tmp_path / "model.bin", copy=False)
        tracker.log_text("notes", "told", step=3)
    report = export(tmp_path / "m", store.load(RunFiles(tmp_path / "p_r.jsonl")))
    read = Read(tmp_path / "m")
    kept = Path(read.only().info.artifact_uri.removeprefix("file://"))
    found = {str(path.relative_to(kept).parent): path for path in kept.rglob("*") if path.is_file()}
    assert set(found) == {"model", "notes/step-3"}
    assert found["model"].read_bytes() == b"weights" * 1000
    assert found["model"].name == "model.bin"
    assert found["notes/step-3"].read_text() == "told"
    assert report.notes == ["artifacts without a copy, left out: 1"]


def test_ranks_have_names_of_their_own(tmp_path: Path) -> None:
    export(tmp_path / "m", make_run(tmp_path, metrics(_rank=0, a=1), metrics(_rank=3, a=2)))
    assert Read(tmp_path / "m").only().data.metrics == {"rank0/a": 1.0, "rank3/a": 2.0}


def test_a_live_run_goes_on_there_and_a_lost_one_was_killed(tmp_path: Path) -> None:
    export(tmp_path / "lost", make_run(tmp_path, metrics(a=1)))
    assert Read(tmp_path / "lost").only().info.status == "KILLED"
    with Tracker("p", "live", tmp_path) as tracker:
        tracker.log({"a": 1})
        export(tmp_path / "live", store.load(RunFiles(tmp_path / "p_live.jsonl")))
    found = Read(tmp_path / "live").only().info
    assert (found.status, found.end_time) == ("RUNNING", None)


def test_folders_of_others_are_kept_and_errors_are_words(tmp_path: Path) -> None:
    run = make_run(tmp_path, metrics(a=1))
    with pytest.raises(RefusedError, match="other things"):
        export(tmp_path, run)
    with pytest.raises(RefusedError, match="no folder"):
        export(tmp_path / "none" / "m", run)
    with pytest.raises(RefusedError, match="is no folder"):
        export(run.path, run)
    with pytest.raises(MltermError, match=r"cannot export to MLflow at .*: "):
        export("nonsense://there", run)
    with pytest.raises(RefusedError, match="-o says which"):
        mlflow.export([run], Target(None), Options())


def test_what_was_begun_is_taken_back_where_it_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlterm.exporting import mlflowstore

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    export(tmp_path / "m", make_run(tmp_path, metrics(a=1), run_id="first"))
    monkeypatch.setattr(mlflowstore.RunWriter, "flush", full)
    with pytest.raises(MltermError, match="No space left"):
        export(tmp_path / "m", make_run(tmp_path, metrics(a=1)))
    assert [run.info.run_name for run in Read(tmp_path / "m").runs()] == ["first"]


names = st.text(max_size=300) | st.lists(st.sampled_from("a/.b #é"), max_size=8).map("".join)


@given(st.lists(names, max_size=30), st.booleans())
def test_keys_are_allowed_and_never_one_for_two_names(told: list[str], are_files: bool) -> None:
    from mlflow.utils.validation import _validate_metric_name

    keys = Keys(are_files=are_files)
    found = {name: keys.of(name) for name in told}
    assert {name: keys.of(name) for name in told} == found
    assert len(set(found.values())) == len(found)
    for key in found.values():
        _validate_metric_name(key)
        assert len(key.encode()) <= LIMIT
        if are_files:
            assert not any(other.startswith(f"{key}/") for other in found.values())
