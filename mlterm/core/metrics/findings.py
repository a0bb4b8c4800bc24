"""What is found in one state of a line."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Progress:
    """How far the run is, as the output tells."""

    step: float | None = None
    total: float | None = None
    fraction: float | None = None
    title: str = ""
    rate: float | None = None
    rate_unit: str = ""

    @property
    def eta_seconds(self) -> float | None:
        """By the bar's own rate."""
        if not self.rate or self.total is None or self.step is None:
            return None
        left = max(0.0, self.total - self.step)
        is_per_second = self.rate_unit.endswith(("/s", "/sec"))
        return left / self.rate if is_per_second else left * self.rate * _seconds(self)


def _seconds(progress: Progress) -> float:
    return 0.001 if progress.rate_unit.startswith("ms") else 1.0


@dataclass(slots=True)
class Row:
    """What a row, a box or a dict says."""

    metrics: dict[str, float | int] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    epoch: float | int | None = None
    step: int | None = None


@dataclass(slots=True)
class Finding:
    """Metrics, or a configuration, and where they stood."""

    offset: int
    rule: str
    """By which rule they were found, in words for a person."""
    metrics: dict[str, float | int] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    epoch: float | int | None = None
    step: int | None = None
    hyperparameters: dict[str, Any] | None = None
    is_passing: bool = False
    """A state of a line that was, or will be, drawn again."""
    bar: object = None
    """What tells one bar from another."""
    fraction: float | None = None
    is_full: bool = False
    """Whether the bar has come to its end."""
    moment: float | None = None
    """When it was printed, in seconds on the clock of output.idx."""
