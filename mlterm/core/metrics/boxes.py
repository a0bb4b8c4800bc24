"""Boxes of two columns, as Stable-Baselines3 and rich draw them: names and their figures. All
rows of a box are one record."""

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.cells import figure_of
from mlterm.core.metrics.findings import Row
from mlterm.core.metrics.line import cased
from mlterm.core.metrics.plans import NO_RANK
from mlterm.core.metrics.tables import column_name

_INDENT = "   "  # of what belongs to a section


class Box:
    """Collects the rows of a box."""

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.is_open = False
        self._offset = 0
        self._row = Row()
        self._section = ""
        self._best = NO_RANK

    def add(self, text: str, offset: int) -> bool:
        """One line between pipes; False where it is no row of a name and something."""
        first, _, second = text.strip().removeprefix("|").removesuffix("|").partition("|")
        label, figure = first.strip(), figure_of(second.strip())
        if not label or figure_of(label) is not None:
            return False
        if not self.is_open:
            self.is_open, self._offset = True, offset
        is_indented = first.startswith(_INDENT)
        if figure is None:
            if not second.strip() and label.endswith("/"):
                self._section = cased(label)
            return True
        if not is_indented:
            self._section = ""
        self._put(f"{self._section}{column_name(label)}", *figure)
        return True

    def _put(self, name: str, value: float | int, unit: str) -> None:
        bare = name.rpartition("/")[2]
        rank = words.step_rank(bare)
        if words.is_epoch(bare) and not unit:
            self._row.epoch = value
        elif rank is not None and isinstance(value, int):
            if rank < self._best:
                self._row.step, self._best = value, rank
        elif not words.is_passed_over(bare):
            self._row.metrics[name] = value
            if unit:
                self._row.units[name] = unit

    def close(self) -> tuple[int, Row] | None:
        """Where the box began and what it says; None where nothing in it is measured."""
        offset, row, was_open = self._offset, self._row, self.is_open
        self._begin_anew()
        is_told = was_open and any(words.is_measured(name) for name in row.metrics)
        return (offset, row) if is_told else None
