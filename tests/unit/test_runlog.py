import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from mlterm.core.records import decode_lines
from mlterm.system import runlog
from mlterm.system.runlog import RESERVE_BYTES, RunLog


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB, the room for one reserve and little else."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.call(mount) != 0:
        pytest.skip("a file system can be mounted only by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def write_without_end(file: BinaryIO, size: int) -> None:
    while True:
        file.write(b"x" * size)


def append_without_end(log: RunLog) -> None:
    while True:
        log.append({"type": "metrics", "text": "x" * 8000})


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with open(folder / "ballast", "ab", buffering=0) as ballast:
        for size in (65536, 1):
            with pytest.raises(OSError, match="No space left"):
                write_without_end(ballast, size)


def read(path: Path) -> list[dict[str, object]]:
    return list(decode_lines(path.read_bytes()))


def test_each_record_is_a_line(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "r.jsonl")
    log.append({"a": 1})
    log.append_last({"b": 2})
    log.close()
    assert (tmp_path / "r.jsonl").read_bytes() == b'{"a":1}\n{"b":2}\n'


def test_a_torn_last_line_of_another_writer_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"a":1}\n{"torn":')
    log = RunLog(path)
    log.append({"b": 2})
    log.append({"c": 3})
    log.close()
    assert path.read_bytes() == b'{"a":1}\n{"torn":\n{"b":2}\n{"c":3}\n'


def test_a_file_that_ends_whole_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"a":1}\n')
    log = RunLog(path)
    log.append({"b": 2})
    log.close()
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n'


def test_records_of_forks_all_stand_whole(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "r.jsonl")
    pids = []
    for who in range(4):
        pid = os.fork()
        if not pid:
            try:
                for number in range(100):
                    log.append({"who": who, "number": number, "text": "x" * 500})
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    log.close()
    found = [(record["who"], record["number"]) for record in read(tmp_path / "r.jsonl")]
    assert sorted(found) == [(who, number) for who in range(4) for number in range(100)]


SHORT_WRITE = """
import os, resource, sys
from mlterm.system.runlog import RunLog

def allow(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else hard, hard))

log = RunLog(sys.argv[1])
log.append({"a": 1})
other = RunLog(sys.argv[1])
allow(20)
try:
    log.append({"torn": "x" * 100})
except OSError as error:
    print("refused", error.errno)
assert os.path.getsize(sys.argv[1]) == 20
allow(-1)
"""


def after_a_short_write(path: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SHORT_WRITE + code, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_a_short_write_the_next_record_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    said = after_a_short_write(path, 'log.append({"b": 2}); log.append({"c": 3})')
    assert said == f"refused {errno.ENOSPC}\n"
    assert read(path) == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert path.read_bytes().count(b"\n") == 4


def test_a_write_that_wrote_nothing_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    code = """
log.append({"b": 2})
allow(os.path.getsize(sys.argv[1]))
try:
    log.append({"lost": 1})
except OSError as error:
    print("refused")
allow(-1)
log.append({"c": 3})
"""
    assert after_a_short_write(path, code).endswith("refused\n")
    assert read(path) == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert b"\n\n" not in path.read_bytes()


def test_after_a_short_write_another_writers_record_stands_whole_too(tmp_path: Path) -> None:
    """The observer's torn record must not spoil the keeper's finish, nor a dead keeper's the
    next one's."""
    path = tmp_path / "r.jsonl"
    after_a_short_write(path, 'other.append_last({"type": "finish"})')
    assert read(path) == [{"a": 1}, {"type": "finish"}]


def test_room_is_kept_and_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "r.jsonl", tmp_path / ".reserve")
    log.keep_room()
    log.keep_room()
    assert (tmp_path / ".reserve").stat().st_size == RESERVE_BYTES
    log.drop_room()
    log.drop_room()
    assert not (tmp_path / ".reserve").exists()
    log.close()


def test_a_log_without_a_reserve_keeps_none(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "r.jsonl")
    log.keep_room()
    log.drop_room()
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]
    log.close()


@pytest.mark.root
def test_on_a_full_disk_the_reserve_is_given_up_for_the_last_record(small_disk: Path) -> None:
    log = RunLog(small_disk / "r.jsonl", small_disk / ".reserve")
    log.keep_room()
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        append_without_end(log)
    before = read(small_disk / "r.jsonl")
    log.append_last({"type": "finish", "tail": "x" * 60_000})
    assert not (small_disk / ".reserve").exists()
    assert read(small_disk / "r.jsonl") == [*before, {"type": "finish", "tail": "x" * 60_000}]
    log.close()


@pytest.mark.root
def test_the_last_record_leaves_the_reserve_alone_where_there_is_room(small_disk: Path) -> None:
    log = RunLog(small_disk / "r.jsonl", small_disk / ".reserve")
    log.keep_room()
    log.append_last({"type": "finish"})
    assert (small_disk / ".reserve").exists()
    log.close()


@pytest.mark.root
def test_where_there_is_no_room_for_the_reserve_it_is_said(small_disk: Path) -> None:
    log = RunLog(small_disk / "r.jsonl", small_disk / ".reserve")
    with open(small_disk / "ballast", "wb") as ballast:
        ballast.write(b"x" * 300 * 1024)
    with pytest.raises(OSError, match="No space left"):
        log.keep_room()
    log.close()


def test_a_line_that_is_just_being_written_is_not_taken_for_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning shows first where it goes across a page's end."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"begun":')
    monkeypatch.setattr("time.sleep", lambda _: path.write_bytes(b'{"begun":1}\n'))
    log = RunLog(path)
    log.append({"x": 2})
    log.close()
    assert path.read_bytes() == b'{"begun":1}\n{"x":2}\n'


def test_a_line_that_stays_torn_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"torn":')
    monkeypatch.setattr(runlog, "_LOOKS_SECONDS", 0.0)
    log = RunLog(path)
    log.append({"x": 2})
    log.close()
    assert path.read_bytes() == b'{"torn":\n{"x":2}\n'
