"""Whole files, as mlterm makes them, against mlterm-format(5): every line of them is as the
page says, and what the page says occurs in them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlterm.core import records
from mlterm.core.records import Record
from tests.session.test_disk import TOO_MANY, writer, written
from tests.support import Disk, Home, Run, wait_until
from tests.unit.test_format import EXAMPLE, Place, documented, occurring, problems

pytestmark = pytest.mark.linux

OF_A_FULL_DISK: set[Place] = {
    ("gap", "offset", ""), ("gap", "lost_bytes", ""),
    ("finish", "lost_output_bytes", ""),
}  # fmt: skip
"""What a file system of its own has to be mounted for: in the last test."""
ELSEWHERE: set[Place] = {
    ("finish", "oom_kills", ""),  # needs a control group: tests/session/test_group.py
    ("finish", "not_sampled", ""),  # needs a PID namespace: session/test_sampling.py
    ("unread", "offset", ""),
    ("unread", "unread_bytes", ""),  # a flood: session/test_parsing.py
    ("finish", "peak_memory_of", "rss"),  # PSS can be read here: unit/test_cost.py
    ("finish", "memory_limit_bytes", ""),
    ("finish", "cpu_limit_cores", ""),  # need a control group: session/test_group.py
    ("artifact", "compression", "zst"),  # needs Python 3.14 or zstandard: unit/test_artifacts.py
}
"""What not every machine has."""
OF_GPUS = {
    place
    for place in documented()
    if place[1].startswith("gpus") or place[1] in ("energy_kwh", "roles.*.peak_gpu_memory_bytes")
}
"""What a driver is needed for: in tests/session/test_gpus.py."""


def mlterm(home: Home, run_id: str, *command: str | os.PathLike[str], code: int = 0) -> Run:
    """Run a command under supervision, to the leave of the last part of mlterm."""
    named = ("--project", "supervised", "--run-id", run_id)
    if "--" not in command:
        command = ("--", *command)
    done = home.mlterm("run", "-q", *named, *command)
    assert done.returncode == code, done.stderr
    wait_until(lambda: not home.parts("guard"), "the guard's end")
    return home.run("supervised", run_id)


def python(home: Home, code: str, returncode: int = 0, **more: str) -> None:
    """Run a script to its end; ``more`` is added to its environment."""
    done = home.python(code, env=home.environ | more)
    assert done.returncode == returncode, done.stderr


# --- Supervised runs ------------------------------------------------------------------------


def of_a_dirty_tree(home: Home) -> None:
    tree = home.path / "tree"
    tree.mkdir()
    (tree / "train.py").write_text("1\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for step in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *step], cwd=tree, env=home.environ, check=True)
    (tree / "train.py").write_text(
        "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
    )
    words = ("run", "-d", "--log-dir", home.logs, "--project", "supervised", "--run-id", "tree")
    tags = ("--tag", "team=vision")
    script = (*home.script("")[:1], "train.py", "--lr", "0.1", "--type", "cnn")
    home.mlterm(*words, *tags, "--", *script, cwd=tree, check=True)
    run = home.run("supervised", "tree")
    kept = {"packages.txt", "source.patch"}
    wait_until(lambda: {r["name"] for r in run.of_type("artifact")} == kept, "the artifacts")
    (tree / "go").touch()
    assert run.finish["status"] == "completed"


def that_fails_and_is_gone_on_with(home: Home) -> None:
    mlterm(home, "fails", "sh", "-c", "echo said; exit 3", code=3)
    mlterm(home, "fails", "--resume", "--", "sh", "-c", "kill -9 $$", code=128 + 9)
    mlterm(home, "fails", "--resume", "--", "no-such-command", code=127)


def that_watches(home: Home) -> None:
    with subprocess.Popen(["sleep", "60"], env=home.environ, cwd=home.path) as process:
        words = ("watch", "-d", "--project", "supervised", "--run-id", "watches")
        words += ("--interval", "0.2")
        home.mlterm(*words, str(process.pid), check=True)
        run = home.run("supervised", "watches")
        wait_until(lambda: len(run.samples) > 2, "samples with rates")
        process.kill()
    assert run.finish["roles"]


def whose_words_are_no_text(home: Home) -> None:
    mlterm(home, "bytes", "echo", os.fsdecode(b"caf\xe9"))


def within_another(home: Home) -> None:
    inner = home.command("run", "--project", "supervised", "--run-id", "inner", "--", "true")
    mlterm(home, "outer", *inner)


def that_a_tracker_joins(home: Home) -> None:
    code = """
        import os
        from mlterm import Tracker
        tracker = Tracker("q", "baseline")
        tracker.log(value=1)
        if not os.fork():
            tracker.log(value=2)
            tracker.finish("cancelled")
            os._exit(0)
        os.wait()
        tracker.log_artifact("me", __file__)
        1 / 0
        """
    mlterm(home, "joined", *home.script(code), code=1)


def that_prints_its_metrics(home: Home) -> None:
    code = """
        print("lr: 0.1", "batch_size: 8", sep="\\n")
        print("Epoch 1: step 2 loss 0.5 acc 90%", "now 0.25 at 3", sep="\\n")
        """
    read = ("--pattern", "now {value:f} at {step:d}", "--ignore", "lr")
    mlterm(home, "prints", *read, "--", *home.script(code))
    run = home.logs / "supervised_prints.jsonl"
    home.mlterm("parse", "--write", *read, run, check=True)


# --- Trackers alone ---------------------------------------------------------------------------

EVERYTHING = """
    import hashlib, os, pathlib, socket
    from decimal import Decimal
    import numpy
    from mlterm import Tracker

    tracker = Tracker("alone", "everything", tags={"team": "vision"})
    tracker.log_hyperparameters(
        {"lr": 0.1, "type": "cnn", "layers": [64, {"a": None}], "at": pathlib.Path("x"), 1: 2}
    )
    tracker.log(epoch=1, loss=float("nan"), best=True, name="x", big=2**70, p=Decimal("0.1"))
    tracker.log({"train/loss": -float("inf"), "timestamp": 1, "type": "x", "odd": print}, step=7)
    tracker.log(weights=numpy.zeros(20_000), objects=numpy.array([print] * 20_000), step=8)
    tracker.log(masked=numpy.ma.masked_equal([1, 2], 2), text="caf\\udce9", complex=1j)
    for summary in ("min", "max", "last", None):
        tracker.define("loss", summary)
    for goal in ("minimize", "maximize", 0.9):
        tracker.define("loss", goal=goal)
    for level in ("info", "warning", "error"):
        tracker.alert("look", level)

    small, large, folder = map(pathlib.Path, ("small", "large", "folder"))
    small.write_bytes(b"small")
    large.write_bytes(bytes(2**21))
    folder.mkdir()
    (folder / "file").write_bytes(b"x")
    (folder / "link").symlink_to("/")
    tracker.log_artifact("small", small, "a file", step=1)
    tracker.log_artifact("small", small, copy=True, compress="gz")
    tracker.log_artifact("large", large, copy=True, step=2)
    tracker.log_artifact("folder", folder, copy=True)
    tracker.log_artifact("nothing", "not-there")
    tracker.log_artifact("device", "/dev/null")
    tracker.log_text("words", "x", step=3)
    tracker.log_image("image", b"\\x89PNG\\r\\n\\x1a\\n", step=4)
    assert tracker._store.drain(20)

    plain, sha256 = small.read_bytes(), hashlib.sha256
    def in_the_middle(*data):
        small.write_bytes(b"other")
        hashlib.sha256 = sha256
        return sha256(*data)
    hashlib.sha256 = in_the_middle
    tracker.log_artifact("changing", small)

    kept = tracker.path.with_suffix("") / "artifacts"
    kept.rename(kept.with_name("moved"))
    kept.write_bytes(b"")  # a file where a folder must be
    tracker.log_artifact("uncopied", small, copy=True)
    tracker.finish()
    """


def with_all_that_it_can_log(home: Home) -> None:
    pytest.importorskip("numpy")
    python(home, EVERYTHING)


def that_end_in_every_way(home: Home) -> None:
    begin = "from mlterm import Tracker\ntracker = Tracker('alone', 'ends{}', resume=True)\n"
    endings = {
        "tracker.log(loss=1)": 0,
        "tracker.finish('failed')": 0,
        "1 / 0": 1,
        "with tracker: raise KeyboardInterrupt": -2,
        "raise SystemExit(3)": 3,
        "import os; os.kill(os.getpid(), 9)": -9,
        "tracker.log_image('x', object())": 0,
        "tracker.finish(); tracker.log(late=1)": 0,
        "import os\nif not os.fork(): tracker.finish('failed')": 0,
    }
    for ending, code in endings.items():
        python(home, begin.format("") + ending, code)
    lost = [record["lost_records"] for record in records_of(home) if "lost_records" in record]
    assert lost == [1, 1]


def of_which_every_other_call_is_kept(home: Home) -> None:
    python(
        home,
        """
        from mlterm import Tracker
        tracker = Tracker("alone", "thinned", every=2, background=True)
        for step in range(10): tracker.log(value=step)
        """,
    )


def of_a_distributed_job(home: Home) -> None:
    code = """
        import os, subprocess, sys
        from mlterm import Tracker
        if "RANK" not in os.environ:
            place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
            place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517"}
            for rank in "01":
                here = os.environ | place | {"RANK": rank}
                ranks = [subprocess.run([sys.executable, __file__], env=here)]
            sys.exit()
        tracker = Tracker("alone", "ranks")
        tracker.log(value=1)
        if os.environ["RANK"] == "1": raise ValueError("rank down")
        """
    python(home, code)


def that_a_person_says_something_of(home: Home) -> None:
    run = mlterm(home, "said", "true")
    home.mlterm("tag", run.path, "team=audio", check=True)
    home.mlterm("note", run.path, "not", "bad", check=True)


def that_is_imported(home: Home) -> None:
    (home.path / "old.csv").write_text("run_id,step,loss,said\nold,1,0.5,hi\nold,2,nan,\n")
    home.mlterm("import", "csv", "old.csv", check=True)


SCENARIOS: list[Callable[[Home], None]] = [
    of_a_dirty_tree,
    that_fails_and_is_gone_on_with,
    whose_words_are_no_text,
    within_another,
    that_a_tracker_joins,
    that_prints_its_metrics,
    with_all_that_it_can_log,
    that_end_in_every_way,
    of_which_every_other_call_is_kept,
    of_a_distributed_job,
    that_watches,
    that_a_person_says_something_of,
    that_is_imported,
]

# --- Files and page ---------------------------------------------------------------------------


def files(home: Home) -> list[Path]:
    return sorted(home.logs.glob("*.jsonl"))


def records_of(home: Home) -> list[Record]:
    return [r for path in files(home) for r in records.decode_lines(path.read_bytes())]


def wrong_lines(path: Path) -> list[str]:
    """In what the lines of a file are not as the page says; torn ones are of no account."""
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line and (record := records.decode(line)) is not None:
            found += [f"{path.name}:{number}: {problem}" for problem in problems(record)]
    return found


def test_files_hold_what_the_page_says_and_the_page_says_what_files_hold(home: Home) -> None:
    for scenario in SCENARIOS:
        scenario(home)
    assert [line for path in files(home) for line in wrong_lines(path)] == []
    assert len(files(home)) == len(SCENARIOS) + 1  # one of them is within another
    missing = documented() - occurring(records_of(home))
    assert missing - OF_A_FULL_DISK - ELSEWHERE - OF_GPUS == set()
    assert missing - occurring(EXAMPLE) <= {
        ("artifact", "compression", "zst"), ("finish", "peak_memory_of", "rss"),
        ("finish", "not_sampled", ""),
    }  # fmt: skip


def test_every_file_ends_in_a_whole_line_and_begins_with_its_run(home: Home) -> None:
    for scenario in (that_a_tracker_joins, that_end_in_every_way, of_a_distributed_job):
        scenario(home)
    for path in files(home):
        first, *_, last = path.read_bytes().split(b"\n")
        begun = records.decode(first)
        assert begun is not None
        assert begun["schema"] == records.SCHEMA
        assert path.name == f"{begun['project']}_{begun['run_id']}.jsonl"
        assert last == b""


@pytest.mark.root
def test_the_file_of_a_full_disk_is_as_the_page_says_too(home: Home, disk: Disk) -> None:
    named = ("--project", "p", "--run-id", "r")
    home.mlterm("run", "-d", *named, "--", *writer(TOO_MANY), check=True)
    written(home)
    disk.grow()
    run = home.run()
    wait_until(lambda: b'"gap"' in run.path.read_bytes(), "the record of the gap")
    (home.path / "go").touch()
    wait_until(lambda: not home.parts("guard"), "the guard's end")
    assert wrong_lines(run.path) == []
    assert occurring(records_of(home)) >= OF_A_FULL_DISK
