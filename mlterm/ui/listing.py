"""Runs as a table that is printed: a row each, no more columns than there is room for."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mlterm.core.clean import clean_text
from mlterm.core.goals import family_of, goal_of, phase_of
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.ui.columns import Column, columns_of, foremost
from mlterm.ui.rows import Row, Span, cut, cut_middle, width_of

METRICS = 3
"""Shown where no columns are asked for."""
_GAP = "  "
_ALWAYS = 2
"""Columns that are shown however narrow the terminal is."""
_Cell = tuple[str, str, int]
"""Style, text, and how many columns of a terminal it takes."""


def usual_columns(runs: Sequence[RunSummary], width: int | None, now: datetime) -> list[Column]:
    """Name, status, times, the foremost metrics and the hyperparameters that differ."""
    names = foremost(runs)
    defined = definitions_of(runs)
    judged = [name for name in names if goal_of(name, defined) is not None] or names
    shown = _of_each_family(judged)[:METRICS]
    # A name is to be copied: it may have twice as much room as in the view.
    room = None if width is None else 2 * width
    columns = columns_of(runs, shown, now, room, named=True)
    if any(run.signal or run.exit_code for run in runs):
        columns.insert(_EXIT_PLACE, _EXIT)
    return columns


def _of_each_family(names: Sequence[str]) -> list[str]:
    """One of each kind first, and that what a run is judged by sooner than what it is trained
    by: val_loss and val_accuracy before train_loss."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(family_of(name), []).append(name)
    first = [next((n for n in same if phase_of(n) > 1), same[0]) for same in families.values()]
    return [*first, *(name for name in names if name not in first)]


def table(
    runs: Sequence[RunSummary], columns: Sequence[Column], width: int | None
) -> Iterator[Row]:
    """The headings, then a row a run; without a width all columns, else those that fit, their
    longest texts cut, and, behind the runs, which do not."""
    head = [_cell("dim", column.heading) for column in columns]
    lines = [head, *([_cell(*column.cell(run)) for column in columns] for run in runs)]
    if width is not None:
        lines = _narrowed(lines, width - len(_GAP))
    sizes = ([size for _, _, size in line] for line in lines)
    widths = [max(column) for column in zip(*sizes, strict=True)]
    shown = len(columns) if width is None else _fitting(widths, width)
    for line in lines:
        yield list(_spans(columns[:shown], line, widths))
    if shown < len(columns):
        names = ", ".join(column.title for column in columns[shown:])
        yield [("dim", cut(f"no room for: {names}", width or 0))]


def _cell(style: str, text: str) -> _Cell:
    text = text.removeprefix("● ")  # the mark that a status has in the view
    return style, text, width_of(text)


def _narrowed(lines: Sequence[Sequence[_Cell]], room: int) -> list[list[_Cell]]:
    """No cell takes more than half of the room, but what the other of the first two leaves."""
    sizes = [max(size for _, _, size in column) for column in zip(*lines, strict=True)]
    most = [room // 2 if len(sizes) > 1 else room] * len(sizes)
    if len(sizes) > 1:
        most[:_ALWAYS] = (max(room // 2, room - other) for other in (sizes[1], sizes[0]))
    return [
        [
            cell if cell[2] <= limit else _cell(cell[0], cut_middle(cell[1], limit))
            for cell, limit in zip(line, most, strict=True)
        ]
        for line in lines
    ]


def _exit(run: RunSummary) -> Span:
    code = "" if run.exit_code is None else str(run.exit_code)
    return "label", clean_text(run.signal or code)


_EXIT = Column("EXIT", _exit, lambda run: run.exit_code, right=True)
_EXIT_PLACE = 4


def _spans(
    columns: Sequence[Column], cells: Sequence[_Cell], widths: Sequence[int]
) -> Iterator[Span]:
    before = ""
    for column, (style, text, size), width in zip(columns, cells, widths, strict=False):
        blanks = " " * (width - size)
        if column.right:
            yield "", before + blanks
            before = _GAP
        else:
            yield "", before
            before = blanks + _GAP
        yield style, text


def _fitting(widths: Sequence[int], room: int) -> int:
    """How many columns have room."""
    taken = -len(_GAP)
    for number, width in enumerate(widths):
        taken += width + len(_GAP)
        if taken > room and number >= _ALWAYS:
            return number
    return len(widths)
