"""A run's file read from both its ends, which tell all but its metrics: the middle of a long one
is left alone, but for what a person said of the run meanwhile."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlterm.core.lifecycle import ENDED
from mlterm.core.records import Record, decode, decode_lines
from mlterm.system.annotations import marked
from mlterm.system.paths import RunFiles

BLOCK = 64 * 1024
LOOK_BACK = 1024 * 1024
"""How far from a file's end its finish, and the beginning of a resumed part, are looked for."""
Stamp = tuple[int, int, int, int]
"""When a file was last changed, twice (its content; anything), its size and its inode: all the
same only where nothing was written."""
_METRICS = b'+00:00","type":"metrics"'
"""Stands once in a record of metrics as mlterm writes it, and in no other."""
_BEGINNING = b'{"timestamp":"'
_END_BYTES = 3 * 1024
"""That are read sooner than looked through."""


@dataclass
class Ends:
    """What a file's ends say, the later records going on from the earlier ones."""

    first: Record = field(default_factory=dict)
    """The first ``run`` record."""
    start: Record = field(default_factory=dict)
    """The ``run`` record that began the last part, else the file's first record."""
    finish: Record = field(default_factory=dict)
    """That of the last part."""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    stamp: Stamp = (0, 0, 0, 0)
    """Of the file, before it was read."""

    def add(self, record: Record) -> None:
        """Take in the file's next record."""
        if not self.start:
            self.start = record
        kind = record.get("type")
        if kind == "run":
            self._add_run(record)
        elif kind == "hyperparameters":
            # Our own fields are not among them.
            users = (item for item in record.items() if item[0][:1] != "_")
            self.hyperparameters |= {k: v for k, v in users if k not in ("timestamp", "type")}
        elif kind == "define":
            told = {name: record.get(name) for name in ("goal", "summary")}
            self.definitions[str(record.get("name"))] = told
        elif kind == "note" and isinstance(record.get("text"), str):
            self.notes.append(record["text"])
        elif ends_part(record):
            self.finish = record

    def _add_run(self, record: Record) -> None:
        if not self.first and "_amends" not in record:
            self.first = self.start = record
        if "schema" in record and "_amends" not in record:
            self.start, self.finish, self.git = record, {}, None
        aliases, tags = record.get("aliases"), record.get("tags")
        self.aliases += map(str, aliases) if isinstance(aliases, list) else ()
        for name, text in tags.items() if isinstance(tags, dict) else ():
            if text is None:
                self.tags.pop(name, None)
            else:
                self.tags[name] = text
        if isinstance(git := record.get("git"), dict):
            self.git = git


def read_ends(path: Path) -> Ends:
    """Raises OSError where the file cannot be read."""
    ends = Ends()
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        seen = os.fstat(fd)
        if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
            raise OSError(errno.EINVAL, "it is no file")  # and would be waited for, or never end
        ends.stamp = stamp_of(seen)
        head = os.pread(fd, BLOCK, 0)
        if len(head) == BLOCK:
            head = _to_line_end(fd, head, seen.st_size)
        for record in _first_and_rare(head):
            ends.add(record)
        behind = max(len(head), seen.st_size - LOOK_BACK)
        for record in marked(RunFiles(path), len(head), behind) if behind > len(head) else ():
            ends.add(record)
        for data in _blocks(fd, behind, is_line=behind == len(head)):
            for record in _rare(data):
                ends.add(record)
    finally:
        os.close(fd)
    return ends


def ends_part(record: Record) -> bool:
    """Whether a record ends the run, or its last part. A joined Tracker's finish ends nothing:
    the run ends with the keeper's."""
    if record.get("type") != "finish" or "_amends" in record:
        return False
    if record.get("_source") == "tracker":
        return False
    return isinstance(record.get("status"), str) and record["status"] in ENDED


def stamp_of(seen: os.stat_result) -> Stamp:
    """Of what stat(2) tells."""
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino


def _to_line_end(fd: int, head: bytes, size: int) -> bytes:
    """Whole lines, and no less than one."""
    if cut := head.rfind(b"\n") + 1:
        return head[:cut]
    while len(head) < size and (more := os.pread(fd, BLOCK, len(head))):
        if cut := more.find(b"\n") + 1:
            return head + more[:cut]
        head += more
    return head


def _blocks(fd: int, at: int, *, is_line: bool) -> Iterator[bytes]:
    """The rest of the file in blocks of whole lines, the first from the next line on unless one
    begins there."""
    rest = b""
    while data := os.pread(fd, BLOCK, at):
        at += len(data)
        if not is_line:
            if not (cut := data.find(b"\n") + 1):
                continue
            data, is_line = data[cut:], True
        data = rest + data
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        yield data[:cut]
    yield rest


def _first_and_rare(head: bytes) -> Iterable[Record]:
    cut = head.find(b"\n") + 1 or len(head)
    yield from decode_lines(head[:cut])
    yield from _rare(head[cut:])


def _rare(data: bytes) -> Iterable[Record]:
    """The records of whole lines; of metrics those only that are cheaper to read than to tell
    from others."""
    cut = data.rfind(b"\n") + 1
    if cut < len(data) and decode(data[cut:]) is None:
        data = data[:cut]  # a torn last line may yet be ended
    if len(data) > 2 * _END_BYTES:  # what is rare stands at a file's ends, mostly
        begin, end = data.find(b"\n", _END_BYTES) + 1, data.rfind(b"\n", 0, -_END_BYTES) + 1
        if begin < end:
            data = data[:begin] + _without_metrics(data[begin:end]) + data[end:]
    return (record for record in decode_lines(data) if record.get("type") != "metrics")


def _without_metrics(lines: bytes) -> bytes:
    """Lines without most of those that are one whole record of metrics as mlterm writes it. One
    that was torn may have another's record behind it, and is none of those."""
    metrics = lines.count(_METRICS)
    if metrics == lines.count(b"\n") == lines.count(_BEGINNING):
        return b""
    middle = lines.find(b"\n", len(lines) // 2) + 1
    if not metrics or len(lines) <= _END_BYTES or middle == len(lines):
        return lines
    return _without_metrics(lines[:middle]) + _without_metrics(lines[middle:])
