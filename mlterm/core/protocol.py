"""The frames between a client and a keeper: bytes in, frames out; no socket in sight.

A frame is a header of seven bytes and a payload::

    version (1)  kind (1)  reserved (1)  length (4, big endian)  payload

A stream that breaks the form, or announces more than ``FRAME_LIMIT`` bytes, raises
ProtocolError once and is of no use afterwards: whoever reads it closes the connection.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from mlterm.core.errors import ProtocolError

VERSION = 1
FRAME_LIMIT = 64 * 1024
SIGNALS = 64
_HEADER = struct.Struct(">BBBI")
_OFFSET = struct.Struct(">Q")
_SIZE = struct.Struct(">HH")
_HELLO = struct.Struct(">BHH")
_STOP = struct.Struct(">Bd")
_EXIT = struct.Struct(">BBQ")


class Kind(IntEnum):
    """What a frame means. Up to 31: client to keeper; from 32: keeper to client."""

    HELLO = 1
    INPUT = 2
    RESIZE = 3
    SIGNAL = 4
    STOP = 5
    SEEN = 6

    WELCOME = 32
    OUTPUT = 33
    """The output file has grown to this offset."""
    DATA = 34
    """Output that could not be written to the file: the bytes themselves."""
    RESUME = 35
    """The file can be written again: what follows stands in it from this offset."""
    EXIT = 36
    """The command has ended; its output, up to this offset, is in the file."""
    DRAINED = 37
    """Nobody holds the terminal any more: no output will follow."""
    REFUSED = 38
    """Words for the person; the connection ends."""
    NOTICE = 39
    """Words for the person; nothing ends."""


@dataclass(frozen=True)
class Frame:
    """One message; the payload's meaning depends on its kind."""

    kind: Kind
    payload: bytes = b""


@dataclass(frozen=True)
class Hello:
    """How a client introduces itself; rows and columns are 0 where it has no window."""

    read_only: bool
    rows: int
    columns: int


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    """The bytes of one frame; raise ProtocolError where the payload is too long."""
    if len(payload) > FRAME_LIMIT:
        raise ProtocolError(f"a frame holds at most {FRAME_LIMIT} bytes, not {len(payload)}")
    return _HEADER.pack(VERSION, kind, 0, len(payload)) + payload


class FrameReader:
    """Collects bytes as they come and gives back whole frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that ``data`` completes; raise ProtocolError on garbage."""
        self._held += data
        while len(self._held) >= _HEADER.size:
            version, kind, _, length = _HEADER.unpack_from(self._held)
            if version != VERSION:
                raise ProtocolError(f"the other side speaks version {version}, not {VERSION}")
            if length > FRAME_LIMIT:
                raise ProtocolError(f"a frame of {length} bytes is too long")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            payload = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            try:
                yield Frame(Kind(kind), payload)
            except ValueError:
                raise ProtocolError(f"there is no frame of kind {kind}") from None


def hello(read_only: bool, rows: int, columns: int) -> bytes:
    """The first frame of a client."""
    return pack(Kind.HELLO, _HELLO.pack(read_only, rows, columns))


def read_hello(payload: bytes) -> Hello:
    """Read a HELLO's payload."""
    read_only, rows, columns = _unpack(_HELLO, payload)
    return Hello(bool(read_only), rows, columns)


def resize(rows: int, columns: int) -> bytes:
    """The client's window has a new size."""
    return pack(Kind.RESIZE, _SIZE.pack(rows, columns))


def read_size(payload: bytes) -> tuple[int, int]:
    """Rows and columns of a RESIZE."""
    rows, columns = _unpack(_SIZE, payload)
    return rows, columns


def offset(kind: Kind, value: int) -> bytes:
    """A frame that carries a place in the output file."""
    return pack(kind, _OFFSET.pack(value))


def read_offset(payload: bytes) -> int:
    """The place in the output file that a frame carries."""
    (value,) = _unpack(_OFFSET, payload)
    return int(value)


def signal(number: int) -> bytes:
    """Ask for a signal to the command's foreground processes."""
    return pack(Kind.SIGNAL, bytes([number]))


def stop(first_signal: int, grace_seconds: float) -> bytes:
    """Ask for the whole tree to be ended, the given signal first."""
    return pack(Kind.STOP, _STOP.pack(first_signal, grace_seconds))


def read_stop(payload: bytes) -> tuple[int, float]:
    """First signal and grace (seconds) of a STOP."""
    first_signal, grace = _unpack(_STOP, payload)
    if not 1 <= first_signal <= SIGNALS or not 0 <= grace < float("inf"):
        raise ProtocolError(f"no run can be stopped with signal {first_signal} and grace {grace}")
    return first_signal, grace


def exit_frame(shell_code: int, drained: bool, end: int) -> bytes:
    """The command has ended: its code as a shell reports it, and the output's end by then."""
    return pack(Kind.EXIT, _EXIT.pack(shell_code, drained, end))


def read_exit(payload: bytes) -> tuple[int, bool, int]:
    """Shell code, drained, offset of an EXIT."""
    code, drained, end = _unpack(_EXIT, payload)
    return code, bool(drained), end


def _unpack(form: struct.Struct, payload: bytes) -> tuple[int, ...]:
    try:
        return form.unpack(payload)
    except struct.error:
        raise ProtocolError("a frame's payload has the wrong length") from None
