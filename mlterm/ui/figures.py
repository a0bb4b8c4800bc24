"""Figures: numbers, amounts and places on an axis, as short as a person can still read them.

Here belongs how a number, or any value, becomes text, and which numbers are worth a tick. Where
the text stands is said by who draws it.
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mlterm.core.clean import clean_text
from mlterm.core.durations import format_duration as duration
from mlterm.core.sizes import format_bytes as bytes_words

__all__ = [
    "Tick", "bytes_words", "clock_label", "clock_ticks", "duration", "elapsed_label",
    "elapsed_ticks", "figure", "percent", "step_label", "step_ticks", "ticks", "value_words",
]  # fmt: skip

_SUFFIXES = ("", "k", "M", "G", "T")
_MOST_DIGITS = 5
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_SECOND = datetime.max.replace(tzinfo=UTC).timestamp() - 2 * _DAY


class Tick(NamedTuple):
    """A place on an axis, and what is written there."""

    value: float
    label: str


# --- Numbers -----------------------------------------------------------------------------


def figure(value: float, width: int = 7) -> str:
    """A number in at most ``width`` columns and five significant digits: ``0.12346``, ``12346``,
    ``123.46k``, ``1.2e-05``, ``NaN``, ``inf``. Where there is no room for it: ``…``."""
    if not math.isfinite(value):
        return _fitting("NaN" if value != value else "inf" if value > 0 else "-inf", width)
    for digits in range(_MOST_DIGITS, 0, -1):
        text = f"{value:.{digits}g}"
        if "e+" in text and abs(value) < 1e15:
            text = _suffixed(float(text), digits)
        for form in (text, f"{value:.{digits - 1}e}"):
            if len(form) <= width:
                return form if form != "-0" else "0"
    return _fitting(text, width)


def _suffixed(value: float, digits: int) -> str:
    power = math.floor(math.log10(abs(value))) // 3
    if power >= len(_SUFFIXES):
        return f"{value:.{digits}g}"
    scaled = f"{value / 1000**power:.{max(3, digits)}g}"
    return f"{scaled}{_SUFFIXES[power]}"


def _fitting(text: str, width: int) -> str:
    return text if len(text) <= width else "…"[:width]


def percent(value: float) -> str:
    """Of a hundred: ``0.4%``, ``97%``."""
    if not math.isfinite(value):
        return figure(value)
    return f"{value:.1f}%" if 0.05 <= abs(value) < 0.95 else f"{value:.0f}%".replace("-0%", "0%")


def value_words(value: Any) -> str:
    """Any value of a file, in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean_text(text)


# --- Ticks -------------------------------------------------------------------------------


def ticks(low: float, high: float, count: int, log: bool = False) -> list[Tick]:
    """Round values from ``low`` to ``high``, at most ``count`` of them, and two if count allows
    it: multiples of 1, 2 or 5 times a power of ten; or decades."""
    if not (math.isfinite(low) and math.isfinite(high)) or count < 1 or low > high:
        return []
    if log and low > 0:
        decades = _decades(low, high, count)
        if len(decades) > 1 or count == 1:
            return decades
    if high / 2 - low / 2 <= max(abs(low), abs(high)) * 1e-14:
        return [Tick(low, figure(low))]
    return _labelled(*_multiples(low, high, count))


def step_ticks(low: float, high: float, count: int) -> list[Tick]:
    """The same for what is counted: whole numbers, where the range holds two of them."""
    if math.isfinite(low) and math.isfinite(high) and math.floor(high) - math.ceil(low) >= 1:
        multiples, unit, exponent = _multiples(low, high, count)
        if exponent < 0:
            multiples, unit, exponent = range(math.ceil(low), math.floor(high) + 1), 1, 0
        return _labelled(multiples, unit, exponent)
    return ticks(low, high, count)


def step_label(value: float) -> str:
    """A step in full where it is whole: ``12,800``."""
    if math.isfinite(value) and value == math.floor(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return figure(value)


def _multiples(low: float, high: float, count: int) -> tuple[Sequence[int], int, int]:
    """Which multiples of which step, ``unit * 10**exponent``, lie in the range."""
    if count < 1:
        return (), 1, 0
    finest = high / (count + 1) - low / (count + 1)  # a finer step has more places than that
    exponent = math.floor(math.log10(finest))
    while True:
        for unit in (1, 2, 5):
            if unit * 10.0**exponent < finest * (1 - 1e-9):
                continue
            inside = _inside(low, high, unit, exponent)
            if len(inside) <= count:
                if len(inside) >= 2 or count < 2:
                    return inside, unit, exponent
                finer = _finer(unit, exponent)
                inside = _inside(low, high, *finer)
                return (inside[0], inside[-1])[: len(inside)], *finer
        exponent += 1


def _finer(unit: int, exponent: int) -> tuple[int, int]:
    return (5, exponent - 1) if unit == 1 else (unit // 2, exponent)


def _inside(low: float, high: float, unit: int, exponent: int) -> range:
    step = unit * 10.0**exponent
    slack = 1e-9 * (high / step - low / step)
    return range(math.ceil(low / step - slack), math.floor(high / step + slack) + 1)


def _labelled(multiples: Sequence[int], unit: int, exponent: int) -> list[Tick]:
    scale = 10**-exponent if exponent < 0 else 1
    whole = unit * 10 ** max(exponent, 0)
    values = [each * whole / scale for each in multiples]
    return list(map(Tick, values, _labels(values, exponent)))


def _labels(values: Sequence[float], exponent: int) -> list[str]:
    """The same precision for all of them, in the form that is the shortest."""
    largest = max(map(abs, values), default=0)
    if largest and not 1e-4 <= largest < 1e15:
        return [_scientific(value, exponent) for value in values]
    powers = range(1 if largest < 1000 else len(_SUFFIXES))
    forms = [_in_thousands(values, exponent, power) for power in powers]
    return min(forms, key=lambda labels: max(map(len, labels), default=0))


def _scientific(value: float, exponent: int) -> str:
    if not value:
        return "0"
    return f"{value:.{max(0, math.floor(math.log10(abs(value))) - exponent)}e}"


def _in_thousands(values: Sequence[float], exponent: int, power: int) -> list[str]:
    digits, scale = max(0, 3 * power - exponent), 1000**power
    return [f"{v / scale:.{digits}f}{_SUFFIXES[power]}" if v else "0" for v in values]


def _decades(low: float, high: float, count: int) -> list[Tick]:
    """Powers of ten; where fewer than two lie in the range, their doubles and fives as well."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    stride = max(1, -(-(last - first + 1) // count))
    powers = [10.0**power for power in range(first, last + 1, stride)]
    if last - first < 1:
        around = (unit * 10.0**power for power in (first - 1, first) for unit in (1, 2, 5))
        inside = [value for value in around if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        powers = inside if len(inside) <= count else [inside[0], inside[-1]][:count]
    return [Tick(v, figure(v) if v < 1000 else _suffixed(v, _MOST_DIGITS)) for v in powers]


# --- Times -------------------------------------------------------------------------------


def clock_ticks(low: float, high: float, count: int, utc_offset_seconds: int = 0) -> list[Tick]:
    """Of Unix times: ``14:30``, with seconds or dates where the step asks for them. A midnight
    is told by its date where the range is longer than a day."""
    if not 0 <= low <= high <= _LAST_SECOND:
        return ticks(low, high, count)
    step, values = _times(low, high, count, utc_offset_seconds)
    days = high - low > _DAY
    return [Tick(v, _clock(v + utc_offset_seconds, step, days)) for v in values]


def clock_label(value: float, utc_offset_seconds: int = 0) -> str:
    """A Unix time in full: ``Nov 24 14:30:05``."""
    if not 0 <= value <= _LAST_SECOND:
        return figure(value)
    local = value + utc_offset_seconds
    return f"{_clock(local, _DAY, True)} {_clock(local, 1, False)}"


def _clock(local: float, step: float, days: bool) -> str:
    at = datetime.fromtimestamp(local, UTC)
    if step >= 100 * _DAY:
        return f"{at.year}-{at.month:02d}"
    if step >= _DAY or (days and local % _DAY == 0):
        return f"{_MONTHS[at.month - 1]} {at.day:02d}"
    return f"{at:%H:%M}" if step >= _MINUTE else f"{at:%H:%M:%S}"


def elapsed_ticks(low: float, high: float, count: int) -> list[Tick]:
    """Of seconds since the start: ``0:30``, ``20m``, ``1h20``, ``2d06h``."""
    if not -_LAST_SECOND <= low <= high <= _LAST_SECOND:
        return ticks(low, high, count)
    if high - low < 2:
        return [Tick(value, f"{label}s") for value, label in ticks(low, high, count)]
    step, values = _times(low, high, count, 0)
    return [Tick(value, _elapsed(value, step)) for value in values]


def elapsed_label(value: float) -> str:
    """Seconds since the start in full: ``1:20:05``."""
    return _elapsed(value, 1) if abs(value) < _LAST_SECOND else figure(value)


def _elapsed(value: float, step: float) -> str:
    sign, seconds = "-" * (value < 0), abs(round(value))
    minutes, hours, days = seconds // 60 % 60, seconds // _HOUR % 24, seconds // _DAY
    if step < _MINUTE:
        hours = seconds // _HOUR
        long = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
        return f"{sign}{long}:{seconds % 60:02d}"
    if days:
        return f"{sign}{days}d{hours:02d}h" if hours else f"{sign}{days}d"
    if hours:
        return f"{sign}{hours}h{minutes:02d}" if minutes else f"{sign}{hours}h"
    return f"{sign}{minutes}m" if minutes else "0"


def _times(low: float, high: float, count: int, offset: int) -> tuple[float, list[float]]:
    """The finest step of a clock with at most ``count`` places in the range, and the places;
    where it has fewer than two, the outermost of the step before."""
    low, high = low + offset, high + offset
    finer = range(0)
    for step in _TIME_STEPS:
        inside = range(math.ceil(low / step), math.floor(high / step) + 1)
        if len(inside) <= count:
            break
        finer, finer_step = inside, step
    if len(inside) < 2 <= min(count, len(finer)):
        inside, step = finer[:: len(finer) - 1], finer_step
    return step, [float(each * step - offset) for each in inside[: max(count, 0)]]
