"""The way from a program's output to its metrics: bytes in, findings out.

Lines go through a few looks in turn, the rarer ones told off by a line's shape: an open dict, a
row of a table, a box, then the names and values of the line itself. What only lines in their
order can tell (the epoch of a header, that training is under way) is kept here.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlterm.core.lines import Screen, State
from mlterm.core.metrics import structured
from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.fields import Plan, Trust, cased, plan_of
from mlterm.core.metrics.findings import Finding, Progress
from mlterm.core.metrics.pacing import Pacer
from mlterm.core.metrics.tables import Box, Row, Tables
from mlterm.core.metrics.tokens import Number, shape_of, split, tokenize

_MOST_SHAPES = 4096
_MOST_OPEN_LINES = 200
_HEADER_REACH = 40  # lines for which a header's step holds
_READ_LIMIT = 4096  # characters of a line whose names and values are looked for
_RULE = re.compile(r"[\s|+=\-_─━┄┅┈┉═╌╍┌┬┐├┼┤└┴┘┏┳┓┡╇┩┠┨┣╋┫┗┻┛╔╦╗╠╬╣╚╩╝╭╮╯╰╞╪╡╟╫╢╤╧╥╨*~.:<>o]+")
_HEADER_CELL = re.compile(r"[A-Za-z_#%][^=;]*")
_TRACEBACK = re.compile(r"(?:^|[\s:])Traceback \(most recent call last\)|^\s*╭.*Traceback")
_LAST_OF_TRACEBACK = re.compile(
    r"^(?:\[?\w+\]?:\s?)?[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Iteration|Failure)\b|^╰"
)
_WARNING = re.compile(r":0+: (?:\w+\.)*\w*Warning:|^\s*warnings\.warn\(|\bWarning: ")
_MOST_TRACEBACK = 300
_BANNER = re.compile(r"^=+ [^=]+ =+$")
_FAILURES = re.compile(r"^=+ (?:FAILURES|ERRORS|warnings summary) =+$")
_SOURCE = re.compile(r"^\s*0 \|\s+[^|]*[A-Za-z][^|]*=[^|]*$|^(?:FAILED|ERROR|PASSED) \S+::")
"""A line of source code that a compiler or a test runner shows."""
_OPENS = re.compile(r"[{(]\s*(?:['\"\w].*)?$")
_SETTING_LINE = re.compile(
    r"^\s*(?:[-*•]\s*|--)?([A-Za-z_][\w .-]{0,40}?)\s*[:=]\s+?(\S.*)$|^\s*([A-Za-z_][\w.]*)=(\S+)$"
)
_FIGURE = re.compile(r"[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?%?")
_FINISHED = re.compile(
    r"\b(?:finished|completed|complete|done|took|end of|ended|time|saved|saving)\b", re.I
)


class Pattern(Protocol):
    """What core.patterns makes of a user's pattern."""

    def find(self, line: str) -> Any:
        """values, epoch and step of the first match, or None."""


@dataclass(slots=True)
class _Sheet:
    """What is known of a shape."""

    plan: Plan | None = None
    uses: tuple[int, ...] = ()
    kind: str = ""  # rule, box, traceback, warning, opens, structure, header
    has_sign: bool = False  # a sign that tells a value: no row of a table then
    seen: int = 0
    last: tuple[float, ...] = ()


class OutputReader:
    """Reads one output from its beginning (or from ``offset`` on)."""

    def __init__(
        self,
        patterns: Sequence[Pattern] = (),
        ignore: Callable[[str], bool] = lambda name: False,
        offset: int = 0,
    ) -> None:
        self._screen = Screen(offset)
        self._pacer = Pacer()
        self._patterns, self._ignore = patterns, ignore
        self._sheets: dict[Any, _Sheet] = {}
        self._tables = Tables()
        self._box = Box()
        self._open: list[State] = []
        self._settings: list[tuple[State, str, str]] = []
        self._mute = 0
        self._mute_next = False
        self._epoch: float | int | None = None
        self._epoch_leads = False
        self._step: int | None = None
        self._step_reach = 0
        self._phase = ""
        self._is_training = False
        self._now: float | None = None
        self._dangling = ""
        self._counts: dict[tuple[str, ...], int] = {}
        self.progress = Progress()
        """The newest that a bar or a place has told."""
        self.lines = 0

    def feed(self, data: bytes, now: float | None = None) -> Iterator[Finding]:
        """What ``data`` adds; ``now`` in seconds on the clock of output.idx."""
        yield from self._paced(self._screen.feed(data), now)
        for paced in self._pacer.tick(now):
            yield self._numbered(paced)

    def pass_over(self, offset: int) -> Iterator[Finding]:
        """Go on at a later place of the output; a line that has begun before it is not read."""
        yield from self.finish()
        self._screen = Screen(offset, within_line=True)

    def finish(self) -> Iterator[Finding]:
        """What only the end brings out: last lines, last states of bars."""
        yield from self._paced(self._screen.finish(), self._now)
        for found in self.close():
            found.moment = self._now
            yield self._numbered(found)
        for paced in self._pacer.finish():
            yield self._numbered(paced)

    def _paced(self, states: Iterator[State], now: float | None) -> Iterator[Finding]:
        self._now = now
        for state in states:
            for found in self.read(state):
                found.moment = now
                for paced in self._pacer.take(found, now):
                    yield self._numbered(paced)

    def close(self) -> Iterator[Finding]:
        """What lines that wait for others say by themselves."""
        yield from self._close_box()
        opened, self._open = self._open, []
        for state in opened:
            yield from self._read_line(state)
        yield from self._close_settings()

    def _numbered(self, found: Finding) -> Finding:
        """With an implied step where nothing told one."""
        if found.epoch is None and found.step is None and found.hyperparameters is None:
            names = tuple(found.metrics)
            found.step = self._counts[names] = self._counts.get(names, 0) + 1
            if len(self._counts) > _MOST_SHAPES:
                del self._counts[next(iter(self._counts))]
        return found

    def read(self, state: State) -> Iterator[Finding]:
        """What one state says, not paced: for who wants to see every line."""
        self.lines += 1
        taken: Finding | None = None
        if self._patterns:
            taken = self._by_pattern(state)
            if taken is not None:
                yield taken
        if self._open:
            yield from self._go_on_with_open(state)
            return
        if self._dangling:
            state = self._joined(state)
        if state.text.endswith((":", "=")):
            self._dangling = state.text
        yield from self._read_line(state)

    def _joined(self, state: State) -> State:
        """A figure that a narrow column has parted from its name on the line before."""
        name, self._dangling = self._dangling, ""
        if state.text[:12].isspace() and _FIGURE.fullmatch(state.text.strip()):
            words_before = name.split()
            return State(state.offset, f"{words_before[-1]} {state.text.strip()}", state.redrawn)
        return state

    # Custom patterns

    def _by_pattern(self, state: State) -> Finding | None:
        for pattern in self._patterns:
            found = pattern.find(state.text[:_READ_LIMIT])
            if found is not None and found.values:
                self._is_training = True
                return Finding(
                    state.offset,
                    "pattern",
                    dict(found.values),
                    {},
                    found.epoch,
                    found.step,
                    is_passing=state.redrawn,
                    bar=("pattern", tuple(found.values)),
                )
        return None

    # One line

    def _read_line(self, state: State) -> Iterator[Finding]:
        text = state.text
        pieces = split(text[:_READ_LIMIT])
        key = shape_of(pieces)
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._learn(key, text, pieces)
        elif sheet.uses:
            inner = (key, tuple([pieces[n] for n in sheet.uses]))
            exact = self._sheets.get(inner)
            sheet = exact if exact is not None else self._learn(inner, text, pieces)
        kind = sheet.kind
        if (self._mute or self._mute_next) and self._is_muted(text, kind):
            return
        if self._box.is_open and kind != "box":
            yield from self._close_box()
        if kind:
            if kind == "rule":
                return
            if kind == "traceback":
                self._mute = _MOST_TRACEBACK
                return
            if kind == "source":
                return
            if kind == "failures":
                self._mute = _MOST_TRACEBACK * 10
                return
            if kind == "warning":
                self._mute_next = True
                return
            if (
                kind == "box"
                and not (self._tables.is_waiting and self._is_table_row(text))
                and self._box.add(text.translate(_BOXES), state.offset)
            ):
                return
            if (
                kind in ("structure", "opens")
                and (found := self._take_structure(state, kind)) is not None
            ):
                yield from found
                return
        if not self._is_training and self._collect_setting(state, sheet):
            return
        if self._settings:
            yield from self._close_settings()
        if self._tables.is_waiting and not (sheet.has_sign and ":" not in text):
            row = self._take_row(state, sheet)
            if row is not None:
                yield row
                return
        if kind == "header":
            self._tables.note_header(_BAR_BEHIND.sub("", text.translate(_BOXES)).rstrip(": "))
        elif self._tables.is_waiting and not state.redrawn:
            self._tables.pass_over()
        plan = sheet.plan
        if plan is not None:
            yield from self._take_plan(state, plan, sheet, pieces)

    def _learn(self, key: Any, text: str, pieces: list[str]) -> _Sheet:
        if len(self._sheets) >= _MOST_SHAPES:
            self._sheets.clear()
        tokens = tokenize(pieces)
        shape = "0".join(pieces[::2])
        plan = plan_of(tokens, pieces)
        sheet = _Sheet(plan, plan.uses)
        sheet.has_sign = any(token.kind == "sep" for token in tokens)
        sheet.kind = _kind(text, shape, tokens)
        says = (
            plan.fields
            or plan.epoch is not None
            or plan.step is not None
            or plan.progress is not None
        )
        if not says:
            sheet.plan = None
        if plan.uses and not isinstance(key[1], tuple):
            self._sheets[key] = _Sheet(uses=plan.uses)
            self._sheets[key, tuple([pieces[n] for n in plan.uses])] = sheet
        else:
            self._sheets[key] = sheet
            sheet.uses = ()
        return sheet

    def _is_muted(self, text: str, kind: str) -> bool:
        if self._mute_next:
            self._mute_next = False
            return text[:1] in (" ", "\t")
        self._mute -= 1
        if kind == "traceback":
            self._mute = _MOST_TRACEBACK
        elif self._mute > _MOST_TRACEBACK:
            if _BANNER.match(text) and kind != "failures":
                self._mute = 0
        elif _LAST_OF_TRACEBACK.match(text):
            self._mute = 0
        return True

    # Names and values

    def _take_plan(
        self, state: State, plan: Plan, sheet: _Sheet, pieces: Sequence[str]
    ) -> Iterator[Finding]:
        epoch, step = _read(plan.epoch, pieces), _read(plan.step, pieces)
        progress = plan.progress
        metrics: dict[str, float | int] = {}
        units: dict[str, str] = {}
        has_place = epoch is not None or (
            step is not None and len(plan.fields) > (plan.step_rank > 5)
        )
        enough = Trust.IN_STEP if has_place or self._is_training or plan.is_bar else Trust.SURE
        for each in plan.fields:
            if each.trust < enough or self._ignore(each.name):
                continue
            value = _read(each.number, pieces)
            if value is None:
                continue
            if each.total is not None:
                total = _read(each.total, pieces)
                if not total:
                    continue
                value = value / total
            metrics[each.name] = value
            if each.unit:
                units[each.name] = each.unit
        if progress is not None:
            self._note_progress(plan, pieces, epoch)
        if not metrics:
            self._note_place(plan, state.text, epoch, step, is_bar=progress is not None)
            return
        title = progress.title if progress is not None else ""
        fraction = self.progress.fraction if progress is not None else None
        if epoch is not None:
            self._epoch, self._epoch_leads = epoch, progress is not None
        elif step is None or self._epoch_leads:
            epoch = self._epoch
        if step is None and self._step_reach > 0 and plan.epoch is None:
            step = self._step
            self._step_reach -= 1
        if has_place or any(f.trust is Trust.SURE for f in plan.fields):
            self._is_training = True
        yield Finding(
            state.offset, _rule(sheet.kind, progress is not None), metrics, units,
            epoch, None if step is None else int(step), None, state.redrawn,
            _bar_of(plan, title, metrics, pieces), fraction,
        )  # fmt: skip

    def _note_place(
        self,
        plan: Plan,
        text: str,
        epoch: float | int | None,
        step: float | int | None,
        *,
        is_bar: bool,
    ) -> None:
        """A line that only says how far the run is holds for those below it."""
        if is_bar:
            if epoch is not None:
                self._epoch, self._epoch_leads = epoch, True
            return
        if not plan.begins_with_place or (plan.step_rank >= 4 and epoch is None):
            return
        is_end = _FINISHED.search(text) is not None
        if epoch is not None:
            leads = not is_end or (epoch == self._epoch and self._epoch_leads)
            self._epoch, self._epoch_leads = epoch, leads
            self._step, self._step_reach = None, 0
        if step is not None and not is_end:
            self._step, self._step_reach = int(step), _HEADER_REACH

    def _note_progress(self, plan: Plan, pieces: Sequence[str], epoch: float | int | None) -> None:
        told = plan.progress
        assert told is not None
        step, total = _read(told.step, pieces), _read(told.total, pieces)
        percent = _read(told.percent, pieces)
        fraction = step / total if total and step is not None else None
        if fraction is None and percent is not None:
            fraction = percent / 100
        self.progress = Progress(
            step,
            total,
            None if fraction is None else min(1.0, max(0.0, fraction)),
            told.title,
            _read(told.rate, pieces),
            told.rate_unit,
        )

    # Structures

    def _take_structure(self, state: State, kind: str) -> Iterator[Finding] | None:
        text = state.text
        start, end = structured.find_structure(text)
        if not end:
            if kind == "opens" and structured.balance(text) > 0:
                self._open = [state]
                return iter(())
            return None
        inner = text[start:end]
        values = structured.parse_structure(inner)
        if values is None:
            return None
        before = text[:start].rstrip(" :=")
        return self._read_structure(values, state, before, text[end:])

    def _read_structure(
        self, values: Mapping[str, Any], state: State, before: str, behind: str
    ) -> Iterator[Finding] | None:
        title = before.rpartition(" ")[2].lower().strip("-:|(")
        if title in words.SETTING_TITLES:
            if self._is_training or "0" in shape_of(split(before))[0]:
                return None
            return self._offer(dict(structured.flatten(values)), state)
        if structured.is_configuration(values):
            if self._is_training:
                return iter(())
            return self._offer(dict(structured.flatten(values)), state)
        return self._read_values(values, state, before)

    def _offer(self, values: dict[str, Any], state: State) -> Iterator[Finding]:
        if len(values) >= 2:
            yield Finding(state.offset, "configuration", hyperparameters=values)

    def _read_values(
        self, values: Mapping[str, Any], state: State, before: str
    ) -> Iterator[Finding] | None:
        row = Row()
        best = 99
        phase = ""
        for name, value in structured.flatten(values):
            figure = structured.as_figure(value)
            if figure is None:
                if name in ("split", "phase", "mode", "stage", "subset") and isinstance(value, str):
                    phase = words.phase_of(value) or ""
                continue
            bare = name.rpartition("/")[2]
            rank = words.step_rank(bare)
            if words.is_epoch(bare):
                if words.parts(bare)[-1] == "epoch":
                    row.epoch = figure
            elif rank is not None and (isinstance(figure, int) or figure.is_integer()):
                if rank < best:
                    row.step, best = int(figure), rank
            elif not words.is_passed_over(bare) and not (
                isinstance(figure, int) and not words.is_measured(name)
            ):
                row.metrics["_".join(cased(word) for word in name.split())] = figure
        places = row.epoch is not None or row.step is not None
        if row.epoch is None and row.step is None:
            # what stands before the dict: `epoch 3: {...}`
            pieces = split(before)
            plan = plan_of(tokenize(pieces), pieces)
            row.epoch, step = _read(plan.epoch, pieces), _read(plan.step, pieces)
            row.step = None if step is None else int(step)
            phase = phase or plan.phase
            places = row.epoch is not None or row.step is not None
        sure = any(words.is_measured(name) and not words.is_vague(name) for name in row.metrics)
        if not row.metrics or not (sure or places or self._is_training):
            return None
        if phase:
            row.metrics = {
                n if _has_phase(n) else f"{phase}/{n}": v for n, v in row.metrics.items()
            }
        return self._tell_row(row, state.offset, "dict", state.redrawn)

    def _go_on_with_open(self, state: State) -> Iterator[Finding]:
        """Lines of a dict that was not closed on its first."""
        self._open.append(state)
        text = "\n".join(each.text for each in self._open)
        left = structured.balance(text)
        if (
            left > 0
            and len(self._open) < _MOST_OPEN_LINES
            and len(text) < structured.MOST_CHARACTERS
        ):
            return
        opened, self._open = self._open, []
        if left <= 0:
            start, end = structured.find_structure(text)
            values = structured.parse_structure(text[start:end]) if end else None
            if values is not None:
                found = self._read_structure(
                    values, opened[0], text[:start].rstrip(" :="), text[end:]
                )
                if found is not None:
                    yield from found
                    return
        for each in opened:
            yield from self._read_line(State(each.offset, each.text.lstrip("{("), each.redrawn))

    # Tables and boxes

    def _is_table_row(self, text: str) -> bool:
        cells = text.translate(_BOXES).strip().strip("|").split("|")
        return len(cells) != 2

    def _take_row(self, state: State, sheet: _Sheet) -> Finding | None:
        text = state.text if state.text.isascii() else state.text.translate(_BOXES)
        behind = _BAR_BEHIND.search(text) if "%" in text else None
        is_bar = behind is not None
        if behind is not None:
            text = text[: behind.start()]
        elif sheet.has_sign and "," not in text:
            return None
        row = self._tables.read(text)
        if row is None or not row.metrics:
            return None
        found = next(self._tell_row(row, state.offset, "table", state.redrawn or is_bar), None)
        if found is not None and sheet.plan is not None and sheet.plan.progress is not None:
            found.fraction = self.progress.fraction
        return found

    def _tell_row(self, row: Row, offset: int, rule: str, redrawn: bool) -> Iterator[Finding]:
        metrics = {name: value for name, value in row.metrics.items() if not self._ignore(name)}
        if not metrics:
            return
        epoch, step = row.epoch, row.step
        if epoch is not None:
            self._epoch, self._epoch_leads = epoch, False
        elif step is None or self._epoch_leads:
            epoch = self._epoch
        self._is_training = True
        yield Finding(
            offset,
            rule,
            metrics,
            row.units,
            epoch,
            step,
            None,
            redrawn,
            (rule, tuple(metrics), epoch),
        )

    def _close_box(self) -> Iterator[Finding]:
        closed = self._box.close()
        if closed is not None:
            yield from self._tell_row(closed[1], closed[0], "box", False)

    # Configurations

    def _collect_setting(self, state: State, sheet: _Sheet) -> bool:
        """Lines of ``name: value`` before training, several on end, are a configuration."""
        found = _SETTING_LINE.match(state.text)
        if found is None:
            return False
        name, value = (found[1], found[2]) if found[1] else (found[3], found[4])
        plan = sheet.plan
        if plan is not None and (
            plan.epoch is not None or (plan.step is not None and plan.step_rank < 4)
        ):
            return False
        is_setting = words.is_setting(name)
        if words.is_measured(name) and not is_setting:
            return False
        if not self._settings and not is_setting and not _is_value(value):
            return False
        if len(value.split()) > 4 or len(self._settings) > 200:
            return False
        if (words.is_epoch(name) and not name.lower().endswith("s")) or (
            (words.step_rank(name) or 9) < 3 and not name.lower().endswith("s")
        ):
            return False
        self._settings.append((state, name.strip(), value))
        return True

    def _close_settings(self) -> Iterator[Finding]:
        lines, self._settings = self._settings, []
        known = sum(1 for _, name, _ in lines if words.is_setting(name))
        if known >= 2 and known * 3 >= len(lines):
            values = {name.replace(" ", "_"): _setting(value) for _, name, value in lines}
            yield Finding(lines[0][0].offset, "configuration", hyperparameters=values)
            return
        was, self._is_training = self._is_training, True
        del was
        self._is_training = False
        for state, _, _ in lines:
            pieces = split(state.text[:_READ_LIMIT])
            plan = plan_of(tokenize(pieces), pieces)
            yield from self._take_plan(state, plan, _Sheet(plan), pieces)


_BOXES = str.maketrans("│┃║┆┊╎", "||||||")
_BAR_BEHIND = re.compile(r":?\s*[0-9]{1,3}%\|.*|:?\s+[0-9]{1,3}% *[━█▏╸].*")


_FLAT = re.compile(r"""^[^{}()\[\]]*\{(?:[^{}()\[\]'"]|'[^' ]*'|"[^" ]*")*\}\W*$""")


def _is_configuration(text: str) -> bool:
    """Whether a dict sets the run up, or is none after all: then it is looked at as a whole."""
    start, end = structured.find_structure(text)
    values = structured.parse_structure(text[start:end]) if end else None
    return values is None or structured.is_configuration(values)


def _kind(text: str, shape: str, tokens: list[Any]) -> str:
    """What a line of this shape is, where it is no plain one."""
    if _TRACEBACK.search(shape):
        return "traceback"
    if _FAILURES.match(shape):
        return "failures"
    if _SOURCE.match(shape):
        return "source"
    if _WARNING.search(shape):
        return "warning"
    if _RULE.fullmatch(shape) and "0" not in shape:
        return "rule"
    stripped = shape.strip()
    if stripped.startswith("|") and stripped.endswith("|") and stripped.count("|") == 3:
        return "box"
    if ("{" in shape and ("'" in shape or '"' in shape or ":" in shape)) or (
        "=" in shape and "(" in shape
    ):
        if structured.balance(shape) > 0 and _OPENS.search(shape):
            return "opens"
        if _FLAT.search(shape) and not _is_configuration(text):
            return "dict"
        if ("{" in shape and "}" in shape) or re.search(r"[A-Za-z_]\w*\(\s*\w+=", shape):
            return "structure"
    if structured.balance(shape) > 0 and re.search(r"[{(]\s*$", shape):
        return "opens"
    if _is_header(shape, tokens):
        return "header"
    return ""


def _is_header(shape: str, tokens: list[Any]) -> bool:
    shape = _BAR_BEHIND.sub("", shape)
    kinds = {t.kind for t in tokens if t.start < len(shape)}
    names = [t for t in tokens if t.kind == "word" and t.start < len(shape)]
    if kinds & {"number", "ratio", "time", "sep", "junk", "bar"}:
        return False
    if len(names) == 1:
        return words.is_epoch(names[0].text) or words.step_rank(names[0].text) is not None
    if len(names) < 2:
        return False
    known = sum(
        1
        for t in names
        if words.is_measured(t.text)
        or words.is_epoch(t.text)
        or words.step_rank(t.text) is not None
    )
    parted = "|" in shape or "," in shape or "\t" in shape or "  " in shape.strip()
    return (known >= 1 and parted) or known == len(names)


def _rule(kind: str, is_bar: bool) -> str:
    return "bar" if is_bar else "dict" if kind == "dict" else "names and values"


def _read(number: Number | None, pieces: Sequence[str]) -> float | int | None:
    if number is None:
        return None
    try:
        return number.read(pieces)
    except (ValueError, OverflowError):
        return None


def _bar_of(plan: Plan, title: str, metrics: Mapping[str, Any], pieces: Sequence[str]) -> object:
    if plan.progress is None:
        return tuple(metrics)
    return title, _read(plan.progress.total, pieces)


def _has_phase(name: str) -> bool:
    return any(words.phase_of(word) for word in words.parts(name))


def _is_value(text: str) -> bool:
    return structured.as_figure(text) is not None or text in (
        "True",
        "False",
        "None",
        "null",
        "true",
        "false",
    )


def _setting(text: str) -> Any:
    figure = structured.as_figure(text)
    if figure is not None:
        return figure
    return {
        "True": True,
        "true": True,
        "False": False,
        "false": False,
        "None": None,
        "null": None,
    }.get(text, text.strip("'\""))


_ = deque
