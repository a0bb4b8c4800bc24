"""Series: what is kept of a metric however long its run is, and the fold that makes them.

A metric is a field of a metrics record that is no axis and has no leading underscore, where
its value is a number (records.as_number). Many records are folded at once: their columns go
through C code, and only what is odd is looked at value by value.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import countOf, itemgetter
from typing import Any, NamedTuple, cast

from mlterm.core.places import Axis, Place, place_of
from mlterm.core.records import Record, as_number, encode, is_metric

CAPACITY = 512
"""Buckets of a series, at most; an even number."""

_MOST_SHAPES = 32
_COLUMNS = ("x_first", "x_last", "first", "last", "min", "max")
_PLACES = ("seconds", "epoch", "offset")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Neighbouring points as one: where they lie, and what they span."""

    x_first: float
    x_last: float
    first: float
    last: float
    min: float | None
    """None, as ``max``, where every point is NaN."""
    max: float | None
    count: int


class Points(NamedTuple):
    """A series as it is drawn: columns of one entry a bucket, in the order of their points."""

    begins: Sequence[float]
    """Where each bucket begins on the axis that was asked for."""
    ends: Sequence[float]
    """Where its last point lies; on other axes than step, where the next bucket begins."""
    first: Sequence[float]
    last: Sequence[float]
    low: Sequence[float]
    """Above ``high`` where every point is NaN."""
    high: Sequence[float]


class Series:
    """A metric's points, folded: totals that are exact, and at most ``capacity`` buckets.

    Each bucket holds ``width`` points, the last one perhaps fewer. When all are full,
    neighbours merge and the width doubles. NaN counts, and may be first and last, but is no
    extreme; infinities are extremes. The mean is that of the finite values.
    """

    __slots__ = (*(f"_{name}" for name in (*_COLUMNS, *_PLACES)), "_capacity", "_finite", "_sum",
                 "count", "end", "first", "last", "max", "min", "width")  # fmt: skip

    def __init__(self, capacity: int = CAPACITY) -> None:
        """``capacity`` is an even number."""
        self._capacity = capacity
        self.width = 1
        """Points a bucket: a power of two."""
        self.count = 0
        self.first: float | None = None
        self.last: float | None = None
        self.min: float | None = None
        self.max: float | None = None
        self._finite = 0
        self._sum: float = 0
        self._x_first, self._x_last = array("d"), array("d")
        self._first, self._last = array("d"), array("d")
        self._min, self._max = array("d"), array("d")  # of NaN alone: inf and -inf
        # Where each bucket begins; empty as long as that is not known of any.
        self._seconds, self._epoch, self._offset = array("d"), array("d"), array("d")
        self.end = Place(math.nan)
        """Where the last point lies."""

    @property
    def mean(self) -> float | None:
        """Of the finite values; None where there are none, or their sum is beyond a float."""
        if not self._finite or not math.isfinite(self._sum):
            return None
        return self._sum / self._finite

    @property
    def buckets(self) -> list[Bucket]:
        """The buckets in the order of their points."""
        counts = [self.width] * len(self._first)
        if counts:
            counts[-1] = self.count - self.width * (len(counts) - 1)
        columns = (getattr(self, f"_{name}") for name in _COLUMNS)
        return [
            Bucket(x, to, first, last, *_extremes(low, high), count)
            for x, to, first, last, low, high, count in zip(*columns, counts, strict=True)
        ]

    def points(self, axis: Axis = "step") -> Points:
        """The columns of the buckets, along an axis; they change as the series does.

        Where the axis is not known of any point (``has_axis``) it is that of the steps. A
        bucket of which it is not known lies where the one before it does.
        """
        values = self._first, self._last, self._min, self._max
        if axis == "step" or not self.has_axis(axis):
            return Points(self._x_first, self._x_last, *values)
        begins = _filled(getattr(self, f"_{axis}"))
        end: float = getattr(self.end, axis)
        return Points(begins, begins[1:] + array("d", [end if end == end else begins[-1]]), *values)

    def has_axis(self, axis: Axis) -> bool:
        """Whether it is known where the points lie on an axis."""
        # Of merged buckets the first one's place stays, and that may be the unknown one.
        return axis == "step" or any(place == place for place in getattr(self, f"_{axis}"))

    @property
    def offsets(self) -> Sequence[float]:
        """Where in output.log the line begins that each bucket's first point was read from; NaN
        where it was read from none."""
        return self._offset or array("d", [math.nan]) * len(self._first)

    def summary(self) -> dict[str, Any]:
        """``{"last", "min", "max", "mean", "first", "count"}``, as lists of runs show it."""
        return {
            "last": self.last, "min": self.min, "max": self.max,
            "mean": self.mean, "first": self.first, "count": self.count,
        }  # fmt: skip

    def add(self, value: float, x: float) -> None:
        """Take in one point."""
        self.extend((value,), lambda _: Place(x))

    def extend(self, values: Sequence[float], place: Callable[[int], Place]) -> None:
        """Take in points in their order; ``place(i)`` is that of the i-th of them, asked for
        only where a bucket begins or ends. Integers are of 64 bits at most, and a
        boolean is 0 or 1, which is what + makes of it. Raises TypeError where one is no number,
        having taken in none."""
        if not values:
            return
        total = sum(values)
        is_finite = math.isfinite(total)
        if is_finite:
            self._finite += len(values)
            self._sum += total
        else:
            finite = [value for value in values if math.isfinite(value)]
            self._finite += len(finite)
            self._sum += sum(finite)
        if not self.count:
            self.first = +values[0]
        self.last = +values[-1]
        at = 0
        while at < len(values):
            part = values[at : at + self._room()]
            real = part if is_finite else [value for value in part if value == value]
            self.end = place(at + len(part) - 1)
            self._put(part, real, self.end if len(part) == 1 else place(at))
            at += len(part)

    def _room(self) -> int:
        """How many points the next bucket takes, that is the last one unless it is full."""
        filled = self.count % self.width
        if not filled and len(self._first) == self._capacity:
            self._halve()
        return self.width - filled

    def _put(self, part: Sequence[float], real: Sequence[float], begin: Place) -> None:
        if real:
            low, high = +min(real), +max(real)
            if self.min is None or low < self.min:
                self.min = low
            if self.max is None or high > self.max:
                self.max = high
        else:
            low, high = math.inf, -math.inf
        if self.count % self.width:
            self._x_last[-1], self._last[-1] = self.end.x, part[-1]
            if low < self._min[-1]:
                self._min[-1] = low
            if high > self._max[-1]:
                self._max[-1] = high
        else:
            self._begin(begin)
            self._x_last.append(self.end.x)
            self._first.append(part[0])
            self._last.append(part[-1])
            self._min.append(low)
            self._max.append(high)
        self.count += len(part)

    def _begin(self, place: Place) -> None:
        for column, known in zip(self._places(), place[1:], strict=True):
            if column or known == known:
                column.extend([math.nan] * (len(self._x_first) - len(column)))
                column.append(known)
        self._x_first.append(place.x)

    def _places(self) -> tuple["array[float]", ...]:
        return self._seconds, self._epoch, self._offset

    def _halve(self) -> None:
        """Merge neighbours; all buckets are full."""
        self.width *= 2
        self._x_first, self._x_last = self._x_first[::2], self._x_last[1::2]
        self._first, self._last = self._first[::2], self._last[1::2]
        self._min = array("d", map(min, self._min[::2], self._min[1::2]))
        self._max = array("d", map(max, self._max[::2], self._max[1::2]))
        for column in self._places():
            column[:] = column[::2]

    def as_json(self) -> Record:
        """Plain data, for records.encode; ``from_json`` goes on from it exactly."""
        columns = {name: list(getattr(self, f"_{name}")) for name in _COLUMNS}
        places = zip(_PLACES, map(list, self._places()), strict=True)
        columns |= {name: column for name, column in places if column}
        end = {n: v for n, v in zip(_PLACES, self.end[1:], strict=True) if v == v}
        head = {"width": self.width, "finite": self._finite, "sum": self._sum}
        return {**self.summary(), **head, "end": end, "buckets": columns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Series":
        """What ``as_json`` gave, after records.decode too. Raises ValueError where it is not."""
        series = cls()
        try:
            series.count, series.width = data["count"], data["width"]
            series._finite, series._sum = data["finite"], _number(data["sum"])
            for name in ("first", "last", "min", "max"):
                setattr(series, name, None if data[name] is None else _number(data[name]))
            columns = data["buckets"]
            there = (*_COLUMNS, *(name for name in _PLACES if name in columns))
            for name in there:
                setattr(series, f"_{name}", _column(columns[name]))
            end = {name: _number(value) for name, value in data.get("end", {}).items()}
            if series.count:
                series.end = Place(series._x_last[-1], **end)
            expected = -(-series.count // series.width)
            sizes = {len(getattr(series, f"_{name}")) for name in there}
        except (KeyError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
            raise ValueError(f"this is no series: {error!r}") from error
        if sizes != {expected} or expected > CAPACITY or series.width.bit_count() != 1:
            raise ValueError("this is no series: its buckets do not fit its count")
        return series


def encode_with(fields: Record, folded: Mapping[str, Series]) -> bytes:
    """The JSON object of some fields, at least one, and ``"series"``. Each series is encoded by
    itself: as objects, all of them would take twenty times the memory."""
    each = (encode({name: series.as_json()})[1:-2] for name, series in folded.items())
    return encode(fields)[:-2] + b',"series":{' + b",".join(each) + b"}}"


class SeriesFold:
    """Every metric of any number of records, or one of them, folded; the same however they are
    batched (but for the rounding of the mean's last digits)."""

    def __init__(self, only: str | None = None, capacity: int = CAPACITY) -> None:
        self._only, self._capacity = only, capacity
        self.records = 0
        """Metrics records so far: the place on the x axis of one without step and epoch."""
        self._series: dict[str, Series] = {}

    @property
    def series(self) -> dict[str, Series]:
        """By name, in the order in which the names first came."""
        return {name: series for name, series in self._series.items() if series.count}

    def summaries(self) -> dict[str, dict[str, Any]]:
        """The summary of each metric."""
        return {name: series.summary() for name, series in self.series.items()}

    def add(self, record: Record) -> None:
        """Take in one record; those that are no metrics are passed over."""
        self.add_batch((record,))

    def add_batch(self, batch: Sequence[Record]) -> None:
        """Take in records in their order, the faster the more of them have the same keys."""
        if not batch:
            return
        columns = _columns_of_alike(batch)
        if columns is not None and countOf(columns.get("type", ()), "metrics") == len(batch):
            self._take(batch, range(len(batch)), columns)
            self.records += len(batch)
        elif metrics := [record for record in batch if record.get("type") == "metrics"]:
            self._add_mixed(metrics)

    def _add_mixed(self, metrics: list[Record]) -> None:
        """Records of several shapes: names that occur together are taken together."""
        shapes = dict.fromkeys(map(tuple, metrics))
        if len(shapes) > _MOST_SHAPES:
            middle = len(metrics) // 2
            self._add_mixed(metrics[:middle])
            self._add_mixed(metrics[middle:])
            return
        masks: dict[str, int] = {}  # of each name, the shapes that have it
        for number, shape in enumerate(shapes):
            for name in filter(self._is_wanted, shape):
                masks[name] = masks.get(name, 0) | 1 << number
        together: dict[int, list[str]] = {}
        for name, mask in masks.items():
            together.setdefault(mask, []).append(name)
            self._series.setdefault(name, Series(self._capacity))  # in their order
        for mask, names in together.items():
            places: Sequence[int] = range(len(metrics))
            holders: Sequence[Record] = metrics
            if mask.bit_count() < len(shapes):
                places = [i for i, record in enumerate(metrics) if names[0] in record]
                holders = [record for record in metrics if names[0] in record]
            self._take(holders, places, {n: list(map(itemgetter(n), holders)) for n in names})
        self.records += len(metrics)

    def _take(
        self, records: Sequence[Record], places: Sequence[int], columns: Mapping[str, Sequence[Any]]
    ) -> None:
        """Columns of values that all these records have; their places among the batch's."""

        known: dict[int, Place] = {}  # the columns ask for the same few

        def place(i: int) -> Place:
            if i not in known:
                known[i] = place_of(records[i], self.records + places[i])
            return known[i]

        for name, values in columns.items():
            if not self._is_wanted(name):
                continue
            series = self._series.get(name)
            if series is None:
                series = self._series[name] = Series(self._capacity)
            try:
                series.extend(values, place)
            except TypeError:
                _extend_with_odd(series, values, place)

    def _is_wanted(self, name: str) -> bool:
        return is_metric(name) if self._only is None else name == self._only

    @classmethod
    def of(cls, records: Any, series: Iterable[tuple[str, Series]]) -> "SeriesFold":
        """To go on from series that so many records were folded into. Raises ValueError where
        that is no number."""
        if type(records) is not int:
            raise ValueError("these are no series: their records were not counted")
        fold = cls()
        fold.records, fold._series = records, dict(series)
        return fold

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SeriesFold":
        """Of ``{"records", "series"}``. Raises ValueError where it is not."""
        try:
            items = data["series"].items()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"these are no series: {error!r}") from error
        return cls.of(data.get("records"), ((n, Series.from_json(one)) for n, one in items))


def _columns_of_alike(batch: Sequence[Record]) -> dict[str, Sequence[Any]] | None:
    """Every column, where all records have the same keys."""
    names = tuple(batch[0])
    if len(names) < 2 or countOf(map(len, batch), len(names)) != len(batch):
        return None
    try:
        rows = map(itemgetter(*names), batch)
        return dict(zip(names, zip(*rows, strict=True), strict=True))
    except KeyError:
        return None


def _extend_with_odd(series: Series, values: Sequence[Any], place: Callable[[int], Place]) -> None:
    """Values of which some are no numbers, or words for numbers."""
    numbers = [(i, number) for i, v in enumerate(values) if (number := as_number(v)) is not None]
    series.extend([number for _, number in numbers], lambda j: place(numbers[j][0]))


def _filled(column: "array[float]") -> "array[float]":
    """With what comes before it, else behind it, for each NaN; one at least is none."""
    if not any(map(math.isnan, column)):
        return column
    known = next(value for value in column if value == value)
    return array("d", [known := value if value == value else known for value in column])


def _extremes(low: float, high: float) -> tuple[float | None, float | None]:
    """None where every point is NaN."""
    return (low, high) if low <= high else (None, None)


def _column(values: Sequence[Any]) -> "array[float]":
    try:
        return array("d", values)
    except TypeError:  # some are words for numbers
        return array("d", map(_number, values))


def _number(value: object) -> float:
    number = as_number(value)
    if number is None:
        raise TypeError(f"{value!r} is no number")
    return cast(float, number)
