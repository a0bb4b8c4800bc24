"""The records that a run, and each part of one that was gone on with, began with."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlterm.core.records import Record
from mlterm.system import store


def starts_of(path: Path) -> Iterator[Record]:
    """All of them, in the file's order; none where it cannot be read."""
    with suppress(OSError):
        for records, _ in store.batches(path):
            for record in records:
                if record.get("type") == "run" and "schema" in record:
                    yield record


def argv_of(start: Record) -> list[str]:
    """The command; empty where none is told."""
    argv = start.get("argv")
    return [str(word) for word in argv] if isinstance(argv, list) else []
