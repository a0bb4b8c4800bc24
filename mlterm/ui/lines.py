"""A line of the output as rows: what a terminal would still show of it, wrapped."""

import re
from functools import lru_cache

from mlterm.core.clean import Cleaner
from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import Row, cells_of, row_width, text_of

EMULATED_BYTES = 16 * 1024
"""Of a line; of a longer one its last states, or its text without colours."""
_KEPT_BYTES = 2 * 1024
"""Lines up to this long are not wrapped anew for every frame."""
_ODD = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]"  # controls
    rb"|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]"  # what turns the
    rb"|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf"  # direction, and what only says how others look
)


def rows_of(line: bytes, columns: int) -> list[Row]:
    """The rows of a line; at least one."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    return (_kept if len(line) <= _KEPT_BYTES else _made)(line, max(1, columns))


def _made(line: bytes, columns: int) -> list[Row]:
    line = line.replace(b"\0", b"")
    if len(line) > EMULATED_BYTES and _ODD.search(line):
        states = line[-EMULATED_BYTES:].partition(b"\r")[2]
        if not states:
            cleaner = Cleaner(colour=False)
            states = cleaner.feed(line) + cleaner.finish()
        line = states
    if not _ODD.search(line):
        return _wrapped(line.decode("utf-8", "replace").expandtabs(), columns)
    emulator = Emulator(columns, 2 + len(line) // columns)
    emulator.feed(line)
    rows = emulator.rows()
    while len(rows) > 1 and not rows[-1]:
        rows.pop()
    return rows


_kept = lru_cache(maxsize=512)(_made)


def _wrapped(text: str, columns: int) -> list[Row]:
    if text.isascii():
        pieces = [text[at : at + columns] for at in range(0, len(text), columns)] or [""]
        return [[("", piece)] if piece else [] for piece in pieces]
    rows: list[Row] = []
    piece, width = "", 0
    for character in text:
        size = cells_of(character)
        if piece and width + size > columns:
            rows.append([("", piece)])
            piece, width = "", 0
        piece += character
        width += size
    return [*rows, [("", piece)] if piece else []]


def marked(rows: list[Row], pattern: str, style: str, columns: int) -> list[Row] | None:
    """A line's rows with a style wherever they have the pattern, over their ends too; None where
    they do not have it."""
    texts = text_of(rows)
    padded = [
        text + " " * max(0, columns - row_width(row))
        for text, row in zip(texts[:-1], rows, strict=False)
    ]
    flags = 0 if pattern != pattern.lower() else re.IGNORECASE
    whole = "".join((*padded, texts[-1]))
    places = [match.span() for match in re.finditer(re.escape(pattern), whole, flags)]
    if not places:
        return None
    shown, begin = [], 0
    for row, text in zip(rows, (*padded, texts[-1]), strict=True):
        shown.append(row)
        for first, last in places:
            if first < begin + len(text) and last > begin:
                shown[-1] = _restyled(shown[-1], first - begin, last - begin, style)
        begin += len(text)
    return shown


def _restyled(row: Row, first: int, last: int, style: str) -> Row:
    found: Row = []
    at = 0
    for name, text in row:
        begin, end = max(0, min(first - at, len(text))), max(0, min(last - at, len(text)))
        pieces = (name, text[:begin]), (style, text[begin:end]), (name, text[end:])
        found += [piece for piece in pieces if piece[1]]
        at += len(text)
    return found
