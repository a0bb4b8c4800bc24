import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.differences import (
    Fact,
    Subject,
    as_json,
    change_of,
    differing_names,
    facts_of,
    flattened,
    is_better,
    packages_in,
    source_diff,
)
from mlterm.core.summary import RunSummary


def subject(name: str, packages: dict[str, str] | None = None, **fields: Any) -> Subject:
    origin = {k: fields.pop(k) for k in ("argv", "environment", "python") if k in fields}
    patch = fields.pop("patch", None)
    summary = RunSummary("p", name, fields.pop("status", "completed"), f"/{name}", **fields)
    return Subject(summary, origin, packages, patch)


def metric(last: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"last": last, "min": low, "max": high}


def differing(*subjects: Subject) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {(f.section, f.name): f.values for f in facts_of(subjects) if f.differs}


def test_only_what_is_not_the_same_differs() -> None:
    one = subject("a", hyperparameters={"lr": 0.1, "seed": 1, "optim": {"name": "sgd"}})
    other = subject("b", hyperparameters={"lr": 0.2, "seed": 1.0, "optim": {"name": "adam"}})
    assert differing(one, other) == {
        ("hyperparameters", "lr"): (0.1, 0.2),
        ("hyperparameters", "optim.name"): ("sgd", "adam"),
    }


def test_what_a_run_lacks_differs_but_nan_does_not_from_nan() -> None:
    one = subject("a", hyperparameters={"x": math.nan, "flag": True, "y": 1})
    other = subject("b", hyperparameters={"x": math.nan, "flag": 1})
    assert differing(one, other) == {
        ("hyperparameters", "flag"): (True, 1),
        ("hyperparameters", "y"): (1, None),
    }


def test_names_differ_among_the_runs_that_have_any() -> None:
    told = [{"lr": 1, "seed": 7}, {}, {"lr": 2, "seed": 7.0, "x": "NaN"}, {"lr": 1, "seed": 7}]
    assert differing_names(told) == ["lr", "x"]
    assert differing_names(told[:2]) == []


def test_metrics_have_their_last_value_and_by_the_goal_their_best() -> None:
    one = subject("a", metrics={"loss": metric(0.5, 0.1, 2.0), "x": metric(1, 0, 1)})
    other = subject("b", metrics={"loss": metric(0.4, 0.2, 2.0), "x": metric(2, 0, 3)})
    facts = {fact.name: fact for fact in facts_of([one, other])}
    assert facts["loss"].best == {1}
    assert facts["loss.min"].values == (0.1, 0.2)
    assert facts["loss.min"].best == {0}
    assert facts["x"].best == set()
    assert "x.min" not in facts
    assert "x.max" not in facts


def test_what_was_defined_outranks_a_metrics_name() -> None:
    told = {"loss": {"goal": "maximize", "summary": None}}
    one = subject("a", metrics={"loss": metric(0.5, 0.1, 2.0)})
    other = subject("b", metrics={"loss": metric(0.4, 0.2, 3.0)}, definitions=told)
    facts = {fact.name: fact for fact in facts_of([one, other])}
    assert facts["loss"].best == {0}
    assert facts["loss.max"].values == (2.0, 3.0)


def test_neither_nan_nor_what_all_have_is_best() -> None:
    def best(*values: float | None) -> set[int]:
        return Fact("metrics", "loss", values, True, goal="min").best

    assert best(math.nan, 2.0, 3.0) == {1}
    assert best(2.0, 2.0, 3.0) == {0, 1}
    assert best(2.0, 2.0) == set()
    assert best(None, 2.0) == set()
    assert best(-math.inf, 2.0) == {0}


def test_packages_that_were_not_recorded_tell_no_difference() -> None:
    one, two = subject("a", {"torch": "2.1", "numpy": "1"}), subject("b", {"torch": "2.2"})
    assert differing(one, two, subject("c")) == {
        ("packages", "torch"): ("2.1", "2.2", None),
        ("packages", "numpy"): ("1", None, None),
    }
    assert differing(one, subject("c")) == {}


def test_git_and_environment_are_compared() -> None:
    one = subject("a", git={"commit": "a" * 40, "branch": "m", "dirty": False}, environment={})
    other = subject(
        "b", git={"commit": "b" * 40, "branch": "m", "dirty": True}, patch="f00",
        environment={"CUDA_VISIBLE_DEVICES": "0"},
    )  # fmt: skip
    assert set(differing(one, other)) == {
        ("git", "commit"), ("git", "dirty"), ("git", "source.patch"),
        ("environment", "CUDA_VISIBLE_DEVICES"),
    }  # fmt: skip


def test_figures_of_several_gpus_are_one() -> None:
    gpus = [
        {"index": 0, "peak_memory_used_bytes": 5, "mean_utilization_percent": 50},
        {"index": 1, "peak_memory_used_bytes": 9, "mean_utilization_percent": 100},
    ]
    found = differing(subject("a", cost={"gpus": gpus}), subject("b", cost={"gpus": "odd"}))
    assert found == {
        ("cost", "gpus"): (2, None),
        ("cost", "gpu_peak_memory_bytes"): (9, None),
        ("cost", "gpu_mean_utilization_percent"): (75.0, None),
    }


def test_the_object_has_the_last_and_the_best_of_a_metric_if_either_differs() -> None:
    one = subject("a", metrics={"loss": metric(0.5, 0.1, 2.0), "acc": metric(1.0, 0.5, 1.0)})
    other = subject("b", metrics={"loss": metric(0.5, 0.2, 2.0), "acc": metric(1.0, 0.5, 1.0)})
    facts = facts_of([one, other])
    shown = as_json([one, other], facts)
    assert [run["run_id"] for run in shown["runs"]] == ["a", "b"]
    loss = {"goal": "min", "last": [0.5, 0.5], "best": [0.1, 0.2]}
    assert shown["differs"]["metrics"] == {"loss": loss}
    assert "same" not in shown
    same = as_json([one, other], facts, everything=True)["same"]
    assert same["metrics"] == {"acc": {"goal": "max", "last": [1.0, 1.0], "best": [1.0, 1.0]}}


def test_names_that_collide_when_flattened_are_kept_apart() -> None:
    assert flattened({"a.b": 1, "a": {"b": 2, "c": {}}}) == {"a.b": 1, "a.b_": 2, "a.c": {}}


@pytest.mark.parametrize(
    ("value", "base", "change"),
    [
        (0.969, 1, "−3.1%"), (1.5, 1, "+50%"), (2, 1, "×2"), (0.001, 0.1, "×0.01"),
        (0.012, 0, "+0.012"), (-1, 1, "−2"), (1.0001, 1, "+0.0001"), (1, 1, ""), (math.nan, 1, ""),
        (None, 1, ""), (1, None, ""), (True, 1, ""), ("2", 1, ""), (math.inf, 1, ""),
    ],
)  # fmt: skip
def test_changes_are_told_as_a_person_says_them(value: Any, base: Any, change: str) -> None:
    assert change_of(value, base, lambda number: f"{number:.3g}") == change


@given(st.floats(), st.floats())
def test_any_two_numbers_have_a_change(value: float, base: float) -> None:
    change_of(value, base, str)


def test_what_is_better_follows_from_the_goal() -> None:
    fact = Fact("metrics", "loss", (1.0, 2.0), True, goal="min")
    assert is_better(fact, 0.5, 1.0) is True
    assert is_better(fact, 1.5, 1.0) is False
    assert is_better(fact, 1.0, 1.0) is None
    assert is_better(Fact("metrics", "x", (), True), 0.5, 1.0) is None


def test_packages_are_read_by_name() -> None:
    text = "numpy==1.26\nmine @ file:///x\n\n-e git+https://y\n"
    assert packages_in(text) == {"numpy": "1.26", "mine": "file:///x", "-e git+https://y": ""}


def test_sources_are_told_apart_file_by_file() -> None:
    same = "diff --git a/x b/x\n+1\n"
    lines = source_diff(
        f"{same}diff --git a/y b/y\n+2", f"{same}diff --git a/y b/y\n+3", ("a", "b")
    )
    assert list(lines) == ["--- a", "+++ b", "@@ -1,2 +1,2 @@", " diff --git a/y b/y", "-+2", "++3"]
    assert list(source_diff(same, same, ("a", "b"))) == []
