"""Times as people write them: ISO dates, today, yesterday, now, ``2 days ago``."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

EXAMPLES = "2026-11-24, 2026-11-24T18:30, today, yesterday, now or '2 days ago'"
UNITS = ("minute", "hour", "day", "week")
_AGO = re.compile(rf"([0-9]{{1,12}}) +({'|'.join(UNITS)})s? +ago", re.IGNORECASE)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A moment; where only a day was told, its midnight."""

    start: datetime
    end: datetime | None = None
    """Of a day, the midnight that ends it."""

    def has(self, moment: datetime) -> bool:
        """Whether it is that moment, or one of that day."""
        if self.end is None:
            return moment == self.start
        return self.start <= moment < self.end


def parse_span(text: str, now: datetime) -> Span | None:
    """What a person's text means; None where it is no time. ``now`` is aware."""
    words = text.strip().lower()
    try:
        if words == "now":
            return Span(now)
        if words in ("today", "yesterday"):
            return _day(now.astimezone().date() - (words == "yesterday") * _DAY)
        if ago := _AGO.fullmatch(words):
            passed = timedelta(**{f"{ago[2]}s": int(ago[1])})
            return Span(now.astimezone(UTC) - passed)
        return _iso(text.strip())
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> Span:
    try:
        return _day(date.fromisoformat(text))
    except ValueError:
        return Span(_aware(datetime.fromisoformat(text)))


def _day(day: date) -> Span:
    return Span(_midnight(day), _midnight(day + _DAY))


def _midnight(day: date) -> datetime:
    return _aware(datetime.combine(day, time()))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.astimezone()
