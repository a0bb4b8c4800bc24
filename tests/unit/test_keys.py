import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.keys import TAP_SECONDS, Command, KeyReader

SEQUENCES = {
    b"\x1c": Command.DETACH,
    b"\x1b[92;5u": Command.DETACH,
    b"\x1b[27;5;92~": Command.DETACH,
    b"\x1a": Command.SUSPEND,
    b"\x1b[122;5u": Command.SUSPEND,
    b"\x1b[27;5;122~": Command.SUSPEND,
}
OURS = re.compile(b"|".join(re.escape(sequence) for sequence in SEQUENCES))
PIECES = st.sampled_from(
    [*SEQUENCES, b"a", b"\r", b"\x03", b"\x1b", b"[", b"\x1b[", b"\x1b[A", b"\x1b[92;",
     b"\x1b[27;5;", b"\x1b[92;6u", b"\xc3\xa9", b"\x1b[200~", b"u", b"~"]
)  # fmt: skip
TYPED = st.lists(PIECES, max_size=12).map(b"".join)


def read(chunks: list[bytes], now: float = 0.0) -> list[bytes | Command]:
    """What comes of the chunks, neighbouring bytes joined, the held-back rest at the end."""
    reader = KeyReader()
    items = [item for chunk in chunks for item in reader.feed(chunk, now)]
    items.append(reader.flush())
    assert not reader.holding
    joined: list[bytes | Command] = []
    for item in items:
        if isinstance(item, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += item
        elif item != b"":
            joined.append(item)
    return joined


@given(TYPED, st.lists(st.integers(0, 80), max_size=10))
def test_any_chunking_gives_the_same_keys_and_commands(typed: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(typed)) for cut in cuts), len(typed)]
    chunks = [typed[a:b] for a, b in pairwise(places)]
    assert read(chunks) == read([typed])


@given(TYPED)
def test_a_byte_at_a_time_is_read_the_same(typed: bytes) -> None:
    assert read([typed[at : at + 1] for at in range(len(typed))]) == read([typed])


@given(TYPED)
def test_the_program_gets_every_byte_that_is_no_command(typed: bytes) -> None:
    keys = b"".join(item for item in read([typed]) if isinstance(item, bytes))
    assert keys == OURS.sub(b"", typed)


@given(st.binary())
def test_the_commands_are_those_typed_in_their_order(typed: bytes) -> None:
    commands = [item for item in read([typed]) if item in (Command.DETACH, Command.SUSPEND)]
    assert commands == [SEQUENCES[sequence] for sequence in OURS.findall(typed)]


@pytest.mark.parametrize(("sequence", "command"), SEQUENCES.items())
def test_each_form_of_a_command_is_known_at_each_cut(sequence: bytes, command: Command) -> None:
    for cut in range(len(sequence) + 1):
        assert read([b"a" + sequence[:cut], sequence[cut:] + b"b"]) == [b"a", command, b"b"]


def test_the_start_of_a_command_is_held_until_more_tells() -> None:
    reader = KeyReader()
    assert list(reader.feed(b"x\x1b[92", 0.0)) == [b"x"]
    assert reader.holding
    assert list(reader.feed(b";5u", 0.0)) == [Command.DETACH]
    assert not reader.holding


def test_a_lone_escape_is_given_back_when_nothing_follows() -> None:
    reader = KeyReader()
    assert list(reader.feed(b"\x1b", 0.0)) == []
    assert reader.flush() == b"\x1b"
    assert list(reader.feed(b"[92;5u", 0.0)) == [b"[92;5u"]


def test_three_quick_interrupts_all_go_on_and_offer_to_stop() -> None:
    assert read([b"\x03", b"\x03", b"\x03"]) == [b"\x03\x03\x03", Command.OFFER_STOP]


def test_interrupts_among_other_keys_count_too() -> None:
    assert read([b"a\x03b\x03c\x03d"]) == [b"a\x03b\x03c\x03", Command.OFFER_STOP, b"d"]


def taps(*times: float) -> list[float]:
    """The times at which stopping was offered."""
    reader = KeyReader()
    return [now for now in times if Command.OFFER_STOP in list(reader.feed(b"\x03", now))]


def test_slow_interrupts_offer_nothing() -> None:
    assert taps(0.0, 1.0, 2.0, 3.0, 4.0) == []


def test_only_the_last_three_interrupts_count() -> None:
    assert taps(0.0, 10.0, 10.4, 10.8) == [10.8]


def test_the_window_ends_exactly_when_it_is_over() -> None:
    assert taps(0.0, 1.0, TAP_SECONDS) == []
    assert taps(0.0, 1.0, TAP_SECONDS - 0.01) == [TAP_SECONDS - 0.01]


def test_after_an_offer_counting_begins_anew() -> None:
    assert taps(0.0, 0.1, 0.2, 0.3, 0.4, 0.5) == [0.2, 0.5]
