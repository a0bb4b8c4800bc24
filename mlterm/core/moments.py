"""When records were written: their timestamps as times."""

from datetime import UTC, datetime

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Sorts what tells no time before all that does."""
_YEARS = range(2, 9999)
"""A time of the first year, or the last, is beyond them in another zone."""


def moment_of(timestamp: object) -> datetime | None:
    """The aware time of a record's timestamp, which any zone has; None of what is none. One
    without an offset, as other programs write them, is local, which the platform knows."""
    try:
        moment = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
        if moment is None or moment.year not in _YEARS:
            return None
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError, OSError):
        return None
