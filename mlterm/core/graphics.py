"""How a character looks: SGR sequences (ECMA-48) → colours and flags → a style's name.

The style of what a program has coloured is "@FG,FLAGS/BG" in the words of urwid's AttrSpec:
"@dark red,bold/default"; "" is text as it comes.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

SIXTEEN = (
    "black", "dark red", "dark green", "brown",
    "dark blue", "dark magenta", "dark cyan", "light gray",
    "dark gray", "light red", "light green", "yellow",
    "light blue", "light magenta", "light cyan", "white",
)  # fmt: skip
_FAINT = "faint"  # a colour until the program names one
_FLAGS: dict[int, dict[str, Any]] = {
    1: {"bold": True}, 3: {"italics": True}, 4: {"underscore": True}, 5: {"blink": True},
    6: {"blink": True}, 7: {"reverse": True}, 9: {"strikethrough": True},
    21: {"underscore": True}, 22: {"bold": False}, 23: {"italics": False},
    24: {"underscore": False}, 25: {"blink": False}, 27: {"reverse": False},
    29: {"strikethrough": False},
}  # fmt: skip


class Graphics(NamedTuple):
    """What SGR sequences have switched on. The fields are those of pyte's Char."""

    fg: str = "default"
    bg: str = "default"
    bold: bool = False
    italics: bool = False
    underscore: bool = False
    strikethrough: bool = False
    reverse: bool = False
    blink: bool = False


PLAIN = Graphics()


@lru_cache(4096)
def after(words: str, before: Graphics) -> Graphics:
    """What is on after ``ESC [ words m``."""
    graphics = before
    parts = iter(words.split(";"))
    for part in parts:
        code, *details = part.split(":")
        number = _number(code)
        if number == 0:
            graphics = PLAIN
        elif number == 4 and details:
            graphics = graphics._replace(underscore=details[0] != "0")
        elif number in _FLAGS:
            graphics = graphics._replace(**_FLAGS[number])
            if number == 22 and graphics.fg == _FAINT:
                graphics = graphics._replace(fg="default")
        elif number == 2:
            if graphics.fg == "default":
                graphics = graphics._replace(fg=_FAINT)
        elif number in (38, 48):
            colour = _extended(iter(details) if details else parts, bool(details))
            if colour:
                graphics = _painted(graphics, number == 38, colour)
        elif 30 <= number < 38:
            graphics = graphics._replace(fg=SIXTEEN[number - 30])
        elif 40 <= number < 48:
            graphics = graphics._replace(bg=SIXTEEN[number - 40])
        elif 90 <= number < 98:
            graphics = graphics._replace(fg=SIXTEEN[number - 82])
        elif 100 <= number < 108:
            graphics = graphics._replace(bg=SIXTEEN[number - 92])
        elif number in (39, 49):
            graphics = _painted(graphics, number == 39, "default")
    return graphics


@lru_cache(4096)
def style_of(graphics: Graphics) -> str:
    """The style's name."""
    if graphics == PLAIN:
        return ""
    flags = {
        "bold": graphics.bold, "italics": graphics.italics, "underline": graphics.underscore,
        "standout": graphics.reverse, "strikethrough": graphics.strikethrough,
        "blink": graphics.blink,
    }  # fmt: skip
    fg = "dark gray" if graphics.fg == _FAINT else graphics.fg
    return f"@{','.join([fg, *(name for name, on in flags.items() if on)])}/{graphics.bg}"


def shows_on_blanks(graphics: Graphics) -> bool:
    """Whether a blank looks different with it."""
    return (
        graphics.bg != "default"
        or graphics.reverse
        or graphics.underscore
        or graphics.strikethrough
    )


def _painted(graphics: Graphics, front: bool, colour: str) -> Graphics:
    return graphics._replace(fg=colour) if front else graphics._replace(bg=colour)


def _extended(parts: Iterator[str], colons: bool) -> str | None:
    """The colour that follows 38 or 48."""
    kind = next(parts, "")
    if kind == "5":
        number = _number(next(parts, ""))
        if number < 16:
            return SIXTEEN[number]
        return f"h{number}" if number < 256 else None
    if kind == "2":
        words = list(parts) if colons else [next(parts, "") for _ in range(3)]
        red, green, blue = map(_number, [*words, "", "", ""][max(0, len(words) - 3) :][:3])
        if max(red, green, blue) < 256:
            return f"#{red:02x}{green:02x}{blue:02x}"
    return None


def _number(word: str) -> int:
    return int(word[:5]) if word.isascii() and word.isdecimal() else 0
