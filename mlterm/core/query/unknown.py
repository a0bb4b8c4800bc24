"""Names that no run has anything under, and what may have been meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.nearest import with_nearest
from mlterm.core.query.names import FIELDS, STATISTICS, Name, Scope
from mlterm.core.query.tokens import quoted
from mlterm.core.summary import RunSummary


def tell_unknown(names: Iterable[Name], runs: Sequence[RunSummary]) -> list[str]:
    """Of the names that are no fields those that none of the runs has, in words, with the
    nearest that there are: ``no run has 'vall_loss.min'; did you mean val_loss.min?``."""
    asked = (name for name in dict.fromkeys(names) if name.scope is not Scope.FIELD)
    strange = [name for name in asked if not any(map(name.read, runs))]
    return [_words(name, runs) for name in strange]


def _words(name: Name, runs: Sequence[RunSummary]) -> str:
    prefix = "" if name.scope is Scope.ANY else f"{name.scope.value}."
    statistic = next((end for each in STATISTICS if name.written.endswith(end := f".{each}")), "")
    own = name.written.removeprefix(prefix)
    there = dict.fromkeys(known for run in runs for known in _known(name.scope, run, statistic))
    there.pop(own, None)  # a metric that has no such statistic
    fields = FIELDS if name.scope is Scope.ANY else ()
    words = f"no run has '{clean_text(name.written)}'"
    return with_nearest(words, own, [*fields, *there], prefix=prefix)


def _known(scope: Scope, run: RunSummary, statistic: str) -> Iterator[str]:
    """As they are written in an expression."""
    if scope in (Scope.METRIC, Scope.ANY):
        yield from (f"{quoted(metric)}{statistic}" for metric in run.metrics)
    if scope in (Scope.PARAM, Scope.ANY):
        yield from _nested(run.hyperparameters)
    if scope is Scope.TAG:
        yield from map(quoted, run.tags)
    if scope is Scope.SYSTEM:
        yield from _nested(run.cost)


def _nested(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{before}{quoted(name)}"
        if isinstance(value, Mapping):
            yield from _nested(value, f"{before}{quoted(name)}.")
