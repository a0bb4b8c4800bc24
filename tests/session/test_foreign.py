"""Runs to other programs and back, as a person does it."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyte
import pytest

from tests.support import Home, stream, wait_until

ASCIINEMA = Path(sys.executable).with_name("asciinema")
SCRIPT = """
    import sys, time
    print("loss é 0.5", flush=True)
    time.sleep(0.15)
    sys.stdout.write("50%\\r100%\\n")
    print("\\x1b[31mred\\x1b[0m")
"""


def screen_of(text: str) -> list[str]:
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(text)
    return [line.rstrip() for line in screen.display if line.strip()]


def test_the_output_of_a_resumed_run_is_played_as_it_was(home: Home) -> None:
    names = ("--project", "p", "--run-id", "r")
    home.mlterm("run", *names, "--", *home.script(SCRIPT), check=True)
    home.mlterm("run", *names, "--resume", "--", "echo", "again", check=True)
    done = home.mlterm("export", "p/r", "--format", "asciicast", check=True)
    header, *events = map(json.loads, done.stdout.splitlines())
    assert (header["version"], header["title"]) == (2, "p/r")
    times = [event[0] for event in events]
    assert times == sorted(times)
    assert times[-1] > 0.1
    shown = screen_of("".join(event[2] for event in events))
    assert shown == ["loss é 0.5", "100%", "red", "again"]
    home.mlterm("export", "p/r", "-o", home.path / "r.cast", check=True)
    assert (home.path / "r.cast").read_bytes() == done.stdout
    if ASCIINEMA.exists():
        environ = home.environ | {"LC_ALL": "C.UTF-8"}
        command = [ASCIINEMA, "cat", home.path / "r.cast"]
        played = subprocess.run(command, env=environ, check=True, capture_output=True)
        assert screen_of(played.stdout.decode()) == shown


def test_a_run_without_output_has_no_recording(home: Home) -> None:
    home.python("from mlterm import Tracker\nTracker('p', 'r').finish()")
    done = home.mlterm("export", "p/r", "-o", "r.cast")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"p/r has no output" in done.stderr
    assert not (home.path / "r.cast").exists()


def test_runs_go_to_tensorboard_and_mlflow_and_come_back(home: Home) -> None:
    home.python("""
        from mlterm import Tracker
        with Tracker("p", "r", tags={"team": "vision"}) as tracker:
            tracker.log_hyperparameters({"lr": 0.5})
            for step in range(3):
                tracker.log({"train/loss": 1 / (step + 1)}, step=step)
    """)
    done = home.mlterm("export", "p/r", "--format", "tensorboard", "-o", "tb", "--json", check=True)
    assert json.loads(done.stdout).items() >= {"format": "tensorboard", "rows": 3}.items()
    again = home.mlterm("export", "p/r", "--format", "tensorboard", "-o", "tb")
    assert (again.returncode, b"--overwrite" in again.stderr) == (2, True)
    done = home.mlterm("import", "tensorboard", "tb", "--project", "back", "--json", check=True)
    run = json.loads(done.stdout)
    assert (run["run_id"], run["status"], run["records"]) == ("p-r", "completed", 3)
    assert run["hyperparameters"] == {"lr": 0.5}
    assert run["metrics"]["train/loss"]["last"] == pytest.approx(1 / 3)
    assert home.listed()["back/p-r"]["metrics"] == run["metrics"]
    mlflow = ("export", "p/r", "--format", "mlflow", "-o")
    home.mlterm(*mlflow, "runs of mlflow", check=True)
    refused = home.mlterm(*mlflow, "nonsense://me:secret@host/x")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr.startswith(
        b"Error: cannot export to MLflow at nonsense://me:***@host/x: "
    )
    assert b"secret" not in refused.stderr


def test_a_table_becomes_runs_that_every_command_knows(home: Home) -> None:
    table = home.path / "old.csv"
    table.write_text("project,run_id,step,loss\nx,a,1,0.5\nx,a,2,nan\nx,b,1,2,3\nx,b,1,2\n")
    done = home.mlterm("import", "csv", table, check=True)
    assert done.stdout.decode().splitlines() == [
        "x/a  completed  2 records  1 metric",
        "x/b  completed  1 record  1 metric",
    ]
    assert b"not taken: rows that could not be read: 1" in done.stderr
    listed = home.listed()
    assert listed["x/a"]["metrics"]["loss"]["count"] == 2
    assert math.isnan(float(listed["x/a"]["metrics"]["loss"]["last"]))
    again = home.mlterm("import", "csv", table)
    assert (again.returncode, again.stdout) == (2, b"")
    assert b"nothing was imported" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("csv", "none.csv"), 1, b"there is no none.csv"),
        (("csv", "."), 1, b"Is a directory"),
        (("tensorboard", "empty"), 1, b"nothing was found"),
        (("excel", "x"), 2, b"'tensorboard', 'wandb-offline', 'csv'"),
        (("csv",), 2, b"Missing argument 'PATH'"),
        (("csv", "t.csv", "--project", "a/b"), 2, b"cannot be used as a name"),
        (("csv", "t.csv", "--log-dir", "t.csv"), 1, b"nothing was imported"),
        (("wandb-offline", "t.csv"), 1, b"not taken: files that are not wandb's: 1"),
        (("tensorboard", "t.csv"), 1, b"not taken: bytes at a file's end"),
    ],
)
def test_what_cannot_be_imported_is_told_in_words(
    home: Home, words: tuple[str, ...], code: int, said: bytes
) -> None:
    (home.path / "empty").mkdir()
    (home.path / "t.csv").write_text("loss\n1\n")
    done = home.mlterm("import", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_told_to_end_leaves_nothing(home: Home, number: int) -> None:
    os.mkfifo(home.path / "t.csv")
    with home.start("import", "csv", "t.csv") as process:
        with (home.path / "t.csv").open("w") as pipe:
            pipe.write("run_id,loss\n" + "".join(f"r{n},{n}\n" for n in range(4_000)))
            pipe.flush()
            wait_until(lambda: list(home.logs.glob(".import-*/*.body")), "drafts")
            process.send_signal(number)
        assert b"Traceback" not in stream(process.stderr).read()
    assert process.returncode == 128 + number
    assert list(home.logs.iterdir()) == []


def test_a_reader_that_leaves_is_no_error(home: Home) -> None:
    rows = "".join(f"run{n},{n}\n" for n in range(300))
    (home.path / "t.csv").write_text(f"run_id,loss\n{rows}")
    with home.start("import", "csv", "t.csv", "--json", "--project", "p") as process:
        stream(process.stdout).close()
        assert stream(process.stderr).read() == b""
    assert process.returncode == 141
    assert len(list(home.logs.glob("p_*.jsonl"))) == 300
