import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.pidfiles import (
    Stat,
    parse_environ,
    parse_io,
    parse_rollup,
    parse_stat,
    parse_words,
)

REST = "S 17 100 100 34816 100 4194304 1 2 3 4 120 30 7 5 20 0 9 0 4711 1234567 890 18446744 1 1"


def line(name: bytes) -> bytes:
    return b"4242 (" + name + b") " + REST.encode() + b"\n"


def test_a_process_is_read_from_its_line() -> None:
    assert parse_stat(line(b"python")) == Stat(
        pid=4242, name="python", state="S", ppid=17, session=100, own_ticks=150, waited_ticks=12,
        threads=9, started_ticks=4711, rss_pages=890,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a) R 1 1", "a) R 1 1"),
        (b"a\nb", "a\\nb"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b" ( ", " ( "),
    ],
)
def test_a_name_may_hold_anything_and_is_shown_without_tricks(name: bytes, shown: str) -> None:
    stat = parse_stat(line(name))
    assert (stat.name, stat.state, stat.ppid) == (shown, "S", 17)


@given(st.binary(max_size=15).filter(lambda name: b"\0" not in name))
def test_no_name_moves_the_fields(name: bytes) -> None:
    assert parse_stat(line(name))[2:] == parse_stat(line(b"x"))[2:]


@pytest.mark.parametrize("data", [b"", b"4242 (python) S 1 2", b"nothing", b"x (y) " + b"z " * 30])
def test_what_is_no_stat_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no /proc/PID/stat|invalid literal"):
        parse_stat(data)


def test_io_is_what_went_to_storage_without_what_was_taken_back() -> None:
    text = (
        b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\n"
        b"read_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1024\n"
    )
    assert parse_io(text) == (4096, 7168)


def test_pss_and_uss_are_read_from_the_rollup() -> None:
    text = (
        b"55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:    900 kB\nPss:    700 kB\n"
        b"Pss_Dirty: 1 kB\nPrivate_Clean:   100 kB\nPrivate_Dirty:   400 kB\n"
        b"Private_Hugetlb:   2048 kB\nLocked:  0 kB\n"
    )
    assert parse_rollup(text) == (700 * 1024, 2548 * 1024)


@pytest.mark.parametrize("parse", [parse_io, parse_rollup])
def test_a_file_that_lacks_its_fields_is_refused(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(KeyError):
        parse(b"Something: 1 kB\n")


def test_words_and_environment_need_not_be_text() -> None:
    assert parse_words(b"python\0\0-c\0\xff\0") == ("python", "", "-c", "\udcff")
    assert parse_words(b"") == ()
    assert parse_words(b"renamed by itself") == ("renamed by itself",)
    assert parse_environ(b"A=1\0B=x=y\0C\0D=\xff\0") == {"A": "1", "B": "x=y", "D": "\udcff"}


@pytest.mark.linux
def test_our_own_process_is_read() -> None:
    with open("/proc/self/stat", "rb") as file:
        stat = parse_stat(file.read())
    assert (stat.pid, stat.ppid, stat.session) == (os.getpid(), os.getppid(), os.getsid(0))
    assert stat.state == "R"
    assert stat.rss_pages > 100
