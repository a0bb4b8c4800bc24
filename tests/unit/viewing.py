"""A run for tests of the view: what a feed would hand over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlterm.core.series import Series
from mlterm.core.summary import RunSummary
from mlterm.ui.model import Line

NAMES = ("train/loss", "val/loss", "accuracy", "lr")
SAMPLE: dict[str, Any] = {
    "t": 12.0,
    "job": {"cpu_percent": 187.0, "pss_bytes": 3 * 2**30, "rss_bytes": 4 * 2**30},
    "host": {"cpu_percent": 55.0, "cores": 8, "memory_total_bytes": 16 * 2**30, "load_1m": 1.5},
    "processes": [
        {"pid": 10, "ppid": 1, "name": "python", "role": "main", "state": "R",
         "cpu_percent": 98.1, "rss_bytes": 2**30, "pss_bytes": 2**29, "threads": 9},
        {"pid": 11, "ppid": 10, "name": "python", "role": "DataLoader worker", "state": "S",
         "cpu_percent": 12.0, "rss_bytes": 2**28, "pss_bytes": 2**27, "threads": 1},
        {"pid": 12, "ppid": 10, "name": "evil\x1b[2J\n", "role": None, "state": "Z",
         "cpu_percent": None, "rss_bytes": 0, "pss_bytes": None, "threads": 1},
    ],
    "gpus": [{"index": 0, "utilization_percent": 87, "memory_used_bytes": 14 * 2**30,
              "memory_total_bytes": 80 * 2**30, "temperature_celsius": 64, "power_watts": 280}],
}  # fmt: skip


def series_of(values: list[float]) -> Series:
    one = Series()
    for step, value in enumerate(values):
        one.add(value, step)
    return one


@dataclass
class FakeModel:
    """A model that stays as it was made."""

    summary: RunSummary
    elapsed_seconds: float | None = 723.0
    series: Mapping[str, Series] = field(default_factory=dict)
    progress: Mapping[str, Any] | None = None
    system: Mapping[str, Series] = field(default_factory=dict)
    sample: Mapping[str, Any] | None = None
    definitions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    loading: float = 1.0
    beside: Sequence[str] = ()

    def lines(self, name: str) -> list[Line]:
        return [Line(name, self.series[name])] if name in self.series else []


def model(**changes: Any) -> FakeModel:
    """A run of four metrics that is sampled, and a third done."""
    summary = RunSummary("digits", "train-20261126-101500", "running", "/logs/d.jsonl",
                         duration_seconds=723.0, host="gpu1")  # fmt: skip
    curves = {name: series_of([math.exp(-i / 30) for i in range(100)]) for name in NAMES}
    system = {"job/cpu_percent": series_of([100.0, 187.0]), "job/pss_bytes": series_of([1e9, 3e9])}
    progress = {"fraction": 0.34, "eta_seconds": 250.0, "step": 340, "total": 1000}
    made = {"series": curves, "system": system, "progress": progress, "sample": SAMPLE}
    return FakeModel(**{"summary": summary, **made, **changes})
