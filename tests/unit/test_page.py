import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.portrait import Portrait
from mlterm.core.summary import RunSummary
from mlterm.ui.page import page
from mlterm.ui.rows import row_width, text_of
from tests.unit.viewing import series_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOSSES = [3.0, 1.0, 0.5, 2.0]
SUMMARY = RunSummary(
    project="digits", run_id="a", status="failed", path="/logs/digits_a.jsonl",
    started="2026-11-26T11:00:00+00:00", duration_seconds=61.0, exit_code=1, reason="exit code 1",
    host="gpu1", hyperparameters={"lr": 0.1, "optim": {"name": "sgd"}}, tags={"team": "vision"},
    notes=["diverges"], aliases=["digits/b"],
    git={"commit": "4f2a9c1d0e7b6a5948", "branch": "main", "dirty": True},
    metrics={
        "loss": {"last": 2.0, "min": 0.5, "max": 3.0, "mean": 1.625, "first": 3.0, "count": 4},
        "odd": {"last": math.nan, "min": None, "max": None, "mean": None, "count": 1},
    },
    cost={"peak_memory_bytes": 3 * 2**30, "mean_cpu_percent": 187.0},
)  # fmt: skip
RUN = Portrait(
    summary=SUMMARY,
    origin={"cwd": "/my work", "python": {"version": "3.12.1", "executable": "/bin/python"},
            "parent": "digits/sweep"},
    argv=["python", "train.py", "--lr", "0.1"],
    definitions={},
    series={"loss": series_of(LOSSES)},
    artifacts=[{"name": "model", "size_bytes": 2048, "sha256": "ab" * 32, "_step": 300,
                "copy": "artifacts/model.pt", "description": "the best"}],
    alerts=[{"timestamp": "2026-11-26T11:00:30+00:00", "level": "error", "text": "NaN loss"}],
    tail=["Traceback (most recent call last):", "ValueError: \x1b[2Jx"],
    files=[("/logs/digits_a.jsonl", 4096), ("/logs/digits_a/source.patch", 10)],
    broken_lines=2,
)  # fmt: skip


def shown(run: Portrait, width: int | None = None) -> str:
    return "\n".join(text_of(page(run, NOW, width, "/logs")))


@pytest.mark.parametrize("odd", ["", "x", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00"])
def test_what_has_no_time_has_a_page(odd: str) -> None:
    west = NOW.astimezone(timezone(timedelta(hours=-5)))
    alert = {"timestamp": odd, "level": "error", "text": "NaN loss"}
    run = replace(RUN, summary=replace(SUMMARY, started=odd), alerts=[alert])
    rows = text_of(page(run, west, None))
    assert rows[2] == "exit code 1 · 1 min 01 s"
    assert "error  NaN loss" in rows


def test_a_page_says_all_that_is_known() -> None:
    assert (
        shown(RUN)
        == """\
digits/a
● failed
exit code 1 · started 2026-11-26 11:00:00 (1 h ago) · 1 min 01 s

cd '/my work' && python train.py --lr 0.1

aliases  digits/b
parent   digits/sweep
host     gpu1
python   3.12.1 /bin/python
git      4f2a9c1d0e7b main, with changes (source.patch)
tags     team=vision
notes    diverges

HYPERPARAMETERS
lr          0.1
optim.name  sgd

METRIC  LAST  BEST  AT  MIN  MAX   MEAN  COUNT
loss       2   0.5   2  0.5    3  1.625      4  █▇▆▅▄▃▂▂▂▂▂▁▁▁▂▂▃▄▅▅
odd      NaN                                 1

COST
peak memory 3 GB · CPU 187% mean

ARTIFACT  STEP  SIZE  SHA-256     COPY
model      300  2 KB  ababababab  artifacts/model.pt  the best

ALERTS
11-26 11:00:30 error  NaN loss

FILE                   SIZE
digits_a.jsonl         4 KB
digits_a/source.patch  10 B

2 lines of its file are broken, and passed over

END OF THE OUTPUT
Traceback (most recent call last):
ValueError: \\x1b[2Jx"""
    )


def test_a_narrow_page_has_the_best_value_for_longer_than_the_mean() -> None:
    text = shown(RUN, 40)
    assert "BEST" in text
    assert "MEAN" not in text


def test_where_a_value_was_reached_is_a_span_in_a_folded_series_and_unknown_in_a_sampled_one() -> (
    None
):
    values = [float(abs(700 - step)) for step in range(1500)]
    metrics = {"loss": {**SUMMARY.metrics["loss"], "min": 0.0}}
    long = replace(
        RUN, summary=replace(SUMMARY, metrics=metrics), series={"loss": series_of(values)}
    )
    assert "700" in shown(long)
    assert long.as_json()["best"]["loss"] == {"goal": "min", "value": 0.0, "step": 700}
    sampled = replace(long, is_sampled=True)
    assert "700" not in shown(sampled)
    assert sampled.as_json()["best"]["loss"]["step"] is None


def test_a_run_of_which_nothing_is_known_has_a_page() -> None:
    bare = Portrait(RunSummary("p", "r", "lost", "/p_r.jsonl"), {})
    assert shown(bare) == "p/r\n● lost"
    assert bare.as_json()["command"] is None
    assert bare.as_json()["best"] == {}


def test_the_object_has_the_fields_of_a_list_and_what_that_leaves_out() -> None:
    told = RUN.as_json()
    assert told.items() >= {"project": "digits", "exit_code": 1, "broken_lines": 2}.items()
    assert told["command"] == "cd '/my work' && python train.py --lr 0.1"
    assert told["files"][0] == {"path": "/logs/digits_a.jsonl", "size_bytes": 4096}
    assert told["git"]["branch"] == "main"


def test_of_very_many_alerts_and_artifacts_the_last_are_shown() -> None:
    alerts = [{**RUN.alerts[0], "text": f"number {n}"} for n in range(100)]
    text = shown(replace(RUN, alerts=alerts))
    assert "number 99" in text
    assert "number 79" not in text
    assert "and 80 before" in text


NAMES = st.text(max_size=40)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.floats(), st.integers(), NAMES, st.none(), st.lists(st.floats(), max_size=3)
)


@settings(max_examples=25)
@given(
    st.dictionaries(NAMES, VALUES, max_size=8),
    st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["last", "min", "max", "mean", "count"]),
                                           st.one_of(st.none(), st.floats()))),
    st.text(max_size=300),
    st.integers(20, 200),
)  # fmt: skip
def test_whatever_a_file_says_no_row_goes_beyond_the_edge(
    settings_: dict[str, Any], metrics: dict[str, Any], words: str, width: int
) -> None:
    summary = replace(
        SUMMARY, run_id=words[:128], hyperparameters=settings_, metrics=metrics, notes=[words],
        tags={words: words}, reason=words, git={"commit": words, "branch": words, "dirty": True},
    )  # fmt: skip
    alert = {"timestamp": words, "level": words[:5], "text": words}
    run = replace(RUN, summary=summary, argv=(), tail=(), alerts=[alert],
                  artifacts=[{"name": words, "description": words}])  # fmt: skip
    rows = page(run, NOW, width)
    assert max(map(row_width, rows)) <= width


@pytest.mark.parametrize("width", [None, 20, 80, 200])
def test_no_row_ends_in_blanks(width: int | None) -> None:
    assert all(text == text.rstrip() for text in text_of(page(RUN, NOW, width)))
