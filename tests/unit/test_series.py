"""Folding: the same however the records come, exact in its totals, of one size."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core import series
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
        name: [repr(one.width), repr(one.buckets), one.count, repr(one.first), repr(one.last),
               one.min, one.max, one._finite, pytest.approx(one._sum, rel=1e-9, abs=1e-6)]
        for name, one in found.series.items()
    }  # fmt: skip


NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.booleans())
ODD = st.one_of(st.sampled_from(["NaN", "Infinity", "-Infinity", "adam", None, [1]]))
KINDS = st.sampled_from(
    [("loss", "accuracy"), ("eval/loss",), ("loss",), ("_step", "loss", "lr"), ("epoch", "eval/f1"),
     ("step", "loss", "accuracy"), ()]
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
        one.add(1, 2.0)
        again.add(1, 2.0)
        assert repr(again.buckets) == repr(one.buckets)


def test_the_capacity_can_be_halved() -> None:
    assert series.CAPACITY % 2 == 0


def test_the_series_of_a_run_of_many_metrics_are_all_kept() -> None:
    full = Series()
    full.extend([0.5] * CAPACITY, float)
    data = decode(encode_with({"records": 1}, {f"layer{i}/norm": full for i in range(1_000)}))
    assert data is not None
    again = SeriesFold.from_json(data)
    assert len(again.series) == 1_000
    assert repr(again.series["layer999/norm"].buckets) == repr(full.buckets)
