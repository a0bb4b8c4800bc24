"""What is known of a shape, found out once: its plan, and what kind of line it is."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from mlterm.core.metrics import structured
from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.fields import plan_of
from mlterm.core.metrics.line import Line
from mlterm.core.metrics.plans import Plan
from mlterm.core.metrics.prefixes import beginning
from mlterm.core.metrics.tokens import Layout, Token, shape_of, split

MOST_SHAPES = 4096
"""Beyond which all are forgotten: a program that never prints the same costs no memory."""

_RULE = re.compile(r"[\s|+=\-_─━┄┅┈┉═╌╍┌┬┐├┼┤└┴┘┏┳┓┡╇┩┠┨┣╋┫┗┻┛╔╦╗╠╬╣╚╩╝╭╮╯╰╞╪╡╟╫╢╤╧╥╨*~.:<>o]+")
_TRACEBACK = re.compile(r"(?:^|[\s:])Traceback \(most recent call last\)|^\s*╭.*Traceback")
_WARNING = re.compile(r":0+: (?:\w+\.)*\w*Warning:|^\s*warnings\.warn\(|\bWarning: ")
_FAILURES = re.compile(r"^=+ (?:FAILURES|ERRORS|warnings summary) =+$")
_SOURCE = re.compile(
    r"^\s*0 \|\s+[^|]*[A-Za-z][^|]*=[^|]*$"  # as compilers show a line
    r"|^(?:FAILED|ERROR|PASSED) \S+::"
)
_OPENS = re.compile(r"[{(]\s*(?:['\"\w].*)?$")
_CALL = re.compile(r"[A-Za-z_]\w*\(\s*\w+=")
_FLAT = re.compile(r"""^[^{}()\[\]]*\{(?:[^{}()\[\]'"]|'[^' ]*'|"[^" ]*")*\}\W*$""")
BAR_BEHIND = re.compile(r":?\s*[0-9]{1,3}%\|.*|:?\s+[0-9]{1,3}% *[━█▏╸].*")
"""A bar behind what may be a header or a row."""


class Kind(Enum):
    """What a line is, where it is no plain one."""

    PLAIN = auto()
    RULE = auto()
    """Drawn, not written."""
    SOURCE = auto()
    TRACEBACK = auto()
    FAILURES = auto()
    """Behind it a test runner shows what failed."""
    WARNING = auto()
    HEADER = auto()
    """It could name columns."""
    BOX = auto()
    """A row of two cells between pipes."""
    DICT = auto()
    """A dict of names and figures alone, read as names and values."""
    STRUCTURE = auto()
    """A dict or a call with keywords that has to be parsed."""
    OPENS = auto()
    """One that goes on on the next lines."""


@dataclass(slots=True)
class Sheet:
    """All that is known of a shape."""

    plan: Plan | None = None
    """None where it says nothing."""
    kind: Kind = Kind.PLAIN
    has_sign: bool = False
    """Whether a sign tells a value: then it is no row of a table."""
    prefix: tuple[int, int] = (0, 0)
    """How many pieces, and characters behind them, a logger put before the message."""

    def message(self, text: str, pieces: Sequence[str]) -> str:
        """A line without what a logger put before it; its indent stays."""
        count, more = self.prefix
        return text[sum(map(len, pieces[:count])) + more :].removeprefix(" ") if more else text


class Shapes:
    """Remembers sheets by shape."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str], tuple[int, ...]] = {}  # pieces that decide, too
        self._sheets: dict[Any, Sheet] = {}

    def look_up(self, text: str) -> tuple[Sheet, list[str]]:
        """A line's sheet, and its pieces."""
        pieces = split(text)
        shape = shape_of(pieces)
        named = self._named.get(shape)
        if named is None:
            return self._learn(shape, text, pieces), pieces
        sheet = self._sheets.get(_key(shape, named, pieces) if named else shape)
        return sheet or self._learn(shape, text, pieces), pieces

    def _learn(self, shape: tuple[str, str], text: str, pieces: list[str]) -> Sheet:
        if len(self._sheets) >= MOST_SHAPES:
            self._sheets.clear()
            self._named.clear()
        layout = Layout(pieces)
        line = Line(layout)
        plan = plan_of(line)
        sheet = Sheet(
            None if plan.says_nothing else plan,
            kind_of(text, layout.shape, line.tokens),
            any(token.kind == "sep" for token in line.tokens),
            _prefix_of(line, layout),
        )
        known = self._named.get(shape, ())
        named = tuple(sorted({*known, *layout.named, *line.uses}))
        self._named[shape] = named
        self._sheets[_key(shape, named, pieces) if named else shape] = sheet
        return sheet


def _key(shape: tuple[str, str], named: tuple[int, ...], pieces: list[str]) -> Any:
    return shape, tuple([pieces[n] for n in named])


def _prefix_of(line: Line, layout: Layout) -> tuple[int, int]:
    tokens = line.tokens[: beginning(line)]
    if not any(len(token.text) > 1 for token in tokens):
        return 0, 0  # nothing, or the sign before an item of a list
    end = tokens[-1].end
    run = bisect_left(layout.places, end) - 1
    return (layout.runs[run] + 1, end - layout.places[run] - 1) if run >= 0 else (0, end)


def kind_of(text: str, shape: str, tokens: Sequence[Token]) -> Kind:
    """What kind of line one of this shape is."""
    for kind, pattern in (
        (Kind.TRACEBACK, _TRACEBACK),
        (Kind.FAILURES, _FAILURES),
        (Kind.SOURCE, _SOURCE),
        (Kind.WARNING, _WARNING),
    ):
        if pattern.search(shape):
            return kind
    if "0" not in shape and _RULE.fullmatch(shape):
        return Kind.RULE
    stripped = shape.strip()
    if stripped.startswith("|") and stripped.endswith("|") and stripped.count("|") == 3:
        return Kind.BOX
    if "{" in shape or "(" in shape:
        is_open = structured.balance(shape) > 0
        if is_open and _OPENS.search(shape) and (stripped[-1] in "{(" or _is_structured(shape)):
            return Kind.OPENS
        if _FLAT.search(shape) and _is_metrics(text):
            return Kind.DICT
        if ("{" in shape and "}" in shape) or _CALL.search(shape):
            return Kind.STRUCTURE
    return Kind.HEADER if is_header(shape, tokens) else Kind.PLAIN


def is_header(shape: str, tokens: Sequence[Token]) -> bool:
    """Whether a line could name the columns of a table."""
    end = len(BAR_BEHIND.sub("", shape))
    names = [token.text for token in tokens if token.kind == "word" and token.start < end]
    kinds = {token.kind for token in tokens if token.start < end}
    if kinds & {"number", "ratio", "time", "sep", "junk", "bar"} or not names:
        return False
    places = [words.is_epoch(name) or words.step_rank(name) is not None for name in names]
    if len(names) == 1:
        return places[0]
    known = sum(place or words.is_measured(n) for place, n in zip(places, names, strict=True))
    is_parted = any(sign in shape.strip() for sign in ("|", ",", "\t", "  "))
    return (known >= 1 and is_parted) or known == len(names)


def _is_structured(shape: str) -> bool:
    return ("{" in shape and any(sign in shape for sign in "'\":")) or "=" in shape


def _is_metrics(text: str) -> bool:
    """Whether a dict tells figures: one that sets a run up is looked at as a whole."""
    start, end = structured.find_structure(text)
    values = structured.parse_structure(text[start:end]) if end else None
    return values is not None and not structured.is_configuration(values)
