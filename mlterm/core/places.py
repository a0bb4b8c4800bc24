"""Places: where a point lies on the axes that a chart may have."""

import math
from datetime import datetime
from typing import Literal, NamedTuple, cast

from mlterm.core.records import Record, as_number

Axis = Literal["step", "epoch", "seconds"]
_STEPS = ("_step", "step", "epoch")
"""Where x is looked for, the best first."""


class Place(NamedTuple):
    """Where a point lies; NaN is unknown."""

    x: float
    """Its step, else its epoch, else its position; finite."""
    seconds: float = math.nan
    """When it was logged, in seconds since 1970."""
    epoch: float = math.nan
    offset: float = math.nan
    """Of the line in output.log that it was read from."""


def place_of(record: Record, position: int) -> Place:
    """Of a metrics record's points; its position counts where it tells no step and no epoch."""
    found = (_finite(record[axis]) for axis in _STEPS if axis in record)
    x = next((number for number in found if number == number), position)
    epoch, offset = record.get("epoch"), record.get("_offset")
    return Place(x, seconds_of(record.get("timestamp")), _finite(epoch), _finite(offset))


def _finite(value: object) -> float:
    """NaN where it is no finite number."""
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else math.nan


def seconds_of(timestamp: object) -> float:
    """A record's time in seconds since 1970, NaN where it tells none. A naive one, of the first
    mlterm, is the local time."""
    try:
        return datetime.fromisoformat(cast(str, timestamp)).timestamp()
    except (TypeError, ValueError, ArithmeticError, OSError):
        return math.nan
