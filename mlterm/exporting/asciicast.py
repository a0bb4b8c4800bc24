"""A run's output as a recording that asciinema plays: asciicast v2, a JSON line an event.

The output is as the program wrote it, since its terminal was told to add nothing: here it gets the
carriage returns that a terminal adds. The parts of a resumed run follow each other at once.
"""

import codecs
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import orjson
from wcwidth import wcswidth

from mlterm.core.errors import NotFoundError
from mlterm.core.origin import argv_of
from mlterm.core.places import seconds_of
from mlterm.core.plan import DEFAULT_SIZE
from mlterm.core.records import Record
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report, Shown
from mlterm.exporting.starts import starts_of
from mlterm.exporting.target import Target
from mlterm.system.paths import RunFiles
from mlterm.system.transcript import Transcript

# What stands at the end of a piece, and of which the rest comes with the next one.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|[ -/])?\Z")
_TURN = re.compile(r"\r?\n|\x1b\[\?([0-9;]{1,32})([hl])|\x1b\[[0-9;]{0,16}r")
_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_MOST_COLUMNS = 400
_BLOCK = 1024 * 1024
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


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write the recording of one run into a file, those of several into a folder, as
    PROJECT_RUN.cast. Raises MltermError, a NotFoundError where none has output."""
    report = Report()
    sizes = [(run, _size_of(run)) for run in runs]
    total = sum(size for _, size in sizes)
    if len(runs) == 1:
        with target.file() as out, options.progress("Exporting", total) as shown:
            _write(*sizes[0], out, report, shown)
        return report
    with target.folder() as folder, options.progress("Exporting", total) as shown:
        silent = [run for run, size in sizes if not size]
        if len(silent) == len(runs):
            raise _no_output("none of these runs has any")
        if silent:
            report.notes.append(f"runs without output, left out: {len(silent):,}")
        for run, size in sizes:
            if size:
                name = Path(run.path).name.removesuffix(".jsonl")
                with (folder / f"{name}.cast").open("wb") as out:
                    _write(run, size, out, report, shown)
    return report


def _size_of(run: RunSummary) -> int:
    try:
        return RunFiles(Path(run.path)).output.stat().st_size
    except OSError:
        return 0


def _no_output(who: str) -> NotFoundError:
    return NotFoundError(f"{who} output: only what mlterm run starts has, a Tracker records none")


def _write(run: RunSummary, size: int, out: IO[bytes], report: Report, shown: Shown) -> None:
    if not size:
        raise _no_output(f"{run.title} has no")
    starts = list(starts_of(Path(run.path))) or [{}]
    files = RunFiles(Path(run.path))
    out.write(_line(_header(run, starts[0], _columns(files))))
    for seconds, text in _events(files, _bounds(starts, size), shown):
        out.write(_line([round(seconds, 6), "o", text]))
        report.rows += 1
    report.runs += 1


def _line(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _header(run: RunSummary, start: Record, columns: int) -> dict[str, Any]:
    header: dict[str, Any] = {"version": 2, "width": columns, "height": DEFAULT_SIZE[0]}
    started = seconds_of(start.get("timestamp"))
    if math.isfinite(started):
        header["timestamp"] = int(started)
    if argv := argv_of(start):
        header["command"] = _sound(shlex.join(argv))
    return header | {"title": _sound(run.name), "env": {"TERM": "xterm-256color"}}


def _columns(files: RunFiles) -> int:
    """How wide the terminal was at least, which is not recorded: what is redrawn in place, as a
    progress bar is, fits on a line."""
    columns, rest = DEFAULT_SIZE[1], b""
    with files.output.open("rb", buffering=0) as file:
        while data := file.read(_BLOCK):
            *lines, rest = (rest + data).split(b"\n")
            columns = _widest(lines, columns)
            if len(rest) > _BLOCK:  # a bar that is drawn for ever
                columns = _widest([rest], columns)
                rest = rest[rest.rfind(b"\r") + 1 :][-_BLOCK:]
    return min(_widest([rest], columns), _MOST_COLUMNS)


def _widest(lines: list[bytes], least: int) -> int:
    """The width of the widest state of a line that another one has taken the place of."""
    for line in lines:
        if b"\r" in line:
            *redrawn, _ = line.removesuffix(b"\r").split(b"\r")
            least = max([least, *(_width(state, least) for state in redrawn)])
    return least


def _width(state: bytes, least: int) -> int:
    """Of a line's state, where it could be more than ``least`` cells."""
    bare = _SEQUENCE.sub(b"", state)
    return wcswidth(bare.decode(errors="replace")) if len(bare) > least else 0


def _sound(text: str) -> str:
    """A lone surrogate has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _bounds(parts: list[Record], size: int) -> Iterator[tuple[int, int]]:
    """Where each part of the output begins and ends."""
    told = (record.get("output_offset") for record in parts)
    begins = sorted({at for at in told if isinstance(at, int) and 0 < at < size} | {0})
    return zip(begins, [*begins[1:], size], strict=True)


def _events(
    files: RunFiles, bounds: Iterator[tuple[int, int]], shown: Shown
) -> Iterator[tuple[float, str]]:
    """When what was printed, in seconds that never go back."""
    now = 0.0
    for begin, end in bounds:
        base, screenplay = now, Screenplay()
        transcript = Transcript(files, begin, end)
        try:
            for data, moment in chain(transcript.read(), transcript.read_rest()):
                shown.step(len(data))
                if moment is not None:
                    now = max(now, base + moment)
                if text := screenplay.feed(data):
                    yield now, text
            if text := screenplay.feed(b"", final=True):
                yield now, text
        finally:
            transcript.close()
