"""Standard output as bytes: JSON, and whatever else is no text of ours."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from mlterm.core.records import encode


def stdout() -> BinaryIO:
    """To be closed, which writes what waits; the stream itself stays open."""
    return open(1, "wb", closefd=False)


def print_record(record: Mapping[str, Any]) -> None:
    """A line of JSON, written at once: whoever reads it may wait for it."""
    with stdout() as out:
        out.write(encode(record))
