import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.lines import LINE_LIMIT, Screen, State
from tests.outputs.scoring import NEGATIVES, SAMPLES


def states(data: bytes, cuts: list[int] | None = None) -> list[State]:
    """What a screen tells of ``data``, fed in pieces."""
    screen = Screen()
    found: list[State] = []
    at = 0
    for cut in [*(cuts or []), len(data)]:
        found += screen.feed(data[at:cut])
        at = cut
    return found + list(screen.finish())


def texts(data: bytes) -> list[str]:
    return [state.text for state in states(data)]


def test_a_line_is_a_state_where_its_newline_has_come() -> None:
    screen = Screen()
    assert list(screen.feed(b"loss 0.5")) == []
    assert list(screen.feed(b"\nacc 0.9")) == [State(0, "loss 0.5", False)]
    assert list(screen.finish()) == [State(9, "acc 0.9", False)]


def test_offsets_are_those_of_bytes() -> None:
    assert [state.offset for state in states("é 1\nü 2\r\n3\n".encode())] == [0, 5, 11]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"1/3\r2/3\r3/3\n", [("1/3", True), ("2/3", True), ("3/3", True)]),
        (b"1/3\r\n2/3\r\n", [("1/3", False), ("2/3", False)]),
        (b"1/3\r   \rdone 1\n", [("1/3", True), ("done 1", False)]),
        (b"1/3\r\x1b[Kdone 1\n", [("1/3", True), ("done 1", False)]),
        (b"1/3\r\x1b[2K\r2/3\n", [("1/3", True), ("2/3", False)]),
        (b"12\x08\x08345\n", [("12", True), ("345", True)]),
        (b"abcdef 1\rxyz\n", [("abcdef 1", True), ("xyzdef 1", True)]),
        (b"\x1b[1m\x1b[32m1\x1b[0m\x1b]0;title 7\x07\n", [("1", False)]),
        (b"a 1\nb 1\n\x1b[2Aa 2\nb 2\n", [("a 1", False), ("b 1", False), ("a 2", True),
                                           ("b 2", True)]),
        (b"bar 1\n\x1b[1A\x1b[2Klog line 5\nbar 2\n", [("bar 1", False), ("log line 5", False),
                                                       ("bar 2", False)]),
        (b"1\x1b[?1049h\x1b[2J\x1b[H9 hidden\n\x1b[?1049l\n2\n", [("1", False), ("2", False)]),
        (b"1 2\x1b[1Gx\n", [("1 2", True), ("x 2", True)]),
    ],
)  # fmt: skip
def test_what_a_terminal_does(data: bytes, wanted: list[tuple[str, bool]]) -> None:
    assert [(state.text, state.redrawn) for state in states(data)] == wanted


def test_what_is_drawn_again_as_it_was_says_nothing() -> None:
    assert texts(b"bar 1\rbar 1\rbar 1\n") == ["bar 1"]
    assert texts(b"row 1\n\x1b[1A\x1b[2Krow 1\n\x1b[1A\x1b[2Krow 1\n") == ["row 1"]


def test_lines_without_numbers_come_with_the_next_that_has_some() -> None:
    screen = Screen()
    assert list(screen.feed(b"epoch loss\n" * 3)) == []
    assert [state.text for state in screen.feed(b"1 0.5\n")] == [*["epoch loss"] * 3, "1 0.5"]
    many = b"".join(b"word%s\n" % (b"x" * n) for n in range(50))
    assert len(texts(many + b"loss: nan\n")) == 21
    assert len(texts(many)) == 20


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    found = texts(b"9" * 300_000 + b"\nloss 0.5\n")
    assert [len(text) for text in found] == [LINE_LIMIT, 8]
    assert found == [state.text for state in states(b"9" * 300_000 + b"\nloss 0.5\n", [7, 99_999])]


def test_a_line_that_has_begun_earlier_is_passed_over() -> None:
    screen = Screen(100, within_line=True)
    assert list(screen.feed(b"5 of a line\nloss 0.5\n")) == [State(112, "loss 0.5", False)]


PIECES = (
    b"\r", b"\n", b"\r\n", b"\x1b[A", b"\x1b[2A", b"\x1b[2K", b"\x1b[K", b"\x1b[J", b"\x1b[1;32m",
    b"\x08", b"loss 0.5", b"epoch", b" ", b"12%", "█▌".encode(), b"\xff", b"\x1b[", b"\x1b[5C",
    b"\x1b]0;t\x07", b"\x1b[H", b"\x1b[?25l", b"\t", b"\x00", b"\x1b7", b"\x1b8", b"\x1bM",
    b"\x1b[3?25h", b"\x1b[;;9m", b"\x1b[?1049h", b"\x1b[?1049l",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join), st.data())
def test_where_bytes_are_cut_plays_no_part(data: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=len(data)).map(sorted))
    assert states(data, cuts) == states(data)


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    assert all(0 <= state.offset <= len(data) for state in states(data))


@pytest.mark.parametrize("path", [*SAMPLES.glob("*tqdm*.log"), *NEGATIVES.glob("a*.log")], ids=str)
def test_real_output_is_the_same_byte_by_byte(path: object) -> None:
    data = path.read_bytes()[:8000]  # type: ignore[attr-defined] # a path
    chance = random.Random(0)
    cuts = sorted(chance.sample(range(len(data)), len(data) // 3))
    assert states(data, cuts) == states(data) == states(data, list(range(len(data))))
