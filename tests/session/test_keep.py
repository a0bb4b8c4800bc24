"""Tags, notes, and runs that are removed and brought back, by whole programs."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlterm.core import records
from tests.support import Home, wait_until

MOMENT = "2026-11-24T07:31:05.000000+00:00"


def made(home: Home, run_id: str, loss: float = 0.5, status: str = "completed") -> Path:
    """An ended run with some bulk."""
    home.logs.mkdir(exist_ok=True)
    start = {"type": "run", "schema": 1, "project": "p", "run_id": run_id, "tags": {"a": "1"}}
    metrics = {"type": "metrics", "loss": loss}
    end = {"type": "finish", "status": status, "exit_code": 0, "signal": None, "reason": ""}
    path = home.logs / f"p_{run_id}.jsonl"
    lines = ({"timestamp": MOMENT} | each for each in (start, metrics, end))
    path.write_bytes(b"".join(map(records.encode, lines)))
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "output.log").write_bytes(bytes(3000))
    return path


def told(home: Home, *args: str, code: int = 0) -> list[dict[str, Any]]:
    done = home.mlterm(*args, "--json")
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(home: Home, *args: str, code: int = 2) -> str:
    done = home.mlterm(*args)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == b""
    return done.stderr.decode()


def ids(home: Home) -> list[str]:
    return sorted(path.stem for path in home.logs.glob("*.jsonl"))


# --- Tags and notes ------------------------------------------------------------------------


def test_tags_are_set_shown_and_removed(home: Home) -> None:
    path = made(home, "r")
    before = path.read_bytes()
    done = home.mlterm("tag", "r", "team=vision", "a=", "note=x=y", check=True)
    assert (done.stdout, done.stderr.decode()) == (
        b"",
        "[mlterm] p/r: team=vision, no a, note=x=y\n",
    )
    assert path.read_bytes().startswith(before)
    assert home.mlterm("tag", "r").stdout == b"team=vision\nnote=x=y\n"
    (object_,) = told(home, "tag", "p/r", "--remove", "note")
    assert object_ == {
        "project": "p", "run_id": "r", "path": str(path), "tags": {"team": "vision"},
    }  # fmt: skip
    assert home.listed()["p/r"]["tags"] == {"team": "vision"}
    assert home.listed()["p/r"]["status"] == "completed"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["word"], 2, "not 'word'"),
        (["=x"], 2, "not '=x'"),
        (["b=2", "c="], 1, "no tag 'c'"),
        (["--remove", "A"], 1, "It has: a"),
        (["x\x1b[31m"], 2, r"'x\x1b[31m'"),
    ],
)
def test_what_is_no_tag_changes_nothing(home: Home, words: list[str], code: int, said: str) -> None:
    path = made(home, "r")
    before = path.read_bytes()
    words = refused(home, "tag", "r", *words, code=code).splitlines()
    assert said in words[0]
    assert "nothing was changed" in words[0]
    assert path.read_bytes() == before


def test_notes_are_taken_of_a_run_that_is_live(home: Home) -> None:
    run = home.detached("sleep", "600")
    home.mlterm("note", "r", "lr", "by hand: 1e-3", check=True)
    home.mlterm("note", "r", "-", input=b"two\nlines \xff\n\n", check=True)
    assert home.listed()["p/r"]["notes"] == ["lr by hand: 1e-3", "two\nlines \ufffd"]
    home.mlterm("tag", "r", "hand=yes", check=True)
    home.mlterm("stop", "r", check=True)
    assert run.finish["status"] == "cancelled"
    home.mlterm("note", "r", "stopped", check=True)
    (object_,) = told(home, "note", "r")
    assert [note["text"] for note in object_["notes"]][-1] == "stopped"
    shown = home.mlterm("note", "r", check=True).stdout.decode().splitlines()
    assert [line[18:] for line in shown] == ["lr by hand: 1e-3", "two", "lines \ufffd", "stopped"]
    assert home.listed()["p/r"]["tags"] == {"hand": "yes"}


def test_control_sequences_in_what_was_said_are_shown_and_not_obeyed(home: Home) -> None:
    made(home, "r")
    home.mlterm("note", "r", "\x1b[2Jx", check=True)
    home.mlterm("tag", "r", "k\x07=\x1b]0;x\x07", check=True)
    for command in ("note", "tag"):
        assert b"\x1b" not in home.mlterm(command, "r").stdout


def test_an_empty_note_and_one_of_a_whole_book_are_none(home: Home) -> None:
    path = made(home, "r")
    before = path.read_bytes()
    assert "empty" in refused(home, "note", "r", " ")
    for text in (b"\n", b"x" * 40_000):
        assert home.mlterm("note", "r", "-", input=text).returncode == 2
    assert path.read_bytes() == before


# --- Removing ------------------------------------------------------------------------------


def test_a_run_is_removed_when_the_answer_is_yes(home: Home) -> None:
    made(home, "r1")
    made(home, "r2")
    terminal = home.terminal("rm", "r1")
    terminal.expect("p/r1")
    terminal.expect("Move 1 run (3.24 KB) to the trash? [y/N]")
    terminal.send("y\r")
    terminal.expect("p/r1 is in the trash: mlterm rm --restore p/r1 brings it back")
    assert terminal.wait() == 0
    assert ids(home) == ["p_r2"]
    assert list(home.listed()) == ["p/r2"]
    listed = home.mlterm("rm", "--trash", check=True).stdout.decode()
    assert listed.split()[:5] == ["RUN", "SIZE", "STATUS", "AGE", "REMOVED"]
    assert "p/r1" in listed
    home.mlterm("rm", "--restore", "r1", check=True)
    assert ids(home) == ["p_r1", "p_r2"]
    assert (home.logs / "p_r1" / "output.log").stat().st_size == 3000
    assert not (home.logs / ".trash" / "x").exists()


@pytest.mark.parametrize("answer", ["n\r", "\r", "\x03", "\x04"])
def test_a_run_stays_when_the_answer_is_anything_else(home: Home, answer: str) -> None:
    made(home, "r")
    terminal = home.terminal("rm", "--force", "r")
    terminal.expect("Delete 1 run (3.24 KB) for good? [y/N]")
    terminal.send(answer)
    terminal.expect("nothing was removed")
    assert terminal.wait() == 1
    assert ids(home) == ["p_r"]


def test_nothing_is_removed_where_there_is_nobody_to_ask(home: Home) -> None:
    made(home, "r")
    assert "--yes" in refused(home, "rm", "r")
    assert "--yes" in refused(home, "prune", "--filter", "status = completed")
    assert "which runs" in refused(home, "rm", "--yes")
    home.mlterm("rm", "--yes", "r", check=True)
    assert "--yes" in refused(home, "rm", "--empty-trash")
    assert len(told(home, "rm", "--trash")) == 1


def test_a_live_run_is_never_removed(home: Home) -> None:
    made(home, "old")
    run = home.detached("sleep", "600")
    words = refused(home, "rm", "--yes", "--force", "old", "r")
    assert "p/r is live" in words
    assert ids(home) == ["p_old", "p_r"]
    done = home.mlterm("prune", "--yes", "--filter", "run_id ~ ''", check=True)
    assert "p/r is live and stays" in done.stderr.decode()
    assert ids(home) == ["p_r"]
    assert "none is to be removed" in refused(
        home, "prune", "--yes", "--filter", "status = running", code=1
    )
    home.mlterm("stop", "r", check=True)
    wait_until(lambda: not home.parts("guard"), "the guard's end")
    home.mlterm("rm", "--yes", "--force", "r", check=True)
    assert not run.path.exists()
    assert not run.folder.exists()
    assert [path.name for path in home.logs.iterdir()] == [".trash"]


def test_what_could_not_be_removed_is_said_and_the_rest_is_removed(home: Home) -> None:
    made(home, "r1")
    stuck = made(home, "r2")
    holder = home.python(
        """
        import os, subprocess, sys
        from pathlib import Path
        from mlterm.system import lock
        from mlterm.system.paths import RunFiles
        held = lock.take(RunFiles(Path("logs/p_r2.jsonl")).lock)
        done = subprocess.run([sys.executable, "-m", "mlterm", "rm", "-y", "--json", "r1", "r2"])
        sys.exit(done.returncode)
        """
    )
    assert holder.returncode == 1, holder.stderr
    first, second = map(json.loads, holder.stdout.splitlines())
    assert (first["outcome"], first["problem"]) == ("trashed", None)
    assert Path(first["moved_to"]).parts[-3] == ".trash"
    assert (second["outcome"], second["moved_to"]) == ("kept", None)
    assert "live" in second["problem"]
    assert stuck.exists()
    done = home.mlterm("rm", "--restore", "r1", "nothing")
    assert done.returncode == 1
    assert "No run 'nothing' in the trash" in done.stderr.decode()


def test_a_beginning_names_a_removed_run_where_only_one_has_it(home: Home) -> None:
    for name in ("vit-1", "vit-2", "resnet"):
        made(home, name)
    home.mlterm("rm", "-y", "vit-1", "vit-2", "resnet", check=True)
    words = refused(home, "rm", "--restore", "vit")
    assert "could be any of\n  p/vit-1\n  p/vit-2\n" in words
    home.mlterm("rm", "--restore", "res", "p/vit-2", check=True)
    assert ids(home) == ["p_resnet", "p_vit-2"]


def test_a_trash_that_cannot_be_made_is_said_to_be(home: Home) -> None:
    made(home, "r")
    (home.logs / ".trash").touch()
    words = refused(home, "rm", "-y", "r", code=1)
    assert words == f"[mlterm] p/r was not trashed: {home.logs}/.trash: File exists\n"
    assert ids(home) == ["p_r"]


def test_the_trash_is_emptied_of_one_project_or_of_all(home: Home) -> None:
    made(home, "r1")
    made(home, "r2")
    other = home.logs / "q_r1.jsonl"
    other.write_bytes(records.encode({"timestamp": MOMENT, "type": "run", "schema": 1,
                                      "project": "q", "run_id": "r1"}))  # fmt: skip
    assert len(told(home, "rm", "-y", "p/r1", "r2", "q/r1")) == 3
    words = refused(home, "rm", "--empty-trash", "-y", "--project", "z", code=1)
    assert "Nothing of project 'z' is in the trash" in words
    deleted = told(home, "rm", "--empty-trash", "-y", "--project", "p")
    assert [(each["run_id"], each["outcome"]) for each in deleted] == [
        ("r1", "deleted"), ("r2", "deleted"),
    ]  # fmt: skip
    (left,) = told(home, "rm", "--trash")
    assert (left["project"], left["path"]) == ("q", str(other))
    terminal = home.terminal("rm", "--empty-trash")
    terminal.expect("in the trash for good? [y/N]")
    terminal.send("y\r")
    assert terminal.wait() == 0
    assert not (home.logs / ".trash").exists()
    assert "Nothing is in the trash" in refused(home, "rm", "--trash", code=1)


def test_a_run_whose_name_is_taken_stays_in_the_trash(home: Home) -> None:
    path = made(home, "r")
    home.mlterm("rm", "-y", "r", check=True)
    made(home, "r", loss=0.1)
    before = path.read_bytes()
    assert "there again" in refused(home, "rm", "--restore", "r", code=1)
    assert path.read_bytes() == before
    assert len(told(home, "rm", "--trash")) == 1


def test_prune_removes_what_passes_but_for_the_best(home: Home) -> None:
    for number in range(5):
        made(home, f"r{number}", loss=number / 10, status="failed" if number == 4 else "completed")
    assert "--filter" in refused(home, "prune", "--yes")
    assert "--filter" in refused(home, "prune", "--yes", "--filter", " ")
    best = ("--keep-best", "2", "--metric", "loss")
    done = home.mlterm("prune", "--filter", "status = completed", *best, "--dry-run", check=True)
    assert [line.split()[0] for line in done.stdout.decode().splitlines()[1:]] == ["p/r2", "p/r3"]
    assert "would remove 2 runs (6.49 KB)" in done.stderr.decode()
    assert len(ids(home)) == 5
    assert "loss?" in refused(home, "prune", "--filter", "status = completed", "--keep-best", "1",
                              "-m", "los", "-y", code=1)  # fmt: skip
    assert "together" in refused(home, "prune", "--filter", "status = failed", "-m", "loss")
    planned = told(home, "prune", "--filter", "loss.last > 0.25", "-n")
    assert [(each["run_id"], each["outcome"]) for each in planned] == [
        ("r3", "planned"), ("r4", "planned"),
    ]  # fmt: skip
    home.mlterm("prune", "--yes", "--filter", "status = completed", *best, check=True)
    assert ids(home) == ["p_r0", "p_r1", "p_r4"]
