"""The tokens of a line → what the line says: a plan that reads all lines of its shape.

One walk over the numbers of the line. What stands before a number names it: ``name: 1``,
``name = 1``, ``name -> 1`` (told), ``name 1`` (apposed); the words of the name decide what it is:
the epoch, a step, something measured, or nothing of ours.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.tokens import Number, Token, shown

_WRAPPERS = frozenset(
    [
        "tensor",
        "Tensor",
        "array",
        "Array",
        "asarray",
        "DeviceArray",
        "EagerTensor",
        "np.float64",
        "np.float32",
        "np.float16",
        "np.int64",
        "np.int32",
        "numpy.float64",
        "numpy.float32",
        "jnp.array",
        "jnp.float32",
        "Decimal",
        "float",
        "int",
    ]
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_DELIMITERS = frozenset("|,;/-–—•·>~&\\")
_TIME_UNITS = frozenset(
    [
        "s",
        "ms",
        "us",
        "ns",
        "µs",
        "μs",
        "sec",
        "secs",
        "min",
        "mins",
        "m",
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "d",
    ]
)
_LONGEST_NAME = 6


class Trust(IntEnum):
    """When a field counts as a metric."""

    REPEATED = 1
    """When lines of its shape come again with other values."""
    IN_STEP = 2
    """Beside a step or an epoch, or once training is under way."""
    SURE = 3


@dataclass(slots=True)
class Field:
    """A number that a name stands before."""

    name: str
    number: Number
    unit: str
    trust: Trust
    total: Number | None = None
    """What to divide by, where a ratio has no percentage."""
    is_apposed: bool = False


@dataclass(slots=True)
class Progress:
    """Where a bar stands."""

    step: Number | None = None
    total: Number | None = None
    percent: Number | None = None
    title: str = ""
    rate: Number | None = None
    rate_unit: str = ""


@dataclass(slots=True)
class Plan:
    """What lines of one shape say."""

    fields: list[Field] = field(default_factory=list)
    epoch: Number | None = None
    step: Number | None = None
    step_rank: int = 99
    progress: Progress | None = None
    phase: str = ""
    """Of the whole line, where it begins with one."""
    is_bar: bool = False
    """Whether a bar is drawn, or its rate told."""
    begins_with_place: bool = False
    """Whether the line begins with its epoch or step: then it may be a header."""
    uses: tuple[int, ...] = ()
    """Pieces that became part of a name: only lines in which they are the same are read so."""


def plan_of(tokens: list[Token], pieces: Sequence[str]) -> Plan:
    """Find out what a line says."""
    return _Walk(_unwrapped(tokens), pieces).run()


def _unwrapped(tokens: list[Token]) -> list[Token]:
    """Without ``tensor(…)`` and the like around a number."""
    kept: list[Token] = []
    skip = 0
    for i, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        if token.kind == "word" and token.text in _WRAPPERS and i + 2 < len(tokens):
            opened = tokens[i + 1]
            if opened.kind == "(" and not opened.gap and tokens[i + 2].kind in ("number", "["):
                skip = 1 + (tokens[i + 2].kind == "[")
                following = tokens[i + 1 + skip]
                following.gap = token.gap
                continue
        kept.append(token)
    return kept


class _Walk:
    def __init__(self, tokens: list[Token], pieces: Sequence[str]) -> None:
        self._tokens, self._pieces = tokens, pieces
        self._plan = Plan()
        self._uses: set[int] = set()
        self._phase = ""  # that the fields behind it have
        self._phase_from_name = False
        self._names: dict[str, Field] = {}
        self._begin = self._beginning()
        self._has_glued_place = False
        """``step:10``: then ``name:0.5`` is one of its kind."""
        self._in_braces = any(token.kind == "{" for token in tokens)
        self._has_bar = any(token.kind == "bar" for token in tokens)

    def run(self) -> Plan:
        tokens = self._tokens
        i = 0
        while i < len(tokens):
            kind = tokens[i].kind
            if kind == "{" and self._is_of_settings(i):
                i = self._list_end(i + 1)
            elif kind in ("word", "["):
                self._look_for_phase(i)
            if kind == "word":
                self._look_for_glued_step(i)
            elif kind in ("number", "ratio"):
                i = self._take(i)
            i += 1
        self._finish_progress()
        plan = self._plan
        plan.is_bar = self._has_bar or (
            plan.progress is not None and plan.progress.rate is not None
        )
        if plan.is_bar:
            self._title_progress()
        elif plan.progress and plan.progress.percent is None:
            plan.progress = None
        self._carry_phase()
        plan.uses = tuple(sorted(self._uses))
        return plan

    def _is_of_settings(self, i: int) -> bool:
        """``parameters: {``"""
        j = i - 1
        while j >= 0 and self._tokens[j].kind == "sep":
            j -= 1
        return j >= 0 and self._tokens[j].text.lower() in words.SETTING_TITLES

    # Where a line begins

    def _beginning(self) -> int:
        """The first token behind what a logger puts before its message."""
        tokens = self._tokens
        i = 0
        while i < len(tokens):
            token = tokens[i]
            if (
                token.kind in ("time", "junk")
                or token.kind in "|-–—:,.>"
                or (i and token.kind == "sep")
                or (token.kind == "word" and self._is_logger_word(i))
            ):
                i += 1
            elif token.kind == "[" and (end := self._prefix_bracket(i)):
                i = end
            elif (
                token.kind == "number" and 0 < i < len(tokens) - 1 and tokens[i + 1].kind == "junk"
            ):
                i += 1  # a thread's id before file:line
            elif (
                token.kind == "number"
                and i
                and tokens[i - 1].kind == ":"
                and tokens[i - 1].gap == 0
                and (i + 1 < len(tokens) and tokens[i + 1].kind in "-|:]")
            ):
                i += 1  # module:function:line
            elif token.kind == "]" and i:
                i += 1
            else:
                return i
        return 0

    def _is_logger_word(self, i: int) -> bool:
        text = self._tokens[i].text
        if text.lower() in words.LEVELS:
            return len(text) > 1
        following = self._tokens[i + 1] if i + 1 < len(self._tokens) else None
        if (
            "." in text
            or text.startswith("__")
            or (text[0] in "IWEDC" and text[1:].isdigit() and len(text) == 5)
        ):
            return not words.is_measured(text)
        # name:function:12, or a name between dashes: ` - root - `
        if (
            following is not None
            and following.kind == "sep"
            and following.text == ":"
            and not following.gap
        ):
            behind = self._tokens[i + 2] if i + 2 < len(self._tokens) else None
            if i >= 2 and not self._tokens[i].gap and self._is_level(self._tokens[i - 2]):
                return True  # INFO:name:
            if (
                behind is not None
                and not behind.gap
                and behind.kind in ("word",)
                and i + 3 < len(self._tokens)
            ):
                third = self._tokens[i + 3]
                return (
                    third.kind == "sep" and not third.gap
                ) or behind.text.lower() in words.LEVELS
        if (
            i
            and following is not None
            and following.kind in "-|"
            and self._tokens[i - 1].kind in "-|"
        ):
            return not self._says_something(text)
        return False

    def _says_something(self, text: str) -> bool:
        return (
            bool(words.phase_of(text)) or words.is_epoch(text) or words.step_rank(text) is not None
        )

    def _prefix_bracket(self, i: int) -> int:
        """The end of ``[time]``, ``[INFO]``, ``[rank 0]``, ``[name]``; 0 where it says more."""
        tokens = self._tokens
        end = next((j for j in range(i + 1, min(i + 9, len(tokens))) if tokens[j].kind == "]"), 0)
        inside = tokens[i + 1 : end]
        if not inside:
            return 0
        if all(
            t.kind in ("time", "junk") or t.kind in ",:-|." or self._is_level(t) for t in inside
        ):
            return end + 1
        texts = [t.text.lower() for t in inside if t.kind == "word"]
        if any(t.startswith("rank") for t in texts) or any(self._is_level(t) for t in inside):
            return end + 1
        if any(t.kind == "time" for t in inside):
            return end + 1
        following = tokens[end + 1] if end + 1 < len(tokens) else None
        if len(inside) == 1 and texts and following is not None and following.kind == "[":
            behind = tokens[end + 2] if end + 2 < len(tokens) else None
            if behind is not None and self._is_level(behind):
                return end + 1  # [name][LEVEL]
        return 0

    def _is_level(self, token: Token) -> bool:
        return token.kind == "word" and token.text.lower() in words.LEVELS

    # Phases

    def _look_for_phase(self, i: int) -> None:
        """A word that stands for itself and says of which phase the rest is."""
        tokens = self._tokens
        if tokens[i].kind == "[":
            return
        token = tokens[i]
        text = token.text
        if text.endswith(")") and "(" in text:  # Epoch(train)
            head, _, inner = text[:-1].partition("(")
            phase = words.phase_of(inner)
            if (
                phase
                and not words.is_measured(head)
                and (words.is_epoch(head) or words.step_rank(head) is not None)
            ):
                self._phase = phase
            return
        phase = words.phase_of(text)
        if phase is None or not self._is_apart(i):
            return
        j = i + 1
        fillers = 0
        while j < len(tokens) and tokens[j].kind == "word" and fillers < 3 and tokens[j].gap < 2:
            low = tokens[j].text.lower()
            if words.is_epoch(low) or words.step_rank(low) is not None:
                self._phase = phase
                return
            if low not in _PHASE_FILLERS:
                return
            fillers += 1
            j += 1
        following = tokens[j] if j < len(tokens) else None
        if following is None:
            return
        if following.kind == "sep":
            behind = tokens[j + 1] if j + 1 < len(tokens) else None
            if behind is not None and behind.kind == "number" and behind.number is not None:
                after = tokens[j + 2] if j + 2 < len(tokens) else None
                if not behind.number.is_int or after is None or after.kind not in "[(":
                    return
                self._plan.epoch = self._plan.epoch or behind.number
                self._note_place(i)
            self._phase = phase
        elif (
            following.kind in "|-–—])>,[/•"
            or (following.gap >= 2 and following.kind != "number")
            or following.kind == "ratio"
            or (self._has_bar and following.kind == "number" and following.unit == "%")
        ):
            self._phase = phase

    def _is_apart(self, i: int) -> bool:
        if i <= self._begin:
            return True
        before = self._tokens[i - 1]
        return (
            before.kind in "|-–—[(,;:>/•"
            or before.kind in ("sep", "ratio", "number")
            or self._tokens[i].gap >= 2
        )

    def _look_for_glued_step(self, i: int) -> None:
        """``epoch3``, ``step_100``: its digits are part of the shape."""
        text = self._tokens[i].text
        head = text.rstrip("0123456789")
        digits = text[len(head) :]
        if not digits or head in ("E", "e"):
            return
        number = Number(0, 0, digits, "", True, "")
        head = head.rstrip("_-")
        if words.is_epoch(head) and self._plan.epoch is None:
            self._plan.epoch = number
            self._note_place(i)
        elif head.lower() in ("step", "iter", "iteration", "batch") and self._plan.step_rank > 2:
            self._plan.step, self._plan.step_rank = number, 2
            self._note_place(i)

    # Numbers

    def _take(self, i: int) -> int:
        """Judge the number at ``i``; the last token that belongs to it."""
        tokens = self._tokens
        token = tokens[i]
        if token.kind == "number" and token.unit in _BAR_RATES:
            self._note_rate(token)
            return i
        if token.unit == "%" and self._has_bar and self._is_of_bar(i):
            self._plan.progress = self._plan.progress or Progress()
            self._plan.progress.percent = token.number
            return i
        if self._take_place(self._last_word_before(i), token, i - 1):
            return i
        if self._is_inside_phrase(i) and self._leads_to_value(i + 1):
            return i
        name, is_told, at = self._name_before(i)
        last = self._value_end(i)
        if last < 0:  # one of a list
            return self._list_end(i)
        if not name:
            return self._take_unnamed(i)
        if self._take_place(name, token, at):
            return i
        self._add(name, token, i, is_told, at)
        return self._take_average(name, i, is_told)

    def _is_of_bar(self, i: int) -> bool:
        near = [
            self._tokens[j].kind for j in (i - 1, i + 1, i - 2, i + 2) if 0 <= j < len(self._tokens)
        ]
        return "bar" in near

    def _value_end(self, i: int) -> int:
        """-1 where the number is one of several in brackets."""
        tokens = self._tokens
        before = tokens[i - 1] if i else None
        if before is None or before.kind != "[":
            return i
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if following is not None and following.kind in (",", "number"):
            named = i >= 2 and tokens[i - 2].kind == "sep"
            return -1 if named else i
        return i

    def _list_end(self, i: int) -> int:
        depth = 1
        for j in range(i, len(self._tokens)):
            kind = self._tokens[j].kind
            depth += (kind in _OPEN) - (kind in _CLOSE)
            if not depth:
                return j
        return len(self._tokens) - 1

    def _name_before(self, i: int) -> tuple[str, bool, int]:
        """What names the number: the name, whether a sign tells it so, and its first token."""
        tokens = self._tokens
        j = i - 1
        while j >= 0 and tokens[j].kind in "([{" and j and tokens[j - 1].kind in ("sep", "word"):
            if tokens[j - 1].kind == "word" and tokens[j].kind != "[" and tokens[j].gap:
                return "", False, i  # word (12
            j -= 1
        if j < 0:
            return "", False, i
        if tokens[j].kind == "sep":
            if self._is_location(j, i):
                return "", False, i
            name, at = self._words_before(j - 1)
            return name, True, at
        if tokens[j].kind in "~≈" and j:
            j -= 1
        if tokens[j].kind == "word":
            low = tokens[j].text.lower()
            if low in words.PREPOSITIONS and low not in words.LINKS:
                return "", False, i
            name, at = self._words_before(j)
            return name, False, at
        return "", False, i

    def _is_location(self, j: int, i: int) -> bool:
        """``cuda:0``, ``file:12``, ``host:8080``: no name and value."""
        tokens = self._tokens
        if tokens[j].text != ":" or tokens[j].gap or tokens[i].gap or j == 0:
            return False
        number = tokens[i].number
        name = tokens[j - 1].text
        if number is None or words.is_measured(name) or self._says_something(name):
            return False
        return number.is_int or not self._has_glued_place

    def _words_before(self, j: int) -> tuple[str, int]:
        """The name that ends at token ``j``, and where it begins."""
        tokens = self._tokens
        taken: list[Token] = []
        note = ""
        if j >= 2 and tokens[j].kind in ")]":
            opened = next(
                (k for k in range(j - 1, max(-1, j - 5), -1) if tokens[k].kind in "(["), -1
            )
            inner = tokens[opened + 1 : j]
            if (
                opened >= 1
                and all(t.kind == "word" or t.kind in "/%" for t in inner)
                and tokens[opened - 1].kind == "word"
            ):
                note = " ".join(t.text for t in inner)
                j = opened - 1
            elif (
                opened >= 1
                and tokens[opened - 1].kind == "word"
                and len(inner) == 1
                and inner[0].kind in ("number", "ratio")
            ):
                j = opened - 1  # loss (12/30): …
            else:
                return "", j
        k = j
        while k >= 0 and len(taken) < 14:
            token = tokens[k]
            if token.kind == "word":
                taken.insert(0, token)
                if token.gap >= 2 and not (k and tokens[k - 1].kind == "word" and token.gap < 2):
                    k -= 1
                    break
            elif (
                token.kind in ("number", "ratio")
                and k + 1 < len(tokens)
                and self._is_inside_phrase(k)
            ):
                taken.insert(0, token)
            elif token.kind == "&" and taken:
                pass
            else:
                break
            k -= 1
        if not taken:
            return "", j
        at = k + 1
        return self._named(taken, note), at

    def _is_inside_phrase(self, k: int) -> bool:
        """Whether a number is a part of what is named: ``at epoch 3``, ``on the 10000 images``."""
        tokens = self._tokens
        if k < 1 or tokens[k - 1].kind != "word":
            return False
        before = tokens[k - 1].text.lower()
        if before in words.ARTICLES or before in words.PREPOSITIONS:
            number = tokens[k].number
            following = tokens[k + 1] if k + 1 < len(tokens) else None
            is_count = number is not None and number.is_int and not tokens[k].unit
            return is_count and following is not None and following.kind == "word" and k >= 2
        if words.is_epoch(before) or words.step_rank(before) is not None or before == "class":
            k -= 2
            while k >= 0 and tokens[k].kind == "word" and tokens[k].text.lower() in words.ARTICLES:
                k -= 1
            return (
                k >= 1
                and tokens[k].kind == "word"
                and tokens[k].text.lower() in words.PREPOSITIONS
                and tokens[k - 1].kind == "word"
            )
        return False

    def _named(self, taken: list[Token], note: str) -> str:
        """Of all the words before a number those that name it."""
        groups: list[list[Token]] = [[]]
        for token in taken:
            low = token.text.lower()
            if (
                token.kind != "word"
                or low in words.PREPOSITIONS
                or low in words.LINKS
                or low in ("and", "with")
            ):
                groups.append([])
            elif low in words.ARTICLES or (low in words.LEVELS and len(low) > 1 and not groups[-1]):
                continue
            else:
                groups[-1].append(token)
        groups = [group for group in groups if group]
        if not groups:
            return ""
        best = next((g for g in groups if any(words.is_measured(t.text) for t in g)), groups[0])
        if len(best) > _LONGEST_NAME or any(t.text.lower() in words.CHANGES for t in best):
            return ""
        name = "_".join(self._text(token) for token in best)
        phase = words.phase_of(note) or ""
        if not phase and len(groups) > 1:
            others = (t.text for g in groups if g is not best for t in g)
            phase = next((p for text in others if (p := words.phase_of(text))), "")
        if phase and not _has_phase(name):
            name = f"{phase}/{name}"
        return name

    def _text(self, token: Token) -> str:
        """A word as printed, in lower case where it has no capitals within."""
        text = token.text
        if "0" in text:
            text = self._with_digits(token)
        text = shown(text).strip("_'*").replace(" ", "_") if "__" not in text else shown(text)
        return cased(text)

    def _with_digits(self, token: Token) -> str:
        """The word of this very line: its digits belong to the name."""
        shape_at = 0
        out = []
        for n, piece in enumerate(self._pieces):
            size = len(piece) if n % 2 == 0 else 1
            lo, hi = max(token.start, shape_at), min(token.end, shape_at + size)
            if lo < hi:
                if n % 2:
                    self._uses.add(n)
                    out.append(piece)
                else:
                    out.append(piece[lo - shape_at : hi - shape_at])
            shape_at += size
        return "".join(out)

    # Places

    def _last_word_before(self, i: int) -> str:
        """The word right before a number, where other words than its own stand before that."""
        tokens = self._tokens
        if i < 2 or tokens[i - 1].kind != "word" or tokens[i - 2].kind != "word":
            return ""
        return tokens[i - 1].text if tokens[i - 2].text.lower() in words.PREPOSITIONS else ""

    def _take_place(self, name: str, token: Token, at: int) -> bool:
        """Where the number tells how far the run is."""
        number, plan = token.number, self._plan
        bare = name.rpartition("/")[2] if "/" in name else name
        head = bare.partition("(")[0] if bare.endswith(")") else bare
        if number is None or token.unit or not head:
            return False
        if words.is_epoch(head):
            if plan.epoch is None and (token.kind == "ratio" or words.parts(head)[-1] != "epochs"):
                plan.epoch = number
                self._note_place(at)
            return True
        rank = words.step_rank(head)
        if rank is None or not number.is_int or number.comma == ".":
            return False
        self._has_glued_place |= not token.gap
        if rank < plan.step_rank:
            plan.step, plan.step_rank = number, rank
            if token.kind == "ratio" and token.total and self._has_bar:
                self._note_progress(token)
            self._note_place(at)
        return True

    def _note_place(self, at: int) -> None:
        if at <= self._begin or all(
            t.kind in _OPEN or t.kind in "=-*#>~" or t.kind == "sep"
            for t in self._tokens[self._begin : at]
        ):
            self._plan.begins_with_place = True

    def _take_unnamed(self, i: int) -> int:
        tokens, plan = self._tokens, self._plan
        token = tokens[i]
        before = tokens[i - 1] if i else None
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if token.kind == "ratio":
            if token.total is not None or "?" in token.text:
                self._note_progress(token)
            if (
                plan.step_rank == 4
                and plan.epoch is None
                and before is not None
                and self._touches_place(i - 1)
            ):
                plan.epoch, plan.step = plan.step, token.number  # [1/5][20/100]
            elif plan.step_rank > 4 and not (
                following is not None
                and following.kind == "word"
                and words.is_passed_over(following.text)
            ):
                plan.step, plan.step_rank = token.number, 4
                self._note_place(i)
            return i
        if token.unit == "it" and following is not None and following.kind == "[":
            plan.progress = plan.progress or Progress()
            plan.progress.step = token.number
            if plan.step_rank > 4:
                plan.step, plan.step_rank = token.number, 4
            return i
        if following is not None and following.kind == "word" and following.gap <= 1:
            if (speed := self._speed_name(i + 1)) and before is not None:
                self._add_named_speed(i, speed)
                return i + 1
            low = following.text.lower()
            if (
                words.step_rank(low) is not None
                and low.endswith("s")
                and not token.unit
                and token.number
                and token.number.is_int
            ):
                return i
            return self._take_reversed(i)
        if (
            before is not None
            and before.kind == "["
            and token.number is not None
            and token.number.is_int
            and not token.unit
        ):
            if following is not None and following.kind == "]":
                rank = 4 if plan.epoch is not None and self._touches_place(i - 1) else 5
                if (i - 1 <= self._begin or rank == 4) and plan.step_rank > rank:
                    plan.step, plan.step_rank = token.number, rank
                    self._note_place(i - 1)
            elif following is not None and following.kind == "," and i - 1 <= self._begin:
                second = tokens[i + 2] if i + 2 < len(tokens) else None
                if (
                    second is not None
                    and second.kind == "number"
                    and second.number
                    and second.number.is_int
                    and i + 3 < len(tokens)
                    and tokens[i + 3].kind == "]"
                ):
                    plan.epoch, plan.step, plan.step_rank = token.number, second.number, 4
                    self._note_place(i - 1)
                    return i + 2
        elif (
            i == self._begin
            and token.number is not None
            and token.number.is_int
            and not token.unit
            and plan.step_rank > 6
        ):
            if following is not None and following.kind == "sep" and following.text == ":":
                behind = tokens[i + 2] if i + 2 < len(tokens) else None
                if behind is not None and behind.kind == "word":
                    plan.step, plan.step_rank = token.number, 6
        return i

    def _touches_place(self, i: int) -> bool:
        return (
            i > 0
            and self._tokens[i - 1].kind in ("]", "number", "ratio")
            and self._tokens[i].gap <= 1
        )

    def _speed_name(self, j: int) -> str:
        """``tokens/s``, ``img/sec`` at token ``j``, as the name of a speed."""
        text = self._tokens[j].text
        low = text.lower()
        unit, slash, per = low.partition("/")
        if not slash:
            unit, slash, per = low.partition("_per_")
        if per not in ("s", "sec", "second", "seconds") or (
            unit.rstrip("s") not in words.SPEEDS and unit not in words.SPEEDS
        ):
            return ""
        return cased(text)

    def _add_named_speed(self, i: int, speed: str) -> None:
        before = self._tokens[i - 1]
        if before.kind == "," and i >= 2 and self._tokens[i - 2].kind == "time":
            return  # a bar's own rate
        token = self._tokens[i]
        if token.number is not None:
            self._put(Field(speed, token.number, "", Trust.SURE))

    def _take_reversed(self, i: int) -> int:
        """``93.5% accuracy``, ``220.3 perplexity``."""
        tokens = self._tokens
        token, following = tokens[i], tokens[i + 1]
        if (
            token.number is None
            or (token.number.is_int and token.unit != "%")
            or token.unit not in ("", "%")
        ):
            return i
        behind = tokens[i + 2] if i + 2 < len(tokens) else None
        if not words.is_measured(following.text) or words.is_vague(following.text):
            return i
        if behind is not None and (
            behind.kind in ("sep", "number", "ratio")
            or (behind.kind == "word" and self._leads_to_value(i + 1))
        ):
            return i
        self._put(Field(self._text(following), token.number, token.unit, Trust.SURE))
        return i + 1

    def _leads_to_value(self, j: int) -> bool:
        """Whether the next few words name what comes behind them."""
        tokens = self._tokens
        last = j + _LONGEST_NAME // 2
        while j < min(last, len(tokens)) and tokens[j].kind == "word":
            j += 1
        return j < len(tokens) and tokens[j].kind in ("sep", "number")

    # Fields

    def _add(self, name: str, token: Token, i: int, is_told: bool, at: int) -> None:
        number, total, unit = token.number, token.total, token.unit
        if number is None:
            return
        tokens = self._tokens
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if token.kind == "ratio":
            percent = self._percent_behind(i)
            if percent is not None:
                number, total, unit = percent, None, "%"
            elif total is None or not words.is_measured(name):
                if not words.is_measured(name):
                    self._note_progress(token)
                    if self._plan.step_rank > 4 and words.phase_of(name.rpartition("_")[2]):
                        self._plan.step, self._plan.step_rank = token.number, 4
                return
        elif following is not None and following.kind == "%":
            unit = "%"
        elif not unit and following is not None and following.kind == "word" and following.gap <= 1:
            if self._speed_name(i + 1) or following.text in _SPELT_UNITS:
                unit = following.text
        is_float = not number.is_int or unit == "%" or total is not None
        if (
            unit == "%"
            and not words.is_measured(name)
            and following is not None
            and following.kind == "("
        ):
            if i + 2 < len(tokens) and tokens[i + 2].kind == "ratio":
                return  # Counting objects: 5% (1/18)
        is_told = is_told or self._is_cell(at, i)
        trust = self._judge(name, number, unit, is_told, is_float)
        if trust is None:
            return
        self._put(Field(name, number, unit, trust, total, not is_told))

    def _is_cell(self, at: int, i: int) -> bool:
        """Whether name and number stand alone between two delimiters."""
        tokens = self._tokens
        before = tokens[at - 1] if at > self._begin else None
        behind = tokens[i + 1] if i + 1 < len(tokens) else None
        opens = before is None or before.kind in "|,;[(-–—•" or tokens[at].gap >= 2
        return opens and (behind is None or behind.kind in "|,;])(-–—•" or behind.gap >= 2)

    def _percent_behind(self, i: int) -> Number | None:
        for j in range(i + 1, min(i + 4, len(self._tokens))):
            token = self._tokens[j]
            if token.kind == "number" and token.unit == "%":
                return token.number
            if token.kind not in "([,=":
                return None
        return None

    def _judge(
        self, name: str, number: Number, unit: str, is_told: bool, is_float: bool
    ) -> Trust | None:
        """When, if ever, the field counts."""
        measured = words.is_measured(name)
        if words.is_passed_over(name) or _is_nonsense(name):
            return None
        if unit in _SIZES:
            return None
        if unit in _TIME_UNITS and not (measured and words.parts(name)[-1] in ("latency", "loss")):
            return None
        if (
            unit
            and unit not in ("%", "x", "k", "K", "M", "dB", "px", "ms", "s")
            and not unit[0].isalpha()
        ):
            return None
        if measured:
            if words.is_vague(name):
                return Trust.IN_STEP
            if words.is_setting(name):
                return Trust.IN_STEP
            if is_float or is_told:
                return Trust.SURE
            return Trust.IN_STEP
        if not is_float and not self._in_braces:
            return None
        if words.is_setting(name):
            return Trust.IN_STEP if is_told else None
        if is_told:
            return Trust.IN_STEP if len(name) > 1 or name in _LETTERS else None
        return Trust.IN_STEP if words.phase_of(name) else None

    def _put(self, found: Field) -> None:
        name = found.name
        if self._phase and not _has_phase(name) and not _is_rate(name):
            name = f"{self._phase}/{name}"
        elif name in self._names and not _has_phase(name):
            # The second of its name belongs to the phase that was named last.
            phases = [_phase_in(n) for n in self._names]
            at = list(self._names).index(name)
            earlier = next((p for p in reversed(phases[:at]) if p), "")
            latest = next((p for p in reversed(phases) if p), "")
            if latest and latest != earlier:
                first = self._names.pop(name)
                first.name = f"{earlier}/{name}" if earlier else name
                self._names[first.name] = first
                name = f"{latest}/{name}"
        if name in self._names or not name:
            return
        found.name = name
        self._names[name] = found
        self._plan.fields.append(found)

    def _take_average(self, name: str, i: int, is_told: bool) -> int:
        """``0.6 (0.7)``: the value now, and its average."""
        tokens = self._tokens
        if i + 3 >= len(tokens) or not self._plan.fields or tokens[i].kind != "number":
            return i
        opened, inner, closed = tokens[i + 1 : i + 4]
        current = self._plan.fields[-1]
        if current.number is not tokens[i].number or opened.kind != "(" or closed.kind != ")":
            return i
        if inner.kind != "number" or inner.number is None or inner.unit not in ("", current.unit):
            return i
        if inner.number.is_int and not current.number.is_int:
            return i
        self._put(Field(f"{current.name}_avg", inner.number, current.unit, current.trust))
        return i + 3

    # Phases that a first name gives to the others

    def _carry_phase(self) -> None:
        """``train Loss: 0.5 Acc: 0.9``: both are of train."""
        fields = self._plan.fields
        if len(fields) < 2 or self._phase:
            return
        first, *others = fields
        head, _, rest = first.name.partition("_")
        phase = words.phase_of(head)
        if not phase or not rest or any(_has_phase(f.name) for f in others):
            return
        measured = [f for f in others if not _is_rate(f.name)]
        if not measured or self._names.get(rest):
            return
        start = self._tokens[self._begin] if self._begin < len(self._tokens) else None
        if start is None or start.text.lower() != head:
            return
        first.name = f"{phase}/{rest}"
        for each in measured:
            each.name = f"{phase}/{each.name}"

    # Progress

    def _note_progress(self, token: Token) -> None:
        plan = self._plan
        if plan.progress is None:
            plan.progress = Progress()
        if plan.progress.step is None:
            plan.progress.step, plan.progress.total = token.number, token.total

    def _note_rate(self, token: Token) -> None:
        plan = self._plan
        if plan.progress is None:
            plan.progress = Progress()
        if plan.progress.rate is None:
            plan.progress.rate, plan.progress.rate_unit = token.number, token.unit

    def _finish_progress(self) -> None:
        progress = self._plan.progress
        if progress is not None and progress.step is None and progress.percent is None:
            self._plan.progress = None

    def _title_progress(self) -> None:
        """The words before the bar; its epoch and step are told beside them."""
        progress = self._plan.progress
        if progress is None:
            return
        titles = []
        for token in self._tokens:
            if token.kind != "word":
                if token.kind in ("bar", "number", "ratio", "|"):
                    break
                continue
            titles.append(self._text(token) if "0" not in token.text else token.text)
        progress.title = " ".join(titles[:6])


_PHASE_FILLERS = frozenset(
    [
        "set",
        "results",
        "result",
        "phase",
        "metrics",
        "stats",
        "step",
        "subset",
        "split",
        "loop",
        "scores",
        "report",
        "summary",
        "dataset",
        "data",
        "performance",
        "inner",
        "dataloader",
        "progress",
        "epoch-level",
        "performance:",
        "average",
    ]
) - {"average"}
_BAR_RATES = frozenset(
    [
        "it/s",
        "its/s",
        "s/it",
        "ms/it",
        "s/step",
        "ms/step",
        "step/s",
        "steps/s",
        "batch/s",
        "batches/s",
        "s/batch",
        "ms/batch",
        "epoch/s",
        "s/epoch",
        "ep/s",
        "s/ep",
        "ms/epoch",
        "it/sec",
        "its/sec",
        "ms/iter",
        "s/iter",
        "s/item",
        "s/ex",
        "ms/ex",
    ]
)
_SIZES = frozenset(
    [
        "B",
        "KB",
        "MB",
        "GB",
        "TB",
        "kB",
        "KiB",
        "MiB",
        "GiB",
        "TiB",
        "MB/s",
        "KB/s",
        "GB/s",
        "kB/s",
        "B/s",
        "MiB/s",
        "KiB/s",
        "GiB/s",
        "mb",
        "gb",
        "kb",
        "G",
        "T",
        "W",
        "C",
        "°C",
        "Hz",
        "kHz",
        "MHz",
        "GHz",
        "bps",
        "kbps",
        "Mbps",
        "Gbps",
        "kbits/s",
        "kbit/s",
        "MiB/s",
        "d",
        "it",
        "m",
        "h",
    ]
)
_SPELT_UNITS = frozenset(
    ["dB", "ms", "nats", "bits", "bpc", "bpb", "px", "mm", "cm", "pixels", "points", "percent"]
)
_LETTERS = frozenset("dgqjrpf")
"""Names of one letter that people give to what they measure."""


def cased(text: str) -> str:
    """In lower case, but words that have capitals behind small letters."""
    out = []
    for word in text.split("/"):
        inner = any(a.islower() and b.isupper() for a, b in itertools.pairwise(word))
        out.append(word if inner else word.lower())
    return "/".join(out)


def _has_phase(name: str) -> bool:
    return any(words.phase_of(word) for word in words.parts(name))


def _phase_in(name: str) -> str:
    return next((phase for word in words.parts(name) if (phase := words.phase_of(word))), "")


def _is_rate(name: str) -> bool:
    """Of the optimiser, not of a phase."""
    return (
        words.parts(name)[-1:] in (("lr",), ("epsilon",))
        or "learning_rate" in name.lower()
        or "tokens/s" in name
    )


def _is_alone(name: str) -> bool:
    return "_" not in name


def _is_nonsense(name: str) -> bool:
    low = name.lower()
    return (
        not any(char.isalpha() for char in low)
        or low in words.ARTICLES
        or low in words.PREPOSITIONS
        or len(name) > 80
    )
