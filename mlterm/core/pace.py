"""How far a run is, where its output does not say: by the steps that its settings ask for."""

import math
from collections.abc import Mapping
from typing import Any

from mlterm.core.records import Record, as_number

_STEPS = (
    "max_steps", "total_steps", "num_steps", "num_training_steps", "total_timesteps", "max_iters",
    "max_iter", "num_iters", "total_iters", "steps", "iters",
)  # fmt: skip
_EPOCHS = ("epochs", "num_epochs", "n_epochs", "max_epochs", "num_train_epochs", "total_epochs")


def pace_of(hyperparameters: Mapping[str, Any], last: Record, elapsed: float) -> Record | None:
    """As ``progress`` of summary.json, from the last record of metrics, ``elapsed`` seconds
    after the start; None where the settings name no end of it."""
    names = {str(name).lower().replace("-", "_"): value for name, value in hyperparameters.items()}
    for wanted, step in (
        (_STEPS, _positive(last.get("_step", last.get("step")))),
        (_EPOCHS, _positive(last.get("epoch"))),
    ):
        totals = (_positive(names.get(name)) for name in wanted)
        total = next((number for number in totals if number), None)
        if step is not None and total is not None:
            fraction = min(1.0, step / total)
            eta = elapsed * (1 - fraction) / fraction if fraction and elapsed > 0 else None
            return {
                "step": step, "total": total, "fraction": fraction, "title": "", "rate": None,
                "rate_unit": "", "eta_seconds": eta,
            }  # fmt: skip
    return None


def _positive(value: object) -> float | None:
    number = as_number(value)
    return number if number is not None and 0 <= number < math.inf else None
