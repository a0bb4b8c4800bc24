"""A line → its shape and its tokens.

The shape is the line with every run of digits made one ``0``. Lines of one shape mean the same,
so what a shape means is found out once, on its tokens, and told in terms of the line's pieces;
each later line of it costs a split and a look-up. Digits that belong to a name (``acc1``,
``top-5``, ``mAP@0.5``, ``50th``) are kept apart: lines of one shape in which they differ differ.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

# A run that is no part of a name: behind an exponent's sign; or where no name and no number has
# begun before; not where a name goes on behind.
_RUN = re.compile(
    r"(?:(?<=[0-9][eEdD][-+])|(?<![A-Za-z0-9_@\u00c0-\u024f])(?<![A-Za-z_]-))[0-9]++"
    r"(?!_|[A-Za-z]+_|(?:d|D|th|st|nd|rd)\b)"
)
_DIGITS = re.compile(r"([0-9]+)")
_NAMES_DIGITS = re.compile(
    r"@[.0-9][0-9.:]*[0-9]|\b[Tt][Oo][Pp][ -][0-9]|[A-Za-z][0-9]+-[0-9]+(?!\S)"
)
# Letters (of the Vai script) stand for what belongs to a name, while shapes are looked at.
_HIDE = {ord(char): 0xA500 + i for i, char in enumerate("0123456789:. ")}
_SHOW = {hidden: char for char, hidden in _HIDE.items()}

_BAR_HINT = re.compile(r"%\||[\[|][=#>.*\-]|[█▏▎▍▌▋▊▉▇■━╸⣿]")
_BAR = re.compile(
    r"(?<=%\|)[^|]{0,400}\||[█▏▎▍▌▋▊▉▇░▒▓■□━╸╺⣿⣷⣶⣦⣤⡀⠀╾╼]{2,}[█▏▎▍▌▋▊▉▇░▒▓■□━╸╺⣿⣷⣶⣦⣤⡀⠀╾╼ ]*"
    r"|[█■▇](?=[ |])|(?<=[|\[])(?:[=#>*.·\-]{2,}|[=#>*]+[=#>*. ·\-]*| +)(?=[|\]])"
)
_BOX = str.maketrans("│┃║", "|||")

_ENDINGS = (
    "py|cpp|cc|cu|c|h|rs|go|js|ts|java|pt|pth|ckpt|json|jsonl|yaml|yml|toml|txt|log|csv|tsv|npz|npy"
    "|pkl|bin|h5|keras|onnx|safetensors|whl|gz|zip|tar|so|o|md|html|png|jpg|ipynb|lock|local|org|com"
    "|net"
)
_DAY, _HOUR = r"(?:d|days?)", r"(?:h|hr|hrs|hours?)"
_MINUTE, _SECOND = r"(?:m|min|mins|minutes?)", r"(?:s|sec|secs|seconds?)\b"
_PARTING = r"[ ,:]*(?:and[ ])?"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_UNITS = (
    r"\ ?%",
    # the rate of a bar
    r"(?:its?|m?s|batch|batches|steps?|epoch|ep)/(?:s|sec|it|step|batch|epoch|ex|iter|item)\b",
    r"(?:[KMGTP]i?B|[kKMG]B|B|[MG]iB)(?:/s)?(?![\w/])",
    r"(?:mb|gb|kb)(?![\w/])",
    r"(?:[nuµμm]s|s|secs?|mins?|h|hrs?|hours?|m|d)(?![\w/²])",
    r"(?:[kKMGTCWx]|°C|dB|px|it)(?![\w/])",
    r"kbits?/s|[kMG]?bps|[kMG]?Hz",
)
_NUMBER = rf"""
    (?<!\w)(?:(?<![)\]}}])[-+])?            # a sign, unless it stands between two values
    (?:0(?:,0)*(?:\.0?)?|\.0)(?:[eEdD](?:[-+]0|[0-9]+))?
    (?P<unit>{"|".join(_UNITS)})?(?!\w|\.0)
    |(?<![\w.])[-+]?(?:nan|NaN|NAN|inf|Inf|INF|-?Infinity|infinity)(?!\w|[./-]\w)(?P<nanunit>%)?
"""
_KINDS = {  # in the order in which they are tried; of a shape, in which 0 is any run of digits
    "space": r"[ \t\u00a0]+",
    "junk": rf"""
        [a-z][a-z0-9+]*://\S* | 0x[0-9a-fA-F]+
        |(?:~|\.\.?)?/(?:[\w.+@%-]++/?)++(?::0)*+(?!=)                             # a path
        |[\w./+-]*\.(?:{_ENDINGS})\b(?:(?::0)+|\S*/\S*)?          # a file
        |v?0(?:\.0){{2,}}[\w.+-]* | (?:[<>=!~]=|\^|~)\s?0\S*                # a version
        |0-0-0(?:[\w-]+)+""",
    "time": rf"""
        0[-/.]0[-/.]0(?:[T ,]+0:0(?::0)?(?:[.,]0)?Z?(?:[ ]?[-+]0(?::?0)?)?)?
        |0[-/]0[ ]+0:0(?::0)?(?:[.,]0)?(?!\w)
        |(?:0[ ]?days?,?[ ])?(?<![\d.])0:0(?::0)*(?:[.,]0)?(?:\s?[AP]M\b)?(?:<(?:0:0(?::0)?|\?))?
        |0[ ]?(?:{_HOUR}|{_DAY}){_PARTING}0(?:[.]0)?[ ]?(?:{_MINUTE}|{_HOUR})\b
            (?:{_PARTING}0(?:[.]0)?[ ]?{_SECOND})?
        |0[ ]?{_MINUTE}{_PARTING}0(?:[.]0)?[ ]?{_SECOND}
        |{_MONTH}[. ]+0(?:,?[ ]0:0(?::0)?|,?[ ]0(?![:\w.]))?(?:[ ]0:0(?::0)?)?
        |-?-:--(?::--)?|--:--""",
    "ratio": r"""
        (?<![\w.,/])0(?:,0)*\ *(?:/|\bof\b)\ *(?:0(?:,0)*(?![\w/]|\.0)|\?|inf\b|unknown\b)""",
    "number": _NUMBER,
    "sep": r"-+>|=+>|→|⟶|:=|==|[:=]",
    "bar": "▮",
    "word": r"""
        (?i:avg|ave|val|valid|acc|train|prec|rec|std)\.(?=\ )                 # Val. loss: …
        |[^\W\d](?:[\w²³]|[.@/+'’*&-](?=\w))*%?
            (?:\((?:[A-Za-z%/\#.\ -]{1,12}|\w\(\w\))\)(?=\s?[:=])           # D(x): …
            |\((?:train|val|valid|test|eval)\))?
        |\#""",
    "other": r"0[A-Za-z]\w*|.",
}
_TOKEN = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.VERBOSE
)


class Number(NamedTuple):
    """How to make a number of a line's pieces."""

    lo: int
    """Where in the pieces it begins; its runs and what stands between them."""
    hi: int
    head: str
    tail: str
    is_int: bool
    comma: str
    """What a comma in it is: "" none, "," of thousands, "." a decimal one."""

    def read(self, pieces: Sequence[str]) -> float | int | None:
        """Its value in one line; None where it is none after all."""
        lo, hi = self.lo, self.hi
        text = pieces[lo] if hi - lo == 1 else "".join(pieces[lo:hi])
        if self.head or self.tail:
            text = f"{self.head}{text}{self.tail}"
        if self.comma:
            text = text.replace(",", "" if self.comma == "," else ".")
        try:
            return int(text) if self.is_int and len(text) < 19 else float(text)
        except ValueError:
            return _of_fortran(text)


@dataclass(slots=True)
class Token:
    """A piece of a shape."""

    kind: str
    """word, number, ratio, time, sep, bar, junk (versions, paths, …), or the sign itself."""
    text: str
    start: int
    end: int
    gap: int
    """Blanks before it; a tab counts as two."""
    number: Number | None = None
    total: Number | None = None
    """Of a ratio what stands behind the stroke."""
    unit: str = ""


def _may_have_bar(line: str) -> bool:
    if not line.isascii():
        return _BAR_HINT.search(line) is not None
    # Of an ASCII line it is told without the price of a regular expression.
    return ("[" in line or "|" in line) and (
        "[=" in line or "[  " in line or "[#" in line or "|#" in line or "[-" in line
        or "[." in line or "[>" in line or "|=" in line or "|-" in line or "[*" in line
    )  # fmt: skip


def _of_fortran(text: str) -> float | None:
    """1.5D+01, as Fortran prints it."""
    with suppress(ValueError):
        return float(text.replace("D", "E").replace("d", "e"))
    return None


def split(line: str) -> list[str]:
    """Text and runs of digits in turns, a text first and last."""
    if "%|" in line:  # as nearly all bars are drawn, without the price of the others
        begin = line.index("%|") + 2
        end = line.find("|", begin)
        if end > 0:
            line = f"{line[:begin]}▮{line[end:]}"
    elif _may_have_bar(line):
        line = _BAR.sub("▮", line)
    if "│" in line or "┃" in line or "║" in line:
        line = line.translate(_BOX)
    if "@" in line or "op" in line or "OP" in line or "P5" in line:
        line = _NAMES_DIGITS.sub(lambda found: found[0].translate(_HIDE), line)
    return _DIGITS.split(line)


def shape_of(pieces: list[str]) -> tuple[str, str]:
    """The shape, and what else its meaning depends on: where commas stand between digits, how
    long the runs are."""
    texts = pieces[::2]
    shape = "0".join(texts)
    if "," not in texts:
        return shape, ""
    around = (
        (pieces[2 * i - 1], pieces[2 * i + 1])
        for i, text in enumerate(texts[1:-1], 1)
        if text == "," and texts[i - 1] != ":"
    )
    return shape, ",".join(
        f"{'z' * run.startswith('0')}{len(run)}.{len(next_run)}" for run, next_run in around
    )


def shown(text: str) -> str:
    """A part of a shape as it was printed."""
    return text.translate(_SHOW)


def named_digits(pieces: Sequence[str]) -> tuple[int, ...]:
    """The pieces whose digits are a part of a name."""
    line = "".join(pieces)
    free = {found.start() for found in _RUN.finditer(line)}
    at = 0
    kept = []
    for n, piece in enumerate(pieces):
        if n % 2 and at not in free:
            kept.append(n)
        at += len(piece)
    return tuple(kept)


class Layout:
    """A line's shape, the digits of names in it as they are, and where its runs stand."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = pieces
        self.named = named_digits(pieces)
        named = set(self.named)
        self.runs: list[int] = []
        """The piece of each run."""
        self.places: list[int] = []
        """Where in the shape its ``0`` is."""
        out: list[str] = []
        at = 0
        for n, piece in enumerate(pieces):
            text = piece
            if n % 2 and n not in named:
                self.runs.append(n)
                self.places.append(at)
                text = "0"
            out.append(text)
            at += len(text)
        self.shape = "".join(out)

    def number(self, start: int, end: int) -> Number:
        """The number that stands there in the shape."""
        inside = range(bisect_left(self.places, start), bisect_left(self.places, end))
        body = self.shape[start:end]
        if not inside:  # nan and inf
            return Number(0, 0, body, "", False, "")
        first, last = inside[0], inside[-1]
        head = self.shape[start : self.places[first]]
        tail = self.shape[self.places[last] + 1 : end]
        runs = [self.pieces[self.runs[k]] for k in inside]
        comma = ""
        if "," in body:
            groups = body.partition(".")[0].count(",")
            thousands = all(len(run) == 3 for run in runs[1 : groups + 1]) and len(runs[0]) <= 3
            comma = "," if thousands and not runs[0].startswith("0") else "."
        is_plain = not tail and first == last and "." not in head
        is_int = is_plain or (comma == "," and "." not in body)
        return Number(self.runs[first], self.runs[last] + 1, head, tail, is_int, comma)


def tokenize(layout: Layout) -> list[Token]:
    """The tokens of a line's shape; quotes and blanks are none."""
    found: list[Token] = []
    gap = 0
    for match in _TOKEN.finditer(layout.shape):
        kind, text = match.lastgroup or "other", match[0]
        if kind == "space":
            gap += len(text) + text.count("\t")
            continue
        if kind == "other":
            if text in "'\"`*":
                continue
            kind = "junk" if len(text) > 1 else text
        elif kind in ("unit", "nanunit"):
            kind = "number"
        start, end = match.span()
        token = Token(kind, text, start, end, gap)
        gap = 0
        if kind == "number":
            unit = match["unit"] or match["nanunit"] or ""
            token.unit = unit.strip()
            token.number = layout.number(start, end - len(unit))
        elif kind == "ratio":
            stroke = start + max(text.find("/"), text.find("of"))
            token.number = layout.number(start, start + len(layout.shape[start:stroke].rstrip()))
            total = stroke + 1 + text[stroke - start + 1 :].find("0")
            if total > stroke:
                token.total = layout.number(total, end)
        found.append(token)
    return found
