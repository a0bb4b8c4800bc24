"""Durations as people write and read them; machines keep seconds, as floats."""

import math
import re
from typing import NamedTuple

from mlterm.core.clean import clean_text
from mlterm.core.errors import RefusedError

_UNITS = {"d": "86400", "h": "3600", "m": "60", "s": "1", "ms": "0.001"}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_PARTS = "".join(rf"(?: ?(?P<{unit}>{_NUMBER}) ?{unit})?" for unit in _UNITS)
_RULE = (
    "a duration is a number of seconds, or numbers with d, h, m, s or ms from the largest"
    " to the smallest: 45, 500ms, 90m, 1.5h, 2h30m"
)


class _Unit(NamedTuple):
    name: str
    seconds: int


_SECOND, _MINUTE = _Unit("s", 1), _Unit("min", 60)
_HOUR, _DAY = _Unit("h", 3_600), _Unit("d", 86_400)

# Below so many seconds a length of time is shown in these two units.
_SCALES = (
    (_HOUR.seconds, _MINUTE, _SECOND),
    (_DAY.seconds, _HOUR, _MINUTE),
    (math.inf, _DAY, _HOUR),
)


def parse_duration(text: str) -> float:
    """Return the seconds that a text such as ``90m``, ``2h30m``, ``500ms`` or ``45`` stands for.

    Raises RefusedError, with the rule, for anything else: a sign, nan, infinity, nothing
    at all, a unit twice or units out of order. Zero is a duration.
    """
    seconds = _seconds(text.strip())
    if seconds is None or not math.isfinite(seconds):
        raise RefusedError(f"Not a duration: '{clean_text(text)}'; {_RULE}.")
    return seconds


def _seconds(text: str) -> float | None:
    if re.fullmatch(_NUMBER, text):
        return float(text)
    match = re.fullmatch(_PARTS, text)
    if not text or not match:
        return None
    from decimal import Decimal  # so that 700ms are 0.7 seconds and not 0.7000000000000001

    numbers = match.groupdict(default="0")
    return float(sum(Decimal(number) * Decimal(_UNITS[unit]) for unit, number in numbers.items()))


def format_duration(seconds: float) -> str:
    """Return seconds for people: ``0.4 s``, ``3 min 07 s``, ``2 h 05 min``, ``3 d 04 h``.

    Rounded to the smallest unit shown. What is not finite is named as it is.
    """
    if not math.isfinite(seconds):
        return f"{seconds} s"
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    large, small = next(
        (large, small)
        for limit, large, small in _SCALES
        if round(seconds / small.seconds) * small.seconds < limit
    )
    whole, rest = divmod(round(seconds / small.seconds), large.seconds // small.seconds)
    return f"{whole} {large.name} {rest:02d} {small.name}"


def format_age(seconds: float) -> str:
    """How long ago something was, for people: ``4 s ago``, ``3 h ago``, ``12 d ago``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"
