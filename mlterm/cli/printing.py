"""Printing rows: in colours and to the width of a terminal, else plain and whole."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from mlterm.cli.stdout import stdout
from mlterm.core.summary import RunSummary
from mlterm.system import terminal
from mlterm.ui.columns import Column
from mlterm.ui.listing import table, usual_columns
from mlterm.ui.paint import painted
from mlterm.ui.rows import Span
from mlterm.ui.styles import THEMES

NARROWEST, WIDEST = 20, 200
"""Terminals that are narrower or wider are taken for these."""


def width(fd: int = 1) -> int | None:
    """The columns that may be printed to; None where that is no terminal that knows them."""
    columns = terminal.size(fd)[1]
    return max(NARROWEST, min(WIDEST, columns)) if columns else None


def print_rows(rows: Iterable[Sequence[Span]]) -> None:
    """Rows on stdout, coloured where that is a terminal that can."""
    with stdout() as out:
        for line in lines_of(rows):
            out.write(f"{line}\n".encode(errors="backslashreplace"))


def lines_of(rows: Iterable[Sequence[Span]], fd: int = 1) -> Iterator[str]:
    """Rows as text, for what may be a terminal that has colours."""
    colours = _colours(fd)
    named = os.environ.get("MLTERM_THEME", "dark")
    theme = named if named in THEMES else "dark"
    return (painted(row, theme, colours).rstrip() for row in rows)


def print_runs(runs: Sequence[RunSummary], columns: Sequence[Column] | None = None) -> None:
    """The runs' table on stdout, in the usual columns unless others are given."""
    print_rows(table(runs, columns or usual_columns(runs, width(), datetime.now(UTC)), width()))


def _colours(fd: int) -> int:
    if not terminal.supports_colour(fd):
        return 0
    term = os.environ.get("TERM", "")
    many = "256" in term or "direct" in term or bool(os.environ.get("COLORTERM"))
    return 256 if many else 16
