"""Runs in aligned columns, printed: on a terminal coloured and cut to its width, else whole."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click

from mlterm.core.clean import clean_text
from mlterm.core.goals import goal_of
from mlterm.core.summary import RunSummary
from mlterm.system import terminal
from mlterm.ui.columns import Column, columns_of, definitions_of, foremost
from mlterm.ui.rows import cut, width_of

METRICS = 3
"""Shown where no columns are asked for."""
_STATUS = {"good": "green", "live": "cyan", "warn": "yellow", "bad": "red"}
_GAP = "  "
_Cell = tuple[str, str, int]
"""Style, text, and how many columns it takes."""
_ALWAYS = 2
"""Columns that are shown however narrow the terminal is."""


def usual_columns(runs: Sequence[RunSummary], width: int | None) -> list[Column]:
    """Name, status, times, the foremost metrics and the hyperparameters that differ."""
    names = foremost(runs)
    defined = definitions_of(runs)
    judged = [name for name in names if goal_of(name, defined) is not None] or names
    # A name is to be copied: it may have twice as much room as in the view.
    room = None if width is None else 2 * width
    columns = columns_of(runs, judged[:METRICS], datetime.now(UTC), room, named=True)
    if any(run.signal or run.exit_code for run in runs):
        columns.insert(_EXIT_PLACE, _EXIT)
    return columns


def print_runs(runs: Sequence[RunSummary], columns: Sequence[Column] | None = None) -> None:
    """The runs' table on stdout, in the usual columns unless others are given."""
    _, width = terminal.size(1)
    for line in table(runs, columns, width or None, colour=terminal.supports_colour(1)):
        sys.stdout.write(f"{line}\n")


def table(
    runs: Sequence[RunSummary], columns: Sequence[Column] | None, width: int | None, *, colour: bool
) -> Iterator[str]:
    """The lines; where there is a width, no more columns than fit, and which those are not."""
    if columns is None:
        columns = usual_columns(runs, width)
    head = [_cell("dim", column.heading) for column in columns]
    lines = [head, *([_cell(*column.cell(run)) for column in columns] for run in runs)]
    widths = [
        max(column) for column in zip(*([w for _, _, w in line] for line in lines), strict=True)
    ]
    shown = len(columns) if width is None else _fitting(widths, width)
    for line in lines:
        text = _line(columns[:shown], line, widths, colour=colour)
        yield text if width is None or colour else cut(text, width)
    if shown < len(columns):
        names = ", ".join(column.title for column in columns[shown:])
        text = cut(f"no room for: {names}", width or 0)
        yield click.style(text, dim=True) if colour else text


def _cell(style: str, text: str) -> _Cell:
    text = text.removeprefix("● ")  # the mark that a status has in the view
    return style, text, width_of(text)


def _exit(run: RunSummary) -> tuple[str, str]:
    code = "" if run.exit_code is None else str(run.exit_code)
    return "label", clean_text(run.signal or code)


_EXIT = Column("EXIT", _exit, lambda run: run.exit_code, right=True)
_EXIT_PLACE = 4


def _line(
    columns: Sequence[Column], cells: Sequence[_Cell], widths: Sequence[int], *, colour: bool
) -> str:
    parts = []
    for column, (style, text, size), width in zip(columns, cells, widths, strict=False):
        shown = _coloured(style, text) if colour else text
        blanks = " " * (width - size)
        parts.append(blanks + shown if column.right else shown + blanks)
    return _GAP.join(parts).rstrip()


def _coloured(style: str, text: str) -> str:
    if style == "dim":
        return click.style(text, dim=True)
    return click.style(text, fg=_STATUS[style]) if style in _STATUS else text


def _fitting(widths: Sequence[int], room: int) -> int:
    taken = -len(_GAP)
    for number, width in enumerate(widths):
        taken += width + len(_GAP)
        if taken > room and number >= _ALWAYS:
            return number
    return len(widths)
