"""mlterm show: a run on a page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Home

TRAINING = """
import os, sys, time
while not os.path.exists("logs/p_r/source.patch"):
    time.sleep(0.01)  # its sources are kept meanwhile
for step in range(1, 31):
    print(f"step {step} train/loss {2 / step:.4f} accuracy {step / 40:.3f}")
if "--fail" in sys.argv:
    raise SystemExit("out of luck")
"""


@pytest.fixture
def failed(home: Home) -> Home:
    """A run that has failed, in a folder of git with a change."""
    for words in (["init", "-q"], ["config", "user.email", "a@b"], ["config", "user.name", "n"]):
        subprocess.run(["git", *words], cwd=home.path, check=True)
    code = home.script(TRAINING)
    subprocess.run(["git", "add", "train.py"], cwd=home.path, check=True)
    subprocess.run(["git", "commit", "-qm", "one"], cwd=home.path, check=True)
    home.script(TRAINING + "# changed\n")
    words = ["--project", "p", "--run-id", "r", "--tag", "team=vision"]
    done = home.mlterm("run", "-q", *words, "--", *code, "--lr", "0.1", "--fail")
    assert done.returncode == 1
    return home


def test_a_failed_run_is_shown_from_its_command_to_its_last_words(failed: Home) -> None:
    text = failed.mlterm("show", "r", check=True).stdout.decode()
    lines = text.splitlines()
    assert lines[:2] == ["p/r", "● failed"]
    script = failed.path / "train.py"
    assert lines[4] == f"cd {failed.path} && {sys.executable} {script} --lr 0.1 --fail"
    for words in ("team=vision", "with changes (source.patch)", "METRIC", "▁", "output.log"):
        assert words in text
    (loss,) = [line for line in lines if line.startswith("train/loss")]
    assert loss.split()[1:4] == ["0.0667", "0.0667", "30"]
    assert lines[-1] == "out of luck"
    assert "\x1b" not in text


def test_the_object_has_what_the_page_has(failed: Home) -> None:
    told = json.loads(failed.mlterm("show", "r", "--json", check=True).stdout)
    assert (told["project"], told["status"], told["exit_code"]) == ("p", "failed", 1)
    assert told["best"]["train/loss"] == {"goal": "min", "value": 0.0667, "step": 30}
    assert told["hyperparameters"]["lr"] == 0.1
    assert told["command"].endswith("--lr 0.1 --fail")
    assert told["tail"].endswith("out of luck")
    assert told["git"]["dirty"] is True
    assert {Path(file["path"]).name for file in told["files"]} >= {"p_r.jsonl", "output.log"}


def test_parts_are_printed_as_they_are(failed: Home) -> None:
    patch = failed.mlterm("show", "r", "--diff", check=True).stdout
    assert patch == (failed.run().folder / "source.patch").read_bytes()
    packages = failed.mlterm("show", "r", "--packages", check=True).stdout
    assert packages == (failed.run().folder / "packages.txt").read_bytes()
    environment = failed.mlterm("show", "r", "--env", check=True).stdout.decode()
    assert "PYTHONUNBUFFERED=1\n" in environment
    reverse = ["git", "apply", "-R", "--check", "-"]
    subprocess.run(reverse, input=patch, cwd=failed.path, check=True)


def test_on_a_terminal_the_page_is_coloured_and_no_wider(failed: Home) -> None:
    terminal = failed.terminal("show", "r", rows=60, columns=40)
    assert terminal.wait() == 0
    assert b"\x1b[38;5;203m\xe2\x97\x8f failed" in terminal.raw
    shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal.raw.decode())
    lines = [line for line in shown.splitlines() if not line.startswith("cd ")]
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rr"], 1, "No run 'rr'"),
        ([], 2, "Missing argument"),
        (["r", "--diff", "--json"], 2, "--diff prints what was recorded"),
        (["bare", "--diff"], 1, "has no source.patch"),
        (["bare", "--env"], 1, "was not recorded"),
        (["r", "--project", "none"], 1, "No log file found for project 'none'"),
    ],
)
def test_what_is_not_there_is_told_in_words(
    home: Home, words: list[str], code: int, said: str
) -> None:
    home.logs.mkdir()
    (home.logs / "p_r.jsonl").write_text('{"type":"run","schema":1,"project":"p","run_id":"r"}\n')
    (home.logs / "p_bare.jsonl").write_text('{"type":"metrics","loss":NaN}\nbroken\n')
    done = home.mlterm("show", *words)
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_file_of_anybodys_is_shown_as_far_as_it_can_be_read(home: Home) -> None:
    home.logs.mkdir()
    (home.logs / "p_bare.jsonl").write_text('{"type":"metrics","l\\u001b[2J":"NaN"}\nbroken\n')
    text = home.mlterm("show", "bare", check=True).stdout.decode()
    assert "NaN" in text
    assert "\x1b" not in text
    assert "1 line of its file is broken" in text
