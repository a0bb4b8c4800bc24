from pathlib import Path

import pytest

from mlterm.system.paths import RunFiles
from mlterm.system.transcript import Transcript


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    made = RunFiles(tmp_path / "p_r.jsonl")
    made.folder.mkdir()
    made.output.write_bytes(b"")
    made.index.write_bytes(b"")
    return made


def add(files: RunFiles, data: bytes, moment: float) -> None:
    with files.output.open("ab") as log:
        log.write(data)
    with files.index.open("ab") as index:
        index.write(b'{"t":%.3f,"offset":%d}\n' % (moment, files.output.stat().st_size))


def test_bytes_come_with_the_time_by_which_they_were_there(files: RunFiles) -> None:
    add(files, b"one", 0.1)
    add(files, b"two", 0.2)
    transcript = Transcript(files)
    assert list(transcript.read()) == [(b"one", 0.1), (b"two", 0.2)]
    assert list(transcript.read()) == []
    add(files, b"three", 0.3)
    assert list(transcript.read()) == [(b"three", 0.3)]
    assert transcript.offset == 11


def test_what_the_index_does_not_tell_of_comes_last(files: RunFiles) -> None:
    add(files, b"one", 0.1)
    with files.output.open("ab") as log:
        log.write(b"rest")
    transcript = Transcript(files)
    assert list(transcript.read()) == [(b"one", 0.1)]
    assert list(transcript.read_rest()) == [(b"rest", 0.1)]


def test_a_torn_line_of_the_index_is_passed_over(files: RunFiles) -> None:
    add(files, b"one", 0.1)
    with files.index.open("ab") as index:
        index.write(b'{"t":0.1\n{"t":0.2,"off')
    transcript = Transcript(files)
    assert list(transcript.read()) == [(b"one", 0.1)]
    with files.index.open("ab") as index:
        index.write(b'set":3}\n')
    add(files, b"two", 0.3)
    assert list(transcript.read()) == [(b"two", 0.3)]


def test_a_part_is_read_from_its_beginning_to_its_end(files: RunFiles) -> None:
    add(files, b"first", 5.0)
    add(files, b"second", 0.1)
    transcript = Transcript(files, start=5, end=8)
    assert [*transcript.read(), *transcript.read_rest()] == [(b"sec", 0.1)]


def test_without_an_index_there_are_no_times(files: RunFiles) -> None:
    add(files, b"one", 0.1)
    files.index.unlink()
    transcript = Transcript(files)
    assert list(transcript.read()) == []
    assert list(transcript.read_rest()) == [(b"one", None)]
