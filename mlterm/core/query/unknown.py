"""Names that no run has anything under, and what may have been meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.query.names import FIELDS, STATISTICS, Name, Scope
from mlterm.core.summary import RunSummary


def tell_unknown(names: Iterable[Name], runs: Sequence[RunSummary]) -> list[str]:
    """Of the names that are no fields those that none of the runs has, in words, with the
    nearest that there are: ``no run has 'vall_loss'; did you mean val_loss?``."""
    strange = [n for n in names if n.scope is not Scope.FIELD and not any(map(n.read, runs))]
    return [_words(name, runs) for name in strange]


def _words(name: Name, runs: Sequence[RunSummary]) -> str:
    import difflib

    there = dict.fromkeys(known for run in runs for known in _known(name.scope, run))
    fields = FIELDS if name.scope is Scope.ANY else ()
    own = name.written.removeprefix(f"{name.scope.value}.")
    bare, _, last = own.rpartition(".")
    sought = bare if last in STATISTICS and bare else own
    near = difflib.get_close_matches(sought, [*fields, *there], n=3)
    words = f"no run has '{clean_text(own)}'"
    return f"{words}; did you mean {' or '.join(map(clean_text, near))}?" if near else words


def _known(scope: Scope, run: RunSummary) -> Iterator[str]:
    if scope in (Scope.METRIC, Scope.ANY):
        yield from run.metrics
    if scope in (Scope.PARAM, Scope.ANY):
        yield from _flat(run.hyperparameters)
    if scope is Scope.TAG:
        yield from run.tags
    if scope is Scope.SYSTEM:
        yield from _flat(run.cost)


def _flat(tree: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
