"""Parquet, through pyarrow: the table of csv, its columns typed.

A look at all values tells of what type each column is; then they are written, some megabytes a
row group.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetWriter

from mlterm.core.moments import moment_of
from mlterm.core.records import as_number
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.tables import RUN, Row, Table, text_of
from mlterm.exporting.target import Target

_GROUP_BYTES = 16 * 1024 * 1024
_BATCH_CELLS = 100_000
_COUNTS = frozenset({"step", "epoch", "rank"})
_MOMENT, _TEXT = pyarrow.timestamp("us", "UTC"), pyarrow.string()


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a table, wide or long. Raises MltermError."""
    report = Report()
    with target.file() as out:
        table = Table(runs, options)
        schema = pyarrow.schema(list(zip(table.headings, _types(table), strict=True)))
        with ParquetWriter(out, schema) as writer:
            for batches in _groups(table.blocks(report), schema):
                writer.write_table(pyarrow.Table.from_batches(batches))
    return report


class _Kind:
    """Of what kind all values of a column are."""

    def __init__(self, *, is_count: bool) -> None:
        """``is_count``: they are whole numbers, as long as none is seen that is not."""
        self._is_count = is_count
        self._types: set[type] = set()

    def look(self, values: Sequence[Any]) -> None:
        """Take in some of them."""
        types = set(map(type, values)) - {type(None)}
        if str in types and all(as_number(v) is not None for v in values if type(v) is str):
            types = types - {str} | {float}  # words for NaN and the infinities
        self._is_count = self._is_count and all(map(_is_whole, values))
        self._types |= types

    def type(self) -> pyarrow.DataType:
        """In which they are written."""
        if self._is_count:
            return pyarrow.int64()
        if self._types == {bool}:
            return pyarrow.bool_()
        return pyarrow.float64() if self._types <= {int, float, bool} else _TEXT


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer() and abs(value) < 2**63
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _types(table: Table) -> Iterator[pyarrow.DataType]:
    """Of every column."""
    own = table.headings[len(RUN) :]
    kinds = [_Kind(is_count=name in _COUNTS) for name in own]
    for _, rows in table.blocks(Report(), "finding their types"):
        for kind, values in zip(kinds, zip(*rows, strict=True), strict=False):
            kind.look(values)
    yield from (_TEXT for _ in RUN)
    for name, kind in zip(own, kinds, strict=True):
        yield _MOMENT if name == "timestamp" else kind.type()


def _groups(
    blocks: Iterable[tuple[RunSummary, list[Row]]], schema: pyarrow.Schema
) -> Iterator[list[pyarrow.RecordBatch]]:
    """The rows, as many together as a row group is to have."""
    group: list[pyarrow.RecordBatch] = []
    for batch in _batches(blocks, schema):
        group.append(batch)
        if sum(each.nbytes for each in group) > _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _batches(
    blocks: Iterable[tuple[RunSummary, list[Row]]], schema: pyarrow.Schema
) -> Iterator[pyarrow.RecordBatch]:
    """As columns, as many rows together as do not take much memory."""
    waiting: list[Row] = []
    for run, rows in blocks:
        waiting += [(run.project, run.run_id, *row) for row in rows]
        if len(waiting) * len(schema) > _BATCH_CELLS:
            yield _batch(waiting, schema)
            waiting = []
    if waiting:
        yield _batch(waiting, schema)


def _batch(rows: Sequence[Row], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    arrays = [_array(values, kind) for values, kind in columns]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    """All at once where all are as they should be, as nearly always; else value by value."""
    with suppress(pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, UnicodeEncodeError):
        if kind == _MOMENT:
            return pyarrow.array(values, _TEXT).cast(kind)
        return pyarrow.array(values, kind)
    if kind == _MOMENT:
        fitting: list[Any] = list(map(moment_of, values))
    elif kind == _TEXT:
        fitting = list(map(_sound_text, values))
    else:
        number = int if kind == pyarrow.int64() else float
        fitting = [None if v is None else number(v) for v in map(as_number, values)]
    return pyarrow.array(fitting, kind)


def _sound_text(value: object) -> str | None:
    sound = None if value is None else text_of(value).encode("utf-8", "backslashreplace")
    return sound.decode() if sound is not None else None
