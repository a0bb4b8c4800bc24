"""Tables for a page: columns as wide as what stands in them, made to fit a width.

Here belongs how wide columns are and which ones stay, and nothing about what they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlterm.ui.rows import Row, Span, cut_middle, width_of, wrapped

GAP = 2
_FEW = 6
"""Pairs that are not put side by side."""


@dataclass(frozen=True)
class Column:
    """What one column is like."""

    heading: str
    right: bool = False
    least: int = 0
    """To how many columns of a terminal it may be cut, its ends kept; 0: never."""
    drop: int = 0
    """Where there is no room, the columns with the highest go first; 0: never."""
    gap: int = GAP
    """Blanks before it."""


def grid(
    columns: Sequence[Column], lines: Sequence[Sequence[Span]], width: int | None
) -> list[Row]:
    """A row of headings, unless all are empty, and one for each line, without blanks at the end.
    Columns that no line has anything in are left out; ``None`` is all the room there may be."""
    kept = _used(columns, lines)
    while True:
        shown = [columns[i] for i in kept]
        natural = [_natural(columns[i], [line[i] for line in lines]) for i in kept]
        sizes = _fitted(shown, natural, width)
        droppable = [i for i in kept if columns[i].drop]
        if sizes is not None or not droppable:
            break
        kept.remove(max(droppable, key=lambda i: columns[i].drop))
    if sizes is None:  # what cannot be cut goes beyond the edge
        sizes = list(map(_least, shown, natural))
    heads = [[("dim", column.heading) for column in columns]]
    has_heads = any(column.heading for column in shown)
    return [
        _row([line[i] for i in kept], shown, sizes)
        for line in (*(heads if has_heads else []), *lines)
    ]


def fits(columns: Sequence[Column], lines: Sequence[Sequence[Span]], width: int | None) -> bool:
    """Whether ``grid`` has room for all columns that have something in them."""
    kept = _used(columns, lines)
    natural = [_natural(columns[i], [line[i] for line in lines]) for i in kept]
    return _fitted([columns[i] for i in kept], natural, width) is not None


def _used(columns: Sequence[Column], lines: Sequence[Sequence[Span]]) -> list[int]:
    return [i for i in range(len(columns)) if any(line[i][1] for line in lines)]


def _natural(column: Column, cells: Sequence[Span]) -> int:
    return max(width_of(column.heading), *(width_of(text) for _, text in cells))


def _least(column: Column, natural: int) -> int:
    return min(natural, column.least or natural)


def _fitted(
    columns: Sequence[Column], natural: Sequence[int], width: int | None
) -> list[int] | None:
    """The widths with which the columns have room, the widest cut first; None where even the
    least have none."""
    sizes, least = list(natural), list(map(_least, columns, natural))
    gaps = sum(column.gap for column in columns[1:])
    over = 0 if width is None else sum(sizes) + gaps - width
    while over > 0:
        cuttable = [i for i in range(len(sizes)) if sizes[i] > least[i]]
        if not cuttable:
            return None
        sizes[max(cuttable, key=sizes.__getitem__)] -= 1
        over -= 1
    return sizes


def _row(cells: Sequence[Span], columns: Sequence[Column], sizes: Sequence[int]) -> Row:
    row: Row = []
    for (style, text), column, size in zip(cells, columns, sizes, strict=True):
        shown = cut_middle(text, size)
        blanks = ("", " " * (size - width_of(shown)))
        row.append(("", " " * column.gap if row else ""))
        row += [blanks, (style, shown)] if column.right else [(style, shown), blanks]
    return without_end(row)


def without_end(row: Sequence[Span]) -> Row:
    """The row without blanks at its end."""
    shown = list(row)
    while shown and not shown[-1][1].strip():
        shown.pop()
    if shown:
        shown[-1] = shown[-1][0], shown[-1][1].rstrip()
    return [span for span in shown if span[1]]


def named(pairs: Sequence[tuple[Span, Span]], width: int | None) -> list[Row]:
    """Names and what stands behind each, in as many rows as that needs; where there is hardly
    any room beside the names, below them."""
    size = max((width_of(name) for (_, name), _ in pairs), default=0)
    indent = size + GAP if width is None or size + GAP <= width // 2 else GAP
    rows: list[Row] = []
    for (name_style, name), (style, text) in pairs:
        lines = [text] if width is None else wrapped(text, width - indent)
        head: Row = [(name_style, name), ("", " " * (indent - width_of(name)))]
        if indent == GAP:
            names = [name] if width is None else wrapped(name, width)
            rows += [[(name_style, line)] for line in names]
            head = [("", " " * GAP)]
        for number, line in enumerate(lines):
            lead = [("", " " * indent)] if number else head
            rows.append(without_end([*lead, (style, line)]))
    return rows


def beside(pairs: Sequence[tuple[Span, Span]], width: int | None) -> list[Row]:
    """The same where they are short and many: side by side, one column of them after the other."""
    name_size = max((width_of(name) for (_, name), _ in pairs), default=0)
    value_size = max((width_of(text) for _, (_, text) in pairs), default=0)
    each = name_size + GAP + value_size + 2 * GAP
    count = 1 if width is None else (width + 2 * GAP) // each
    height = max(_FEW, -(-len(pairs) // max(1, count)))
    if count < 2 or len(pairs) <= _FEW:
        return named(pairs, width)
    rows: list[Row] = []
    for number in range(height):
        row: Row = []
        for (name_style, name), (style, text) in pairs[number::height]:
            row += [(name_style, name), ("", " " * (name_size - width_of(name) + GAP))]
            row += [(style, text), ("", " " * (value_size - width_of(text) + 2 * GAP))]
        rows.append(without_end(row))
    return rows
