import signal
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlterm.core import records
from mlterm.core.cost import Cost
from mlterm.core.lifecycle import UNTOLD_SIGNAL, Cause, Exit
from mlterm.core.plan import Watched
from mlterm.ending import TAIL_BYTES, TAIL_LINES, finish_record, shell_code, signal_name
from mlterm.system.board import Board
from mlterm.system.cgroup import OomCount
from mlterm.system.job import Job
from mlterm.system.paths import RunFiles
from mlterm.system.runlog import RESERVE_BYTES, RunLog, has_finish
from mlterm.system.slate import Slate
from mlterm.system.spool import BACKLOG_LIMIT


def job(folder: Path, output: bytes | None = b"") -> Any:
    """As much of a job as its end needs."""
    files = RunFiles.of(folder, "p", "r")
    if output is not None:
        files.folder.mkdir()
        files.output.write_bytes(output)
    runlog = RunLog(files.run)
    beside = {"sums": Slate(), "oom_before": None, "watched": None, "part": 1}
    return SimpleNamespace(files=files, board=Board(), runlog=runlog, **beside)


def test_a_success_has_no_tail(tmp_path: Path) -> None:
    record = finish_record(job(tmp_path, b"output\n"), Exit(code=0), 1.23456, b"")
    moment = datetime.fromisoformat(record.pop("timestamp"))
    assert moment.utcoffset() is not None
    assert record == {
        "type": "finish", "status": "completed", "exit_code": 0, "signal": None,
        "duration_seconds": 1.235, "reason": "exit code 0",
    }  # fmt: skip


def test_a_failure_has_the_last_lines(tmp_path: Path) -> None:
    output = b"".join(b"line %d\n" % number for number in range(1000))
    record = finish_record(job(tmp_path, output), Exit(code=1), 1.0, b"")
    lines = record["tail"].split("\n")
    assert lines == [f"line {number}" for number in range(1000 - TAIL_LINES, 1000)]


def test_a_death_by_signal_has_its_name_and_no_code(tmp_path: Path) -> None:
    record = finish_record(job(tmp_path), Exit(signal=9), 1.0, b"")
    assert (record["exit_code"], record["signal"], record["reason"]) == (
        None, "SIGKILL", "killed by SIGKILL",
    )  # fmt: skip


def test_what_was_asked_of_it_stands_on_the_board(tmp_path: Path) -> None:
    one = job(tmp_path, b"output\n")
    one.board.cause = Cause.TIMEOUT
    record = finish_record(one, Exit(signal=2), 1.0, b"")
    assert record["status"] == "cancelled"
    assert record["reason"].startswith("timeout")
    assert "tail" not in record


def test_a_tail_that_is_in_memory_only_is_a_tail(tmp_path: Path) -> None:
    record = finish_record(job(tmp_path, b"on disk\nand "), Exit(code=1), 1.0, b"in memory\n")
    assert record["tail"] == "on disk\nand in memory"


def test_the_tail_of_a_resumed_run_is_of_its_last_part(tmp_path: Path) -> None:
    one = job(tmp_path, b"first part\nsecond part\n")
    one.board.tail_from = len(b"first part\n")
    assert finish_record(one, Exit(code=1), 1.0, b"")["tail"] == "second part"


def test_an_output_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert finish_record(job(tmp_path, None), Exit(code=1), 1.0, b"")["tail"] == ""


def test_lost_output_is_told(tmp_path: Path) -> None:
    one = job(tmp_path)
    one.board.lost_bytes = 7
    assert finish_record(one, Exit(code=0), 1.0, b"")["lost_output_bytes"] == 7


def test_the_oom_killer_is_told(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("oom_kill 3\n")
    one = job(tmp_path)
    one.oom_before = OomCount(events, 1)
    record = finish_record(one, Exit(signal=9), 1.0, b"")
    assert record["oom_kills"] == 2
    assert record["reason"].startswith("out of memory")
    assert "oom_kills" not in finish_record(one, Exit(code=0), 1.0, b"")


FLOODS = {
    "text": b"x" * TAIL_BYTES,
    "quotes": b'"' * TAIL_BYTES,
    "no text": b"\xff" * TAIL_BYTES,
    "controls": b"\x01" * TAIL_BYTES,
    "emoji": "🦊".encode() * (TAIL_BYTES // 4),
}


@pytest.mark.parametrize("output", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("backlog", [0, BACKLOG_LIMIT], ids=["written", "on a full disk"])
def test_a_finish_record_fits_into_the_room_kept_for_it(
    tmp_path: Path, output: bytes, backlog: int
) -> None:
    """It is when the disk is full that it has nothing but that room."""
    kept = output * (backlog // len(output))
    record = finish_record(job(tmp_path, output), Exit(code=1), 1.0, kept)
    assert len(records.encode(record)) <= RESERVE_BYTES


@pytest.mark.parametrize("output", FLOODS.values(), ids=FLOODS)
def test_a_finish_record_is_found_again(tmp_path: Path, output: bytes) -> None:
    """By a keeper that follows one that was killed, and by a client that has lost its keeper."""
    log = RunLog(tmp_path / "p_r.jsonl")
    log.append({"type": "run", "schema": 1})
    assert not has_finish(log.fileno())
    log.append(finish_record(job(tmp_path, output), Exit(code=1), 1.0, b""))
    assert has_finish(log.fileno())
    log.append({"type": "run", "schema": 1})
    assert not has_finish(log.fileno())
    log.close()


def test_a_trackers_finish_is_not_the_runs(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "p_r.jsonl")
    log.append({"type": "run", "schema": 1})
    log.append({"type": "finish", "status": "completed", "_source": "tracker"})
    assert not has_finish(log.fileno())
    log.close()


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (None, None),
        (2, "SIGINT"),
        (9, "SIGKILL"),
        (int(signal.SIGRTMIN), "SIGRTMIN"),
        (int(signal.SIGRTMIN) + 3, "SIGRTMIN+3"),
        (int(signal.SIGRTMAX), "SIGRTMAX"),
    ],
)
def test_signals_have_names(number: int | None, name: str | None) -> None:
    assert signal_name(number) == name


@pytest.mark.parametrize(
    ("told", "code", "status"),
    [
        ([], 0, "completed"),
        (["completed"], 0, "completed"),
        (["completed", "failed", "cancelled"], 0, "failed"),
        (["cancelled", "completed"], 0, "cancelled"),
        (["cancelled"], 3, "failed"),
    ],
)
def test_the_worse_of_the_exit_code_and_what_the_trackers_said(
    tmp_path: Path, told: list[str], code: int, status: str
) -> None:
    one = job(tmp_path, b"")
    one.runlog.append({"type": "finish", "status": "failed", "_source": "tracker"})  # before
    one.runlog.append({"type": "run", "schema": 1})
    for word in told:
        one.runlog.append({"type": "finish", "status": word, "_source": "tracker", "reason": "x"})
    one.runlog.append(
        {"type": "finish", "status": "failed", "_source": "tracker", "_automatic": True}
    )
    record = finish_record(one, Exit(code=code), 1.0, b"")
    assert (record["status"], record["exit_code"]) == (status, code)


def test_a_run_that_was_stopped_stays_so_whatever_its_script_made_of_it(tmp_path: Path) -> None:
    one = job(tmp_path, b"")
    one.board.cause = Cause.STOP
    one.runlog.append({"type": "finish", "status": "failed", "_source": "tracker"})
    assert finish_record(one, Exit(code=0), 1.0, b"")["status"] == "cancelled"


# --- What it cost, and what watched --------------------------------------------------------------


def test_the_cost_stands_in_the_record_as_the_last_sample_left_it(tmp_path: Path) -> None:
    done = job(tmp_path)
    cost = Cost()
    cost.add({"interval_seconds": 1.0, "job": {"cpu_percent": 50.0, "rss_bytes": 7}})
    done.sums.write(records.encode({"cost": cost.as_json()}))
    record = finish_record(done, Exit(code=0), 1.0, b"")
    assert (record["samples"], record["peak_cpu_percent"]) == (1, 50.0)


def test_why_nothing_was_sampled_stands_in_the_record(tmp_path: Path) -> None:
    done = job(tmp_path)
    done.sums.write(records.encode({"not_sampled": "why not"}))
    record = finish_record(done, Exit(code=0), 1.0, b"")
    assert record["not_sampled"] == "why not"
    assert "samples" not in record


def watching(folder: Path) -> Any:
    found = job(folder)
    found.watched = Watched(1, 2, ("x",), "/", {})
    return found


@pytest.mark.parametrize("code", range(1, 256))
def test_how_a_watched_process_ended_is_its_own_where_it_is_known(
    tmp_path: Path, code: int
) -> None:
    record = finish_record(watching(tmp_path), Exit(code=code), 1.0, b"")
    assert (record["status"], record["exit_code"]) == ("failed", code)


def test_what_only_the_parent_was_told_is_not_guessed(tmp_path: Path) -> None:
    record = finish_record(watching(tmp_path), Exit(signal=UNTOLD_SIGNAL), 1.0, b"")
    assert (record["status"], record["exit_code"], record["signal"]) == ("completed", None, None)
    assert record["reason"] == "the process has ended; how, only its parent was told"


def test_who_shows_a_run_ends_as_it_did_and_with_0_where_that_is_not_known(
    tmp_path: Path,
) -> None:
    watched, usual = watching(tmp_path), cast("Job", SimpleNamespace(watched=None))
    untold = Exit(signal=UNTOLD_SIGNAL)
    assert (shell_code(watched, untold), shell_code(watched, Exit(code=192))) == (0, 192)
    assert shell_code(usual, untold) == 128 + UNTOLD_SIGNAL


def test_a_watched_process_that_the_oom_killer_ended_is_told_as_such(tmp_path: Path) -> None:
    one = watching(tmp_path)
    events = tmp_path / "memory.events"
    events.write_text("oom_kill 3\n")
    one.oom_before = OomCount(events, 2)
    record = finish_record(one, Exit(signal=9), 1.0, b"")
    assert record["oom_kills"] == 1
    assert record["reason"].startswith("out of memory")


def test_the_end_of_the_watching_is_not_the_end_of_the_process(tmp_path: Path) -> None:
    stopped = watching(tmp_path)
    stopped.board.cause = Cause.STOP
    record = finish_record(stopped, Exit(signal=2), 1.0, b"")
    assert (record["status"], record["exit_code"], record["signal"]) == ("cancelled", None, None)
    assert record["reason"] == "the watching was ended: stopped (mlterm stop)"
