"""Tags and notes: where they stand in a file, and that every reader finds them there."""

import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from mlterm import rebuilding
from mlterm.cli import annotate as commands
from mlterm.core import records
from mlterm.core.errors import MltermError
from mlterm.core.metrics.reader import OutputReader
from mlterm.feed.run import RunFeed
from mlterm.reader import RunData
from mlterm.system import lock, store
from mlterm.system.annotations import annotate
from mlterm.system.ends import LOOK_BACK
from mlterm.system.paths import RunFiles

NOW = iter(range(10**6))


def record(kind: str, **fields: Any) -> dict[str, Any]:
    seconds = next(NOW)
    moment = f"2026-11-24T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return {"timestamp": f"{moment}.000000+00:00", "type": kind, **fields}


def begin(**tags: str) -> dict[str, Any]:
    return record("run", schema=1, project="p", run_id="r", tags=tags, host="h", pid=1, git=None)


def tagged(**tags: str | None) -> dict[str, Any]:
    return record("run", _amends=True, _source="user", tags=tags)


def metrics(count: int) -> list[dict[str, Any]]:
    return [record("metrics", step=step, loss=0.5) for step in range(count)]


FAR = 20_000
"""So many metrics are more than what is read of a file's ends."""
END = {"status": "completed", "exit_code": 0, "signal": None, "reason": "", "metrics": {}}


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    """Of a run whose file is yet to be written."""
    return RunFiles(tmp_path / "p_r.jsonl")


def write(files: RunFiles, *those: dict[str, Any]) -> None:
    with files.run.open("ab") as file:
        file.write(b"".join(map(records.encode, those)))


def test_tags_are_added_replaced_and_removed(files: RunFiles) -> None:
    write(files, begin(a="1"))
    for change in (tagged(a="2", b="x"), tagged(b=None), tagged(c="1"), tagged(missing=None)):
        annotate(files, change)
    assert store.load(files).tags == {"a": "2", "c": "1"}


@pytest.mark.parametrize("tags", [None, 3, ["a"], "a=1"])
def test_tags_that_are_none_are_passed_over(files: RunFiles, tags: Any) -> None:
    write(files, begin(a="1"), record("run", _amends=True, tags=tags), record("note", text=tags))
    assert store.load(files).tags == {"a": "1"}


def test_a_run_that_has_ended_is_annotated_behind_its_finish(files: RunFiles) -> None:
    write(files, begin(a="1"), record("finish", **END))
    annotate(files, tagged(b="2", a=None))
    annotate(files, record("note", text="good"))
    run = store.load(files)
    assert (run.status, run.tags, run.notes) == ("completed", {"b": "2"}, ["good"])
    assert run.ended is not None
    assert run.as_json()["notes"] == ["good"]
    assert RunData(files.run).tags == {"b": "2"}
    assert [each["text"] for each in RunData(files.run).notes] == ["good"]
    assert not files.folder.exists()  # a short file is read whole


def test_what_was_said_in_the_middle_of_a_long_run_is_found(files: RunFiles) -> None:
    write(files, begin(a="1"), *metrics(FAR))
    annotate(files, tagged(b="2"))
    annotate(files, record("note", text="x" * 100_000))
    write(files, *metrics(FAR), record("finish", **END))
    run = store.load(files)
    assert run.tags == {"a": "1", "b": "2"}
    assert run.notes == ["x" * 100_000]


def test_what_was_said_of_an_earlier_part_stays(files: RunFiles) -> None:
    write(files, begin(a="1"), *metrics(FAR))
    annotate(files, record("note", text="first"))
    annotate(files, tagged(a="2", b="x"))
    write(files, *metrics(FAR), record("finish", **END), begin(b="2"))
    annotate(files, tagged(c="3"))
    annotate(files, record("note", text="second"))
    run = store.load(files)
    assert run.tags == {"a": "2", "b": "2", "c": "3"}
    assert run.notes == ["first", "second"]


@pytest.mark.parametrize("before", [-1, 0, 1, 2])
def test_what_stands_where_the_middle_meets_the_end_is_taken_once(
    files: RunFiles, before: int
) -> None:
    write(files, begin(), *metrics(3000))
    annotate(files, record("note", text="at the border"))
    begun = int(files.marks.read_text())
    rest = LOOK_BACK - (files.run.stat().st_size - begun) + before
    with files.run.open("ab") as file:
        file.write(b"\n" * rest)
    assert files.run.stat().st_size - LOOK_BACK == begun + before
    assert store.load(files).notes == ["at the border"]


def test_marks_that_lead_nowhere_do_no_harm(files: RunFiles) -> None:
    write(files, begin(a="1"), *metrics(FAR))
    annotate(files, record("note", text="kept"))
    files.marks.write_text(f"nonsense\n999999999999\n5\n\n{files.marks.read_text()}-1")
    write(files, *metrics(FAR))
    assert store.load(files).notes == ["kept"]


def test_what_was_said_is_found_where_the_file_was_written_anew(files: RunFiles) -> None:
    read = record("metrics", _source="output", accuracy=1)
    write(files, begin(a="1"), read, *metrics(FAR))
    annotate(files, record("note", text="kept"))
    annotate(files, tagged(b="2"))
    write(files, *metrics(FAR), record("finish", **END))
    files.output.write_text("accuracy: 0.5\n" * 100)
    before = files.marks.read_text()
    found, superseded = rebuilding.rewrite(files, lambda at: OutputReader(offset=at))
    assert (found > 0, superseded) == (True, 1)
    assert store.load(files).notes == ["kept"]
    assert store.load(files).tags == {"a": "1", "b": "2"}
    after = files.marks.read_text()
    assert len(after.split()) == 2
    assert after != before


def test_a_torn_line_before_costs_the_note_nothing(files: RunFiles) -> None:
    write(files, begin(), *metrics(1000))
    with files.run.open("ab") as file:
        file.write(b'{"timestamp":"2026')
    annotate(files, record("note", text="whole"))
    assert store.load(files).notes == ["whole"]
    assert RunData(files.run).broken_lines == 1
    assert int(files.marks.read_text()) == files.run.read_bytes().rindex(b"\n{") + 1


def test_a_file_without_a_run_record_is_tagged_and_keeps_its_start(files: RunFiles) -> None:
    write(files, *(first := metrics(2)))
    annotate(files, tagged(a="1"))
    run = store.load(files)
    assert (run.project, run.run_id, run.tags) == ("p", "r", {"a": "1"})
    assert run.started == first[0]["timestamp"]


def test_the_lock_is_free_afterwards_and_a_live_runs_is_left_alone(files: RunFiles) -> None:
    write(files, begin())
    annotate(files, tagged(a="1"))
    held = lock.take(files.lock)
    assert held is not None
    annotate(files, tagged(b="2"))
    run = store.load(files)
    assert (run.status, run.tags) == ("running", {"a": "1", "b": "2"})
    os.close(held)


def test_many_at_once_lose_nothing(files: RunFiles) -> None:
    write(files, begin())
    said = [record("note", text=str(number)) for number in range(40)]
    threads = [threading.Thread(target=annotate, args=(files, each)) for each in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(store.load(files).notes, key=int) == [str(number) for number in range(40)]


def test_a_file_that_is_gone_is_not_made_again(files: RunFiles) -> None:
    with pytest.raises(FileNotFoundError):
        annotate(files, record("note", text="x"))
    assert not files.run.exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "cannot be written (Permission denied)"),
        (OSError(28, "No space left on device"), "cannot be written (No space left on device)"),
        (FileNotFoundError(2, "No such file"), "p/r has been removed meanwhile"),
    ],
)
@pytest.mark.parametrize(("command", "word"), [(commands.tag, "a=1"), (commands.note, "x")])
def test_what_cannot_be_written_is_said_in_words(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str, command: Any,
    word: str,
) -> None:  # fmt: skip
    write(files, begin())

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "annotate", fails)
    with pytest.raises(MltermError, match=re.escape(words)) as raised:
        command.callback(
            run=str(files.run), words=(word,), as_json=False, project=None, log_dir=None,
            **({"removed": ()} if command is commands.tag else {}),
        )  # fmt: skip
    assert raised.value.exit_code == 1


def test_a_view_takes_notice(files: RunFiles) -> None:
    write(files, begin())
    now = iter(range(100))
    feed = RunFeed(files, clock=lambda: float(next(now)))
    while feed.step(1.0):
        pass
    annotate(files, record("note", text="new"))
    annotate(files, tagged(a="1"))
    while feed.step(1.0):
        pass
    assert (feed.summary.notes, feed.summary.tags) == (["new"], {"a": "1"})
