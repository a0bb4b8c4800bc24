"""Expressions made at random: printed, read again, and judged by another judge; and any text."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlterm.core.clean import clean_text
from mlterm.core.query import QueryError, parse_key, parse_order, parse_query
from mlterm.core.query.names import FIELDS
from mlterm.core.query.tokens import quoted
from mlterm.core.summary import RunSummary
from tests.unit.querying import NOW, run

NAMES = ("a", "b", "c.d", "x y", "not", 'q"', "7", "has:")
ORDERS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """An expression, and what it should say."""

    kind: str
    parts: tuple["Said", ...] = ()
    name: str = ""
    sign: str = ""
    value: int = 0

    def holds(self, values: dict[str, int]) -> bool:
        """Whether it is true of a run that has these hyperparameters."""
        if self.kind == "and":
            return all(part.holds(values) for part in self.parts)
        if self.kind == "or":
            return any(part.holds(values) for part in self.parts)
        if self.kind == "not":
            return not self.parts[0].holds(values)
        if self.kind == "has":
            return self.name in values
        return self.name in values and ORDERS[self.sign](values[self.name], self.value)


atoms = st.one_of(
    st.builds(Said, st.just("has"), name=st.sampled_from(NAMES)),
    st.builds(
        Said, st.just("compare"), name=st.sampled_from(NAMES), sign=st.sampled_from(list(ORDERS)),
        value=st.integers(-2, 2),
    ),
)  # fmt: skip
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, parts: Said(kind, tuple(parts)),
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=4),
        ),
        st.builds(lambda part: Said("not", (part,)), inner),
    ),
    max_leaves=12,
)
TIGHTNESS = {"or": 0, "and": 1, "not": 2, "has": 3, "compare": 3}


def printed(said: Said, draw: Any) -> str:
    """With no more parentheses than are needed, or with some more."""
    blank = draw(st.sampled_from([" ", "  ", "\n\t"]))
    if said.kind in ("has", "compare"):
        quote = draw(st.sampled_from("'\""))
        inner = said.name.replace(quote, quote * 2)
        needs = not said.name[0].isalpha() or said.name in ("x y", "not", 'q"', "has:")
        name = f"{quote}{inner}{quote}" if needs or draw(st.booleans()) else said.name
        name = draw(st.sampled_from(["", "param."])) + name
        if said.kind == "has":
            return f"{draw(st.sampled_from(['has:', 'HAS:']))}{name}"
        gap = draw(st.sampled_from(["", blank]))
        value = f"{quote}{said.value}{quote}" if draw(st.booleans()) else f"{said.value}"
        return f"{name}{gap}{said.sign}{gap}{value}"
    word = draw(st.sampled_from([said.kind, said.kind.upper()]))
    parts = []
    for part in said.parts:
        text = printed(part, draw)
        if TIGHTNESS[part.kind] < TIGHTNESS[said.kind] or draw(st.integers(0, 3)) == 0:
            text = f"({text})"
        parts.append(text)
    if said.kind == "not":
        return f"{word}{blank}{parts[0]}"
    return f"{blank}{word}{blank}".join(parts)


@given(expressions, st.data())
def test_what_is_printed_and_read_again_judges_as_it_was_meant(
    said: Said, data: st.DataObject
) -> None:
    text = printed(said, data.draw)
    values = data.draw(st.dictionaries(st.sampled_from(NAMES), st.integers(-2, 2)))
    assert parse_query(text, NOW).accepts(run(hyperparameters=values)) == said.holds(values)


def understood(parse: Callable[..., Any], text: str, *more: Any) -> Any:
    """What was made of a text; None where it was refused, with a place and in words."""
    refused = None
    try:
        return parse(text, *more)
    except QueryError as error:
        refused = error
    assert 0 <= refused.at <= len(text)
    assert refused.words
    assert refused.exit_code == 2
    return None


snippets = st.sampled_from(
    ["and", "or", "not", "has:", "(", ")", "=", "!=", "<", "~", "'", '"', ".", " ", "name", "loss",
     "status", "started", "duration", "system.", "metric.", "git.commit", "failed", "2 days ago",
     "9" * 12 + " weeks ago", "9999-12-31", "0001-01-01", "yesterday", "3GB", "2h30m", "1e999",
     "9" * 5000, "(a+)+", "[", "{9999999999}", "\\", "-", "\x00", "\ud800", "\x1b[31m", "ẞ", "𝕏",
     "(?i)", "(?au)", "(?P<é>x)", "null", "[1]", "NaN"]
)  # fmt: skip
RUN = run(
    started="0001-01-01T00:00:00", duration_seconds=3.0, hyperparameters={"loss": [1]}, notes=["x"]
)


@given(st.one_of(st.text(), st.lists(snippets, max_size=12).map("".join),
                 st.lists(snippets, max_size=12).map(" ".join)))  # fmt: skip
@example("started = 0001-01-01")
@example("started = 9999-12-31")
@example("started > " + "9" * 12 + " weeks ago")
@example("duration > " + "9" * 5000 + "h")
@example("system.peak_memory_bytes > " + "9" * 5000 + "GB")
@example("a = " + "9" * 5000)
@example("name ~ '" + "(" * 490 + ")" * 490 + "'")
@example("a." * 5000 + "a = 1")
@example("param." + "a" * 100_000 + " = " + "b" * 100_000)
@settings(max_examples=400)
def test_any_text_is_an_expression_or_refused_in_words(text: str) -> None:
    query = understood(parse_query, text, NOW)
    if query is not None:
        assert isinstance(query.accepts(RUN), bool)
        assert isinstance(query.needs_metrics, bool)


@given(st.one_of(st.text(), st.lists(snippets, max_size=6).map("".join)))
def test_any_text_is_a_key_or_refused_in_words(text: str) -> None:
    key = understood(parse_key, text)
    order = understood(parse_order, text)
    for each in [key, order and order.key]:
        if each is not None:
            assert clean_text(each.heading) == each.heading
            each.of(RUN)


@given(st.text(min_size=1))
def test_every_name_can_be_written_in_quotes(name: str) -> None:
    of = run(metrics={name: {"last": 3.0, "min": 1.0}}, tags={name: "x"})
    for quote in "'\"":
        inner = quote + name.replace(quote, quote * 2) + quote
        text = f"metric.{inner} = 3 and metric.{inner}.min = 1 and tag.{inner} = x"
        assert parse_query(text, NOW).accepts(of)
        assert parse_key(f"metric.{inner}.min").of(of) == 1.0


@given(st.one_of(st.text(), st.sampled_from(["a.b", "7", "nan", "Or", "has:x", "a.", "train/x"])))
def test_a_name_is_written_so_that_it_is_read_as_one(name: str) -> None:
    for prefix in ("param.", ""):
        key = parse_key(f"{prefix}{quoted(name)}")
        assert key.of(run(hyperparameters={name: 4})) == 4 or name in FIELDS
    parse_query(f"{quoted(name)} = 1", NOW)


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip


@given(st.lists(values, max_size=8))
def test_runs_are_sorted_by_whatever_they_have(those: list[Any]) -> None:
    runs = [run(run_id=f"r{i}", hyperparameters={"p": value}) for i, value in enumerate(those)]
    up, down = parse_order("param.p").sort(runs), parse_order("-param.p").sort(runs)
    assert sorted(each.run_id for each in up) == sorted(each.run_id for each in runs)

    def is_nothing(each: RunSummary) -> bool:
        value = parse_key("param.p").of(each)
        return value is None or value != value

    known = sum(not is_nothing(each) for each in runs)
    for order in (up, down):
        assert [is_nothing(each) for each in order] == [i >= known for i in range(len(runs))]
        assert [r.run_id for r in order[known:]] == [r.run_id for r in runs if is_nothing(r)]
    kinds = [isinstance(parse_key("param.p").of(each), str) for each in up[:known]]
    assert kinds == sorted(kinds)


@given(st.datetimes(datetime(2, 1, 2), timezones=st.just(UTC)),
       st.sampled_from(["minute", "hour", "day", "week"]), st.integers(0, 1000))  # fmt: skip
def test_ago_is_that_long_ago(now: datetime, unit: str, count: int) -> None:
    seconds = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}[unit] * count
    try:
        then = datetime.fromtimestamp(now.timestamp() - seconds, UTC).isoformat()
    except (ValueError, OverflowError):
        return  # before the year 1
    if then < "0002-01-02":
        return  # which is no time to who shows or compares it in another zone
    of = run(started=then)
    try:
        query = parse_query(f"started = '{count} {unit}s ago'", now)
    except QueryError:
        assert now.year < 30
        return
    margin = parse_query(f"started >= {then} and started <= {then}", now)
    assert margin.accepts(of)
    assert query.accepts(of) or now.microsecond  # which a float of seconds may miss
