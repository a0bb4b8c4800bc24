"""Which calls of log are kept, where a script logs more often than anybody will look."""

from dataclasses import dataclass
from typing import Any

from mlterm.core.errors import RefusedError


@dataclass
class Thinning:
    """Every n-th call, and of those each with probability ``sample``; the others are counted.

    Raises RefusedError where the two are no number from 1 on, and no share above 0.
    """

    every: int = 1
    sample: float | None = None
    dropped: int = 0
    _calls: int = 0
    _random: Any = None

    def __post_init__(self) -> None:
        if self.every < 1 or not (self.sample is None or 0 < self.sample <= 1):
            raise RefusedError("every is a whole number from 1 on, sample a share of 1 above 0")

    @property
    def is_none(self) -> bool:
        """Whether every call is kept."""
        return self.every == 1 and self.sample is None

    def keeps(self) -> bool:
        """Whether this call is kept; the first one always reaches the draw."""
        self._calls += 1
        kept = (self._calls - 1) % self.every == 0
        if kept and self.sample is not None:
            if self._random is None:
                from random import Random  # a few ms, for those who sample

                self._random = Random()  # the script's own generator is not touched
            kept = self._random.random() < self.sample
        self.dropped += not kept
        return kept
