"""A .wandb file → its records, as bytes. Only its framing is known here.

It is a log of LevelDB's form (leveldb, doc/log_format.md) behind a header: blocks of 32 KiB, in
which a record is one or several fragments, each with a CRC-32, its length and its kind. wandb has
had readers of its own in Python and has none now; this one needs no wandb.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

HEADER = struct.Struct("<4sHB")
_MAGIC = (b":W&B", 0xBEE1)
_BLOCK = 32 * 1024
_FRAGMENT = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@dataclass
class Reading:
    """What came of reading a file."""

    is_wandb: bool = True
    broken: int = 0
    """Fragments that are not sound, or of which others are missing."""
    torn_bytes: int = 0
    """At the end, of a record that was not written to its end."""


def records_in(file: BinaryIO, reading: Reading) -> Iterator[bytes]:
    """The sound records of a file, in order; ``reading`` tells of the others."""
    header = file.read(HEADER.size)
    if len(header) < HEADER.size or HEADER.unpack(header)[:2] != _MAGIC:
        reading.is_wandb = False
        return
    block = header + file.read(_BLOCK - HEADER.size)
    at = HEADER.size
    parts: list[bytes] | None = None
    while block:
        while len(block) - at >= _FRAGMENT.size:
            crc, length, kind = _FRAGMENT.unpack_from(block, at)
            begin, end = at + _FRAGMENT.size, at + _FRAGMENT.size + length
            if end > len(block) and len(block) < _BLOCK:
                break  # it was being written
            if end > len(block) or zlib.crc32(block[begin - 1 : end]) != crc:
                reading.broken += 1
                parts, at = None, min(end, len(block))  # its length may be right all the same
                continue
            data, at = block[begin:end], end
            if kind in (_FULL, _FIRST):
                reading.broken += parts is not None
                parts = []
            if parts is None:
                reading.broken += kind in (_MIDDLE, _LAST)
                continue
            parts.append(data)
            if kind in (_FULL, _LAST):
                yield b"".join(parts)
                parts = None
        if len(block) < _BLOCK:
            reading.torn_bytes = len(block) - at + sum(map(len, parts or ()))
            return
        block, at = file.read(_BLOCK), 0
    reading.torn_bytes = sum(map(len, parts or ()))
