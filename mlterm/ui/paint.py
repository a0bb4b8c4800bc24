"""Rows for what is printed and stays: their styles as escape sequences (ECMA-48, SGR)."""

from collections.abc import Sequence
from functools import lru_cache

from mlterm.ui.rows import Span
from mlterm.ui.styles import THEMES

_SETTINGS = {"bold": "1", "underline": "4", "standout": "7"}
_COLOURS = {
    "black": "30", "dark red": "31", "dark green": "32", "brown": "33", "dark blue": "34",
    "dark magenta": "35", "dark cyan": "36", "light gray": "37", "dark gray": "90",
    "light red": "91", "light green": "92", "yellow": "93", "light blue": "94",
    "light magenta": "95", "light cyan": "96", "white": "97",
}  # fmt: skip
_RESET = "\x1b[0m"


def painted(row: Sequence[Span], theme: str, colours: int) -> str:
    """The row as text in a theme's colours, on a terminal of so many; 0 is none."""
    if not colours:
        return "".join(text for _, text in row)
    return "".join(_span(style, text, theme, colours) for style, text in row)


def _span(style: str, text: str, theme: str, colours: int) -> str:
    codes = _codes(style, theme, colours)
    return f"\x1b[{codes}m{text}{_RESET}" if codes and text.strip() else text


@lru_cache(maxsize=256)
def _codes(style: str, theme: str, colours: int) -> str:
    look = THEMES[theme].get(style)
    if look is None or not style:
        return ""
    words = (look.many if colours >= 256 else look.few).split(",")
    return ";".join(filter(None, map(_code, words)))


def _code(word: str) -> str:
    if word[:1] == "h" and word[1:].isdigit():
        return f"38;5;{word[1:]}"
    return _SETTINGS.get(word) or _COLOURS.get(word, "")
