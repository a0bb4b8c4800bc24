"""A user's own patterns: templates and regular expressions → what finds metrics in a line.

``val {loss:f} at {step:d}`` is a template: text with fields in it. ``re:(?P<loss>[0-9.]+)`` (or
between two strokes, ``/…/``) is a regular expression with named groups, in which two underscores
stand for a stroke. The first match in a line counts.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mlterm.core.backtracking import least_width
from mlterm.core.errors import RefusedError
from mlterm.core.pointing import pointed
from mlterm.core.regex import LONGEST, BadRegexError, compile_regex

EPOCH, STEPS = "epoch", ("step", "_step")
# Digits are taken all or not at all (++), so that a long row of them costs one look.
_DIGITS = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9])|[0-9]++)"
_EXPONENT = r"(?:e[-+]?[0-9]++)?"
_KINDS = {
    "f": rf"[-+]?(?:{_DIGITS}(?:\.[0-9]++|\.(?![0-9]))?{_EXPONENT}|\.[0-9]++{_EXPONENT}"
    r"|(?:nan|inf(?:inity)?)(?![a-z0-9_]))",
    "d": rf"[-+]?{_DIGITS}",
    "w": r"\S+",
}
_NUMBER = re.compile(_KINDS["f"], re.IGNORECASE)
# Where no text of the template touches a number: 3 is no part of 2.3, of v3, of 1e3.
_BEGINS = r"(?<![a-z0-9_])(?<![0-9]\.)(?<![0-9]e[-+])"
_ENDS = r"(?!\.?[0-9]|e[-+]?[0-9])"
_NAME = re.compile(r"[A-Za-z_][\w/.@-]*")
_HELP = "Write text with fields in it, such as 'val {loss:f} at {step:d}', or re:REGEX."


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
                epoch = number if math.isfinite(number) else None
            elif name in STEPS:
                step = int(number) if number % 1 == 0 and abs(number) < 2**63 else None
            else:
                values[name] = number
        return Found(values, epoch, step)


def compile_pattern(text: str) -> Pattern:
    """A template, or ``re:REGEX``, or ``/REGEX/``. Raises RefusedError, in words that say where
    it is wrong."""
    if len(text) > LONGEST:
        raise RefusedError(f"a pattern has {len(text)} characters; {LONGEST} are the most")
    if text.startswith("re:"):
        return _from_regex(text, text[3:], 3)
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return _from_regex(text, text[1:-1], 1)
    return _from_template(text)


def _from_template(text: str) -> Pattern:
    source: list[str] = []
    names: dict[str, str] = {}
    pieces = list(_pieces(text))
    for number, (at, piece) in enumerate(pieces):
        if at is None:
            source.append(_literal(piece))
            continue
        name, colon, kind = piece.partition(":")
        if colon and kind not in _KINDS and kind != "s":
            raise _refused(text, at, f"{{{piece}}} has the kind '{kind}'; there are f (a number), "
                           "d (an integer) and w (a word, passed over)")  # fmt: skip
        if kind in ("w", "s") or name in ("", "_"):
            source.append(_KINDS["w"] if source[-1] else rf"(?<!\S){_KINDS['w']}")
            continue
        if not _NAME.fullmatch(name):
            raise _refused(text, at, f"'{name}' is no name: letters, digits and _ / . @ - make one")
        if _is_twice([*names.values(), name]):
            raise _refused(text, at, f"'{name}' stands in it twice")
        group = f"g{len(names)}"
        names[group] = name
        begins = "" if pieces[number - 1][1] else _BEGINS
        ends = "" if pieces[number + 1][1] else _ENDS
        percent = "" if kind == "d" else "%?"
        source.append(f"{begins}(?P<{group}>{_KINDS[kind or 'f']}){ends}{percent}")
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
        regex = compile_regex(source)
    except BadRegexError as error:
        words = error.words
        if "group name" in words:
            words += " (two underscores stand for /)"
        raise _refused(text, None if error.at is None else at + error.at, words) from None
    names = {group: group.replace("__", "/") for group in regex.groupindex}
    if not _measures(names.values()):
        words = "it has no named group that is a metric, such as (?P<loss>[0-9.]+)"
        raise _refused(text, None, words)
    if _is_twice(names.values()):
        raise _refused(text, None, "step and _step are the same")
    if not least_width(source):
        raise _refused(text, None, "it matches where nothing stands, so it would match every line")
    return Pattern(text, regex, names)


def _measures(names: Iterable[str]) -> bool:
    return any(name != EPOCH and name not in STEPS for name in names)


def _is_twice(names: Iterable[str]) -> bool:
    """Whether two of them are one, as step and _step are."""
    meant = ["step" if name in STEPS else name for name in names]
    return len(set(meant)) < len(meant)


def _number(text: str | None) -> float | int | None:
    if text is None:
        return None
    text = text.strip().rstrip("%")
    if not _NUMBER.fullmatch(text):
        return None
    text = text.replace(",", "")
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < 19 else float(text)


def _refused(text: str, at: int | None, words: str) -> RefusedError:
    return RefusedError(f"the pattern\n{pointed(text, at)}\ncannot be used: {words}. {_HELP}")
