"""Reading what is exported, in memory that does not grow with it: blocks of sound records.

What is there when reading begins is what is read, of a live run too; so a second reading
finds the same. Values that are not finite are words ("NaN", "Infinity", "-Infinity"), as a
run's file has them.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError
from mlterm.core.records import Record, decode, decode_batch, is_finite
from mlterm.core.summary import RunSummary
from mlterm.core.values import plain
from mlterm.exporting.formats import Report, Shown
from mlterm.system import store
from mlterm.system.paths import RunFiles


@dataclass(frozen=True)
class Source:
    """A file of a run, as far as it was written when it was looked at."""

    run: RunSummary
    path: Path
    size: int

    def blocks(self, report: Report, shown: Shown) -> Iterator[list[Record]]:
        """Its records; what is broken is counted, and what cannot be read at all is told."""
        try:
            for data in self._whole_lines():
                records, broken = decode_batch(data)
                report.broken_lines += broken
                shown.step(len(data) + 1)
                # One letter is sooner looked for than a word.
                yield _worded(records) if b"N" in data or b"I" in data else records
        except OSError as error:
            report.unreadable.append(unreadable(self.path, error))

    def metrics(self, report: Report, shown: Shown) -> Iterator[list[Record]]:
        """Its records of metrics."""
        for records in self.blocks(report, shown):
            yield [record for record in records if record.get("type") == "metrics"]

    def _whole_lines(self) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            at = 0
            for data in store.whole_lines(file.fileno(), at):
                if at + len(data) > self.size:
                    break
                at += len(data)
                yield data[:-1]
            data = os.pread(file.fileno(), self.size - at, at)  # of a file that has grown, a block
            cut = data.rfind(b"\n") + 1
            if cut:
                yield data[: cut - 1]
            if decode(data[cut:]) is not None:
                yield data[cut:]  # whole, but for its newline


def runs_of(runs: Sequence[RunSummary]) -> list[Source]:
    """The runs' own files."""
    return [_source(run, Path(run.path)) for run in runs]


def samples_of(runs: Sequence[RunSummary]) -> list[Source]:
    """Their samples; runs that have none are left out."""
    paths = ((run, RunFiles(Path(run.path)).system) for run in runs)
    return [_source(run, path) for run, path in paths if not _is_missing(path)]


def size_of(sources: Sequence[Source]) -> int:
    """Bytes to read."""
    return sum(source.size for source in sources)


def unreadable(path: Path, error: OSError) -> str:
    """What a report says of a file."""
    return f"{clean_text(os.fspath(path))} could not be read: {error.strerror}"


def nothing_to_export(what: str, report: Report) -> NotFoundError:
    """Where the runs have no such things, or none that can be read."""
    words = f"there is nothing to export: no {what} in these runs"
    if report.broken_lines:
        words += f"; {report.broken_lines} lines of them could not be read"
    return NotFoundError("\n".join([words, *report.unreadable]))


def _is_missing(path: Path) -> bool:
    """As opposed to: kept from us."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _source(run: RunSummary, path: Path) -> Source:
    try:
        return Source(run, path, path.stat().st_size)
    except OSError:
        return Source(run, path, 0)  # reading it tells why


def _worded(records: list[Record]) -> list[Record]:
    """Where another program has written a bare NaN, which JSON has not."""
    return [record if is_finite(record) else plain(record) for record in records]
