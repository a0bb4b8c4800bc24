"""The words before a number → the name of what it measures."""

from typing import NamedTuple

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.line import Line, cased, has_phase, says_place
from mlterm.core.metrics.tokens import Token

_LONGEST_NAME = 6
_MOST_WORDS = 14


class Name(NamedTuple):
    """What names a number."""

    text: str
    """Empty where nothing does."""
    is_told: bool
    """Whether a sign stands between them: ``name: 1``, not ``name 1``."""
    at: int
    """Its first token."""


def name_before(line: Line, i: int, *, has_glued_place: bool) -> Name:
    """The name of the number at token ``i``. ``has_glued_place``: the line tells a step as
    ``step:10``, so that ``name:0.5`` is one of its kind."""
    nothing = Name("", False, i)
    j = i - 1
    while line[j].kind in "([{" and line[j - 1].kind in ("sep", "word"):
        if line.is_word(j - 1) and line[j].kind != "[" and line[j].gap:
            return nothing  # word (12
        j -= 1
    if line[j].kind == "sep":
        if _is_location(line, j, i, has_glued_place=has_glued_place):
            return nothing
        text, at = _words_before(line, j - 1)
        return Name(text, True, at)
    if line[j].kind in "~≈":
        j -= 1
    if not line.is_word(j) or (
        line.low(j) in words.PREPOSITIONS and line.low(j) not in words.LINKS
    ):
        return nothing
    text, at = _words_before(line, j)
    return Name(text, False, at)


def is_inside_phrase(line: Line, k: int) -> bool:
    """Whether a number is a part of what is named: ``at epoch 3``, ``on the 10000 images``."""
    if not line.is_word(k - 1):
        return False
    before = line.low(k - 1)
    if before in words.ARTICLES or before in words.PREPOSITIONS:
        return k >= 2 and line.is_whole(k) and line.is_word(k + 1)
    if not (words.is_epoch(before) or words.step_rank(before) is not None or before == "class"):
        return False
    k -= 2
    while line.is_word(k) and line.low(k) in words.ARTICLES:
        k -= 1
    return line.low(k) in words.PREPOSITIONS and line.is_word(k - 1)


def place_before(line: Line, i: int) -> str:
    """The word right before a number within a phrase: ``Loss at epoch 3``."""
    if line.is_word(i - 1) and line.is_word(i - 2) and line.low(i - 2) in words.PREPOSITIONS:
        return line[i - 1].text
    return ""


def speed_name(line: Line, i: int) -> str:
    """``tokens/s``, ``img/sec`` at token ``i``, as the name of a speed; else nothing."""
    low = line.low(i)
    unit, stroke, per = low.partition("/")
    if not stroke:
        unit, _, per = low.partition("_per_")
    is_speed = per in ("s", "sec", "second", "seconds") and (
        unit in words.SPEEDS or unit.removesuffix("s") in words.SPEEDS
    )
    return cased(line[i].text) if is_speed else ""


def _is_location(line: Line, j: int, i: int, *, has_glued_place: bool) -> bool:
    """``cuda:0``, ``file:12``, ``python:3.12``: no name and value."""
    number, name = line[i].number, line[j - 1].text
    if line[j].text != ":" or line[j].gap or line[i].gap or not name or number is None:
        return False
    if words.is_measured(name) or says_place(name):
        return False
    return number.is_int or not has_glued_place


def _words_before(line: Line, j: int) -> tuple[str, int]:
    """The name that ends at token ``j``, and where it begins."""
    note = ""
    if line[j].kind in ")]":
        opened = next((k for k in range(j - 1, j - 5, -1) if line[k].kind in ("(", "[")), 0)
        inside = range(opened + 1, j)
        if not line.is_word(opened - 1) or not opened:
            return "", j
        if all(line.is_word(k) or line.is_whole(k) or line[k].kind in "/%" for k in inside):
            note = " ".join(line[k].text for k in inside)  # loss (train), reward (last 100)
        elif len(inside) != 1 or line[inside[0]].kind not in ("number", "ratio"):
            return "", j  # else loss (12/30): …
        j = opened - 1
    taken: list[Token] = []
    k = j
    while len(taken) < _MOST_WORDS:
        is_number = line[k].kind in ("number", "ratio") and k < j + 1
        if line.is_word(k) or (is_number and is_inside_phrase(line, k)):
            if taken and line[k - 1].kind == "number" and speed_name(line, k):
                break  # the unit of the value before
            taken.insert(0, line[k])
        elif line[k].kind != "&" or not taken:
            break
        k -= 1
        if line[k + 1].gap >= 2:
            break
    return (_named(line, taken, note), k + 1) if taken else ("", j)


def _is_place(taken: list[Token]) -> bool:
    """Whether what stands right before a number is where the run was."""
    last = taken[-1].text
    return words.is_epoch(last) or words.step_rank(last) is not None


def _named(line: Line, taken: list[Token], note: str) -> str:
    """Of all the words before a number those that name it."""
    groups: list[list[Token]] = [[]]
    is_start = False
    for token in taken:
        low = token.text.lower()
        if token.kind != "word" or low in words.PREPOSITIONS or low in words.LINKS or low == "and":
            groups.append([])
            is_start = low == "from"
        elif low in words.LEVELS and len(low) > 1 and not groups[-1]:
            if token is taken[-1] and words.is_measured(low):
                groups[-1].append(token)  # else it is the level of a log: INFO loss: …
        elif low not in words.ARTICLES:
            groups[-1].append(token)
    if is_start:
        return ""  # start training from score …
    groups = [group for group in groups if group]
    if not groups:
        return ""
    measured = (g for g in groups if any(words.is_measured(t.text) for t in g))
    best = next(measured, groups[0])
    if _is_place(taken) and best is not groups[-1]:
        is_at = taken[-2].text.lower() == "at"  # best loss at epoch: 3
        if is_at or not any(words.is_measured(token.text) for token in best):
            return ""  # restoring weights from the best epoch: 3
    if len(best) > _LONGEST_NAME or any(t.text.lower() in words.CHANGES for t in best):
        return ""
    name = "_".join(line.name(token) for token in best)
    note = note.partition(" ")[0]
    others = (token.text for group in groups if group is not best for token in group)
    phase = next((p for text in (note, *others) if (p := words.phase_of(text))), "")
    return f"{phase}/{name}" if phase and not has_phase(name) else name
