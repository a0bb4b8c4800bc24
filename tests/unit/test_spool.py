"""Real terminals and pipes, real files; a full disk is a file-size limit or /dev/full."""

import json
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
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


def begin(
    source: int,
    pipe: tuple[int, int],
    log: int,
    board: Board,
    on_unwritten: Callable[[bytes], None] = lambda data: None,
) -> Spool:
    """As a keeper begins, be it the first or the next."""
    spool = Spool(source, pipe, log, board, on_unwritten)
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
    handed_on: list[bytes] = []
    spool = begin(terminal[0], pipe, log, board, handed_on.append)
    pump(spool, terminal[1], EVERY_BYTE)
    assert b"".join(handed_on) == spool.backlog == EVERY_BYTE
    assert "No space left" in str(spool.failure)
    assert (spool.offset, board.backlog_bytes) == (0, len(EVERY_BYTE))
    assert (board.lost_bytes, board.gap_bytes) == (0, 0)
    assert not spool.retry()
    assert spool.backlog == EVERY_BYTE
    os.close(log)


def test_on_a_full_disk_memory_is_bounded_and_the_loss_is_counted(
    pipe: tuple[int, int], terminal: tuple[int, int]
) -> None:
    log = os.open("/dev/full", os.O_RDWR)
    board = Board()
    handed_on = bytearray()
    spool = begin(terminal[0], pipe, log, board, handed_on.extend)
    data = os.urandom(64 * 1024) * 70
    surplus = len(data) - BACKLOG_LIMIT
    for at in range(0, len(data), 64 * 1024):
        pump(spool, terminal[1], data[at : at + 64 * 1024])
    assert spool.backlog == data[surplus:]
    assert handed_on == data
    assert board.backlog_bytes == BACKLOG_LIMIT
    assert board.lost_bytes == board.gap_bytes == surplus
    assert board.gap_offset == 0
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
              "failed": spool.failure is not None, "handed_on": len(handed_on)}
    print(json.dumps(facts))

flags = os.O_APPEND if sys.argv[2] == "append" else 0
log = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | flags)
out, into = os.pipe()
pipe = os.pipe()
for end in (out, *pipe):
    os.set_blocking(end, False)
board, handed_on = Board(), bytearray()
spool = Spool(out, pipe, log, board, handed_on.extend)
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
    assert (full["handed_on"], full["backlog_bytes"]) == (9240, 9240)
    assert (partly["retried"], partly["offset"], partly["backlog"]) == (False, 3000, 7240)
    assert partly["backlog_bytes"] == 7240
    assert (room["retried"], room["offset"], room["backlog_bytes"]) == (True, 10_240, 0)
    assert not room["failed"]
    assert after["handed_on"] == 9240
    assert after["lost_bytes"] == 0
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
spool = Spool(out, pipe, log, board, handed_on.extend)
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
