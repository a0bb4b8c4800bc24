"""What the samples of a run add up to, on the slate that observer and keeper share.

A module of its own, since the keeper reads it at a run's end and imports nothing else here.
"""

from contextlib import suppress

from mlterm.core import records
from mlterm.core.cost import Cost
from mlterm.core.records import Record
from mlterm.system.slate import Slate


def cost_of(sums: Slate) -> Cost | None:
    """None where nothing was sampled."""
    with suppress(ValueError, KeyError):
        return Cost.from_json(state_on(sums)["cost"])
    return None


def finish_fields(sums: Slate) -> Record:
    """What the finish record says of the cost, or why it says nothing."""
    if (why := state_on(sums).get("not_sampled")) is not None:
        return {"not_sampled": why}
    cost = cost_of(sums)
    return {} if cost is None else cost.finish_fields()


def state_on(sums: Slate) -> Record:
    """All that whoever goes on with the sampling needs; empty at the beginning."""
    return records.decode(sums.read()) or {}
