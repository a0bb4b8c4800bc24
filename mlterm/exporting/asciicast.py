"""A run's output as a recording that asciinema plays: asciicast v2, a JSON line an event.

The output is as the program wrote it, since its terminal was told to add nothing: here it gets the
carriage returns that a terminal adds. The parts of a resumed run follow each other at once.
"""

import codecs
import math
import re
import shlex
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any

import orjson

from mlterm.core.errors import NotFoundError
from mlterm.core.places import seconds_of
from mlterm.core.plan import DEFAULT_SIZE
from mlterm.core.records import Record
from mlterm.reader import RunData
from mlterm.system.paths import RunFiles
from mlterm.system.transcript import Transcript

# What stands at the end of a piece, and of which the rest comes with the next one.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|[ -/])?\Z")
_TURN = re.compile(r"\r?\n|\x1b\[\?([0-9;]{1,32})([hl])|\x1b\[[0-9;]{0,16}r")
_OWN_SCREEN = frozenset({"47", "1047", "1049"})
_APPLICATION_KEYS = "1"


class Screenplay:
    """Pieces of a program's output → the text that a bare terminal shows the same of.

    No character and no escape sequence is cut in two; what is not UTF-8 is U+FFFD.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._has_own_screen = False
        self._places_itself = False

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """What can be shown now; with ``final``, all that is left."""
        text = self._held + self._decode(data, final)
        self._held = ""
        if not final and (found := _UNFINISHED.search(text, max(0, len(text) - 72))):
            text, self._held = text[: found.start()], text[found.start() :]
        return _TURN.sub(self._turned, text)

    def _turned(self, match: re.Match[str]) -> str:
        """A newline, with its carriage return: but not for who has set up the terminal for placing
        the cursor without, as curses does. All else only tells of that."""
        found = match[0]
        if found[-1] == "\n":
            return found if self._places_itself else "\r\n"
        if found[-1] == "r":
            self._places_itself |= self._has_own_screen
            return found
        numbers, on = match[1].split(";"), match[2] == "h"
        if not _OWN_SCREEN.isdisjoint(numbers):
            self._has_own_screen, self._places_itself = on, False
        if _APPLICATION_KEYS in numbers:
            self._places_itself = on and self._has_own_screen
        return found


def write(run: RunData, file: IO[bytes]) -> int:
    """Write a run's recording; how many events it has.

    Raises NotFoundError where the run has no output, OSError where it cannot be read or written.
    """
    files = RunFiles(run.path)
    size = files.output.stat().st_size if files.output.exists() else 0
    if not size:
        raise NotFoundError(
            f"{run.summary.title} has no output: only runs of mlterm run have, and a Tracker alone "
            "records none"
        )
    parts = [record for record in run.records() if record.get("type") == "run"]
    parts = [record for record in parts if "schema" in record] or [{}]
    file.write(_line(_header(run, parts[0])))
    count = 0
    for seconds, text in _events(files, _bounds(parts, size)):
        file.write(_line([round(seconds, 6), "o", text]))
        count += 1
    return count


def _line(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _header(run: RunData, start: Record) -> dict[str, Any]:
    rows, columns = DEFAULT_SIZE  # of no run is it recorded what its window was
    header: dict[str, Any] = {"version": 2, "width": columns, "height": rows}
    started = seconds_of(start.get("timestamp"))
    if math.isfinite(started):
        header["timestamp"] = int(started)
    argv = start.get("argv")
    if isinstance(argv, list) and argv:
        header["command"] = _sound(shlex.join(map(str, argv)))
    return header | {"title": _sound(run.summary.name), "env": {"TERM": "xterm-256color"}}


def _sound(text: str) -> str:
    """A lone surrogate has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _bounds(parts: list[Record], size: int) -> Iterator[tuple[int, int]]:
    """Where each part of the output begins and ends."""
    told = (record.get("output_offset") for record in parts)
    begins = sorted({at for at in told if isinstance(at, int) and 0 < at < size} | {0})
    return zip(begins, [*begins[1:], size], strict=True)


def _events(files: RunFiles, bounds: Iterator[tuple[int, int]]) -> Iterator[tuple[float, str]]:
    """When what was printed, in seconds that never go back."""
    now = 0.0
    for begin, end in bounds:
        base, screenplay = now, Screenplay()
        transcript = Transcript(files, begin, end)
        try:
            for data, moment in chain(transcript.read(), transcript.read_rest()):
                if moment is not None:
                    now = max(now, base + moment)
                if text := screenplay.feed(data):
                    yield now, text
            if text := screenplay.feed(b"", final=True):
                yield now, text
        finally:
            transcript.close()
