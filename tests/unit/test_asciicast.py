import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import NotFoundError
from mlterm.core.summary import RunSummary
from mlterm.exporting import asciicast
from mlterm.exporting.asciicast import Screenplay
from mlterm.exporting.formats import Options
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
from mlterm.ui.emulator import Emulator
from mlterm.ui.rows import text_of

START = "2026-11-24T10:00:00.000000+00:00"
ASCIINEMA = Path(sys.executable).with_name("asciinema")


def make_run(
    folder: Path, output: bytes | None, index: list[tuple[float, int]], *starts: int
) -> RunSummary:
    """A run whose parts begin at ``starts``."""
    lines = [
        {"timestamp": START, "type": "run", "schema": 1, "project": "p", "run_id": "r",
         "argv": ["python", "my train.py"], "output_offset": start}
        for start in starts or (0,)
    ]  # fmt: skip
    path = folder / "p_r.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "p_r").mkdir(exist_ok=True)
    if output is not None:
        (folder / "p_r" / "output.log").write_bytes(output)
    entries = [json.dumps({"t": t, "offset": offset}) + "\n" for t, offset in index]
    (folder / "p_r" / "output.idx").write_text("".join(entries))
    return store.load(RunFiles(path))


def cast(run: RunSummary) -> tuple[dict[str, Any], list[list[Any]]]:
    target = Path(run.path).with_name("x.cast")
    report = asciicast.export([run], Target(target, overwrite=True), Options())
    header, *events = map(json.loads, target.read_text().splitlines())
    assert (report.runs, report.rows) == (1, len(events))
    return header, events


def text(events: list[list[Any]]) -> str:
    return "".join(event[2] for event in events)


def played(output: str, columns: int = 80, rows: int = 24) -> list[str]:
    """What a terminal of others shows, that adds nothing."""
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(output)
    return [line.rstrip() for line in screen.display]


def shown(output: bytes, columns: int = 80, rows: int = 24) -> list[str]:
    """What the run's own view shows."""
    emulator = Emulator(columns, rows)
    emulator.feed(output)
    return [line.rstrip() for line in text_of(emulator.rows())]


def test_a_recording_has_the_times_of_the_index_and_a_header(tmp_path: Path) -> None:
    run = make_run(tmp_path, b"one\ntwo\n", [(0.5, 4), (1.25, 8)])
    header, events = cast(run)
    assert header == {
        "version": 2, "width": 80, "height": 24, "timestamp": 1795514400,
        "command": "python 'my train.py'", "title": "p/r", "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    assert events == [[0.5, "o", "one\r\n"], [1.25, "o", "two\r\n"]]


def test_characters_and_sequences_are_never_cut(tmp_path: Path) -> None:
    output = "é\x1b[31m€\n".encode()
    _, events = cast(make_run(tmp_path, output, [(n / 10, n) for n in range(1, len(output) + 1)]))
    assert text(events) == "é\x1b[31m€\r\n"
    assert [event[2] for event in events] == ["é", "\x1b[31m", "€", "\r\n"]


def test_what_is_no_utf_8_is_replaced(tmp_path: Path) -> None:
    _, events = cast(make_run(tmp_path, b"a\xffb\xc3", [(1.0, 4)]))
    assert text(events) == "a\ufffdb\ufffd"


def test_parts_of_a_resumed_run_follow_each_other(tmp_path: Path) -> None:
    run = make_run(tmp_path, b"one\ntwo\nrest", [(1.0, 4), (0.2, 6), (0.6, 8)], 0, 4)
    _, events = cast(run)
    assert [event[0] for event in events] == [1.0, 1.2, 1.6, 1.6]
    assert text(events) == "one\r\ntwo\r\nrest"


def test_a_torn_or_missing_index_loses_no_output(tmp_path: Path) -> None:
    run = make_run(tmp_path, b"one\ntwo\n", [(0.5, 4)])
    index = tmp_path / "p_r" / "output.idx"
    index.write_bytes(b'{"t": 0.1, "off\nnot json\n' + index.read_bytes())
    assert text(cast(run)[1]) == "one\r\ntwo\r\n"
    index.unlink()
    assert text(cast(run)[1]) == "one\r\ntwo\r\n"


@pytest.mark.parametrize("output", [None, b""])
def test_a_run_without_output_is_refused_in_words(tmp_path: Path, output: bytes | None) -> None:
    run = make_run(tmp_path, output, [])
    with pytest.raises(NotFoundError, match="p/r has no output"):
        cast(run)
    assert not Path(run.path).with_name("x.cast").exists()


@pytest.mark.parametrize(
    ("output", "columns"),
    [
        (b"a" * 120 + b"\n" + b"b" * 300 + b"\r\n", 80),  # lines may be of any length
        (("|" + "█" * 98 + "|\r").encode() * 2, 100),
        (b"\x1b[32m" + b"#" * 90 + b"\x1b[0m\r" + b"#" * 95 + b"\rdone\n", 95),
        (b"short\rbars\r", 80),
        (b"#" * 1000 + b"\rx", 400),
    ],
)
def test_it_is_as_wide_as_what_is_redrawn_in_place(
    tmp_path: Path, output: bytes, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, output, [])
    assert cast(run)[0]["width"] == columns
    monkeypatch.setattr(asciicast, "_BLOCK", 4096)
    assert cast(make_run(tmp_path, b"x" * 4000 + b"\n" + output, []))[0]["width"] == columns


def test_several_runs_make_a_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path, b"one\n", [])
    silent = replace(run, path=str(tmp_path / "p_silent.jsonl"))
    report = asciicast.export([run, silent], Target(tmp_path / "out"), Options())
    assert [path.name for path in (tmp_path / "out").glob("*.cast")] == ["p_r.cast"]
    assert report.notes == ["runs without output, left out: 1"]
    with pytest.raises(NotFoundError, match="none of these runs has any output"):
        asciicast.export([silent, silent], Target(tmp_path / "none"), Options())
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "output",
    [
        b"loss 1\nloss 2\r\n 10%\r 20%\rdone\n",
        b"\x1b[?1049h\x1b[2J\x1b[Hab\ncd",
        b"\x1b[?1049h\x1b[?1h\x1b[Hab\ncd",  # curses: down, and not to the left
        b"\x1b[?1049h\x1b[1;5r\x1b[Hab\ncd",
        b"\x1b[?1hab\ncd",  # application keys without a screen of one's own mean nothing
        b"\x1b[31mred\n\x1b[0mplain\n" * 20,
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_bare_terminal_shows_what_the_view_shows(output: bytes, piece: int) -> None:
    screenplay = Screenplay()
    pieces = [output[at : at + piece] for at in range(0, len(output), piece)]
    told = "".join(map(screenplay.feed, pieces)) + screenplay.feed(b"", final=True)
    assert played(told) == shown(output)


def test_newlines_are_whole_again_when_an_editor_has_gone() -> None:
    editor = b"\x1b[?1049h\x1b[?1h\x1b[1;5rab\ncd\x1b[?1l\x1b[?1049l"
    assert Screenplay().feed(editor + b"one\n") == (editor + b"one\r\n").decode()


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), min_size=1, max_size=50))
def test_the_text_is_the_same_however_it_is_cut(output: bytes, sizes: list[int]) -> None:
    whole, cut = Screenplay(), Screenplay()
    pieces, at = [], 0
    while at < len(output):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(output[at : at + size])
        at += size
    told = "".join(map(cut.feed, pieces)) + cut.feed(b"", final=True)
    expected = whole.feed(output, final=True)
    assert told.replace("\r", "") == expected.replace("\r", "")


@pytest.mark.skipif(not ASCIINEMA.exists(), reason="asciinema is not installed")
def test_asciinema_plays_it(tmp_path: Path) -> None:
    cast(make_run(tmp_path, "loss 0.5 é\nend\n".encode(), [(0.5, 3), (1.0, 16)]))
    environ = os.environ | {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    shutil.rmtree(tmp_path / "p_r")
    done = subprocess.run(
        [ASCIINEMA, "cat", tmp_path / "x.cast"], capture_output=True, env=environ, check=True
    )
    assert done.stdout.decode() == "loss 0.5 é\r\nend\r\n"
