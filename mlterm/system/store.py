"""Reading runs, one at a time: what a run's file and its lock tell of it."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlterm.core import names
from mlterm.core.lifecycle import LOST, RUNNING
from mlterm.core.records import Record, as_number, decode, decode_batch
from mlterm.core.series import SeriesFold
from mlterm.core.summary import COST_FIELDS, RunSummary, summaries_in
from mlterm.system import lock
from mlterm.system.checkpoint import Checkpoint, read_fields, read_progress
from mlterm.system.ends import BLOCK, Ends, Stamp, read_ends
from mlterm.system.paths import RunFiles

_METRICS = re.compile(rb'(?:\{"timestamp":"[^"]{32}","type":"metrics",[^\n]*\}\n)*')


def load(files: RunFiles, *, metrics: bool = False) -> RunSummary:
    """Everything about one run that its head and tail tell; all metrics where asked for.

    Raises OSError where the file cannot be read.
    """
    return load_named(files, metrics=metrics)[0]


def load_named(files: RunFiles, *, metrics: bool = False) -> tuple[RunSummary, bool]:
    """The same, and whether the file itself names its project and run."""
    return load_stamped(files, metrics=metrics)[:2]


def load_stamped(files: RunFiles, *, metrics: bool = False) -> tuple[RunSummary, bool, Stamp]:
    """The same, and the file's state before it was read."""
    ends = read_ends(files.run)
    status = _text(ends.finish.get("status"))
    if status is None:
        held = lock.is_live(files)
        ends = read_ends(files.run)  # again: an end that was recorded meanwhile is seen
        status = _text(ends.finish.get("status")) or (RUNNING if held else LOST)
    summary, named = _summary_of(files, ends, status)
    if metrics and not isinstance(ends.finish.get("metrics"), dict):
        summary = replace(summary, metrics=metrics_of(files))
    return summary, named, ends.stamp


def _summary_of(files: RunFiles, ends: Ends, status: str) -> tuple[RunSummary, bool]:
    first, start, end = ends.first, ends.start, ends.finish
    project, run_id = first.get("project"), first.get("run_id")
    named = isinstance(project, str) and isinstance(run_id, str)
    if not isinstance(project, str) or not isinstance(run_id, str):
        project, run_id = names.split_stem(_stem(files), ())
    started = _text(start.get("timestamp"))
    running = status == RUNNING
    summary = RunSummary(
        project=project,
        run_id=run_id,
        status=status,
        path=os.fspath(files.run),
        aliases=ends.aliases,
        started=started,
        ended=_text(end.get("timestamp")),
        duration_seconds=since(started) if running else as_number(end.get("duration_seconds")),
        exit_code=code if isinstance(code := end.get("exit_code"), int) else None,
        signal=_text(end.get("signal")),
        reason=_text(end.get("reason")),
        host=_text(start.get("host") or first.get("host")),
        hyperparameters=ends.hyperparameters,
        tags=ends.tags,
        notes=ends.notes,
        git=ends.git,
        metrics=summaries_in(end.get("metrics")),
        definitions=ends.definitions,
        cost={name: end[name] for name in COST_FIELDS if name in end},
        progress=read_progress(files.summary) if running else None,
    )
    return summary, named


def metrics_of(files: RunFiles) -> dict[str, dict[str, Any]]:
    """The summary of each metric: summary.json's, with what was logged since folded into it, else
    that of the whole file. Raises OSError."""
    fields = read_fields(files.summary)
    told = fields.get("metrics")
    with files.run.open("rb", buffering=0) as file:
        fd = file.fileno()
        at = _place(fd, fields.get("records_offset"))
        if at and isinstance(told, dict) and not _has_metrics(fd, at):
            return summaries_in(told)
        checkpoint = Checkpoint.read(files.summary) if at else None
        found = SeriesFold()
        with suppress(ValueError):
            if checkpoint is not None:
                found = SeriesFold.of(checkpoint.fields.get("records"), checkpoint.series())
        for batch, _ in _batches_from(fd, at if found.records else 0):
            found.add_batch(batch)
    return found.summaries()


def _place(fd: int, offset: object) -> int:
    """Where summary.json has come to, if it is this file's; else its beginning."""
    if type(offset) is int and 0 < offset <= os.fstat(fd).st_size:
        return offset if os.pread(fd, 1, offset - 1) == b"\n" else 0
    return 0


def _has_metrics(fd: int, at: int) -> bool:
    return any(r.get("type") == "metrics" for batch, _ in _batches_from(fd, at) for r in batch)


def output_start(files: RunFiles) -> int:
    """Where in output.log the last part of a run begins; 0 where its file does not tell."""
    with suppress(OSError):
        offset = read_ends(files.run).start.get("output_offset")
        return offset if isinstance(offset, int) else 0
    return 0


def fold(path: Path) -> SeriesFold:
    """Every metric of a file, in memory that does not grow with it. Raises OSError."""
    found = SeriesFold()
    for records, _ in batches(path):
        found.add_batch(records)
    return found


def batches(path: Path, *, rare: bool = False) -> Iterator[tuple[list[Record], int]]:
    """A file's records, block by block, and how many broken lines each block had; a torn last
    line is none of them. With ``rare`` blocks of nothing but metrics as mlterm writes them are
    passed over unparsed, in half of the time. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        yield from _batches_from(file.fileno(), 0, rare=rare)


def _batches_from(fd: int, at: int, *, rare: bool = False) -> Iterator[tuple[list[Record], int]]:
    for data in whole_lines(fd, at):
        at += len(data)
        if not (rare and _is_all_metrics(data)):
            yield decode_batch(data[:-1])
    rest = os.pread(fd, os.fstat(fd).st_size - at, at)
    if rest and (record := decode(rest)) is not None:
        yield [record], 0  # whole, but for the newline


def _is_all_metrics(lines: bytes) -> bool:
    """Not where one has a second brace: another writer's record may begin in it."""
    if lines.count(b"{") != lines.count(b"\n") or b"\0" in lines:
        return False
    return _METRICS.fullmatch(lines) is not None


def whole_lines(fd: int, at: int) -> Iterator[bytes]:
    """What stands in a file from there on, in blocks of whole lines."""
    size = BLOCK
    while data := os.pread(fd, size, at):
        cut = data.rfind(b"\n") + 1
        if cut:
            at += cut
            yield data[:cut]
        elif len(data) < size:
            return
        size = BLOCK if cut else 2 * size  # for a line that is longer than a block


def of_project(loaded: Iterable[tuple[RunSummary, bool]], project: str | None) -> list[RunSummary]:
    """Of the runs of a folder those of a project, or all; files that name none are named by the
    projects that the others name."""
    both = list(loaded)
    known = {run.project for run, named in both if named} | ({project} if project else set())
    runs = (run if named else _named_by_file(run, known) for run, named in both)
    return [run for run in runs if is_of(run, project)]


def _named_by_file(run: RunSummary, known: set[str]) -> RunSummary:
    project, run_id = names.split_stem(_stem(RunFiles(Path(run.path))), known)
    return replace(run, project=project, run_id=run_id)


def _stem(files: RunFiles) -> str:
    return files.run.name.removesuffix(".jsonl")


def is_of(run: RunSummary, project: str | None) -> bool:
    """Whether a run is of that project, by its own name or by its script's."""
    return project in (None, run.project) or any(
        alias.startswith(f"{project}/") for alias in run.aliases
    )


def since(started: str | None) -> float | None:
    """Seconds since a run began."""
    with suppress(ValueError):
        begin = datetime.fromisoformat(started or "")
        now = datetime.now(UTC if begin.tzinfo else None)
        return max(0.0, round((now - begin).total_seconds(), 3))
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
