"""Runs as event files that TensorBoard loads: scalars, hyperparameters and texts.

A folder a run, and in that one a folder for each rank of a distributed job. The files are written
by TensorBoard's own writer; TensorFlow is not needed. Its scalars are 32-bit floats.
"""

import itertools
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mlterm.core import names
from mlterm.core.clean import clean_text
from mlterm.core.errors import RefusedError
from mlterm.core.lifecycle import COMPLETED, FAILED, RUNNING
from mlterm.core.metrics.structured import flatten
from mlterm.core.origin import argv_of
from mlterm.core.places import place_of, seconds_of
from mlterm.core.records import Record, as_number, encode, is_metric
from mlterm.core.summary import RunSummary
from mlterm.exporting.copies import copy_of, open_copy
from mlterm.exporting.events import EventFile
from mlterm.exporting.formats import Options, Report, Shown
from mlterm.exporting.reading import Source, runs_of, size_of
from mlterm.exporting.starts import starts_of
from mlterm.exporting.target import Target
from mlterm.reader import RunData
from mlterm.system.paths import RunFiles

OWN = "mlterm/"
"""Begins the tags of the texts that are about the run: its command, notes and tags."""
TEXT_BYTES = 256 * 1024
"""Of a text artifact; TensorBoard renders it as Markdown."""
_LARGEST_STEP = 2**63 - 1


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a folder of event files a run. Raises MltermError."""
    report, passed_over = Report(), Counter[str]()
    sources = runs_of(runs)
    with target.folder() as folder, options.progress("Exporting", size_of(sources)) as shown:
        for source in sources:
            place = _place(source.run, folder)
            with ExitStack() as stack:
                _Exported(source, place, stack).write(report, passed_over, shown)
            report.runs += 1
    report.notes += [f"{what}: {count:,}" for what, count in passed_over.items()]
    return report


def _place(run: RunSummary, folder: Path) -> Path:
    """A folder of the run's own: what a file of somebody else's calls it may be any text, and what
    a copy of it is called too."""
    above, run_id = folder / _part(run.project), _part(run.run_id)
    numbered = (f"{run_id}-{number}" for number in itertools.count(2))
    return next(
        above / name for name in itertools.chain([run_id], numbered) if not (above / name).exists()
    )


def _part(name: str) -> str:
    try:
        return names.check_name("a part of a path", name)
    except RefusedError:
        return names.as_name(name, "_")


class _Exported:
    """A run on its way."""

    def __init__(self, source: Source, place: Path, stack: ExitStack) -> None:
        self._source, self._run, self._place = source, source.run, place
        self._stack = stack
        started = seconds_of(self._run.started)
        self._seconds = started if math.isfinite(started) else 0.0
        self._started = self._seconds
        self._files: dict[int | None, EventFile] = {}

    def write(self, report: Report, passed_over: Counter[str], shown: Shown) -> None:
        """Write all of it, and count what TensorBoard has no form for."""
        main = self._file(None)
        main.begin_session(self._run.name, self._started, _parameters(self._run.hyperparameters))
        for tag, text in _about(self._run):
            main.text(OWN + tag, text, self._started, 0)
        position = 0
        for records in self._source.metrics(report, shown):
            for record in records:
                self._add(record, position, passed_over)
                position += 1
        report.rows += position
        self._add_artifacts(passed_over)
        if (status := _STATUSES.get(self._run.status)) is not None:
            ended = seconds_of(self._run.ended)
            main.end_session(status, ended if math.isfinite(ended) else self._seconds)

    def _file(self, rank: int | None) -> EventFile:
        if rank not in self._files:
            folder = self._place if rank is None else self._place / f"rank{rank}"
            file = EventFile(folder, self._started, self._run.host or "")
            self._files[rank] = self._stack.enter_context(file)
        return self._files[rank]

    def _add(self, record: Record, position: int, passed_over: Counter[str]) -> None:
        seconds = seconds_of(record.get("timestamp"))
        self._seconds = seconds if math.isfinite(seconds) else self._seconds
        x = place_of(record, position).x
        step = int(max(-_LARGEST_STEP, min(_LARGEST_STEP, x)))
        if step != x:
            passed_over["steps that are no whole numbers, cut to whole ones"] += 1
        numbers, texts = _values(record, passed_over)
        rank = record.get("_rank")
        file = self._file(rank if type(rank) is int else None)
        if numbers:
            file.scalars(numbers, self._seconds, step)
        for tag, text in texts.items():
            file.text(tag, text, self._seconds, step)

    def _add_artifacts(self, passed_over: Counter[str]) -> None:
        files = RunFiles(self._source.path)
        if not (files.folder / "artifacts").is_dir():
            return
        for artifact in RunData(self._source.path).artifacts:
            if artifact.get("kind") != "text":
                continue
            path = copy_of(files, artifact)
            try:
                if path is None:
                    raise OSError
                with open_copy(path, artifact) as file:
                    data = file.read(TEXT_BYTES + 1)
            except (OSError, EOFError):
                passed_over["text artifacts that could not be read"] += 1
                continue
            if len(data) > TEXT_BYTES:
                passed_over[f"text artifacts cut at {TEXT_BYTES // 1024} KiB"] += 1
            seconds, step = seconds_of(artifact.get("timestamp")), as_number(artifact.get("_step"))
            self._file(None).text(
                str(artifact.get("name")),
                data[:TEXT_BYTES].decode(errors="replace"),
                seconds if math.isfinite(seconds) else self._seconds,
                int(step) if step is not None and abs(step) <= _LARGEST_STEP else 0,
            )


_STATUSES = {COMPLETED: "STATUS_SUCCESS", FAILED: "STATUS_FAILURE", RUNNING: "STATUS_RUNNING"}
"""What the hparams plugin calls a session's; it has no other words."""


def _parameters(told: dict[str, Any]) -> dict[str, bool | float | str]:
    """Hyperparameters as the plugin takes them: nested names joined by a stroke, and what is no
    number, text or boolean as JSON."""
    found: dict[str, bool | float | str] = {}
    for name, value in flatten(told):
        number = value if isinstance(value, bool) else as_number(value)
        text = value if isinstance(value, str) else encode({"": value})[4:-2].decode()
        found[name] = text if number is None else number
    return found


def _about(run: RunSummary) -> Iterator[tuple[str, str]]:
    """Texts about the run: indented, Markdown shows them as they are."""
    if command := argv_of(next(starts_of(Path(run.path)), {})):
        yield "command", "    " + clean_text(shlex.join(command))
    if run.notes:
        yield "notes", "\n\n".join(run.notes)
    if run.tags:
        yield (
            "tags",
            "\n".join(
                f"    {clean_text(str(key))}={clean_text(str(value))}"
                for key, value in run.tags.items()
            ),
        )


def _values(
    record: Record, passed_over: Counter[str]
) -> tuple[dict[str, float | int], dict[str, str]]:
    """A record's numbers and its texts. The epoch is a scalar where it is not the step."""
    numbers: dict[str, float | int] = {}
    texts: dict[str, str] = {}
    has_step = "_step" in record or "step" in record
    if has_step and (epoch := as_number(record.get("epoch"))) is not None:
        numbers["epoch"] = epoch
    for name, value in record.items():
        if not is_metric(name) or value is None:
            continue
        number = as_number(value)
        if number is not None:
            numbers[name] = number
        elif isinstance(value, str):
            texts[name] = value
        else:
            passed_over["values that are neither numbers nor text, left out"] += 1
    return numbers, texts
