"""Patches, as a person looks at them."""

from mlterm.core.clean import clean_text
from mlterm.ui.rows import Row

_STYLES = (
    ("+++", "title"), ("---", "title"), ("diff ", "title"), ("@@", "accent"), ("+", "good"),
    ("-", "bad"),
)  # fmt: skip
_TAB_COLUMNS = 8


def patch_row(line: str) -> Row:
    """A line of a unified diff, or of any other file, in its colour."""
    style = next((style for begin, style in _STYLES if line.startswith(begin)), "label")
    return [(style, clean_text(line.expandtabs(_TAB_COLUMNS)))]
