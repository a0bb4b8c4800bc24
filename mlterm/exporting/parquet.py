"""Parquet, through pyarrow: the table of csv, its columns typed.

A look at all values tells of what type each column is; then they are written, some megabytes a
row group.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetWriter

from mlterm.core.records import as_number
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.tables import RUN, Row, Table, text_of
from mlterm.exporting.target import Target

_GROUP_BYTES = 16 * 1024 * 1024
_MOMENT, _TEXT = pyarrow.timestamp("us", "UTC"), pyarrow.string()


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a table, wide or long. Raises MltermError."""
    report = Report(runs=len(runs))
    with target.file() as out:
        table = Table(runs, options)
        headings = table.headings[len(RUN) :]
        kinds = _kinds(table, len(headings))
        types = [
            _MOMENT
            if name == "timestamp"
            else kind.type(is_count=name in ("step", "epoch", "rank"))
            for name, kind in zip(headings, kinds, strict=True)
        ]
        names = zip(table.headings, (*(_TEXT for _ in RUN), *types), strict=True)
        schema = pyarrow.schema(list(names))
        with ParquetWriter(out, schema) as writer:
            for batches in _groups(table.blocks(report), schema):
                writer.write_table(pyarrow.Table.from_batches(batches))
    return report


class _Kind:
    """Of what kind all values of a column are."""

    def __init__(self) -> None:
        self._types: set[type] = set()
        self._are_whole = True

    def look(self, values: Sequence[Any]) -> None:
        """Take in some of them."""
        types = set(map(type, values)) - {type(None)}
        if str in types and all(as_number(v) is not None for v in values if type(v) is str):
            types = types - {str} | {float}  # words for NaN and the infinities
            self._are_whole = False
        if self._are_whole and float in types:
            self._are_whole = all(v.is_integer() for v in values if type(v) is float)
        self._types |= types

    def type(self, *, is_count: bool) -> pyarrow.DataType:
        """In which they are written; a count is a whole number where it can be."""
        if self._types == {bool}:
            return pyarrow.bool_()
        if self._types <= {int, float, bool}:
            return pyarrow.int64() if is_count and self._are_whole else pyarrow.float64()
        return _TEXT


def _kinds(table: Table, count: int) -> list[_Kind]:
    kinds = [_Kind() for _ in range(count)]
    for _, rows in table.blocks(Report(), "Reading"):
        for kind, values in zip(kinds, zip(*rows, strict=True), strict=False):
            kind.look(values)
    return kinds


def _groups(
    blocks: Iterable[tuple[RunSummary, list[Row]]], schema: pyarrow.Schema
) -> Iterator[list[pyarrow.RecordBatch]]:
    """The rows, as many together as a row group is to have."""
    group: list[pyarrow.RecordBatch] = []
    size = 0
    for run, rows in blocks:
        if rows:
            names = ([name] * len(rows) for name in (run.project, run.run_id))
            columns = zip((*names, *zip(*rows, strict=True)), schema.types, strict=True)
            arrays = [_array(values, kind) for values, kind in columns]
            group.append(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
            size += group[-1].nbytes
        if size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _array(values: Sequence[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    """All at once where all are as they should be, as nearly always; else value by value."""
    with suppress(pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, UnicodeEncodeError):
        if kind == _MOMENT:
            return pyarrow.array(values, _TEXT).cast(kind)
        return pyarrow.array(values, kind)
    if kind == _MOMENT:
        fitting: list[Any] = list(map(_moment, values))
    elif kind == _TEXT:
        fitting = list(map(_sound_text, values))
    else:
        number = int if kind == pyarrow.int64() else float
        fitting = [None if v is None else number(v) for v in map(as_number, values)]
    return pyarrow.array(fitting, kind)


def _sound_text(value: object) -> str | None:
    sound = None if value is None else text_of(value).encode("utf-8", "backslashreplace")
    return sound.decode() if sound is not None else None


def _moment(text: object) -> datetime | None:
    """In UTC; a naive one, of the first mlterm, was the local time."""
    with suppress(TypeError, ValueError, OverflowError):
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    return None
