"""The best that a metric has reached, and where."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from mlterm.core.goals import Goal
from mlterm.core.records import as_number
from mlterm.core.series import Series


def value_of(summary: Mapping[str, Any] | None, what: str) -> float | int | None:
    """``last``, ``min`` … of a metric's summary; None where it has none, or is no metric."""
    return None if summary is None else as_number(summary.get(what))


def best_of(summary: Mapping[str, Any], goal: Goal) -> float | int | None:
    """The best value of a metric's summary; None where none can be compared: NaN is no best."""
    value = value_of(summary, goal)
    return value if value == value else None


def place_of(series: Series, goal: Goal) -> tuple[float, float] | None:
    """Between which two steps the best value was reached for the first time: the same ones where
    it is known exactly. None where there is no finite one."""
    best = series.min if goal == "min" else series.max
    if best is None or not isfinite(best):
        return None
    for bucket in series.buckets:
        if (bucket.min if goal == "min" else bucket.max) == best:
            for value, x in ((bucket.first, bucket.x_first), (bucket.last, bucket.x_last)):
                if value == best:
                    return x, x
            return bucket.x_first, bucket.x_last
    return None
