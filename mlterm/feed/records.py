"""The records of a run as they stand in its file: a page of them from any place on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mlterm.core.records import Record, decode
from mlterm.feed.tail import LONGEST, Tail
from mlterm.system.ends import BLOCK

TEXT_BYTES = 64 * 1024
"""How much of a line is kept as text."""
PARSED_BYTES = 1024 * 1024
"""How long a line may be that is kept as a record."""
BUDGET_SECONDS = 0.02


class Item(NamedTuple):
    """A line of the file."""

    offset: int
    length: int
    """In bytes, its newline not among them."""
    text: str
    """Its beginning, at least."""
    record: Record | None
    """None where it is broken, or very long."""


@dataclass(frozen=True, slots=True)
class Page:
    """Lines in the file's order, and how far was looked for them."""

    items: list[Item]
    at: int
    """Where to go on: with ``before``, or with ``after``."""
    is_complete: bool
    """False where the time was up before there were as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted."""

    text: bytes = b""
    kind: str = ""

    @classmethod
    def of(cls, words: str) -> "Filter":
        """Of what a person types: part of a line, in small letters or capitals alike;
        ``type:metrics``; or both, the type first."""
        kind = ""
        if words.startswith("type:"):
            kind, _, words = words.removeprefix("type:").partition(" ")
        return cls(words.strip().encode(errors="replace").lower(), kind)

    def may_be_in(self, data: bytes) -> bool:
        """Whether any of these lines can be wanted."""
        return self.kind.encode() in data and (not self.text or self.text in data.lower())

    def takes(self, line: bytes) -> bool:
        """Whether a line is wanted."""
        if not self.may_be_in(line):
            return False
        return not self.kind or (decode(line) or {}).get("type") == self.kind


class RecordWindow:
    """A window on the file. ``look`` sees how far it is; offsets are those of lines' beginnings,
    or ``size``. A torn last line is not shown before its newline is there."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.filter = Filter()
        """May be set at any time."""
        self._clock = clock
        self._tail = Tail(path)
        self.look()

    @property
    def size(self) -> int:
        """Of the file when it was last looked at."""
        return self._tail.size

    @property
    def end(self) -> int:
        """Behind the last whole line."""
        at = self.size
        while at > 0:
            start = max(0, at - BLOCK)
            if cut := self._tail.peek(start, at - start).rfind(b"\n") + 1:
                return start + cut
            at = start
        return 0

    def look(self) -> bool:
        """See how far the file is; whether it was cut or replaced, and offsets mean nothing now."""
        is_other = self._tail.look()
        self._tail.go_to(self._tail.size)  # so that a file that is cut is noticed
        return is_other

    def before(self, offset: int, count: int, budget_seconds: float = BUDGET_SECONDS) -> Page:
        """The last ``count`` wanted lines that begin before a place."""
        deadline = self._clock() + budget_seconds
        found: list[Item] = []
        at = min(offset, self.size)
        for begin, data in self._blocks_before(at):
            for place, line in reversed(self._wanted(begin, data)):
                if len(found) == count:
                    return Page(found[::-1], found[-1].offset, True)
                found.append(_item(place, line))
            at = begin
            if self._clock() >= deadline:
                break
        return Page(found[::-1], at, len(found) == count or at == 0)

    def after(self, offset: int, count: int, budget_seconds: float = BUDGET_SECONDS) -> Page:
        """The first ``count`` wanted lines that begin at a place or behind it."""
        deadline = self._clock() + budget_seconds
        found: list[Item] = []
        at = offset
        for begin, data in self._blocks_after(at):
            for place, line in self._wanted(begin, data):
                if len(found) == count:
                    return Page(found, place, True)
                found.append(_item(place, line))
            at = begin + len(data)
            if self._clock() >= deadline:
                return Page(found, at, len(found) == count)
        return Page(found, at, True)

    def _wanted(self, begin: int, data: bytes) -> list[tuple[int, bytes]]:
        if not self.filter.may_be_in(data):
            return []
        found, at = [], begin
        for line in data.split(b"\n"):
            if line.strip() and self.filter.takes(line):
                found.append((at, line))
            at += len(line) + 1
        return found

    def _blocks_before(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Blocks of whole lines, the last one first, and where they begin."""
        length = BLOCK
        while end > 0:
            start = max(0, end - length)
            data = self._tail.peek(start, end - start)
            data = data[: data.rfind(b"\n") + 1]
            cut = data.find(b"\n") + 1 if start else 0
            if cut == len(data) and start and length < LONGEST:
                length *= 2  # for a line that is longer than a block
                continue
            if cut == len(data):
                cut = 0
            yield start + cut, data[cut:]
            end, length = start + cut, BLOCK

    def _blocks_after(self, begin: int) -> Iterator[tuple[int, bytes]]:
        length = BLOCK
        while begin < self.size:
            data = self._tail.peek(begin, length)
            cut = data.rfind(b"\n") + 1
            if cut or length >= LONGEST:
                cut = cut or len(data)
                yield begin, data[:cut]
                begin, length = begin + cut, BLOCK
            elif len(data) < length:
                return
            else:
                length *= 2


def _item(offset: int, line: bytes) -> Item:
    record = decode(line) if len(line) <= PARSED_BYTES else None
    return Item(offset, len(line), line[:TEXT_BYTES].decode(errors="replace"), record)
