"""Curves on a page and as pictures: what stands where, and that no name is read as markup."""

import io
import math
import re
import sys
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError
from mlterm.core.places import Place
from mlterm.core.series import CAPACITY, Points, Series, SeriesFold
from mlterm.exporting import figure
from mlterm.exporting.figure import FORMATS, Line, Look, Panel, draw
from mlterm.feed.curves import EXACT_POINTS, read_curves
from mlterm.system.paths import RunFiles
from mlterm.system.summaryfile import SummaryFile
from mlterm.ui.chart import Frame
from mlterm.ui.plot import Chart, Trace, height_of, page
from mlterm.ui.rows import text_of, width_of
from mlterm.ui.styles import CURVES

MOMENT = "2026-11-24T07:31:05.000000+00:00"


def points(values: list[float]) -> Points:
    series = Series()
    for x, value in enumerate(values):
        series.add(value, x)
    return series.points()


def trace(label: str, number: int, values: list[float]) -> Trace:
    return Trace(label, number, points(values), values[-1], min(values))


def chart(count: int = 2, title: str = "loss") -> Chart:
    those = [trace(f"r{n}", n, [3.0 - n, 2.0 - n, 1.0 - n]) for n in range(count)]
    return Chart(title, "min", those)


# --- On a page -----------------------------------------------------------------------------


def test_a_chart_has_its_name_its_runs_and_the_best_ones_star() -> None:
    rows = page([chart()], 60, 8, Frame(), 0.0, coloured=True)
    assert text_of(rows)[:2] == ["loss", "━ r0 1 (min 1)  ━ ★r1 0 (min 0)"]
    assert [style for style, _ in rows[1] if style] == ["curve1", "curve2"]
    assert len(rows) == 2 + 8


def test_one_run_stands_beside_the_metrics_name() -> None:
    rows = page([chart(1)], 60, 8, Frame(), 0.0, coloured=False)
    assert text_of(rows)[0] == "loss  1 (min 1)"
    assert len(rows) == 1 + 8


def test_without_colours_each_run_has_its_own_chart_on_the_same_axes() -> None:
    rows = text_of(page([chart()], 60, 8, Frame(), 0.0, coloured=False))
    assert [row for row in rows if row.startswith("━")] == ["━ r0 1 (min 1)", "━ r1 0 (min 0)"]
    first, second = rows[2:10], rows[13:21]
    assert rows[10] == ""
    edges = [[row.split("┤")[0] for row in half if "┤" in row] for half in (first, second)]
    assert edges[0] == edges[1] == ["2", "0"]
    assert first[-1] == second[-1]
    assert first != second


NAMES = st.text(max_size=60).map(clean_text)


@settings(max_examples=60)
@given(
    title=NAMES,
    runs=st.lists(st.tuples(NAMES, st.lists(st.floats(), max_size=5)), min_size=1, max_size=10),
    width=st.integers(1, 90),
    height=st.integers(1, 12),
    log=st.booleans(),
    coloured=st.booleans(),
)
def test_no_row_is_wider_than_the_page(
    title: str,
    runs: list[tuple[str, list[float]]],
    width: int,
    height: int,
    log: bool,
    coloured: bool,
) -> None:
    those = [
        Trace(label, number, points(values), values[-1] if values else None, None)
        for number, (label, values) in enumerate(runs)
    ]
    frame = Frame(log_y=log)
    rows = page([Chart(title, None, those)], width, height, frame, 0.5, coloured=coloured)
    assert max(width_of(row) for row in text_of(rows)) <= width


def test_a_legend_of_many_ends_in_a_count_and_says_that_colours_repeat() -> None:
    rows = text_of(page([chart(40)], 40, 5, Frame(), 0.0, coloured=True))
    assert any(re.fullmatch(r"and \d+ more", row) for row in rows)
    assert rows[-1].startswith(f"Colours repeat after {CURVES} runs")


@pytest.mark.parametrize("values", [[math.nan] * 3, [math.inf], [], [-1.0, 0.0]])
def test_what_cannot_be_drawn_is_said(values: list[float]) -> None:
    last = values[-1] if values else None
    those = [Trace(str(n), n, points(values), last, None) for n in range(2)]
    frame = Frame(log_y=True)
    for coloured in (True, False):
        text = "\n".join(
            text_of(page([Chart("m", None, those)], 40, 6, frame, 0, coloured=coloured))
        )
        assert "no value" in text


def test_charts_share_the_height_of_the_screen() -> None:
    for count in (1, 2, 3):
        charts = [chart(title=f"m{n}") for n in range(count)]
        height = height_of(charts, 80, 50)
        assert 45 <= len(page(charts, 80, height, Frame(), 0, coloured=True)) <= 49 or height == 30
    assert height_of([chart()], 80, 5) == 6


# --- As a picture --------------------------------------------------------------------------


def line(label: str = "r", number: int = 0, **fields: Any) -> Line:
    return Line(label, [0.0, 1.0, 2.0], [1.0, math.nan, 2.0], number=number, **fields)


def drawn(panels: list[Panel], kind: str = "svg", **look: Any) -> bytes:
    pytest.importorskip("matplotlib")
    out = io.BytesIO()
    draw(panels, Look("step", **look), out, kind)
    return out.getvalue()


def texts(svg: bytes) -> list[str]:
    return re.findall(r"<!-- (.*?) -->", svg.decode())


@pytest.mark.parametrize(
    ("kind", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_every_format_is_one(kind: str, magic: bytes) -> None:
    assert kind in FORMATS
    assert drawn([Panel("loss", [line()])], kind).startswith(magic)


def test_a_picture_has_the_pixels_that_were_asked_for() -> None:
    png = drawn([Panel("loss", [line()])], "png", size=(420, 300))
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (420, 300)


def test_the_same_points_make_the_same_picture() -> None:
    assert drawn([Panel("loss", [line()])]) == drawn([Panel("loss", [line()])])


def test_no_name_is_read_as_markup_or_left_out() -> None:
    odd = ["$x^2$", "_hidden", "\\alpha $", "名前", "<b>&amp;"]
    for panels in (
        [Panel(odd[0], [line(name, n) for n, name in enumerate(odd)])],
        [Panel(name, [line(name, 0), line("other", 1)]) for name in odd],
    ):
        found = texts(drawn(panels, title="$\\frac{$"))
        assert "$\\frac{$" in found
        for name in [odd[0], *(odd if len(panels) > 1 else odd[1:])]:
            assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in found


def test_what_is_counted_has_no_ticks_between() -> None:
    halves = Line("r", [0.0, 0.5, 1.0], [3.0, 4.0, 5.0])
    assert "0.2" in texts(drawn([Panel("m", [halves])]))
    assert "0.2" not in texts(drawn([Panel("m", [replace(halves, x=[0.0, 1.0, 1.0])])]))


def test_a_few_runs_are_named_in_the_plot_and_many_beside_it() -> None:
    for count in (1, 2, 7, 100):
        names = [f"run{n}" for n in range(count)]
        found = texts(drawn([Panel("loss", [line(name, n) for n, name in enumerate(names)])]))
        shown = [name for name in names if name in found]
        assert shown == ([] if count == 1 else names[:40])
        assert ("and 60 more" in found) == (count == 100)


def test_what_has_nothing_to_draw_says_so() -> None:
    empty = Line("r", [0.0, 1.0], [math.nan, math.inf])
    assert "no finite value" in texts(drawn([Panel("loss", [empty])]))
    negative = Line("r", [0.0, 1.0], [0.0, -1.0], low=[-1.0, -1.0], high=[0.0, 0.0])
    assert "no value above 0" in texts(drawn([Panel("loss", [negative])], log=True))
    assert drawn([Panel("loss", [Line("r", [], [])])])


def test_bands_raw_lines_times_and_many_panels_are_drawn() -> None:
    folded = line(low=[0.0, math.nan, 1.0], high=[2.0, math.nan, 3.0], raw=[1.0, 5.0, math.inf])
    times = Line("t", [1.8e9, 1.8e9 + 60], [1.0, 2.0])
    for count in (1, 3, 8):
        assert drawn([Panel(f"m{n}", [folded]) for n in range(count)])
    assert "2027" in "".join(texts(drawn([Panel("m", [times])], utc_offset_seconds=3600)))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("offset", [None, 3600])
def test_places_and_values_beyond_all_ticks_are_left_out(log: bool, offset: int | None) -> None:
    odd = [1e308, -1e308, math.inf, -6.2e10, 1e18, 1.8e9]
    strange = Line("r", odd, odd[::-1], odd, odd, odd)
    assert drawn([Panel("m", [strange])], "png", log=log, utc_offset_seconds=offset)


def test_lone_points_are_those_that_no_line_leads_to() -> None:
    nan = math.nan
    assert figure._alone([1, nan, 2, 3, nan, 4]) == [0, 5]
    assert figure._alone([nan, 1, nan]) == [1]
    assert figure._alone([]) == []


def test_a_missing_matplotlib_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MltermError, match=r"pip install 'mlterm\[plot\]'"):
        draw([Panel("loss", [line()])], Look("step"), io.BytesIO(), "png")


# --- Reading -------------------------------------------------------------------------------


def written(path: Path, count: int) -> RunFiles:
    head = {"timestamp": MOMENT, "type": "metrics"}
    each = ({**head, "_step": n, "loss": n / 7, "acc": 1 - n / 7} for n in range(count))
    path.write_bytes(b"".join(map(records.encode, each)))
    return RunFiles(path)


def test_few_points_are_exact_where_that_is_wanted(tmp_path: Path) -> None:
    files = written(tmp_path / "p_r.jsonl", 2 * CAPACITY)
    found, names, _ = read_curves(files, ["loss", "none"], exact=False)
    assert (list(found), names) == (["loss"], ["loss", "acc"])
    assert found["loss"].width == 2
    one = read_curves(files, ["loss"], exact=True).series["loss"]
    assert one.width == 1
    assert list(one.points().last) == [n / 7 for n in range(2 * CAPACITY)]
    assert one.summary() == found["loss"].summary()


def test_many_points_stay_folded(tmp_path: Path) -> None:
    files = written(tmp_path / "p_r.jsonl", EXACT_POINTS + 1)
    assert read_curves(files, ["loss"], exact=True).series["loss"].width > 1


def test_what_is_summed_up_already_is_not_read_again(tmp_path: Path) -> None:
    files = written(tmp_path / "p_r.jsonl", 1000)
    fold = SeriesFold()
    fold.add({"type": "metrics", "loss": 42.0, "_step": 0})
    files.folder.mkdir()
    size = files.run.stat().st_size
    SummaryFile(files.summary).put("", {"records": 1, "records_offset": size}, fold.series)
    assert list(read_curves(files, ["loss"], exact=False).series["loss"].points().last) == [42.0]


def test_a_series_holds_as_many_buckets_as_it_was_told_to() -> None:
    series = Series(capacity=10)
    series.extend([float(n) for n in range(21)], Place)
    assert len(series.buckets) == 6
    assert array("d", series.points().last)[-1] == 20.0
