"""A Tracker whose disk is full: the training goes on, what fits in memory is written later."""

import os

import pytest

from mlterm.core.records import Record, decode_lines
from tests.support import Disk, Home, started, stream

pytestmark = [pytest.mark.root, pytest.mark.linux]

SCRIPT = """
import sys
from mlterm import Tracker
tracker = Tracker("p", "r")
tracker.log(value=-1)
print("READY", flush=True)
sys.stdin = open("go")
sys.stdin.readline()
for step in range({count}):
    tracker.log(value=step)
print("FULL", flush=True)
sys.stdin.readline()
{after}
tracker.finish()
"""


def sound(home: Home) -> list[Record]:
    """The records that a reader finds: a torn line, where the disk was full, is none."""
    return list(decode_lines(home.run().path.read_bytes()))


def run_full(home: Home, disk: Disk, count: int, after: str, *, grow: bool) -> str:
    """Log on a disk without room, then ``after``; what was said on stderr."""
    os.mkfifo(home.path / "go")
    with started(home.script(SCRIPT.format(count=count, after=after)), home) as process:
        assert stream(process.stdout).readline() == b"READY\n"
        disk.fill()
        with (home.path / "go").open("w", buffering=1) as pipe:
            pipe.write("go\n")
            assert stream(process.stdout).readline() == b"FULL\n"
            if grow:
                disk.grow()
            pipe.write("go\n")
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return errors.decode()


def test_what_waited_in_memory_is_written_once_there_is_room(home: Home, disk: Disk) -> None:
    errors = run_full(home, disk, 10_000, "tracker.log(value='after')", grow=True)
    assert errors.count("MltermWarning") == 1
    assert "No space left on device" in errors
    values = [record["value"] for record in sound(home) if record["type"] == "metrics"]
    assert values == [-1, *range(10_000), "after"]
    (finish,) = [record for record in sound(home) if record["type"] == "finish"]
    assert finish["status"] == "completed"
    assert "lost_records" not in finish


def test_a_disk_that_stays_full_loses_a_counted_number_and_not_the_end(
    home: Home, disk: Disk
) -> None:
    run_full(home, disk, 100_000, "", grow=False)
    (finish,) = [record for record in sound(home) if record["type"] == "finish"]
    assert finish["status"] == "completed"
    kept = [record["value"] for record in sound(home) if record["type"] == "metrics"]
    assert len(kept) - 1 + finish["lost_records"] == 100_000
    assert kept == list(range(-1, len(kept) - 1))  # the oldest are kept
    assert len(kept) > 1_000  # in the room that was set aside for the end
