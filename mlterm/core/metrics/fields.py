"""The tokens of a line → its plan: one walk over the numbers, each of which is named, a place (an
epoch, a step), a bar's, or nothing of ours."""

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.judging import BAR_RATES, EPOCH_RATES, SPELT_UNITS, is_of_optimizer, judge
from mlterm.core.metrics.line import Line, has_phase, phase_in
from mlterm.core.metrics.phases import told_phase
from mlterm.core.metrics.phrases import (
    Name,
    is_inside_phrase,
    name_before,
    place_before,
    speed_name,
)
from mlterm.core.metrics.plans import (
    BRACKET_RANK,
    LEADING_RANK,
    RATIO_RANK,
    BarPlan,
    Field,
    Plan,
    Trust,
)
from mlterm.core.metrics.prefixes import beginning
from mlterm.core.metrics.tokens import Number, Token

_DELIMITERS = "|,;[(-–—•"
_MOST_TITLE = 6


def plan_of(line: Line) -> Plan:
    """What a line says, told in terms of its pieces."""
    return _Walk(line).run()


class _Walk:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._plan = Plan()
        self._phase = ""  # that the fields behind it have
        self._names: dict[str, Field] = {}
        self._begin = beginning(line)
        self._has_glued_place = False  # step:10
        self._in_braces = any(token.kind == "{" for token in line.tokens)
        self._is_drawn = any(token.kind == "bar" for token in line.tokens)

    def run(self) -> Plan:
        i = 0
        while i < len(self._line):
            kind = self._line[i].kind
            if kind == "{" and self._is_of_settings(i):
                i = self._line.closing(i + 1)
            elif kind == "word":
                self._look_for_phase(i)
                self._look_for_glued_place(i)
            elif kind in ("number", "ratio"):
                i = self._take(i)
            i += 1
        self._finish_bar()
        self._carry_phase()
        return self._plan

    def _is_of_settings(self, i: int) -> bool:
        """``parameters: {``"""
        j = i - 1
        while self._line[j].kind == "sep":
            j -= 1
        return self._line.low(j) in words.SETTING_TITLES

    # Phases

    def _look_for_phase(self, i: int) -> None:
        told = told_phase(self._line, i, self._begin, is_drawn=self._is_drawn)
        self._phase = told.phase or self._phase
        if told.epoch is not None and self._plan.epoch is None:
            self._plan.epoch = told.epoch
            self._note_place(i)

    def _carry_phase(self) -> None:
        """``train Loss: 0.5 Acc: 0.9``: both are of train."""
        if len(self._plan.fields) < 2 or self._phase:
            return
        first, *others = self._plan.fields
        head, _, rest = first.name.partition("_")
        phase = words.phase_of(head)
        measured = [each for each in others if not is_of_optimizer(each.name)]
        if (
            phase
            and rest
            and measured
            and rest not in self._names
            and self._line.low(self._begin) == head
            and not any(has_phase(each.name) for each in others)
        ):
            first.name = f"{phase}/{rest}"
            for each in measured:
                each.name = f"{phase}/{each.name}"

    # Numbers

    def _take(self, i: int) -> int:
        """Judge the number at ``i``; the last token that belongs to it."""
        line = self._line
        token = line[i]
        if self._take_of_bar(i) or self._take_place(place_before(line, i), token, i - 1):
            return i
        if is_inside_phrase(line, i) and line.leads_to_value(i + 1):
            return i
        name = name_before(line, i, has_glued_place=self._has_glued_place)
        is_listed = line[i - 1].kind == "[" and line[i - 2].kind == "sep"
        if is_listed and line[i + 1].kind in (",", "number"):
            return line.closing(i)
        if not name.text:
            return self._take_unnamed(i)
        if self._take_place(name.text, token, name.at):
            return i
        self._add(name, i)
        return self._take_average(i)

    def _take_average(self, i: int) -> int:
        """``0.6 (0.7)``: the value now, and its average."""
        line = self._line
        current = self._plan.fields[-1] if self._plan.fields else None
        average = line[i + 2]
        if (
            current is None
            or current.number is not line[i].number
            or line[i].kind != "number"
            or line[i + 1].kind != "("
            or line[i + 3].kind != ")"
            or average.kind != "number"
            or average.number is None
            or average.unit not in ("", current.unit)
            or (average.number.is_int and not current.number.is_int)
        ):
            return i
        self._put(Field(f"{current.name}_avg", average.number, current.unit, current.trust))
        return i + 3

    # Places

    def _take_place(self, name: str, token: Token, at: int) -> bool:
        """Where the number tells how far the run is."""
        number, plan = token.number, self._plan
        bare = name.rpartition("/")[2]
        if bare.endswith(")"):
            bare = bare.partition("(")[0]
        if number is None or token.unit or not bare:
            return False
        if words.is_epoch(bare):
            is_one = token.kind == "ratio" or words.parts(bare)[-1] == "epoch"
            if plan.epoch is None and is_one:
                plan.epoch = number
                self._note_place(at)
            return True
        rank = words.step_rank(bare)
        if rank is None or not number.is_int or number.comma == ".":
            return False
        self._has_glued_place |= not token.gap
        if self._take_step(number, rank, at) and token.kind == "ratio" and self._is_drawn:
            self._note_bar(token)
        return True

    def _take_step(self, number: Number | None, rank: int, at: int) -> bool:
        if rank >= self._plan.step_rank:
            return False
        self._plan.step, self._plan.step_rank = number, rank
        if rank < LEADING_RANK:
            self._note_place(at)
        return True

    def _note_place(self, at: int) -> None:
        """Whether nothing but signs stands before it in the line."""
        before = self._line.tokens[self._begin : at]
        if all(token.kind in "([{=-*#>~" or token.kind == "sep" for token in before):
            self._plan.begins_with_place = True

    def _look_for_glued_place(self, i: int) -> None:
        """``epoch3``, ``step_100``: its digits are part of the shape."""
        text = self._line[i].text
        head = text.rstrip("0123456789")
        if head in (text, "E", "e"):
            return
        number = Number(0, 0, text[len(head) :], "", True, "")
        word = head.rstrip("_-").lower()
        if words.is_epoch(word) and self._plan.epoch is None:
            self._plan.epoch = number
            self._note_place(i)
        elif word in ("step", "iter", "iteration", "batch"):
            self._take_step(number, 2, i)

    def _touches_place(self, i: int) -> bool:
        """``][``: a place stands right before the bracket at ``i``."""
        return self._line[i - 1].kind in ("]", "number", "ratio") and self._line[i].gap <= 1

    # Numbers without a name

    def _take_unnamed(self, i: int) -> int:
        line = self._line
        token, following = line[i], line[i + 1]
        if token.kind == "ratio":
            return self._take_ratio(i)
        if token.unit == "it" and following.kind == "[":  # a bar that does not know its end
            self._bar().step = token.number
            self._take_step(token.number, RATIO_RANK, i)
            return i
        if following.kind == "word" and following.gap <= 1:
            return self._take_reversed(i)
        if not line.is_whole(i):
            return i
        if line[i - 1].kind == "[" and following.kind == "]":
            rank = BRACKET_RANK
            if self._plan.epoch is not None and self._touches_place(i - 1):
                rank = RATIO_RANK
            if i - 1 <= self._begin or rank == RATIO_RANK:
                self._take_step(token.number, rank, i - 1)
        elif line[i - 1].kind == "[" and following.kind == "," and i - 1 <= self._begin:
            if line.is_whole(i + 2) and line[i + 3].kind == "]":  # [1, 2000]
                self._plan.epoch = token.number
                self._take_step(line[i + 2].number, RATIO_RANK, i - 1)
                return i + 2
        elif i == self._begin and following.text == ":" and line.is_word(i + 2):
            self._take_step(token.number, LEADING_RANK, i)
        return i

    def _take_ratio(self, i: int) -> int:
        line, plan = self._line, self._plan
        token = line[i]
        if token.total is not None or "?" in token.text:
            self._note_bar(token)
        if plan.step_rank == RATIO_RANK and plan.epoch is None and self._touches_place(i - 1):
            plan.epoch, plan.step = plan.step, token.number  # [1/5][20/100]
        elif not (line.is_word(i + 1) and words.is_passed_over(line[i + 1].text)):
            self._take_step(token.number, RATIO_RANK, i)
        return i

    def _take_reversed(self, i: int) -> int:
        """``1234 tokens/s``, ``93.5% accuracy``, ``220.3 perplexity``."""
        line = self._line
        token, name = line[i], line[i + 1].text
        if token.number is None or i == 0:
            return i
        if speed := speed_name(line, i + 1):
            is_of_bar = line[i - 1].kind == "," and line[i - 2].kind == "time"
            if not is_of_bar:
                self._put(Field(speed, token.number, "", Trust.SURE))
            return i + 1
        is_figure = not token.number.is_int or token.unit == "%"
        at = i + 1
        if any(char.isdigit() for char in name) and line.is_word(i + 2):
            at, name = i + 2, line[i + 2].text  # 45.6% bf16 MFU
        if (
            not is_figure
            or token.unit not in ("", "%")
            or not words.is_measured(name)
            or words.is_vague(name)
            or line[at + 1].kind in ("sep", "number", "ratio")
            or (line.is_word(at + 1) and line.leads_to_value(at))
        ):
            return i
        self._put(Field(line.name(line[at]), token.number, token.unit, Trust.SURE))
        return at

    # Fields

    def _add(self, name: Name, i: int) -> None:
        line = self._line
        token, following = line[i], line[i + 1]
        number, total, unit = token.number, token.total, token.unit
        is_measured = words.is_measured(name.text)
        if token.kind == "ratio":
            percent = self._percent_behind(i)
            if percent is not None:
                number, total, unit = percent, None, "%"
            elif not is_measured:
                self._note_bar(token)
                if words.phase_of(name.text.rpartition("_")[2]):
                    self._take_step(number, RATIO_RANK, i)
                return
            elif total is None:
                return
        elif following.kind == "%":
            unit = "%"
        elif not unit and following.kind == "word" and following.gap <= 1:
            is_unit = speed_name(line, i + 1) or following.text in SPELT_UNITS
            unit = following.text if is_unit else ""
        if (
            unit == "%"
            and not is_measured
            and following.kind == "("
            and line[i + 2].kind == "ratio"
        ):
            return  # Counting objects: 5% (1/18)
        if number is None:
            return
        trust = judge(
            name.text,
            unit,
            is_told=name.is_told,
            is_cell=self._is_cell(name.at, i),
            is_float=not number.is_int or unit == "%" or total is not None,
            in_braces=self._in_braces,
        )
        if trust is not None:
            self._put(Field(name.text, number, unit, trust, total))

    def _is_cell(self, at: int, i: int) -> bool:
        """Whether name and number stand alone between two delimiters, or in a row of pairs."""
        before, behind = self._line[at - 1], self._line[i + 1]
        if before.kind == "number" and (self._plan.fields or self._plan.has_place):
            is_pair = behind.kind == "end" or self._line.leads_to_value(i + 1)
            return is_pair and not self._line.is_whole(i)
        opens = at <= self._begin or before.kind in _DELIMITERS or self._line[at].gap >= 2
        return opens and (behind.kind in "|,;])(-–—•" or behind.gap >= 2)

    def _percent_behind(self, i: int) -> Number | None:
        j = i + 1
        while j < i + 3 and self._line[j].kind in "([,=":
            j += 1
        return self._line[j].number if self._line[j].unit == "%" else None

    def _put(self, found: Field) -> None:
        name = found.name
        if self._phase and not has_phase(name) and not is_of_optimizer(name):
            name = f"{self._phase}/{name}"
        elif name in self._names and not has_phase(name):
            name = self._told_apart(name)
        if name and name not in self._names:
            found.name = name
            self._names[name] = found
            self._plan.fields.append(found)

    def _told_apart(self, name: str) -> str:
        """The second of a name is of the phase that was named last, the first of an earlier one."""
        phases = [phase_in(other) for other in self._names]
        at = list(self._names).index(name)
        earlier = next((phase for phase in reversed(phases[:at]) if phase), "")
        latest = next((phase for phase in reversed(phases) if phase), "")
        if not latest or latest == earlier:
            return ""
        first = self._names.pop(name)
        first.name = f"{earlier}/{name}" if earlier else name
        self._names[first.name] = first
        return f"{latest}/{name}"

    # Bars

    def _bar(self) -> BarPlan:
        if self._plan.bar is None:
            self._plan.bar = BarPlan()
        return self._plan.bar

    def _take_of_bar(self, i: int) -> bool:
        """A bar's rate or percentage."""
        token = self._line[i]
        if token.unit in BAR_RATES:
            bar = self._bar()
            if bar.rate is None:
                bar.rate, bar.rate_unit = token.number, token.unit
            return True
        is_near = any(self._line[j].kind == "bar" for j in (i - 2, i - 1, i + 1, i + 2))
        if token.unit == "%" and is_near:
            self._bar().percent = token.number
            return True
        return False

    def _note_bar(self, token: Token) -> None:
        bar = self._bar()
        if bar.step is None:
            bar.step, bar.total = token.number, token.total

    def _finish_bar(self) -> None:
        plan = self._plan
        bar = plan.bar
        plan.is_bar = self._is_drawn or (bar is not None and bar.rate is not None)
        if bar is None:
            return
        if bar.step is None and bar.percent is None:
            plan.bar = None
        elif plan.is_bar:
            bar.title = self._title()
        counts_epochs = any(
            t.unit in EPOCH_RATES or t.text in EPOCH_RATES for t in self._line.tokens
        )
        if plan.epoch is None and plan.step is bar.step and counts_epochs:
            plan.epoch, plan.step = plan.step, None

    def _title(self) -> str:
        """The words before the bar; its epoch and step are told beside them."""
        titles = []
        for token in self._line.tokens:
            if token.kind in ("bar", "number", "ratio", "|"):
                break
            if token.kind == "word":
                titles.append(token.text if "0" in token.text else self._line.name(token))
        return " ".join(titles[:_MOST_TITLE])
