"""What all keys do, as rows: the table of keys, what is in force first."""

from textwrap import wrap

from mlterm.ui import keymap
from mlterm.ui.keymap import BINDINGS, Where
from mlterm.ui.rows import Row
from mlterm.ui.state import Mode, State

KEYS_COLUMNS = 14
"""For the keys themselves."""
FRAME = 4
"""Columns of the box around it, and of its blanks."""


def help_rows(state: State) -> list[Row]:
    """No wider than the window, but for keys themselves."""
    shown = keymap.places(state)
    order = [*shown, *(where for where in Where if where not in shown)]
    never = {Where.LIVE if state.watched else Where.WATCHED}
    never |= {Where.LIVE, Where.WATCHED} if state.mode is Mode.DASHBOARD else {Where.RUNS}
    order = [where for where in order if where not in never]
    lines: list[Row] = []
    for where in order:
        lines += [[]] if lines else []
        lines.append([("accent", where.value)])
        for binding in BINDINGS:
            if binding.where is where and not binding.title.isdigit():
                lines += _explained(binding.title, binding.help, state.columns - FRAME)
    return lines


def last_top(state: State) -> int:
    """The first row that is seen where the last one is."""
    return max(0, len(help_rows(state)) - max(1, state.rows - 2))


def _explained(keys: str, words: str, width: int) -> list[Row]:
    """Keys and what they do, beneath each other where that has no room beside them."""
    room = width - KEYS_COLUMNS
    if room < KEYS_COLUMNS:
        below = wrap(words, max(1, width - 4))
        return [[("key", f"  {keys}")], *([("label", f"    {line}")] for line in below)]
    first, *rest = wrap(words, room)
    row: Row = [("key", f"  {keys:<{KEYS_COLUMNS - 2}}"), ("label", first)]
    return [row, *([("label", " " * KEYS_COLUMNS + line)] for line in rest)]
