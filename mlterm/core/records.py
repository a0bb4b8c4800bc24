"""Records: the flat JSON objects, one a line, that a run's file is made of."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

SCHEMA = 1
Record = dict[str, Any]

_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INT_LEAST, _INT_MOST = -(2**63), 2**64 - 1


def timestamp(moment: datetime) -> str:
    """ISO 8601 with microseconds and the UTC offset; ``moment`` must be aware."""
    return moment.isoformat(timespec="microseconds")


def encode(record: Mapping[str, Any]) -> bytes:
    """One line of JSON, its newline included.

    What JSON has not is written as DESIGN.md's table says: non-finite floats and
    integers beyond 64 bits as strings, lone surrogates backslash-escaped.
    """
    return orjson.dumps(_plain(record), option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> Record | None:
    """The record of one line, or None where the line is broken or no object."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:  # Python's own module takes the bare NaN that others write
            value = json.loads(line) if b"NaN" in line or b"Infinity" in line else None
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def decode_lines(data: bytes) -> Iterator[Record]:
    """The sound records of whole lines; broken ones are skipped."""
    for line in data.split(b"\n"):
        if line and (record := decode(line)) is not None:
            yield record


def user_fields(fields: Mapping[str, Any]) -> Record:
    """A user's names beside ours: one that would hide ``timestamp`` or ``type`` gets a trailing
    underscore."""
    hiding = ("timestamp", "type")
    return _distinct((f"{k}_" if k in hiding else k, value) for k, value in fields.items())


def as_number(value: object) -> float | int | None:
    """A metric's number as it was logged: NaN and infinities come back from their words."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return _NONFINITE.get(value) if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    match value:
        case bool() | None:
            return value
        case int():
            return int(value) if _INT_LEAST <= value <= _INT_MOST else str(int(value))
        case float():
            return float(value) if math.isfinite(value) else _nonfinite_word(value)
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return _distinct((_plain(str(key)), _plain(item)) for key, item in value.items())
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in a record")


def _distinct(items: Iterable[tuple[str, Any]]) -> Record:
    """Of keys that collide the later gets a trailing underscore."""
    found: Record = {}
    for key, value in items:
        name = key
        while name in found:
            name += "_"
        found[name] = value
    return found


def _nonfinite_word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
