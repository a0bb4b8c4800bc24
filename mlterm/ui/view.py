"""The whole window as rows: every part in its place, and what is open above them."""

from typing import Protocol

from mlterm.ui import bars
from mlterm.ui.help import help_rows
from mlterm.ui.layout import Layout, Rect, layout
from mlterm.ui.machine import draw_machine
from mlterm.ui.metrics import MetricsPane
from mlterm.ui.model import Model
from mlterm.ui.rows import Row, fit, over, row_width
from mlterm.ui.state import Pane, State
from mlterm.ui.system import draw_system


class Scrolled(Protocol):
    """A pane that holds its own place in what it shows."""

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Its rows."""

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Where the program's cursor is in it; None where none is to be seen."""


class View:
    """Draws a state and a model; what has not changed is kept as it was drawn."""

    def __init__(self, panes: dict[Pane, Scrolled]) -> None:
        self._panes = panes
        self._metrics = MetricsPane()
        self.process_top = 0
        """The first row of the table of processes that is seen."""

    def draw(self, state: State, model: Model) -> tuple[list[Row], tuple[int, int] | None]:
        """The window's rows, and where the cursor is."""
        parts = layout(state)
        width = state.columns
        rows = [bars.header(model, width)] if parts.header.height else []
        if parts.tabs is not None:
            rows.append(bars.tabs(state, width))
        rows += self._body(state, model, parts)
        if parts.machine is not None:
            rows.append(bars.title_rule("Machine", [], width, focused=False))
            rows += draw_machine(model, width, parts.machine.height - 1)
        if parts.footer is not None:
            rows.append(bars.footer(state, width, model.loading))
        return with_box(state, rows), self._cursor(state, parts)

    def _body(self, state: State, model: Model, parts: Layout) -> list[Row]:
        drawn = {pane: self._pane(state, model, pane, rect) for pane, rect in parts.panes.items()}
        if parts.divider is None:
            return next(iter(drawn.values()))
        edge = ("frame.focus" if state.dragging else "frame", "│")
        left, right = drawn[Pane.METRICS], drawn[Pane.OUTPUT]
        return [[*one, edge, *other] for one, other in zip(left, right, strict=True)]

    def _pane(self, state: State, model: Model, pane: Pane, rect: Rect) -> list[Row]:
        focused = pane is state.pane
        if pane is Pane.METRICS:
            return self._metrics.draw(state, model, rect.width, rect.height, focused=focused)
        if pane is Pane.SYSTEM:
            return draw_system(
                state, model, self.process_top, rect.width, rect.height, focused=focused
            )
        return self._panes[pane].draw(state, rect.width, rect.height, focused=focused)

    def _cursor(self, state: State, parts: Layout) -> tuple[int, int] | None:
        rect = parts.panes.get(Pane.OUTPUT)
        place = self._panes[Pane.OUTPUT].cursor if Pane.OUTPUT in self._panes else None
        if rect is None or place is None or not state.typing:
            return None
        x, y = place
        return (rect.x + x, rect.y + 1 + y) if x < rect.width and y + 1 < rect.height else None


def with_box(state: State, rows: list[Row]) -> list[Row]:
    """The rows, with the help or the question above them where one is open."""
    if state.helping:
        return _boxed(rows, "Keys", help_rows(state), state, top=state.help_top)
    if state.asking:
        return _boxed(rows, *bars.asked(state), state)
    return rows


def _boxed(rows: list[Row], title: str, lines: list[Row], state: State, top: int = 0) -> list[Row]:
    """Lines in a frame, in the middle of the window and above what is there."""
    width = min(state.columns, max(map(row_width, lines), default=0) + 4)
    height = min(state.rows, len(lines) + 2)
    if width < 6 or height < 3:
        return rows
    inner = height - 2
    top = max(0, min(top, len(lines) - inner))
    more = f" {top + inner} of {len(lines)}, ↓ " if top + inner < len(lines) else ""
    rule = f"─ {title} "
    box: list[Row] = [[("frame.focus", "╭" + rule + "─" * (width - 2 - len(rule)) + "╮")]]
    for line in lines[top : top + inner]:
        middle = fit([("", " "), *line], width - 2)
        box.append([("frame.focus", "│"), *middle, ("frame.focus", "│")])
    end = f"{more:─>{width - 3}}─" if more else "─" * (width - 2)
    box.append([("frame.focus", f"╰{end}╯")])
    x, y = (state.columns - width) // 2, (state.rows - height) // 2
    framed = list(rows)
    for number, line in enumerate(box):
        framed[y + number] = over(framed[y + number], x, line)
    return framed
