"""Energy: joules from a device's own counter, else from its power over time."""

from dataclasses import dataclass

LONGEST_GAP_SECONDS = 30.0
"""Between two readings of the power: what was drawn in a longer gap nobody knows, unless they
are to be so far apart."""


@dataclass
class _Meter:
    joules: float = 0.0
    is_known: bool = False
    counter: float | None = None
    watts: float | None = None
    seconds: float = 0.0


class Energy:
    """Adds up what each device has used since it was first seen here, by readings that are
    ``interval_seconds`` apart."""

    def __init__(self, interval_seconds: float = 1.0) -> None:
        self._longest_gap = max(LONGEST_GAP_SECONDS, 2 * interval_seconds)
        self._meters: dict[str, _Meter] = {}

    def add(
        self, device: str, seconds: float, counter_joules: float | None, watts: float | None
    ) -> float | None:
        """Take in a reading at ``seconds`` of the monotonic clock; the joules so far, None where
        neither figure was ever readable.

        A counter that went back (the driver was loaded anew) begins anew; over a gap without any
        reading it has counted on. Between two readings of the power it is taken to have changed
        evenly.
        """
        meter = self._meters.setdefault(device, _Meter())
        if counter_joules is not None:
            if meter.counter is not None and counter_joules >= meter.counter:
                meter.joules += counter_joules - meter.counter
            meter.is_known = True
        elif watts is not None:
            elapsed = seconds - meter.seconds
            if meter.watts is not None and elapsed <= self._longest_gap:
                meter.joules += elapsed * (watts + meter.watts) / 2
            meter.is_known = True
        if counter_joules is not None or watts is not None:
            meter.counter = counter_joules
        meter.watts, meter.seconds = watts, seconds
        return round(meter.joules, 1) if meter.is_known else None

    def go_on_from(self, device: str, joules: float) -> None:
        """What an earlier observer of this run has added up."""
        self._meters.setdefault(device, _Meter()).joules = joules
