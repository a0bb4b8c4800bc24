"""A user's own patterns: templates and regular expressions → what finds metrics in a line.

``val {loss:f} at {step:d}`` is a template: text with fields in it. ``re:(?P<loss>[0-9.]+)`` (or
between two strokes, ``/…/``) is a regular expression with named groups, in which two underscores
stand for a stroke. The first match in a line counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlterm.core.errors import RefusedError

EPOCH, STEPS = "epoch", ("step", "_step")
_NUMBER = (
    r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
)
_KINDS = {
    "f": rf"(?:{_NUMBER}|[-+]?(?:nan|inf(?:inity)?))",
    "d": r"[-+]?[0-9]+",
    "w": r"\S+",
}
_NAME = re.compile(r"[A-Za-z_][\w/.@-]*")
_HELP = "Write text with fields in it, such as 'val {loss:f} at {step:d}', or re:REGEX."
_LONGEST = 1000


@dataclass(frozen=True)
class Found:
    """What a pattern found in a line."""

    values: dict[str, float | int]
    epoch: float | int | None = None
    step: int | None = None


@dataclass(frozen=True)
class Pattern:
    """One compiled pattern."""

    text: str
    regex: re.Pattern[str]
    names: dict[str, str] = field(default_factory=dict)
    """The metric that each group is."""

    def find(self, line: str) -> Found | None:
        """The values of the first match in a line; None where there is none."""
        match = self.regex.search(line)
        if match is None:
            return None
        values: dict[str, float | int] = {}
        epoch: float | int | None = None
        step: int | None = None
        for group, name in self.names.items():
            number = _number(match[group])
            if number is None:
                continue
            if name == EPOCH:
                epoch = number
            elif name in STEPS:
                step = int(number) if number == number and abs(number) < 2**63 else None
            else:
                values[name] = number
        return Found(values, epoch, step)


def compile_pattern(text: str) -> Pattern:
    """A template, or ``re:REGEX``, or ``/REGEX/``. Raises RefusedError, in words that say where
    it is wrong."""
    if len(text) > _LONGEST:
        raise RefusedError(f"a pattern has {len(text)} characters; {_LONGEST} are the most")
    if text.startswith("re:"):
        return _from_regex(text, text[3:], 3)
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return _from_regex(text, text[1:-1], 1)
    return _from_template(text)


def _from_template(text: str) -> Pattern:
    source: list[str] = []
    names: dict[str, str] = {}
    for at, piece in _pieces(text):
        if at is None:
            source.append(_literal(piece))
            continue
        name, colon, kind = piece.partition(":")
        if colon and kind not in _KINDS and kind != "s":
            raise _refused(text, at, f"{{{piece}}} has the kind '{kind}'; there are f (a number), "
                           "d (an integer) and w (a word, passed over)")  # fmt: skip
        if kind in ("w", "s") or name in ("", "_"):
            source.append(_KINDS["w"])
            continue
        if not _NAME.fullmatch(name):
            raise _refused(text, at, f"'{name}' is no name: letters, digits and _ / . @ - make one")
        if name in names.values():
            raise _refused(text, at, f"'{name}' stands in it twice")
        group = f"g{len(names)}"
        names[group] = name
        # A number that goes on is another number: {x:d} does not take the 3 of 3.5.
        source.append(rf"(?<![0-9.])(?P<{group}>{_KINDS['d']})(?!\.?[0-9])"
                      if kind == "d" else rf"(?P<{group}>{_KINDS['f']})%?")  # fmt: skip
    if not _measures(names.values()):
        raise _refused(text, None, "it has no field that is a metric")
    return Pattern(text, re.compile("".join(source), re.IGNORECASE), names)


def _pieces(text: str) -> Iterator[tuple[int | None, str]]:
    """The parts of a template: (None, literal text) and (where, what stands in braces)."""
    literal = ""
    at = 0
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            literal += text[at]
            at += 2
        elif text[at] == "{":
            end = text.find("}", at)
            if end < 0:
                raise _refused(text, at, "this { is not closed (a literal one is written {{)")
            if "{" in text[at + 1 : end]:
                raise _refused(text, at, "this { has another one in it")
            yield None, literal
            literal = ""
            yield at, text[at + 1 : end]
            at = end + 1
        elif text[at] == "}":
            raise _refused(text, at, "this } closes nothing (a literal one is written }})")
        else:
            literal += text[at]
            at += 1
    yield None, literal


def _literal(text: str) -> str:
    return re.sub(r"(?:\\?\s)+", lambda _: r"[ \t]+", re.escape(text))


def _from_regex(text: str, source: str, at: int) -> Pattern:
    try:
        regex = re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None)
        words = f"it is no regular expression: {getattr(error, 'msg', error)}"
        raise _refused(text, None if place is None else at + place, words) from None
    names = {group: group.replace("__", "/") for group in regex.groupindex}
    if not _measures(names.values()):
        words = "it has no named group that is a metric, such as (?P<loss>[0-9.]+)"
        raise _refused(text, None, words)
    if regex.match("") is not None:
        raise _refused(text, None, "it matches where nothing stands, so it would match every line")
    if _repeats_repeats(re._parser.parse(source)):  # type: ignore[attr-defined] # as re itself does
        words = (
            "it repeats something that repeats itself, as (a+)+ does: on some lines that would "
            "take for ever. Say what stands between the repetitions"
        )
        raise _refused(text, None, words)
    return Pattern(text, regex, names)


def _repeats_repeats(parsed: Any, inside: bool = False) -> bool:
    """Whether an unbounded repetition holds another one, or a choice between alternatives."""
    for operation, argument in parsed:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            unbounded = int(most) > 1000
            if (unbounded and inside) or _repeats_repeats(body, inside or unbounded):
                return True
        elif name == "SUBPATTERN" and _repeats_repeats(argument[3], inside):
            return True
        elif name == "BRANCH":
            if inside or any(_repeats_repeats(branch, inside) for branch in argument[1]):
                return True
        elif name in ("ASSERT", "ASSERT_NOT") and _repeats_repeats(argument[1], inside):
            return True
    return False


def _measures(names: Any) -> bool:
    return any(name != EPOCH and name not in STEPS for name in names)


def _number(text: str | None) -> float | int | None:
    if text is None:
        return None
    text = text.strip().rstrip("%").replace(",", "")
    try:
        return int(text) if text.lstrip("+-").isdecimal() and len(text) < 19 else float(text)
    except ValueError:
        return None


def _refused(text: str, at: int | None, words: str) -> RefusedError:
    caret = "" if at is None else f"\n  {' ' * at}^"
    return RefusedError(f"the pattern\n  {text}{caret}\ncannot be used: {words}. {_HELP}")
