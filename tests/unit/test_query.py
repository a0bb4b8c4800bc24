"""The language in which runs are asked for: what expressions mean."""

import itertools
import json
import math
import re
from typing import Any

import pytest

from mlterm.core.query import parse_query
from mlterm.core.query.names import FIELDS, PREFIXES, STATISTICS
from mlterm.core.summary import RunSummary
from tests.support import REPOSITORY
from tests.unit.querying import NOW, accepts, run

RUN = run(
    aliases=["vision/first", "vision/second"],
    started="2026-11-24T08:00:00.000000+00:00",
    ended="2026-11-24T10:30:01.500000+00:00",
    duration_seconds=9001.5,
    exit_code=1,
    reason="exit code 1",
    host="node-3",
    hyperparameters={
        "lr": 1e-4, "seed": 2**60 + 1, "text": "0.10", "name": "mine", "on": True, "off": False,
        "optim": {"lr": 0.1, "kind": "adam", "sched/warmup": 5}, "flat.lr": 0.3, "flat/wd": 0.4,
        "layers": [64, 64], "nothing": None, "words": "say \"hi\" and 'bye'", "überlänge": "große",
        "diverged": "NaN", "val_loss": 7, "big": str(2**70),
    },
    tags={"team": "vision", "version": "1.10", "fold": "3", "a b": "c"},
    notes=["a first look", "broken: see 42"],
    git={"commit": "08ebe64c0ffee", "branch": "main", "dirty": True},
    metrics={
        "val_loss": {"last": 0.3, "min": 0.1, "max": 2.0, "mean": 0.5, "first": 2.0, "count": 9},
        "train/loss": {"last": "NaN", "min": 0.05, "max": 1.0},
        "top@5": {"last": 0.9},
        "odd.min": {"last": 5.0},
        "plain": {"last": 1.0, "min": None},
        "plain.min": {"last": 4.0},
        "status": {"last": 12.0},
        "": {"last": 77.0},
    },
    cost={
        "peak_memory_bytes": 4 * 2**30, "peak_memory_of": "pss", "cpu_seconds": 5400.0,
        "gpus": [{"index": 0, "peak_memory_used_bytes": 1, "name": "A100"},
                 {"index": 1, "peak_memory_used_bytes": 5, "name": "H100"}],
        "roles": {"main": {"mean_cpu_percent": 99.0}},
    },
)  # fmt: skip

HOLDING = """
name = resnet-1
name = digits/resnet-1
name ~ resnet
name ~ "^digits/res"
NOT name ~ ^net
run_id = resnet-1
id = "resnet-1"
run_id > resnet-0 and run_id < resnet-10
project = digits
status = failed
status != running
status ~ "fail|lost"
alias = vision/first
alias = vision/second
alias = second
alias ~ second
note ~ "see 42"
path ~ [.]jsonl$
host = node-3
exit_code = 1
exit_code > 0 and exit_code <= 1.0
reason = "exit code 1"
has:reason
duration > 2h30m
duration >= "2h 30m"
duration < 9002
duration > 9e3 and duration < inf
git.commit = 08ebe64c0ffee
git.commit = 08eb
git.commit = "08EB"
git.commit != 08ebf
git.branch = main
git.dirty = true and git.dirty = 1 and git.dirty != false
val_loss = 0.3
val_loss.last = .3
val_loss.min < 0.2
val_loss.max=2
val_loss.mean==0.5
val_loss.first >= 2.
val_loss.count = 9
metric.val_loss < 1
param.val_loss = 7
metric."train/loss".min = 0.05
train/loss.min = 5e-2
"train/loss".min <= 0.05
train/loss = nan
metric.train/loss = NaN
train/loss.max != nan
val_loss != nan
diverged = nan
top@5 > 0.5
odd.min = 5
plain."min" = 4
metric.plain = 1
metric.status = 12
"status" = 12
"" = 77
has:""
lr < 1e-3
lr = 0.0001
lr = "0.0001"
lr != abc
seed = 1152921504606846977
seed != 1152921504606846976
big = 1180591620717411303424
text = 0.1
text = 0.10
text = "0.10"
text != "0.1"
text < 0.2
param.name = mine
on = true and on = 1 and on != false
off = FALSE and off < 1
optim.lr = 0.1
param.optim.lr = 0.1
optim/lr = 0.1
param.optim.kind = adam
optim.sched/warmup = 5
optim.sched.warmup = 5
flat.lr = 0.3
param.flat/lr = 0.3
flat/wd = 0.4
param.flat.wd = 0.4
layers = [64,64]
layers = "[64, 64]"
layers != "[64]"
layers ~ 64
optim = '{"kind": "adam", "lr": 0.1, "sched/warmup": 5}'
nothing = null
has:nothing
words = 'say "hi" and ''bye'''
words = "say ""hi"" and 'bye'"
überlänge = große
param.überlänge ~ ^gro
tag.team = vision
tag.version = 1.1
tag.version = "1.10"
tag.version != "1.1"
tag.fold < 3.5
tag."a b" = c
has:tag.team
HAS:metric.val_loss
has:val_loss.min
has:"train/loss"
( has:optim.lr )
system.peak_memory_bytes > 3GB
system.peak_memory_bytes = 4GiB
system.peak_memory_bytes = 4294967296
system.peak_memory_bytes < 4097mb
system.peak_memory_of = pss
system.cpu_seconds = 1h30m
system.gpus.peak_memory_used_bytes = 5
system.gpus.name = A100
system.gpus.name = H100
system.gpus.name ~ 100
system.roles.main.mean_cpu_percent > 98
has:system.gpus
started > "3 days ago"
started > 3 days ago and started < 2 DAYS AGO
started < today
ended > 2026-11-24T10:30:01+00:00
ended = 2026-11-24T10:30:01.5Z
started ~ 2026-11
status = failed and lr < 1e-3 and val_loss.min < 0.2 and started > "1 week ago" and tag.team = vision and name ~ "resnet"
"""  # noqa: E501 - the last is the one that the manual begins with
FAILING = """
name != resnet-1
name != digits/resnet-1
alias != vision/first
alias != first
git.commit = 08e
git.commit = 8eb
project = Digits
signal = SIGKILL
signal != SIGKILL
signal ~ .
has:signal
missing < 1
missing != 1
missing = missing
missing ~ .
has:missing
val_loss.median < 1
has:plain.min
plain.min = 4
train/loss < 1
train/loss > 1
train/loss.mean = nan
val_loss = 0.3000001
"val_loss.min" < 0.2
param.lr.min < 1
tag.lr < 1
team = vision
metric.lr < 1
lr > abc
lr = abc
lr ~ abc
text = "0.1"
words < 3
words = 3
layers < 3
layers = 64
layers = [64
nothing < 1
nothing != null
optim.kind.of = adam
system.energy_kwh < 5
system.gpus.name.x = 5
system.gpus.peak_memory_used_bytes = 1
has:alias and not has:note
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("text", lines(HOLDING))
def test_these_hold_of_the_run(text: str) -> None:
    assert accepts(text, RUN)


@pytest.mark.parametrize("text", lines(FAILING))
def test_these_do_not_hold_of_the_run(text: str) -> None:
    assert not accepts(text, RUN)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_means_every_run(text: str) -> None:
    query = parse_query(text, NOW)
    assert query.accepts(run())
    assert not query.needs_metrics


def with_values(*, a: bool, b: bool) -> RunSummary:
    return run(hyperparameters={name: 1 for name, told in (("a", a), ("b", b)) if told})


@pytest.mark.parametrize(("a", "b"), list(itertools.product([True, False], repeat=2)))
def test_truth_tables(a: bool, b: bool) -> None:
    of = with_values(a=a, b=b)
    assert accepts("has:a and has:b", of) == (a and b)
    assert accepts("has:a or has:b", of) == (a or b)
    assert accepts("not has:a", of) == (not a)
    assert accepts("not not has:a", of) == a
    assert accepts("not (has:a and has:b)", of) == accepts("not has:a or not has:b", of)
    assert accepts("not (has:a or has:b)", of) == accepts("not has:a and not has:b", of)


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product([True, False], repeat=3)))
def test_not_binds_tighter_than_and_and_that_than_or(a: bool, b: bool, c: bool) -> None:
    values = {name: 1 for name, told in (("a", a), ("b", b), ("c", c)) if told}
    of = run(hyperparameters=values)
    assert accepts("has:a or has:b and has:c", of) == (a or (b and c))
    assert accepts("has:a and has:b or has:c", of) == ((a and b) or c)
    assert accepts("not has:a and has:b", of) == ((not a) and b)
    assert accepts("NOT has:a OR has:b And not has:c", of) == ((not a) or (b and not c))
    assert accepts("(has:a or has:b) and has:c", of) == ((a or b) and c)


def test_what_is_missing_makes_every_comparison_false_and_its_contrary_true() -> None:
    without = run()
    for sign in ("=", "!=", "<", "<=", ">", ">=", "~"):
        assert not accepts(f"lr {sign} 1", without)
        assert accepts(f"not lr {sign} 1", without)
    assert accepts("not lr < 1", without)
    assert not accepts("lr >= 1", without)


def test_a_field_hides_what_is_called_as_it_is_until_a_prefix_or_quotes_say_so() -> None:
    of = run(hyperparameters={"status": "fine", "metric": {"x": 1}}, metrics={"id": {"last": 3}})
    assert accepts("status = failed and param.status = fine and 'status' = fine", of)
    assert accepts("id = resnet-1 and metric.id = 3", of)
    assert accepts('"metric".x = 1 and not has:metric.x', of)


def test_a_metric_hides_a_hyperparameter_of_its_name() -> None:
    of = run(hyperparameters={"lr": 1}, metrics={"lr": {"last": 2.0}})
    assert accepts("lr = 2 and metric.lr = 2 and param.lr = 1", of)


def test_of_hyperparameters_the_very_name_is_before_the_nested_one() -> None:
    tree = {"a.b": 1, "a/b": 2, "a": {"b": 3, "b.c": 4}, "a.b/c": 5}
    of = run(hyperparameters=tree)
    assert accepts("a.b = 1 and a/b = 2 and a.b/c = 5 and a.b.c = 4", of)
    assert accepts('param."a/b" = 2 and not has:param."a/b/c"', of)


@pytest.mark.parametrize(
    ("text", "needs"),
    [("status = failed", False), ("lr < 1", True), ("param.lr < 1", False), ("metric.a = 1", True),
     ("tag.a = 1 or system.samples > 3 and not has:git.commit", False), ("has:a", True),
     ("not (status = lost or a.min < 1)", True)],
)  # fmt: skip
def test_metrics_are_needed_where_a_name_may_be_one(text: str, needs: bool) -> None:
    assert parse_query(text, NOW).needs_metrics == needs


def test_the_names_are_told_each_once_in_their_order() -> None:
    names = parse_query('b = 1 and not (has:tag.x or b > 2) and metric."a/b".min < 1', NOW).names
    assert [name.written for name in names] == ["b", "tag.x", "metric.a/b.min"]


ANYWHERE = ("p", "tag.t", "m", "system.roles", "system.gpus.x", "system.samples", "git.branch")


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [[]], {"a": {"b": None}}, math.nan, True])
def test_whatever_a_file_holds_can_be_compared(value: Any) -> None:
    of = run(
        hyperparameters={"p": value}, tags={"t": value}, metrics={"m": {"last": value}},
        cost={"roles": value, "gpus": value, "samples": value}, git={"branch": value},
    )  # fmt: skip
    for name, literal in itertools.product(ANYWHERE, ("1", "x", "[1]", "null", "nan", "true", "{")):
        holding = [
            sign
            for sign in ("=", "!=", "<", ">=", "~")
            if accepts(f"{name} {sign} '{literal}'", of)
        ]
        assert not {"=", "!="} <= set(holding)
        assert not {"<", ">="} <= set(holding)


def test_a_search_of_what_is_no_text_looks_at_its_json() -> None:
    of = run(hyperparameters={"a": {"b": [1, None, True]}, "c": 0.5})
    assert accepts(r"""a ~ '^{"b":\[1,null,true]}$' and c ~ '^0\.5$'""", of)
    assert json.loads('{"b":[1,null,true]}') == of.hyperparameters["a"]


# --- What the manual says ---------------------------------------------------------------------


def manual() -> str:
    text = (REPOSITORY / "man" / "mlterm.1").read_text()
    begin = text.index(".SH FILTERS")
    return text[begin : text.index("\n.SH ", begin)].replace("\\-", "-").replace(r"\(ti", "~")


def tags_of(part: str) -> set[str]:
    """What the tagged paragraphs of a part are headed by."""
    heads = re.findall(r"^\.TP\n\.\w+ (.*)$", part, flags=re.MULTILINE)
    return {word for head in heads for word in re.findall(r"[a-z_]+(?:\.[a-z_]+)?\.?", head)}


def test_the_manual_names_every_field_and_no_other() -> None:
    _, _, fields = manual().partition("The fields are:")
    assert tags_of(fields) == set(FIELDS)


def test_the_manual_names_every_prefix_and_statistic() -> None:
    before, _, _ = manual().partition("The fields are:")
    assert tags_of(before) == {"name", *(f"{prefix.value}." for prefix in PREFIXES)}
    for statistic in STATISTICS:
        assert f" .{statistic} ,\n" in before or f" .{statistic}\n" in before


def test_the_examples_of_the_manual_are_understood_and_mean_something() -> None:
    (block,) = re.findall(r"\.EX\n(.*?)\.EE", manual(), flags=re.DOTALL)
    first, second, third, fourth = lines(block)
    assert accepts(first, run(started="2026-11-25T00:00:00+00:00"))
    good = run(
        run_id="resnet50", hyperparameters={"lr": 1e-4}, tags={"team": "vision"},
        metrics={"val_loss": {"min": 0.1, "last": 1.0}, "train/loss": {"min": 0.01, "last": 1.0}},
        duration_seconds=601.0,
    )  # fmt: skip
    bad = run(hyperparameters={"lr": 1e-2}, duration_seconds=599.0)
    for text in (second, third, fourth):
        assert accepts(text, good)
        assert not accepts(text, bad)
