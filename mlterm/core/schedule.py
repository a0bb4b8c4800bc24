"""When to sample next: on a steady grid, and never so often that it costs too much."""

import math

SHARE = 0.05
"""Of one core, at most: a job of ten thousand processes is sampled less often."""


class Schedule:
    """A grid of moments, ``interval_seconds`` apart, that begins with the first sample."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._start: float | None = None

    def due_after(self, begin: float, cost_seconds: float) -> float:
        """When the next sample is due after one that began at ``begin`` and took so much CPU time.

        A moment that has passed (a suspend, a stopped observer) is left out, not made up for.
        """
        if self._start is None:
            self._start = begin
        earliest = max(begin + self._interval / 2, begin + cost_seconds / SHARE)
        steps = math.ceil((earliest - self._start) / self._interval - 1e-9)
        return self._start + steps * self._interval
