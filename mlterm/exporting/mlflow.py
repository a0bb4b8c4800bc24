"""Runs into MLflow, through its client: a folder of MLflow's own form, or a tracking server.

A project is an experiment. A run keeps the tag ``mlterm.key``, so that one that was exported
already is known again.
"""

import math
import os
import re
import shlex
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError, RefusedError
from mlterm.core.lifecycle import COMPLETED, FAILED, RUNNING
from mlterm.core.metrics.structured import flatten
from mlterm.core.names import as_name
from mlterm.core.origin import argv_of
from mlterm.core.places import place_of, seconds_of
from mlterm.core.records import Record, as_number, encode, is_metric
from mlterm.core.summary import RunSummary
from mlterm.exporting.copies import copy_of, restore
from mlterm.exporting.formats import Options, Report, Shown
from mlterm.exporting.keys import Keys
from mlterm.exporting.reading import Source, runs_of, size_of
from mlterm.exporting.starts import starts_of
from mlterm.exporting.target import Target
from mlterm.reader import RunData
from mlterm.system.paths import RunFiles, short_key

if TYPE_CHECKING:
    from mlterm.exporting.mlflowstore import RunWriter, Store

_KEY = "mlterm.key"
_STATUSES = {COMPLETED: "FINISHED", FAILED: "FAILED", RUNNING: "RUNNING"}
"""MLflow's words; a run that was cancelled or lost is KILLED there."""
_LARGEST_STEP = 2**63 - 1
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|databricks\Z")
_DATABASE = re.compile(r"(?:sqlite|mysql|postgresql|mssql)[+:]")
# Before mlflow is imported: nothing is told to anybody, files are allowed, and a server that is
# not there is given up after seconds.
_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write the runs, all of them or none. Raises MltermError, RefusedError where one of them is
    there already and ``target`` is not to be overwritten."""
    uri, is_local = _tracking_uri(target)
    os.environ.update(_SETTINGS)
    os.environ.setdefault(_RETRIES, "2")
    try:
        from mlterm.exporting import mlflowstore
    except ImportError as error:
        raise MltermError(
            f"exporting to MLflow needs its package ({error}): pip install 'mlterm[mlflow]'"
        ) from None
    report, remarks = Report(), Counter[str]()
    sources = runs_of(runs)
    with mlflowstore.telling(uri, target.title):
        store = mlflowstore.Store(uri)
        experiments = {name: store.experiment(name) for name in {run.project for run in runs}}
        older = _older(store, runs, experiments)
        if older and not target.overwrite:
            raise RefusedError(_there_already(runs, older, target))
        made: list[str] = []
        try:
            with options.progress("Exporting", size_of(sources)) as shown:
                for source in sources:
                    one = _Exported(source, is_local, remarks)
                    one.write(store, experiments[source.run.project], made, report, shown)
        except BaseException:
            for run in made:  # as far as it is still to be had
                with suppress(Exception):
                    store.delete(run)
            raise
        for found in older.values():
            for run in found:
                store.delete(run)
    report.notes += [f"{what}: {count:,}" for what, count in remarks.items()]
    return report


def _tracking_uri(target: Target) -> tuple[str, bool]:
    """The URI, and whether it is a folder's."""
    if target.given is None or target.path is None:
        raise RefusedError("mlflow writes into a folder or to a tracking URI: -o says which")
    if _DATABASE.match(target.given) and find_spec("sqlalchemy") is None:
        raise MltermError("a database needs all of MLflow, not only its client: pip install mlflow")
    if _URI.match(target.given):
        return target.given, target.given.startswith("file:")
    place = target.path
    if not place.parent.is_dir():
        raise RefusedError(f"there is no folder {clean_text(str(place.parent))} to write into")
    if place.exists() and not place.is_dir():
        raise RefusedError(f"{target.title} is no folder")
    if place.is_dir() and any(place.iterdir()) and not any(place.glob("*/meta.yaml")):
        raise RefusedError(f"{target.title} holds other things than MLflow's runs; it is kept")
    return place.as_uri(), True


def _key(run: RunSummary) -> str:
    """What a run is known by: on which host its file is where, and when it began."""
    whole = "\0".join((run.host or "", os.path.realpath(run.path), run.started or ""))
    return short_key(whole.encode("utf-8", "surrogateescape"))


def _older(
    store: "Store", runs: Sequence[RunSummary], experiments: dict[str, str]
) -> dict[str, list[str]]:
    """Those of the runs that are there already: MLflow's IDs by our keys."""
    there = {name: store.runs_by(_KEY, experiment) for name, experiment in experiments.items()}
    keys = [(run.project, _key(run)) for run in runs]
    return {key: there[project][key] for project, key in keys if key in there[project]}


def _there_already(runs: Sequence[RunSummary], older: dict[str, list[str]], target: Target) -> str:
    first = next(run.title for run in runs if _key(run) in older)
    which = f"{first} has" if len(older) == 1 else f"{first} and {len(older) - 1:,} more have"
    return (
        f"{which} been exported to {target.title} before, and nothing was written now; "
        "--overwrite replaces what is there"
    )


class _Exported:
    """A run on its way."""

    def __init__(self, source: Source, is_local: bool, remarks: Counter[str]) -> None:
        self._source, self._run, self._remarks = source, source.run, remarks
        self._metrics, self._parameters = (Keys(are_files=is_local) for _ in range(2))
        self._milliseconds = _milliseconds(self._run.started, 0)

    def write(
        self, store: "Store", experiment: str, made: list[str], report: Report, shown: Shown
    ) -> None:
        """Write all of it; its ID is in ``made`` as soon as it is there."""
        from mlterm.exporting.mlflowstore import PARAMETER_CHARACTERS, TAG_CHARACTERS

        tags = Keys(are_files=True)
        told = {
            tags.of(key): self._cut(value, TAG_CHARACTERS, "tags") for key, value in self._tags()
        }
        writer = store.begin(experiment, self._run.run_id, self._milliseconds)
        made.append(writer.run)
        writer.tags(told)
        writer.parameters(
            {
                self._parameters.of(name): self._cut(
                    _text(value), PARAMETER_CHARACTERS, "hyperparameters"
                )
                for name, value in flatten(self._run.hyperparameters)
            }
        )
        position = 0
        for records in self._source.metrics(report, shown):
            for record in records:
                self._add(record, position, writer)
                position += 1
        writer.flush()
        self._add_artifacts(writer)
        ended = _milliseconds(self._run.ended, self._milliseconds)
        writer.end(_STATUSES.get(self._run.status, "KILLED"), ended)
        changed = self._metrics.changed + self._parameters.changed + tags.changed
        if changed:
            self._remarks["names that MLflow does not allow, changed"] += changed
        report.runs += 1
        report.rows += position

    def _tags(self) -> Iterator[tuple[str, str]]:
        """What we ourselves and MLflow know a run by, then the person's."""
        run = self._run
        yield _KEY, _key(run)
        yield "mlterm.path", run.path
        yield "mlterm.status", run.status
        if run.reason:
            yield "mlterm.reason", run.reason
        start = next(starts_of(self._source.path), {})
        if argv := argv_of(start):
            yield "mlflow.source.name", shlex.join(argv)
        if run.notes:
            yield "mlflow.note.content", "\n\n".join(run.notes)
        if run.git and isinstance(commit := run.git.get("commit"), str):
            yield "mlflow.source.git.commit", commit
        for name, value in run.tags.items():
            yield str(name), str(value)

    def _add(self, record: Record, position: int, writer: "RunWriter") -> None:
        self._milliseconds = _milliseconds(record.get("timestamp"), self._milliseconds)
        x = place_of(record, position).x
        step = int(max(-_LARGEST_STEP, min(_LARGEST_STEP, x)))
        if step != x:
            self._remarks["steps that are no whole numbers, cut to whole ones"] += 1
        rank = record.get("_rank")
        above = f"rank{rank}/" if type(rank) is int else ""
        values = {
            name: value for name, value in record.items() if is_metric(name) and value is not None
        }
        if ("_step" in record or "step" in record) and "epoch" in record:
            values["epoch"] = record["epoch"]
        for name, value in values.items():
            number = as_number(value)
            if number is None:
                self._remarks["values that are no numbers, left out"] += 1
            else:
                key = self._metrics.of(above + name)
                writer.metric(key, float(number), self._milliseconds, step)

    def _add_artifacts(self, writer: "RunWriter") -> None:
        files = RunFiles(self._source.path)
        for artifact in RunData(self._source.path).artifacts:
            path = copy_of(files, artifact)
            if path is None:
                self._remarks["artifacts without a copy, left out"] += 1
                continue
            step = artifact.get("_step")
            folder = as_name(str(artifact.get("name")), "artifact")
            folder += "" if step is None else f"/step-{as_name(str(step), '0')}"
            name = as_name(os.path.basename(str(artifact.get("path"))), "file")
            name += ".tar" if "files" in artifact else ""
            with tempfile.TemporaryDirectory(prefix="mlterm-") as scratch:
                whole = Path(scratch) / name
                try:
                    restore(path, artifact, whole)
                except (OSError, EOFError):
                    self._remarks["artifacts that could not be read, left out"] += 1
                else:
                    writer.artifact(whole, folder)

    def _cut(self, text: str, limit: int, what: str) -> str:
        sound = text.encode("utf-8", "replace").decode()
        if len(sound) > limit:
            self._remarks[f"{what} cut at {limit:,} characters"] += 1
        return sound[:limit]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encode({"": value})[4:-2].decode()


def _milliseconds(timestamp: object, otherwise: int) -> int:
    seconds = seconds_of(timestamp)
    return int(seconds * 1000) if math.isfinite(seconds) else otherwise
