import re

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import Row, row_width, text_of

COLUMNS, ROWS = 20, 6
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

PIECES = st.sampled_from(
    [
        b"loss 0.25", b"x", b"a longer line than the screen is wide", b"\n", b"\r", b"\t", b"\x08",
        b"\x1b[31m", b"\x1b[0m", b"\x1b[1;4;38;5;99m", b"\x1b[48:2::1:2:3m", b"\x1b[2J", b"\x1b[K",
        b"\x1b[1K", b"\x1b[3;4H", b"\x1b[A", b"\x1b[2B", b"\x1b[7C", b"\x1b[D", b"\x1b[2L",
        b"\x1b[M", b"\x1b[3P", b"\x1b[2@", b"\x1b[4X", b"\x1b[2;4r", b"\x1b[r", b"\x1b[?6h",
        b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b7", b"\x1b8", b"\x1bM", b"\x1bc",
        b"\x1b[?5m", b"\x1b[>4;1m", b"\x1b[S", b"\x1b[2T", b"\x1b[9b", b"\x1b(0", b"\x1b[4h",
        b"\x1b]0;title\x07", b"\x1b]8;;", b"\x1bP1$r", b"\x1b[?7l", b"\x1b[6n",
        b"\x1b[99999999999m", "损失".encode(), "e\u0301".encode(), "\u202e".encode(),
        "👨‍👩‍👧".encode(), b"\xe6\x8d", b"\xff",
    ]
)  # fmt: skip
BYTES = st.lists(PIECES | st.binary(max_size=6), max_size=40).map(b"".join)


def shown(data: bytes, columns: int = COLUMNS, rows: int = ROWS) -> list[Row]:
    emulator = Emulator(columns, rows)
    emulator.feed(data)
    made = emulator.rows()
    while made and not made[-1]:
        made.pop()
    return made


def lines(data: bytes, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    return text_of(shown(data, columns, rows))


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"plain\n", [[("", "plain")]]),
        (b"\x1b[31mred\x1b[0m no", [[("@dark red/default", "red"), ("", " no")]]),
        (b"\x1b[1;92mok\x1b[m", [[("@light green,bold/default", "ok")]]),
        (b"\x1b[38;5;123mx\x1b[38;5;9my", [[("@h123/default", "x"), ("@light red/default", "y")]]),
        (b"\x1b[38;2;1;2;255mx", [[("@#0102ff/default", "x")]]),
        (b"\x1b[38:2::1:2:255mx", [[("@#0102ff/default", "x")]]),
        (b"\x1b[3;4;44mx", [[("@default,italics,underline/dark blue", "x")]]),
        (b"\x1b[5;7;9mx", [[("@default,standout,strikethrough,blink/default", "x")]]),
        (b"\x1b[2mx\x1b[22my", [[("@dark gray/default", "x"), ("", "y")]]),
        (b"\x1b[4:3mx\x1b[4:0my", [[("@default,underline/default", "x"), ("", "y")]]),
        (b"\x1b[41m  \x1b[0m  ", [[("@default/dark red", "  ")]]),
        (b"\x1b[1mbold  ", [[("@default,bold/default", "bold")]]),
        (b"\x1b[44mab\x1b[K", [[("@default/dark blue", "ab" + " " * 18)]]),
        (b"\x1b[4mab\x1b[0K", [[("@default,underline/default", "ab")]]),
        (b"\x1b[?5m\x1b[>4;1mx", [[("", "x")]]),
    ],
)  # fmt: skip
def test_colours_become_the_words_of_urwid(data: bytes, rows: list[Row]) -> None:
    assert shown(data) == rows


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\ntwo\nthree", ["one", "two", "three"]),
        (b"one\r\ntwo", ["one", "two"]),
        (b" 10%|#   |\r 20%|##  |", [" 20%|##  |"]),
        (b"a long text\rshort\x1b[K", ["short"]),
        (b"outer 1\ninner 1\x1b[A\router 2\n\rinner 2", ["outer 2", "inner 2"]),
        (b"one\ntwo\x1b[1;1Hu", ["une", "two"]),
        (b"one\x1b[2J\x1b[Hnew", ["new"]),
        (b"0123456789012345678901234", ["01234567890123456789", "01234"]),
        (b"a\tb\tc", ["a       b       c"]),
        (b"abc\x08\x08X", ["aXc"]),
        (b"\n".join(b"%d" % i for i in range(9)), ["3", "4", "5", "6", "7", "8"]),
        (b"1\n2\n3\x1b[2;1H\x1b[L+", ["1", "+", "2", "3"]),
        (b"1\n2\n3\x1b[1;1H\x1b[M", ["2", "3"]),
        (b"abcdef\x1b[3G\x1b[2P", ["abef"]),
        (b"abcdef\x1b[3G\x1b[2@", ["ab  cdef"]),
        (b"abcdef\x1b[3G\x1b[2X", ["ab  ef"]),
        (b"ab\x1b[3b", ["abbbb"]),
        (b"1\n2\n3\n4\n5\n6\x1b[2;4r\x1b[4;1H\nnew", ["1", "3", "4", "new", "5", "6"]),
        (b"1\x1b[r2", ["2"]),
        (b"title: \x1b]0;mlterm\x07x\x1b]8;;http://u\x1b\\y", ["title: xy"]),
        (b"never closed \x1b]0;title\nnext", ["never closed", "next"]),
        (b"\x1bP1;2qdata\x1b\\after", ["after"]),
        (b"\x1b(0lqk\x1b(B ok", ["┌─┐ ok"]),
        (b"bell\x07 nul\x00 del\x7f.", ["bell nul del."]),
        (b"main\x1b[?1049halone\x1b[?1049l.", ["main."]),
        (b"\x1b[?1049halone", ["alone"]),
    ],
)
def test_the_screen_is_what_a_terminal_shows(data: bytes, text: list[str]) -> None:
    if b"alone" in data and b"1049l" not in data:
        data = data.replace(b"h", b"h\x1b[H", 1)
    assert [line.rstrip() for line in lines(data)] == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("损失 0.5", "损失 0.5"),
        ("e\u0301t\u00e9", "e\u0301t\u00e9"),
        ("损失\rx", "x 失"),
        ("损失\x1b[2Gx", " x失"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("left\u202eright\u2028\u2066", "leftright"),
        ("caf\x85é\x9b31m", "café31m"),
    ],
)
def test_wide_and_combining_characters_keep_the_columns(data: str, text: str) -> None:
    assert lines(data.encode()) == [text]


def test_a_wide_character_that_finds_no_room_begins_the_next_line() -> None:
    assert lines("123损".encode(), columns=4) == ["123", "损"]


@given(BYTES, st.integers(2, 30), st.integers(2, 8))
def test_nothing_raises_and_no_row_is_too_wide(data: bytes, columns: int, rows: int) -> None:
    emulator = Emulator(columns, rows)
    emulator.feed(data)
    for size in ((columns, rows), (7, 3), (40, 10)):
        emulator.resize(*size)
        made = emulator.rows()
        assert len(made) == size[1]
        assert all(row_width(row) <= size[0] for row in made)
        assert not UNSEEN.search("".join(text_of(made)))
        if emulator.cursor is not None:
            assert 0 <= emulator.cursor[0] < size[0]
            assert 0 <= emulator.cursor[1] < size[1]
        emulator.feed(data)


def test_the_size_that_it_has_changes_nothing() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    emulator.feed(b"above\n\x1b[2;4r\x1b[2;1H")
    emulator.resize(COLUMNS, ROWS)
    emulator.feed(b"\n".join(b"line %d" % i for i in range(9)))
    assert text_of(emulator.rows())[:4] == ["above", "line 6", "line 7", "line 8"]


@given(BYTES, st.lists(st.integers(1, 9), max_size=30))
def test_where_the_bytes_are_cut_plays_no_part(data: bytes, sizes: list[int]) -> None:
    whole, parts = Emulator(COLUMNS, ROWS), Emulator(COLUMNS, ROWS)
    whole.feed(data)
    at = 0
    for size in sizes:
        parts.feed(data[at : at + size])
        at += size
    while left := parts.feed(data[at:], 5):
        at = len(data) - left
    assert parts.rows() == whole.rows()
    assert parts.cursor == whole.cursor
    assert parts.take_answers() == whole.take_answers()


SIMPLE = st.lists(
    st.sampled_from(
        [
            b"loss 0.25", b"x", b"ab", b"\n", b"\r", b"\t", b"\x1b[31m", b"\x1b[0m", b"\x1b[1m",
            b"\x1b[K", b"\x1b[3;4H", b"\x1b[A", b"\x1b[2B", b"\x1b[7C", b"\x1b[2L", b"\x1b[M",
            b"\x1bM", b"\x1bD", b"\x1b[2J", b"\x1b[1J", b"\x1b[J", b"\x1b[2P",
        ]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@given(SIMPLE)
def test_what_pyte_knows_it_shows_alike(data: bytes) -> None:
    columns = 400  # what erases in a full line begins a column too far right in pyte
    screen = pyte.Screen(columns, ROWS)
    screen.set_mode(pyte.modes.LNM)
    pyte.ByteStream(screen).feed(data)
    emulator = Emulator(columns, ROWS)
    emulator.feed(data)
    assert text_of(emulator.rows()) == [line.rstrip() for line in screen.display]


def test_a_line_that_stays_is_the_same_row_again() -> None:
    emulator = Emulator(COLUMNS, 3)
    emulator.feed(b"one\ntwo\nthree")
    before = emulator.rows()
    emulator.feed(b"!\nfour")
    after = emulator.rows()
    assert after[0] is before[1]
    assert text_of(after) == ["two", "three!", "four"]


def test_the_program_cannot_take_the_carriage_return_of_a_newline_away() -> None:
    assert lines(b"\x1b[20lone\ntwo\x1bc\x1b[20l\nx\ny") == ["", "x", "y"]


def test_who_places_the_cursor_as_curses_does_means_a_line_down_only() -> None:
    begin = b"\x1b[?1049h\x1b[22;0;0t\x1b[1;6r\x1b[H\x1b[2J"
    assert lines(begin + b"ab\nc") == ["ab", "  c"]
    assert lines(b"\x1b[?1049h\x1b[Hab\nc") == ["ab", "c"]  # rich, in a terminal as it was
    assert lines(begin + b"\x1b[?1049lab\nc") == ["ab", "c"]


def test_the_cursor_is_where_the_next_character_goes_unless_it_is_hidden() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    emulator.feed(b"one\ntwo")
    assert emulator.cursor == (3, 1)
    emulator.feed(b"\x1b[?25l")
    assert emulator.cursor is None
    emulator.feed(b"\x1b[?25h" + b"x" * 17)
    assert emulator.cursor == (COLUMNS - 1, 1)


def test_what_the_program_asks_for_is_answered_once() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    emulator.feed(b"ab\x1b[6n\x1b[c\x1b[5n")
    assert emulator.take_answers() == b"\x1b[1;3R\x1b[?6c\x1b[0n"
    assert emulator.take_answers() == b""
    emulator.feed(b"\x1b[6n" * 10_000)
    assert len(emulator.take_answers()) < 2000


def test_a_smaller_screen_keeps_the_lines_about_the_cursor() -> None:
    emulator = Emulator(COLUMNS, 6)
    emulator.feed(b"1\n2\n3\n4")
    emulator.resize(COLUMNS, 4)
    assert text_of(emulator.rows()) == ["1", "2", "3", "4"]
    emulator.resize(COLUMNS, 2)
    assert text_of(emulator.rows()) == ["3", "4"]
    assert emulator.cursor == (1, 1)
    emulator.feed(b"\n5")
    assert text_of(emulator.rows()) == ["4", "5"]


def test_the_alternate_screen_leaves_the_main_one_alone() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    emulator.feed(b"before\n\x1b[?1049h")
    assert emulator.alternate
    emulator.feed(b"\x1b[2J\x1b[Hediting")
    emulator.resize(12, 4)
    emulator.feed(b"\x1b[?1049l$")
    assert not emulator.alternate
    assert text_of(emulator.rows()) == ["before", "$", "", ""]


def test_a_budget_leaves_the_rest() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    assert emulator.feed(b"0123456789", 4) == 6
    assert text_of(emulator.rows())[0] == "0123"
