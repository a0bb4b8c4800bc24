"""The end of a run's output, as spans of one look: what ``mlterm logs`` would print of it."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlterm.core.clean import Cleaner
from mlterm.core.graphics import PLAIN, SIXTEEN, Graphics, after

_SGR = re.compile(r"\x1b\[([0-9:;]*)m")
_FLAGS = ("bold", "italics", "underscore", "strikethrough", "reverse")


def end_of_output(path: Path, most_bytes: int) -> dict[str, Any] | None:
    """``{"spans": [text or [text, look]], "size": bytes of the file, "cut": bytes that are not
    here}``, or None where there is no output. It begins with a line, if one begins there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = file.seek(max(0, size - most_bytes))
            data = file.read(most_bytes)
    except OSError:
        return None
    if not size:
        return None
    if start:
        begin = data.find(b"\n") + 1
        start, data = start + begin, data[begin:]
    cleaner = Cleaner(colour=True)
    text = (cleaner.feed(data) + cleaner.finish()).decode()
    return {"spans": spans_of(text), "size": size, "cut": start}


def spans_of(text: str) -> list[Any]:
    """A text's parts: plain ones as they are, coloured ones with how they look."""
    spans: list[Any] = []
    graphics = PLAIN
    for place, part in enumerate(_SGR.split(text)):
        if place % 2:
            graphics = after(part, graphics)
        elif part:
            look = _look(graphics)
            spans.append([part, look] if look else part)
    return spans


@lru_cache(4096)
def _look(graphics: Graphics) -> dict[str, Any]:
    """``{"fg": 0 to 15, "faint" or "#rrggbb", "bg": the same, "bold": true …}``; what is as usual
    is left out."""
    look: dict[str, Any] = {name: True for name in _FLAGS if getattr(graphics, name)}
    for name in ("fg", "bg"):
        colour = getattr(graphics, name)
        if colour != "default":
            look[name] = _colour(colour)
    return look


def _colour(name: str) -> int | str:
    if name in SIXTEEN:
        return SIXTEEN.index(name)
    return _of_256(int(name[1:])) if name[0] == "h" else name


def _of_256(number: int) -> str:
    """Of xterm's colours from 16 on: a cube of 6 by 6 by 6, then greys."""
    if number >= 232:
        levels = [8 + 10 * (number - 232)] * 3
    else:
        digits = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
        levels = [55 + 40 * digit if digit else 0 for digit in digits]
    return "#" + "".join(f"{level:02x}" for level in levels)
