"""Printing rows: in colours and to the width of a terminal, else plain and whole."""

import os
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from mlterm.system import terminal
from mlterm.ui.paint import painted
from mlterm.ui.rows import Span
from mlterm.ui.styles import THEMES

NARROWEST, WIDEST = 20, 200
"""Terminals that are narrower or wider are taken for these."""


def width() -> int | None:
    """The columns that may be printed to; None where stdout is no terminal that knows them."""
    columns = terminal.size(1)[1]
    return max(NARROWEST, min(WIDEST, columns)) if columns else None


def print_rows(rows: Iterable[Sequence[Span]]) -> None:
    """Rows on stdout, coloured where that is a terminal that can."""
    colours = _colours()
    named = os.environ.get("MLTERM_THEME", "dark")
    theme = named if named in THEMES else "dark"
    with stdout() as out:
        for row in rows:
            out.write(f"{painted(row, theme, colours)}\n".encode(errors="backslashreplace"))


def stdout() -> BinaryIO:
    """Standard output, for bytes; also where Python has none, since the caller has closed it."""
    return open(1, "wb", closefd=False)


def _colours() -> int:
    if not terminal.supports_colour(1):
        return 0
    term = os.environ.get("TERM", "")
    many = "256" in term or "direct" in term or bool(os.environ.get("COLORTERM"))
    return 256 if many else 16
