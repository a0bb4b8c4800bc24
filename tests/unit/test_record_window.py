import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.feed import records
from mlterm.feed.records import Filter, Page, RecordWindow
from mlterm.system.ends import BLOCK

LINE = b'{"timestamp":"t","type":"%s","n":%d,"note":"%s"}\n'


def line(number: int, kind: bytes = b"metrics", note: bytes = b"") -> bytes:
    return LINE % (kind, number, note)


def window(path: Path, data: bytes, words: str = "") -> RecordWindow:
    path.write_bytes(data)
    found = RecordWindow(path)
    found.filter = Filter.of(words)
    return found


def numbers(page: Page) -> list[object]:
    return [item.record and item.record["n"] for item in page.items]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_pages_go_back_from_the_end_and_forth_again(file: Path) -> None:
    made = window(file, b"".join(map(line, range(3000))))
    page = made.before(made.size, 10)
    assert (numbers(page), page.is_complete) == ([*range(2990, 3000)], True)
    earlier = made.before(page.at, 5)
    assert numbers(earlier) == [*range(2985, 2990)]
    assert numbers(made.after(earlier.at, 15)) == [*range(2985, 3000)]
    assert numbers(made.after(page.items[1].offset, 2)) == [2991, 2992]
    first = made.before(page.at, 5000, budget_seconds=60)
    assert (len(first.items), first.at, first.is_complete) == (2990, 0, True)
    assert made.after(made.size, 5) == Page([], made.size, True)
    assert made.before(0, 5) == Page([], 0, True)


def test_an_item_tells_its_place_its_text_and_what_it_says(file: Path) -> None:
    broken = b'{"torn\n'
    made = window(file, line(1) + broken + b"\n" + line(2, note=b"\xff"))
    one, other, last = made.after(0, 9).items
    assert (one.offset, one.length, one.text) == (0, len(line(1)) - 1, line(1).decode().strip())
    assert (other.offset, other.text, other.record) == (len(line(1)), '{"torn', None)
    assert "\N{REPLACEMENT CHARACTER}" in last.text


def test_a_torn_last_line_is_not_shown_before_it_is_ended(file: Path) -> None:
    made = window(file, line(1) + line(2)[:-1])
    assert numbers(made.before(made.size, 5)) == [1]
    page = made.after(0, 5)
    assert (numbers(page), page.at) == ([1], len(line(1)))
    with file.open("ab") as more:
        more.write(b"\n" + line(3))
    assert not made.look()
    assert numbers(made.after(page.at, 5)) == [2, 3]
    assert numbers(made.before(made.size, 2)) == [2, 3]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("", [0, 1, 2, 3]), ("type:alert", [1]), ("type:metrics", [0, 2]), ("type:metrics cow", [2]),
     ("COW", [1, 2]), ("é", [3]), ("type:", [0, 1, 2, 3]), ("type:alert x", []),
     ("  cow ", [1, 2])],
)  # fmt: skip
def test_lines_are_filtered_by_what_they_hold_and_by_type(
    file: Path, words: str, wanted: list[int]
) -> None:
    data = [line(0), line(1, b"alert", b"Cow metrics"), line(2, note=b"cow"),
            line(3, b"finish", "é".encode())]  # fmt: skip
    made = window(file, b"".join(data), words)
    assert numbers(made.after(0, 9)) == wanted
    assert numbers(made.before(made.size, 9)) == wanted


def test_a_filter_goes_through_the_file_a_slice_a_call(file: Path) -> None:
    data = line(0, b"alert") + b"".join(line(n, note=b"x" * 100) for n in range(1, 4000))
    made = window(file, data, "type:alert")
    at, calls, found = made.size, 0, []
    while at:
        page = made.before(at, 3, budget_seconds=0)
        assert page.at < at
        at, calls, found = page.at, calls + 1, found + numbers(page)
        assert page.is_complete == (at == 0)
    assert found == [0]
    assert calls == pytest.approx(len(data) / BLOCK, abs=1.5)
    page = made.after(1, 3, budget_seconds=0)
    assert (page.items, page.is_complete) == ([], False)
    assert 0 < page.at <= BLOCK


def test_long_lines_are_read_and_only_their_beginning_is_kept(file: Path) -> None:
    long = line(1, note=b"x" * 3 * BLOCK)
    longer = line(2, note=b"x" * (records.PARSED_BYTES + 1))
    made = window(file, line(0) + long + longer + line(3))
    for page in (made.after(0, 9), made.before(made.size, 9, budget_seconds=60)):
        assert numbers(page) == [0, 1, None, 3]
        assert [item.length for item in page.items[1:3]] == [len(long) - 1, len(longer) - 1]
        assert all(len(item.text) <= records.TEXT_BYTES for item in page.items)


def test_a_line_beyond_all_measure_is_gone_past(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "LONGEST", 2 * BLOCK)
    made = window(file, line(0) + b"y" * 20 * BLOCK + b"\n" + line(3))
    assert numbers(made.after(0, 99, 60))[::20] == [0]
    assert numbers(made.after(0, 99, 60))[-1] == 3
    backwards = numbers(made.before(made.size, 99, 60))
    assert (backwards[0], backwards[-1]) == (0, 3)


def test_a_file_that_was_replaced_or_cut_is_told(file: Path) -> None:
    made = window(file, line(0) + line(1))
    file.write_bytes(line(7))
    assert made.look()
    assert numbers(made.before(made.size, 5)) == [7]
    scratch = file.with_suffix(".new")
    scratch.write_bytes(line(8) * 9)
    os.replace(scratch, file)
    assert made.look()
    assert numbers(made.before(made.size, 1)) == [8]
    file.unlink()
    assert not made.look()


def test_a_file_that_is_not_there_yet_has_no_lines(file: Path) -> None:
    made = RecordWindow(file)
    assert made.before(made.size, 5) == made.after(0, 5) == Page([], 0, True)
    file.write_bytes(line(1))
    made.look()
    assert numbers(made.after(0, 5)) == [1]


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([0, 10, 1000, BLOCK - 60, BLOCK, 3 * BLOCK]), max_size=12),
    st.integers(1, 5),
)
def test_all_pages_together_are_the_file_in_both_directions(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], count: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "pages.jsonl"
    data = [line(n, note=b"z" * length) for n, length in enumerate(lengths)]
    made = window(file, b"".join(data))
    back: list[object] = []
    at = made.size
    while at:
        page = made.before(at, count, 0)
        back, at = numbers(page) + back, page.at
    forth: list[object] = []
    while at < made.size:
        page = made.after(at, count, 0)
        forth, at = forth + numbers(page), page.at
    assert back == forth == [*range(len(lengths))]
