"""Colours: what each style's name looks like in each theme.

The background stays the terminal's own. The colour-blind safe hues are those of Okabe and Ito
("Color Universal Design", 2008).
"""

from typing import NamedTuple

CURVES = 8
"""Styles ``curve1`` to ``curve8``, and of each the raw line beneath a smoothed one."""


class Look(NamedTuple):
    """A style, in urwid's words for colours and settings."""

    few: str
    """On terminals of 16 colours."""
    mono: str
    many: str
    """On those of 256 and more."""
    few_back: str = "default"
    many_back: str = "default"


def _curves(few: str, many: str, raw: str) -> dict[str, Look]:
    looks = {}
    columns = zip(few.split(","), many.split(), raw.split(), strict=True)
    for number, (name, hue, pale) in enumerate(columns, 1):
        looks[f"curve{number}"] = Look(name, "bold", hue)
        looks[f"curve{number}.raw"] = Look("dark gray", "default", pale)
    return looks


def _theme(
    hues: str, *, text: str, faint: str, fainter: str, picked: str, curves: dict[str, Look]
) -> dict[str, Look]:
    """Of the hues good, live, warn, bad and accent, and three greys."""
    good, live, warn, bad, accent = hues.split()
    return {
        "": Look("default", "default", "default"),
        "title": Look("default,bold", "bold", f"{text},bold"),
        "label": Look("default", "default", text),
        "dim": Look("dark gray", "default", faint),
        "axis": Look("dark gray", "default", fainter),
        "frame": Look("dark gray", "default", fainter),
        "frame.focus": Look("light blue", "bold", accent),
        "accent": Look("light blue,bold", "bold", f"{accent},bold"),
        "good": Look("light green", "default", good),
        "live": Look("light cyan", "bold", live),
        "warn": Look("yellow", "bold", warn),
        "bad": Look("light red", "bold", bad),
        "mark": Look("light red", "bold", bad),
        "cursor": Look("yellow", "bold", warn),
        "key": Look("default,bold", "bold", text),
        "ghost": Look("dark gray", "default", faint),
        "ghost.raw": Look("dark gray", "default", fainter),
        "bar": Look("light blue", "default", accent),
        "bar.rest": Look("dark gray", "default", fainter),
        "selected": Look("default,standout", "standout", f"{text},bold", "default", picked),
        "match": Look(
            "default,underline", "underline", f"{text},bold,underline", "default", picked
        ),
        "found": Look("black", "standout,bold", "h16,bold", "yellow", warn),
        "typing": Look("black", "standout,bold", "h16,bold", "light cyan", live),
        **curves,
    }


_FEW = "light blue,yellow,light green,light magenta,light red,light cyan,brown,light gray"

THEMES = {
    "dark": _theme(
        "h114 h80 h221 h203 h111", text="h254", faint="h245", fainter="h239", picked="h237",
        curves=_curves(_FEW, "h111 h215 h114 h176 h203 h80 h222 h250",
                       "h60 h94 h65 h96 h95 h30 h101 h241"),
    ),
    "light": _theme(
        "h28 h30 h130 h160 h25", text="h234", faint="h242", fainter="h250", picked="h253",
        curves=_curves(
            "dark blue,brown,dark green,dark magenta,dark red,dark cyan,black,dark gray",
            "h25 h166 h28 h90 h160 h30 h94 h240", "h153 h223 h157 h183 h217 h152 h187 h250"),
    ),
    "colour-blind safe": _theme(
        "h74 h74 h220 h166 h74", text="h254", faint="h245", fainter="h239", picked="h237",
        curves=_curves(_FEW, "h74 h214 h36 h175 h227 h166 h32 h250",
                       "h24 h94 h23 h96 h101 h95 h18 h241"),
    ),
    "mono": {},
}  # fmt: skip
THEMES["mono"] = {
    name: Look(look.mono, look.mono, look.mono) for name, look in THEMES["dark"].items()
}
STATUS = {"completed": "good", "running": "live", "cancelled": "warn"}
"""Others are bad."""
