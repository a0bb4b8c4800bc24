"""Less output with the same screen in the end: emulation skips what nobody can see.

Output that is followed by enough lines has scrolled away, what stood before a cleared screen is
gone, and of a bar only its last states are seen. ``shorten`` drops such bytes where it can show
that nothing of them is left, and carries over what they have switched on. Where the cursor stood
before, and what the screen showed, plays no part.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from mlterm.ui.rows import NARROW, width_of

_ABORT = b"\x18"  # ends a sequence that has begun
_SWITCHES_LIMIT = 64  # between the two screens
_REACH = 128 * 1024  # bytes at the end of which each move is looked at
_LINE_KEPT = 4096  # bytes of an unfinished line that are not worth a look
_STATES_LIMIT = 16384  # of a bar

# One search for what is no colour decides whether any other is worth it. Quantifiers are
# possessive: there are floods of sequences.
_NO_COLOUR = re.compile(rb"\x1b(?!\[[0-9;:]*+m)")
_LASTING = rb"\x1b(?:\[\??[0-9;]*+[hlrn]|\[0?c|[()][0-9A-Z]|\[!p)"
_MODES = re.compile(_LASTING)
_MODES_AND_SHIFTS = re.compile(_LASTING + rb"|[\x0e\x0f]")
_SGR = re.compile(rb"\x1b(?:\[[0-9;:]*+m|[78]|\[[su])")
_SGR_RESETS = (b"\x1b[0m", b"\x1b[m", b"\x1b[0;")
_SWITCH = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")
_NEW_PAGE = re.compile(
    rb"\x1b\[(?:1;1|1)?H\x1b\[(?:[02]?J|3J\x1b\[2?J)|\x1b\[2J(?:\x1b\[3J)?\x1b\[(?:1;1|1)?H"
)
_ROW_MOVE = re.compile(rb"\n|\x1b(?:\[([?0-9;]*+)([ABEFHfdeLMSTJsurhl])|([DEM78]))")
_COLOUR = rb"\x1b\[[0-9;:]*+m"
_STATE = re.compile(rb"(?:%b)*(\x1b\[[02]?K)?((?:[^\x00-\x1f\x7f]|%b)*)" % (_COLOUR, _COLOUR))
_NARROW_STATES = re.compile(rf"(?:{NARROW.pattern[:-1]}|\r)*+")
_PRINTABLE = re.compile(rb"[ -~]*")


class Stance(NamedTuple):
    """What a terminal has been set to, as far as it decides what scrolls away."""

    columns: int
    rows: int
    alternate: bool = False
    margins: bool = False
    odd: bool = False
    """Whether places count from the margins, or characters are inserted."""


def shorten(data: bytes, stance: Stance) -> bytes:
    """Fewer bytes that leave the same screen; ``data`` where none can be shown to."""
    other = _first_but_colours(data)
    if other < len(data):
        if (reset := data.rfind(b"\x1bc", other)) >= 0:
            fresh = Stance(stance.columns, stance.rows)
            return _ABORT + b"\x1bc" + shorten(data[reset + 2 :], fresh)
        if b"\x1b[?" in data and (switches := list(_SWITCH.finditer(data, other))):
            if len(switches) > _SWITCHES_LIMIT:
                return data
            return _shorten_both(data, switches, stance)
    return _shorten_page(data, stance, other)


def give_up(data: bytes, size: int, stance: Stance) -> bytes:
    """About the last ``size`` bytes, from a place where most likely nothing is torn."""
    other = _first_but_colours(data)
    middle = len(data) - size
    cut = data.find(b"\n", middle, middle + size // 2) + 1
    if not cut:
        cut = data.find(b"\r", middle, middle + size // 2) + 1
    if not cut:
        cut = middle
        begin = data.rfind(b"\n", 0, middle) + 1
        if _PRINTABLE.fullmatch(data, begin, middle):
            # What wraps goes on in the same column.
            width = (middle - begin) % stance.columns
            head = _carried(data, begin, other) or b"" if begin else b""
            return head + data[begin : begin + width] + data[middle:]
    return (_carried(data, cut, other) or b"") + data[cut:]


def _shorten_both(data: bytes, switches: list[re.Match[bytes]], stance: Stance) -> bytes:
    """Each of the two screens is what was written to it, and a new alternate one is empty."""
    main: list[bytes] = []
    at, alternate = 0, stance.alternate
    for switch in switches:
        piece = data[at : switch.start()]
        main.append(_carried(piece, len(piece), 0) or piece if alternate else piece)
        main.append(switch[0])
        at, alternate = switch.end(), switch[1] == b"h"
    if alternate:
        odd = stance.odd or b"\x1b[?6h" in data or b"\x1b[4h" in data
        within = stance._replace(alternate=True, margins=False, odd=odd)
        before = b"".join(main[:-1])
        return _shorten_page(before, stance, 0) + main[-1] + _shorten_page(data[at:], within, 0)
    return _shorten_page(b"".join([*main, data[at:]]), stance, 0)


def _shorten_page(data: bytes, stance: Stance, other: int) -> bytes:
    cut = _cut(data, stance, other)
    if cut:
        carried = _carried(data, cut, other)
        if carried is not None and len(carried) < cut:
            data = carried + data[cut:]
    begin = data.rfind(b"\n") + 1
    if len(data) - begin > _LINE_KEPT and not stance.odd and b"\x1b[4h" not in data:
        data = data[:begin] + _shorten_line(data[begin:], stance.columns)
    return data


def _cut(data: bytes, stance: Stance, other: int) -> int:
    """Where to begin, 0 where all is needed."""
    first = max(0, len(data) - _REACH)
    lines = 2 * stance.rows
    while not stance.alternate and (at := _line_from_end(data, lines)) > first:
        if _scrolls_away(data, at, stance, other):
            return at
        lines *= 4
    if stance.odd or other == len(data) or b"\x1b[?6h" in data:
        return 0
    return max((found.start() for found in _NEW_PAGE.finditer(data, first)), default=0)


def _first_but_colours(data: bytes) -> int:
    """Where the first sequence begins that does more than to colour."""
    found = _NO_COLOUR.search(data)
    return found.start() if found else len(data)


def _line_from_end(data: bytes, lines: int) -> int:
    """Where the last ``lines`` lines begin, 0 where there are not as many."""
    end = len(data)
    for _ in range(lines):
        end = data.rfind(b"\n", 0, end)
        if end < 0:
            return 0
    return end + 1


def _scrolls_away(data: bytes, at: int, stance: Stance, other: int) -> bool:
    """Whether nothing that was on the screen at a line's beginning is there in the end.

    The row is counted as if the cursor had been at the top and no line were wrapped: it was never
    above that row. Once it is at the bottom, it is so wherever it began, and so is all that
    follows; then all rows have to scroll.
    """
    if stance.margins or stance.odd or _sets_up_otherwise(data, at, other):
        return False
    bottom = stance.rows - 1
    if data.find(b"\x1b", at) < 0:
        return data.count(b"\n", at) >= bottom + stance.rows
    row, saved, scrolls, known = 0, -1, 0, False
    for move in _ROW_MOVE.finditer(data, at):
        words, letter, short = move.groups()
        count = _first_number(words)
        if short in (b"D", b"E") or (letter is None and short is None):
            if row < bottom:
                row += 1
            elif known:
                scrolls += 1
        elif short in (b"7", b"8") or letter in (b"s", b"u"):
            if short == b"7" or letter == b"s":
                saved = row
            elif saved >= 0:
                row = saved
            else:
                row, scrolls, known = 0, 0, False
        elif letter == b"r" or (letter in (b"h", b"l") and words in (b"?6", b"4")):
            return False
        elif letter in (b"h", b"l"):
            if b"1049" in words or b"47" in words:
                row, scrolls, known = 0, 0, False
        elif letter in (b"A", b"F"):
            row = max(0, row - max(1, count))
        elif letter in (b"B", b"E", b"e"):
            row = min(bottom, row + max(1, count))
        elif letter in (b"H", b"f", b"d"):
            row, known = min(bottom, max(1, count) - 1), True
        elif letter == b"J":
            if count == 2 and known:
                scrolls = stance.rows
        else:  # lines are moved down, or taken away
            scrolls = 0
            row = max(0, row - 1) if short == b"M" else row
        known = known or row == bottom
    return scrolls >= stance.rows


def _sets_up_otherwise(data: bytes, end: int, other: int) -> bool:
    """Whether margins are set before a place, or anything that moves text in another way."""
    return other < end and any(
        found[0] in (b"\x1b[?6h", b"\x1b[4h") or (found[0][-1:] == b"r" and found[0] != b"\x1b[r")
        for found in _MODES.finditer(data, other, end)
    )


def _shorten_line(line: bytes, columns: int) -> bytes:
    """Of the states of a bar, those of which something is left."""
    first, _, rest = line.partition(b"\r")
    middle, found, last = rest.rpartition(b"\r")
    if not found:
        return line
    text = middle.decode("utf-8", "replace")
    if _NARROW_STATES.fullmatch(text):
        plain, kept_plain = text.split("\r"), [""]
        if max(map(len, plain)) <= columns:
            widest = -1
            for each in reversed(plain):
                if len(each) > widest:
                    widest = len(each)
                    kept_plain.append(each)
            return first + b"\r" + "\r".join(reversed(kept_plain)).encode() + last
    states, kept, dropped = middle.split(b"\r"), [last], list[bytes]()
    widest, wiped = -1, False
    for _ in range(min(len(states), _STATES_LIMIT)):
        state = _STATE.fullmatch(states[-1])
        text = _SGR.sub(b"", state[2]).decode("utf-8", "replace") if state else ""
        width = width_of(text)
        if state is None or width > columns:
            break
        states.pop()
        colours = _SGR.findall(state[0])
        if wiped or (width <= widest and not state[1]):
            dropped += reversed(colours)
            continue
        kept[-1] = _recoloured(dropped) + kept[-1]
        dropped = []
        widest, wiped = max(widest, width), bool(state[1])
        kept.append(state[0])
    kept[-1] = _recoloured(dropped) + kept[-1]
    return b"\r".join([first, *states, *reversed(kept)])


def _recoloured(colours: list[bytes]) -> bytes:
    return b"".join(_last_of_each(reversed(colours)))


def _carried(data: bytes, end: int, other: int) -> bytes | None:
    """What the bytes before a place have switched on; None where that cannot be told."""
    shifts = data.find(b"\x0e", 0, end) >= 0 or data.find(b"\x0f", 0, end) >= 0
    if not shifts and data.find(b"\x1b", 0, end) < 0:
        return _ABORT + b"\r"
    modes = _MODES_AND_SHIFTS if shifts else _MODES
    other = 0 if shifts else other
    start = max(0, *(data.rfind(reset, 0, end) for reset in _SGR_RESETS))
    colours = _SGR.findall(data, start, end)
    for each in colours:
        if each in (b"\x1b7", b"\x1b[s"):
            break
        if each in (b"\x1b8", b"\x1b[u"):
            return None
    found = [*_last_of_each(modes.findall(data, min(other, end), end)), *_last_of_each(colours)]
    return _ABORT + b"".join(found) + b"\r"


def _last_of_each(found: Iterable[bytes]) -> list[bytes]:
    """Without those that come again: of them the last ones decide."""
    return list(dict.fromkeys(reversed(list(found))))[::-1]


def _first_number(words: bytes | None) -> int:
    first = (words or b"").split(b";")[0]
    return min(int(first[:6]), 99999) if first.isdigit() else 0
