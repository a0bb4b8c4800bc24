"""Folding: the same however the records come, exact in its totals, of one size."""

import math
from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core import series
from mlterm.core.places import Axis, Place
from mlterm.core.records import Record, decode, encode
from mlterm.core.series import CAPACITY, Series, SeriesFold, encode_with


def metrics(**fields: Any) -> Record:
    return {"timestamp": "2026-11-23T00:00:00+00:00", "type": "metrics", **fields}


def fold(records: Sequence[Record], size: int = 0) -> SeriesFold:
    """One by one, or in batches of a size."""
    found = SeriesFold()
    if not size:
        for record in records:
            found.add(record)
    for at in range(0, len(records), size or 1) if size else ():
        found.add_batch(records[at : at + size])
    return found


def shape(found: SeriesFold) -> dict[str, Any]:
    """Everything but the means, whose last digits depend on how sums were taken."""
    return {
        name: [repr(one.width), repr(one.buckets), places(one), one.count, repr(one.first),
               repr(one.last), one.min, one.max, one._finite,
               pytest.approx(one._sum, rel=1e-9, abs=1e-6)]
        for name, one in found.series.items()
    }  # fmt: skip


def places(one: Series) -> str:
    """Where the buckets lie on every axis."""
    axes: list[Axis] = ["step", "epoch", "seconds"]
    return repr([*(one.points(axis) for axis in axes), one.offsets])


NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.booleans())
ODD = st.one_of(st.sampled_from(["NaN", "Infinity", "-Infinity", "adam", None, [1]]))
KINDS = st.sampled_from(
    [("loss", "accuracy"), ("eval/loss",), ("loss",), ("_step", "loss", "lr"), ("epoch", "eval/f1"),
     ("step", "loss", "accuracy"), ("loss", "epoch", "_offset"), ()]
)  # fmt: skip
ALIKE = KINDS.flatmap(
    lambda names: st.fixed_dictionaries(dict.fromkeys(names, NUMBERS)).map(lambda f: metrics(**f))
)
RECORDS = st.one_of(
    ALIKE, ALIKE, ALIKE,
    st.fixed_dictionaries({"loss": ODD}).map(lambda f: metrics(**f)),
    st.just(metrics(loss=1.0, note="text")),
    st.just({"type": "artifact", "name": "x", "size_bytes": 3}),
)  # fmt: skip


@given(st.lists(RECORDS, max_size=120), st.integers(1, 60))
def test_batches_of_any_size_give_what_one_by_one_gives(records: list[Record], size: int) -> None:
    assert shape(fold(records, size)) == shape(fold(records))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(17, 90))
def test_long_runs_of_alike_records_are_the_same_too(values: list[float], size: int) -> None:
    records = [metrics(_step=3 * n, loss=v, lr=-v) for n, v in enumerate(values)] * 9
    assert shape(fold(records, size)) == shape(fold(records))


@pytest.mark.parametrize("count", [1, 2, CAPACITY, CAPACITY + 1, 5 * CAPACITY + 3, 40_000])
def test_a_series_keeps_its_size_and_says_what_the_values_say(count: int) -> None:
    values = [math.sin(n / 50) + n / count for n in range(count)]
    records = [metrics(_step=n, loss=value) for n, value in enumerate(values)]
    one = fold(records, 350).series["loss"]
    assert len(one.buckets) <= CAPACITY
    assert one.width == max(1, 2 ** math.ceil(math.log2(count / CAPACITY)))
    assert sum(bucket.count for bucket in one.buckets) == one.count == count
    assert (one.first, one.last) == (values[0], values[-1])
    assert (one.min, one.max) == (min(values), max(values))
    assert one.mean == pytest.approx(sum(values) / count)
    at = 0
    for bucket in one.buckets:
        part = values[at : at + bucket.count]
        assert (bucket.first, bucket.last) == (part[0], part[-1])
        assert (bucket.min, bucket.max) == (min(part), max(part))
        assert (bucket.x_first, bucket.x_last) == (at, at + bucket.count - 1)
        at += bucket.count


def test_nan_is_a_point_but_no_extreme_and_infinities_are_but_in_no_mean() -> None:
    one = fold([metrics(x=v) for v in (1.0, "NaN", "Infinity", 3.0, "-Infinity")]).series["x"]
    assert (one.count, one.min, one.max, one.mean) == (5, -math.inf, math.inf, 2.0)
    nothing = fold([metrics(x="NaN")]).series["x"]
    assert (nothing.count, nothing.min, nothing.max, nothing.mean) == (1, None, None, None)
    assert nothing.last is not None
    assert math.isnan(nothing.last)


def test_bare_nan_of_another_writer_is_nan_in_a_batch_too() -> None:
    records = [metrics(x=1.0)] * 20 + [metrics(x=math.nan)] + [metrics(x=3.0)] * 20
    one = fold(records, 100).series["x"]
    assert (one.count, one.min, one.max, one.mean) == (41, 1.0, 3.0, 2.0)


def test_x_is_the_first_axis_that_is_a_number_else_the_position() -> None:
    records = [
        metrics(x=0), metrics(_step=10, step=5, x=0), metrics(step=5, epoch=1, x=0),
        metrics(epoch=1, x=0), metrics(_step="NaN", epoch=2.5, x=0), metrics(epoch="one", x=0),
    ]  # fmt: skip
    buckets = fold(records).series["x"].buckets
    assert [bucket.x_first for bucket in buckets] == [0, 10, 5, 1, 2.5, 5]


def timed(count: int) -> list[Record]:
    """A record a second from 1970 on, ten an epoch, twenty bytes of output each."""
    return [
        {"timestamp": f"1970-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}+00:00",
         "type": "metrics", "loss": n, "_step": 2 * n, "epoch": n // 10, "_offset": 20 * n}
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, CAPACITY, CAPACITY + 1, 5 * CAPACITY + 3])
def test_each_bucket_tells_where_its_first_point_lies_and_the_series_where_the_last_does(
    count: int,
) -> None:
    one = fold(timed(count), 100).series["loss"]
    firsts = range(0, count, one.width)
    assert list(one.points().begins) == [2 * n for n in firsts]
    assert list(one.points("seconds").begins) == list(firsts)
    assert list(one.points("epoch").begins) == [n // 10 for n in firsts]
    assert list(one.offsets) == [20 * n for n in firsts]
    assert list(one.points("seconds").ends) == [*firsts[1:], count - 1]
    assert list(one.points("epoch").ends) == [*(n // 10 for n in firsts[1:]), (count - 1) // 10]
    assert one.points().ends[-1] == 2 * (count - 1)
    assert list(one.points("seconds").first) == list(firsts)


def test_an_axis_that_no_point_has_is_that_of_the_steps() -> None:
    one = fold([{"type": "metrics", "_step": n, "loss": 1.0} for n in (3, 5, 9)]).series["loss"]
    assert (one.has_axis("step"), one.has_axis("epoch"), one.has_axis("seconds")) == (1, 0, 0)
    assert one.points("seconds") == one.points("epoch") == one.points()
    assert list(one.points("seconds").begins) == [3, 5, 9]
    assert len(one.offsets) == 3
    assert all(map(math.isnan, one.offsets))


def test_a_point_of_which_an_axis_is_not_known_lies_where_the_one_before_it_does() -> None:
    records = [metrics(x=1), metrics(x=1, epoch=2), metrics(x=1), metrics(x=1, epoch=4)]
    one = fold([*records, metrics(x=1, epoch="NaN")]).series["x"]
    assert list(one.points("epoch").begins) == [2, 2, 2, 4, 4]
    assert list(one.points("epoch").ends) == [2, 2, 4, 4, 4]


@pytest.mark.parametrize("stamp", [None, 5, "yesterday", "", "0001-01-01T00:00:00+23:59"])
def test_a_timestamp_that_is_none_is_not_known(stamp: object) -> None:
    one = fold([{"timestamp": stamp, "type": "metrics", "x": 1}] * 2).series["x"]
    assert not one.has_axis("seconds") or one.points("seconds").begins[0] < -6e10


def test_columns_of_which_nothing_is_known_take_no_room() -> None:
    assert set(Series().as_json()["buckets"]) == set(series._COLUMNS)
    one = fold([metrics(x=1)]).series["x"].as_json()
    assert set(one["buckets"]) - set(series._COLUMNS) == {"seconds"}
    assert one["end"] == {"seconds": 1795392000.0}


def test_series_of_an_earlier_summary_are_gone_on_with() -> None:
    data = fold(timed(3)).series["loss"].as_json()
    del data["end"]
    for name in ("seconds", "epoch", "offset"):
        del data["buckets"][name]
    again = Series.from_json(data)
    assert not again.has_axis("seconds")
    again.extend([7.0], lambda _: Place(9, 8.0, 7.0, 6.0))
    assert repr(again.offsets) == repr(array("d", [math.nan] * 3 + [6.0]))
    assert list(again.points("seconds").begins) == [8.0] * 4
    assert list(again.points().begins) == [0, 2, 4, 9]


def damaged(key: str, value: object) -> Record:
    data = fold(timed(3)).series["loss"].as_json()
    (data["buckets"] if key in data["buckets"] else data)[key] = value
    return data


@pytest.mark.parametrize(
    ("key", "value"),
    [("seconds", [1.0]), ("offset", ["x"] * 3), ("epoch", None), ("end", {"x": 1.0}), ("end", []),
     ("end", {"colour": 1.0}), ("buckets", []), ("buckets", None), ("width", 3)],
)  # fmt: skip
def test_what_is_no_series_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match="no series"):
        Series.from_json(damaged(key, value))


def test_axes_our_fields_and_what_is_no_number_are_passed_over() -> None:
    record = metrics(epoch=1, step=2, _step=3, _rank=0, note="x", none=None, loss=1, ok=True)
    assert fold([record]).summaries() == {
        "loss": {"last": 1, "min": 1, "max": 1, "mean": 1, "first": 1, "count": 1},
        "ok": {"last": 1, "min": 1, "max": 1, "mean": 1, "first": 1, "count": 1},
    }
    assert type(fold([record] * 30, 30).summaries()["ok"]["last"]) is int


@pytest.mark.parametrize("kind", ["run", "hyperparameters", "finish", "unknown", None])
def test_only_metrics_records_are_folded(kind: str | None) -> None:
    assert fold([{"type": kind, "loss": 1.0}] * 40, 40).series == {}


def test_metrics_keep_the_order_in_which_they_first_came() -> None:
    assert list(fold([metrics(b=1), metrics(a=1, b=2)]).series) == ["b", "a"]


@given(st.lists(RECORDS, max_size=60))
def test_a_series_comes_back_from_a_file(records: list[Record]) -> None:
    for one in fold(records * 20, 100).series.values():
        data = decode(encode(one.as_json()))
        assert data is not None
        again = Series.from_json(data)
        assert repr(again.as_json()) == repr(one.as_json())
        assert places(again) == places(one)
        one.add(1, 2.0)
        again.add(1, 2.0)
        assert repr(again.buckets) == repr(one.buckets)


@given(st.lists(RECORDS, max_size=60), st.integers(1, 60))
def test_one_metric_can_be_folded_alone(records: list[Record], size: int) -> None:
    one = SeriesFold("loss")
    for at in range(0, len(records), size):
        one.add_batch(records[at : at + size])
    alone, among = shape(one), shape(fold(records, size))
    assert alone == {name: among[name] for name in ("loss",) if name in among}


def test_the_capacity_can_be_halved() -> None:
    assert series.CAPACITY % 2 == 0


def test_the_series_of_a_run_of_many_metrics_are_all_kept() -> None:
    full = Series()
    full.extend([0.5] * CAPACITY, Place)
    data = decode(encode_with({"records": 1}, {f"layer{i}/norm": full for i in range(1_000)}))
    assert data is not None
    again = SeriesFold.from_json(data)
    assert len(again.series) == 1_000
    assert repr(again.series["layer999/norm"].buckets) == repr(full.buckets)


def test_an_axis_that_merging_has_made_unknown_is_that_of_the_steps() -> None:
    records = [metrics(loss=1.0, _step=step) for step in range(2 * CAPACITY)]
    records[1]["epoch"] = 1
    series = fold(records).series["loss"]
    assert not series.has_axis("epoch")
    assert list(series.points("epoch").begins) == list(series.points().begins)
