"""A record as rows: folded into one, or every field in a row of its own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.sizes import format_bytes
from mlterm.feed.records import PARSED_BYTES, Item
from mlterm.ui.rows import CUT, Row, Span, cells_of, fit, row_width, width_of

_STYLES = {"metrics": "curve1", "finish": "accent", "alert": "warn", "run": "good",
           "note": "good"}  # fmt: skip
_TYPE_COLUMNS = 15
OPEN_ROWS = 5000
"""Of one unfolded record, at most."""
_SHOWN_CHARACTERS = 2000
"""Of a value in a folded one: more than a row has."""


def drawn_record(item: Item, width: int, *, is_open: bool, picked: bool) -> list[Row]:
    """The rows of a line of the run's file."""
    mark = ("accent", "▌" if picked else " ")
    if item.record is None:
        return _broken(item, mark, width, is_open=is_open)
    kind = clean_text(str(item.record.get("type", "?")))
    style = _STYLES.get(kind, "label")
    head: Row = [mark, ("dim", f"{_time(item.record)}  "), (style, f"{kind:<{_TYPE_COLUMNS}} ")]
    if not is_open:
        return [_short(head, _fields(item.record), width)]
    rows = [fit(head, width)]
    for row in _unfolded(item.record, 1):
        if len(rows) >= OPEN_ROWS:
            return [*rows, fit([mark, ("dim", f"  {CUT}")], width)]
        rows += _wrapped(mark, row, width)
    return rows


def _broken(item: Item, mark: Span, width: int, *, is_open: bool) -> list[Row]:
    is_long = item.length > PARSED_BYTES
    words = f"{format_bytes(item.length)}, too long  " if is_long else "no record  "
    text = clean_text(item.text[: None if is_open else _SHOWN_CHARACTERS])
    if not is_open:
        return [_short([mark, ("bad", words)], iter([("dim", text)]), width)]
    return [fit([mark, ("bad", words)], width), *_wrapped(mark, [("dim", f"  {text}")], width)]


def _short(head: Row, spans: Iterator[Span], width: int) -> Row:
    """As much as there is room for; ``…`` where there is more."""
    row = list(head)
    used = row_width(row)
    for style, text in spans:
        row.append((style, text))
        used += width_of(text.rstrip())
        if used > width:
            return [*fit(row, width - 1), ("dim", CUT)] if width > 1 else fit(row, width)
        used += width_of(text) - width_of(text.rstrip())
    return fit(row, width)


def _fields(record: Mapping[str, Any]) -> Iterator[Span]:
    for name, value in record.items():
        if name not in ("timestamp", "type"):
            yield "dim", f"{clean_text(name)}="
            text = value[:_SHOWN_CHARACTERS] if isinstance(value, str) else _json(value)
            yield "label", f"{clean_text(text[:_SHOWN_CHARACTERS])}  "


def _unfolded(value: Any, depth: int) -> Iterator[Row]:
    """The lines of an object's or a list's inside, each value coloured by its kind."""
    pairs = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for name, one in pairs:
        row: Row = [("", "  " * depth)]
        if name is not None:
            row.append(("dim", f"{clean_text(_json(name))}: "))
        if isinstance(one, dict | list) and one:
            begin, end = "{}" if isinstance(one, dict) else "[]"
            yield [*row, ("dim", begin)]
            yield from _unfolded(one, depth + 1)
            yield [("", "  " * depth), ("dim", end)]
        else:
            yield [*row, (_style_of(one), clean_text(_json(one)))]


def _style_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "curve2"
    if isinstance(value, int | float):
        return "curve1"
    return "curve3" if isinstance(value, str) else "dim"


def _wrapped(mark: Span, row: Row, width: int) -> list[Row]:
    """A line in as many rows as it needs; those that follow are set in."""
    room = max(1, width - width_of(mark[1]))
    rows: list[Row] = [[mark]]
    indent = min(width_of(row[0][1]) - len(row[0][1].strip()) + 2, room // 2)
    left = room
    for style, text in row:
        kept = ""
        for character in text:
            size = cells_of(character)
            if size > left:
                rows[-1].append((style, kept))
                rows.append([mark, ("", " " * indent)])
                kept, left = "", room - indent
            kept += character
            left -= size
        rows[-1].append((style, kept))
    return [fit(one, width) for one in rows]


def _time(record: Mapping[str, Any]) -> str:
    """Of the day, as the record has it."""
    text = str(record.get("timestamp", ""))
    return clean_text(text[11:23] if text[10:11] in ("T", " ") else text[:12]).ljust(12)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
