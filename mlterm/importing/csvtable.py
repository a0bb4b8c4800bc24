"""A table as CSV: a row a record or, in the long form, a row a value.

The columns project, run_id, timestamp, step, epoch and rank are what they are called; all others
are metrics. What an export has written comes back the same.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import orjson

from mlterm.core.errors import RefusedError
from mlterm.core.formulas import unguarded
from mlterm.core.records import as_number
from mlterm.core.values import distinct
from mlterm.importing.draft import Draft
from mlterm.importing.staging import Asked, Staging

ORIGIN = "CSV"
_AXES = ("project", "run_id", "timestamp", "step", "epoch", "rank")
_OTHERS = {
    "_step": "step", "global_step": "step", "_timestamp": "timestamp",
    "wall time": "timestamp", "wall_time": "timestamp",
}  # fmt: skip
"""What wandb and TensorBoard call these columns in theirs."""
_LONG = {"name", "value"}
_DELIMITERS = ",;\t|"
_INTEGER_DIGITS = 19
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False}
_NUMBERS_BEGIN = frozenset("+-.0123456789nNiI")  # nan, inf
_FIELD_LIMIT = 2**31 - 1
_CELL = Callable[[str], Any]


def read(path: Path, staging: Staging, asked: Asked) -> None:
    """Make a draft of each run that the table at ``path`` has rows of. Raises OSError, and
    RefusedError where it is no text."""
    csv.field_size_limit(_FIELD_LIMIT)
    with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        head = file.readline()
        if not head.strip():
            return
        if "\0" in head:
            raise RefusedError("that is no text in UTF-8; nothing was imported")
        delimiter = max(_DELIMITERS, key=head.count)
        lines = chain([head], _told(file, asked))
        rows = _rows(csv.reader(lines, delimiter=delimiter))
        headings, _ = next(rows, ([], 0))
        _Table(path, staging, headings or [], delimiter).read(rows)


def _told(file: TextIO, asked: Asked) -> Iterator[str]:
    """The lines, each told as it is read."""
    for line in file:
        asked.step(len(line))
        yield line


def _rows(reader: Any) -> Iterator[tuple[list[str] | None, int]]:
    """The rows and their lines' numbers; None for one that is no CSV."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None, reader.line_num
        else:
            yield row, reader.line_num


class _Table:
    """The rows, as they come."""

    def __init__(
        self, path: Path, staging: Staging, headings: Sequence[str], delimiter: str
    ) -> None:
        self._path, self._staging = path, staging
        self._drafts: dict[tuple[str, str], Draft] = {}
        self._axes: dict[str, int] = {}
        columns: list[tuple[str, int]] = []
        names = [heading.strip() for heading in headings]
        is_long = {name.lower() for name in names} >= _LONG
        for at, name in enumerate(names):
            axis = _OTHERS.get(name.lower(), name.lower())
            if axis not in self._axes and (axis in _AXES or (is_long and axis in _LONG)):
                self._axes[axis] = at
            else:
                columns.append((unguarded(headings[at]), at))
        self._columns = distinct(columns)
        self._is_long = is_long
        self._width = len(headings)
        self._cell: _CELL = _with_comma if delimiter == ";" else _value
        self._modified = path.stat().st_mtime

    def read(self, rows: Iterator[tuple[list[str] | None, int]]) -> None:
        """Give each row to its run. Rows that cannot be are counted with the first run."""
        broken = 0
        for row, _ in rows:
            if row is None or len(row) > self._width:
                broken += 1
            elif row and any(row):
                self._add(row)
        self._flush()
        if broken:
            draft = next(iter(self._drafts.values()), None) or self._draft("", "")
            draft.passed_over["rows that could not be read"] += broken

    _waiting: tuple[Any, dict[str, Any]] | None = None
    """Of the long form: what the values belong to, and those that have come."""

    def _add(self, row: list[str]) -> None:
        place = {name: row[at] for name, at in self._axes.items() if at < len(row)}
        values = {
            name: value
            for name, at in self._columns.items()
            if at < len(row) and (value := self._cell(row[at])) is not None
        }
        if not self._is_long:
            self._tell(place, values)
            return
        name, value = unguarded(place.pop("name", "")), self._cell(place.pop("value", ""))
        if self._waiting is None or self._waiting[0] != place or name in self._waiting[1]:
            self._flush()
            self._waiting = place, {}
        self._waiting[1].update(values if value is None else {**values, name: value})

    def _flush(self) -> None:
        if self._waiting is not None:
            self._tell(*self._waiting)
            self._waiting = None

    def _tell(self, place: dict[str, str], values: dict[str, Any]) -> None:
        draft = self._draft(place.get("project", ""), place.get("run_id", ""))
        if (epoch := self._cell(place.get("epoch", ""))) is not None:
            values = {"epoch": epoch, **values}
        step, rank = (as_number(self._cell(place.get(name, ""))) for name in ("step", "rank"))
        draft.add(
            _seconds(place.get("timestamp", ""), self._modified),
            values,
            step=step,
            rank=int(rank) if rank is not None and rank == rank // 1 else None,
        )

    def _draft(self, project: str, run_id: str) -> Draft:
        draft = self._drafts.get((project, run_id))
        if draft is None:
            draft = self._drafts[(project, run_id)] = self._staging.draft(ORIGIN, self._path)
            draft.project, draft.run_id = project or None, run_id or self._path.stem
        return draft


def _value(cell: str) -> Any:
    """What a cell says: a number (NaN and the infinities too), a boolean, JSON's lists and objects,
    else text; None where it says nothing."""
    if not cell:
        return None
    if cell[0] in _NUMBERS_BEGIN and "_" not in cell:
        try:
            return int(cell) if cell.isdecimal() and len(cell) < _INTEGER_DIGITS else _number(cell)
        except ValueError:
            pass
    if (word := _WORDS.get(cell.lower())) is not None:
        return word
    if cell[0] in "[{":
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(cell)
    return unguarded(cell)


def _number(cell: str) -> float | int:
    """Raises ValueError."""
    number = float(cell)
    is_integer = cell[0] in "+-" and cell[1:].isdecimal() and len(cell) <= _INTEGER_DIGITS
    return int(cell) if is_integer else number


def _with_comma(cell: str) -> Any:
    """The same where commas are not between cells: they may begin a number's decimals."""
    return _value(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell)


def _seconds(cell: str, otherwise: float) -> float:
    """Since 1970: of ISO 8601, or a number of seconds; a time without an offset is the local
    one."""
    try:
        return datetime.fromisoformat(cell).timestamp() if "-" in cell[1:] else float(cell)
    except (ValueError, OverflowError, OSError):
        return otherwise
