"""Which part of a flood of output a screen still shows at its end.

Nobody can see what has scrolled away since the screen was last drawn. Of it only the state is
of use that it left the terminal in: colours, modes, character sets.
"""

import re

WORTH_SKIPPING = 16 * 1024
"""Less than this is emulated as it is."""
STATE_BYTES = 4 * 1024 * 1024
"""How far back state is looked for; a mode that was set before, in the same flood, is missed."""
_LINES_MORE = 4
_STATE = re.compile(
    rb"\x1bc|\x1b\[[0-9;:]*m|\x1b\[\?[0-9;]*[hl]|\x1b\[[0-9;]*r|\x1b[()][0-9A-Za-z]|\x0e|\x0f"
)
_RESET = re.compile(rb"\x1b\[[0;]*m\Z")
_WILD = re.compile(
    # What may reach lines that stand still: addresses, erasing and scrolling of the screen,
    # regions, the alternate screen, saved places. (The cursor up and down is reckoned with.)
    rb"\x1b(?:\[[0-9;]*[HfdJLMSTr]|\[\?(?:47|1047|1049)[hl]|[78Mcsu]|\[[su])"
)
_CLEAR = re.compile(rb"\x1b\[H\x1b\[0?J|\x1b\[2J\x1b\[(?:1;1)?H|\x1b\[H\x1b\[2J|\x1bc")
_MOVES = re.compile(rb"\n|\x1b\[([0-9]*)[AF]|\x1b\[([0-9]*)[BE]")


def latest(data: bytes, rows: int) -> tuple[bytes | None, bytes]:
    """The state to begin with and the part to emulate; ``None`` where all of it has to be."""
    if len(data) < WORTH_SKIPPING:
        return b"", data
    cut = _after_what_scrolled(data, rows + _LINES_MORE)
    if cut is None:
        clears = list(_CLEAR.finditer(data))
        if not clears:
            return None, data
        cut = clears[-1].start()
    return _state(data[max(0, cut - STATE_BYTES) : cut]), data[cut:]


def _after_what_scrolled(data: bytes, lines: int) -> int | None:
    """The last line's start from which on so many lines have come, less those that the cursor
    went up: whatever stood before is above the screen."""
    start = 0
    size = WORTH_SKIPPING // 4
    while size < 2 * len(data):
        start = max(0, len(data) - size)
        start = data.find(b"\n", start) + 1 if start else 0
        part = data[start:]
        if _WILD.search(part):
            return None
        if _net_lines(part) >= 2 * lines:
            return start
        size *= 2
    return None


def _net_lines(part: bytes) -> int:
    if b"\x1b[" not in part:
        return part.count(b"\n")
    net = 0
    for match in _MOVES.finditer(part):
        if match[0] == b"\n":
            net += 1
        elif match[1] is not None:
            net -= int(match[1] or 1)
    return net


def _state(skipped: bytes) -> bytes:
    """The sequences that set something, without colours that were reset again."""
    if b"\x1b" not in skipped and b"\x0e" not in skipped:
        return b""
    kept: list[bytes] = []
    colours: list[bytes] = []
    for match in _STATE.finditer(skipped):
        sequence = match[0]
        if sequence == b"\x1bc":
            kept, colours = [sequence], []
        elif not sequence.endswith(b"m"):
            kept.append(sequence)
        elif _RESET.search(sequence):
            colours = [sequence]
        else:
            colours = [*colours[-64:], sequence]
    return b"".join((*dict.fromkeys(kept[-256:]), *colours))
