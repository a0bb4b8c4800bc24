"""What summary.json holds, taken out piece by piece: as objects, all of it would take twenty
times its size."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlterm.core.records import Record, decode
from mlterm.core.series import Series

_SERIES = re.compile(rb'\{"last":[^{}]*(?:"end":\{[^{}]*\},)?"buckets":\{[^{}]*\}\}')
"""A series as series.encode_with has it."""
_PROGRESS = b'"progress":'
_NUMBERS = ("step", "total", "eta_seconds")
_HEAD_BYTES = 4096
_FIELDS_BYTES = 16 * 1024
_SERIES_KEY = b',"series":{'
"""Where the fields of the top end; within a text, its quotes would have backslashes."""


class Checkpoint:
    """The file as it was when it was read."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError where it is no object."""
        self._data = data
        self._spans: list[tuple[int, int]] = []
        fields = decode(_SERIES.sub(self._number, data))
        if fields is None:
            raise ValueError("this is no checkpoint")
        self.fields: Record = fields
        """All but the series: a number stands for each."""

    @classmethod
    def read(cls, path: Path) -> "Checkpoint | None":
        """None where there is nothing whole."""
        with suppress(OSError, ValueError):
            return cls(path.read_bytes())
        return None

    def part(self, name: str) -> Record:
        """The fields of a part, or of the top where the name is empty."""
        found = self.fields.get(name) if name else self.fields
        return found if isinstance(found, dict) else {}

    def series(self, part: str = "") -> Iterator[tuple[str, Series]]:
        """The series of a part. Raises ValueError where one is none."""
        there = self.part(part).get("series")
        for name, stand_in in there.items() if isinstance(there, dict) else ():
            yield name, self._series(stand_in)

    def one(self, name: str) -> Series | None:
        """A metric's series; None where it is not there, or is none."""
        there = self.fields.get("series")
        with suppress(ValueError):
            if isinstance(there, dict) and name in there:
                return self._series(there[name])
        return None

    def _number(self, match: re.Match[bytes]) -> bytes:
        self._spans.append(match.span())
        return b"%d" % (len(self._spans) - 1)

    def _series(self, stand_in: Any) -> Series:
        data = stand_in
        if type(stand_in) is int and 0 <= stand_in < len(self._spans):
            begin, end = self._spans[stand_in]
            data = decode(self._data[begin:end])
        return Series.from_json(data if isinstance(data, dict) else {})


def read_fields(path: Path) -> Record:
    """What stands before the series: how far the file was read, and its metrics summed up. Empty
    where there is nothing whole."""
    with suppress(OSError), path.open("rb") as file:
        data = file.read(_FIELDS_BYTES)
        if (at := data.find(_SERIES_KEY)) < 0:
            data += file.read()
            at = data.find(_SERIES_KEY)
        return (decode(data[:at] + b"}") if at > 0 else None) or {}
    return {}


def read_progress(path: Path) -> dict[str, Any] | None:
    """How far the output says the run is; None where it says nothing."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        told = _progress_in(head)
        if not isinstance(told, dict) or "fraction" not in told:
            told = (decode(head + file.read()) or {}).get("progress")
        if isinstance(told, dict) and isinstance(told.get("fraction"), int | float):
            odd = [n for n in _NUMBERS if not isinstance(told.get(n), int | float | None)]
            return {**told, **dict.fromkeys(odd)}
    return None


def _progress_in(head: bytes) -> Any:
    """As SummaryFile writes it, near the beginning; None where it is not there, or cut."""
    begin = head.find(_PROGRESS) + len(_PROGRESS)
    if begin < len(_PROGRESS):
        return None
    with suppress(ValueError):
        return json.JSONDecoder().raw_decode(head[begin:].decode(errors="replace"))[0]
    return None
