"""Names of the language as columns and as what runs are sorted by."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.moments import moment_of
from mlterm.core.query.errors import MistakeError, QueryError
from mlterm.core.query.names import Kind, Name, Scope, name_of
from mlterm.core.query.tokens import Kind as Token
from mlterm.core.query.tokens import tokens_of
from mlterm.core.query.values import sort_key, text_of
from mlterm.core.records import as_number
from mlterm.core.summary import RunSummary

Value = float | int | bool | str | datetime
_MEASURES = (Kind.NUMBER, Kind.DURATION, Kind.BYTES)

_WHOLE: dict[str, Callable[[RunSummary], Sequence[str]]] = {
    "name": lambda run: (run.name,),
    "alias": lambda run: run.aliases,
}
"""Fields that are compared by the ends of what they are, too."""


@dataclass(frozen=True)
class Key:
    """A name, and what each run has under it."""

    name: Name

    @property
    def heading(self) -> str:
        """The name as it was written, without quotes, and safe to print."""
        return clean_text(self.name.written)

    @property
    def kind(self) -> Kind:
        """What its values are: durations are seconds, times datetimes."""
        return self.name.kind

    @property
    def needs_metrics(self) -> bool:
        """Whether it is a metric's, or may be."""
        return self.name.needs_metrics

    def of(self, run: RunSummary) -> Value | None:
        """None where the run has nothing, or null. Several aliases or notes are one text, and so
        are lists and dicts, as JSON. Times are aware."""
        is_field = self.name.scope is Scope.FIELD
        read = _WHOLE.get(self.name.written, self.name.read) if is_field else self.name.read
        values = read(run)
        if not values:
            return None
        if len(values) > 1 and is_field:
            return ", ".join(map(text_of, values))
        return _value(self.name.kind, values[0])


def _value(kind: Kind, value: Any) -> Value | None:
    if value is None or isinstance(value, bool):
        return value
    if kind is Kind.TIME:
        return moment_of(value)
    number = as_number(value)  # of a word for NaN, too
    if number is not None and (kind in _MEASURES or kind is Kind.ANY):
        return number
    return None if kind in _MEASURES else text_of(value)


@dataclass(frozen=True)
class Order:
    """Runs by a key: numbers before texts, what has neither last."""

    key: Key
    descending: bool = False

    def sort(self, runs: Iterable[RunSummary]) -> list[RunSummary]:
        """Those that are the same stay in their order; None and NaN are last either way."""
        ranked = [(_rank(self.key.of(run)), run) for run in runs]
        known = [(rank, run) for rank, run in ranked if rank is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [run for _, run in known] + [run for rank, run in ranked if rank is None]


def _rank(value: Value | None) -> tuple[int, Any] | None:
    if value is None or value != value:
        return None
    if isinstance(value, datetime):
        return 0, value
    return (1, sort_key(value)) if isinstance(value, str) else (0, value)


def parse_key(text: str) -> Key:
    """A name such as ``val_loss.min``, ``param.lr`` or ``started``. Raises QueryError."""
    return Key(_parse("name", text, text))


def parse_order(text: str) -> Order:
    """A name, with a ``-`` in front of it where the greatest shall be first; that of a metric
    whose name begins so stands in quotes. Raises QueryError."""
    descending = text.startswith("-")
    return Order(Key(_parse("key", text, text[descending:])), descending)


def _parse(what: str, whole: str, text: str) -> Name:
    behind = len(whole) - len(text)
    try:
        word, end, *_ = [*tokens_of(text), None]
        if word is None or word.kind is not Token.WORD:
            raise MistakeError(0, "a name is expected; in quotes it may have any characters")
        if end is None or end.kind is not Token.END:
            raise MistakeError(word.end, "the end is expected here; a name with blanks or signs"
                               " is put in quotes")  # fmt: skip
        return name_of(word)
    except MistakeError as mistake:
        raise QueryError(what, whole, MistakeError(mistake.at + behind, mistake.words)) from None
