"""The pane of records: a person moves in them, unfolds some, filters, and more come."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.records import encode
from mlterm.system.paths import RunFiles
from mlterm.ui.records import RecordsPane
from mlterm.ui.rows import Row, row_width, text_of
from mlterm.ui.state import State

WIDTH, ROWS = 70, 8


def record(number: int, kind: str = "metrics", **fields: Any) -> bytes:
    time = f"2026-11-24T07:00:{number % 60:02}.123456+00:00"
    return encode({"timestamp": time, "type": kind, "n": number, **fields})


class Bench:
    """A pane over a run's file."""

    def __init__(self, folder: Path, data: bytes | None = None) -> None:
        self.path = folder / "p_r.jsonl"
        if data is not None:
            self.path.write_bytes(data)
        self.pane = RecordsPane(RunFiles(self.path))
        self.settle()

    def add(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self.settle()

    def settle(self) -> None:
        self.drawn()
        for _ in range(10_000):
            if not self.pane.step(1.0):
                return
        raise AssertionError("it never comes to rest")

    def drawn(self, width: int = WIDTH, rows: int = ROWS) -> list[Row]:
        drawn = self.pane.draw(State(80, 24), width, rows + 1, focused=True)
        assert len(drawn) == rows + 1
        assert {row_width(row) for row in drawn} == {width}
        return drawn[1:]

    def shown(self) -> list[str]:
        return [text.rstrip() for text in text_of(self.drawn())]

    def title(self) -> str:
        return text_of(self.pane.draw(State(80, 24), WIDTH, ROWS + 1, focused=True)[:1])[0]

    def numbers(self) -> list[int]:
        """Of the folded records that are seen."""
        return [int(row.split("n=")[1].split()[0]) for row in self.shown() if "n=" in row]

    def picked(self) -> str:
        (row,) = [row for row in self.shown() if row.startswith("▌")]
        return row

    def move(self, rows: int) -> None:
        self.pane.scroll(rows)
        self.settle()

    def filter(self, pattern: str) -> None:
        self.pane.filter(pattern)
        self.settle()


def numbered(count: int, first: int = 0) -> bytes:
    return b"".join(map(record, range(first, first + count)))


def test_the_newest_stand_last_and_are_followed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(5000))
    assert bench.numbers() == [*range(4992, 5000)]
    assert "n=4999" in bench.picked()
    assert "following" in bench.title()
    bench.add(numbered(3, 5000))
    assert bench.numbers() == [*range(4995, 5003)]


def test_one_moves_through_all_of_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(3000))
    seen = {*bench.numbers()}
    for _ in range(700):
        bench.move(-(ROWS - 1))
        seen |= {*bench.numbers()}
        assert len(bench.pane._items) < 20 * ROWS
    assert seen == {*range(3000)}
    assert "n=0" in bench.picked()
    for _ in range(700):
        bench.move(ROWS - 1)
    assert bench.numbers() == [*range(2992, 3000)]
    assert "following" in bench.title()


def test_the_list_stands_still_while_one_moves_within_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.shown()
    for _ in range(ROWS - 1):
        bench.move(-1)
        assert bench.numbers() == [*range(92, 100)]
    bench.move(-1)
    assert bench.numbers() == [*range(91, 99)]
    bench.move(1)
    assert bench.numbers() == [*range(91, 99)]


def test_start_and_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(5000))
    bench.pane.to_start()
    bench.settle()
    assert bench.numbers() == [*range(8)]
    assert "n=0" in bench.picked()
    assert "0%" in bench.title()
    bench.move(-1)
    assert "n=0" in bench.picked()
    bench.move(1)
    assert "n=1" in bench.picked()
    bench.pane.to_end()
    bench.settle()
    assert bench.numbers() == [*range(4992, 5000)]


def test_what_is_selected_stays_where_it_is_when_more_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.move(-3)
    before = bench.shown()
    bench.add(numbered(500, 100))
    assert bench.shown() == before
    for _ in range(600):
        bench.move(1)
    assert "n=599" in bench.picked()
    bench.add(numbered(1, 600))
    assert "n=600" in bench.picked()


def test_a_filter_is_kept_to(tmp_path: Path) -> None:
    data = numbered(2000) + record(1, "alert", text="Too HOT") + numbered(2000)
    bench = Bench(tmp_path, data)
    bench.filter("type:alert")
    assert bench.numbers() == [1]
    assert "/type:alert" in bench.title()
    bench.add(record(2, "alert") + record(3))
    assert bench.numbers() == [1, 2]
    bench.pane.to_start()
    bench.settle()
    assert "n=1" in bench.picked()
    bench.filter("hot")
    assert bench.numbers() == [1]
    bench.filter("nothing like it")
    assert "no record has this" in "".join(bench.shown())
    bench.filter("")
    assert len(bench.numbers()) == ROWS


def test_what_was_there_is_shown_until_something_is_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, record(7, "alert") + numbered(30_000))
    before = bench.shown()
    bench.pane.filter("type:alert")
    while bench.pane.step(0):
        if bench.numbers() == [7]:
            break
        assert bench.shown() == before
        assert "looking" in bench.title()
    assert bench.numbers() == [7]
    bench.pane.filter("nowhere")
    bench.pane.step(0)
    assert bench.numbers() == [7]
    bench.settle()
    bench.pane.filter("")
    assert "no record" not in "".join(bench.shown())


def test_a_filter_that_little_passes_comes_to_an_end_while_the_file_grows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, record(7, "alert") + numbered(30_000))
    bench.pane.filter("type:alert")
    for number in range(500):
        with bench.path.open("ab") as file:
            file.write(record(number))
        bench.pane.step(0)
    assert bench.numbers() == [7]


def test_a_file_may_be_empty_come_later_and_be_torn(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert "no records yet" in "".join(bench.shown())
    for act in (bench.pane.to_start, bench.pane.to_end, bench.pane.unfold):
        act()
        bench.move(1)
    bench.add(record(1)[:-9])
    assert "no records yet" in "".join(bench.shown())
    bench.add(record(1)[-9:] + record(2)[:20])
    assert bench.numbers() == [1]
    bench.add(record(2)[20:])
    assert bench.numbers() == [1, 2]
    bench.filter("n")
    assert bench.numbers() == [1, 2]


def test_a_file_that_is_replaced_is_shown_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    bench.move(-50)
    bench.pane.unfold()
    other = tmp_path / "other"
    other.write_bytes(numbered(20, 500))
    os.replace(other, bench.path)
    bench.settle()
    assert bench.numbers() == [*range(512, 520)]
    bench.path.write_bytes(numbered(2))  # and one that was cut
    bench.settle()
    assert bench.numbers() == [0, 1]


def test_lines_that_are_no_records_are_shown_as_they_are(tmp_path: Path) -> None:
    long = b'{"type":"text","x":"' + b"y" * 2_000_000 + b'"}\n'
    bench = Bench(tmp_path, record(1) + b"{torn\x1b[2J\n\n[1]\n" + long + record(2))
    rows = bench.shown()
    assert "no record  {torn\\x1b[2J" in rows[1]
    assert "no record  [1]" in rows[2]
    assert "too long" in rows[3]
    assert rows[3].endswith("…")
    bench.move(-3)
    bench.pane.unfold()
    assert any(row.strip("▌ ") == "{torn\\x1b[2J" for row in bench.shown())


def test_a_folded_record_that_is_cut_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, record(1, note="short") + record(2, note="損" * 90) + record(3))
    one, other, _ = bench.shown()[:3]
    assert one.endswith("note=short")
    assert other.endswith("…")
    exact = len("▌07:00:01.123  metrics         n=1  note=")
    for length, is_cut in ((WIDTH - exact + 1, True), (WIDTH - exact, False)):
        bench.path.write_bytes(record(1, note="x" * length))
        bench.settle()
        assert bench.shown()[0].endswith("…") == is_cut


# --- Unfolding ------------------------------------------------------------------------------


def test_an_unfolded_record_has_its_values_coloured_by_kind(tmp_path: Path) -> None:
    data = record(1, text='a "b"', flag=True, none=None, deep={"x": [1.5, {}]}, empty=[])
    bench = Bench(tmp_path, numbered(5) + data)
    bench.pane.unfold()
    (head, *rows) = [row for row in bench.drawn(rows=30) if row[0] == ("accent", "▌")]
    assert "n=" not in "".join(text_of([head]))
    texts = [text.strip("▌ ") for text in text_of(rows)]
    assert texts[2:] == [
        '"n": 1', '"text": "a \\"b\\""', '"flag": true', '"none": null', '"deep": {', '"x": [',
        "1.5", "{}", "]", "}", '"empty": []',
    ]  # fmt: skip
    styles = {text: style for row in rows for style, text in row}
    assert styles["1"] == styles["1.5"] == "curve1"
    assert styles["true"] == styles["null"] == "curve2"
    assert styles['"a \\"b\\""'] == "curve3"
    bench.pane.unfold()
    assert "n=1" in bench.picked()


def test_one_that_is_taller_than_the_pane_is_scrolled_through(tmp_path: Path) -> None:
    tall = record(5, **{f"key{n}": n for n in range(30)})
    bench = Bench(tmp_path, numbered(5) + tall + numbered(20, 6))
    bench.move(-20)
    bench.pane.unfold()
    assert "n=" not in bench.shown()[0]
    assert all(row.startswith("▌") for row in bench.shown())
    seen = []
    for _ in range(26):
        bench.move(1)
        seen += bench.shown()
    assert any('"key29": 29' in row for row in seen)
    assert bench.numbers() == [6] or '"key29": 29' in bench.shown()[-1]
    bench.move(1)
    assert "n=6" in bench.picked()
    bench.move(-1)
    assert '"key29": 29' in bench.shown()[-1]
    for _ in range(26):
        bench.move(-1)
    bench.move(-1)
    assert "n=4" in bench.picked()


def test_at_the_ends_a_tall_one_stays_where_it_is(tmp_path: Path) -> None:
    tall = record(0, **{f"key{n}": n for n in range(30)})
    bench = Bench(tmp_path, tall)
    bench.pane.unfold()
    top = bench.shown()
    bench.move(-1)
    assert bench.shown() == top
    bench.move(100)
    end = bench.shown()
    assert '"key29": 29' in end[-1]
    bench.move(1)
    assert bench.shown() == end


def test_one_that_is_read_stays_while_more_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(5))
    bench.pane.unfold()
    before = bench.shown()[:6]
    bench.add(numbered(50, 5))
    assert bench.shown()[:6] == before


def test_long_values_are_wrapped(tmp_path: Path) -> None:
    words = " ".join(map(str, range(60))) + "損" * 40
    bench = Bench(tmp_path, record(1, words=words))
    bench.pane.unfold()
    rows = [text.strip("▌ ") for text in text_of(bench.drawn(rows=20))]
    joined = "".join(rows).replace(" ", "")
    assert json.dumps(words, ensure_ascii=False).replace(" ", "") in joined


@pytest.mark.parametrize("depth", [300])
def test_deep_and_wide_records_are_no_error(tmp_path: Path, depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    bench = Bench(tmp_path, record(1, deep=value, wide=[*range(20_000)]))
    bench.pane.unfold()
    bench.move(100_000)
    assert "…" in bench.shown()[-1]


ACTS = st.lists(
    st.one_of(
        st.integers(-20, 20),
        st.sampled_from(["start", "end", "unfold", "grow", "filter", "all", "alert"]),
    ),
    max_size=25,
)


@settings(max_examples=50, deadline=None)
@given(ACTS, st.integers(1, 40), st.integers(0, 5))
def test_whatever_one_does_the_pane_is_whole(
    tmp_path_factory: pytest.TempPathFactory, acts: list[int | str], width: int, rows: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("run"), numbered(40) + b"broken\n" + record(9, "alert"))
    for act in acts:
        if isinstance(act, int):
            bench.pane.scroll(act)
        elif act == "grow":
            bench.add(numbered(7))
        elif act in ("filter", "all", "alert"):
            bench.pane.filter({"filter": "n", "all": "", "alert": "type:alert"}[act])
        else:
            {"start": bench.pane.to_start, "end": bench.pane.to_end, "unfold": bench.pane.unfold}[
                act
            ]()
        bench.drawn(width, rows)
        bench.pane.step(0)
        bench.drawn(width, rows)
    bench.settle()
    assert sum(row.startswith("▌") for row in bench.shown()) >= 1


def test_a_click_selects_the_record_in_that_row_and_nothing_moves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(100))
    before = bench.numbers()
    for row in (3, 1, ROWS, ROWS + 9, 0):
        bench.pane.pick(row)
        bench.settle()
        assert bench.numbers() == before
        if 0 < row <= ROWS:
            assert f"n={before[row - 1]}" in bench.picked()


def test_a_click_on_a_field_selects_its_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path, numbered(3))
    bench.pane.scroll(-1)
    bench.pane.unfold()
    bench.settle()
    bench.pane.scroll(-1)
    bench.pane.pick(4)
    bench.settle()
    assert [row.strip("▌ ")[:8] for row in bench.shown() if row.startswith("▌")][1] == '"timesta'
