import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.clean import Cleaner, clean_text, tail_lines

LIMIT = 64 * 1024


def clean(*chunks: bytes, colour: bool = False) -> bytes:
    cleaner = Cleaner(colour)
    return b"".join([*map(cleaner.feed, chunks), cleaner.finish()])


FRAGMENTS = [
    *(bytes([byte]) for byte in range(256)),
    *(b"\x1b[31m", b"\x1b[0m", b"\x1b[38;5;0m", b"\x1b[2K", b"\x1b]0;title\x07", b"\x1bPq"),
    *(b"\x1b\\", b"\x1b(B", b"\xc2\x9b", b"\xc2\x9c", "é█😀".encode(), b"\r\n", b"text "),
]
noise = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=40).map(b"".join)


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        (b"plain\ttext\n", b"plain\ttext\n"),
        ("é █ 😀 ✜\n".encode(), "é █ 😀 ✜\n".encode()),
        # Sequences
        (b"a\x1b[31mb\x1b[0m\n", b"ab\n"),
        (b"a\x1b[?25lb\x1b[1;1Hc\x1b[ qd", b"abcd"),
        (b"\x1b]0;title\x07a", b"a"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"link"),
        (b"\x1bP1$r\x07still\x1b\\a\x1bXsos\x1b\\b\x1b^pm\x1b\\c\x1b_apc\x1b\\d", b"abcd"),
        (b"\x1b(Ba\x1b#8b\x1b%Gc\x1b=d\x1bce\x1b7f", b"abcdef"),
        (b"a\x1b\x1b[31mb", b"ab"),
        (b"a\x1b", b"a"),
        ("a\x1bé".encode(), "aé".encode()),
        # C1, as UTF-8 and raw
        (b"a\xc2\x9b31mb\x9b31mc", b"abc"),
        (b"a\xc2\x9d0;t\xc2\x9cb\x9d0;t\x9cc\x90dcs\x9cd", b"abcd"),
        (b"a\xc2\x85b\x85c\x7fd", b"abcd"),
        ("\x1b]0;✜ is E2 9C 9C\x07a".encode(), b"a"),
        # Controls
        (b"a\x00b\x07c\x08d\x0be\x0cf\x1ag", b"abcdefg"),
        # Not UTF-8
        (b"a\xffb\xe2\x82c\xc3", "a�b�c�".encode()),
        (b"\xc0\xaf", "��".encode()),
        # Left open
        (b"a\x1b[31\nb\n", b"a\nb\n"),
        (b"a\x1b]0;title\nb\n", b"a\nb\n"),
        (b"a\x1bPdcs\nb\n\x9d0;title\nc", b"a\nb\n\nc"),
        (b"a\x1b]0;title", b"a"),
        (b"a\x1b]0;title\x1b[31mb", b"ab"),
        (b"a\x1b]0;title\x18b", b"ab"),
        # Carriage returns
        (b"10%\r20%\r30%\n", b"30%\n"),
        (b"30%\r\n40%\r\r\n", b"30%\n40%\n"),
        (b"abc\r", b"abc"),
        (b"abc\r\x1b[K\n", b"abc\n"),
        (b"30%\r   \rdone\n", b"done\n"),
        (b"30%\r   \n", b"   \n"),
        (b"\r\r\r\n\r", b"\n"),
    ],
)
def test_what_is_visible_is_kept(raw: bytes, visible: bytes) -> None:
    assert clean(raw) == visible
    assert clean(*(bytes([byte]) for byte in raw)) == visible


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", b"\x1b[1;31mred\x1b[0m\n"),
        (b"\x1b[38:2::1:2:3mred\x1b[m\n", b"\x1b[38:2::1:2:3mred\x1b[m\n"),
        (b"\x1b[31mred\nmore\n", b"\x1b[31mred\nmore\n\x1b[0m"),
        (b"\x1b[31m\x1b[0;0mred", b"\x1b[31m\x1b[0;0mred"),
        (b"\x1b[38;5;0mblack", b"\x1b[38;5;0mblack\x1b[0m"),
        (b"\x1b[>4;2mx\x1b[?1m\x9b31my\x1b[2Kz", b"xyz"),
        (b"\x1b[31\n", b"\n"),
        (b"\x1b]0;\x1b[31mx\x1b[m", b"\x1b[31mx\x1b[m"),
        (b"10%\r\x1b[32m20%\x1b[0m\r\x1b[0m\n", b"\x1b[32m20%\x1b[0m\x1b[0m\n"),
    ],
)
def test_colours_are_kept_and_switched_off_at_the_end(raw: bytes, visible: bytes) -> None:
    assert clean(raw, colour=True) == visible


def test_a_colour_in_what_was_overwritten_is_not_switched_off() -> None:
    assert clean(b"\x1b[31mred\rplain\n", colour=True) == b"plain\n"


@given(noise, st.booleans())
def test_no_control_is_left(raw: bytes, colour: bool) -> None:
    text = clean(raw, colour=colour).decode()
    if colour:
        text = re.sub(r"\x1b\[[0-9;:]*m", "", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert text.count("\n") == raw.count(b"\n")


@given(noise)
def test_cleaning_what_is_clean_changes_nothing(raw: bytes) -> None:
    assert clean(clean(raw)) == clean(raw)


@given(noise, st.lists(st.integers(0, 300)), st.booleans())
def test_where_the_chunks_end_plays_no_part(raw: bytes, cuts: list[int], colour: bool) -> None:
    ends = [0, *sorted(cuts), len(raw)]
    chunks = [raw[start:end] for start, end in itertools.pairwise(ends)]
    assert clean(*chunks, colour=colour) == clean(raw, colour=colour)


@given(
    st.lists(st.tuples(noise, st.integers(1, 30_000)), min_size=1, max_size=6),
    st.integers(1, LIMIT),
    st.booleans(),
)
def test_nor_does_it_in_lines_beyond_the_limit(
    parts: list[tuple[bytes, int]], size: int, colour: bool
) -> None:
    raw = b"".join(part * (count // (len(part) or 1) + 1) for part, count in parts)
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert clean(*chunks, colour=colour) == clean(raw, colour=colour)


@given(st.integers(0, 20), st.sampled_from(["é", "😀", "\x1b[31m", "\x1b]0;✜\x1b\\", "\x9b1;1H"]))
def test_the_limit_of_a_line_cuts_no_character_and_no_sequence(before: int, unit: str) -> None:
    start = b"." * (LIMIT - before)
    expected = re.sub(r"[\x1b\x9b].*", "", unit)
    assert clean(start + unit.encode() + b"end\n") == start + expected.encode() + b"end\n"


def test_a_long_line_is_given_out_as_it_grows() -> None:
    cleaner = Cleaner(colour=False)
    out = b"".join(cleaner.feed(b"x" * 10_000) for _ in range(100))
    assert 1_000_000 - LIMIT <= len(out) <= 1_000_000
    assert out + cleaner.finish() == b"x" * 1_000_000


def test_a_progress_bar_without_a_newline_keeps_its_last_state_only() -> None:
    bar = b"".join(b"\r%6d/100000 [#####     ]" % n for n in range(100_001))
    assert clean(bar) == b"100000/100000 [#####     ]"


def test_a_return_at_the_limit_is_remembered() -> None:
    line = b"x" * (LIMIT // 2 - 1) + b"\r"
    assert clean(line + line, b"seen\n") == b"seen\n"
    assert clean(line + line, b"\n") == line[:-1] + b"\n"


@pytest.mark.parametrize("opening", [b"\x1b]0;", b"\x1bP", b"\x1b[", b"\x9d", b"\x1b "])
def test_a_sequence_that_never_ends_is_dropped_and_the_text_resumes(opening: bytes) -> None:
    filler = b"0" if opening == b"\x1b[" else b" "
    out = clean(opening + filler * 10_000 + b"text\nnext\n")
    assert out.endswith(b"text\nnext\n")
    assert 5_000 < len(out) < 7_000


@given(noise, noise)
def test_pending_shows_the_unfinished_line_and_leaves_it(raw: bytes, more: bytes) -> None:
    cleaner = Cleaner(colour=False)
    out = cleaner.feed(raw)
    pending = cleaner.pending()
    assert b"\n" not in pending
    assert pending == cleaner.pending()
    assert out + cleaner.feed(more) + cleaner.finish() == clean(raw + more)


def test_pending_of_a_progress_bar() -> None:
    cleaner = Cleaner(colour=False)
    assert cleaner.feed(b"start\n\r10%\r20%\r\x1b[") == b"start\n"
    assert cleaner.pending() == b"20%"
    cleaner.feed(b"K30% \xe2\x96")
    assert cleaner.pending() == b"30% "
    cleaner.feed(b"\x88")
    assert cleaner.pending() == "30% █".encode()
    assert cleaner.finish() == "30% █".encode()
    assert cleaner.pending() == cleaner.finish() == b""


@pytest.mark.parametrize(
    "unit",
    [
        b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\x9b", b"\xc2\x9d", b"\r", b"\r\x1b[m", b"\0",
        b"\xe2", b"\xff", b"[", b"x\n", b"\x1b[" + b"1" * 5000, b"\x1b]" + "é".encode() * 5000,
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("colour", [False, True])
def test_time_is_linear_whatever_is_written(unit: bytes, colour: bool) -> None:
    raw = unit * (300_000 // len(unit))
    start = time.perf_counter()
    clean(raw, colour=colour)
    assert time.perf_counter() - start < 5  # a fraction of a second, were the machine idle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("résumé – 😀.py", "résumé – 😀.py"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31m\x00\x7f\x9b", r"\x1b[31m\x00\x7f\x9b"),
        ("\u202eevil\u2066\u2069\u2028\u2029", r"\u202eevil\u2066\u2069\u2028\u2029"),
        ("\udc80", r"\udc80"),
    ],
)
def test_a_line_of_text_is_shown_with_escapes(text: str, shown: str) -> None:
    assert clean_text(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_safe_afterwards(text: str) -> None:
    clean_text(text).encode()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", clean_text(text))


@pytest.mark.parametrize(
    ("data", "count", "lines"),
    [
        (b"", 3, []),
        (b"\n", 3, [""]),
        (b"a\nb\nc\n", 2, ["b", "c"]),
        (b"a\nb\nc", 2, ["b", "c"]),
        (b"a\n\n", 2, ["a", ""]),
        (b"a\n", 0, []),
        (b"a\x1b]0;open\n\x1b[31mb\xff\x1b[0m\r\n", 9, ["a", "b�"]),
        ("a\u2028b\x85c\n".encode(), 1, ["a\u2028bc"]),
    ],
)
def test_the_last_lines(data: bytes, count: int, lines: list[str]) -> None:
    assert tail_lines(data, count) == lines


@given(noise, st.integers(1, 5))
def test_the_last_lines_are_those_of_the_whole(data: bytes, count: int) -> None:
    whole = clean(data).decode().removesuffix("\n" if data.endswith(b"\n") else "").split("\n")
    assert tail_lines(data, count) == (whole[-count:] if data else [])
