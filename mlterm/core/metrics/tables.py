"""Tables: a header that names columns, and rows of figures under it.

Rows are told by their header, so this is a part that remembers lines. Columns are parted by
pipes, tabs, commas or blanks, and aligned by their places where cells are missing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.cells import (
    BLANKS,
    WIDE,
    Cell,
    cells_of,
    figure_of,
    fills_column,
    parted,
    place_of,
)
from mlterm.core.metrics.findings import Row
from mlterm.core.metrics.line import cased
from mlterm.core.metrics.plans import NO_RANK

_PATIENCE = 60  # lines that are no rows, after which a table is forgotten
_HEADER_PATIENCE = 3
_FARTHEST = 3  # characters between a cell and the name above it
_NAME = re.compile(r"(?:[A-Za-z_#%][^|,;=]*)?")
_NOTE = re.compile(r"\s*\((?:%|s|ms)\)$")
_OF_ALL = ("all", "total")
"""Labels of rows that need none."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    start: int = 0
    end: int = 0
    role: str = "other"
    """epoch, step, metric, other (unknown), skip."""
    rank: int = NO_RANK


class Tables:
    """Remembers a header, and reads what stands under it."""

    def __init__(self) -> None:
        self._header = ""
        self._index = ""  # the name of the rows, below the header: pandas
        self._age = 0
        self._is_bound = False  # a row has shown that it is a header
        self._delimiter = ""
        self._columns: tuple[_Column, ...] = ()
        self._metrics = 0

    @property
    def is_waiting(self) -> bool:
        """Whether there is a header for a row."""
        return bool(self._header)

    def note_header(self, text: str) -> None:
        """A line that could name columns."""
        if self._header and not self._is_bound and self._age <= 1 and len(text.split()) == 1:
            self._index = text.strip()
        elif text != self._header:
            self._header, self._index, self._is_bound = text, "", False
        self._age = 0

    def pass_over(self) -> None:
        """A line that is no row."""
        self._age += 1
        if self._age > (_PATIENCE if self._is_bound else _HEADER_PATIENCE):
            self._header = ""

    def read(self, text: str) -> Row | None:
        """A row under the header; None where the line is none."""
        row = (self._quick(text) or self._row(text)) if self._is_bound else self._first(text)
        if row is not None:
            self._age = 0
        return row

    def _first(self, text: str) -> Row | None:
        """The first row decides by what the columns are parted."""
        signs = [sign for sign in ("|", "\t", ",") if sign in self._header and sign in text]
        for delimiter in signs[:1] or (WIDE, BLANKS):
            self._delimiter, self._columns = delimiter, _columns(self._header, delimiter)
            row = self._row(text) if _is_plausible(self._columns) else None
            if row is not None and row.metrics:
                self._is_bound = True
                self._metrics = len({c.name for c in self._columns if c.role == "metric"})
                return row
        return None

    def _quick(self, text: str) -> Row | None:
        """A row as nearly all are: a plain figure in every column that counts."""
        parts = parted(text, self._delimiter)
        if len(parts) != len(self._columns):
            return None
        row = Row()
        best = NO_RANK
        try:
            for column, part in zip(self._columns, parts, strict=True):
                role = column.role
                if role == "metric":
                    row.metrics[column.name] = int(part) if part.isdigit() else float(part)
                elif role == "epoch":
                    row.epoch = int(part)
                elif role == "step" and column.rank < best:
                    row.step, best = int(part), column.rank
                elif role == "other":
                    return None
        except ValueError:
            return None
        return row if len(row.metrics) == self._metrics else None

    def _row(self, text: str) -> Row | None:
        """A row whose cells may be missing, marked, or begin with a word."""
        cells = cells_of(text, self._delimiter)
        columns = self._columns
        if not any(place_of(cell.text) is not None or figure_of(cell.text) for cell in cells):
            return None
        if any("[" in cell.text or "]" in cell.text for cell in cells):
            return None  # an array
        row = Row()
        label, cells = self._labelled(cells, row)
        if label and words.is_measured(label) and len(cells) < len(columns):
            figures = (figure for cell in cells if (figure := figure_of(cell.text)))
            value, _ = next(figures, (None, ""))
            return None if value is None else Row({column_name(label): value})
        pairs = self._paired(cells)
        filled = sum(not cell or fills_column(cell) for _, cell in pairs)
        if not pairs or filled * 2 < len(pairs):
            return None
        if label and len(columns) == len(cells) == 2 and columns[0].role in ("other", "skip"):
            return _pair(label, cells[1].text)
        return _filled(row, pairs, label)

    def _labelled(self, cells: list[Cell], row: Row) -> tuple[str, list[Cell]]:
        """The word that a row begins with, if it does, and the cells of the columns."""
        columns = self._columns
        if self._delimiter == WIDE and len(cells) == len(columns) + 1:
            cells = _with_its_number(cells, columns[0])
        first = cells[0].text
        is_blank = self._delimiter in (BLANKS, WIDE)
        if len(cells) > len(columns) and fills_column(first):
            figures = [cell for cell in cells if fills_column(cell.text)]
            if len(figures) == len(columns):
                return "", figures  # without marks such as + and *
        if is_blank and len(cells) == len(columns) + 1:
            if self._index and figure_of(first):
                _put_place(row, _Column(self._index, 0, 0, *_role(self._index)), first)
                return "", cells[1:]
            if figure_of(first) is None:
                return first, cells[1:]
            under = all(
                _distance(*pair) <= _FARTHEST for pair in zip(columns, cells[1:], strict=True)
            )
            if under and columns[0].role in ("epoch", "step"):
                return "", cells[1:]  # a frame numbers its rows itself
            return first, cells[1:] if under else []
        if fills_column(first):
            return "", cells
        if not any(char.isalpha() for char in first):
            return "", [cell for cell in cells if fills_column(cell.text)]
        is_beside = self._delimiter != "|" and columns[0].role in ("epoch", "step", "metric")
        return first, cells[1:] if is_beside else cells

    def _paired(self, cells: list[Cell]) -> list[tuple[_Column, str]]:
        """Each cell with its column; nothing where they do not fit."""
        columns = self._columns
        if len(cells) == len(columns):
            return [(column, cell.text) for column, cell in zip(columns, cells, strict=True)]
        if len(cells) > len(columns) or self._delimiter not in (BLANKS, WIDE):
            return []
        pairs = []
        at = 0
        for cell in cells:
            if at == len(columns):
                return []
            near = min(range(at, len(columns)), key=lambda i: _distance(columns[i], cell))
            if _distance(columns[near], cell) > _FARTHEST:
                return []  # it stands under no name
            pairs.append((columns[near], cell.text))
            at = near + 1
        return pairs


def column_name(text: str) -> str:
    """What a column or a row is called, as a part of a metric's name."""
    text = text.strip("*`'\" ")
    if text.count("(") != text.count(")"):  # Box(P … mAP50-95)
        text = text.partition("(")[2] or text.replace(")", "")
    return "_".join(cased(word) for word in _NOTE.sub("", text).split()).strip(":.-")


@lru_cache(maxsize=64)
def _columns(header: str, delimiter: str) -> tuple[_Column, ...]:
    """None, where the line does not name two at least."""
    cells = cells_of(header, delimiter)
    if len(cells) < 2 or not all(_NAME.match(cell.text) for cell in cells):
        return ()
    return tuple(
        _Column(column_name(cell.text), cell.start, cell.end, *_role(cell.text)) for cell in cells
    )


def _role(text: str) -> tuple[str, int]:
    name = column_name(text)
    if words.is_epoch(name) or text == "E":
        return "epoch", 0
    rank = words.step_rank(text if text == "#" else name)
    if rank is not None:
        return "step", rank
    if not name or words.is_passed_over(name):
        return "skip", 0
    return ("metric" if words.is_measured(name) else "other"), 0


def _is_plausible(columns: tuple[_Column, ...]) -> bool:
    """Whether something else than a list could have such columns."""
    roles = {column.role for column in columns}
    if roles & {"epoch", "step"}:
        return bool(roles & {"metric", "other"})
    return any(c.role == "metric" and not words.is_vague(c.name) for c in columns)


def _distance(column: _Column, cell: Cell) -> int:
    """How far a cell stands from a column, by the nearer of their edges."""
    apart = min(abs(column.end - cell.end), abs(column.start - cell.start))
    overlaps = min(cell.end, column.end) > max(cell.start, column.start)
    return apart - 1000 * overlaps


def _with_its_number(cells: list[Cell], column: _Column) -> list[Cell]:
    """A word in the first column and the number one blank behind it are one: ``resnet 18``."""
    word, number, *others = cells
    is_under = word.start == column.start and figure_of(word.text) is None
    if not is_under or number.start != word.end + 1:
        return cells
    return [Cell(f"{word.text} {number.text}", word.start, number.end), *others]


def _pair(label: str, text: str) -> Row | None:
    """A row of a name and its figure."""
    figure = figure_of(text)
    if figure is None or words.is_passed_over(label):
        return None
    name = column_name(label)
    return Row({name: figure[0]}, {name: figure[1]} if figure[1] else {})


def _filled(row: Row, pairs: list[tuple[_Column, str]], label: str) -> Row:
    """A row of figures under their names."""
    has_place = any(column.role in ("epoch", "step") for column, _ in pairs)
    prefix = "" if not label or label.lower() in _OF_ALL else f"{column_name(label)}/"
    best = NO_RANK
    for column, text in pairs:
        if column.role == "epoch" or (column.role == "step" and column.rank < best):
            if _put_place(row, column, text) and column.role == "step":
                best = column.rank
            continue
        figure = figure_of(text)
        name = prefix + column.name
        if figure is None or column.role in ("skip", "step") or name in row.metrics:
            continue
        value, unit = figure
        is_known = column.role == "metric" or (isinstance(value, float) and (has_place or label))
        if is_known and column.name:
            row.metrics[name] = value
            if unit:
                row.units[name] = unit
    return row


def _put_place(row: Row, column: _Column, text: str) -> bool:
    number = place_of(text)
    if number is None:
        return False
    if column.role == "epoch":
        row.epoch = number
    elif number != number // 1:
        return False
    else:
        row.step = int(number)
    return True
