"""Making what a program wrote safe to print: bytes and text in, the same without tricks out.

Here belongs what a terminal would act upon instead of showing it, and nothing about
what the text means. Sequences are those of ECMA-48 as xterm's "Control Sequences" lists
them. A newline ends everything, so lines are independent of each other: all that is
ever held back is the line that is still being written.
"""

import re
from functools import cache

_LINE_LIMIT = 64 * 1024  # bytes of a line that are read, then characters that are held back

# Characters of one sequence. A chunk of the kitty graphics protocol, the longest sequence
# that is properly closed, carries 4096 behind its keys.
_SEQUENCE_LIMIT = 4096 + 256

# Bytes that are not UTF-8 are decoded to U+DC80..U+DCFF, so that in every pattern here a
# C1 control is one character of either kind, and never the inside of another character.
# A match begins with a control and looks back at it, because a search for one set of
# characters is several times as fast as one for alternatives. What ends an OSC or a
# string is a control or a sequence too, and is removed as such.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\udc80-\udc9f]"
_MANY = f"{{0,{_SEQUENCE_LIMIT}}}+"
_SGR_TAIL = rf"\[[0-9:;]{_MANY}m"
_CSI = rf"(?:(?<=\x1b)\[|(?<=[\x9b\udc9b]))[\x20-\x3f]{_MANY}[\x40-\x7e]?"
_OSC = rf"(?:(?<=\x1b)\]|(?<=[\x9d\udc9d]))[^\x07\x18\x1a\x1b\n\x9c\udc9c]{_MANY}"
_STRING = (  # DCS, SOS, PM, APC
    r"(?:(?<=\x1b)[PX^_]|(?<=[\x90\x98\x9e\x9f\udc90\udc98\udc9e\udc9f]))"
    rf"[^\x18\x1a\x1b\n\x9c\udc9c]{_MANY}"
)
_SHORT = rf"(?<=\x1b)[\x20-\x2f]{_MANY}[\x30-\x7e]?"  # designations, two-byte sequences
_REMOVED = f"(?:{_CSI}|{_OSC}|{_STRING}|{_SHORT})?"

_SGR_ONLY = rf"(?:\x1b{_SGR_TAIL})*+"
_SGR_RESET = re.compile(r"\x1b\[[0;]*m")
_NOT_UTF8 = re.compile(r"[\udca0-\udcff]")
_CUT_CHARACTER = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
_HARMLESS = bytes([0x09, 0x0A, *range(0x20, 0x7F)])

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Cleaner:
    """Cleans a stream of bytes, however it is cut into chunks.

    Escape sequences and controls are removed (with ``colour``, colours are kept); what is
    not UTF-8 becomes U+FFFD; of a line that is overwritten after carriage returns only
    the last state is kept. ``\\r\\n`` is a newline.
    """

    def __init__(self, colour: bool) -> None:
        self._pattern = _removed(colour)
        self._raw = bytearray()  # of the line being written, what has not been cleaned
        self._held = ""  # of the same line, what has been
        self._coloured = False

    def feed(self, data: bytes) -> bytes:
        """Return the lines that ``data`` completes, cleaned."""
        raw = self._raw
        raw += data
        if b"\n" not in data and len(raw) < _LINE_LIMIT:
            return b""
        out: list[bytes] = []
        at = 0
        while True:
            # The limit counts from the line's beginning, so where the chunks end plays no part.
            newline = raw.rfind(b"\n", at, at + _LINE_LIMIT)
            if newline >= 0:
                out.append(self._lines(bytes(raw[at : newline + 1])))
                at = newline + 1
            elif len(raw) - at >= _LINE_LIMIT:
                piece = bytes(raw[at : at + _LINE_LIMIT])
                whole = self._whole(piece)
                out.append(self._hold(piece[:whole]))
                at += whole
            else:
                break
        del raw[:at]
        return b"".join(out)

    def pending(self) -> bytes:
        """Return the visible text of the unfinished line, which stays unfinished.

        A character of which some bytes are missing is not shown. Colours may be left on.
        """
        line = self._held + self._strip(_CUT_CHARACTER.sub(b"", bytes(self._raw)))
        return _overwritten(line).replace("\r", "").encode()

    def finish(self) -> bytes:
        """Return the last line where no newline ended it, and switch colours off if any are on."""
        rest = self._lines(bytes(self._raw))
        self._raw.clear()
        reset = b"\x1b[0m" if self._coloured else b""
        self._coloured = False
        return rest + reset

    def _lines(self, block: bytes) -> bytes:
        """Clean whole lines, the first of which goes on with what is held."""
        if not self._held and not block.translate(None, _HARMLESS):
            return block
        text = self._held + self._strip(block)
        self._held = ""
        if "\r" in text:
            lines = text.replace("\r\n", "\n").split("\n")
            text = "\n".join(map(_overwritten, lines)).replace("\r", "")
        return self._emitted(text)

    def _hold(self, piece: bytes) -> bytes:
        """Hold back what is visible of a long line; beyond the limit give it up."""
        self._held = _overwritten(self._held + self._strip(piece))
        if len(self._held) < _LINE_LIMIT:
            return b""
        held, self._held = self._held, ""
        return self._emitted(held.replace("\r", ""))

    def _whole(self, piece: bytes) -> int:
        """Return how many bytes of a piece to take, so that no character or sequence is cut."""
        text = _CUT_CHARACTER.sub(b"", piece).decode("utf-8", "surrogateescape")
        # A removed sequence that touches the end may go on behind it.
        ends = ((found.start(), found.end()) for found in self._pattern.finditer(text))
        start, end = max(ends, default=(0, 0))
        if end == len(text):
            text = text[:start]
        return len(text.encode("utf-8", "surrogateescape"))

    def _strip(self, data: bytes) -> str:
        text = data.decode("utf-8", "surrogateescape")
        return _NOT_UTF8.sub("\ufffd", self._pattern.sub("", text))

    def _emitted(self, text: str) -> bytes:
        last = text.rfind("\x1b")  # only colours begin with it now
        if last >= 0:
            self._coloured = not _SGR_RESET.match(text, last)
        return text.encode()


@cache
def _removed(colour: bool) -> re.Pattern[str]:
    """Made when it is first asked for: who only cleans names does not wait for it."""
    kept = rf"(?!(?<=\x1b){_SGR_TAIL})" if colour else ""
    return re.compile(_CONTROL + kept + _REMOVED)


def _overwritten(line: str) -> str:
    """Return what a terminal would still show of a line, its last carriage returns included."""
    if "\r" not in line:
        return line
    states = line.split("\r")
    visible = (i for i in reversed(range(len(states))) if not re.fullmatch(_SGR_ONLY, states[i]))
    return "\r".join(states[next(visible, 0) :])


def clean_text(text: str) -> str:
    """Return a name, a path or an error's detail as one line that a terminal only shows.

    Controls, newline and tab among them, marks that turn the reading direction, line
    separators and surrogates (bytes of a path that are not UTF-8) become backslash escapes.
    """
    return _HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def tail_lines(data: bytes, count: int) -> list[str]:
    """Return the last ``count`` lines of ``data`` (fewer where it has fewer), without colours."""
    if not data or count <= 0:
        return []
    lines = data.removesuffix(b"\n").rsplit(b"\n", count)[-count:]
    cleaner = Cleaner(colour=False)
    text = cleaner.feed(b"\n".join(lines)) + cleaner.finish()
    return text.decode().split("\n")
