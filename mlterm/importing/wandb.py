"""wandb's offline files: a run each, as its own records tell it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from wandb.proto import wandb_internal_pb2

from mlterm.core.lifecycle import COMPLETED, FAILED
from mlterm.importing.draft import Draft
from mlterm.importing.staging import Asked, Staging, walk
from mlterm.importing.wandbfile import Reading, records_in

ORIGIN = "wandb"
_RECORD = wandb_internal_pb2.Record  # type: ignore[attr-defined]  # it is made at the import
_OWN = frozenset({"_step", "_timestamp", "_runtime", "_wandb"})
_GOALS = {1: "minimize", 2: "maximize"}
_KNOWN = frozenset({
    "run", "config", "history", "partial_history", "summary", "metric", "exit", "environment",
    "header", "footer", "final", "telemetry", "files", "request", "use_artifact", "preempting",
})  # fmt: skip
"""What is taken, or only about wandb itself."""
_WORDS = {
    "stats": "samples of the machine", "output": "pieces of output",
    "output_raw": "pieces of output", "artifact": "artifacts", "alert": "alerts",
    "tbrecord": "TensorBoard logs",
}  # fmt: skip


def read(path: Path, staging: Staging, asked: Asked) -> None:
    """Make a draft of each .wandb file under ``path``, or of that one. Raises OSError."""
    for file in _files(path):
        draft = staging.draft(ORIGIN, file)
        _Run(draft).read(file, asked)


def _files(path: Path) -> Iterator[Path]:
    """Each once, the oldest folder first: wandb links to the latest."""
    if path.is_file():
        yield path
        return
    for folder, files in walk(path):
        yield from (folder / file for file in files if file.endswith(".wandb"))


class _Run:
    """A file's records, as they come."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._seen: set[str] = set()
        self._step: int | None = None
        self._seconds = float("nan")
        draft.status = None
        draft.run_id = draft.path.stem.removeprefix("run-")

    def read(self, path: Path, asked: Asked) -> None:
        """Take in all of it that is sound."""
        reading, passed_over = Reading(), self._draft.passed_over
        with path.open("rb") as file:
            for data in records_in(file, reading):
                asked.step(len(data))
                try:
                    self._add(_RECORD.FromString(data))
                except DecodeError:
                    reading.broken += 1
        _count(passed_over, "files that are not wandb's", not reading.is_wandb)
        _count(passed_over, "records that could not be read", reading.broken)
        _count(passed_over, "bytes at a file's end that could not be read", reading.torn_bytes)
        self._tell()

    def _add(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self._add_history(record.history)
        elif kind == "summary":
            _update(self._summary, record.summary)
        elif kind == "config":
            _update(self._config, record.config)
        elif kind == "run":
            self._add_run(record.run)
        elif kind == "environment":
            self._add_environment(record.environment)
        elif kind == "metric":
            self._define(record.metric)
        elif kind == "exit":
            code = record.exit.exit_code
            self._draft.status = FAILED if code else COMPLETED
            self._draft.exit_code, self._draft.reason = code, f"exit code {code}"
            if self._draft.started is not None:
                self._draft.ended = self._draft.started + record.exit.runtime
        elif kind not in _KNOWN:
            self._draft.passed_over[_WORDS.get(kind, "records of other kinds")] += 1

    def _add_history(self, history: Any) -> None:
        values = _named(history.item)
        self._step = (
            history.step.num if history.HasField("step") else values.get("_step", self._step)
        )
        self._seconds = values.get("_timestamp", self._seconds)
        told = {name: value for name, value in values.items() if name not in _OWN}
        self._seen |= told.keys()
        if told:
            self._draft.add(self._seconds, told, step=self._step)

    def _add_run(self, run: Any) -> None:
        draft = self._draft
        draft.project = run.project or draft.project
        draft.run_id = run.run_id or draft.run_id
        draft.aliases = [run.display_name] if run.display_name else draft.aliases
        draft.notes = [run.notes] if run.notes else draft.notes
        draft.tags |= dict.fromkeys(run.tags, "")
        labels = (("group", run.run_group), ("job_type", run.job_type), ("sweep", run.sweep_id))
        draft.tags |= {name: text for name, text in labels if text}
        if run.host:
            draft.facts["host"] = run.host
        if run.HasField("start_time"):
            draft.started = run.start_time.seconds + run.start_time.nanos / 1e9
        if run.git.commit:
            draft.facts["git"] = {"commit": run.git.commit, "branch": None, "dirty": None}
        _update(self._config, run.config)

    def _add_environment(self, environment: Any) -> None:
        facts = self._draft.facts
        if environment.program:
            facts["argv"] = [environment.program, *environment.args]
            if environment.executable:
                facts["argv"].insert(0, environment.executable)
        if environment.git.commit:
            facts["git"] = {"commit": environment.git.commit, "branch": None, "dirty": None}
        if environment.root:
            facts["cwd"] = environment.root
        if environment.python:
            version = environment.python.removeprefix("CPython ")
            facts["python"] = {"version": version, "executable": environment.executable}

    def _define(self, metric: Any) -> None:
        told = metric.summary
        summary = next((name for name in ("min", "max", "last") if getattr(told, name)), None)
        goal = _GOALS.get(metric.goal)
        if metric.name and (summary or goal):
            self._draft.definitions[metric.name] = {"summary": summary, "goal": goal}

    def _tell(self) -> None:
        """What is complete only at the end."""
        settings = {name: value for name, value in self._config.items() if name != "_wandb"}
        self._draft.hyperparameters = settings
        tops = {name.partition(".")[0] for name in self._seen} | self._seen
        rest = {
            name: value
            for name, value in self._summary.items()
            if name not in _OWN and name not in tops
        }
        if rest:
            self._draft.add(self._seconds, rest, step=self._step)


def _update(values: dict[str, Any], told: Any) -> None:
    """Set and remove what a config or a summary record names, nested ones too."""
    for item in told.update:
        *above, name = item.nested_key or [item.key]
        _inner(values, above)[name] = _json(item.value_json)
    for item in told.remove:
        *above, name = item.nested_key or [item.key]
        _inner(values, above).pop(name, None)


def _inner(values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The object within objects of those names; what is none is replaced by one."""
    for name in names:
        if not isinstance(values.get(name), dict):
            values[name] = {}
        values = values[name]
    return values


def _named(items: Iterable[Any]) -> dict[str, Any]:
    """What a history record tells by name: nested names are joined by dots, as wandb has them; its
    histograms, images and tables stay whole."""
    told: dict[str, Any] = {}
    for item in items:
        *above, name = item.nested_key or [item.key]
        _inner(told, above)[name] = _json(item.value_json)
    return dict(_joined(told))


def _joined(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and "_type" not in value:
            yield from _joined(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _json(text: str) -> Any:
    """wandb writes bare NaN and Infinity."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _count(counter: Counter[str], what: str, count: int) -> None:
    if count:
        counter[what] += count
