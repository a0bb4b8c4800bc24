"""Times as people write them, in the time zone of the machine."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mlterm.core.moments import moment_of
from mlterm.core.query.moments import parse_span
from tests.unit.querying import accepts, run

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
NOW = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
"""Half past midnight of the 27th in Berlin."""


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", BERLIN)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("now", "2026-11-26T23:30+00:00"),
        ("today", "2026-11-27T00:00+01:00"),
        ("Yesterday", "2026-11-26T00:00+01:00"),
        ("2026-11-20", "2026-11-20T00:00+01:00"),
        ("2026-07-20", "2026-07-20T00:00+02:00"),
        (" 2026-07-20T18:30 ", "2026-07-20T18:30+02:00"),
        ("2026-11-20 18:30:15.25", "2026-11-20T18:30:15.25+01:00"),
        ("2026-11-20T18:30Z", "2026-11-20T18:30+00:00"),
        ("2026-11-20T18:30-05:00", "2026-11-20T23:30+00:00"),
        ("1 minute ago", "2026-11-26T23:29+00:00"),
        ("90 minutes ago", "2026-11-26T22:00+00:00"),
        ("2 HOURS  AGO", "2026-11-26T21:30+00:00"),
        ("1 day ago", "2026-11-25T23:30+00:00"),
        ("60 days ago", "2026-09-27T23:30+00:00"),
        ("3 weeks ago", "2026-11-05T23:30+00:00"),
        ("0 days ago", "2026-11-26T23:30+00:00"),
    ],
)
def test_these_are_times(text: str, start: str) -> None:
    span = parse_span(text, NOW)
    assert span is not None
    assert span.start == datetime.fromisoformat(start)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2 days", "ago", "-1 days ago", "1.5 days ago", "two days ago", "2026-13-01",
     "2026-11-31", "18:30", "2 fortnights ago", "999999999999 weeks ago", "0001-01-01", "x"],
)  # fmt: skip
def test_these_are_none(text: str) -> None:
    assert parse_span(text, NOW) is None


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_has_23_or_25_hours_where_the_clock_is_changed(day: str) -> None:
    span = parse_span(day, NOW)
    assert span is not None
    assert span.end is not None
    hours = (span.end.astimezone(UTC) - span.start.astimezone(UTC)) / timedelta(hours=1)
    assert hours == (23 if "03" in day else 25)


@pytest.mark.parametrize(
    ("started", "holding"),
    [
        ("2026-11-19T23:59:59+01:00", {"<", "<=", "!="}),
        ("2026-11-20T00:00:00+01:00", {"=", "<=", ">="}),
        ("2026-11-20T12:00:00+01:00", {"=", ">", ">="}),
        ("2026-11-20T22:59:59+00:00", {"=", ">", ">="}),
        ("2026-11-20T23:00:00+00:00", {"!=", ">", ">="}),
        ("2026-11-20T12:00:00", {"=", ">", ">="}),
        ("garbage", set()),
        ("0001-01-01T00:00:00", set()),
    ],
)
def test_a_day_is_its_midnight_but_all_of_it_where_it_is_the_same(
    started: str, holding: set[str]
) -> None:
    of = run(started=started)
    signs = ("=", "!=", "<", "<=", ">", ">=")
    assert {sign for sign in signs if accepts(f"started {sign} 2026-11-20", of)} == holding


def test_a_moment_is_the_same_only_as_itself() -> None:
    of = run(ended="2026-11-20T12:00:00.5+00:00")
    assert accepts("ended = 2026-11-20T13:00:00.5", of)
    assert accepts("ended != 2026-11-20T13:00", of)
    assert not accepts("ended = 2026-11-20T13:00", of)
    assert not accepts("ended = now", of)


def test_a_records_time_keeps_its_offset_or_is_local() -> None:
    assert moment_of("2026-11-20T12:00:00+05:30") == datetime(
        2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=5.5))
    )
    assert moment_of("2026-07-20T12:00:00") == datetime(2026, 7, 20, 10, tzinfo=UTC)
    for odd in (None, 5, "", "x", [], "0001-01-01", "0001-01-01T00:00:00+00:00", "9999-12-31"):
        assert moment_of(odd) is None
