"""mlterm list-runs: what it shows of which runs, in what order, and where."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import MLTERM, Home, stream, wait_until

COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def put(home: Home, run_id: str, minute: int = 0, **fields: Any) -> Path:
    """A run of two metrics that has ended."""
    home.logs.mkdir(exist_ok=True)
    path = home.logs / f"p_{run_id}.jsonl"
    stamp = f"2026-01-01T10:{minute:02}:00+00:00"
    parts = {"lr": 0.1, "loss": 0.5, "status": "completed", "exit_code": 0} | fields
    loss = {"last": parts["loss"], "min": parts["loss"] / 2, "max": 2.0, "count": 3}
    records: list[dict[str, Any]] = [
        {"type": "run", "schema": 1, "project": "p", "run_id": run_id, "tags": parts.get("tags")},
        {"type": "hyperparameters", "lr": parts["lr"], "seed": 1, "depth": parts.get("depth", 2)},
        {"type": "define", "name": "loss", "goal": parts.get("goal", "minimize")},
        {"type": "metrics", "loss": parts["loss"]},
        {"type": "finish", "status": parts["status"], "exit_code": parts["exit_code"],
         "duration_seconds": 60.0, "metrics": {"loss": loss}},
    ]  # fmt: skip
    lines = (json.dumps({"timestamp": stamp, **record}) for record in records)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def three(home: Home) -> Home:
    put(home, "a", 1, lr=0.1, loss=0.5, tags={"team": "vision"})
    put(home, "b", 2, lr=0.01, loss=0.25, status="failed", exit_code=3)
    put(home, "c", 3, lr=0.001, loss=1.0)
    return home


def listed(home: Home, *options: str) -> list[str]:
    """The run IDs of the table."""
    lines = home.mlterm("ls", *options, check=True).stdout.decode().splitlines()
    return [line.split()[0].removeprefix("p/") for line in lines[1:]]


def test_the_table_has_last_and_best_and_what_differs(three: Home) -> None:
    head, *rows = three.mlterm("ls", check=True).stdout.decode().splitlines()
    assert head.split() == ["RUN", "STATUS", "AGE", "DURATION", "EXIT", "loss", "min", "lr"]
    assert re.split(r"  +", rows[1])[3:] == ["1 min 00 s", "3", "0.25", "0.125", "0.01"]


def test_metrics_of_different_kinds_come_first_and_those_that_a_run_is_judged_by(
    home: Home,
) -> None:
    path = put(home, "a")
    told = {"last": 0.5, "min": 0.4, "max": 0.6}
    names = ("loss", "train_loss", "val_loss", "val_accuracy")
    finish = {"type": "finish", "status": "completed", "metrics": dict.fromkeys(names, told)}
    with path.open("a") as file:
        file.write(json.dumps(finish) + "\n")
    head = home.mlterm("ls", check=True).stdout.decode().splitlines()[0].split()
    assert [name for name in head if name in names] == ["val_loss", "val_accuracy", "loss"]


def test_the_best_is_as_the_script_defined(home: Home) -> None:
    put(home, "a", goal="maximize")
    head, row = home.mlterm("ls", check=True).stdout.decode().splitlines()
    assert head.split()[-2:] == ["loss", "max"]
    assert row.split()[-2:] == ["0.5", "2"]


def test_elsewhere_than_on_a_terminal_nothing_is_cut_or_coloured(home: Home) -> None:
    name = "r" + "x" * 100
    put(home, name)
    put(home, "b", lr="y" * 200)
    done = home.mlterm("ls", check=True)
    assert name.encode() in done.stdout
    assert b"y" * 200 in done.stdout
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), ["a", "b", "c"]),
        (("--sort", "loss.min"), ["b", "a", "c"]),
        (("--sort", "-loss.min"), ["c", "a", "b"]),
        (("--sort", "-started", "--limit", "2"), ["c", "b"]),
        (("--limit", "2"), ["b", "c"]),
        (("--sort", "tag.team"), ["a", "b", "c"]),
        (("--filter", "lr < 0.05"), ["b", "c"]),
        (("--filter", "status = failed or tag.team = vision"), ["a", "b"]),
        (("--filter", "not loss.min < 0.3", "--sort", "-name"), ["c"]),
        (("c", "a"), ["c", "a"]),
        (("--runs", "c", "b", "--filter", "exit_code = 0"), ["c"]),
        (("--project", "p"), ["a", "b", "c"]),
    ],
)
def test_runs_are_chosen_and_sorted(
    three: Home, options: tuple[str, ...], found: list[str]
) -> None:
    assert listed(three, *options) == found


def test_columns_are_those_that_were_asked_for(three: Home) -> None:
    columns = 'run_id, loss.min,param.lr,duration,metric."loss".max,tag.team'
    head, first, *_ = three.mlterm("ls", "--columns", columns, check=True).stdout.splitlines()
    assert head.split() == [b"run_id", b"loss.min", b"param.lr", b"duration", b"metric.loss.max",
                            b"tag.team"]  # fmt: skip
    assert first.split(b"  ")[-1].strip() == b"vision"
    assert first.split()[:3] == [b"a", b"0.25", b"0.1"]


def test_json_is_an_object_a_run(three: Home) -> None:
    done = three.mlterm("ls", "--json", "--sort", "loss", check=True)
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["run_id"] for run in runs] == ["b", "a", "c"]
    assert runs[0]["metrics"]["loss"]["min"] == 0.125
    assert runs[0]["definitions"] == {"loss": {"goal": "minimize", "summary": None}}
    assert runs[1]["tags"] == {"team": "vision"}


def test_json_has_words_for_what_json_has_not(home: Home) -> None:
    put(home, "a", loss=float("nan"))  # which Python's json writes bare
    (run,) = map(json.loads, home.mlterm("ls", "--json", check=True).stdout.splitlines())
    assert run["metrics"]["loss"]["last"] == "NaN"


# --- What is not there --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--filter", "lr <"), 2, b"lr <"),
        (("--sort", "loss min"), 2, b"loss min"),
        (("--columns", "name,loss min"), 2, b"loss min"),
        (("--limit", "0"), 2, b"--limit"),
        (("--filter", "lr > 5"), 1, b"none of the 3 runs passes"),
        (("--filter", "los < 5"), 1, b"did you mean loss"),
        (("--sort", "los.min"), 1, b"did you mean loss"),
        (("--columns", "name,param.lrr"), 1, b"did you mean param.lr"),
        (("x",), 1, b"No run 'x'"),
        (("--watch",), 2, b"terminal"),
    ],
)
def test_what_cannot_be_listed_is_said(
    three: Home, options: tuple[str, ...], code: int, words: bytes
) -> None:
    done = three.mlterm("ls", *options)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


def test_files_that_cannot_be_read_are_said_and_the_others_listed(three: Home) -> None:
    (three.logs / "p_folder.jsonl").mkdir()
    done = three.mlterm("ls", check=True)
    assert done.stdout.count(b"\n") == 4
    assert b"p_folder.jsonl could not be read" in done.stderr
    for number in range(20):
        (three.logs / f"p_folder{number}.jsonl").mkdir()
    done = three.mlterm("ls", check=True)
    assert done.stderr.count(b"could not be read") == 10
    assert done.stderr.endswith(b"nor could 11 more files of that folder\n")


def test_a_reader_that_has_seen_enough_ends_it_quietly(home: Home) -> None:
    for number in range(400):
        put(home, f"r{number}", lr="x" * 1000)
    with subprocess.Popen(
        [*MLTERM, "ls", "--json"], cwd=home.path, env=home.environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        stream(process.stdout).readline()
        stream(process.stdout).close()
        assert stream(process.stderr).read() == b""
        assert process.wait() == 128 + signal.SIGPIPE


# --- On a terminal ------------------------------------------------------------------------


@pytest.fixture
def lit(three: Home) -> Home:
    three.environ |= {"TERM": "xterm-256color"}
    return three


def test_a_terminal_gets_what_fits_and_a_colour_a_status(lit: Home) -> None:
    terminal = lit.terminal("ls", columns=44)
    assert terminal.wait() == 0
    rows = [row.rstrip() for row in terminal.screen.display]
    assert rows[0].split() == ["RUN", "STATUS", "AGE", "DURATION", "EXIT"]
    assert rows[4].startswith("no room for: loss, loss min, lr")
    colours = [terminal.screen.buffer[row][6].fg for row in (1, 2, 3)]
    assert colours[0] == colours[2] != colours[1]
    assert "default" not in colours


def test_watching_draws_what_is_new_until_ctrl_c(lit: Home) -> None:
    terminal = lit.terminal("ls", "--watch")
    terminal.expect("p/c")
    put(lit, "d", 4)
    terminal.expect("p/d")
    terminal.send("\x03")
    assert terminal.wait() == 0
    assert any("p/d" in row for row in terminal.screen.display)


def test_long_reading_shows_how_far_it_is(lit: Home) -> None:
    """A file that nobody summed up is read whole."""
    line = b'{"timestamp":"2026-01-01T10:00:00+00:00","type":"metrics","loss":0.5,"step":1}\n'
    for number in range(5):
        (lit.logs / f"p_long{number}.jsonl").write_bytes(line * 250_000)
    terminal = lit.terminal("ls", columns=100)
    terminal.expect("reading the runs: ")
    assert terminal.wait() == 0
    assert not any("reading" in row for row in terminal.screen.display)


def test_several_that_list_at_once_hinder_nobody_and_show_nothing_old(three: Home) -> None:
    for number in range(200):
        put(three, f"r{number:03}")
    kept = three.path / ".cache" / "mlterm"

    def is_kept() -> bool:
        three.mlterm("ls", check=True)
        return kept.exists()

    wait_until(is_kept, "files that have not been changed just now")
    command = [*MLTERM, "ls", "--json"]
    for loss in (0.5, 0.75):
        put(three, "r000", loss=loss)
        listing = [
            subprocess.Popen(command, cwd=three.path, env=three.environ, stdout=subprocess.PIPE)
            for _ in range(4)
        ]
        for process in listing:
            lines = process.communicate()[0].splitlines()
            runs = {run["run_id"]: run for run in map(json.loads, lines)}
            assert (process.returncode, len(runs)) == (0, 203)
            assert runs["r000"]["metrics"]["loss"]["last"] == loss
    assert not list(kept.glob("*.tmp"))
