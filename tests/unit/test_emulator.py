"""What the program's terminal shows: as pyte has it, whatever is written, and however much."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.clean import _HIDDEN
from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import row_width, text_of
from mlterm.ui.skipping import WORTH_SKIPPING, latest


def screen(data: bytes, columns: int = 40, rows: int = 6) -> Emulator:
    emulator = Emulator(columns, rows)
    emulator.feed(data)
    return emulator


def lines(data: bytes, columns: int = 40, rows: int = 6) -> list[str]:
    return text_of(screen(data, columns, rows).rows())


def test_a_newline_goes_to_the_beginning_of_the_next_line() -> None:
    assert lines(b"one\ntwo\r\nthree")[:3] == ["one", "two", "three"]


def test_a_bar_is_drawn_over_itself() -> None:
    assert lines(b" 50%|####    |\r100%|########|\ndone")[:2] == ["100%|########|", "done"]


def test_nested_bars_move_up_and_down() -> None:
    data = b"epoch 1\n\x1b[K batch 1\x1b[A\repoch 2\n\x1b[K batch 2"
    assert lines(data)[:2] == ["epoch 2", " batch 2"]


@pytest.mark.parametrize(
    ("sequence", "style"),
    [
        (b"31", "@dark red/default"),
        (b"1;92", "@light green,bold/default"),
        (b"44", "@default/dark blue"),
        (b"4;7", "@underline,standout/default"),
        (b"38;5;208", "@#ff8700/default"),
        (b"38;2;1;2;3;48;5;0", "@#010203/#000000"),
        (b"38:2::9:8:7", "@#090807/default"),
    ],
)
def test_colours_are_kept(sequence: bytes, style: str) -> None:
    (row,) = screen(b"\x1b[" + sequence + b"mred\x1b[0m", rows=1).rows()
    assert row == [(style, "red")]


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    emulator = screen("损失e\u0301|\n".encode() + "损".encode() * 25, columns=9)
    assert text_of(emulator.rows())[:3] == ["损失é|".replace("é", "é"), "损" * 4, "损" * 4]
    assert row_width(emulator.rows()[0]) == 6


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\u26a0\ufe0f  warning", "\u26a0  warning"), ("a\u200bb\u200dc\ufeffd", "abcd"),
     ("น้ำ|", "น้ำ|"), ("हिन्दी|", "हिन्दी|"), ("損\u0301|", "損\u0301|"), ("\u0301a", "a")],
)  # fmt: skip
def test_behind_a_character_without_a_width_the_text_goes_on(text: str, shown: str) -> None:
    assert lines(text.encode())[0] == shown


def test_a_mark_at_a_rows_beginning_belongs_to_the_row_above() -> None:
    assert lines(b"abcd\ne\xcc\x81", columns=4)[:2] == ["abcd", "\xe9"]
    assert lines("abcd\u0301e".encode(), columns=4)[:2] == ["abcd\u0301", "e"]


def test_whatever_is_written_the_memory_is_bounded() -> None:
    emulator = screen(b"\x1b[6n" * 10_000 + b"\x1b7" * 10_000 + b"e" + "\u0301".encode() * 50_000)
    assert len(emulator.take_answers()) <= 4096
    assert len(emulator._screen.savepoints) == 1
    assert len(lines(b"e" + "\u0301".encode() * 50_000)[0]) < 20


def test_a_place_that_was_saved_is_gone_back_to_more_than_once() -> None:
    assert lines(b"ab\x1b7cd\x1b8X\x1b8Y\x1b8\x1b[Cz")[0] == "abYz"


def test_a_character_may_come_in_pieces_and_so_may_a_sequence() -> None:
    data = "α\x1b[31mβ\x1b]0;title\x07γ".encode()
    for cut in range(len(data)):
        emulator = screen(data[:cut])
        emulator.feed(data[cut:])
        assert emulator.rows()[0] == [("", "α"), ("@dark red/default", "βγ")]


@pytest.mark.parametrize(
    "sequence",
    [b"\x1b]0;title\x07", b"\x1b]8;;http://x\x1b\\", b"\x1bP1$r0m\x1b\\", b"\x1b_Gf=100;AAAA\x1b\\",
     b"\x1b[?5m", b"\x1b[>4;1m", b"\x1b[=1;1u", b"\x1b[ q", b"\x1b[?2026$p", b"\x1b=", b"\x1b#3",
     b"\x00\x01\x7f\x18"],
)  # fmt: skip
def test_what_shows_nothing_is_not_shown(sequence: bytes) -> None:
    assert lines(b"a" + sequence + b"b")[0].replace(" ", "") == "ab"


def test_a_program_on_the_whole_screen_gives_the_lines_back() -> None:
    emulator = screen(b"before\n\x1b[?1049h\x1b[2J\x1b[Hedit")
    assert emulator.is_alternate
    assert text_of(emulator.rows())[0] == "edit"
    emulator.feed(b"\x1b[?1049lafter")
    assert text_of(emulator.rows())[:2] == ["before", "after"]


def test_the_cursor_is_where_the_program_has_it() -> None:
    emulator = screen(b"(Pdb) ")
    assert emulator.cursor == (6, 0)
    emulator.feed(b"\x1b[?25l")
    assert emulator.cursor is None


def test_a_program_that_asks_its_terminal_is_answered() -> None:
    emulator = screen(b"ab\x1b[6n")
    assert emulator.take_answers() == b"\x1b[1;3R"
    assert emulator.take_answers() == b""


def test_a_smaller_screen_loses_what_is_above_and_only_as_much_as_it_must() -> None:
    emulator = screen(b"one\ntwo\nthree", rows=6)
    emulator.resize(20, 4)
    assert text_of(emulator.rows())[:3] == ["one", "two", "three"]
    emulator.resize(3, 2)
    assert text_of(emulator.rows()) == ["two", "thr"]
    emulator.feed(b"!\nx")
    assert text_of(emulator.rows())[-1] == "x"


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\x1b[", b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[2;4r", b"\x1b[5A", b"\x1bM",
                     b"\x1b[3L", b"\x1b[2J", b"\x1bc", b"\x1b[?3h", b"\x1b7", b"\x1b8",
                     b"\x1b[9;9H", "损".encode(), b"\x1b[38;2;300;1m", b"\x1b[999b", b"\x1b[4h",
                     b"\t\t\t"]),
)  # fmt: skip


@given(st.lists(PIECES, max_size=30), st.integers(1, 30), st.integers(1, 8))
def test_nothing_that_is_written_is_an_error_nor_reaches_the_terminal(
    pieces: list[bytes], columns: int, rows: int
) -> None:
    emulator = Emulator(columns, rows)
    for piece in pieces:
        emulator.feed(piece)
        shown = emulator.rows()
        assert len(shown) == rows
        assert all(row_width(row) <= columns for row in shown)
        assert not any(_HIDDEN.search(text) for text in text_of(shown))
    emulator.resize(columns + 3, max(1, rows - 1))
    emulator.feed(b"\n\n\nx")
    assert len(emulator.rows()) == max(1, rows - 1)


# --- Floods -------------------------------------------------------------------------------

TEXT = st.text("abc 123", max_size=12).map(str.encode)
LINE = st.one_of(
    TEXT.map(lambda text: text + b"\n"),
    TEXT.map(lambda text: b"\x1b[32m" + text + b"\n"),
    TEXT.map(lambda text: text + b"\x1b[0m\n"),
    TEXT.map(lambda text: b"\r" + text + b"\x1b[K"),
    TEXT.map(lambda text: b"\n" + text + b"\x1b[A\r" + text),
)
RARE = st.sampled_from(
    [b"\x1b[2J\x1b[H", b"\x1b[H\x1b[J", b"\x1b[?25l", b"\x1b[?25h", b"\x1bc", b"\x1b[3;1H",
     b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[2;4r", b"\x1b[r", b"\x1b[7A", b"\x1b(0", b"\x1b(B"]
)  # fmt: skip


@st.composite
def floods(draw: st.DrawFn) -> bytes:
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        parts += draw(st.lists(LINE, min_size=1, max_size=12)) * draw(st.integers(1, 300))
        parts += draw(st.lists(RARE, max_size=1))
    return b"".join(parts)


@settings(max_examples=60, deadline=None)
@given(floods())
def test_after_a_flood_the_screen_is_as_if_all_of_it_had_been_emulated(flood: bytes) -> None:
    whole, skipping = screen(b"start\n"), screen(b"start\n")
    whole.feed(flood)
    skipping.feed(skipping.feed_latest(flood))
    assert skipping.rows() == whole.rows()
    assert skipping.cursor == whole.cursor


def test_of_a_flood_of_lines_little_is_emulated() -> None:
    state, rest = latest(b"\x1b[31mstep 1 loss 0.5\x1b[0m\n" * 100_000, rows=40)
    assert state is not None
    assert len(state) < 100
    assert len(rest) <= WORTH_SKIPPING


def test_a_program_on_the_whole_screen_is_emulated_from_its_last_clear() -> None:
    frame = b"\x1b[2J\x1b[H" + b"x" * 900
    emulator = Emulator(40, 30)
    assert emulator.feed_latest(b"\x1b[?1049h" + frame * 100) == b""
    assert emulator.is_alternate
    assert text_of(emulator.rows())[0] == "x" * 40
