"""The pane of the output: what a person at less sees, over a log that grows."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.records import encode
from mlterm.feed.output import BLOCK
from mlterm.system.paths import RunFiles
from mlterm.ui.lines import rows_of
from mlterm.ui.output import OutputPane
from mlterm.ui.rows import Row, row_width, text_of
from mlterm.ui.state import State

COLUMNS, ROWS = 20, 6
RED = "@dark red/default"


class Bench:
    """A pane over a log."""

    def __init__(self, folder: Path, data: bytes | None = None, start: int = 0) -> None:
        self.files = RunFiles(folder / "p_r.jsonl")
        self.files.folder.mkdir(exist_ok=True)
        if data is not None:
            self.files.output.write_bytes(data)
        self.pane = OutputPane(self.files, start)
        self.settle()

    def add(self, data: bytes) -> None:
        with self.files.output.open("ab") as file:
            file.write(data)
        self.settle()

    def settle(self) -> None:
        self.drawn()
        while self.pane.step(0.01):
            pass

    def drawn(self, columns: int = COLUMNS, rows: int = ROWS) -> list[Row]:
        drawn = self.pane.draw(State(80, 24), columns, rows + 1, focused=True)
        assert len(drawn) == rows + 1
        assert {row_width(row) for row in drawn} == {columns}
        return drawn[1:]

    def shown(self, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
        return [text.rstrip() for text in text_of(self.drawn(columns, rows))]

    def title(self, columns: int = 60) -> str:
        (text,) = text_of(self.pane.draw(State(80, 24), columns, ROWS + 1, focused=True)[:1])
        self.drawn()
        return text

    def find(self, pattern: str) -> list[str]:
        self.pane.search(pattern)
        self.settle()
        return self.shown()

    def find_on(self, direction: int) -> list[str]:
        self.pane.search_on(direction)
        self.settle()
        return self.shown()

    def spans(self, style: str) -> list[str]:
        return [text for row in self.drawn() for name, text in row if name == style]


def numbered(count: int, first: int = 0) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(first, first + count))


def names(first: int, count: int = ROWS) -> list[str]:
    return [f"line {number}" for number in range(first, first + count)]


# --- Moving ---------------------------------------------------------------------------------


def test_the_first_page_up_goes_on_from_what_the_screen_showed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    assert bench.shown() == [*names(95, 5), ""]
    bench.pane.scroll(-1)
    assert bench.shown() == names(94)
    bench.pane.scroll(-(ROWS - 1))
    assert bench.shown() == names(89)


@pytest.mark.parametrize("tail", [b"no newline", b"wrapped " * 9, b"50%\r60%", "損".encode() * 25])
def test_it_does_so_from_within_a_line_too(tmp_path: Path, tail: bytes) -> None:
    bench = Bench(tmp_path, numbered(100) + tail)
    before = bench.shown()
    bench.pane.scroll(-1)
    assert bench.shown()[1:] == before[:-1]


def test_and_where_the_screen_is_not_full(tmp_path: Path) -> None:
    before = numbered(50)
    bench = Bench(tmp_path, before + b"a\nb\n", start=len(before))
    assert bench.shown() == ["a", "b", "", "", "", ""]
    bench.pane.scroll(-1)
    assert bench.shown() == ["line 49", "a", "b", "", "", ""]
    bench.pane.scroll(1)
    assert bench.pane.follows


def test_below_the_end_the_output_is_followed_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.pane.scroll(-10)
    for _ in range(9):
        bench.pane.scroll(1)
        assert not bench.pane.follows
    bench.pane.scroll(1)
    assert bench.pane.follows
    bench.pane.scroll(5)
    assert bench.shown() == [*names(95, 5), ""]
    bench.pane.to_start()
    bench.pane.scroll(10_000)
    assert bench.pane.follows


def test_start_and_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.pane.to_start()
    assert bench.shown() == names(0)
    bench.pane.scroll(-5)
    assert bench.shown() == names(0)
    bench.pane.scroll(ROWS)
    assert bench.shown() == names(ROWS)
    bench.pane.to_end()
    assert bench.pane.follows
    assert "following" in bench.title()


def test_the_page_does_not_move_when_the_log_grows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.pane.scroll(-3)
    before = bench.shown()
    bench.add(numbered(10_000, 100))
    assert bench.shown() == before
    assert "0%" in bench.title()
    bench.pane.to_end()
    assert bench.shown() == [*names(10_095, 5), ""]


def test_a_line_that_is_being_written_grows_in_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(9) + b"half")
    bench.pane.scroll(-1)
    assert bench.shown() == names(3, 6)
    bench.pane.scroll(-1)
    bench.add(b" whole\nnext\n")
    bench.pane.scroll(2)
    assert bench.shown() == [*names(4, 5), "half whole"]


def test_a_log_may_be_empty_or_come_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for move in (lambda: bench.pane.scroll(-3), bench.pane.to_start, lambda: bench.pane.show(7)):
        move()
        assert bench.shown() == [""] * ROWS
        assert "empty" in bench.title()
    assert bench.find("x") == [""] * ROWS
    bench.pane.to_end()
    bench.add(b"here\n")
    assert bench.shown()[0] == "here"


LINES = st.one_of(
    st.sampled_from([b"", b"\x1b[31mred\x1b[0m and more words", "損失".encode() * 13,
                     b" 10%|#  |\r 99%|###|", b"a\tb", b"dos\r", b"x" * 45, b"\xff\xfe"]),
    st.text("ab é損█", max_size=50).map(str.encode),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(LINES, max_size=30), st.booleans(),
    st.lists(st.integers(-9, 9), max_size=20), st.integers(2, 30), st.integers(1, 9),
)  # fmt: skip
def test_pages_are_windows_on_all_rows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ended: bool, moves: list[int],
    columns: int, rows: int,
) -> None:  # fmt: skip
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    every = [row for line in _split(data) for row in rows_of(line, columns)]
    texts = [text.rstrip() for text in text_of(every)]
    bench = Bench(tmp_path_factory.mktemp("run"), data)
    bench.drawn(columns, rows)
    bench.pane.to_start()
    at = 0
    bottom = max(0, len(texts) + data.endswith(b"\n") - rows)
    for move in moves:
        if bench.pane.follows:
            break
        expected = [*texts[at : at + rows], *([""] * rows)][:rows]
        assert bench.shown(columns, rows) == expected
        bench.pane.scroll(move)
        at = max(0, at + move)
        assert bench.pane.follows == (move > 0 and at >= bottom)
    bench.pane.close()


def _split(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + (
        [last] if (last := data.split(b"\n")[-1]) else []
    )


# --- Lines as rows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"dos\r\n", ["dos"]),
        (b" 50%|##  |\r100%|####|\n", ["100%|####|"]),
        (b"long state 50%\rdone\x1b[K", ["done"]),
        (b"ab\x08c", ["ac"]),
        ("x損失".encode(), ["x損", "失"]),
        (b"12345678", ["1234", "5678"]),
        (b"a\tb", ["a   ", "    ", "b"]),
        (b"\x1b]0;title\x07ok\x1b[5A", ["ok"]),
        ("a\u202eb\u2028c".encode(), ["abc"]),
        (b"\xc2\x9b31m", ["31m"]),
        ("\u26a0\ufe0f  a\u200bb".encode(), ["\u26a0  ab"]),
        (b"", [""]),
    ],
)
def test_a_line_is_what_a_terminal_would_show_of_it(line: bytes, expected: list[str]) -> None:
    columns = 4 if b"12345" in line or "損".encode() in line or b"\t" in line else 20
    assert text_of(rows_of(line, columns)) == expected


def test_colours_and_common_signs_are_kept() -> None:
    (row,) = rows_of(b"a \x1b[31mred\x1b[0m b", 20)
    assert row == [("", "a "), (RED, "red"), ("", " b")]
    assert rows_of("█▌ — “é”".encode(), 20) == [[("", "█▌ — “é”")]]


def test_of_a_long_bar_the_last_state_is_shown_and_of_a_long_text_all() -> None:
    states = b"".join(b"\r%3d%%|bar|" % (n % 101) for n in range(10_000))
    assert text_of(rows_of(states + b"\r100%|bar|", 20)) == ["100%|bar|"]
    text = b"\x1b[1mword \x1b[0m" * 8000
    assert "".join(text_of(rows_of(text, 100))) == "word " * 8000


def test_a_line_without_an_end_is_scrolled_through(tmp_path: Path) -> None:
    count = 10 * 2**20 // 8
    data = b"".join(b"%07d " % number for number in range(count))
    bench = Bench(tmp_path, data)
    bench.pane.to_start()
    assert bench.shown(16)[0] == "0000000 0000001"
    bench.pane.scroll(100_000)
    assert bench.shown(16)[:2] == ["0200000 0200001", "0200002 0200003"]
    bench.pane.scroll(-50_000)
    assert bench.shown(16)[0] == "0100000 0100001"
    bench.pane.to_end()
    bench.drawn(16)
    bench.pane.scroll(-ROWS)
    assert bench.shown(16)[-1] == f"{count - 2 - 12:07} {count - 1 - 12:07}"
    bench.pane.show(5 * 2**20)
    assert any("0655360" in row for row in bench.shown(16)) or 5 * 2**20 % BLOCK


def test_a_page_of_a_huge_log_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, b"")
    with bench.files.output.open("wb") as file:
        file.truncate(4 * 2**30)
        file.seek(4 * 2**30)
        file.write(b"\n" + numbered(1000))
    pread, count = os.pread, 0

    def counted(fd: int, length: int, offset: int) -> bytes:
        nonlocal count
        count += length
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    for _ in range(20):
        bench.pane.scroll(-ROWS)
        bench.drawn()
    bench.pane.show(2 * 2**30)
    bench.drawn()
    bench.pane.to_start()
    bench.drawn()
    assert count < 2 * 2**20
    bench.files.output.unlink()


# --- A place that was asked for -------------------------------------------------------------


def test_a_line_is_shown_in_the_middle_and_marked(tmp_path: Path) -> None:
    data = numbered(50) + b"\x1b[31mred\x1b[0m words\n" + numbered(50, 50)
    bench = Bench(tmp_path, data)
    bench.pane.show(data.index(b"red"))
    assert bench.shown() == [*names(48, 2), "red words", *names(50, 3)]
    assert bench.drawn()[2] == [(RED, "red"), ("selected", " words"), ("selected", " " * 11)]
    assert {name for row in bench.drawn()[3:] for name, _ in row} == {""}
    bench.pane.show(10**9)
    assert bench.shown() == [*names(95, 5), ""]
    bench.pane.show(0)
    assert bench.shown() == names(0)


def test_the_output_of_a_moment_is_shown(tmp_path: Path) -> None:
    data = numbered(100)
    bench = Bench(tmp_path, data)
    bench.pane.show_at(3.0)  # nobody knows
    assert bench.shown()[-2] == "line 99"
    bench.files.run.write_bytes(encode({"type": "run", "schema": 1, "output_offset": 0}))
    bench.files.index.write_bytes(
        b"".join(b'{"t":%d,"offset":%d}\n' % (t, len(numbered(t * 10))) for t in range(11))
    )
    bench.pane.show_at(5.5)
    assert bench.shown()[2] == "line 49"


def test_another_width_keeps_the_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, b"%s\n" % b"".join(b"%09d " % n for n in range(200)) + numbered(9))
    bench.pane.to_start()
    bench.pane.scroll(50)
    assert bench.shown()[0].startswith("000000100")
    assert bench.shown(40)[0].startswith("000000100")
    assert bench.shown(10)[0].startswith("000000100")


# --- Searching ------------------------------------------------------------------------------


def test_all_that_is_found_on_the_page_is_marked_and_the_line_that_was_is_so_distinctly(
    tmp_path: Path,
) -> None:
    log = numbered(20) + b"\x1b[31mloss: Loss\x1b[0m\nno\nloss\n" + numbered(20, 20)
    bench = Bench(tmp_path, log)
    bench.pane.to_start()
    assert bench.find("loss") == [*names(18, 2), "loss: Loss", "no", "loss", "line 20"]
    assert bench.spans("found") == ["loss", "Loss"]
    assert bench.spans("match") == ["loss"]
    assert bench.spans(RED) == [": "]
    bench.find_on(1)
    assert bench.spans("found") == ["loss"]
    bench.find("Loss")  # case counts
    assert bench.spans("found") == ["Loss"]
    assert bench.spans("match") == []


def test_what_is_wrapped_is_marked_over_the_rows_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(5) + b"x" * 18 + b"needle\n" + "損".encode() * 60 + b"end")
    bench.pane.to_start()
    bench.find("needle")
    assert bench.spans("found") == ["ne", "edle"]
    bench.find("end")  # many rows below its line's first one
    assert bench.spans("found") == ["end"]
    coloured = b"\x1b[31m" + b"y" * 17 + b" or \x1b[0mand\n"
    bench.add(b"\n" + coloured)
    bench.find("or and")
    assert bench.spans("found") == ["or", " ", "and"]


def test_while_following_one_searches_backwards_and_goes_on_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (b"needle\n" + numbered(30)) * 3)
    places = []
    bench.find("needle")
    for direction in (1, 1, 1, -1, -1, -1):
        places.append(bench.pane._pager._current)
        bench.find_on(direction)
        if bench.pane.notice:
            places.append(bench.pane.notice)
    one = len(b"needle\n" + numbered(30))
    assert places == [2 * one, one, 0, "not found above: needle", 0, one, 2 * one,
                      "not found below: needle"]  # fmt: skip


def test_from_a_page_one_searches_forwards(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (b"needle\n" + numbered(30)) * 3)
    bench.pane.to_start()
    bench.pane.scroll(10)
    one = len(b"needle\n" + numbered(30))
    bench.find("needle")
    assert bench.pane._pager._current == one
    bench.find_on(1)
    assert bench.pane._pager._current == 2 * one
    bench.find_on(-1)
    bench.find_on(-1)
    assert bench.pane._pager._current == 0
    bench.pane.scroll(40)  # from where one is, not from where one was
    bench.find_on(1)
    assert bench.pane._pager._current == 2 * one


def test_the_title_tells_how_a_search_goes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100_000))
    bench.pane.search("nowhere")
    bench.pane.step(0)
    assert "searching" in bench.title()
    assert "searching 100%" not in bench.title()
    bench.settle()
    assert "not found: nowhere" in bench.title()
    assert "following" in bench.title()
    bench.pane.scroll(-2000)
    assert "not found" not in bench.title()
    assert "97%" in bench.title()
    bench.pane.search("nowhere")
    bench.pane.step(0)
    bench.pane.scroll(-1)  # whoever moves on waits no longer
    assert "searching" not in bench.title()


def test_keys_before_anything_was_looked_for_do_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.find_on(1)
    assert bench.pane.follows
    assert not bench.pane.notice


# --- What stands nowhere --------------------------------------------------------------------


def test_output_that_could_not_be_written_is_shown_and_the_file_again_later(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, b"one\n")
    bench.pane.take(b"two\n")
    assert bench.shown()[:2] == ["one", "two"]
    assert not bench.pane.behind
    bench.pane.resume(bench.files.output.stat().st_size)
    bench.add(b"three\n")
    assert bench.shown()[:3] == ["one", "two", "three"]


@given(st.integers(1, 5), st.integers(0, 3))
def test_any_size_is_drawn(
    tmp_path_factory: pytest.TempPathFactory, columns: int, rows: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("run"), numbered(30) + "損\x1b[1m損".encode())
    for move in (bench.pane.to_end, bench.pane.to_start, lambda: bench.pane.show(50)):
        move()
        bench.drawn(columns, rows)
    assert bench.pane.draw(State(80, 24), columns, 0, focused=True) == []
    bench.pane.close()


@pytest.mark.parametrize("data", [None, b""])
def test_where_there_is_no_output_this_is_said(tmp_path: Path, data: bytes | None) -> None:
    bench = Bench(tmp_path, data)
    assert [text for text in bench.shown() if text] == ["     no output"]
    bench.add(b"line\n")
    assert bench.shown()[0] == "line"
