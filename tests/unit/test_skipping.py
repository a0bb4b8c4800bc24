import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.ui import skipping
from mlterm.ui.catching import Catcher
from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import Row, text_of
from mlterm.ui.skipping import shorten

COLUMNS, ROWS = 16, 3


def texts(limit: int) -> st.SearchStrategy[bytes]:
    return st.text("ab损é |#", max_size=limit).map(str.encode)


COLOURS = st.sampled_from([b"\x1b[31m", b"\x1b[0m", b"\x1b[m", b"\x1b[1;44m", b"\x1b[0;32m"])
LINES = st.builds(lambda *parts: b"".join(parts) + b"\n", COLOURS, texts(20), COLOURS, texts(30))
BARS = st.builds(
    lambda states, wipe: b"".join(b"\r" + wipe + state for state in states),
    st.lists(st.one_of(texts(12), COLOURS), max_size=5),
    st.sampled_from([b"", b"\x1b[K", b"\x1b[2K"]),
)
NESTED = st.builds(lambda a, b: b"\r" + a + b"\n\r" + b + b"\x1b[A", texts(9), texts(9))
TABLES = st.builds(lambda a, b: b"\x1b[2A" + a + b"\x1b[K\n" + b + b"\x1b[K\n", texts(9), texts(9))
PAGES = st.sampled_from(
    [b"\x1b[2J\x1b[H", b"\x1b[H\x1b[J", b"\x1b[H\x1b[2J\x1b[3J", b"\x1b[2J", b"\x1b[H", b"\x1bc"]
)
MODES = st.sampled_from(
    [
        b"\x1b[?25l", b"\x1b[?25h", b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[1;2r", b"\x1b[r",
        b"\x1b[?7l", b"\x1b[?7h", b"\x1b[4h", b"\x1b[4l", b"\x1b7", b"\x1b8", b"\x1b(0", b"\x1b(B",
        b"\x1bM", b"\x1b[L", b"\x1b[M", b"\x1b[S", b"\x1b[T", b"\x1b[2;5H", b"\x1b[?6h",
        b"\x1b[5B", b"\x1b[?1h", b"\x1b[3", b"\x1b]0;title", b"\xe6", b"\x1b[J", b"\x1bE",
        b"\x1b[?6l", b"\x1b[u",
    ]
)  # fmt: skip
PLAIN = st.lists(st.one_of(LINES, LINES, BARS, texts(30)), max_size=25).map(b"".join)
FLOODS = st.lists(
    st.one_of(LINES, LINES, BARS, NESTED, TABLES, PAGES, MODES, texts(40)), max_size=40
).map(b"".join)


def seen(emulator: Emulator) -> tuple[list[Row], object, bool]:
    return emulator.rows(), emulator.cursor, emulator.alternate


def same(before: bytes, data: bytes) -> int:
    """Both ways; how many bytes one of them had to emulate."""
    whole, caught = Emulator(COLUMNS, ROWS), Emulator(COLUMNS, ROWS)
    for emulator in (whole, caught):
        emulator.feed(before)
    whole.feed(data)
    short = shorten(data, caught.stance)
    caught.feed(short)
    assert seen(caught) == seen(whole), (data, short)
    for emulator in (whole, caught):  # the colours, too
        emulator.feed(b"next")
    assert caught.rows() == whole.rows(), (data, short)
    return len(short)


@given(PLAIN, PLAIN)
@settings(max_examples=300)
def test_lines_colours_and_bars_look_as_if_all_had_been_emulated(
    before: bytes, data: bytes
) -> None:
    same(before, data)
    assert same(before, data + b"\n" + b"x\n" * 6) < 100


@given(FLOODS, FLOODS)
@settings(max_examples=500)
def test_so_does_anything(before: bytes, data: bytes) -> None:
    same(before, data)


@given(texts(16), st.lists(st.one_of(BARS, texts(9)), max_size=30).map(b"".join))
def test_of_a_bar_the_last_states_are_enough(before: bytes, data: bytes) -> None:
    limit, skipping._LINE_KEPT = skipping._LINE_KEPT, 0
    try:
        same(before, data)
    finally:
        skipping._LINE_KEPT = limit


def flood(data: bytes, block: int, size: tuple[int, int] = (80, 24)) -> tuple[Emulator, int]:
    """What a catcher that is too slow for it comes to, and how much it had to emulate."""
    catcher = Catcher(Emulator(*size))
    done = 0
    for at in range(0, len(data), block):
        catcher.feed(data[at : at + block])
        done += min(catcher.pending, 32 * 1024)
        catcher.work()
    done += catcher.pending
    while catcher.work():
        pass
    return catcher.emulator, done


@pytest.mark.parametrize("kind", ["lines", "colours", "bar", "wiped", "nested", "clear", "mixed"])
@pytest.mark.parametrize("block", [9000, 200_000])
def test_of_a_flood_little_is_emulated(kind: str, block: int) -> None:
    made = {
        "lines": lambda i: f"step {i} loss {1 / (i + 1):.6f}\n",
        "colours": lambda i: f"\x1b[32mstep\x1b[0m {i} \x1b[1;3{i % 8}mloss\n",
        "bar": lambda i: f"\r{i}/9999 |{'█' * (i % 30)}{' ' * (30 - i % 30)}| {i}it/s",
        "wiped": lambda i: f"\r\x1b[2K\x1b[36m{'#' * (i % 40)}\x1b[0m",
        "nested": lambda i: f"\router {i // 10}\n\rinner {i}\x1b[A" + "\n\n" * (i % 10 == 0),
        "clear": lambda i: f"\x1b[H\x1b[2Jframe {i}\nline\nline",
        "mixed": lambda i: f"\r{i}%" if i % 5 else f"\r\x1b[Kdone \x1b[1m{i}\x1b[m\n",
    }[kind]
    data = "".join(map(made, range(15_000))).encode()
    whole = Emulator(80, 24)
    whole.feed(data)
    emulator, done = flood(data, block)
    assert seen(emulator) == seen(whole)
    assert done < 32 * 1024 * (2 + len(data) // block)


def test_where_nothing_can_be_skipped_it_does_not_grow() -> None:
    kinds = [b"\r1\n\r2\x1b[A", b"\x1b[1;5r\n\x1b[3Hx", b"x", b"\xff\x1b[", b"\x1b]0;"]
    for kind in kinds:
        catcher = Catcher(Emulator(80, 24))
        for _ in range(12):
            catcher.feed(kind * (200_000 // len(kind)))
            assert catcher.pending < 1_300_000
        assert catcher.work()


def test_a_long_line_that_is_given_up_wraps_in_the_same_column() -> None:
    data = bytes(random.Random(1).choices(b"abc ", k=3_000_001))
    whole = Emulator(80, 24)
    whole.feed(data[-80 * 30 - 3_000_001 % 80 :])
    emulator, _ = flood(data, 300_000)
    assert text_of(emulator.rows()) == text_of(whole.rows())


def test_what_the_program_asks_for_is_not_skipped() -> None:
    emulator = Emulator(COLUMNS, ROWS)
    emulator.feed(shorten(b"\x1b[6n" + b"line\n" * 99, emulator.stance))
    assert emulator.take_answers().endswith(b"R")
