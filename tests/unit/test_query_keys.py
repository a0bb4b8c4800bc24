"""Names as columns, and as what runs are sorted by."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from mlterm.core.query import Key, parse_key, parse_order
from mlterm.core.query.names import Kind
from tests.unit.querying import run

RUN = run(
    started="2026-11-24T08:00:00+00:00", duration_seconds=9.5, notes=["one", "two"],
    aliases=["a/b"],
    hyperparameters={"lr": 0.1, "on": True, "layers": [1, 2], "none": None, "word": "adam",
                     "diverged": "NaN", "big": "-Infinity"},
    tags={"team": "vision", "n": "3"}, metrics={"train/loss": {"last": "NaN", "min": 0.5}},
    git={"commit": "08eb", "dirty": False}, cost={"peak_memory_bytes": 7, "cpu_seconds": 2.5},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "heading", "kind", "value"),
    [
        ("name", "name", Kind.TEXT, "digits/resnet-1"),
        ("started", "started", Kind.TIME, datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("ended", "ended", Kind.TIME, None),
        ("duration", "duration", Kind.DURATION, 9.5),
        ("status", "status", Kind.STATUS, "failed"),
        ("exit_code", "exit_code", Kind.NUMBER, None),
        ("note", "note", Kind.TEXT, "one, two"),
        ("alias", "alias", Kind.TEXT, "a/b"),
        ("git.dirty", "git.dirty", Kind.NUMBER, False),
        ("git.commit", "git.commit", Kind.COMMIT, "08eb"),
        ("param.lr", "param.lr", Kind.ANY, 0.1),
        ("on", "on", Kind.ANY, True),
        ("layers", "layers", Kind.ANY, "[1,2]"),
        ("none", "none", Kind.ANY, None),
        ("word", "word", Kind.ANY, "adam"),
        ("big", "big", Kind.ANY, -math.inf),
        ("tag.team", "tag.team", Kind.ANY, "vision"),
        ("tag.n", "tag.n", Kind.ANY, "3"),
        ('metric."train/loss".min', "metric.train/loss.min", Kind.NUMBER, 0.5),
        ("train/loss.max", "train/loss.max", Kind.ANY, None),
        ("system.peak_memory_bytes", "system.peak_memory_bytes", Kind.BYTES, 7),
        ("system.cpu_seconds", "system.cpu_seconds", Kind.DURATION, 2.5),
        ("nothing", "nothing", Kind.ANY, None),
        ("'a\x1b[31m'", "a\\x1b[31m", Kind.ANY, None),
    ],
)
def test_a_key_is_what_a_run_has_under_a_name(
    text: str, heading: str, kind: Kind, value: Any
) -> None:
    key = parse_key(text)
    assert (key.heading, key.kind) == (heading, kind)
    assert key.of(RUN) == value
    assert type(key.of(RUN)) is type(value)


@pytest.mark.parametrize("text", ["train/loss", "param.diverged"])
def test_nan_is_a_number(text: str) -> None:
    value = parse_key(text).of(RUN)
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_key_tells_whether_it_needs_metrics() -> None:
    assert [parse_key(t).needs_metrics for t in ("lr", "metric.x", "param.x", "started")] == [
        True, True, False, False,
    ]  # fmt: skip


def ordered(text: str, values: list[Any]) -> list[Any]:
    runs = [run(hyperparameters={"p": value} if value != "-" else {}) for value in values]
    return [each.hyperparameters.get("p", "-") for each in parse_order(text).sort(runs)]


def test_numbers_are_before_words_and_nothing_is_last_either_way() -> None:
    values = ["run10", None, 3, "-", "Run9", 0.5, "NaN", True, "alpha", "Infinity", -2]
    up = ordered("param.p", values)
    assert up == [-2, 0.5, True, 3, "Infinity", "alpha", "Run9", "run10", None, "-", "NaN"]
    down = ordered("-param.p", values)
    assert down == ["run10", "Run9", "alpha", "Infinity", 3, True, 0.5, -2, None, "-", "NaN"]


def test_those_that_are_the_same_stay_in_their_order() -> None:
    runs = [run(run_id=str(i), duration_seconds=i % 2) for i in range(6)]
    assert [r.run_id for r in parse_order("duration").sort(runs)] == ["0", "2", "4", "1", "3", "5"]
    assert [r.run_id for r in parse_order("-duration").sort(runs)] == ["1", "3", "5", "0", "2", "4"]


def test_times_are_sorted_as_times() -> None:
    times = ["2026-11-24T08:00:00+02:00", "2026-11-24T07:00:00+00:00", None, "2026-11-24T06:30:00Z"]
    runs = [run(run_id=str(i), started=started) for i, started in enumerate(times)]
    assert [each.run_id for each in parse_order("started").sort(runs)] == ["0", "3", "1", "2"]


def test_a_minus_in_front_turns_the_order_and_one_in_quotes_is_a_names() -> None:
    order = parse_order("-param.lr")
    assert order.descending
    assert order.key == parse_key("param.lr")
    named = parse_order('"-x"')
    assert (named.descending, named.key.heading) == (False, "-x")
    assert isinstance(named.key, Key)
