"""Whether a name and its number are a metric: by the words of the name and the unit alone."""

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.plans import Trust

BAR_RATES = words.words_of(
    "it/s its/s s/it ms/it s/step ms/step step/s steps/s batch/s batches/s s/batch ms/batch "
    "epoch/s s/epoch ep/s s/ep ms/epoch it/sec its/sec ms/iter s/iter s/item s/ex ms/ex"
)
EPOCH_RATES = words.words_of("epoch/s s/epoch ep/s s/ep ms/epoch")
"""The rates of bars that count epochs."""
SPELT_UNITS = words.words_of("dB ms nats bits bpc bpb px mm cm pixels points percent")
"""Units that stand behind a value as a word of their own."""
_TIMES = words.words_of("s ms us ns µs μs sec secs min mins m h hr hrs hour hours d")
_SIZES = words.words_of(
    "B KB MB GB TB kB KiB MiB GiB TiB mb gb kb MB/s KB/s GB/s kB/s B/s MiB/s KiB/s GiB/s G T W C "
    "°C Hz kHz MHz GHz bps kbps Mbps Gbps kbits/s kbit/s d it m h"
)
_LETTERS = frozenset("dgqjrpf")
"""Names of one letter that people give to what they measure."""
_LONGEST = 80


def judge(
    name: str, unit: str, *, is_told: bool, is_cell: bool, is_float: bool, in_braces: bool
) -> Trust | None:
    """When, if ever, a named number counts as a metric.

    ``is_told``: a sign makes it the name's value. ``is_cell``: the place where both stand does.
    ``is_float``: it is no plain integer. ``in_braces``: it is a dict's, where integers are values
    too.
    """
    if words.is_passed_over(name) or _is_nonsense(name) or unit in _SIZES:
        return None
    if words.parts(name) in (("step",), ("iter",)):
        return None  # where it is no place, it is the time that one took: DeepSpeed
    is_measured = words.is_measured(name)
    if unit in _TIMES and words.parts(name)[-1] not in ("latency", "loss"):
        return None
    if is_measured:
        if words.is_vague(name) or words.is_setting(name):
            return Trust.IN_TRAINING
        return Trust.SURE if is_float or is_told or is_cell else Trust.IN_TRAINING
    if not is_float and not in_braces:
        return None
    if len(name) == 1 and name not in _LETTERS:
        return None
    if (is_told and unit != "%") or words.phase_of(name):  # else it may be any progress
        return Trust.IN_TRAINING
    return Trust.IN_PLACE if is_told or is_cell else None


def is_of_optimizer(name: str) -> bool:
    """Whether a name is the same in all phases: the learning rate, the exploration."""
    last = words.parts(name)[-1:]
    return last in (("lr",), ("epsilon",)) or "learning_rate" in name.lower() or "/s" in name


def _is_nonsense(name: str) -> bool:
    low = name.lower()
    if low in words.ARTICLES or low in words.PREPOSITIONS or len(name) > _LONGEST:
        return True
    return not any(char.isalpha() for char in low)
