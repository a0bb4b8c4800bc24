"""What a name means, and what a run has under it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.nearest import with_nearest
from mlterm.core.query.errors import MistakeError
from mlterm.core.query.tokens import Token
from mlterm.core.records import as_number
from mlterm.core.summary import COST_FIELDS, RunSummary

Values = Sequence[Any]
"""What a run has under a name: nothing, one value, or several (its aliases, its notes)."""
_Read = Callable[[RunSummary], Values]


class Kind(Enum):
    """What values a name has; its value says it to a person."""

    TEXT = "a text"
    STATUS = "a status"
    COMMIT = "a commit, or its beginning"
    NUMBER = "a number"
    TIME = "a time"
    DURATION = "a duration"
    BYTES = "an amount of bytes"
    ANY = "a number, a text or anything else"


class Scope(Enum):
    """Where a name is looked up; its value is the prefix that says so."""

    FIELD = "field"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    SYSTEM = "system"
    ANY = "any"
    """A metric, or else a hyperparameter."""


STATISTICS = ("last", "min", "max", "mean", "first", "count")
MOST_PARTS = 32
PREFIXES = (Scope.METRIC, Scope.PARAM, Scope.TAG, Scope.SYSTEM)


def _one(read: Callable[[RunSummary], Any]) -> _Read:
    def values(run: RunSummary) -> Values:
        value = read(run)
        return () if value is None else (value,)

    return values


def _git(name: str) -> _Read:
    return _one(lambda run: (run.git or {}).get(name))


FIELDS: dict[str, tuple[Kind, _Read]] = {
    "name": (Kind.TEXT, lambda run: (run.name, run.run_id)),
    "run_id": (Kind.TEXT, lambda run: (run.run_id,)),
    "id": (Kind.TEXT, lambda run: (run.run_id,)),
    "alias": (Kind.TEXT, lambda run: [*run.aliases, *(a.rpartition("/")[2] for a in run.aliases)]),
    "project": (Kind.TEXT, lambda run: (run.project,)),
    "status": (Kind.STATUS, lambda run: (run.status,)),
    "started": (Kind.TIME, _one(lambda run: run.started)),
    "ended": (Kind.TIME, _one(lambda run: run.ended)),
    "duration": (Kind.DURATION, _one(lambda run: run.duration_seconds)),
    "exit_code": (Kind.NUMBER, _one(lambda run: run.exit_code)),
    "signal": (Kind.TEXT, _one(lambda run: run.signal)),
    "reason": (Kind.TEXT, _one(lambda run: run.reason)),
    "host": (Kind.TEXT, _one(lambda run: run.host)),
    "path": (Kind.TEXT, lambda run: (run.path,)),
    "note": (Kind.TEXT, lambda run: run.notes),
    "git.commit": (Kind.COMMIT, _git("commit")),
    "git.branch": (Kind.TEXT, _git("branch")),
    "git.dirty": (Kind.NUMBER, _git("dirty")),
}


@dataclass(frozen=True)
class Name:
    """A name of the language. ``read`` gives what a run has under it."""

    written: str
    """Without quotes."""
    scope: Scope
    kind: Kind
    read: _Read = field(compare=False, repr=False)

    @property
    def needs_metrics(self) -> bool:
        """Whether it may be a metric's."""
        return self.scope in (Scope.METRIC, Scope.ANY)


@dataclass(frozen=True)
class _Part:
    text: str
    quoted: bool


def name_of(token: Token) -> Name:
    """The name that a word is. Raises MistakeError where it can be none.

    A part in quotes is the user's: never a field, a prefix or ``min``.
    """
    parts = list(_parts(token))
    if len(parts) > MOST_PARTS:
        words = f"a name has {MOST_PARTS} parts at most; this one, in quotes, has one"
        raise MistakeError(token.at, words)
    written = _joined(parts)
    if written in FIELDS and not any(part.quoted for part in parts):
        kind, read = FIELDS[written]
        return Name(written, Scope.FIELD, kind, read)
    scope = Scope.ANY
    if len(parts) > 1 and not parts[0].quoted:
        scope = next((each for each in PREFIXES if each.value == parts[0].text), Scope.ANY)
    if scope is Scope.ANY:
        return Name(written, scope, Kind.ANY, _either(_metric(parts), _param(parts)))
    own = parts[1:]
    if scope is Scope.METRIC:
        return Name(written, scope, Kind.NUMBER, _metric(own))
    if scope is Scope.PARAM:
        return Name(written, scope, Kind.ANY, _param(own))
    if scope is Scope.TAG:
        tag = _joined(own)
        return Name(written, scope, Kind.ANY, _one(lambda run: run.tags.get(tag)))
    if own[0].text not in COST_FIELDS:
        raise MistakeError(token.at + len("system."), _no_figure(own[0].text))
    return Name(written, scope, _kind_of_figure(own[-1].text), _system(own))


def _parts(token: Token) -> Iterator[_Part]:
    """The word parted at its dots, but for those in quotes."""
    is_due = True  # a part is, as behind a dot
    for piece in token.pieces:
        at = piece.at
        for number, text in enumerate([piece.text] if piece.quote else piece.text.split(".")):
            if number and is_due:
                raise MistakeError(at - 1, "a part of a name is expected in front of this dot")
            is_due |= number > 0
            if text or piece.quote:
                if not is_due:
                    raise MistakeError(
                        at, "a dot, or a blank, is expected before and behind what is in quotes"
                    )
                yield _Part(text, bool(piece.quote))
                is_due = False
            at += len(text) + 1
    if is_due:
        raise MistakeError(token.end, "a part of a name is expected behind this dot")


def _joined(parts: Sequence[_Part]) -> str:
    return ".".join(part.text for part in parts)


def _either(first: _Read, second: _Read) -> _Read:
    return lambda run: first(run) or second(run)


def _metric(parts: Sequence[_Part]) -> _Read:
    """``loss.min`` is the least of ``loss``, or, where there is none, the last ``loss.min``."""
    ways = [(_joined(parts), "last")]
    if len(parts) > 1 and not parts[-1].quoted and parts[-1].text in STATISTICS:
        ways.insert(0, (_joined(parts[:-1]), parts[-1].text))

    def values(run: RunSummary) -> Values:
        for name, statistic in ways:
            if (summary := run.metrics.get(name)) is not None:
                number = as_number(summary.get(statistic))
                return () if number is None else (number,)
        return ()

    return values


def _param(parts: Sequence[_Part]) -> _Read:
    """A hyperparameter of that very name, else one in others (``optim.lr``, ``optim/lr``)."""
    name = _joined(parts)
    steps: list[str] = []
    for part in parts:
        steps += [part.text] if part.quoted else part.text.split("/")

    def values(run: RunSummary) -> Values:
        if name in run.hyperparameters:
            return (run.hyperparameters[name],)
        return next(((found,) for found in _nested(run.hyperparameters, steps)), ())

    return values


def _nested(tree: object, steps: Sequence[str]) -> Iterator[Any]:
    """What stands there in dicts of dicts, some of whose names may be joined by a dot or a
    stroke; of several, that with the longest names first."""
    if not steps:
        yield tree
    elif isinstance(tree, Mapping):
        for size in range(len(steps), 0, -1):
            for name in dict.fromkeys(sign.join(steps[:size]) for sign in "./"):
                if name in tree:
                    yield from _nested(tree[name], steps[size:])


def _system(parts: Sequence[_Part]) -> _Read:
    """A figure of the cost; of several devices the greatest, where they are numbers."""
    steps = [part.text for part in parts]

    def values(run: RunSummary) -> Values:
        found = [value for value in _inside(run.cost, steps) if value is not None]
        numbers = [n for value in found if (n := as_number(value)) is not None]
        return [max(numbers)] if numbers else found

    return values


def _inside(tree: object, steps: Sequence[str]) -> Iterator[Any]:
    if not steps:
        yield tree
    elif isinstance(tree, Mapping):
        if steps[0] in tree:
            yield from _inside(tree[steps[0]], steps[1:])
    elif isinstance(tree, list):
        for each in tree:
            yield from _inside(each, steps)


def _kind_of_figure(name: str) -> Kind:
    if name.endswith("_bytes"):
        return Kind.BYTES
    return Kind.DURATION if name.endswith("_seconds") else Kind.ANY


def _no_figure(name: str) -> str:
    words = f"system has no '{clean_text(name)}'"
    return with_nearest(words, name, COST_FIELDS, f": {', '.join(COST_FIELDS)}")
