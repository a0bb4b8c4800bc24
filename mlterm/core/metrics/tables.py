"""Tables: a header that names columns, and rows of figures under it; boxes of names and figures.

Rows are told by their header, so this is the one part that remembers lines. Columns are parted
by pipes, tabs, commas or blanks, and aligned by their places where cells are missing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.findings import Row
from mlterm.core.metrics.line import cased

_PATIENCE = 60  # lines that are no rows, after which a table is forgotten
_HEADER_PATIENCE = 3
_WIDE = re.compile(r"\s{2,}|\t")
_CELL = re.compile(r"\S+(?: \S+)*")
_WORD = re.compile(r"\S+")
_NAME = re.compile(r"(?:[A-Za-z_#%][^|,;=]*)?")
_FIGURE = re.compile(
    r"([-+]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:nan|NaN|inf|Inf))(%?)$"
)
_RATIO = re.compile(r"([0-9]+)/([0-9]+|\?)$")
_CONDA = re.compile(r"[\[\]()*]")


@dataclass(slots=True)
class _Column:
    name: str
    start: int
    end: int
    role: str = "other"  # epoch, step, metric, other, skip
    rank: int = 99


class Tables:
    """Remembers a header, and reads what stands under it."""

    def __init__(self) -> None:
        self._text = ""
        self._columns: list[_Column] = []
        self._delimiter = ""
        self._age = 0
        self._is_bound = False
        self._metrics = 0
        self._index = ""

    @property
    def is_waiting(self) -> bool:
        """Whether there is a header for a row."""
        return bool(self._text)

    def note_header(self, text: str) -> None:
        """A line that could name columns."""
        if self._text and not self._is_bound and self._age <= 1 and len(text.split()) == 1:
            self._index = text.strip()  # pandas: the name of the index stands below the header
            return
        if text == self._text:
            self._age = 0
            return
        self._text, self._is_bound, self._age, self._index = text, False, 0, ""
        self._columns = []

    def columns_of(self, text: str) -> int:
        """How many cells a line has between its pipes."""
        return len(_parts(text, "|"))

    def pass_over(self) -> None:
        """A line that is no row."""
        self._age += 1
        if self._age > (_PATIENCE if self._is_bound else _HEADER_PATIENCE):
            self._text = ""

    def read(self, text: str) -> Row | None:
        """A row under the header; None where the line is none."""
        if self._is_bound:
            row = self._quick(text) or self._row(text)
            if row is not None:
                self._age = 0
            return row
        for delimiter in _delimiters(self._text, text):
            self._delimiter = delimiter
            self._columns = _columns(self._text, delimiter)
            if not self._columns or not self._is_plausible():
                continue
            row = self._row(text)
            if row is not None and (row.metrics or row.epoch is not None or row.step is not None):
                if not row.metrics:
                    continue
                self._is_bound = True
                names = [column.name for column in self._columns if column.role == "metric"]
                self._metrics = len(set(names))
                self._age = 0
                return row
        return None

    def _quick(self, text: str) -> Row | None:
        """A row as nearly all are: a plain figure in every column that counts."""
        parts = text.split() if self._delimiter in ("  ", " ") else _parts(text, self._delimiter)
        columns = self._columns
        if len(parts) != len(columns):
            return None
        row = Row()
        best = 99
        try:
            for column, part in zip(columns, parts, strict=True):
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

    def _is_plausible(self) -> bool:
        roles = {column.role for column in self._columns}
        return "metric" in roles or (bool(roles & {"epoch", "step"}) and "other" in roles)

    def _row(self, text: str) -> Row | None:
        cells = _cells(text, self._delimiter)
        columns = self._columns
        label = ""
        numeric = sum(1 for cell, _, _ in cells if _figure(cell) is not None or _RATIO.match(cell))
        if not cells or not numeric:
            return None
        first = cells[0][0]
        if any("[" in cell or "]" in cell for cell, _, _ in cells):
            return None  # an array
        if len(cells) > len(columns):
            figures = [each for each in cells if _is_figure(each[0])]
            if len(figures) == len(columns) and _is_figure(first):
                cells = figures  # without marks such as + and *
        if len(cells) == len(columns) + 1 and (self._delimiter in (" ", "  ")):
            if self._index and _figure(first) is not None:
                row = Row()
                _place(row, _Column(self._index, 0, 0, *_role(self._index)), first)
                pairs = list(zip(columns, (cell for cell, _, _ in cells[1:]), strict=True))
                return self._fill(row, pairs, "")
            label, cells = first, cells[1:]
            if _figure(first) is not None and columns[0].role in ("epoch", "step"):
                label = ""  # a frame's own index
        elif not _is_figure(first):
            if not any(char.isalpha() for char in first):
                cells = [each for each in cells if _is_figure(each[0])]
            elif columns[0].role in ("epoch", "step", "metric") and self._delimiter != "|":
                label_cells = cells[1:]
                if len(label_cells) <= len(columns):
                    label, cells = first, label_cells
                else:
                    return None
            else:
                label = first
        if label and words.is_measured(label) and len(cells) < len(columns):
            figure = next((f for cell, _, _ in cells if (f := _figure(cell)) is not None), None)
            return Row({_name(label): figure[0]}) if figure else None
        if len(cells) == len(columns):
            pairs = [(column, cell) for column, (cell, _, _) in zip(columns, cells, strict=True)]
        elif len(cells) < len(columns) and self._delimiter in (" ", "  "):
            pairs = _aligned(columns, cells)
        else:
            return None
        if sum(1 for _, cell in pairs if not cell or _is_figure(cell)) * 2 < len(pairs):
            return None
        if label and len(columns) == 2 and len(cells) == 2 and columns[0].role in ("other", "skip"):
            figure = _figure(cells[1][0])
            if figure is None or words.is_passed_over(label):
                return None
            return Row({_name(label): figure[0]}, {_name(label): "%"} if figure[1] else {})
        return self._fill(Row(), pairs, label)

    def _fill(self, row: Row, pairs: list[tuple[_Column, str]], label: str) -> Row:
        has_place = any(column.role in ("epoch", "step") for column, _ in pairs)
        prefix = "" if not label or label.lower() in ("all", "total") else f"{_name(label)}/"
        best = 99
        for column, cell in pairs:
            if column.role == "epoch" or (column.role == "step" and column.rank < best):
                if _place(row, column, cell) and column.role == "step":
                    best = column.rank
                continue
            if column.role in ("skip", "step"):
                continue
            figure = _figure(cell)
            if figure is None:
                continue
            value, unit = figure
            if column.role == "other" and (isinstance(value, int) or (not has_place and not label)):
                continue
            name = prefix + column.name
            if name in row.metrics or not column.name:
                continue
            row.metrics[name] = value
            if unit:
                row.units[name] = unit
        return row


def _place(row: Row, column: _Column, cell: str) -> bool:
    ratio = _RATIO.match(cell)
    figure = (int(ratio[1]), "") if ratio else _figure(cell)
    if figure is None or figure[1]:
        return False
    if column.role == "epoch":
        row.epoch = figure[0]
        return True
    if isinstance(figure[0], float) and not figure[0].is_integer():
        return False
    row.step = int(figure[0])
    return True


def _delimiters(header: str, row: str) -> list[str]:
    for sign in ("|", "\t", ","):
        if sign in header and sign in row:
            return [sign]
    return ["  ", " "]


def _cells(text: str, delimiter: str) -> list[tuple[str, int, int]]:
    if delimiter in ("  ", " "):
        return (
            [(found[0], *found.span()) for found in _WORD.finditer(text)]
            if delimiter == " "
            else _wide_cells(text)
        )
    return [(cell, 0, 0) for cell in _parts(text, delimiter)]


def _parts(text: str, delimiter: str) -> list[str]:
    inner = text.strip()
    if delimiter == "|":
        inner = inner.removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in inner.split(delimiter)]


def _wide_cells(text: str) -> list[tuple[str, int, int]]:
    """Parted by blanks; words that one blank parts are one cell, figures never."""
    out = []
    for found in _CELL.finditer(text):
        parts = list(_WORD.finditer(found[0]))
        if any(_figure(part[0]) is not None for part in parts):
            begin = 0
            run: list[re.Match[str]] = []
            for part in parts:
                if _figure(part[0]) is not None:
                    if run:
                        out.append(_joined(run, found.start()))
                        run = []
                    out.append(_joined([part], found.start()))
                else:
                    run.append(part)
            if run:
                out.append(_joined(run, found.start()))
            del begin
        else:
            out.append((found[0], *found.span()))
    return out


def _joined(parts: list[re.Match[str]], at: int) -> tuple[str, int, int]:
    return " ".join(part[0] for part in parts), at + parts[0].start(), at + parts[-1].end()


@lru_cache(maxsize=64)
def _columns(header: str, delimiter: str) -> list[_Column]:
    """None of them, where the line names none."""
    cells = _cells(header, delimiter)
    if delimiter == "  " and len(cells) < 2:
        return []
    columns = []
    for cell, start, end in cells:
        if not _NAME.match(cell):
            return []
        columns.append(_Column(_name(cell), start, end, *_role(cell)))
    return columns if len(columns) >= 2 else []


def _role(cell: str) -> tuple[str, int]:
    name = _name(cell)
    if words.is_epoch(name) or cell.strip() == "E":
        return "epoch", 0
    rank = words.step_rank(cell.strip() if cell.strip() == "#" else name)
    if rank is not None:
        return "step", rank
    if not name or words.is_passed_over(name):
        return "skip", 0
    return ("metric" if words.is_measured(name) else "other"), 0


def _name(cell: str) -> str:
    text = cell.strip().strip("*`'\"")
    if text.count("(") != text.count(")"):
        text = text.partition("(")[2] or text.replace(")", "")
    text = re.sub(r"\s*\((?:%|s|ms)\)$", "", text)
    return "_".join(cased(word) for word in text.split()).strip(":.-")


def _aligned(
    columns: list[_Column], cells: list[tuple[str, int, int]]
) -> list[tuple[_Column, str]]:
    """Each cell under the header it stands nearest to, right edges counting most."""
    pairs = []
    at = 0
    for cell, start, end in cells:
        left = len(columns) - at
        if left <= 0:
            return []

        def distance(column: _Column, start: int = start, end: int = end) -> int:
            overlap = min(end, column.end) - max(start, column.start)
            return min(abs(column.end - end), abs(column.start - start)) - (
                1000 if overlap > 0 else 0
            )

        best = min(range(at, len(columns)), key=lambda i: distance(columns[i]))
        pairs.append((columns[best], cell))
        at = best + 1
    return pairs


def _figure(cell: str) -> tuple[float | int, str] | None:
    found = _FIGURE.match(cell)
    if found is None:
        return None
    text = found[1].replace(",", "")
    try:
        return (int(text) if text.lstrip("+-").isdigit() else float(text)), found[2]
    except ValueError:
        return None


def _is_figure(cell: str) -> bool:
    """Of any kind that a column of figures holds."""
    return _figure(cell) is not None or bool(_RATIO.match(cell)) or _is_time(cell)


def _is_time(cell: str) -> bool:
    return bool(_TIME.match(cell))


_TIME = re.compile(r"[0-9:.]+:[0-9:.]+$|[0-9.]+(?:s|m|ms|min|h|G|M|GB|MB|K|GiB|MiB)$|-+$")


_BOX_SIGNS = str.maketrans("│┃║", "|||")


def without_boxes(text: str) -> str:
    """A line with its vertical strokes as pipes."""
    return text if text.isascii() else text.translate(_BOX_SIGNS)


class Box:
    """Collects the rows of a box of two columns, names and figures."""

    def __init__(self) -> None:
        self._section = ""
        self._title = ""
        self.offset = 0
        self.row = Row()
        self.is_open = False
        self._best = 99

    def add(self, text: str, offset: int) -> bool:
        """One line; False where it is no row of two cells."""
        inner = text.strip()
        cells = inner.removeprefix("|").removesuffix("|").split("|")
        if len(cells) != 2:
            return False
        raw, cell = cells[0], cells[1].strip()
        label = raw.strip()
        if not label or _figure(label) is not None:
            return False
        if not self.is_open:
            self.is_open, self.offset = True, offset
        figure = _figure(cell)
        if figure is None:
            if not cell and label.endswith("/"):
                self._section = label
            return True
        indented = raw.startswith("   ")
        if not indented and not label.startswith(self._section or "\0"):
            self._section = ""
        name = _name(label)
        if self._section and indented:
            name = f"{cased(self._section)}{name}"
        self._put(name, *figure)
        return True

    def _put(self, name: str, value: float | int, unit: str) -> None:
        bare = name.rpartition("/")[2]
        rank = words.step_rank(bare)
        if words.is_epoch(bare) and not unit:
            self.row.epoch = value
        elif rank is not None and isinstance(value, int):
            if rank < self._best:
                self.row.step, self._best = value, rank
        elif not words.is_passed_over(bare):
            self.row.metrics[name] = value
            if unit:
                self.row.units[name] = unit

    def close(self) -> tuple[int, Row] | None:
        """The record of the box, where it holds something measured."""
        if not self.is_open:
            return None
        row, offset = self.row, self.offset
        self.__init__()  # type: ignore[misc] # begins anew
        if any(words.is_measured(name) for name in row.metrics):
            return offset, row
        return None
