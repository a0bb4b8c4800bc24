"""Indented lines of ``name: value`` → the names and values that they nest, as block YAML has them.

Text in, plain values out; whether they are a configuration is not asked here.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlterm.core.metrics import structured

_WORDS = {
    "True": True, "true": True, "False": False, "false": False, "None": None, "null": None,
}  # fmt: skip


class Entry(NamedTuple):
    """What one line says."""

    indent: int
    """Where it begins: its first character, or the dash of an item."""
    name: str
    """Empty for an item that is a value alone."""
    value: str | None
    """None where it stands on the lines below."""
    inner: int | None = None
    """Where an item's name or value begins; None for what is no item."""


def nest(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the lines say together; names that have nothing below them are left out.

    Where the indents are no outline's (names that end in one column are not indented) all
    names are of one level.
    """
    left = deque(entries)
    values: dict[str, Any] = {}
    while left:
        indent = left[0].indent
        below = _block(left, indent)
        values |= below if isinstance(below, dict) else {}
        if left and left[0].indent >= indent:
            pairs = ((entry.name, entry.value) for entry in entries)
            return {name: value_of(text) for name, text in pairs if name and text is not None}
    return values


def value_of(text: str) -> Any:
    """A number, a boolean, None, a list or dict as Python and JSON print them, or a string."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in "[({":
        return structured.parse_value(text)
    figure = structured.as_figure(text)
    return text.strip("'\"") if figure is None else figure


def is_plain(text: str) -> bool:
    """Whether a value is a number, a boolean or None."""
    return text in _WORDS or structured.as_figure(text) is not None


def _block(left: deque[Entry], indent: int) -> Any:
    """The lines that begin at ``indent``: a dict, or a list of items."""
    if left[0].inner is not None:
        return _merged(_items(left, indent))
    values: dict[str, Any] = {}
    while left and left[0].indent == indent and left[0].inner is None:
        entry = left.popleft()
        if entry.value is not None:
            values[entry.name] = value_of(entry.value)
        elif left and (left[0].indent > indent or _is_list(left[0], indent)):
            values[entry.name] = _block(left, left[0].indent)
    return values


def _items(left: deque[Entry], indent: int) -> list[Any]:
    items: list[Any] = []
    while left and left[0].indent == indent and left[0].inner is not None:
        entry = left.popleft()
        if entry.name:
            inner = entry.inner or indent
            left.appendleft(entry._replace(indent=inner, inner=None))
            items.append(_block(left, inner))
        else:
            items.append(value_of(entry.value or ""))
    return items


def _is_list(entry: Entry, indent: int) -> bool:
    """Whether it is an item of the name above: YAML need not indent those."""
    return entry.inner is not None and entry.indent == indent


def _merged(items: list[Any]) -> list[Any] | dict[str, Any]:
    """Items of one name each are bullets before a dict's lines."""
    names = [next(iter(item)) for item in items if isinstance(item, dict) and len(item) == 1]
    if len(set(names)) < len(items):
        return items
    return {name: value for item in items for name, value in item.items()}
