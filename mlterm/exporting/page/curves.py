"""Curves: a metric's points as the page has them, whole or folded, and the places they share.

A curve is an object of columns. One that is whole has ``y``; a folded one has ``first``,
``last``, ``min`` and ``max``, an entry a bucket. ``at`` is the number of its places: an object of
a column for each axis that is known. ``seconds`` count from the run's start.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mlterm.core.along import begins_anew, steady_points
from mlterm.core.places import Axis, Place, place_of
from mlterm.core.records import Record, as_number, is_metric
from mlterm.core.series import CAPACITY, Series

MOST_POINTS = 2_000
"""Of a curve that is whole."""
MOST_VALUES = 500_000
"""Of all curves of a page, about: it is to be mailed."""
_LEAST_POINTS = 96
_DIGITS = 6
"""Of what is folded; a chart has some hundred pixels."""
_AXES: tuple[Axis, ...] = ("step", "epoch", "seconds")

Column = list[Any]


def limit_of(curves: int) -> int:
    """How many points a curve may have on a page of so many, and be whole."""
    return min(MOST_POINTS, max(_LEAST_POINTS, MOST_VALUES // max(1, curves)))


class ExactPoints:
    """The points, each by itself, of the metrics that have at most ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._passed_over: set[str] = set()
        self._records = 0
        self.places: list[Place] = []
        self._points: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, batch: Iterable[Record]) -> None:
        """Take in records of any type, in their order."""
        for record in batch:
            if record.get("type") != "metrics":
                continue
            if not self._passed_over.issuperset(record):
                self._add(record)
            self._records += 1

    def _add(self, record: Record) -> None:
        taken = False
        for name, value in record.items():
            if name in self._passed_over:
                continue
            if not is_metric(name):
                self._passed_over.add(name)
                continue
            number = as_number(value)
            if number is None:
                continue
            if not taken:
                self.places.append(place_of(record, self._records))
                taken = True
            places, values = self._points.setdefault(name, (array("q"), array("d")))
            places.append(len(self.places) - 1)
            values.append(number)
            if len(values) > self._limit:
                self._passed_over.add(name)
                del self._points[name]

    def of(self, name: str) -> "tuple[array[int], array[float]] | None":
        """A metric's values, and the numbers of their ``places``; None where there were more
        than the limit."""
        return self._points.get(name)


class CurveBook:
    """The curves of one run, and the places that they lie on: those of several metrics are
    mostly the same."""

    def __init__(self, start: float, limit: int) -> None:
        """``start`` in seconds since 1970; a folded curve has about ``limit`` values."""
        self._start = start
        self._buckets = min(CAPACITY, max(32, limit // 3))
        self._known: dict[bytes, int] = {}
        self.places: list[dict[str, Any]] = []
        self.curves: dict[str, dict[str, Any]] = {}

    def add_points(
        self, name: str, places: Sequence[Place], at: "array[int]", values: Sequence[float]
    ) -> None:
        """A curve that is whole; ``at`` are the numbers of its places."""
        key = at.tobytes()
        if key not in self._known:
            there = [places[i] for i in at]
            steps = [float(place.x) for place in there]
            columns = {
                "step": _places(range(len(steps)) if begins_anew(steps) else steps),
                "epoch": _places(place.epoch for place in there),
                "seconds": self._since(place.seconds for place in there),
            }
            self._add_place(key, columns)
        self.curves[name] = {"at": self._known[key], "y": list(map(number_of, values))}

    def add_series(self, name: str, series: Series, offset: float | None = None) -> None:
        """A curve of buckets. With ``offset`` x is a clock's, and that much behind seconds since
        1970."""
        points = series.points()
        merged = 1
        while -(-len(points.first) // merged) > self._buckets:
            merged *= 2
        columns: dict[str, Column] = {}
        ends: dict[str, Column] = {}
        for axis in _AXES:
            if offset is None and series.has_axis(axis):
                along = steady_points(series, axis)
            elif offset is not None and axis == "seconds":
                along = points
            else:
                continue
            begins, last = along.begins[::merged], [part[-1] for part in _parts(along.ends, merged)]
            if axis == "seconds":
                columns[axis] = self._since(x + (offset or 0) for x in begins)
                ends[axis] = self._since(x + (offset or 0) for x in last)
            else:
                columns[axis], ends[axis] = _places(begins), _places(last)
        key = repr((columns, ends)).encode()
        if key not in self._known:
            self._add_place(key, columns, ends)
        self.curves[name] = {
            "at": self._known[key],
            "first": _rounded(points.first[::merged]),
            "last": _rounded(part[-1] for part in _parts(points.last, merged)),
            "min": _rounded(map(min, _parts(points.low, merged))),
            "max": _rounded(map(max, _parts(points.high, merged))),
        }

    def _since(self, moments: Iterable[float]) -> Column:
        """Milliseconds are enough, but of what took less than a minute."""
        seconds = [moment - self._start for moment in moments]
        known = [each for each in seconds if each == each]
        digits = 6 if known and max(known) - min(known) < 60 else 3
        return _places(round(each, digits) for each in seconds)

    def _add_place(
        self, key: bytes, columns: dict[str, Column], ends: dict[str, Column] | None = None
    ) -> None:
        known = [name for name, column in columns.items() if any(x is not None for x in column)]
        place: dict[str, Any] = {name: columns[name] for name in known}
        if ends:
            place["ends"] = {name: ends[name] for name in known}
        self._known[key] = len(self.places)
        self.places.append(place)


def _parts(column: Sequence[float], length: int) -> Iterator[Sequence[float]]:
    return (column[at : at + length] for at in range(0, len(column), length))


def _places(column: Iterable[float]) -> Column:
    """Where a point lies; null where that is not known."""
    return [number_of(x) if math.isfinite(x) else None for x in column]


def _rounded(column: Iterable[float]) -> Column:
    return [number_of(float(f"{value:.{_DIGITS}g}")) for value in column]


def number_of(value: float) -> Any:
    """As JSON has it: whole numbers short, NaN and infinities as words."""
    if math.isfinite(value):
        return int(value) if value == int(value) and abs(value) < 2**53 else value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
