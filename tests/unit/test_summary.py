import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.summary import RunSummary, fold_metrics


def metrics(**fields: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-23T00:00:00+00:00", "type": "metrics", **fields}


def test_a_metric_is_folded_to_six_figures() -> None:
    folded = fold_metrics([metrics(loss=2.0), metrics(loss=0.5), metrics(loss=1.0)])
    assert folded == {
        "loss": {"last": 1.0, "min": 0.5, "max": 2.0, "mean": 3.5 / 3, "first": 2.0, "count": 3}
    }


def test_axes_our_fields_and_what_is_no_number_are_passed_over() -> None:
    record = metrics(epoch=1, step=2, _step=3, _rank=0, note="x", ok=True, none=None, loss=1)
    assert list(fold_metrics([record])) == ["loss"]


@pytest.mark.parametrize("kind", ["run", "hyperparameters", "finish", "unknown", None])
def test_only_metrics_records_are_folded(kind: str | None) -> None:
    assert fold_metrics([{"type": kind, "loss": 1.0}]) == {}


def test_metrics_keep_the_order_in_which_they_first_came() -> None:
    assert list(fold_metrics([metrics(b=1), metrics(a=1, b=2)])) == ["b", "a"]


def test_nan_is_last_and_counted_but_no_extreme() -> None:
    folded = fold_metrics([metrics(loss=1.0), metrics(loss=3.0), metrics(loss="NaN")])["loss"]
    assert math.isnan(folded.pop("last"))
    assert folded == {"min": 1.0, "max": 3.0, "mean": 2.0, "first": 1.0, "count": 3}


def test_a_metric_that_was_never_a_number_has_no_extremes() -> None:
    folded = fold_metrics([metrics(loss="NaN")])["loss"]
    assert (folded["min"], folded["max"], folded["mean"], folded["count"]) == (None, None, None, 1)


def test_infinities_are_extremes() -> None:
    folded = fold_metrics([metrics(x="Infinity"), metrics(x="-Infinity"), metrics(x=1)])["x"]
    assert (folded["min"], folded["max"], folded["last"]) == (-math.inf, math.inf, 1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_the_fold_says_what_the_values_say(values: list[float]) -> None:
    folded = fold_metrics(metrics(x=value) for value in values)["x"]
    assert (folded["first"], folded["last"]) == (values[0], values[-1])
    assert (folded["min"], folded["max"]) == (min(values), max(values))
    assert folded["count"] == len(values)
    assert folded["mean"] == pytest.approx(sum(values) / len(values))


def test_a_summary_is_the_documented_object() -> None:
    summary = RunSummary("digits", "r1", "failed", "/x/digits_r1.jsonl", exit_code=1)
    assert summary.name == "digits/r1"
    assert list(summary.as_json()) == [
        "project", "run_id", "status", "path", "aliases", "started", "ended", "duration_seconds",
        "exit_code", "signal", "reason", "host", "hyperparameters", "tags", "metrics",
    ]  # fmt: skip
