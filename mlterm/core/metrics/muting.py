"""Lines in which nothing is told, whatever they seem to say: tracebacks, what a test runner shows
of failures, the line of source under a warning."""

import re

from mlterm.core.metrics.shapes import Kind

_MOST_LINES = {Kind.TRACEBACK: 300, Kind.FAILURES: 3000}
"""After so many lines without an end it was something else."""
_ENDS = {
    Kind.TRACEBACK: re.compile(
        r"^(?:\[?\w+\]?:\s?)?[A-Za-z_][\w.]*"
        r"(?:Error|Exception|Interrupt|Exit|Warning|Iteration|Failure)\b|^╰"
    ),
    Kind.FAILURES: re.compile(r"^=+ [^=]+ =+$"),
}


class Muting:
    """Whether lines are to be passed over."""

    def __init__(self) -> None:
        self._within: Kind | None = None
        self._left = 0

    def covers(self, text: str, kind: Kind) -> bool:
        """Whether this line is one of them."""
        within = self._within
        if within is None and kind is Kind.PLAIN:
            return False
        if within is Kind.WARNING:
            self._within = None
            if text[:1] in (" ", "\t"):
                return True
        elif within is not None:
            self._left -= 1
            if kind is within:
                self._left = _MOST_LINES[within]
            elif _ENDS[within].match(text) or not self._left:
                self._within = None
            return True
        if kind in _MOST_LINES:
            self._within, self._left = kind, _MOST_LINES[kind]
            return True
        if kind is Kind.WARNING:
            self._within = kind
            return True
        return kind is Kind.SOURCE or kind is Kind.RULE
