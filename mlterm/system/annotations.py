"""Adding to a run's file what a person says of it, and finding that again in a long one.

Lists read a file's ends alone. Where in its middle an annotation stands, written while the
run went on, is noted in ``.marks`` in the run's folder.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from mlterm.core.records import Record, decode, encode
from mlterm.system import lock
from mlterm.system.paths import RunFiles
from mlterm.system.runlog import RunLog

HEAD_BYTES = 64 * 1024
"""What begins no further than this in a file is always read."""


def annotates(record: Record) -> bool:
    """Whether a record is a note, or changes tags."""
    kind = record.get("type")
    return kind == "note" or (kind == "run" and "_amends" in record and "tags" in record)


def annotate(files: RunFiles, record: Record) -> None:
    """Append a record to a run's file, whether the run has ended or goes on.

    Of one that has ended the lock is held meanwhile, so that its file is not replaced and the
    run not gone on with. Raises OSError.
    """
    held: int | None = None
    with suppress(OSError):  # the folder is another user's; the file itself may be ours to write
        held = lock.take(files.lock)
    try:
        log = RunLog(files.run, create=False)
        try:
            line = encode(record)
            log.append_lines(line)
            mark(files, os.lseek(log.fileno(), 0, os.SEEK_CUR) - len(line))
        finally:
            log.close()
    finally:
        if held is not None:
            os.close(held)


def mark(files: RunFiles, *offsets: int) -> None:
    """Note where annotations begin. Where that cannot be written they stay all the same, though
    a list may miss them."""
    far = [offset for offset in offsets if offset > HEAD_BYTES]
    if far:
        with suppress(OSError):
            files.folder.mkdir(exist_ok=True)
            with files.marks.open("a") as file:
                file.write("".join(f"{offset}\n" for offset in far))


def marked(files: RunFiles, low: int, high: int) -> Iterator[Record]:
    """The annotations that begin between two places, both included, where the marks say."""
    with suppress(OSError), files.marks.open() as marks, files.run.open("rb") as file:
        for offset in sorted({int(word) for word in marks if word.strip().isdecimal()}):
            if low <= offset <= high:
                file.seek(offset)
                record = decode(file.readline())
                if record is not None and annotates(record):
                    yield record
