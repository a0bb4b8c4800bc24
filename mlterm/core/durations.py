"""Durations as people write and read them; machines keep seconds, as floats."""

import math
import re

from mlterm.core.clean import clean_text
from mlterm.core.errors import RefusedError

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_BARE = re.compile(_NUMBER)
_PARTS = re.compile("".join(rf"(?: ?(?P<{unit}>{_NUMBER}) ?{unit})?" for unit in _UNITS))
_RULE = (
    "a duration is a number of seconds, or numbers with d, h, m, s or ms from the largest"
    " to the smallest: 45, 500ms, 90m, 1.5h, 2h30m"
)

# What is shown below a length of time, both in seconds: the larger and the smaller unit.
_SCALES = (
    (3_600.0, (60, "min"), (1, "s")),
    (86_400.0, (3_600, "h"), (60, "min")),
    (math.inf, (86_400, "d"), (3_600, "h")),
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
    if _BARE.fullmatch(text):
        return float(text)
    match = _PARTS.fullmatch(text)
    if not text or not match:
        return None
    numbers = match.groupdict(default="0")
    return sum(float(number) * _UNITS[unit] for unit, number in numbers.items())


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
    for limit, (large, large_name), (small, small_name) in _SCALES:
        count = round(seconds / small)
        if count * small < limit:
            break
    whole, rest = divmod(count, large // small)
    return f"{whole} {large_name} {rest:02d} {small_name}"
