"""A run in one object: the line that lists and ``--json`` show."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.moments import LONG_AGO, moment_of
from mlterm.core.records import Record, as_number, encode, encode_own, is_finite

COST_FIELDS = (
    "not_sampled", "samples", "peak_memory_bytes", "peak_memory_of", "memory_limit_bytes",
    "cpu_limit_cores", "cpu_seconds", "mean_cpu_percent", "peak_cpu_percent", "read_bytes",
    "written_bytes", "energy_kwh", "roles", "gpus",
)  # fmt: skip
"""What a finish record says of the cost; it is reckoned in core.cost."""
_NUMBERS = frozenset({int, float, type(None)})


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run from its file, its lock and nothing else."""

    project: str
    run_id: str
    status: str
    path: str
    aliases: list[str] = field(default_factory=list)
    started: str | None = None
    ended: str | None = None
    duration_seconds: float | None = None
    exit_code: int | None = None
    signal: str | None = None
    reason: str | None = None
    host: str | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    git: dict[str, Any] | None = None
    """Its commit, branch and whether it was dirty."""
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The goal and summary of each metric that has been told one (``define``)."""
    cost: dict[str, Any] = field(default_factory=dict)
    """What the finish record says of memory, CPU, GPUs and energy."""
    progress: dict[str, Any] | None = None
    """How far the output of a live run says that it is."""

    @property
    def name(self) -> str:
        """``project/run_id``, to tell runs apart by."""
        return f"{self.project}/{self.run_id}"

    @property
    def began(self) -> datetime:
        """What runs are sorted by: when it was started, and long ago where that is not told."""
        return moment_of(self.started) or LONG_AGO

    @property
    def title(self) -> str:
        """The name as it may be shown: a file may claim any, control sequences included."""
        return clean_text(self.name)

    def as_json(self) -> Record:
        """The documented object (DESIGN.md, shapes)."""
        return dict(vars(self))

    def encoded(self) -> bytes:
        """The same as a line of JSON."""
        numbers = (value for each in self.metrics.values() for value in each.values())
        is_plain = all(value is None or isfinite(value) for value in numbers)
        if is_plain and is_finite(self.hyperparameters):
            return encode_own(vars(self))
        return encode(vars(self))  # ten times the time, for NaN and infinities in words


def definitions_of(runs: Iterable[RunSummary]) -> dict[str, dict[str, Any]]:
    """What was defined of each metric: by the newest of the runs that did."""
    found: dict[str, dict[str, Any]] = {}
    for run in sorted((run for run in runs if run.definitions), key=lambda run: run.began):
        found |= run.definitions
    return found


def summaries_in(folded: object) -> dict[str, dict[str, Any]]:
    """Of what anybody may have written as ``metrics``: what is a metric's summary, the words for
    NaN and infinities as numbers again."""
    found = {}
    for name, each in folded.items() if isinstance(folded, dict) else ():
        if isinstance(each, dict):
            is_plain = _NUMBERS.issuperset(map(type, each.values()))
            found[name] = each if is_plain else {k: as_number(v) for k, v in each.items()}
    return found
