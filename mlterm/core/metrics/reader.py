"""The way from a program's output to its metrics: bytes in, findings out.

Each line goes through a few looks in turn, which its shape decides: a user's patterns, an open
dict, a box, a configuration, a row of a table, then the names and values of the line itself.
What only lines in their order can tell (the epoch of a header, that training is under way) is
kept here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from mlterm.core.lines import Screen, State
from mlterm.core.metrics import structured
from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.boxes import Box
from mlterm.core.metrics.cells import parted, without_boxes
from mlterm.core.metrics.findings import Finding, Progress, Row
from mlterm.core.metrics.muting import Muting
from mlterm.core.metrics.pacing import Pacer
from mlterm.core.metrics.plans import RATIO_RANK, BarPlan, Plan, Trust, progress_of
from mlterm.core.metrics.settings import SettingLines
from mlterm.core.metrics.shapes import BAR_BEHIND, MOST_SHAPES, Kind, Shapes, Sheet
from mlterm.core.metrics.tables import Tables
from mlterm.core.metrics.tokens import Number

_READ_LIMIT = 4096  # characters of a line in which names and values are looked for
_MOST_OPEN_LINES = 200
_HEADER_REACH = 40  # lines for which a header's step holds
_FINISHED = re.compile(
    r"\b(?:finished|completed?|done|took|end of|ended|time|saved|saving)\b", re.IGNORECASE
)
_FIGURE = re.compile(r"[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?%?")


class Pattern(Protocol):
    """What core.patterns makes of a user's pattern."""

    def find(self, line: str) -> Any:
        """values, epoch and step of the first match, or None."""


class OutputReader:
    """Reads one output, from its beginning or from ``offset`` on."""

    def __init__(
        self,
        patterns: Sequence[Pattern] = (),
        ignore: Callable[[str], bool] | None = None,
        offset: int = 0,
    ) -> None:
        self._patterns, self._ignore = patterns, ignore
        self._screen = Screen(offset)
        self._pacer = Pacer()
        self._shapes = Shapes()
        self._muting = Muting()
        self._tables = Tables()
        self._box = Box()
        self._settings = SettingLines()
        self._open: list[State] = []  # the lines of a dict that is not closed yet
        self._left = 0  # brackets that are open in them
        self._length = 0
        self._epoch: float | int | None = None
        self._epoch_leads = False  # it was told before what belongs to it
        self._step: int | None = None
        self._step_reach = 0
        self._is_training = False
        self._counts: dict[tuple[str, ...], int] = {}
        self._now: float | None = None
        self._bar: tuple[BarPlan, Sequence[str]] | None = None  # the newest that told a progress

    # The stream

    def feed(self, data: bytes, now: float | None = None) -> Iterator[Finding]:
        """What ``data`` adds; ``now`` in seconds on the clock of output.idx, or None."""
        yield from self._paced(self._screen.feed(data), now)
        yield from map(self._numbered, self._pacer.tick(now))

    def finish(self) -> Iterator[Finding]:
        """What only the end brings out: last lines, last states of bars."""
        yield from self._paced(self._screen.finish(), self._now)
        for found in self.close():
            found.moment = self._now
            yield self._numbered(found)
        yield from map(self._numbered, self._pacer.finish())

    def pass_over(self, offset: int) -> Iterator[Finding]:
        """Go on at a later place of the output; a line that has begun before it is not read."""
        yield from self.finish()
        self._screen = Screen(offset, within_line=True)

    def _paced(self, states: Iterable[State], now: float | None) -> Iterator[Finding]:
        self._now = now
        pacer = self._pacer
        for state in states:
            for found in self.read(state):
                found.moment = now
                if pacer.is_idle and not found.is_passing and found.rule != "bar":
                    yield self._numbered(found)
                else:
                    yield from map(self._numbered, pacer.take(found, now))

    def _numbered(self, found: Finding) -> Finding:
        """With an implied step where nothing told one: the how-manieth of its names it is."""
        if found.epoch is None and found.step is None and found.hyperparameters is None:
            names = tuple(found.metrics)
            found.step = self._counts[names] = self._counts.get(names, 0) + 1
            if len(self._counts) > MOST_SHAPES:
                del self._counts[next(iter(self._counts))]
        return found

    @property
    def progress(self) -> Progress:
        """How far the run is, as a bar or a ratio told last."""
        return Progress() if self._bar is None else progress_of(*self._bar)

    # Lines

    def read(self, state: State) -> list[Finding]:
        """What one state says, not paced: for who wants to see every line."""
        if self._patterns and (found := self._by_pattern(state)) is not None:
            return [found]
        if self._open:
            return list(self._go_on_with_open(state))
        return self._read_line(_joined(state) if state.above else state)

    def close(self) -> Iterator[Finding]:
        """What lines that wait for others say by themselves."""
        yield from self._close_box()
        opened, self._open = self._open, []
        for state in opened:
            yield from self._read_line(state)
        if self._settings:
            yield from self._close_settings()

    def _read_line(self, state: State) -> list[Finding]:
        text = state.text[:_READ_LIMIT]
        sheet, pieces = self._shapes.look_up(text)
        kind = sheet.kind
        out: list[Finding] = []
        if self._box.is_open and kind is not Kind.BOX:
            out.extend(self._close_box())
        if self._muting.covers(text, kind) or (kind is Kind.BOX and self._is_of_box(state)):
            if kind is Kind.RULE and self._settings.has_values:
                out.extend(self._close_settings())
            return out
        message = "" if self._is_training else sheet.message(text, pieces)
        if self._settings:
            if self._settings.take(state, message, sheet.plan):
                return out
            out.extend(self._close_settings())
        if kind is Kind.STRUCTURE or kind is Kind.OPENS:
            found = self._take_structure(state, kind)
            if found is not None:
                return [*out, *found]
        if not self._is_training and self._settings.take(state, message, sheet.plan):
            return out
        if self._tables.is_waiting:
            row = self._take_row(state, sheet)
            if row is not None:
                return [*out, row]
            if not state.redrawn and kind is not Kind.HEADER:
                self._tables.pass_over()
        if kind is Kind.HEADER:
            self._tables.note_header(BAR_BEHIND.sub("", without_boxes(text)).rstrip(": "))
        if sheet.plan is not None and (in_line := self._take_plan(state, sheet, pieces)):
            out.append(in_line)
        return out

    def _by_pattern(self, state: State) -> Finding | None:
        """Who has a pattern for a line knows what is in it: nothing else is looked for."""
        for pattern in self._patterns:
            found = pattern.find(state.text[:_READ_LIMIT])
            if found is not None and found.values:
                row = Row(dict(found.values), {}, found.epoch, found.step)
                return self._tell(row, state, "pattern")
        return None

    # Names and values

    def _take_plan(self, state: State, sheet: Sheet, pieces: Sequence[str]) -> Finding | None:
        plan = sheet.plan
        assert plan is not None
        epoch, step = _read(plan.epoch, pieces), _read(plan.step, pieces)
        is_bar = plan.is_bar and plan.bar is not None
        if plan.bar is not None:
            self._bar = plan.bar, pieces
        metrics, units = self._values(plan, pieces)
        if not metrics:
            self._note_place(plan, state.text, epoch, step, is_bar=is_bar)
            return None
        if epoch is not None:
            self._epoch, self._epoch_leads = epoch, is_bar
        elif step is None or self._epoch_leads:
            epoch = self._epoch
        if step is None and self._step_reach > 0 and plan.epoch is None:
            step = self._step
            self._step_reach -= 1
        if not self._is_training:
            is_sure = any(each.trust is Trust.SURE for each in plan.fields)
            self._is_training = is_sure or plan.has_place
        rule = "bar" if is_bar else "dict" if sheet.kind is Kind.DICT else "names and values"
        return Finding(
            state.offset,
            rule,
            metrics,
            units,
            epoch,
            None if step is None else int(step),
            is_passing=state.redrawn,
            bar=_bar_of(plan, metrics, pieces),
            fraction=self.progress.fraction if self._now is None and state.redrawn else None,
            is_full=is_bar and _is_full(plan.bar, pieces),
        )

    def _values(
        self, plan: Plan, pieces: Sequence[str]
    ) -> tuple[dict[str, float | int], dict[str, str]]:
        """The metrics of a line, and their units."""
        enough = Trust.IN_TRAINING if self._is_training else Trust.SURE
        if plan.is_bar or plan.has_place:
            enough = Trust.IN_PLACE
        ignore = self._ignore
        metrics: dict[str, float | int] = {}
        units: dict[str, str] = {}
        for each in plan.fields:
            if each.trust < enough or (ignore is not None and ignore(each.name)):
                continue
            value = each.number.read(pieces)
            if value is None:
                continue
            if each.total is not None:
                total = each.total.read(pieces)
                if not total:
                    continue
                value /= total
            metrics[each.name] = value
            if each.unit:
                units[each.name] = each.unit
        return metrics, units

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
        if not plan.begins_with_place or (epoch is None and plan.step_rank >= RATIO_RANK):
            return
        is_end = _FINISHED.search(text) is not None
        if epoch is not None:
            self._is_training |= not is_end
            self._epoch_leads = not is_end or (epoch == self._epoch and self._epoch_leads)
            self._epoch = epoch
            self._step, self._step_reach = None, 0
        if step is not None and not is_end:
            self._step, self._step_reach = int(step), _HEADER_REACH

    # Dicts, and calls with keywords

    def _take_structure(self, state: State, kind: Kind) -> Iterator[Finding] | None:
        """None where it is to be read as a line of names and values."""
        text = state.text
        start, end = structured.find_structure(text)
        if end:
            values = structured.parse_structure(text[start:end])
            return None if values is None else self._read_structure(values, state, start, end)
        left = structured.balance(text) if kind is Kind.OPENS else 0
        if left > 0:
            self._open, self._left, self._length = [state], left, len(text)
            return iter(())
        return None

    def _go_on_with_open(self, state: State) -> Iterator[Finding]:
        """One more line of a dict that was not closed on its first."""
        self._open.append(state)
        self._left += structured.balance(state.text)
        self._length += len(state.text) + 1
        is_short = self._length < structured.MOST_CHARACTERS and len(self._open) < _MOST_OPEN_LINES
        if self._left > 0 and is_short:
            return
        opened, self._open = self._open, []
        text, left = "\n".join(each.text for each in opened), self._left
        start, end = structured.find_structure(text) if left <= 0 else (0, 0)
        values = structured.parse_structure(text[start:end]) if end else None
        if values is not None:
            whole = State(opened[0].offset, text, opened[0].redrawn)
            found = self._read_structure(values, whole, start, end)
            if found is not None:
                yield from found
                return
        for each in opened:
            yield from self._read_line(each._replace(text=each.text.lstrip("{(")))

    def _read_structure(
        self, values: Mapping[str, Any], state: State, start: int, end: int
    ) -> Iterator[Finding] | None:
        """A configuration, or figures; what stands beside it on the line counts too."""
        before, behind = state.text[:start], state.text[end:]
        title = before.rstrip(" :=").rpartition(" ")[2].lower().strip("-:|(")
        is_titled = title in words.SETTING_TITLES
        if is_titled and any(char.isdigit() for char in before):
            return None
        if is_titled or structured.is_configuration(values):
            settings = dict(structured.flatten(values))
            return self._offer(settings, state) if len(settings) >= 2 else iter(())
        row = structured.row_of(values)
        sheet, pieces = self._shapes.look_up(f"{before} {behind}"[:_READ_LIMIT])
        plan = sheet.plan or Plan()
        if row.epoch is None and row.step is None:
            row.epoch, step = _read(plan.epoch, pieces), _read(plan.step, pieces)
            row.step = None if step is None else int(step)
        has_place = row.epoch is not None or row.step is not None
        is_sure = any(words.is_measured(n) and not words.is_vague(n) for n in row.metrics)
        if not (is_sure or has_place or self._is_training):
            row.metrics = {}
        metrics, units = self._values(plan, pieces)
        row.metrics, row.units = metrics | row.metrics, units
        return iter([self._tell(row, state, "dict")] if row.metrics else [])

    def _offer(self, values: dict[str, Any], state: State) -> Iterator[Finding]:
        """Hyperparameters, before the training has begun."""
        if not self._is_training:
            yield Finding(state.offset, "configuration", hyperparameters=values)

    def _close_settings(self) -> Iterator[Finding]:
        states, values = self._settings.close()
        if values is not None:
            yield from self._offer(values, states[0])
            return
        for state in states:
            sheet, pieces = self._shapes.look_up(state.text[:_READ_LIMIT])
            if sheet.plan is not None and (found := self._take_plan(state, sheet, pieces)):
                yield found

    # Tables and boxes

    def _is_of_box(self, state: State) -> bool:
        text = without_boxes(state.text)
        if self._tables.is_waiting and len(parted(text, "|")) != 2:
            return False
        return self._box.add(text, state.offset)

    def _take_row(self, state: State, sheet: Sheet) -> Finding | None:
        text = without_boxes(state.text)
        behind = BAR_BEHIND.search(text) if "%" in text else None
        if behind is not None:
            text = text[: behind.start()]
        elif sheet.has_sign:
            return None
        row = self._tables.read(text)
        if row is None or not row.metrics:
            return None
        found = self._tell(row, state, "table", is_passing=behind is not None)
        if sheet.plan is not None and sheet.plan.is_bar:
            found.fraction = self.progress.fraction
        return found

    def _close_box(self) -> Iterator[Finding]:
        closed = self._box.close()
        if closed is not None:
            offset, row = closed
            yield self._tell(row, State(offset, "", False), "box")

    def _tell(self, row: Row, state: State, rule: str, *, is_passing: bool = False) -> Finding:
        """A finding of all that one place says together."""
        metrics = row.metrics
        if self._ignore is not None:
            metrics = {name: value for name, value in metrics.items() if not self._ignore(name)}
        epoch = row.epoch
        if epoch is not None:
            self._epoch, self._epoch_leads = epoch, False
        elif row.step is None or self._epoch_leads:
            epoch = self._epoch
        self._is_training = True
        return Finding(
            state.offset,
            rule,
            metrics,
            row.units,
            epoch,
            row.step,
            is_passing=state.redrawn or is_passing,
            bar=(rule, tuple(metrics), epoch),
        )


def _joined(state: State) -> State:
    """A figure that a narrow column has parted from its name in the line above."""
    figure = state.text.strip()
    if state.above.endswith((":", "=")) and _FIGURE.fullmatch(figure):
        return state._replace(text=f"{state.above.split()[-1]} {figure}", above="")
    return state


def _is_full(bar: BarPlan | None, pieces: Sequence[str]) -> bool:
    if bar is None or bar.step is None or bar.total is None:
        return False
    return pieces[bar.step.lo] == pieces[bar.total.lo]


def _read(number: Number | None, pieces: Sequence[str]) -> float | int | None:
    return None if number is None else number.read(pieces)


def _bar_of(plan: Plan, metrics: Mapping[str, Any], pieces: Sequence[str]) -> object:
    """What tells one bar from another: its title and its end."""
    if plan.bar is None or not plan.is_bar:
        return tuple(metrics)
    total = plan.bar.total
    return plan.bar.title, total and pieces[total.lo]
