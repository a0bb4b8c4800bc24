"""What a run was started from: its ``run`` records as one."""

from collections.abc import Iterable

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
