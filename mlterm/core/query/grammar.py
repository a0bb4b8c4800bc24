"""The grammar of the language: tokens → the tree of an expression.

::

    expression = both { "or" both }
    both       = one { "and" one }
    one        = "not" one | "(" expression ")" | "has:" name | name sign value
"""

import re
from datetime import datetime

from mlterm.core.clean import clean_text
from mlterm.core.query.errors import MistakeError, QueryError
from mlterm.core.query.moments import UNITS
from mlterm.core.query.names import Name, name_of
from mlterm.core.query.tokens import KEYWORDS, SIGNS, Kind, Piece, Token, tokens_of
from mlterm.core.query.tree import And, Comparison, Has, Node, Not, Or, Query
from mlterm.core.query.values import STATUSES, parse_number, test_of

DEEPEST = 100
"""Parentheses and nots in one another: more make no sense, and would use up the stack."""
_EXPRESSION = re.compile(r"[=<>~]|(?<!\S)\(*has:", re.IGNORECASE)
_AGO = {f"{unit}{plural} ago" for unit in UNITS for plural in ("", "s")}
_MEANT = {
    "is": "equal is written =", "equals": "equal is written =", "eq": "equal is written =",
    "contains": "~ searches", "like": "~ searches", "matches": "~ searches",
    "in": "write one comparison for each value, with 'or' between",
    "&&": "write 'and'", "&": "write 'and'", ",": "write 'and'", "||": "write 'or'",
    "|": "write 'or'",
}  # fmt: skip


def parse_query(text: str, now: datetime) -> Query:
    """The runs that an expression means; of an empty one, all. ``now``, aware, is what
    ``2 days ago`` counts from.

    Raises QueryError, whose message shows the place that is wrong, and nothing else.
    """
    try:
        return Query(text, _Parser(tokens_of(text), now).whole())
    except MistakeError as mistake:
        raise QueryError("filter", text, mistake) from None


def is_expression(text: str) -> bool:
    """Whether a text is meant as one, be it good or not, by a sign or ``has:`` in it."""
    return _EXPRESSION.search(text) is not None


class _Parser:
    def __init__(self, tokens: list[Token], now: datetime) -> None:
        self._tokens, self._now = tokens, now
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind is not Kind.END
        return token

    def _takes(self, keyword: str) -> bool:
        """Whether it comes next; then it is passed."""
        is_next = self._next.bare == keyword
        self._at += is_next
        return is_next

    def whole(self) -> Node:
        """The tree of everything."""
        if len(self._tokens) == 1:
            return And(())
        node = self._expression()
        if (token := self._next).kind is not Kind.END:
            raise MistakeError(token.at, _unexpected(token, "the end"))
        return node

    def _expression(self) -> Node:
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Node:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self) -> Node:
        if self._depth > DEEPEST:
            raise MistakeError(self._next.at, f"more than {DEEPEST} stand within one another here")
        self._depth += 1
        node = self._deeper()
        self._depth -= 1
        return node

    def _deeper(self) -> Node:
        if self._takes("not"):
            return Not(self._one())
        token = self._next
        if token.kind is Kind.OPEN:
            self._take()
            node = self._expression()
            if self._next.kind is not Kind.CLOSE:
                raise MistakeError(self._next.at, _unexpected(self._next, ")"))
            self._take()
            return node
        if token.kind is Kind.HAS:
            self._take()
            return Has(self._name("the name of what a run shall have"))
        return self._comparison()

    def _comparison(self) -> Node:
        first = self._next
        name = self._name("a name, 'not', has: or (")
        sign = self._take()
        if sign.kind is not Kind.SIGN:
            raise MistakeError(sign.at, _no_sign(name, first, sign))
        if first.bare and parse_number(first.bare) is not None:
            words = f"a name is expected in front of {sign.text}, and the value behind it"
            raise MistakeError(first.at, words)
        piece = self._value(sign)
        test = test_of(name.kind, sign.text, piece, self._now)
        return Comparison(name, sign.text, piece, test)

    def _name(self, expected: str) -> Name:
        token = self._next
        if token.kind is not Kind.WORD or token.bare in KEYWORDS:
            raise MistakeError(token.at, f"{expected} is expected here{_instead_of(token)}")
        return name_of(self._take())

    def _value(self, sign: Token) -> Piece:
        token = self._next
        if token.kind is not Kind.WORD or token.bare in KEYWORDS:
            quotes = "" if token.kind is Kind.END else "; put it in quotes if this belongs to it"
            raise MistakeError(token.at, f"a value is expected behind {sign.text}{quotes}")
        self._take()
        if len(token.pieces) > 1:
            raise MistakeError(token.pieces[1].at, "all of a value, or nothing, is put in quotes")
        (piece,) = token.pieces
        ahead = " ".join(each.bare for each in self._tokens[self._at : self._at + 2])
        if token.bare.isdecimal() and ahead in _AGO:
            self._at += 2
            return Piece(f"{piece.text} {ahead}", piece.at)
        return piece


def _unexpected(token: Token, end: str) -> str:
    """What is expected where a comparison has ended."""
    if token.kind is Kind.CLOSE:
        return "this ) closes nothing"
    help_ = _MEANT.get(token.bare, "")
    if token.kind is Kind.OPEN or (token.kind is Kind.WORD and not help_):
        help_ = "a text with blanks or parentheses is put in quotes"
    return f"'and', 'or' or {end} is expected here{f'; {help_}' if help_ else ''}"


def _instead_of(token: Token) -> str:
    if token.kind is Kind.END:
        return ""
    if token.kind is Kind.WORD:
        return f"; what is called '{token.text}' is put in quotes"
    return f", not {token.text}"


def _no_sign(name: Name, first: Token, found: Token) -> str:
    """Behind a name something else stands: what may have been meant."""
    signs = f"{', '.join(SIGNS[:-1])} or {SIGNS[-1]}"
    shown = clean_text(first.text)
    words = f"one of {signs} is expected behind {shown}"
    if found.bare in _MEANT:
        return f"{words}; {_MEANT[found.bare]}"
    if name.written in STATUSES:
        return f"{words}; did you mean status = {name.written}?"
    return f"{words}; has:{shown} asks whether a run has it, name ~ {shown} whether its name does"
