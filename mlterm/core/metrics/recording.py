"""Findings → the fields of records, as mlterm-format(5) describes them."""

from mlterm.core.metrics.findings import Finding
from mlterm.core.metrics.vocabulary import parts
from mlterm.core.records import Record, user_fields

SOURCE = "output"


def record_of(found: Finding) -> Record:
    """All of a record but its timestamp."""
    if found.hyperparameters is not None:
        users = user_fields(found.hyperparameters)
        return {"type": "hyperparameters", **users, "_source": SOURCE, "_offset": found.offset}
    record: Record = {"type": "metrics"}
    if found.epoch is not None:
        record["epoch"] = found.epoch
    record |= user_fields(found.metrics)
    if found.step is not None:
        record["_step"] = found.step
    if found.units:
        record["_units"] = found.units
    return record | {"_source": SOURCE, "_offset": found.offset}


def same_name(name: str) -> str:
    """What two spellings of a name have in common: ``train/Loss``, ``train_loss``."""
    return "_".join(parts(name))


def without(found: Finding, names: frozenset[str] | set[str]) -> Finding | None:
    """The finding less what a Tracker logs under the same names; None where nothing is left."""
    if not names or found.hyperparameters is not None:
        return found
    kept = {name: value for name, value in found.metrics.items() if same_name(name) not in names}
    if not kept:
        return None
    if len(kept) < len(found.metrics):
        found.metrics = kept
        found.units = {name: unit for name, unit in found.units.items() if name in kept}
    return found
