"""What may have been meant by a name that is not there."""

from collections.abc import Iterable

from mlterm.core.clean import clean_text

_MOST, _LIKENESS = 3, 0.6
"""Names that are told, and how like they are at least: of 1, which is the same."""


def with_nearest(
    words: str, name: str, known: Iterable[str], otherwise: str = "", *, prefix: str = ""
) -> str:
    """A sentence and, behind it, the nearest of the known names, each with ``prefix``, else
    ``otherwise``."""
    from difflib import get_close_matches  # only where something is wrong

    near = get_close_matches(name, list(dict.fromkeys(known)), _MOST, _LIKENESS)
    shown = " or ".join(clean_text(prefix + each) for each in near)
    hint = f"; did you mean {shown}?" if near else otherwise
    return f"{words}{hint}"
