"""A line of a table → its cells, and a cell → its figure. Nothing here knows a header."""

import re
from typing import NamedTuple

BLANKS, WIDE = " ", "  "
"""Delimiters: blanks that part words, and two or more that part names of several words."""

_WORDS = re.compile(r"\S+(?: \S+)*")
_WORD = re.compile(r"\S+")
_FIGURE = re.compile(
    r"([-+]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?(?:nan|NaN|inf|Inf))(%?)"
)
_RATIO = re.compile(r"([0-9]+)/(?:[0-9]+|\?)")
_TIME_OR_SIZE = re.compile(r"[0-9:.]+:[0-9:.]+|[0-9.]+(?:s|m|ms|min|h|G|M|GB|MB|K|GiB|MiB)|-+")
_BOX_SIGNS = str.maketrans("│┃║", "|||")


class Cell(NamedTuple):
    """What stands in one column, and where in the line (0, 0 between pipes)."""

    text: str
    start: int = 0
    end: int = 0


def without_boxes(text: str) -> str:
    """A line with its vertical strokes as pipes."""
    return text if text.isascii() else text.translate(_BOX_SIGNS)


def parted(text: str, delimiter: str) -> list[str]:
    """The texts between pipes, tabs, commas or blanks."""
    if delimiter in (BLANKS, WIDE):
        return text.split()
    inner = text.strip()
    if delimiter == "|":
        inner = inner.removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in inner.split(delimiter)]


def cells_of(text: str, delimiter: str) -> list[Cell]:
    """The cells of a line."""
    if delimiter == WIDE:
        return [cell for found in _WORDS.finditer(text) for cell in _grouped(found)]
    if delimiter == BLANKS:
        return [Cell(found[0], *found.span()) for found in _WORD.finditer(text)]
    return [Cell(cell) for cell in parted(text, delimiter)]


def _grouped(found: re.Match[str]) -> list[Cell]:
    """Words that one blank parts are one cell; a figure is always one of its own."""
    out: list[Cell] = []
    joins = False
    for word in _WORD.finditer(found[0]):
        cell = Cell(word[0], found.start() + word.start(), found.start() + word.end())
        is_figure = figure_of(cell.text) is not None
        if joins and not is_figure:
            before = out.pop()
            cell = Cell(f"{before.text} {cell.text}", before.start, cell.end)
        out.append(cell)
        joins = not is_figure
    return out


def figure_of(text: str) -> tuple[float | int, str] | None:
    """A number and its unit, which is % or nothing."""
    found = _FIGURE.fullmatch(text)
    if found is None:
        return None
    digits = found[1].replace(",", "")
    return (int(digits) if digits.lstrip("+-").isdigit() else float(digits)), found[2]


def place_of(text: str) -> int | float | None:
    """An epoch's or step's number: ``3``, or the first of ``3/10``."""
    if ratio := _RATIO.fullmatch(text):
        return int(ratio[1])
    figure = figure_of(text)
    return None if figure is None or figure[1] else figure[0]


def fills_column(text: str) -> bool:
    """Whether a cell is what a column of figures holds: numbers, times, sizes, dashes."""
    is_other = _RATIO.fullmatch(text) or _TIME_OR_SIZE.fullmatch(text)
    return bool(is_other) or figure_of(text) is not None
