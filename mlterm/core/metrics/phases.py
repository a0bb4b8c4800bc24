"""Words that stand for themselves and say of which phase the rest of a line is: ``Test set:``,
``Train Epoch: 1``, ``| valid |``, ``Epoch(val)``."""

from typing import NamedTuple

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.line import Line
from mlterm.core.metrics.tokens import Number

_FILLERS = words.words_of(
    "set results result phase metrics stats step subset split loop scores report summary dataset "
    "data performance inner dataloader progress"
)
"""Words that may follow a phase: ``Test set``, ``Validation Results``."""
_MOST_FILLERS = 3


class Told(NamedTuple):
    """What such a word says."""

    phase: str = ""
    """Empty where it says nothing."""
    epoch: Number | None = None
    """``Train: 3 [10/100 …``"""


def told_phase(line: Line, i: int, begin: int, *, is_drawn: bool) -> Told:
    """What the word at token ``i`` says. The message begins at ``begin``; a bar is drawn in it,
    or not."""
    head, _, inner = line[i].text.removesuffix(")").partition("(")
    if inner:  # Epoch(train)
        is_place = words.is_epoch(head) or words.step_rank(head) is not None
        return Told((is_place and words.phase_of(inner)) or "")
    phase = words.phase_of(head)
    if phase is None or not _is_apart(line, i, begin):
        return Told()
    j = i + 1
    while line.is_word(j) and line[j].gap < 2 and j - i <= _MOST_FILLERS:
        low = line.low(j)
        if words.is_epoch(low) or words.step_rank(low) is not None:
            is_told = line[j + 1].kind in ("sep", "number", "ratio", "[")
            return Told(phase if is_told else "")  # Train Epoch: 1
        if low not in _FILLERS:
            return Told()
        j += 1
    following = line[j]
    if following.kind == "sep":
        if line[j + 1].kind != "number" or line[j + 1].unit == "it":
            return Told(phase)
        if line.is_whole(j + 1) and line[j + 2].kind in "[(":
            return Told(phase, line[j + 1].number)
        return Told()  # it is the name of a metric
    is_alone = (
        following.kind in "|-–—])>,[/•"
        or following.kind == "ratio"
        or (following.gap >= 2 and following.kind not in ("number", "end"))
        or (is_drawn and following.unit == "%")
    )
    return Told(phase if is_alone else "")


def _is_apart(line: Line, i: int, begin: int) -> bool:
    """Whether the word at ``i`` begins something."""
    before = line[i - 1]
    return (
        i <= begin
        or line[i].gap >= 2
        or before.kind in "|-–—[](,;:>/•"
        or before.kind in ("sep", "ratio", "number")
    )
