"""One record → one line, whatever its values are."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

from mlterm.core import records
from mlterm.core.values import plain

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one record; a value that would make it longer is replaced."""
_VALUE_LIMIT = 64 * 1024
"""Bytes of one value in a record that is too long as a whole."""
_SHOWN = 1000

# What orjson would write in another form than core.values does, it is to refuse.
OPTIONS = (
    orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
)

Warn = Callable[[str, str], None]
SaveArray = Callable[[str, object, float | None], Mapping[str, Any]]


def line_of(record: dict[str, Any], warn: Warn, save_array: SaveArray) -> bytes:
    """The line, its newline included: at once where orjson may write it as it is."""
    try:
        line = orjson.dumps(record, option=OPTIONS)
        if is_sound(line):
            return line
    except TypeError:
        pass
    step = record.get("_step")
    whole = {
        name: plain(value, partial(_saved, save_array, name, step))
        for name, value in record.items()
    }
    for name, value in whole.items():
        if isinstance(value, dict) and "_repr" in value:
            kind = value.get("_type")
            words = f"{name!r} has a value that JSON has no form for ({kind}); its repr is kept"
            warn("value", words)
    line = records.encode(whole)
    return line if len(line) <= LINE_LIMIT else _shortened(whole, warn)


def is_sound(line: bytes) -> bool:
    """Whether orjson's line may stand: NaN and infinities are null in it, not their words."""
    return b"null" not in line and len(line) <= LINE_LIMIT


def _saved(save: SaveArray, name: str, step: float | None, array: object) -> Mapping[str, Any]:
    return save(name, array, step)


def _shortened(record: dict[str, Any], warn: Warn) -> bytes:
    short: dict[str, Any] = {}
    for name, value in record.items():
        size = len(records.encode({"": value}))
        short[name] = value
        if size > _VALUE_LIMIT:
            kind = type(value).__name__
            shown = value[:_SHOWN] if isinstance(value, str) else f"{kind} of {len(value)} items"
            short[name] = {"_type": f"builtins.{kind}", "_repr": shown, "_bytes": size}
            warn("long", f"{name!r} is too long for a record ({size} bytes); its beginning is kept")
    return records.encode(short)
