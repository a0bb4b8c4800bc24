"""A text that forks of one process share: the newest whole one outlives whoever wrote it.

It needs no disk, so that neither a full one nor a folder that was removed takes it away.
"""

import mmap
import struct

ROOM_BYTES = 512 * 1024
_HEAD = mmap.PAGESIZE
_LENGTHS = {1: 8, 2: 16}  # half: where its length stands; the first byte says which half counts


class Slate:
    """Made before the forks that share it; written by one process at a time."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _HEAD + 2 * ROOM_BYTES)  # what is not touched takes no memory

    def write(self, text: bytes) -> None:
        """Replace the text. Where there is no room for it the one before stands.

        It goes into the half that does not count: a writer that is killed leaves the other.
        """
        if len(text) > ROOM_BYTES:
            return
        half = 1 if self._page[0] == 2 else 2
        begin = _begin(half)
        self._page[begin : begin + len(text)] = text
        struct.pack_into("Q", self._page, _LENGTHS[half], len(text))
        self._page[0] = half

    def read(self) -> bytes:
        """The newest text; empty where there was none yet."""
        half = self._page[0]
        if not half:
            return b""
        (length,) = struct.unpack_from("Q", self._page, _LENGTHS[half])
        begin = _begin(half)
        return self._page[begin : begin + length]


def _begin(half: int) -> int:
    return _HEAD + (half - 1) * ROOM_BYTES
