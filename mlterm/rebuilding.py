"""Reading an ended run's output again: what it says, and putting that into its file.

Nothing that was recorded is deleted: metrics that were read from the output before become
records of type ``superseded``, which readers pass over.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlterm.core import records
from mlterm.core.errors import RefusedError
from mlterm.core.metrics.findings import Finding
from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import SOURCE, record_of, same_name, without
from mlterm.core.records import Record
from mlterm.system import annotations, lock, store
from mlterm.system.ends import ends_part
from mlterm.system.paths import RunFiles
from mlterm.system.transcript import Transcript

SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Part:
    """One part of a run: what it wrote lies between two places of output.log."""

    started: datetime
    begin: int
    end: int | None


def parts_of(files: RunFiles) -> list[Part]:
    """The parts of a supervised run, by its ``run`` records. Raises OSError."""
    starts = [
        (datetime.fromisoformat(record["timestamp"]), int(record.get("output_offset", 0)))
        for batch, _ in store.batches(files.run)
        for record in batch
        if record.get("type") == "run" and "schema" in record
    ]
    ends = [begin for _, begin in starts[1:]] + [None]
    return [Part(at, begin, end) for (at, begin), end in zip(starts, ends, strict=True)]


def parsing_of(files: RunFiles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The patterns, and the names to ignore, with which a run was read. Raises OSError."""
    patterns: list[str] = []
    ignored: list[str] = []
    for batch, _ in store.batches(files.run):
        for record in batch:
            told = record.get("parsing")
            if record.get("type") == "run" and isinstance(told, dict):
                patterns += map(str, told.get("patterns") or ())
                ignored += map(str, told.get("ignored") or ())
    return tuple(dict.fromkeys(patterns)), tuple(dict.fromkeys(ignored))


def read_part(
    files: RunFiles, part: Part, make_reader: Callable[[int], OutputReader]
) -> Iterator[Finding]:
    """What the output of a part says, as the observer would have found it. Raises OSError."""
    reader = make_reader(part.begin)
    transcript = Transcript(files, part.begin, part.end)
    try:
        for data, moment in transcript.read():
            yield from reader.feed(data, moment)
        for data, moment in transcript.read_rest():
            yield from reader.feed(data, moment)
        yield from reader.finish()
    finally:
        transcript.close()


def records_of(
    files: RunFiles, make_reader: Callable[[int], OutputReader]
) -> Iterator[tuple[Part, Record]]:
    """The records that all parts give, each with its timestamp where the index knows it."""
    for part in parts_of(files):
        for found in read_part(files, part, make_reader):
            yield part, stamped(found, part)


def stamped(found: Finding, part: Part) -> Record:
    """A finding's record, the time of its output first."""
    if found.moment is None:
        return record_of(found)
    moment = part.started + timedelta(seconds=found.moment)
    return {"timestamp": records.timestamp(moment)} | record_of(found)


def rewrite(files: RunFiles, make_reader: Callable[[int], OutputReader]) -> tuple[int, int]:
    """Put what the output says into the run's file; how many records came, and how many were
    superseded.

    The file is replaced at once, or not at all. Raises RefusedError where the run lives, OSError.
    """
    held = lock.take(files.lock)
    if held is None:
        raise RefusedError(f"{files.run.name} is still running; wait for its end, then --write")
    try:
        tracked = _tracked_names(files)
        found = [
            stamped(kept, part)
            for part in parts_of(files)
            for each in read_part(files, part, make_reader)
            if (kept := without(each, tracked)) is not None
        ]
        return len(found), _replace(files, found)
    finally:
        os.close(held)


def _tracked_names(files: RunFiles) -> set[str]:
    names: set[str] = set()
    for batch, _ in store.batches(files.run):
        for record in batch:
            if record.get("type") == "metrics" and record.get("_source") != SOURCE:
                names.update(same_name(name) for name in record if name[:1] != "_")
    return names


def _replace(files: RunFiles, found: Sequence[Record]) -> int:
    """Each new record before the first old one that is later, and before the part's end."""
    superseded = 0
    marks: list[int] = []
    waiting = list(reversed(found))
    scratch = files.run.with_name(files.run.name + ".tmp")
    mode = files.run.stat().st_mode & 0o777
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        for line in _lines(files):
            record = records.decode(line)
            kept = line if line.endswith(b"\n") else line + b"\n"
            if record is not None:
                while waiting and _goes_before(waiting[-1], record):
                    out.write(records.encode(_dated(waiting.pop(), record)))
                if record.get("_source") == SOURCE and record.get("type") in (
                    "metrics",
                    "hyperparameters",
                ):
                    superseded += 1
                    kept = records.encode(record | {"type": SUPERSEDED, "_was": record["type"]})
                elif annotations.annotates(record):
                    marks.append(out.tell())
            out.write(kept)
        for record in reversed(waiting):
            out.write(records.encode(record))
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(files.run)
    files.summary.unlink(missing_ok=True)
    files.marks.unlink(missing_ok=True)
    annotations.mark(files, *marks)
    return superseded


def _lines(files: RunFiles) -> Iterator[bytes]:
    with files.run.open("rb") as file:
        yield from file


def _goes_before(new: Record, old: Record) -> bool:
    if ends_part(old):
        # The rest of this part; what a later part printed stands further on.
        return new.get("timestamp", "") <= old.get("timestamp", "") or "timestamp" not in new
    if old.get("type") == "run":
        return (
            "timestamp" in new
            and new["timestamp"] < old.get("timestamp", "")
            and "_amends" not in old
        )
    return "timestamp" in new and new["timestamp"] < old.get("timestamp", "")


def _dated(new: Record, old: Record) -> Record:
    return new if "timestamp" in new else {"timestamp": old.get("timestamp", "")} | new
