"""Regular expressions that people write: compiled, or refused in words that know the place."""

import re
import warnings
from functools import lru_cache

from mlterm.core.backtracking import find_risk

LONGEST = 1000
"""Characters of an expression."""


class BadRegexError(ValueError):
    """It is none, or one whose search may never end; ``at`` is an index in it, or None."""

    def __init__(self, words: str, at: int | None) -> None:
        super().__init__(words)
        self.words, self.at = words, at


@lru_cache(maxsize=64)  # to judge one takes far longer than to compile it
def compile_regex(source: str) -> re.Pattern[str]:
    """Raises BadRegexError."""
    if len(source) > LONGEST:
        words = f"a regular expression has {len(source)} characters; {LONGEST} are the most"
        raise BadRegexError(words, None)
    try:
        with warnings.catch_warnings():  # of sets that a later Python may read in another way
            warnings.simplefilter("ignore")
            regex = re.compile(source)
            risk = find_risk(source)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        words = f"it is no regular expression: {getattr(error, 'msg', error)}"
        raise BadRegexError(words, getattr(error, "pos", None)) from None
    if risk is not None:
        raise BadRegexError(
            "there are several ways to go through this repetition, as there are through (a+)+: "
            "on some lines trying them all would take for ever. Let each round begin or end with "
            "something of its own, as (?:a+,)+ does",
            risk,
        )
    return regex
