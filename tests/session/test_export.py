"""mlterm export as a person meets it: what it writes where, refuses, and says."""

import csv
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlterm.core.records import encode
from tests.support import Disk, Home, started, stream, wait_until

MOMENT = "2026-11-24T07:31:05.000000+00:00"


def make(
    home: Home,
    run_id: str,
    losses: Sequence[Any],
    *more: bytes,
    project: str = "p",
    logs: str = "logs",
) -> Path:
    """A run with these losses, that has ended."""
    (home.path / logs).mkdir(exist_ok=True)
    path = home.path / logs / f"{project}_{run_id}.jsonl"
    start = {"type": "run", "schema": 1, "project": project, "run_id": run_id}
    each = [{"type": "metrics", "_step": n, "loss": loss} for n, loss in enumerate(losses)]
    ends = [{"type": "finish", "status": "completed", "exit_code": 0}]
    records = [{"timestamp": MOMENT, **record} for record in (start, *each, *ends)]
    path.write_bytes(b"".join([*map(encode, records), *more]))
    return path


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(data.decode().splitlines()))


def test_all_runs_of_a_project_go_to_standard_output_as_csv(home: Home) -> None:
    make(home, "a", [1, 0.5])
    make(home, "b", [2], project="q")
    done = home.mlterm("export", "--project", "p", check=True)
    assert rows(done.stdout) == [
        ["project", "run_id", "timestamp", "step", "epoch", "rank", "loss"],
        ["p", "a", MOMENT, "0", "", "", "1"], ["p", "a", MOMENT, "1", "", "", "0.5"],
    ]  # fmt: skip
    assert done.stderr == b""
    both = home.mlterm("export", "--format", "jsonl", "--runs", "b", "a", "-o", "-", check=True)
    assert [json.loads(line)["run_id"] for line in both.stdout.splitlines()] == ["b", "a", "a"]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "JSON"])
def test_the_ending_of_the_path_tells_the_format(home: Home, ending: str) -> None:
    make(home, "a", [1, 2], b"{broken\n")
    path = home.path / f"out.{ending}"
    done = home.mlterm("export", "a", "-o", path, "--json", check=True)
    assert json.loads(done.stdout) == {
        "path": str(path), "format": ending.lower(), "runs": 1, "rows": 2, "broken_lines": 1,
        "unreadable": [],
    }  # fmt: skip
    assert done.stderr == b"[mlterm] 1 line could not be read; all others were exported\n"
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--format", "xls"], 2, "'xls' is no format; there are:\n  csv"),
        (["-o", "x.xlsx"], 2, ".xlsx tells no format; --format is one of:\n  csv"),
        (["-o", "taken.csv"], 2, "taken.csv is there already; --overwrite replaces it"),
        (["-o", "nowhere/x.csv"], 2, "there is no folder"),
        (["-o", "logs/p_a.jsonl", "--overwrite"], 2, "p_a.jsonl would be taken for a run"),
        (
            ["logs/p_a.jsonl", "--log-dir", "x", "--overwrite", "-o", "logs/p_a.jsonl"],
            2,
            "would be taken for a run",
        ),
        (["--format", "csv", "-o", "logs"], 2, "logs is a folder"),
        (["--format", "csv", "-o", "/dev/full"], 1, "cannot write /dev/full: No space left"),
        (["--format", "json", "-o", "/dev/full"], 1, "cannot write /dev/full: No space left"),
        (["--format", "parquet", "-o", "/dev/full"], 1, "cannot write /dev/full: No space left"),
        (["--filter", "loss.max > 5"], 1, "the run does not pass the filter"),
        (["--filter", "loss >"], 2, "filter"),
        (["--long", "--format", "json"], 2, "--long is nothing for json, only for csv, parquet"),
        (["--system", "--merge-steps"], 2, "leave --system or --merge-steps out"),
        (["--system"], 1, "no samples of the machine in these runs"),
        (["--json"], 2, "--json tells what was written to a file"),
        (["--project", "none"], 1, "No log file found for project 'none'"),
        (["nope"], 1, "No run 'nope'"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    home: Home, words: list[str], code: int, said: str
) -> None:
    run = make(home, "a", [1])
    whole = run.read_bytes()
    (home.path / "taken.csv").write_bytes(b"old")
    before = sorted(os.listdir(home.path))
    done = home.mlterm("export", *words)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.decode().startswith("Error: ")
    assert said in done.stderr.decode()
    assert sorted(os.listdir(home.path)) == before
    assert (home.path / "taken.csv").read_bytes() == b"old"
    assert run.read_bytes() == whole


def test_a_missing_library_is_named_with_what_installs_it(home: Home) -> None:
    make(home, "a", [1])
    (home.path / "pyarrow.py").write_text("raise ImportError('no pyarrow here')")
    home.environ["PYTHONPATH"] = f"{home.path}:{home.environ['PYTHONPATH']}"
    done = home.mlterm("export", "-o", "x.parquet", env=home.environ)  # started anew
    assert done.returncode == 1
    assert b"pip install 'mlterm[parquet]'" in done.stderr
    assert not (home.path / "x.parquet").exists()


def test_nothing_binary_goes_to_a_terminal(home: Home) -> None:
    make(home, "a", [1])
    terminal = home.terminal("export", "--format", "parquet")
    terminal.expect("parquet is nothing for a terminal: -o names a file")
    assert terminal.wait() == 2
    piped = home.mlterm("export", "--format", "parquet", check=True)
    assert piped.stdout.startswith(b"PAR1")


def test_what_a_file_holds_does_nothing_to_a_terminal(home: Home) -> None:
    make(home, "a", ["\x1b]2;title\x07red\x9b31m", 1])
    terminal = home.terminal("export")
    terminal.expect("p,a,")
    assert terminal.wait() == 0
    terminal.read()
    assert b"red\r\n" in terminal.raw
    assert not {b"\x1b", b"\x07", b"\x9b"} & {bytes([byte]) for byte in terminal.raw}
    assert b"\x1b" in home.mlterm("export", check=True).stdout


def test_a_closed_pipe_is_quiet(home: Home) -> None:
    make(home, "a", [1], encode({"type": "metrics", "loss": 0.5}) * 50_000)
    with started(home.command("export"), home) as process:
        assert stream(process.stdout).readline().startswith(b"project,")
        stream(process.stdout).close()
        assert process.wait() == 128 + signal.SIGPIPE
        assert stream(process.stderr).read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_export_that_is_told_to_end_leaves_nothing(home: Home, number: signal.Signals) -> None:
    make(home, "a", [1], encode({"type": "metrics", "loss": 0.5}) * 500_000)
    out = home.path / "out"
    out.mkdir()
    with started(home.command("export", "-o", out / "x.csv"), home) as process:
        wait_until(lambda: list(out.glob(".mlterm-*/new")), "a beginning")
        process.send_signal(number)
        assert process.wait() == 128 + number
        assert stream(process.stderr).read().strip() == b""
    assert os.listdir(out) == []


@pytest.mark.root
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_is_told_and_nothing_half_is_left(home: Home, disk: Disk, ending: str) -> None:
    disk.fill()
    make(home, "a", [1], encode({"type": "metrics", "loss": 0.5}) * 10_000, logs="other")
    path = disk.folder / f"x.{ending}"
    done = home.mlterm("export", "--log-dir", "other", "-o", path)
    assert done.returncode == 1
    said = f"Error: cannot write {path}: No space left on device; nothing of it was kept\n"
    assert done.stderr.decode() == said
    assert os.listdir(disk.folder) == ["others"]


def test_an_unreadable_file_is_told_and_the_others_exported(home: Home) -> None:
    make(home, "a", [1])
    (home.logs / "p_b.jsonl").mkdir()
    done = home.mlterm("export", check=True)
    assert len(rows(done.stdout)) == 2
    assert b"p_b.jsonl could not be read: Is a directory" in done.stderr


def test_a_live_run_is_exported_as_far_as_it_is(home: Home) -> None:
    run = home.detached(*home.script("import time\nprint('loss: 0.5', flush=True)\ntime.sleep(60)"))
    wait_until(lambda: run.of_type("metrics"), "a metric")
    done = home.mlterm("export", check=True)
    assert rows(done.stdout)[1][-1] == "0.5"
    wait_until(lambda: run.samples, "a sample")
    samples = home.mlterm("export", "--system", check=True)
    assert "job.cpu_percent" in rows(samples.stdout)[0]
    (whole,) = json.loads(home.mlterm("export", "--format", "json", check=True).stdout)
    assert (whole["run"]["status"], whole["finish"]) == ("running", None)
    home.mlterm("stop", "r", check=True)
