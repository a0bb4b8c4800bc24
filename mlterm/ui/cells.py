"""Lines of cells: how they look, and what becomes of them in another size."""

from collections import defaultdict
from functools import lru_cache

from pyte import screens as pyte

from mlterm.core.graphics import Graphics, shows_on_blanks, style_of
from mlterm.ui.rows import Row, cells_of

BLANK = pyte.Char(" ")
_COMBINED_LIMIT = 8  # characters of one cell
_FORMS = "\ufe0e\ufe0f"

width_of = lru_cache(8192)(cells_of)


class Line(pyte.StaticDefaultDict[int, pyte.Char]):
    """Cells by column, and how they look together once somebody has asked."""

    __slots__ = ("row",)

    def __init__(self) -> None:
        super().__init__(BLANK)
        self.row: Row | None = None


class Glyphs(dict[str, pyte.Char]):
    """Cells of one look, each made once."""

    def __init__(self, graphics: Graphics) -> None:
        super().__init__()
        self._graphics = graphics

    def __missing__(self, character: str) -> pyte.Char:
        made = self[character] = pyte.Char(character, *self._graphics)
        return made


def attach(line: Line, at: int, character: str) -> None:
    """Put a character of no width to the one that it belongs to, unless it asks for another
    form of that: then terminals disagree about its width."""
    if character in _FORMS:
        return
    if at > 0 and not line[at].data:
        at -= 1
    if at >= 0 and len(line[at].data) < _COMBINED_LIMIT:
        line[at] = line[at]._replace(data=line[at].data + character)
        line.row = None


def clip(buffer: defaultdict[int, Line], cursor: int, lines: int, columns: int) -> int:
    """Cut to a size. How many lines went at the top, so that the cursor's line stays."""
    gone = max(0, cursor + 1 - lines)
    kept = {y - gone: line for y, line in buffer.items() if gone <= y < lines + gone}
    buffer.clear()
    for y, line in kept.items():
        for x in [x for x in line if x >= columns]:
            del line[x]
        line.row = None
        buffer[y] = line
    return gone


def row_of(line: Line, columns: int) -> Row:
    """Runs of one style. Halves of wide characters whose other half is gone are blanks."""
    row: Row = []
    width = max(line, default=-1) + 1
    cells = [line[x] for x in range(min(width, columns))]
    while cells and cells[-1].data == " " and not shows_on_blanks(Graphics(*cells[-1][1:])):
        del cells[-1]
    look: Graphics | None = None
    run: list[str] = []
    stub = False  # whether the second half of a wide character is due
    for x, cell in enumerate(cells):
        data = cell.data
        if stub and not data:
            stub = False
            continue
        stub = False
        if not data:
            data = " "
        elif not data.isascii() and width_of(data[0]) == 2:
            stub = x + 1 < len(cells) and not cells[x + 1].data
            if not stub:
                data = " "
        if cell[1:] != look:
            if look is not None:
                row.append((style_of(look), "".join(run)))
            look, run = Graphics(*cell[1:]), []
        run.append(data)
    if look is not None:
        row.append((style_of(look), "".join(run)))
    return row
