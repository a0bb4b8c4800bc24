import math
import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.records import as_number
from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.exporting.page import document as document_module
from mlterm.exporting.page.contents import MOST_ROWS, page_of, shown, title_of
from mlterm.exporting.page.curves import MOST_POINTS, CurveBook, ExactPoints, limit_of
from mlterm.exporting.page.document import document, escaped
from mlterm.exporting.page.output import end_of_output, spans_of
from mlterm.exporting.page.reading import read
from tests.html_page import Page, hash_of

MADE = datetime(2026, 11, 24, tzinfo=UTC)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=\"alert('&')\">\u2028\u2029{{data}}"


def records(values: list[Any], name: str = "loss", **others: Any) -> list[dict[str, Any]]:
    times = (f"2026-11-24T00:{i // 60 % 60:02d}:{i % 60:02d}+00:00" for i in range(len(values)))
    return [
        {"timestamp": t, "type": "metrics", name: value, "_step": 10 * i, **others}
        for i, (t, value) in enumerate(zip(times, values, strict=True))
    ]


def summary(**fields: Any) -> RunSummary:
    told = {"project": "p", "run_id": "r", "status": "completed", "path": "/nowhere/p_r.jsonl"}
    return RunSummary(**{**told, "started": "2026-11-24T00:00:00+00:00", **fields})


def data_of(batch: list[dict[str, Any]], limit: int = MOST_POINTS, **fields: Any) -> dict[str, Any]:
    return page_of([read(summary(**fields), [batch], limit, 1000)], limit, 0, MADE)


def curve_of(batch: list[dict[str, Any]], limit: int = MOST_POINTS) -> tuple[Any, Any]:
    """Of the metric ``loss``: the curve and its places."""
    book = data_of(batch, limit)["runs"][0]["metric_curves"]
    curve = book["curves"]["loss"]
    return curve, book["places"][curve["at"]]


# --- The document ---


def test_it_loads_nothing_and_may_connect_to_nothing() -> None:
    page = Page(document(data_of(records([1.0, 2.0]))))
    style, script = page.texts["style"][0], page.texts["script"][0]
    assert page.policy == {
        "default-src": "'none'",
        "script-src": hash_of(script),
        "style-src": hash_of(style),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    whole = document({"title": "t"}).decode()
    for digest in (hash_of(script), hash_of(style)):
        whole = whole.replace(digest, "")
    assert not [word for word in ("http:", "https:", "//", "url(", "@import") if word in whole]
    loading = {"src", "href", "srcset", "style", "action", "background", "data"}
    assert not [a for _, attributes in page.elements for a in attributes if a in loading]
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]


def test_what_a_run_says_becomes_text_alone() -> None:
    script = Page(document({"title": ""})).texts["script"][0]
    for way in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function("):
        assert way not in script
    assert "{{" not in script


def test_every_asset_is_on_the_page() -> None:
    there = {each.name for each in (files("mlterm.exporting.page") / "assets").iterdir()}
    assert there == {*document_module._SCRIPTS, "page.html", "page.css"}


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())), st.text())
def test_no_text_leaves_its_place(said: dict[str, Any], title: str) -> None:
    wanted = {**said, "title": title}
    page = Page(document(wanted))
    assert page.data == wanted
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "<" not in escaped(b'{"a":"</script>\xe2\x80\xa8"}').decode()


def test_hostile_names_stay_where_they_are() -> None:
    batch = [
        *records([1, 2], HOSTILE),
        {"type": "alert", "level": HOSTILE, "text": HOSTILE},
        {"type": "artifact", "name": HOSTILE, "path": HOSTILE, "timestamp": ""},
        {"type": "run", "argv": [HOSTILE], "environment": {HOSTILE: HOSTILE}, "schema": 1},
    ]
    told = {HOSTILE: HOSTILE}
    data = data_of(batch, run_id=HOSTILE, hyperparameters=told, tags=told, notes=[HOSTILE])
    page = Page(document(data))
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in page.elements]
    assert page.data == data
    run = page.data["runs"][0]
    assert run["metric_curves"]["curves"][HOSTILE]["y"] == [1, 2]
    assert run["hyperparameters"] == run["tags"] == run["environment"] == told
    assert run["alerts"][0]["text"] == run["artifacts"][0]["name"] == run["notes"][0] == HOSTILE
    assert "{{data}}" in page.texts["title"][0]


# --- Curves ---


def test_a_short_curve_is_there_in_full() -> None:
    values = [0.1, math.nan, "Infinity", -math.inf, 5]
    curve, place = curve_of(records(values, epoch=3))
    assert curve["y"] == [0.1, "NaN", "Infinity", "-Infinity", 5]
    assert place == {"step": [0, 10, 20, 30, 40], "epoch": [3] * 5, "seconds": [0, 1, 2, 3, 4]}


def test_curves_of_the_same_records_share_their_places() -> None:
    batch = records([1, 2, 3], other=4)
    book = data_of([*batch, *records([9], "alone")])["runs"][0]["metric_curves"]
    assert book["curves"]["loss"]["at"] == book["curves"]["other"]["at"]
    assert len(book["places"]) == 2


def test_a_long_curve_is_folded_and_its_extremes_stay() -> None:
    values = [math.sin(i / 50) for i in range(3000)]
    values[1234], values[77] = 99.0, -99.0
    curve, place = curve_of(records(values))
    assert len(curve["min"]) == len(place["step"]) == len(place["ends"]["step"]) <= 512
    assert (min(curve["min"]), max(curve["max"])) == (-99, 99)
    assert place["step"][0] == 0
    assert place["ends"]["step"][-1] == 10 * 2999
    assert curve["last"][-1] == pytest.approx(values[-1], rel=1e-5)


numbers = st.floats() | st.integers(-(2**60), 2**60)


@given(st.lists(numbers, min_size=1, max_size=400), st.sampled_from([96, 200, MOST_POINTS]))
def test_a_curve_spans_what_its_points_do(values: list[float], limit: int) -> None:
    curve, place = curve_of(records(list(map(_worded, values))), limit)
    if len(values) <= limit:
        assert [_number(y) for y in curve["y"]] == [pytest.approx(v, nan_ok=True) for v in values]
        assert len(place["step"]) == len(values)
        return
    assert 3 * len(curve["min"]) <= limit
    real = [value for value in values if value == value]
    if real:
        assert min(map(_number, curve["min"])) == pytest.approx(min(real), rel=1e-5)
        assert max(map(_number, curve["max"])) == pytest.approx(max(real), rel=1e-5)


def _worded(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _number(value: object) -> float:
    number = as_number(value)
    assert number is not None
    return number


def test_an_axis_that_no_record_tells_is_left_out() -> None:
    batch = [{"type": "metrics", "loss": 1.0}, {"type": "metrics", "loss": 2.0, "timestamp": "?"}]
    assert curve_of(batch)[1] == {"step": [0, 1]}


def test_the_more_curves_the_shorter_they_are() -> None:
    assert limit_of(0) == limit_of(5) == MOST_POINTS
    assert limit_of(600) < MOST_POINTS
    assert limit_of(10**9) == limit_of(10**6) > 0


def test_points_are_numbered_by_all_records_of_metrics() -> None:
    exact = ExactPoints(10)
    exact.add([{"type": "metrics", "other": "word"}, {"type": "run"}])
    exact.add([{"type": "metrics", "loss": True, "_rank": 3}])
    found = exact.of("loss")
    assert found is not None
    assert (exact.places[found[0][0]].x, found[1][0]) == (1, 1)
    assert exact.of("_rank") is exact.of("other") is None


def test_samples_lie_on_the_clock_of_the_run() -> None:
    series = Series()
    for t in range(3):
        series.add(float(t), 1000.0 + t)
    book = CurveBook(5_000.0, 100)
    book.add_series("job/cpu_percent", series, offset=4_001.0)
    assert book.places == [{"seconds": [1, 2, 3], "ends": {"seconds": [1, 2, 3]}}]


# --- What is said of runs ---


def test_settings_are_shown_as_they_can_be_sorted() -> None:
    assert [shown(value) for value in (1, 0.5, True, None, "a")] == [1, 0.5, True, None, "a"]
    assert shown(2**60) == str(2**60)
    assert shown(math.nan) == "NaN"
    assert shown({"a": [1, math.inf]}) == '{"a":[1,"Infinity"]}'


def test_what_is_endless_is_cut() -> None:
    batch = [{"type": "alert", "text": str(i)} for i in range(MOST_ROWS + 3)]
    batch += [{"type": "artifact", "name": f"a{i:04d}"} for i in range(MOST_ROWS + 4)]
    run = data_of(batch, hyperparameters={"prompt": 5_000 * "x"})["runs"][0]
    assert (run["alerts_left_out"], run["alerts"][0]["text"]) == (3, "3")
    assert (run["artifacts_left_out"], run["artifacts"][-1]["name"]) == (4, f"a{MOST_ROWS + 3:04d}")
    assert run["hyperparameters"]["prompt"].endswith("x … and 3,000 characters more")


def test_what_differs_between_runs_is_told() -> None:
    settings = [{"lr": 1, "seed": 7, "only": True}, {"lr": 2, "seed": 7.0}]
    readings = [read(summary(hyperparameters=each), [], 100, 0) for each in settings]
    assert page_of(readings, 100, 0, MADE)["differing"] == ["lr", "only"]


def test_figures_and_best_are_of_all_points() -> None:
    batch = [*records([3.0, 1.0, 2.0]), *records([1, 5, 2], "odd")]
    batch.append({"type": "define", "name": "odd", "goal": "maximize"})
    data = data_of(batch)
    assert data["goals"] == {"loss": "min", "odd": "max"}
    figures = data["runs"][0]["metrics"]
    assert (figures["loss"]["best"], figures["loss"]["last"]) == (1, 2)
    assert (figures["odd"]["best"], figures["odd"]["count"]) == (5, 3)


def test_training_and_validation_share_a_chart() -> None:
    batch = records([1], "val/accuracy", **{"train/accuracy": 1, "val_loss": 1, "lr": 1})
    assert [chart["curves"] for chart in data_of(batch)["charts"]] == [
        ["val_loss"], ["train/accuracy", "val/accuracy"], ["lr"],
    ]  # fmt: skip


def test_the_machine_has_charts_by_what_is_measured() -> None:
    reading = read(summary(), [], 100, 0)
    series = Series()
    series.add(1.0, 0.0)
    names = ("host/cpu_percent", "gpu1/power_watts", "gpu0/power_watts", "host/memory_used_bytes")
    for name in names:
        reading.system.add_series(name, series, offset=0.0)
    charts = page_of([reading], 100, 0, MADE)["system_charts"]
    assert [(chart["title"], chart["unit"], chart["curves"]) for chart in charts] == [
        ("GPU power", "watts", ["gpu1/power_watts", "gpu0/power_watts"]),
        ("CPU of the host", "percent", ["host/cpu_percent"]),
        ("Memory of the host", "bytes", ["host/memory_used_bytes"]),
    ]


def test_the_title_is_the_runs_or_the_projects() -> None:
    assert title_of([summary()]) == "p/r"
    assert title_of([summary(), summary()]) == "p"
    many = [summary(project=f"p{i}") for i in range(5)]
    assert title_of(many) == "p0, p1, p2 …"
    assert title_of([summary(run_id="\x1b[31m\u202e")]) == "p/\\x1b[31m\\u202e"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
kinds = {
    "run": ("argv", "git", "python", "environment", "cwd", "host", "parent", "_amends"),
    "metrics": ("loss", "epoch", "_step", "timestamp"),
    "finish": ("status", "tail", "traceback", "lost_output_bytes"),
    "artifact": ("name", "path", "_step", "_amends", "size_bytes", "copy", "missing"),
    "alert": ("level", "text", "timestamp"),
    "define": ("name", "goal", "summary"),
}
odd_records = st.sampled_from(sorted(kinds)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"type": st.just(kind)}, optional=dict.fromkeys(kinds[kind], values)
    )
)


@given(st.lists(odd_records, max_size=6), values)
def test_any_file_makes_a_page(batch: list[dict[str, Any]], value: Any) -> None:
    cost = dict.fromkeys(("roles", "gpus", "peak_memory_bytes", "cpu_seconds"), value)
    data = data_of(batch, cost=cost, tags={"t": value}, hyperparameters={"h": value})
    assert Page(document(data)).data == data


# --- Output ---


def test_output_keeps_its_colours() -> None:
    text = "a\x1b[1;31mb\x1b[0m\x1b[38;5;208mc\x1b[48;2;1;2;3m\x1b[2md\x1b[0m<b>"
    assert spans_of(text) == [
        "a", ["b", {"bold": True, "fg": 1}], ["c", {"fg": "#ff8700"}],
        ["d", {"fg": "#ff8700", "bg": "#010203"}], "<b>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "colour"),
    [(16, "#000000"), (196, "#ff0000"), (231, "#ffffff"), (232, "#080808"), (255, "#eeeeee")],
)
def test_the_256_colours_are_those_of_xterm(number: int, colour: str) -> None:
    assert spans_of(f"\x1b[38;5;{number}mx") == [["x", {"fg": colour}]]


def test_output_is_what_logs_would_print(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(b"10%\r20%\r100%\n\x1b]0;title\x07\x1b[2Jdone\x00 \xff\n")
    found = end_of_output(path, 1000)
    assert found == {"spans": ["100%\ndone \ufffd\n"], "size": path.stat().st_size, "cut": 0}


def test_of_a_long_output_the_last_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(b"".join(b"line %03d\n" % i for i in range(100)))
    found = end_of_output(path, 95)
    assert found is not None
    assert found["spans"] == ["".join(f"line {i:03d}\n" for i in range(90, 100))]
    assert found["cut"] + len(found["spans"][0]) == found["size"]


def test_there_may_be_no_output(tmp_path: Path) -> None:
    assert end_of_output(tmp_path / "output.log", 100) is None
    (tmp_path / "output.log").touch()
    assert end_of_output(tmp_path / "output.log", 100) is None


def test_the_style_knows_every_colour_that_the_script_names() -> None:
    page = Page(document({"title": ""}))
    style = page.texts["style"][0]
    count = re.search(r"COLOURS = (\d+)", page.texts["script"][0])
    assert count
    assert all(f".k{i} " in style for i in range(int(count[1])))
    assert all(f".{place}{i} " in style for place in ("fg", "bg") for i in range(16))
