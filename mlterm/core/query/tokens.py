"""An expression → its words and signs, with their places.

A word ends at a blank, a parenthesis or one of ``= < > ~ !``, and may have parts in quotes, in
which none of these counts: everything else, dots and strokes, colons and minus signs, letters of
every script, is part of it. A quote within quotes of its kind is written twice; a backslash means
nothing, so that regular expressions stand as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from mlterm.core.query.errors import MistakeError

_BLANKS = re.compile(r"\s+")
_SIGNS = re.compile(r"[=<>~!]+")
_BARE = re.compile(r"""[^\s()=<>~!"']+""")
_QUOTED = re.compile(r'"(?:[^"]|"")*+"' + r"|'(?:[^']|'')*+'")
_PLAIN = re.compile(r"[^\W\d][\w/@%-]*(?:\.[\w/@%-]+)*")
"""Names that need no quotes, though not all that do not."""
_HAS = re.compile(r"has:", re.IGNORECASE)
QUOTES = ("'", '"')
KEYWORDS = ("and", "or", "not")
SIGNS = ("=", "!=", "<", "<=", ">", ">=", "~")
_MISREAD = {*KEYWORDS, "inf", "infinity", "nan"}
_MEANT = {
    "!": "write 'not' in front of a comparison",
    "!~": "write 'not' in front of the name, and ~ here",
    "=~": "a search is written ~",
    "=>": "this is written >=",
    "=<": "this is written <=",
    "<>": "this is written !=",
}


class Kind(Enum):
    """What a token is; its value says it to a person."""

    WORD = "a word"
    SIGN = "a sign"
    OPEN = "("
    CLOSE = ")"
    HAS = "has:"
    END = "the end"


@dataclass(frozen=True)
class Piece:
    """A word, or what stands within or between the quotes of one."""

    text: str
    at: int
    quote: str = ""
    """That it stands in, if any."""

    def place(self, index: int) -> int:
        """Where a character of the text stands in the expression."""
        if not self.quote:
            return self.at + index
        return self.at + 1 + index + self.text[:index].count(self.quote)


@dataclass(frozen=True)
class Token:
    """A word or a sign."""

    kind: Kind
    at: int
    end: int
    text: str
    pieces: tuple[Piece, ...] = ()

    @property
    def bare(self) -> str:
        """The word in small letters, where it has no quotes; else nothing."""
        is_bare = len(self.pieces) == 1 and not self.pieces[0].quote
        return self.text.lower() if is_bare else ""


@lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """A name as it is written in an expression, in quotes where it needs them."""
    if _PLAIN.fullmatch(name) and name.lower() not in _MISREAD:
        return name
    inner = name.replace('"', '""')
    return f'"{inner}"'


def tokens_of(text: str) -> list[Token]:
    """All tokens; the last one is the end. Raises MistakeError."""
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while True:
        if blanks := _BLANKS.match(text, at):
            at = blanks.end()
        token = _token(text, at)
        yield token
        if token.kind is Kind.END:
            return
        at = token.end


def _token(text: str, at: int) -> Token:
    char = text[at : at + 1]
    if not char:
        end = len(text.rstrip())
        return Token(Kind.END, end, end, "")
    if char in "()":
        return Token(Kind(char), at, at + 1, char)
    if signs := _SIGNS.match(text, at):
        sign = "=" if signs[0] == "==" else signs[0]
        if sign not in SIGNS:
            help_ = _MEANT.get(sign, f"the signs are {', '.join(SIGNS)}")
            raise MistakeError(at, f"'{sign}' is no sign of this language: {help_}")
        return Token(Kind.SIGN, at, signs.end(), sign)
    if has := _HAS.match(text, at):
        return Token(Kind.HAS, at, has.end(), has[0])
    return _word(text, at)


def _word(text: str, begin: int) -> Token:
    pieces = []
    at = begin
    while found := _BARE.match(text, at) or _QUOTED.match(text, at):
        quote = found[0][0] if found[0][0] in QUOTES else ""
        inner = found[0][1:-1].replace(quote * 2, quote) if quote else found[0]
        pieces.append(Piece(inner, at, quote))
        at = found.end()
    if text[at : at + 1] in QUOTES:
        raise MistakeError(at, "this quote is not closed")
    return Token(Kind.WORD, begin, at, text[begin:at], tuple(pieces))
