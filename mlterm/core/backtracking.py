"""Regular expressions whose search may never end, told by their look.

A search tries one way after the other. Where a repetition can be gone through in several ways
each round doubles them: ``(a+)+`` takes as many steps as there are sets of the a's. So within a
repetition the next character must tell every choice (go on or leave, this alternative or that).
What this refuses may still be harmless; what it lets pass takes a power of the line's length
at worst, and no more.
"""

import re
import string
import warnings
from collections.abc import Iterable
from itertools import combinations
from re import _constants as sre  # type: ignore[attr-defined] # private, and as old as re
from re import _parser  # type: ignore[attr-defined] # as above
from typing import Any

_FEW = 3
"""A repetition of so many rounds at most has not ways enough to matter."""
_USUAL = frozenset(string.printable + "éΩж中")
"""The characters that sets are compared by, beside those that the expression names."""

_Chars = frozenset[str]
_Items = Iterable[tuple[Any, Any]]
_NONE: _Chars = frozenset()


def least_width(source: str) -> int:
    """How many characters the shortest match of a regular expression has.

    Raises re.error, OverflowError and RecursionError, as ``re.compile`` does.
    """
    width: int = _parse(source).getwidth()[0]
    return width


def find_risk(source: str) -> int | None:
    """Where in a regular expression the sign stands that makes a search endless, or None.

    The place is an index: that of the last character of the outer quantifier. Raises as
    ``least_width`` does.
    """
    if not _is_risky(source):
        return None
    # The tree knows no places. The shortest beginning that is risky ends with the quantifier.
    ends = (at for at, char in enumerate(source) if char in "*+?}")
    return next((at for at in ends if _is_risky_so_far(source[: at + 1])), len(source) - 1)


def _parse(source: str) -> Any:
    with warnings.catch_warnings():  # of sets that a later Python may read in another way
        warnings.simplefilter("ignore")
        return _parser.parse(source)


def _is_risky_so_far(begun: str) -> bool:
    """Of a beginning, its open groups closed."""
    while True:
        try:
            return _is_risky(begun)
        except re.error as error:
            if not error.msg.startswith("missing )"):
                return False
            begun += ")"


def _is_risky(source: str) -> bool:
    tree = _parse(source)
    return _Look(source, bool(tree.state.flags & re.IGNORECASE)).is_risky(tree, _NONE, False)


class _Look:
    """One look at one tree of re's parser.

    Sets of characters are what may come next; ``behind`` is what may come behind the items.
    """

    def __init__(self, source: str, ignores_case: bool) -> None:
        self._sample = _USUAL | set(source)
        self._ignores_case = ignores_case

    def is_risky(self, items: _Items, behind: _Chars, looping: bool) -> bool:
        """Whether a repetition in ``items`` has several ways; ``looping``: they are in one."""
        for kind, what in reversed(list(items)):
            if self._is_item_risky(kind, what, behind, looping):
                return True
            behind = self._item_starts(kind, what, behind)
        return False

    def _is_item_risky(self, kind: Any, what: Any, behind: _Chars, looping: bool) -> bool:
        match kind:
            case sre.SUBPATTERN:
                return self.is_risky(what[-1], behind, looping)
            case sre.ASSERT | sre.ASSERT_NOT:
                return self.is_risky(what[1], _NONE, False)
            case sre.ATOMIC_GROUP:  # of its ways only the first is ever tried
                return self.is_risky(what, _NONE, False)
            case sre.GROUPREF_EXISTS:
                return any(self.is_risky(part or (), behind, looping) for part in what[1:])
            case sre.BRANCH:
                starts = [self._starts(part, behind) for part in what[1]]
                return (looping and any(one & other for one, other in combinations(starts, 2))) or (
                    any(self.is_risky(part, behind, looping) for part in what[1])
                )
            case sre.MAX_REPEAT | sre.MIN_REPEAT:
                least, most, body = what
                again = self._starts(body, _NONE)
                if looping and least != most and again & behind:
                    return True
                after = again | (behind if looping else _NONE)
                return self.is_risky(body, after, looping or most > _FEW)
            case sre.POSSESSIVE_REPEAT:
                _, most, body = what
                return self.is_risky(body, self._starts(body, _NONE), most > _FEW)
        return False

    def _starts(self, items: _Items, behind: _Chars) -> _Chars:
        """What the first character of ``items``, or of what is behind them, may be."""
        for kind, what in reversed(list(items)):
            behind = self._item_starts(kind, what, behind)
        return behind

    def _item_starts(self, kind: Any, what: Any, behind: _Chars) -> _Chars:
        match kind:
            case sre.SUBPATTERN:
                return self._starts(what[-1], behind)
            case sre.ATOMIC_GROUP:
                return self._starts(what, behind)
            case sre.BRANCH:
                return _NONE.union(*(self._starts(part, behind) for part in what[1]))
            case sre.GROUPREF_EXISTS:
                return _NONE.union(*(self._starts(part or (), behind) for part in what[1:]))
            case sre.MAX_REPEAT | sre.MIN_REPEAT | sre.POSSESSIVE_REPEAT:
                least, _, body = what
                return self._starts(body, behind) | (_NONE if least else behind)
            case sre.GROUPREF:
                return self._sample
            case sre.AT | sre.ASSERT | sre.ASSERT_NOT:
                return behind
        return frozenset(char for char in self._sample if self._takes(kind, what, char))

    def _takes(self, kind: Any, what: Any, char: str) -> bool:
        other = char.swapcase()
        return _takes(kind, what, char) or (
            self._ignores_case and len(other) == 1 and _takes(kind, what, other)
        )


def _takes(kind: Any, what: Any, char: str) -> bool:
    """Whether an item of one character may be this one."""
    match kind:
        case sre.LITERAL:
            return bool(ord(char) == what)
        case sre.NOT_LITERAL:
            return bool(ord(char) != what)
        case sre.RANGE:
            return bool(what[0] <= ord(char) <= what[1])
        case sre.CATEGORY:
            return re.match(_CATEGORIES[what], char) is not None
        case sre.IN:
            negated = what[0][0] is sre.NEGATE
            return any(_takes(of, item, char) for of, item in what[negated:]) != negated
    return kind is sre.ANY


_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
