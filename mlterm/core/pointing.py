"""A text that a person wrote, shown again with a sign under the place that is wrong."""

from unicodedata import category, east_asian_width

from mlterm.core.clean import clean_text

_WHOLE = 400
_BEFORE, _BEHIND = 100, 60
"""Characters around the place, of a text that is longer than _WHOLE."""


def pointed(text: str, at: int | None) -> str:
    """The text on an indented line and, where a place is told, a caret under it on the next."""
    if at is None:
        return f"  {clean_text(text)}"
    before, behind = text[:at], text[at:]
    if len(text) > _WHOLE:
        before = f"…{before[-_BEFORE:]}" if len(before) > _BEFORE else before
        behind = f"{behind[:_BEHIND]}…" if len(behind) > _BEHIND else behind
    shown = clean_text(before)
    return f"  {shown}{clean_text(behind)}\n  {' ' * _columns(shown)}^"


def _columns(text: str) -> int:
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1
