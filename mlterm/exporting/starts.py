"""The records that a run, and each part of one that was gone on with, began with."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlterm.core.records import Record
from mlterm.system import store


def starts_of(path: Path) -> Iterator[Record]:
    """All of them, in the file's order; none where it cannot be read."""
    with suppress(OSError):
        for records, _ in store.batches(path, rare=True):
            for record in records:
                if record.get("type") == "run" and "schema" in record:
                    yield record
