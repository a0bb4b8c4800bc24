"""The pane of the output: the program's screen while it is followed, else a page of the log."""

import time

from mlterm.feed.moments import Moments
from mlterm.feed.output import Output
from mlterm.system.paths import RunFiles
from mlterm.ui.bars import title_rule
from mlterm.ui.follow import Follow
from mlterm.ui.metrics import centred
from mlterm.ui.pager import Pager
from mlterm.ui.rows import Row, fit
from mlterm.ui.state import State


class OutputPane:
    """Follows the output, or shows it from a place on."""

    def __init__(self, files: RunFiles, start: int = 0) -> None:
        self._output = Output(files)
        self._moments = Moments(files)
        self._follow = Follow(self._output, start)
        self._pager = Pager(self._output)
        self.version = 0

    # --- What has come ------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        """Whether there is output that the screen does not have yet."""
        return self._follow.behind

    def grown(self, offset: int) -> None:
        """The file holds so many bytes."""
        self._follow.grown(offset)

    def take(self, data: bytes) -> None:
        """Output that could not be written to the file."""
        self._follow.take(data)
        self.version += 1

    def resume(self, offset: int) -> None:
        """From here on it stands in the file again."""
        self._follow.resume(offset)

    def step(self, budget: float) -> bool:
        """Take in what is new, for so many seconds at most; whether there is more."""
        deadline = time.monotonic() + budget
        if self._follow.step(deadline):
            self.version += 1
        if self._pager.search is not None:
            self.version += 1
            while self._pager.step() and time.monotonic() < deadline:
                pass
        return self._pager.search is not None or self._follow.behind

    def take_answers(self) -> bytes:
        """What the program asked its terminal for."""
        return self._follow.emulator.take_answers()

    def resize(self, columns: int, rows: int) -> None:
        """The pane shows so many columns and rows of the program's."""
        columns, rows = max(1, columns), max(1, rows)
        self._follow.emulator.resize(columns, rows)
        self._pager.resize(columns, rows)

    def close(self) -> None:
        """Let go of the files."""
        self._output.close()

    # --- Moving -------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        """Whether the program's own screen is shown."""
        return self._pager.place is None

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Where the program's cursor is."""
        return self._follow.emulator.cursor if self.follows else None

    @property
    def notice(self) -> str:
        """What came of a search that found nothing."""
        return self._pager.notice

    def scroll(self, rows: int) -> None:
        """Move by rows; below the end the output is followed again."""
        pager, follow = self._pager, self._follow
        self.version += 1
        if pager.place is None:
            if rows >= 0:
                return
            pager.place = pager.last_page(follow.end, follow.begin)
        pager.scroll(rows)
        if rows > 0 and pager.place >= pager.last_page(self._output.size):
            pager.to_end()

    def to_start(self) -> None:
        """Show the log's first lines."""
        self._pager.to_start()
        self.version += 1

    def to_end(self) -> None:
        """Follow the output."""
        self._pager.to_end()
        self.version += 1

    def show(self, offset: int) -> None:
        """Show the line of a byte, in the middle of the pane."""
        self._pager.show(offset)
        self.version += 1

    def show_at(self, seconds: float) -> None:
        """Show what had been printed by then, in seconds on the clock of output.idx."""
        offset = self._moments.offset_at(seconds)
        self.show(self._output.size if offset is None else max(0, offset - 1))

    def search(self, pattern: str) -> None:
        """Look for text from the first row that is shown on, else backwards from the end."""
        self._pager.find(pattern)
        self.version += 1

    def search_on(self, direction: int) -> None:
        """Look for the same further on in the search's direction, or the other way."""
        self._pager.find_on(same_way=direction > 0)
        self.version += 1

    # --- Drawing ------------------------------------------------------------------------------

    def draw(self, state: State, width: int, height: int, *, focused: bool) -> list[Row]:
        """Exactly ``height`` rows, the title among them."""
        if height < 1:
            return []
        self.resize(width, height - 1)
        facts = [self.notice] if self.notice else []
        title = title_rule("Output", facts, width, focused=focused, right=self._where())
        if self.follows:
            screen = self._follow.emulator.rows()
            rows = [fit(row, width) for row in screen]
            if not (self._output.size or state.typing or any(screen)):
                rows = centred([[("dim", "no output")]], width, height - 1)
        else:
            rows = self._pager.draw()
        rows += [fit([], width)] * (height - 1 - len(rows))
        return [title, *rows[: height - 1]]

    def _where(self) -> str:
        if (search := self._pager.search) is not None:
            return f"searching {search.progress:.0%}"
        return "following" if self.follows else self._pager.where
