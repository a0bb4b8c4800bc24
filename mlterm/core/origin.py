"""What a run was started from: its ``run`` records as one."""

import base64
from collections.abc import Iterable
from contextlib import suppress

from mlterm.core.records import Record

_NOT_TAKEN = frozenset({"timestamp", "_amends", "_source", "aliases"})
"""Of a record that amends."""


def origin_of(found: Iterable[Record]) -> Record:
    """Of a run's records, in their order, the one that began the last part, with what amended it;
    empty where there is none. Those that tell of one more rank change nothing."""
    origin: Record = {}
    for record in found:
        if record.get("type") != "run":
            continue
        if not record.get("_amends"):
            origin = dict(record)
        elif "_rank" not in record:
            origin |= {name: value for name, value in record.items() if name not in _NOT_TAKEN}
    return origin


def argv_of(origin: Record) -> list[str]:
    """The command; empty where none is told. Bytes that are no UTF-8 are surrogates, as
    os.fsdecode has them."""
    encoded = origin.get("argv_base64")
    if isinstance(encoded, list):
        with suppress(ValueError, TypeError):
            words = map(base64.b64decode, encoded)
            return [word.decode("utf-8", "surrogateescape") for word in words]
    told = origin.get("argv")
    return [str(word) for word in told] if isinstance(told, list) else []
