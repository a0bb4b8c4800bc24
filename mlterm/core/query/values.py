"""Comparing what a run has with what a person wrote."""

import operator
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from mlterm.core.clean import clean_text
from mlterm.core.durations import parse_duration
from mlterm.core.errors import RefusedError
from mlterm.core.lifecycle import ENDED, LOST, RUNNING
from mlterm.core.moments import moment_of
from mlterm.core.natural import natural_key
from mlterm.core.nearest import with_nearest
from mlterm.core.query.errors import MistakeError
from mlterm.core.query.moments import EXAMPLES, parse_span
from mlterm.core.query.names import Kind
from mlterm.core.query.tokens import Piece
from mlterm.core.records import as_number
from mlterm.core.regex import BadRegexError, compile_regex
from mlterm.core.sizes import parse_bytes
from mlterm.core.values import plain

STATUSES = (RUNNING, *sorted(ENDED), LOST)
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?|[-+]?inf(?:inity)?|nan",
    re.IGNORECASE,
)
_LONGEST_INTEGER = 300
"""Digits of what is read exactly; beyond, no float is as large either."""
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Test = Callable[[Any], bool]
Number = float | int


def parse_number(text: str) -> Number | None:
    """``1e-3``, ``-5``, ``1_000``, ``inf``, ``nan``; None of what is no number."""
    if not _NUMBER.fullmatch(text):
        return None
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_INTEGER and digits.lstrip("+-").isdigit():
        return int(digits)
    return float(digits)


def text_of(value: Any) -> str:
    """What a search looks at: a text itself, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(plain(value)).decode()


def sort_key(text: str) -> tuple[Any, ...]:
    """The order of texts: layer2 before layer10, and of the same but for capitals as they are."""
    return natural_key(text), text


def test_of(kind: Kind, sign: str, piece: Piece, now: datetime) -> Test:
    """Whether a value that a run has passes a comparison with what is written in ``piece``.

    Raises MistakeError where that cannot be compared with values of this kind.
    """
    if sign == "~":
        return _search(piece)
    if kind is Kind.TIME:
        return _time_test(sign, piece, now)
    if kind in _READERS:
        number = _READERS[kind](piece.text)
        if number is None:
            raise MistakeError(piece.at, f"{_EXPECTED[kind]} is expected here")
        return _number_test(sign, number)
    if kind is Kind.STATUS and sign in ("=", "!=") and piece.text not in STATUSES:
        raise MistakeError(piece.at, _no_status(piece.text))
    if kind is Kind.COMMIT and sign in ("=", "!="):
        return _commit_test(sign, piece.text)
    if kind is Kind.ANY:
        return _any_test(sign, piece)
    return _text_test(sign, piece.text)


def _search(piece: Piece) -> Test:
    try:
        regex = compile_regex(piece.text)
    except BadRegexError as error:
        raise MistakeError(piece.place(error.at or 0), error.words) from None
    return lambda value: regex.search(text_of(value)) is not None


def _text_test(sign: str, wanted: str) -> Test:
    if sign == "=":
        return lambda value: text_of(value) == wanted
    if sign == "!=":
        return lambda value: text_of(value) != wanted
    order, limit = _ORDERS[sign], sort_key(wanted)
    return lambda value: order(sort_key(text_of(value)), limit)


def _commit_test(sign: str, wanted: str) -> Test:
    """As in git, four digits of a commit or more stand for it."""

    def is_it(value: Any) -> bool:
        commit = text_of(value)
        return commit == wanted or (len(wanted) >= 4 and commit.startswith(wanted.lower()))

    return is_it if sign == "=" else lambda value: not is_it(value)


def _number_test(sign: str, wanted: Number) -> Test:
    if sign in ("=", "!="):
        same = sign == "="
        return lambda value: (n := as_number(value)) is not None and _is_same(n, wanted) is same
    order = _ORDERS[sign]
    return lambda value: (n := as_number(value)) is not None and order(n, wanted)


def _is_same(one: Number, other: Number) -> bool:
    """NaN is NaN here: who looks for it shall find it."""
    return one == other or (one != one and other != other)


def _time_test(sign: str, piece: Piece, now: datetime) -> Test:
    span = parse_span(piece.text, now)
    if span is None:
        raise MistakeError(piece.at, f"a time is expected here: {EXAMPLES}")
    if sign in ("=", "!="):
        same = sign == "="
        return lambda value: (m := moment_of(value)) is not None and span.has(m) is same
    order, start = _ORDERS[sign], span.start
    return lambda value: (m := moment_of(value)) is not None and order(m, start)


def _any_test(sign: str, piece: Piece) -> Test:
    """Numbers with numbers, and texts with texts; a text that a run has is a number too where
    that is compared with a number without quotes."""
    number = _number_or_bool(piece.text)
    of_number = None if number is None else _number_test(sign, number)
    of_text = _text_test(sign, piece.text)
    is_bare_number = not piece.quote and parse_number(piece.text) is not None

    def test(value: Any) -> bool:
        if isinstance(value, str):
            if not is_bare_number:
                return of_text(value)
            value = parse_number(value)
        elif not isinstance(value, int | float):
            return _structure_test(sign, piece.text, value)
        if value is None or of_number is None:
            return sign == "!="
        return of_number(value)

    return test


def _number_or_bool(text: str) -> Number | None:
    words = text.lower()
    return int(words == "true") if words in ("true", "false") else parse_number(text)


def _structure_test(sign: str, wanted: str, value: Any) -> bool:
    """Lists, dicts and null are the same as their JSON, and neither more nor less than it."""
    if sign not in ("=", "!="):
        return False
    is_it = False
    with suppress(orjson.JSONDecodeError):
        is_it = orjson.loads(wanted) == value
    return is_it is (sign == "=")


def _duration(text: str) -> Number | None:
    with suppress(RefusedError):
        return parse_duration(text)
    return parse_number(text)


def _bytes(text: str) -> Number | None:
    size = parse_bytes(text)
    return parse_number(text) if size is None else size


_READERS: dict[Kind, Callable[[str], Number | None]] = {
    Kind.NUMBER: _number_or_bool,
    Kind.DURATION: _duration,
    Kind.BYTES: _bytes,
}
_EXPECTED = {
    Kind.NUMBER: "a number",
    Kind.DURATION: "a duration, such as 90m, 2h30m or a number of seconds,",
    Kind.BYTES: "an amount of bytes, such as 3GB, 512MB or a number,",
}


def _no_status(word: str) -> str:
    words = f"no status is called '{clean_text(word)}'"
    return with_nearest(words, word.lower(), STATUSES, f": {', '.join(STATUSES)}")
