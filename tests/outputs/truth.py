"""For the scripts of this folder: say what the program itself knows, beside what it prints.

Runs in the environments of the frameworks, so it needs nothing but Python. What is said
goes to the file that OUTPUT_TRUTH names, one JSON object a line; without it, nowhere.
"""

import json
import os
from numbers import Real
from typing import Any


def expect(metrics: dict[str, Any], *, epoch: float | None = None, step: int | None = None) -> None:
    """These metrics are printed, and must be found.

    Names as README.md has them. ``epoch`` and ``step`` only where the output tells them.
    """
    _say("expect", metrics, epoch, step)


def allow(metrics: dict[str, Any], *, epoch: float | None = None, step: int | None = None) -> None:
    """These are true, and may be found: a state of a bar that is redrawn before its end."""
    _say("allow", metrics, epoch, step)


def hyperparameters(values: dict[str, Any]) -> None:
    """These are printed as the program's configuration."""
    _write({"kind": "hyperparameters", "values": values})


def _say(kind: str, metrics: dict[str, Any], epoch: float | None, step: int | None) -> None:
    values = {name: _number(value) for name, value in metrics.items()}
    _write({"kind": kind, "metrics": values, "epoch": epoch, "step": step})


def _number(value: Any) -> float | int | str:
    number = value if isinstance(value, int) else float(value)
    finite = isinstance(number, Real) and number - number == 0
    return number if finite else {"nan": "NaN", "inf": "Infinity"}.get(str(number), "-Infinity")


def _write(record: dict[str, Any]) -> None:
    if path := os.environ.get("OUTPUT_TRUTH"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, default=str) + "\n")
