"""Real terminals and pipes, real files; a full disk is a file-size limit or /dev/full."""

import json
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlterm.system.board import Board
from mlterm.system.spool import BACKLOG_LIMIT, Spool

APPEND = os.O_APPEND  # splice(2) refuses to write to such a file: EINVAL
EVERY_BYTE = bytes(range(256)) * 1200  # 300 KB


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Between terminal and file, as the session makes it."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A raw terminal's master and slave, neither of which blocks."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    for end in (master, slave):
        os.set_blocking(end, False)
    yield master, slave
    for end in (master, slave):
        with suppress(OSError):
            os.close(end)


def begin(source: int, pipe: tuple[int, int], log: int, board: Board) -> Spool:
    """As a keeper begins, be it the first or the next."""
    spool = Spool(source, pipe, log, board)
    spool.recover()
    return spool


def open_log(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | flags)


def move_without_end(spool: Spool) -> None:
    while spool.move():
        pass


def pump(spool: Spool, into: int, data: bytes) -> None:
    """Write ``data`` to the other end while the spool moves it, until all is moved."""
    rest = memoryview(data)
    while True:
        with suppress(BlockingIOError):
            while rest:
                rest = rest[os.write(into, rest[:3000]) :]
        try:
            while spool.move():
                pass
        except BlockingIOError:
            if not rest:
                return


@pytest.mark.parametrize("flags", [0, APPEND], ids=["spliced", "read and written"])
def test_every_byte_of_a_terminal_is_in_the_file(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int], flags: int
) -> None:
    log = open_log(tmp_path / "log", flags)
    spool = begin(terminal[0], pipe, log, Board())
    pump(spool, terminal[1], EVERY_BYTE)
    assert (tmp_path / "log").read_bytes() == EVERY_BYTE
    assert (spool.offset, spool.failure, spool.backlog) == (len(EVERY_BYTE), None, b"")
    os.close(log)


@pytest.mark.parametrize("flags", [0, APPEND], ids=["spliced", "read and written"])
@given(pieces=st.lists(st.binary(max_size=5000), max_size=6))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_pieces_of_a_pipe_are_in_the_file(
    tmp_path: Path, pipe: tuple[int, int], flags: int, pieces: list[bytes]
) -> None:
    out, into = os.pipe()
    os.set_blocking(out, False)
    os.set_blocking(into, False)
    log = open_log(tmp_path / "log", flags | os.O_TRUNC)
    spool = begin(out, pipe, log, Board())
    for piece in pieces:
        pump(spool, into, piece)
    assert (tmp_path / "log").read_bytes() == b"".join(pieces)
    os.close(into)
    assert spool.move() == 0
    os.close(out)
    os.close(log)


@pytest.mark.linux
@pytest.mark.parametrize("flags", [0, APPEND], ids=["spliced", "read and written"])
def test_all_that_was_written_comes_before_the_end_of_the_terminal(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int], flags: int
) -> None:
    log = open_log(tmp_path / "log", flags)
    spool = begin(terminal[0], pipe, log, Board())
    written = 0
    with suppress(BlockingIOError):
        while True:
            written += os.write(terminal[1], b"0123456789" * 100)
    os.close(terminal[1])
    with pytest.raises(OSError, match="Input/output error"):
        move_without_end(spool)
    assert written > 1000
    assert spool.offset == written
    assert os.path.getsize(tmp_path / "log") == written
    os.close(log)


def test_where_there_is_nothing_the_spool_does_not_wait(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    log = open_log(tmp_path / "log")
    with pytest.raises(BlockingIOError):
        begin(terminal[0], pipe, log, Board()).move()
    os.close(log)


@pytest.mark.linux
@pytest.mark.parametrize("flags", [0, APPEND], ids=["spliced", "read and written"])
def test_what_a_dead_keeper_had_on_its_hands_is_written_by_the_next(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int], flags: int
) -> None:
    log = open_log(tmp_path / "log", flags)
    first = begin(terminal[0], pipe, log, Board())
    pump(first, terminal[1], b"before ")
    os.write(terminal[1], b"between ")
    assert os.splice(terminal[0], pipe[1], 65536) == 8  # and then it was killed
    os.write(terminal[1], b"after")
    second = begin(terminal[0], pipe, log, Board())
    assert second.offset == len(b"before between ")
    second.move()
    assert (tmp_path / "log").read_bytes() == b"before between after"
    assert second.offset == len(b"before between after")
    os.close(log)


@pytest.mark.linux
def test_a_full_pipe_that_a_dead_keeper_left_is_emptied(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    log = open_log(tmp_path / "log")
    left = 0
    with suppress(BlockingIOError):
        while True:
            left += os.write(pipe[1], b"x" * 4096)
    assert begin(terminal[0], pipe, log, Board()).offset == left
    assert (tmp_path / "log").read_bytes() == b"x" * left
    os.close(log)


def test_a_resumed_runs_output_is_appended(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    (tmp_path / "log").write_bytes(b"first part\n")
    log = open_log(tmp_path / "log")
    os.lseek(log, 0, os.SEEK_END)
    spool = begin(terminal[0], pipe, log, Board())
    pump(spool, terminal[1], b"second")
    assert spool.offset == 17
    assert (tmp_path / "log").read_bytes() == b"first part\nsecond"
    os.close(log)


def test_what_a_dead_keeper_had_in_memory_is_counted_as_lost(
    tmp_path: Path, pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    (tmp_path / "log").write_bytes(b"12345")
    log = open_log(tmp_path / "log")
    os.lseek(log, 0, os.SEEK_END)
    board = Board()
    board.backlog_bytes, board.lost_bytes, board.gap_bytes = 100, 7, 7
    os.write(pipe[1], b"6")
    spool = begin(terminal[0], pipe, log, board)
    assert (board.gap_offset, board.gap_bytes, board.lost_bytes) == (5, 107, 107)
    assert (board.backlog_bytes, spool.offset) == (0, 6)
    os.close(log)


def test_a_full_disk_stops_nobody(pipe: tuple[int, int], terminal: tuple[int, int]) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    board = Board()
    spool = begin(terminal[0], pipe, log, board)
    pump(spool, terminal[1], EVERY_BYTE)
    assert spool.backlog == EVERY_BYTE
    assert "No space left" in str(spool.failure)
    assert (spool.offset, spool.end) == (0, len(EVERY_BYTE))
    assert (board.backlog_bytes, board.lost_bytes, board.gap_bytes) == (len(EVERY_BYTE), 0, 0)
    assert not spool.retry()
    assert spool.backlog == EVERY_BYTE
    os.close(log)


def test_on_a_full_disk_memory_is_bounded_and_the_loss_is_counted(
    pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    board = Board()
    spool = begin(terminal[0], pipe, log, board)
    data = os.urandom(64 * 1024) * 70
    surplus = len(data) - BACKLOG_LIMIT
    for at in range(0, len(data), 64 * 1024):
        pump(spool, terminal[1], data[at : at + 64 * 1024])
    assert spool.backlog == data[surplus:]
    assert spool.end == len(data)
    assert board.backlog_bytes == BACKLOG_LIMIT
    assert board.lost_bytes == board.gap_bytes == surplus
    assert board.gap_offset == 0
    os.close(log)


def follow(spool: Spool, place: int, limit: int = 1000) -> bytes:
    """What a viewer is sent that has all output up to a place."""
    seen = b""
    while place < spool.end:
        data, after = spool.read(place, limit)
        assert after > place, "a viewer that gets nowhere would be served without end"
        seen, place = seen + data, after
    return seen


@pytest.mark.parametrize("limit", [1, 999, 1000, 65_536])
def test_who_watches_gets_what_no_file_holds(
    pipe: tuple[int, int], terminal: tuple[int, int], limit: int
) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    spool = begin(terminal[0], pipe, log, Board())
    pump(spool, terminal[1], EVERY_BYTE[:3000])
    assert follow(spool, 0, limit) == EVERY_BYTE[:3000]
    assert follow(spool, 1234, limit) == EVERY_BYTE[1234:3000]
    assert follow(spool, 3000, limit) == b""
    os.close(log)


def test_what_was_given_up_is_passed_over(pipe: tuple[int, int], terminal: tuple[int, int]) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    spool = begin(terminal[0], pipe, log, Board())
    data = os.urandom(BACKLOG_LIMIT + 70_000)
    for at in range(0, len(data), 64 * 1024):
        pump(spool, terminal[1], data[at : at + 64 * 1024])
    assert follow(spool, 10, 65_536) == follow(spool, 70_000, 65_536) == data[70_000:]
    assert follow(spool, 80_000, 65_536) == data[80_000:]
    os.close(log)


def test_output_that_is_written_off_is_lost_but_can_still_be_read(
    pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    board = Board()
    spool = begin(terminal[0], pipe, log, board)
    pump(spool, terminal[1], b"0123456789")
    spool.write_off()
    spool.write_off()
    assert (board.lost_bytes, board.gap_bytes, board.backlog_bytes) == (10, 10, 0)
    assert not spool.retry()
    assert follow(spool, 0) == b"0123456789"
    os.close(log)


# A disk that fills up and is emptied: a file-size limit, in a process of its own.
BEGIN = """
import json, os, resource, sys
from mlterm.system.board import Board
from mlterm.system.spool import BACKLOG_LIMIT, Spool

def allow(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else hard, hard))

def feed(data):
    for at in range(0, len(data), 4096):
        os.write(into, data[at:at + 4096])
        spool.move()

def say(**facts):
    facts |= {name: getattr(board, name)
              for name in ("backlog_bytes", "gap_offset", "gap_bytes", "lost_bytes")}
    facts |= {"offset": spool.offset, "backlog": len(spool.backlog),
              "failed": spool.failure is not None, "end": spool.end}
    print(json.dumps(facts))

flags = os.O_APPEND if sys.argv[2] == "append" else 0
log = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | flags)
out, into = os.pipe()
pipe = os.pipe()
for end in (out, *pipe):
    os.set_blocking(end, False)
board = Board()
spool = Spool(out, pipe, log, board)
spool.recover()
data = bytes(range(256)) * 40
"""


def on_a_small_disk(path: Path, code: str, how: str = "splice") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, str(path), how],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("how", ["splice", "append"])
def test_what_was_kept_is_written_in_its_place_once_there_is_room(tmp_path: Path, how: str) -> None:
    code = """
allow(1000)
feed(data)
say()
allow(3000)
say(retried=spool.retry())
allow(-1)
say(retried=spool.retry())
feed(b"after")
say()
"""
    full, partly, room, after = on_a_small_disk(tmp_path / "log", code, how)
    assert (full["offset"], full["backlog"], full["failed"]) == (1000, 9240, True)
    assert (full["end"], full["backlog_bytes"]) == (10_240, 9240)
    assert (partly["retried"], partly["offset"], partly["backlog"]) == (False, 3000, 7240)
    assert partly["backlog_bytes"] == 7240
    assert (room["retried"], room["offset"], room["backlog_bytes"]) == (True, 10_240, 0)
    assert not room["failed"]
    assert (after["offset"], after["end"], after["lost_bytes"]) == (10_245, 10_245, 0)
    assert (tmp_path / "log").read_bytes() == bytes(range(256)) * 40 + b"after"


@pytest.mark.parametrize("how", ["splice", "append"])
def test_what_was_given_up_is_the_oldest_and_its_place_is_known(tmp_path: Path, how: str) -> None:
    code = """
allow(1000)
feed(b"a" * 1000 + b"b" * 5000 + b"c" * (BACKLOG_LIMIT - 100))
say()
allow(-1)
spool.retry()
say()
"""
    full, room = on_a_small_disk(tmp_path / "log", code, how)
    assert (full["gap_offset"], full["gap_bytes"], full["lost_bytes"]) == (1000, 4900, 4900)
    assert full["backlog"] == BACKLOG_LIMIT
    assert room["lost_bytes"] == 4900
    written = b"a" * 1000 + b"b" * 100 + b"c" * (BACKLOG_LIMIT - 100)
    assert (tmp_path / "log").read_bytes() == written


def seen_and_resumed(path: Path, lost: int) -> list[dict[str, Any]]:
    """A thousand bytes on disk, some lost, some in memory; then there is room again. For
    viewers that have seen so much: what they are sent, and where in the file they go on."""
    code = f"""
allow(1000)
feed(b"a" * 1000 + b"b" * {lost} + b"c" * (BACKLOG_LIMIT if {lost} else 5000))
places = [1000, 1001, 1000 + {lost}, 1500 + {lost}, spool.end]
sent = [spool.read(place, 10)[0].decode() for place in places]
allow(-1)
assert spool.retry()
say(sent=sent, resumed=[spool.place(place) for place in places])
spool.settle()
feed(b"d" * 100)
say(resumed=spool.place(spool.offset))
"""
    return on_a_small_disk(path, code)


def test_viewers_go_on_in_the_file_where_they_were(tmp_path: Path) -> None:
    again, settled = seen_and_resumed(tmp_path / "log", 0)
    assert again["sent"] == ["c" * 10] * 4 + [""]
    assert again["resumed"] == [1000, 1001, 1000, 1500, 6000]
    assert settled["resumed"] == 6100


def test_viewers_go_on_behind_the_gap_and_see_nothing_twice(tmp_path: Path) -> None:
    again, settled = seen_and_resumed(tmp_path / "log", 300)
    assert again["sent"] == ["c" * 10] * 4 + [""]
    assert again["resumed"] == [1000, 1000, 1000, 1500, 1000 + BACKLOG_LIMIT]
    assert settled["resumed"] == 1100 + BACKLOG_LIMIT
    written = b"a" * 1000 + b"c" * BACKLOG_LIMIT + b"d" * 100
    assert (tmp_path / "log").read_bytes() == written


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut off by somebody"])
def test_a_viewer_that_is_behind_reads_what_was_written_meanwhile(
    tmp_path: Path, cut: bool
) -> None:
    code = f"""
allow(1000)
feed(b"a" * 1000 + b"b" * 2000)
allow(1500)
assert not spool.retry()
if {cut}:
    os.truncate(sys.argv[1], 0)  # to make room
place, seen = 1000, b""
for _ in range(100):
    data, place = spool.read(place, 300)
    seen += data
say(place=place, seen=len(seen))
"""
    (end,) = on_a_small_disk(tmp_path / "log", code)
    assert end["place"] == end["end"] == 3000
    assert end["seen"] == (1500 if cut else 2000)


@pytest.mark.parametrize("how", ["splice", "append"])
def test_the_next_keeper_counts_what_the_first_could_not_write(tmp_path: Path, how: str) -> None:
    code = """
allow(1000)
feed(data)
spool = Spool(out, pipe, log, board)
spool.recover()
allow(-1)
feed(b"after")
say()
"""
    (end,) = on_a_small_disk(tmp_path / "log", code, how)
    assert (end["gap_offset"], end["gap_bytes"], end["offset"]) == (1000, 9240, 1005)
    assert (tmp_path / "log").read_bytes() == (bytes(range(256)) * 4)[:1000] + b"after"


def test_a_pipe_that_was_left_full_on_a_full_disk_is_kept_too(tmp_path: Path) -> None:
    code = """
os.write(pipe[1], data)
allow(1000)
spool = Spool(out, pipe, log, board)
spool.recover()
say()
allow(-1)
spool.retry()
"""
    (full,) = on_a_small_disk(tmp_path / "log", code)
    assert (full["offset"], full["backlog"]) == (1000, 9240)
    assert (tmp_path / "log").read_bytes() == bytes(range(256)) * 40


def test_where_the_system_has_no_splice_bytes_are_read_and_written(tmp_path: Path) -> None:
    """As on macOS, where ``os.splice`` is missing from the beginning."""
    code = "import os; del os.splice\n" + BEGIN + 'feed(data); say(has=hasattr(os, "splice"))\n'
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log"), "splice"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not json.loads(done.stdout)["has"]
    assert (tmp_path / "log").read_bytes() == bytes(range(256)) * 40
