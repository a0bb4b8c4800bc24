"""What an expression says, as a tree: whether a run is one of those that it means."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlterm.core.query.names import Name
from mlterm.core.query.tokens import Piece
from mlterm.core.query.values import Test
from mlterm.core.summary import RunSummary


@dataclass(frozen=True)
class And:
    """All of them; without any, every run."""

    parts: tuple["Node", ...]

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is meant."""
        return all(part.accepts(run) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """One of them at least."""

    parts: tuple["Node", ...]

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is meant."""
        return any(part.accepts(run) for part in self.parts)


@dataclass(frozen=True)
class Not:
    """The others, those that have nothing to compare among them."""

    part: "Node"

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is meant."""
        return not self.part.accepts(run)


@dataclass(frozen=True)
class Has:
    """Runs that have something under a name."""

    name: Name

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is meant."""
        return bool(self.name.read(run))


@dataclass(frozen=True)
class Comparison:
    """Runs that have a value that passes; of ``!=``, that have some, all of which pass."""

    name: Name
    sign: str
    value: Piece
    test: Test = field(compare=False, repr=False)

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is meant."""
        values = self.name.read(run)
        if self.sign == "!=":
            return bool(values) and all(map(self.test, values))
        return any(map(self.test, values))


Node = And | Or | Not | Has | Comparison


def names_in(node: Node) -> Iterator[Name]:
    """All names, in their order."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from names_in(part)
    elif isinstance(node, Not):
        yield from names_in(node.part)
    else:
        yield node.name


@dataclass(frozen=True)
class Query:
    """A parsed expression."""

    text: str
    node: Node

    def accepts(self, run: RunSummary) -> bool:
        """Whether the run is one of those that are meant."""
        return self.node.accepts(run)

    @property
    def names(self) -> tuple[Name, ...]:
        """All names that stand in it, each once."""
        return tuple(dict.fromkeys(names_in(self.node)))

    @property
    def needs_metrics(self) -> bool:
        """Whether it looks at metrics, or may: a name that is no field may be one's."""
        return any(name.needs_metrics for name in names_in(self.node))
