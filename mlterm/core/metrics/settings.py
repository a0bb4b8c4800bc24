"""Lines of ``name: value`` before the training: several on end are a configuration."""

import re
from typing import Any

from mlterm.core.lines import State
from mlterm.core.metrics import structured
from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.plans import RATIO_RANK, Plan

_LINE = re.compile(
    r"^\s*(?:[-*•]\s*|--)?([A-Za-z_][\w .-]{0,40}?)\s*[:=]\s+?(\S.*)$|^\s*([A-Za-z_][\w.]*)=(\S+)$"
)
_MOST_LINES = 200
_MOST_WORDS = 4
_FEWEST_KNOWN = 2
_WORDS = {
    "True": True, "true": True, "False": False, "false": False, "None": None, "null": None,
}  # fmt: skip


class SettingLines:
    """Collects such lines until another one comes."""

    def __init__(self) -> None:
        self._lines: list[tuple[State, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def take(self, state: State, plan: Plan | None) -> bool:
        """One more line; False where it is none of them."""
        found = _LINE.match(state.text)
        if found is None or len(self._lines) >= _MOST_LINES or _has_place(plan):
            return False
        name, value = (found[1], found[2]) if found[1] else (found[3], found[4])
        is_setting = words.is_setting(name)
        if len(value.split()) > _MOST_WORDS or (words.is_measured(name) and not is_setting):
            return False
        if not self._lines and not is_setting and not _is_plain(value):
            return False
        self._lines.append((state, name.strip(), value))
        return True

    def close(self) -> tuple[list[State], dict[str, Any] | None]:
        """The lines, and what they set; None where they are no configuration after all."""
        lines, self._lines = self._lines, []
        known = sum(words.is_known_setting(name) for _, name, _ in lines)
        if known < _FEWEST_KNOWN or known * 3 < len(lines):
            return [state for state, _, _ in lines], None
        values = {name.replace(" ", "_"): _value(value) for _, name, value in lines}
        return [state for state, _, _ in lines], values


def _has_place(plan: Plan | None) -> bool:
    if plan is None:
        return False
    return plan.epoch is not None or (plan.step is not None and plan.step_rank < RATIO_RANK)


def _is_plain(text: str) -> bool:
    return structured.as_figure(text) is not None or text in _WORDS


def _value(text: str) -> Any:
    figure = structured.as_figure(text)
    return _WORDS.get(text, text.strip("'\"")) if figure is None else figure
