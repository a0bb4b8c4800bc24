"""Records → rows and columns: what the formats that are tables share.

A row is a record of metrics, or with ``merge_steps`` all those of a step; with ``system`` it
is a sample. Its first columns are the axes, then every name in the order in which it first
came, of all the runs. A first reading finds the names, a second one makes the rows: it costs a
third of what making them does, and no row has to be kept or written anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson

from mlterm.core.errors import MltermError
from mlterm.core.records import Record, is_metric
from mlterm.core.samples import flattened, sound
from mlterm.core.summary import RunSummary
from mlterm.core.values import plain
from mlterm.exporting.formats import Options, Report, Shown
from mlterm.exporting.reading import Source, nothing_to_export, runs_of, samples_of, size_of

Row = tuple[Any, ...]
RUN = ("project", "run_id")
"""The columns that say whose a row is; a row is without them, since its block is of one run."""
LONG = ("name", "value")
"""The last columns of a long table."""
WINDOW = 1024
"""Steps of a run that may still be joined: a record that comes later begins a row anew."""
_METRICS_AXES = {
    "timestamp": ("timestamp",), "step": ("_step", "step"), "epoch": ("epoch",), "rank": ("_rank",),
}  # fmt: skip
_SAMPLES_AXES = {"timestamp": ("timestamp",), "t": ("t",)}
_ABSENT = "_"
"""A name that no column has: what begins with an underscore is ours, and not exported."""
_MOST_SHAPES, _MOST_COLUMNS = 1_000, 1_000_000
"""What is remembered of the records' shapes, at most."""


class Table:
    """The rows of some runs."""

    def __init__(self, runs: Sequence[RunSummary], options: Options) -> None:
        """``names`` are found at once. Raises NotFoundError where there are no rows."""
        self._options = options
        self._sources = samples_of(runs) if options.system else runs_of(runs)
        self._axes = _SAMPLES_AXES if options.system else _METRICS_AXES
        self.axes = tuple(self._axes)
        """Of every row, in this order."""
        self.names = self._find_names()
        """The user's own, in their order."""
        own = LONG if options.long else _headings(self.names, (*RUN, *self.axes))
        self.headings = (*RUN, *self.axes, *own)
        self._layouts = _Layouts(self._layout, len(self.axes) + len(self.names))

    def blocks(
        self, report: Report, what: str = "exporting"
    ) -> Iterator[tuple[RunSummary, list[Row]]]:
        """Rows of a run, a value or None a column: the axes, then the names; or with ``long``
        a row a value: the axes, its name and itself. ``what`` is for who waits."""
        merge = self._options.merge_steps
        last = None
        for source, records in self._records(what, report, merge=merge):
            for record in records:
                record[_ABSENT] = None
            rows = [self._layouts[tuple(record)](record) for record in records]
            if self._options.long:
                rows = self._lengthened(rows)
            report.rows += len(rows)
            report.runs += bool(rows) and source is not last
            last = source if rows else last
            yield source.run, rows

    def _lengthened(self, rows: Iterable[Row]) -> list[Row]:
        axes = len(self.axes)
        return [
            (*row[:axes], name, value)
            for row in rows
            for name, value in zip(self.names, row[axes:], strict=True)
            if value is not None
        ]

    def _find_names(self) -> dict[str, None]:
        names: dict[str, None] = {}
        seen: set[tuple[str, ...]] = set()
        is_empty = True
        report = Report()
        for _, records in self._records("finding the columns", report):
            is_empty = is_empty and not records
            shapes = dict.fromkeys(map(tuple, records))
            if not shapes.keys() <= seen:
                names |= dict.fromkeys(name for shape in shapes for name in self._named(shape))
                seen = seen.union(shapes) if len(seen) < _MOST_SHAPES else set(shapes)
        if is_empty:
            what = "samples of the machine" if self._options.system else "metrics"
            raise nothing_to_export(what, report)
        return names

    def _named(self, shape: Iterable[str]) -> Iterator[str]:
        if not self._options.system:
            return filter(is_metric, shape)
        return (name for name in shape if name[:1] != "_" and name not in _SAMPLES_AXES)

    def _layout(self, shape: Sequence[str]) -> Callable[[Record], Row]:
        """What makes a row of records that have these names, and ``_ABSENT``."""
        if not self.names.keys() >= set(self._named(shape)):
            raise MltermError("a run's file was replaced while it was read: export it again")
        there = frozenset(shape)
        axes = [next(filter(there.__contains__, one), _ABSENT) for one in self._axes.values()]
        return itemgetter(*axes, *(name if name in there else _ABSENT for name in self.names))

    def _records(
        self, what: str, report: Report, *, merge: bool = False
    ) -> Iterator[tuple[Source, list[Record]]]:
        with self._options.progress(what, size_of(self._sources)) as shown:
            for source in self._sources:
                for records in self._wanted(source, report, shown, merge=merge):
                    yield source, records

    def _wanted(
        self, source: Source, report: Report, shown: Shown, *, merge: bool
    ) -> Iterator[list[Record]]:
        if self._options.system:
            for samples in source.blocks(report, shown):
                yield [flattened(sound(sample)) for sample in samples]
        elif merge:
            yield from merged(source.blocks(report, shown))
        else:
            yield from source.metrics(report, shown)


class _Layouts(dict[tuple[str, ...], Callable[[Record], Row]]):
    """What makes a row of a record, by its names in their order."""

    def __init__(
        self, make: Callable[[Sequence[str]], Callable[[Record], Row]], width: int
    ) -> None:
        """``width`` columns has a row."""
        self._make, self._width = make, width
        self._columns = 0

    def __missing__(self, shape: tuple[str, ...]) -> Callable[[Record], Row]:
        if self._columns > _MOST_COLUMNS:
            self._columns = 0
            self.clear()
        layout = self[shape] = self._make(shape)
        self._columns += self._width
        return layout


def text_of(value: object) -> str:
    """A text is itself, all else JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate in it
        return orjson.dumps(plain(value)).decode()


def merged(blocks: Iterable[list[Record]]) -> Iterator[list[Record]]:
    """The records of metrics, those of one step (without one: one epoch) and rank as one.

    Of a value that comes twice the later one holds, of the time the earlier. Where a run was
    gone on with, its parts are not joined; within one, WINDOW steps wait for more.
    """
    waiting: dict[object, Record] = {}
    for records in blocks:
        done: list[Record] = []
        for record in records:
            kind = record.get("type")
            if kind == "run" and "schema" in record:
                done += waiting.values()
                waiting.clear()
            elif kind == "metrics":
                place = _place(record)
                before = waiting.get(place)
                if before is None:
                    waiting[place] = record
                else:
                    waiting[place] = before | record | {"timestamp": before.get("timestamp")}
        while len(waiting) > WINDOW:
            done.append(waiting.pop(next(iter(waiting))))
        yield done
    yield list(waiting.values())


def _place(record: Record) -> object:
    """What records that are joined have in common; one without step and epoch has it alone."""
    step = record.get("_step", record.get("step"))
    epoch = record.get("epoch") if step is None else None
    place = (record.get("_rank"), step, epoch)
    odd = (step is None and epoch is None) or any(type(part) in (dict, list) for part in place)
    return id(record) if odd else place


def _headings(names: Mapping[str, None], taken: Iterable[str]) -> Iterator[str]:
    """The names, one that is a column of ours, or another's heading, with underscores behind."""
    taken = {*taken}
    for name in names:
        heading = name
        while heading in taken or (heading != name and heading in names):
            heading += "_"
        taken.add(heading)
        yield heading
