"""Rows as urwid paints them, in as many colours as there are."""

import pytest
import urwid

from mlterm.ui import surface
from mlterm.ui.rows import Row
from mlterm.ui.styles import CURVES, THEMES
from mlterm.ui.surface import Colours, Surface, attribute, palette


@pytest.mark.parametrize(
    ("style", "colours", "foreground", "background"),
    [
        ("@dark red,bold/default", 256, "dark red,bold", "default"),
        ("@#ff8700/default", 256, "h208", "default"),
        ("@#808080/#ffffff", 256, "h244", "h255"),
        ("@#ff8700/default", 2**24, "#ff8700", "default"),
        ("@#00d7ff/default", 16, "light cyan", "default"),
        ("@default/#000087", 16, "default", "dark blue"),
        ("@dark red,bold/dark blue", 1, "bold,standout", "default"),
    ],
)
def test_a_cell_has_the_nearest_colour_that_there_is(
    style: str, colours: Colours, foreground: str, background: str
) -> None:
    assert attribute(style, colours) == urwid.AttrSpec(foreground, background, colours)


def test_a_name_is_urwids_to_look_up() -> None:
    assert attribute("curve1", 256) == "curve1"


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_has_every_style_and_urwid_takes_it(theme: str) -> None:
    screen = urwid.display.raw.Screen()
    screen.register_palette(palette(theme))
    assert set(THEMES[theme]) == set(THEMES["dark"])
    assert {f"curve{n}.raw" for n in range(1, CURVES + 1)} <= set(THEMES[theme])


def test_mono_has_no_colours() -> None:
    for look in THEMES["mono"].values():
        assert set(look.many.split(",")) <= {"default", "bold", "standout", "underline"}


def test_the_picture_is_what_was_drawn() -> None:
    rows: list[Row] = [[("title", "loss"), ("", " ⣿")], [("@#ff8700/default", "bar   ")]]
    window = Surface(lambda columns, height: (rows, (2, 1)), 256)
    canvas = window.render((6, 2))
    assert (canvas.cols(), canvas.rows(), canvas.cursor) == (6, 2, (2, 1))
    (title, _, words), (_, _, dots) = next(iter(canvas.content()))
    assert (title, words, dots.decode()) == ("title", b"loss", " ⣿")


def test_a_frame_is_drawn_again_only_when_asked_for() -> None:
    drawn = []

    def draw(columns: int, height: int) -> tuple[list[Row], None]:
        drawn.append(columns)
        return [[("", " " * columns)]] * height, None

    window = Surface(draw, 256)
    first = window.render((4, 1))
    assert window.render((4, 1)) is first
    window.refresh()
    assert window.render((4, 1)) is not first
    assert len(drawn) == 2


def test_all_256_colours_have_one_of_16() -> None:
    assert {surface._of_sixteen(number) for number in range(256)} <= set(range(16))
    assert surface._of_sixteen(196) == 9
    assert surface._of_sixteen(21) == 12
