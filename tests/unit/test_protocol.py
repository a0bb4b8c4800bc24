import math
import struct
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core import protocol
from mlterm.core.errors import ProtocolError
from mlterm.core.protocol import FRAME_LIMIT, Frame, FrameReader, Hello, Kind, pack

FRAMES = st.lists(st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=300)), max_size=8)
READERS: list[Callable[[bytes], object]] = [
    protocol.read_hello,
    protocol.read_size,
    protocol.read_offset,
    protocol.read_stop,
    protocol.read_exit,
]


def chunked(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def read(reader: FrameReader, chunks: Iterable[bytes]) -> list[Frame]:
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@given(FRAMES, st.lists(st.integers(0, 5000), max_size=20))
def test_any_frames_come_back_at_any_chunking(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(pack(frame.kind, frame.payload) for frame in frames)
    assert read(FrameReader(), chunked(stream, cuts)) == frames


def test_frames_come_back_a_byte_at_a_time() -> None:
    stream = protocol.hello(True, 24, 80) + pack(Kind.SEEN) + pack(Kind.INPUT, b"ab")
    frames = read(FrameReader(), (stream[at : at + 1] for at in range(len(stream))))
    assert [frame.kind for frame in frames] == [Kind.HELLO, Kind.SEEN, Kind.INPUT]


def test_the_longest_frame_comes_back() -> None:
    payload = bytes(range(256)) * (FRAME_LIMIT // 256)
    assert read(FrameReader(), [pack(Kind.DATA, payload)]) == [Frame(Kind.DATA, payload)]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_garbage_is_refused_as_such_and_never_otherwise(data: bytes, cuts: list[int]) -> None:
    reader = FrameReader()
    try:
        for frame in read(reader, chunked(data, cuts)):
            assert isinstance(frame, Frame)
    except ProtocolError:
        pass


@given(
    FRAMES.filter(bool), st.integers(0), st.integers(1, 255), st.lists(st.integers(0), max_size=5)
)
def test_a_spoilt_byte_gives_frames_or_a_refusal(
    frames: list[Frame], place: int, change: int, cuts: list[int]
) -> None:
    stream = bytearray(b"".join(pack(frame.kind, frame.payload) for frame in frames))
    stream[place % len(stream)] ^= change
    with suppress(ProtocolError):
        read(FrameReader(), chunked(bytes(stream), cuts))


@given(FRAMES)
def test_the_frames_before_garbage_are_given_first(frames: list[Frame]) -> None:
    stream = b"".join(pack(frame.kind, frame.payload) for frame in frames)
    seen: list[Frame] = []
    with pytest.raises(ProtocolError):
        seen.extend(FrameReader().feed(stream + b"\xff" * 7))
    assert seen == frames


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (struct.pack(">BBBI", 2, Kind.SEEN, 0, 0), "version 2"),
        (struct.pack(">BBBI", 0, Kind.SEEN, 0, 0), "version 0"),
        (struct.pack(">BBBI", 1, 31, 0, 0), "kind 31"),
        (struct.pack(">BBBI", 1, Kind.SEEN, 0, FRAME_LIMIT + 1), "too long"),
        (struct.pack(">BBBI", 1, Kind.SEEN, 0, 2**32 - 1), "too long"),
    ],
)
def test_a_header_that_breaks_the_form_is_refused_in_words(header: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        list(FrameReader().feed(header))


def test_a_long_stream_is_read_in_little_memory() -> None:
    stream = pack(Kind.DATA, bytes(FRAME_LIMIT)) * 4
    reader = FrameReader()
    tracemalloc.start()
    try:
        for _ in range(50):
            for chunk in chunked(stream, [1, 70_001, 140_003]):
                for _frame in reader.feed(chunk):
                    pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * FRAME_LIMIT


def test_a_payload_beyond_the_limit_is_not_packed() -> None:
    with pytest.raises(ProtocolError, match=str(FRAME_LIMIT)):
        pack(Kind.DATA, bytes(FRAME_LIMIT + 1))


@given(st.booleans(), st.integers(0, 65535), st.integers(0, 65535))
def test_hello_and_size_come_back(read_only: bool, rows: int, columns: int) -> None:
    (frame,) = read(FrameReader(), [protocol.hello(read_only, rows, columns)])
    assert protocol.read_hello(frame.payload) == Hello(read_only, rows, columns)
    (frame,) = read(FrameReader(), [protocol.resize(rows, columns)])
    assert protocol.read_size(frame.payload) == (rows, columns)


@given(st.integers(0, 255), st.booleans(), st.integers(0, 2**64 - 1))
def test_exit_and_offset_come_back(code: int, drained: bool, end: int) -> None:
    (frame,) = read(FrameReader(), [protocol.exit_frame(code, drained, end)])
    assert frame.kind is Kind.EXIT
    assert protocol.read_exit(frame.payload) == (code, drained, end)
    (frame,) = read(FrameReader(), [protocol.offset(Kind.OUTPUT, end)])
    assert frame.kind is Kind.OUTPUT
    assert protocol.read_offset(frame.payload) == end


@pytest.mark.parametrize(("number", "grace"), [(2, 10.0), (15, 0.0), (9, 0.25), (64, 86_400.0)])
def test_stop_and_signal_come_back(number: int, grace: float) -> None:
    (frame,) = read(FrameReader(), [protocol.stop(number, grace)])
    assert protocol.read_stop(frame.payload) == (number, grace)
    (frame,) = read(FrameReader(), [protocol.signal(number)])
    assert frame == Frame(Kind.SIGNAL, bytes([number]))


@pytest.mark.parametrize("reader", READERS)
@given(payload=st.binary(max_size=20))
def test_any_payload_is_read_or_refused(reader: Callable[[bytes], object], payload: bytes) -> None:
    with suppress(ProtocolError):
        reader(payload)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("payload", [b"", b"\0" * 3, b"\0" * 64])
def test_a_payload_of_the_wrong_length_is_refused(
    reader: Callable[[bytes], object], payload: bytes
) -> None:
    with pytest.raises(ProtocolError, match="wrong length"):
        reader(payload)


@pytest.mark.parametrize("grace", [math.nan, math.inf, -math.inf, -1.0])
def test_a_stop_with_a_grace_that_never_ends_is_refused(grace: float) -> None:
    """With NaN no deadline is ever past: the stopper would climb no rung, for ever."""
    with pytest.raises(ProtocolError):
        protocol.read_stop(struct.pack(">Bd", 2, grace))


@pytest.mark.parametrize("number", [0, 65, 255])
def test_a_stop_with_a_number_that_is_no_signal_is_refused(number: int) -> None:
    """The stopper would die of it, after the run has been marked as being stopped."""
    with pytest.raises(ProtocolError):
        protocol.read_stop(struct.pack(">Bd", number, 1.0))
