"""A line of the output as rows: what a terminal would still show of it, wrapped."""

import re

from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import Row, cells_of

LINE_BYTES = 16 * 1024
"""Of a line, that are shown; of a longer one its last states, or its end."""
_ODD = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|[\xe2\xef\xc2][\x80-\xbf]")
"""Controls, and what begins some characters that turn the reading direction."""


def rows_of(line: bytes, columns: int) -> list[Row]:
    """The rows of a line without its newline; at least one."""
    columns = max(1, columns)
    line = line.removesuffix(b"\r")
    if len(line) > LINE_BYTES:
        line = line[-LINE_BYTES:]
        line = line[line.find(b"\r") + 1 :]
    if not _ODD.search(line):
        return _wrapped(line.decode("utf-8", "replace").expandtabs(), columns)
    emulator = Emulator(columns, min(LINE_BYTES // columns, 2 + len(line) // columns))
    emulator.feed(line)
    rows = emulator.rows()
    while len(rows) > 1 and not rows[-1]:
        rows.pop()
    return rows


def _wrapped(text: str, columns: int) -> list[Row]:
    if text.isascii():
        pieces = [text[at : at + columns] for at in range(0, len(text), columns)] or [""]
        return [[("", piece)] if piece else [] for piece in pieces]
    rows: list[Row] = []
    piece, width = "", 0
    for character in text:
        size = cells_of(character)
        if width + size > columns:
            rows.append([("", piece)])
            piece, width = "", 0
        piece += character
        width += size
    return [*rows, [("", piece)] if piece else []]
