"""mlterm compare: runs side by side."""

import csv
import io
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlterm.core.records import encode
from tests.support import Home

HEAD = {"timestamp": "2026-11-24T07:00:00.000000+00:00"}


@pytest.fixture
def swept(home: Home) -> Home:
    """Three runs of one project."""
    home.logs.mkdir()
    for number, optimizer in enumerate(("sgd", "adam", "=1+1")):
        settings = {"lr": 0.1 / 10**number, "batch_size": 32, "optim": {"name": optimizer}}
        status = "failed" if number == 1 else "completed"
        names = {"project": "digits", "run_id": f"sweep-{number}"}
        records = [
            {**HEAD, "type": "run", "schema": 1, **names},
            {**HEAD, "type": "hyperparameters", **settings},
            *(
                {
                    **HEAD, "type": "metrics", "loss": (number + 1) / (step + 1),
                    "accuracy": (5 * step - 10 * number) / 100, "_step": step,
                }
                for step in range(20)
            ),
            {**HEAD, "type": "finish", "status": status, "duration_seconds": 60},
        ]  # fmt: skip
        path = home.logs / f"digits_sweep-{number}.jsonl"
        path.write_bytes(b"".join(map(encode, records)))
    return home


def compare(home: Home, *words: str | os.PathLike[str]) -> str:
    done = home.mlterm("compare", *words, check=True)
    assert b"\x1b" not in done.stdout
    return done.stdout.decode()


def lines_of(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


@pytest.mark.parametrize(
    "words", [["--project", "digits"], ["--runs", "sweep-0", "sweep-1", "sweep-2"], []]
)
def test_only_what_differs_is_told_and_the_best_is_marked(swept: Home, words: list[str]) -> None:
    text = compare(swept, *words)
    told = lines_of(text)
    assert text.splitlines()[0].split() == ["sweep-0", "sweep-1", "sweep-2"]
    assert told["status"] == ["completed", "failed", "completed"]
    assert told["lr"] == ["0.1", "0.01", "0.001"]
    assert told["optim.name"] == ["sgd", "adam", "=1+1"]
    assert told["loss"] == ["★0.05", "0.1", "0.15"]
    assert told["accuracy"] == ["★0.95", "0.85", "0.75"]
    assert "batch_size" not in told
    assert "--all" in text


def test_runs_come_in_the_order_in_which_they_are_named(swept: Home) -> None:
    text = compare(swept, "--project", "digits", "--runs", "sweep-2", "sweep-0")
    assert text.splitlines()[0].split() == ["sweep-2", "sweep-0"]
    filtered = compare(swept, "--filter", "lr < 0.1")
    assert filtered.splitlines()[0].split() == ["sweep-1", "sweep-2"]


def test_a_baseline_comes_first_and_the_others_are_told_from_it(swept: Home) -> None:
    text = compare(swept, "--baseline", "sweep-1", "--runs", "sweep-0")
    assert text.splitlines()[0].split() == ["sweep-1", "sweep-0"]
    told = lines_of(text)
    assert told["lr"] == ["0.01", "0.1", "×10"]
    assert told["loss"] == ["0.1", "★0.05", "−50%"]
    assert told["accuracy"] == ["0.85", "★0.95", "+12%"]


def test_the_object_is_as_documented(swept: Home) -> None:
    told: dict[str, Any] = json.loads(compare(swept, "--json", "--baseline", "sweep-0"))
    assert [run["run_id"] for run in told["runs"]] == ["sweep-0", "sweep-1", "sweep-2"]
    assert told["baseline"] == "digits/sweep-0"
    differs = told["differs"]
    assert list(differs) == [
        "run", "tags", "hyperparameters", "metrics", "cost", "git", "packages", "environment",
    ]  # fmt: skip
    assert differs["hyperparameters"]["lr"] == pytest.approx([0.1, 0.01, 0.001])
    loss = {"goal": "min", "last": [0.05, 0.1, 0.15], "best": [0.05, 0.1, 0.15]}
    assert differs["metrics"]["loss"] == loss
    assert "same" not in told
    same = json.loads(compare(swept, "--json", "--all"))["same"]
    assert same["hyperparameters"]["batch_size"] == [32, 32, 32]


def test_a_table_for_a_spreadsheet_is_harmless(swept: Home) -> None:
    rows = list(csv.reader(io.StringIO(compare(swept, "--format", "csv"))))
    assert rows[0] == ["section", "name", "sweep-0", "sweep-1", "sweep-2"]
    assert ["hyperparameters", "optim.name", "sgd", "adam", "'=1+1"] in rows
    assert ["metrics", "loss", "0.05", "0.1", "0.15"] in rows


def test_tables_for_a_readme_and_a_page(swept: Home) -> None:
    text = compare(swept, "--format", "md")
    assert "| loss | **0.05** | 0.1 | 0.15 |" in text.splitlines()
    page = compare(swept, "--format", "html")
    assert '<tr><th>loss</th><td class="b">0.05</td><td>0.1</td><td>0.15</td></tr>' in page


def test_a_file_is_written_and_never_by_accident(swept: Home) -> None:
    path = swept.path / "sweep.md"
    assert compare(swept, "--format", "md", "-o", path) == ""
    before = path.read_text()
    assert "| loss |" in before
    done = swept.mlterm("compare", "-o", path)
    assert done.returncode == 2
    assert b"--overwrite" in done.stderr
    assert path.read_text() == before
    compare(swept, "-o", path, "--overwrite")
    assert path.read_text().splitlines()[0].split() == ["sweep-0", "sweep-1", "sweep-2"]
    assert swept.mlterm("compare", "-o", swept.path / "none" / "x").returncode == 2


def test_curves_are_drawn_on_the_same_axes(swept: Home) -> None:
    text = compare(swept, "--plot", "loss,accuracy", "--plot", "loss")
    assert text.count("━ sweep-0 0.05 (min 0.05)") == 1
    assert text.count("━ sweep-2 0.75 (max 0.75)") == 1
    assert max(map(len, text.splitlines())) <= 80
    assert re.search("[⠁-⣿]", text)
    assert compare(swept, "--plot", "loss", "accuracy") == text
    few = compare(swept, "--runs", "sweep-0", "sweep-1", "--plot", "loss", "accuracy")
    assert few == compare(swept, "sweep-0", "sweep-1", "--plot", "loss,accuracy")
    done = swept.mlterm("compare", "--plot", "loss", "sweep-0", "sweep-9")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"No run 'sweep-9'" in done.stderr
    done = swept.mlterm("compare", "--plot", "los")
    assert done.returncode == 1
    assert b"did you mean loss?" in done.stderr


def test_on_a_terminal_each_run_has_a_colour(swept: Home) -> None:
    terminal = swept.terminal("compare", "--plot", "loss", rows=24, columns=60)
    assert terminal.wait() == 0
    for colour in (b"111", b"215", b"114"):
        assert b"\x1b[38;5;" + colour + b"m" in terminal.raw
    assert terminal.raw.count(b"\n") <= 23


def test_sources_are_compared(swept: Home) -> None:
    for number, version in enumerate(("2.1", "2.2")):
        folder = swept.logs / f"digits_sweep-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "packages.txt").write_text(f"numpy==1.26\ntorch=={version}\n")
        (folder / "source.patch").write_text(f"diff --git a/x b/x\n+lr = {number}\n")
    told = lines_of(compare(swept, "--runs", "sweep-0", "sweep-1"))
    assert told["torch"] == ["2.1", "2.2"]
    assert len(set(told["source.patch"])) == 2
    diff = compare(swept, "sweep-0", "sweep-1", "--diff")
    assert "--- digits/sweep-0/source.patch\n+++ digits/sweep-1/source.patch\n" in diff
    assert "-+lr = 0\n++lr = 1\n" in diff
    assert "-torch==2.1\n+torch==2.2\n" in diff
    assert "packages.txt" not in compare(swept, "sweep-0", "sweep-2", "--diff")  # it recorded none
    same = swept.mlterm("compare", "sweep-0", "sweep-0", "sweep-2", "--diff")
    assert same.returncode == 0


def test_live_runs_are_compared(home: Home) -> None:
    script = home.script("input()")
    for name in ("a", "b"):
        home.detached(*script, run_id=name)
    told = json.loads(compare(home, "--json"))
    assert [each["status"] for each in told["runs"]] == ["running", "running"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sweep-0"], 2, "nothing to compare it with"),
        (["--filter", "lr = 0.1"], 1, "nothing to compare it with"),
        (["sweep-0", "sweep-9"], 1, "No run 'sweep-9'"),
        (["--project", "none"], 1, "No log file found for project 'none'"),
        (["--json", "--format", "md"], 2, "say one of them"),
        (["--format", "pdf"], 2, "'table', 'md', 'csv', 'html'"),
        (["--plot", ","], 2, "the name of a metric is wanted"),
        (["--plot", "loss", "-o", "x.png"], 2, "mlterm plot -o makes a picture"),
        (["--baseline", "none"], 1, "No run 'none'"),
        (["-o", "logs/digits_sweep-0.jsonl", "--overwrite"], 2, "would be taken for a run"),
    ],
)
def test_what_cannot_be_compared_is_told_in_words(
    swept: Home, words: list[str], code: int, said: str
) -> None:
    done = swept.mlterm("compare", *words)
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_closed_pipe_is_quiet(swept: Home) -> None:
    command = subprocess.list2cmdline(swept.command("compare", "--all"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"], cwd=swept.path, env=swept.environ, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.stderr == b""


def test_a_run_without_anything_is_compared(swept: Home) -> None:
    Path(swept.logs / "digits_empty.jsonl").write_text("")
    told = lines_of(compare(swept, "--project", "digits"))
    assert told["loss"][-4:].count("–") == 1
