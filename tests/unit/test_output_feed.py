"""The output by its places: lines, searching, and when what was printed."""

import json
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.clean import Cleaner
from mlterm.core.records import encode
from mlterm.feed import moments
from mlterm.feed.moments import Moments
from mlterm.feed.output import BLOCK, Output
from mlterm.feed.search import Search
from mlterm.system.paths import RunFiles


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    found = RunFiles(tmp_path_factory.mktemp("run") / "p_r.jsonl")
    found.folder.mkdir()
    return found


def output(files: RunFiles, data: bytes) -> Output:
    files.output.write_bytes(data)
    made = Output(files)
    assert made.size == len(data)
    return made


def starts(data: bytes) -> list[int]:
    """Where lines begin: behind a newline, and behind a block that has none."""
    found = [0, *(match.end() for match in re.finditer(b"\n", data))]
    found += [at for at in range(BLOCK, len(data), BLOCK) if b"\n" not in data[at - BLOCK : at]]
    return sorted({at for at in found if at < len(data)})


def lines(data: bytes) -> list[tuple[int, bytes]]:
    begins = starts(data)
    return [(begin, data[begin:end]) for begin, end in pairwise([*begins, len(data)])]


PIECES = st.one_of(
    st.sampled_from([b"\n", b"\r\n", b"a", b"needle", b"Needle", b"nee\x1b[31mdle\x1b[0m", b"\r",
                     b"\x1b[K", "損失é".encode(), b"\xff", b" 50%|##  |\r", b"need", b"le"]),
    st.tuples(st.sampled_from([b"x", b"ab " * 400 + b"\n"]),
              st.sampled_from([1, BLOCK // 3, BLOCK - 3, BLOCK, BLOCK + 1, 2 * BLOCK + 5]))
    .map(lambda both: (both[0] * both[1])[: both[1]]),
)  # fmt: skip
LOGS = st.lists(PIECES, max_size=8).map(b"".join)


@settings(max_examples=30, deadline=None)
@given(LOGS)
def test_lines_are_the_same_from_wherever_one_comes(files: RunFiles, data: bytes) -> None:
    made = output(files, data)
    expected = lines(data)
    some = expected[:5] + expected[-5:] if len(expected) > 300 else expected
    for begin, line in some:
        assert made.line(begin) == line
        assert len(line) <= 2 * BLOCK
        for at in (begin, begin + len(line) // 2, begin + len(line) - 1):
            assert made.start_of_line(at) == begin
    back = [*made.lines_before(made.size)] if len(expected) < 3000 else None
    assert back in (None, [begin for begin, _ in reversed(expected)])
    whole = b""
    for number in range(-(-len(data) // BLOCK)):
        begin, block = made.lines_of(number)
        assert not block or begin == len(whole)
        whole += block
    assert whole == data
    made.close()


def test_there_may_be_no_output_yet(files: RunFiles) -> None:
    files.output.unlink(missing_ok=True)
    made = Output(files)
    assert (made.size, made.line(0), made.start_of_line(0)) == (0, b"", 0)
    files.output.write_bytes(b"one\ntwo")
    assert (made.size, made.line(4)) == (7, b"two")
    with files.output.open("ab") as file:
        file.write(b" more\n")
    assert (made.size, made.line(4)) == (13, b"two more\n")


def test_a_block_that_was_read_before_it_was_full_is_read_again(files: RunFiles) -> None:
    made = output(files, b"x" * (BLOCK - 2))
    assert made.line(0) == b"x" * (BLOCK - 2)
    with files.output.open("ab") as file:
        file.write(b"yz\nend")
    assert made.line(0) == b"x" * (BLOCK - 2) + b"yz"
    assert made.line(BLOCK) == b"\n"


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    pread = os.pread

    def counted(fd: int, length: int, offset: int) -> bytes:
        data = pread(fd, length, offset)
        found.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    return found


def test_of_a_large_log_only_what_is_asked_for_is_read(
    files: RunFiles, bytes_read: list[int]
) -> None:
    tail = b"".join(b"step %d loss 0.5\n" % step for step in range(1000))
    with files.output.open("wb") as file:
        file.truncate(4 * 2**30)
        file.seek(4 * 2**30)
        file.write(b"\n" + tail)
    made = Output(files)
    back = made.lines_before(made.size)
    shown = [made.line(next(back)) for _ in range(100)]
    assert shown[0] == b"step 999 loss 0.5\n"
    assert made.line(2 * 2**30) == bytes(BLOCK)
    assert sum(bytes_read) < 40 * BLOCK
    files.output.unlink()


# --- Searching ------------------------------------------------------------------------------


def cleaned(line: bytes) -> str:
    cleaner = Cleaner(colour=False)
    return (cleaner.feed(line) + cleaner.finish()).decode("utf-8", "replace").rstrip("\n")


def find(made: Output, pattern: str, start: int, *, forward: bool) -> int | None:
    search = Search(made, pattern, start, forward=forward)
    seen = 0.0
    while not search.is_done:
        assert seen <= search.progress <= 1
        seen = search.progress
        search.step()
    return search.found


@settings(max_examples=30, deadline=None)
@given(
    LOGS, st.sampled_from(["needle", "Needle", "x", "dle", "失", "é", "ab", "xx"]), st.booleans(),
    st.integers(0, 100),
)  # fmt: skip
def test_a_search_finds_what_looking_at_every_line_finds(
    files: RunFiles, data: bytes, pattern: str, forward: bool, percent: int
) -> None:
    made = output(files, data)
    begins = [*starts(data), len(data)]
    start = begins[percent * (len(begins) - 1) // 100]
    smart = str if pattern != pattern.lower() else str.lower
    those = [
        begin
        for begin, line in lines(data)
        if (begin >= start) == forward and pattern in smart(cleaned(line))
    ]
    expected = (those[0] if forward else those[-1]) if those else None
    assert find(made, pattern, start, forward=forward) == expected
    made.close()


@pytest.mark.parametrize(
    ("pattern", "line"),
    [("loss", b"LOSS"), ("Loss", b"Loss"), ("één", "ÉÉN".encode()), ("done", b"50%\rdone"),
     ("red", b"\x1b[31mr\x1b[1med"), ("b", b"a\r\n\nb\r")],
)  # fmt: skip
def test_what_a_person_sees_is_found(files: RunFiles, pattern: str, line: bytes) -> None:
    made = output(files, b"first\n" * 9 + line + b"\nlast\n")
    begin = 54 + line.rfind(b"\n") + 1
    assert find(made, pattern, 0, forward=True) == begin
    assert find(made, pattern, made.size, forward=False) == begin


@pytest.mark.parametrize("pattern", ["Los", "50%", "[31m", "\x1b", "", "one\ntwo"])
def test_what_nobody_sees_is_not(files: RunFiles, pattern: str) -> None:
    made = output(files, b"loss\n 50%\rdone\n\x1b[31mred\x1b[0m\n")
    assert find(made, pattern, 0, forward=True) is None


def test_an_empty_log_is_searched_at_once(files: RunFiles) -> None:
    made = output(files, b"")
    for forward in (False, True):
        assert find(made, "x", 0, forward=forward) is None
    assert Search(made, "x", 0, forward=True).progress == 1


# --- When -----------------------------------------------------------------------------------

PARTS = st.lists(
    st.lists(st.tuples(st.floats(0.1, 9), st.integers(1, 500)), max_size=60), max_size=4
)


@settings(max_examples=100, deadline=None)
@given(PARTS, st.floats(-5, 300), st.lists(st.integers(0, 200), max_size=5))
def test_a_moment_is_found_as_by_reading_the_whole_index(
    files: RunFiles, parts: list[list[tuple[float, int]]], seconds: float, torn: list[int]
) -> None:
    records, listed = [], []
    offset = begin = 0
    for part in parts or [[]]:
        begin = offset
        records.append({"type": "run", "schema": 1, "output_offset": begin})
        t = 0.0
        for pause, printed in part:
            t, offset = round(t + pause, 3), offset + printed
            listed.append((t, offset))
    files.run.write_bytes(b"".join(map(encode, records)))
    told = [json.dumps({"t": t, "offset": offset}).encode() for t, offset in listed]
    for place in torn:
        if place < len(told):
            told[place] = told[place][:9] + (told[place + 1] if place + 1 < len(told) else b"")
    files.index.write_bytes(b"\n".join(told) + (b"\n" if len(torn) % 2 else b'\n{"t":1'))
    found = 0
    for line in told:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["offset"] <= begin or entry["t"] <= seconds:
            found = entry["offset"]
    assert Moments(files).offset_at(seconds) == found


def test_an_index_with_a_long_torn_place_is_read_on_behind_it(files: RunFiles) -> None:
    files.run.write_bytes(b"")
    files.index.write_bytes(b'{"t":1,"offset":5}\n' + b"\0" * 5000 + b'\n{"t":2,"offset":9}\n')
    assert [Moments(files).offset_at(t) for t in (0, 1, 2)] == [0, 5, 9]
    files.index.unlink()
    assert Moments(files).offset_at(1) is None


def test_an_index_is_not_read_as_a_whole(
    files: RunFiles, tmp_path: Path, bytes_read: list[int]
) -> None:
    files.run.write_bytes(b"")
    files.index.write_bytes(b"".join(b'{"t":%d,"offset":%d}\n' % (t, 9 * t) for t in range(10**5)))
    assert Moments(files).offset_at(70_000.5) == 630_000
    assert sum(bytes_read) < 30 * moments._WINDOW
