"""What lines of one shape say: where in a line each number stands, and what it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from mlterm.core.metrics.findings import Progress
from mlterm.core.metrics.tokens import Number

NO_RANK = 99
"""Of a step that is not told; the better one tells where a run is, the lower its rank."""
RATIO_RANK, BRACKET_RANK, LEADING_RANK = 4, 5, 6
"""Of steps without a name: ``3/10``, ``[3]``, and ``3:`` at a line's beginning."""


class Trust(IntEnum):
    """When a field counts as a metric."""

    IN_PLACE = 1
    """On a line that tells a step or an epoch."""
    IN_TRAINING = 2
    """There too, and once training is under way."""
    SURE = 3


@dataclass(slots=True)
class Field:
    """A number that a name stands before."""

    name: str
    number: Number
    unit: str
    trust: Trust
    total: Number | None = None
    """What to divide by, where a ratio has no percentage."""


@dataclass(slots=True)
class BarPlan:
    """Where a bar tells how far it is."""

    step: Number | None = None
    total: Number | None = None
    percent: Number | None = None
    title: str = ""
    rate: Number | None = None
    rate_unit: str = ""


@dataclass(slots=True)
class Plan:
    """All that lines of a shape say."""

    fields: list[Field] = field(default_factory=list)
    epoch: Number | None = None
    step: Number | None = None
    step_rank: int = NO_RANK
    bar: BarPlan | None = None
    """There if a progress is told, drawn or not."""
    is_bar: bool = False
    """Whether it is drawn, or its rate told."""
    begins_with_place: bool = False
    """Whether the line begins with its epoch or step: then it may be a header."""

    @property
    def says_nothing(self) -> bool:
        """Whether nothing of ours is in such a line."""
        return not self.fields and self.epoch is None and self.step is None and self.bar is None

    @property
    def has_place(self) -> bool:
        """Whether epoch or step are told well enough to trust what stands beside them."""
        if self.epoch is not None:
            return True
        return self.step is not None and len(self.fields) > (self.step_rank >= LEADING_RANK)


def progress_of(told: BarPlan, pieces: Sequence[str]) -> Progress:
    """What a bar says in one line."""
    step, total, percent, rate = (
        number and number.read(pieces)
        for number in (told.step, told.total, told.percent, told.rate)
    )
    fraction = None if percent is None else percent / 100
    if total and step is not None:
        fraction = step / total
    if fraction is not None:
        fraction = min(1.0, max(0.0, fraction))
    return Progress(step, total, fraction, told.title, rate, told.rate_unit)
