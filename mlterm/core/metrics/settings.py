"""Lines of ``name: value`` before the training: several on end are a configuration."""

import re
from typing import Any

from mlterm.core.lines import State
from mlterm.core.metrics import structured
from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.outline import Entry, is_plain, nest, value_of
from mlterm.core.metrics.plans import RATIO_RANK, Plan

_LINE = re.compile(
    r"(?P<indent>\s*)(?:(?P<mark>[-*•]\s*|--)?"
    r"(?P<quote>['\"]?)(?P<name>[A-Za-z_][\w .-]{0,40}?)(?P=quote)(?:\s*[:=]\s+(?P<value>\S.*)|:)"
    r"|(?P<dotted>[A-Za-z_]\w*) \.{3,} (?P<behind>\S.*)"  # as Megatron-LM prints its arguments
    r"|(?P<glued>[A-Za-z_][\w.]*)=(?P<to>\S+|[\[(].*[\])])"
    r"|(?P<dash>-\s+)(?P<item>\S.*))"
)
_DEFAULT = "[default: "  # what option parsers put behind a value
_TAG = re.compile(r"!\S+")  # YAML's, before what stands below
_WHOLE = re.compile(r"'.*'|\".*\"|\[.*\]|\(.*\)|\{.*\}")
_BITS = ("16", "32", "64")
_MOST_LINES = 200
_LONG = 40  # characters of a value that may go on
_MOST_WORDS = 4
_FEWEST_KNOWN = 2


class SettingLines:
    """Collects such lines until another one comes."""

    def __init__(self) -> None:
        self._lines: list[tuple[State, Entry]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def has_values(self) -> bool:
        """Whether there is more than a title."""
        return any(entry.value is not None for _, entry in self._lines)

    def take(self, state: State, message: str, plan: Plan | None) -> bool:
        """One more line; False where it is none of them. ``message``: its text without what a
        logger put before it, as far as that can be told (``debug: true`` is all message)."""
        entry = _entry(message) or _entry(state.text)
        if len(self._lines) >= _MOST_LINES:
            return False
        if entry is None:
            return plan is None and self._goes_on(state.text)
        is_one = self._names_a_value if entry.name else self._is_item
        if not is_one(entry, plan or Plan()):
            return False
        self._lines.append((state, entry))
        return True

    def close(self) -> tuple[list[State], dict[str, Any] | None]:
        """The lines, and what they set; None where they are no configuration after all."""
        lines, self._lines = self._lines, []
        states, entries = [state for state, _ in lines], [entry for _, entry in lines]
        values = nest(entries)
        is_titled = _is_title(entries[0])
        titles = [name for name in values if words.is_setting_title(name)]
        if is_titled and titles == [entries[0].name] and isinstance(values[titles[0]], dict):
            values = values.pop(titles[0]) | values  # it stands over them, and names none
        values = dict(structured.flatten(values))
        return states, values if _is_configuration(values, is_titled=is_titled) else None

    def _names_a_value(self, entry: Entry, plan: Plan) -> bool:
        name, value = entry.name, entry.value
        above = self._above(entry)
        is_within = any(words.is_section(other.name) or _is_title(other) for other in above)
        if _has_place(plan) and not (is_within and value is not None and is_plain(value)):
            return False
        if value is None:
            return True
        if (
            not (above or _is_short(value))
            or structured.balance(value)
            or _tells_figures(name, value)
        ):
            return False
        if words.is_setting(name) or value[0] == "{":
            return True
        if words.is_measured(name) and plan.fields:
            return bool(self) and words.parts(name)[-1] == "precision" and value in _BITS
        last = self._lines[-1][1] if self else None
        if last is not None and last.value is None and structured.as_figure(value) is not None:
            return not (words.is_measured(last.name) and last in above)  # losses: train: 0.5
        return self.has_values or is_plain(value) or bool(above) or _is_title(last)

    def _is_item(self, entry: Entry, plan: Plan) -> bool:
        """Whether it is one of a list: right below the list's name, or another of its items."""
        last = self._lines[-1][1] if self else None
        value = entry.value or ""
        if last is None or _has_place(plan) or not _is_short(value):
            return False
        if _tells_figures("", value) or (plan.fields and value[:1] != "{"):
            return False
        if last.inner is not None:
            return last.indent == entry.indent
        return last.value is None and last.indent <= entry.indent

    def _goes_on(self, text: str) -> bool:
        """Whether a line, further in, goes on with a long value: YAML folds them."""
        state, last = self._lines[-1] if self else (None, None)
        if state is None or last is None or len(last.value or "") < _LONG:
            return False
        if len(text) - len(text.lstrip()) <= last.indent:
            return False
        self._lines[-1] = state, last._replace(value=f"{last.value} {text.strip()}")
        return True

    def _above(self, entry: Entry) -> list[Entry]:
        """The names under which it stands, the nearest first."""
        indent, above = entry.indent, []
        for _, other in reversed(self._lines):
            if not indent:
                break
            if other.indent < indent:
                indent = other.indent
                if other.value is None:
                    above.append(other)
        return above


def _entry(text: str) -> Entry | None:
    """What a line says; None where it is no line of a configuration."""
    found = _LINE.fullmatch(text.rstrip())
    if found is None:
        return None
    indent = len(found["indent"].expandtabs())
    mark = found["mark"] or found["dash"] or ""
    inner = None if mark in ("", "--") else indent + len(mark)
    name = found["name"] or found["dotted"] or found["glued"] or ""
    value = found["value"] or found["behind"] or found["to"] or found["item"]
    if value is not None and value.endswith("]") and not value.startswith(_DEFAULT):
        value = value.partition(_DEFAULT)[0].rstrip()
    if value is not None and name and _TAG.fullmatch(value):
        value = None
    return Entry(indent, name.strip().replace(" ", "_"), value, inner)


def _is_configuration(values: dict[str, Any], *, is_titled: bool) -> bool:
    """Whether enough of the names are what configurations are made of."""
    known: set[str] = set()
    count = 0
    for path in values:
        *above, name = path.split("/")
        here = {each for each in above if words.is_section(each)}
        here |= {name} if words.is_known_setting(name) else set()
        known |= here
        count += bool(here)
    return bool(known) and (
        len(known) + is_titled >= _FEWEST_KNOWN and (is_titled or count * 3 >= len(values))
    )


def _is_title(entry: Entry | None) -> bool:
    """``Config:``, which says what the lines below it are."""
    return entry is not None and entry.value is None and words.is_setting_title(entry.name)


def _has_place(plan: Plan) -> bool:
    return plan.epoch is not None or (plan.step is not None and plan.step_rank < RATIO_RANK)


def _is_short(value: str) -> bool:
    """Whether it could be a value, rather than a sentence."""
    return _WHOLE.fullmatch(value) is not None or len(value.split()) <= _MOST_WORDS


def _tells_figures(name: str, value: str) -> bool:
    """Whether a dict behind a name is to be read as what it is, not as a setting's value."""
    if value[0] != "{":
        return False
    values = value_of(value)
    if not isinstance(values, dict) or words.is_setting_title(name):
        return True
    told = list(structured.flatten(values))
    if words.is_measured(name) and all(structured.as_figure(each) is not None for _, each in told):
        return True
    return any(words.is_measured(each) and not words.is_setting(each) for each, _ in told)
