"""Records: the flat JSON objects, one a line, that a run's file is made of."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from mlterm.core.values import distinct, plain

SCHEMA = 1
Record = dict[str, Any]
RESERVED = frozenset(
    {"timestamp", "type", "_step", "_rank", "_source", "_offset", "_units", "_amends", "_pending"}
    | {"_was"}
)
"""Names of ours that a user's field would hide."""
_NO_METRICS = frozenset({"timestamp", "type", "step", "epoch"})

_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def timestamp(moment: datetime) -> str:
    """ISO 8601 with microseconds and the UTC offset; ``moment`` must be aware."""
    return moment.isoformat(timespec="microseconds")


def encode(record: Mapping[str, Any]) -> bytes:
    """One line of JSON, its newline included.

    What JSON has not is written as mlterm-format(5) says: non-finite floats and integers
    beyond 64 bits as strings, lone surrogates backslash-escaped, the rest as core.values
    has it.
    """
    return orjson.dumps(plain(record), option=orjson.OPT_APPEND_NEWLINE)


def encode_own(record: Mapping[str, Any]) -> bytes:
    """As ``encode``, at a thirtieth of its cost: for what we have made ourselves of dicts with
    str keys, lists, str, int, float, bool and None. A float that is not finite becomes null."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate of a file's name, an integer beyond 64 bits
        return encode(record)


def decode(line: bytes) -> Record | None:
    """The record of one line, or None where the line is broken or no object."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:  # Python's own module takes the bare NaN that others write
            odd = b"NaN" in line or b"Infinity" in line
            value = json.loads(line, parse_int=_int) if odd else None
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _int(word: str) -> int | float:
    """As orjson has it: beyond 64 bits a float."""
    number = int(word) if len(word) <= 20 else 2**64
    return number if -(2**63) <= number < 2**64 else float(word)


def decode_lines(data: bytes) -> Iterator[Record]:
    """The sound records of whole lines; broken ones are skipped."""
    return iter(decode_batch(data)[0])


def decode_batch(data: bytes) -> tuple[list[Record], int]:
    """The sound records of whole lines, and how many lines were broken.

    All at once where all are sound, as nearly always; else line by line.
    """
    data = data.rstrip(b"\n")
    # Commas before the newlines, which no string may go across; and as many records as lines,
    # since a torn line's brackets may be closed by a later one's.
    joined = data.replace(b"\n", b",\n")
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(b"[" + joined + b"]")
        lines = len(joined) - len(data) + 1
        if len(found) == lines and set(map(type, found)) == {dict}:
            return found, 0
    found, broken = [], 0
    for line in data.split(b"\n"):
        if line.strip():
            record = decode(line)
            if record is None:
                broken += 1
                record = _salvaged(line)
            if record is not None:
                found.append(record)
    return found, broken


def _salvaged(line: bytes) -> Record | None:
    """The whole record that another writer began in the middle of a torn line."""
    at = line.rfind(b'{"timestamp"')
    return decode(line[at:]) if at > 0 else None


def user_fields(fields: Mapping[str, Any]) -> Record:
    """A user's names beside ours: one that would hide one of ours gets a trailing
    underscore."""
    return distinct(
        (f"{name}_" if name in RESERVED else name, value) for name, value in fields.items()
    )


def is_metric(name: str) -> bool:
    """Whether a field of a record of metrics may be one: none of ours, and no axis."""
    return name not in _NO_METRICS and name[:1] != "_"


def as_number(value: object) -> float | int | None:
    """A metric's number as it was logged: NaN and infinities come back from their words, and
    a boolean is 0 or 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    return _NONFINITE.get(value) if isinstance(value, str) else None


def is_finite(value: object) -> bool:
    """Whether JSON has every number in it."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return all(map(is_finite, value)) if isinstance(value, list) else True
