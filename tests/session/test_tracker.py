"""Scripts with a Tracker, run as people run them: alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.support import Home, started, stream, wait_until

USE = "from mlterm import Tracker\ntracker = Tracker(project='p', run_id='r')\n"


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record without its time and type."""
    return {key: value for key, value in record.items() if key not in ("timestamp", "type")}


def test_the_call_of_the_guide_writes_the_file_of_the_guide(home: Home) -> None:
    done = home.python(
        """
        from mlterm import Tracker
        tracker = Tracker(project="my_project", run_id="run_001", log_dir="./logs", debug=False)
        tracker.log_hyperparameters(learning_rate=0.001, batch_size=32)
        tracker.log(epoch=10, train_loss=0.45, accuracy=0.89)
        tracker.log({"train/loss": 0.4}, step=100)
        open("model.pkl", "wb").write(b"weights")
        tracker.log_artifact(name="best_model", path="model.pkl", description="Best", copy=False)
        tracker.finish("completed")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = {path.name for path in home.logs.iterdir()}
    assert names == {"my_project_run_001.jsonl", "my_project_run_001.jsonl.lock"}
    run = home.run("my_project", "run_001")
    assert [record["type"] for record in run.records] == [
        "run", "hyperparameters", "metrics", "metrics", "artifact", "finish",
    ]  # fmt: skip
    assert plain(run.of_type("hyperparameters")[0]) == {"learning_rate": 0.001, "batch_size": 32}
    assert [plain(record) for record in run.of_type("metrics")] == [
        {"epoch": 10, "train_loss": 0.45, "accuracy": 0.89},
        {"train/loss": 0.4, "_step": 100},
    ]
    (artifact,) = run.of_type("artifact")
    assert artifact["name"] == "best_model"
    assert artifact["path"] == str(home.path / "model.pkl")
    assert artifact["size_bytes"] == 7
    assert artifact["description"] == "Best"
    assert run.finish["status"] == "completed"
    assert run.start["supervised"] is False
    assert run.start["argv"] == home.script("")[:2] or run.start["argv"][1].endswith("train.py")


def test_every_argument_may_be_left_out(home: Home) -> None:
    done = home.python(
        """
        from mlterm import Tracker
        tracker = Tracker()
        tracker.log(loss=1)
        print(tracker.project, tracker.run_id, tracker.path)
        """
    )
    project, run_id, path = done.stdout.split()
    assert project == home.path.name
    assert run_id.startswith("train-2")
    assert path == str(home.logs / f"{project}_{run_id}.jsonl")
    assert home.only_run().finish["status"] == "completed"


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("", "completed", 0),
        ("1 / 0", "failed", 1),
        ("raise KeyboardInterrupt", "cancelled", None),
        ("import sys; sys.exit(0)", "completed", 0),
        ("import sys; sys.exit(3)", "completed", 3),  # not to be seen from inside: documented
        ("import os; os._exit(0)", "lost", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "lost", -9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "lost", -15),
        ("tracker.finish('failed')", "failed", 0),
        ("tracker.finish('cancelled')", "cancelled", 0),
        ("with tracker: pass", "completed", 0),
        ("with tracker: 1 / 0", "failed", 1),
        ("with tracker: raise KeyboardInterrupt", "cancelled", None),
        ("with tracker: raise SystemExit(3)", "failed", 3),
        ("with tracker: raise SystemExit", "completed", 0),
        ("class E(Exception):\n  def __str__(self): 1 / 0\nraise E", "failed", 1),
        ("import threading; threading.Thread(target=lambda: 1 / 0).start()", "completed", 0),
    ],
)
def test_however_a_script_ends_every_reader_knows_at_once(
    home: Home, ending: str, status: str, code: int | None
) -> None:
    done = home.python(f"{USE}tracker.log(loss=1)\n{ending}\n")
    assert done.returncode == code or (code is None and done.returncode)  # of an interrupt
    run = home.listed()["p/r"]
    assert run["status"] == status
    finish = home.run().of_type("finish")
    assert len(finish) == (status != "lost")
    if status == "failed" and code == 1:
        assert "Traceback (most recent call last)" in finish[0]["traceback"]


def test_a_run_is_running_until_its_process_is_gone(home: Home) -> None:
    words = home.script(USE + "print('READY', flush=True)\nimport time\ntime.sleep(600)")
    with started(words, home) as process:
        assert stream(process.stdout).readline() == b"READY\n"
        assert home.listed()["p/r"]["status"] == "running"
        process.kill()
        process.wait()
        assert home.listed()["p/r"]["status"] == "lost"


def test_a_taken_name_gives_way_to_the_next_with_one_warning(home: Home) -> None:
    home.python(USE + "tracker.log(first=1)")
    again = home.python(USE + "tracker.log(second=2)\nprint(tracker.run_id)")
    assert again.stdout == "r-2\n"
    assert again.stderr.count("MltermWarning") == 1
    assert "p/r has ended already (completed)" in again.stderr
    assert [plain(record) for record in home.run().of_type("metrics")] == [{"first": 1}]
    assert [plain(r) for r in home.run("p", "r-2").of_type("metrics")] == [{"second": 2}]


def test_a_name_held_by_a_live_process_says_by_whom(home: Home) -> None:
    words = home.script(USE + "print('READY', flush=True)\nimport time\ntime.sleep(600)")
    with started(words, home) as process:
        assert stream(process.stdout).readline() == b"READY\n"
        again = home.python(USE + "print(tracker.run_id)", name="other.py")
        assert again.stdout == "r-2\n"
        assert f"process {process.pid} (" in again.stderr
        resumed = home.python(
            "from mlterm import Tracker\nprint(Tracker('p', 'r', resume=True).run_id)"
        )
        assert resumed.stdout == "r-3\n"


def test_resume_appends_to_an_ended_run_and_to_a_lost_one(home: Home) -> None:
    resume = "from mlterm import Tracker\ntracker = Tracker('p', 'r', resume=True)\n"
    home.python(resume + "tracker.log(epoch=1)\nimport os; os._exit(1)")
    home.python(resume + "tracker.log(epoch=2)\ntracker.finish('failed')")
    assert home.listed()["p/r"]["status"] == "failed"
    home.python(resume + "tracker.log(epoch=3)")
    assert [record["epoch"] for record in home.run().of_type("metrics")] == [1, 2, 3]
    assert len(home.run().of_type("run")) == 3
    assert home.listed()["p/r"]["status"] == "completed"


def test_conflict_error_raises_and_leaves_the_run_alone(home: Home) -> None:
    home.python(USE)
    before = home.run().records
    done = home.python(
        """
        from mlterm import MltermError, Tracker
        try:
            Tracker("p", "r", conflict="error")
        except MltermError as error:
            print(error)
        """
    )
    assert "p/r has ended already" in done.stdout
    assert "resume=True" in done.stdout
    assert home.run().records == before


@pytest.mark.parametrize(
    "arguments",
    ["project='a/b'", "project=''", "run_id='../x'", "run_id='.x'", "project='p' * 129",
     "run_id='a b'", "project='p.jsonl'", "run_id='é'", "log_dir='/dev/null/x'", "every=0",
     "sample=0", "conflict='maybe'"],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(home: Home, arguments: str) -> None:
    done = home.python(
        f"""
        from mlterm import MltermError, Tracker
        try:
            Tracker({arguments})
        except MltermError as error:
            print(error)
        """
    )
    assert len(done.stdout) > 40
    assert done.stderr == ""
    assert not home.logs.exists() or not list(home.logs.glob("*.jsonl"))


def test_a_late_record_is_warned_of_once_and_counted(home: Home) -> None:
    done = home.python(USE + "tracker.finish()\nfor _ in range(3): tracker.log(loss=1)")
    assert done.returncode == 0
    assert done.stderr.count("MltermWarning") == 1
    assert home.run().of_type("metrics") == []
    assert home.run().records[-1]["lost_records"] == 3
    assert home.listed()["p/r"]["status"] == "completed"


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_workers_of_multiprocessing_log_into_the_same_run(home: Home, kind: str) -> None:
    done = home.python(
        f"""
        import multiprocessing
        from mlterm import Tracker
        def work(tracker, worker):
            for step in range(100):
                tracker.log(worker=worker, value=step)
        if __name__ == "__main__":
            context = multiprocessing.get_context("{kind}")
            tracker = Tracker("p", "r")
            workers = [context.Process(target=work, args=(tracker, n)) for n in range(3)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            tracker.log(end=1)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = home.only_run()
    assert len(run.of_type("metrics")) == 301
    assert len(run.of_type("finish")) == 1
    assert len(run.of_type("run")) == 1


def test_a_fork_that_ends_or_outlives_its_parent_ends_no_run(home: Home) -> None:
    script = (
        USE
        + """
import os, sys, time
if not os.fork():
    tracker.log(child=1)
    tracker.finish("failed")
    sys.exit(0)
os.wait()
if not os.fork():
    time.sleep(600)
tracker.log(parent=1)
print("READY", flush=True)
time.sleep(600)
"""
    )
    with started(home.script(script), home) as process:
        assert stream(process.stdout).readline() == b"READY\n"
        assert home.listed()["p/r"]["status"] == "running"
        assert [plain(record) for record in home.run().of_type("metrics")] == [
            {"child": 1},
            {"parent": 1},
        ]
        process.kill()
        process.wait()
        assert home.listed()["p/r"]["status"] == "lost"


def test_a_subprocess_without_names_joins_its_parents_run(home: Home) -> None:
    home.script("from mlterm import Tracker\nTracker().log(child=1)", "child.py")
    home.script("from mlterm import Tracker\nTracker(run_id='own').log(own=1)", "own.py")
    done = home.python(
        USE + "import subprocess, sys\n"
        "for name in ('child.py', 'own.py'): subprocess.run([sys.executable, name], check=True)\n"
        "tracker.log(parent=1)\ntracker.finish()\n"
        "print(Tracker().run_id)"
    )
    assert done.stderr == ""
    assert [plain(record) for record in home.run().of_type("metrics")] == [
        {"child": 1},
        {"parent": 1},
    ]
    own = home.run("p", "own")
    assert own.start["parent"] == "p/r"
    assert own.finish["status"] == "completed"
    assert done.stdout.startswith("train-2")  # after the end nothing is left in the environment


def test_a_name_of_ours_gets_an_underscore_and_a_step_that_is_no_number_its_name(
    home: Home,
) -> None:
    done = home.python(
        USE + "tracker.log(_source='tracker', _rank=3, type=1, timestamp=2, x=1)\n"
        "tracker.log({'_step': 5}, step=7)\ntracker.log(step='five', x=1)\n"
        "tracker.log(step=float('nan'), x=1)\n"
    )
    assert done.stderr.count("is a name of mlterm's") == 5
    assert done.stderr.count("is no number") == 1
    assert [plain(record) for record in home.run().of_type("metrics")] == [
        {"_source_": "tracker", "_rank_": 3, "type_": 1, "timestamp_": 2, "x": 1},
        {"_step_": 5, "_step": 7},
        {"x": 1, "step": "five"},
        {"x": 1, "step": "NaN"},
    ]


def test_runs_side_by_side_in_one_process_are_nobodys_children(home: Home) -> None:
    done = home.python(
        """
        import os
        from mlterm import Tracker
        first, second = Tracker("p", "first"), Tracker("p", "second")
        first.log(x=1); second.log(x=2); Tracker().log(x=3)
        first.finish(); second.finish()
        print(os.environ.get("MLTERM_RUN_ID"), os.environ.get("MLTERM_RUN_FILE"))
        """
    )
    assert (done.stdout, done.stderr) == ("None None\n", "")
    runs = [home.run("p", "first"), home.run("p", "second")]
    assert [run.start["parent"] for run in runs] == [None, None]
    assert [[r["x"] for r in run.of_type("metrics")] for run in runs] == [[1], [2, 3]]


def test_threads_and_signal_handlers_log_whole_lines(home: Home) -> None:
    done = home.python(
        USE
        + """
import signal, threading
signal.signal(signal.SIGALRM, lambda *_: tracker.log(alarm=1, nan=float("nan")))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def work():
    for step in range(2000):
        tracker.log(step=step, nan=float("nan"), loss=0.5)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    metrics = home.run().of_type("metrics")
    assert sum(1 for record in metrics if "loss" in record) == 8000
    assert sum(1 for record in metrics if "alarm" in record) > 0


def test_interrupts_in_the_middle_of_logging_leave_whole_lines(home: Home) -> None:
    done = home.python(
        USE
        + """
import signal, time
def interrupt(*_): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
logged = interrupts = 0
while interrupts < 200:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
        while True:
            tracker.log(value=logged, odd=float("nan"))
            logged += 1
    except KeyboardInterrupt:
        interrupts += 1
print(logged)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    values = [record["value"] for record in home.run().of_type("metrics")]
    assert sorted(set(values)) == list(range(values[-1] + 1))
    assert len(values) <= int(done.stdout) + 200  # written, but interrupted before it was counted


def test_logging_while_the_interpreter_goes_down_is_no_error(home: Home) -> None:
    done = home.python(
        USE
        + """
import atexit, sys
class Late:
    def __del__(self): tracker.log(late=1)
keep = Late()
sys.keep = Late()
atexit.register(lambda: tracker.log(at_exit=1))
"""
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert [plain(record) for record in home.run().of_type("metrics")] == [{"at_exit": 1}]
    assert home.listed()["p/r"]["status"] == "completed"


def test_large_arrays_are_saved_and_small_ones_written(home: Home) -> None:
    done = home.python(
        "import numpy as np\n"
        + USE
        + "tracker.log(small=np.arange(3), large=np.arange(20_000.0), step=7)"
    )
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = home.run().of_type("metrics")
    assert record["small"] == [0, 1, 2]
    large = record["large"]
    assert (large["shape"], large["dtype"], large["max"]) == ([20_000], "float64", 19_999.0)
    import numpy as np

    saved = np.load(home.run().folder / large["artifact"])
    assert saved.tolist() == list(range(20_000))


def test_eight_processes_write_800_000_whole_lines(home: Home) -> None:
    done = home.python(
        USE
        + """
import os
for worker in range(8):
    if not os.fork():
        for step in range(100_000):
            tracker.log(worker=worker, value=step)
        os._exit(0)
for _ in range(8):
    assert os.wait()[1] == 0
""",
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    seen = [0] * 8
    with home.run().path.open("rb") as file:
        for line in file:
            record = json.loads(line)
            if record["type"] == "metrics":
                assert record["value"] == seen[record["worker"]]
                seen[record["worker"]] += 1
    assert seen == [100_000] * 8


def test_a_file_that_is_removed_is_put_back_with_all_its_records(home: Home) -> None:
    words = home.script(
        USE + "tracker.log(first=1)\nprint('READY', flush=True)\ninput()\n"
        "import time\nend = time.monotonic() + 1.1\n"
        "while time.monotonic() < end: pass\n"
        "tracker.log(second=2)\ntracker.log(third=3)"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=home.path, env=home.environ, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert stream(process.stdout).readline() == b"READY\n"
        for path in sorted(home.logs.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        home.logs.rmdir()
        _, errors = process.communicate(b"\n", timeout=30)
    assert errors.count(b"MltermWarning") == 1
    assert b"put back" in errors
    run = home.run()
    assert [plain(record) for record in run.of_type("metrics")] == [
        {"first": 1}, {"second": 2}, {"third": 3},
    ]  # fmt: skip
    assert run.start["project"] == "p"
    assert run.finish["status"] == "completed"


def test_warnings_that_are_errors_do_not_reach_the_training(home: Home) -> None:
    words = home.script(USE + "tracker.log(x=print)\ntracker.log(type=1)\nprint('trained')")
    done = home.python("", name="empty.py")
    done = subprocess.run(
        [words[0], "-W", "error", words[1]],
        cwd=home.path, env=home.environ, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert done.stderr.count("mlterm: ") == 2


def test_strict_raises(home: Home) -> None:
    done = home.python(
        """
        from mlterm import MltermError, Tracker
        tracker = Tracker("p", "r", strict=True)
        tracker.log(loss=1)
        for call in (
            lambda: tracker.log(x=print),
            lambda: tracker.log_artifact("a", "not-there"),
            lambda: tracker.define("loss", summary="most"),
            lambda: (tracker.finish(), tracker.log(late=1)),
        ):
            try:
                call()
            except MltermError as error:
                print(type(error).__name__)
        """
    )
    assert done.stdout == "RecordError\n" * 4
    assert done.stderr == ""


def test_debug_says_what_is_written_where(home: Home) -> None:
    done = home.python("from mlterm import Tracker\nTracker('p', 'r', debug=True).log(loss=0.5)")
    lines = done.stderr.splitlines()
    assert all(line.startswith("mlterm: ") for line in lines)
    assert any(str(home.run().path) in line and '"loss":0.5' in line for line in lines)
    assert "completed" in lines[-1]


def test_background_loses_nothing_at_the_end_at_a_fork_or_on_an_exception(home: Home) -> None:
    done = home.python(
        """
        import os
        from mlterm import Tracker
        tracker = Tracker("p", "r", background=True)
        for step in range(20_000):
            tracker.log(value=step)
        if not os.fork():
            tracker.log(child=1)
            os._exit(0)
        os.wait()
        tracker.flush()
        written = sum(1 for line in open(tracker.path) if '"value"' in line)
        print(written)
        for step in range(20_000, 30_000):
            tracker.log(value=step)
        1 / 0
        """
    )
    assert done.stdout == "20000\n"
    metrics = home.run().of_type("metrics")
    values = [record["value"] for record in metrics if "value" in record]
    assert values == list(range(30_000))
    assert sum(1 for record in metrics if "child" in record) == 1
    assert home.run().finish["status"] == "failed"
    assert "lost_records" not in home.run().finish


def test_thinning_keeps_a_share_and_counts_the_rest(home: Home) -> None:
    home.python(
        """
        from mlterm import Tracker
        tracker = Tracker("p", "every", every=10)
        for step in range(95): tracker.log(value=step)
        tracker.finish()
        tracker = Tracker("p", "sample", sample=0.5)
        for step in range(2000): tracker.log(value=step)
        tracker.finish()
        """
    )
    every = home.run("p", "every")
    assert [record["value"] for record in every.of_type("metrics")] == list(range(0, 95, 10))
    assert every.finish["thinned_records"] == 85
    sample = home.run("p", "sample")
    kept = len(sample.of_type("metrics"))
    assert 700 < kept < 1300
    assert sample.finish["thinned_records"] == 2000 - kept


def test_the_run_knows_its_commit_at_once_and_whether_the_tree_was_dirty(home: Home) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (home.path / "train.py").write_text("")
    for words in (["init", "-q", "-b", "main"], ["add", "train.py"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=home.path, env=home.environ, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=home.path, env=home.environ, check=True,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    done = home.python(
        USE + "import os\n"
        "try: os.waitpid(-1, 0)\n"
        "except ChildProcessError: print('no child of ours')"
    )
    assert done.stdout == "no child of ours\n"
    first, amended = home.run().of_type("run")
    assert first["git"] == {"commit": commit, "branch": "main", "dirty": None}
    assert amended["git"] == {"commit": commit, "branch": "main", "dirty": True}


RANK = """
import os, sys
from mlterm import Tracker
tracker = Tracker({names})
tracker.log(value=1)
print("READY", flush=True)
line = sys.stdin.readline()
if line == "fail\\n": raise ValueError("rank down")
tracker.finish() if line == "finish\\n" else None
"""


class Ranks:
    """Ranks of one launch, each waiting on its stdin for how to end."""

    def __init__(self, processes: list["subprocess.Popen[str]"]) -> None:
        self.processes = processes
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"

    def end(self, rank: int, how: str) -> str:
        _, errors = self.processes[rank].communicate(how + "\n", timeout=30)
        return str(errors)


@contextmanager
def launched(home: Home, names: str, world: int, **more: str) -> Iterator[Ranks]:
    """That many ranks, all of them with a Tracker, until the block's end."""
    words = home.script(RANK.format(names=names))
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        processes = []
        for rank in range(world):
            place = {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
            place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"} | more
            process = subprocess.Popen(
                words, cwd=home.path, env=home.environ | place, text=True,
                stdin=pipe, stdout=pipe, stderr=pipe,
            )  # fmt: skip
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield Ranks(processes)


@pytest.mark.parametrize("names", ["", "'p', 'r'"])
def test_ranks_of_one_launch_share_one_run_which_the_last_one_ends(home: Home, names: str) -> None:
    with launched(home, names, 4) as ranks:
        run = home.only_run()
        (name,) = home.listed()
        for rank in (0, 2, 1):
            assert ranks.end(rank, "finish") == ""
            assert home.listed()[name]["status"] == "running"
        assert ranks.end(3, "finish") == ""
        assert home.listed()[name]["status"] == "completed"
    assert sorted(record["_rank"] for record in run.of_type("metrics")) == [0, 1, 2, 3]
    assert sum(1 for record in run.of_type("run") if "schema" in record) == 1


@pytest.mark.parametrize("how", ["fail", "kill"])
def test_one_rank_that_fails_makes_the_run_fail(home: Home, how: str) -> None:
    with launched(home, "'p', 'r'", 2) as ranks:
        if how == "kill":
            ranks.processes[1].kill()
            ranks.processes[1].wait()
        else:
            ranks.end(1, how)
        assert home.listed()["p/r"]["status"] == "running"
        ranks.end(0, "finish")
    run = home.listed()["p/r"]
    assert run["status"] == "failed"
    assert run["reason"].startswith("rank 1: ")


def test_a_run_whose_ranks_were_all_killed_is_lost(home: Home) -> None:
    with launched(home, "'p', 'r'", 2):
        pass
    assert home.listed()["p/r"]["status"] == "lost"


def test_the_next_launch_of_the_same_names_is_another_run(home: Home) -> None:
    several_nodes = {"MASTER_ADDR": "10.0.0.1", "LOCAL_WORLD_SIZE": "1", "SLURM_STEP_ID": "0"}
    several_nodes |= {"SLURM_NTASKS": "2", "SLURM_PROCID": "0"}
    for job in ("1", "2"):
        with launched(home, "'p', 'r'", 2, SLURM_JOB_ID=job, **several_nodes) as ranks:
            ranks.end(0, "finish")
            ranks.end(1, "finish")
    assert {name: run["status"] for name, run in home.listed().items()} == {
        "p/r": "completed",
        "p/r-2": "completed",
    }


def test_in_a_session_at_a_prompt_a_second_tracker_of_the_names_ends_the_first(home: Home) -> None:
    code = (
        "import sys; sys.ps1 = '>>> '\n" + USE + "first = tracker\n"
        "first.log(a=1)\ntracker = Tracker(project='p', run_id='r')\ntracker.log(a=2)\n"
        "first.log(a=3)"
    )
    done = home.python(code)
    assert "was its cell run again?" in done.stderr
    assert home.listed()["p/r"]["status"] == "cancelled"
    assert home.listed()["p/r-2"]["status"] == "completed"


def test_memory_and_lines_stay_whole_with_a_value_of_100_mb(home: Home) -> None:
    done = home.python(
        USE + "tracker.log(before=1)\ntracker.log(big='x' * 100_000_000, small=2)\n"
        "tracker.log(after=1)"
    )
    assert done.stderr.count("MltermWarning") == 1
    before, big, after = home.run().of_type("metrics")
    assert (before["before"], after["after"], big["small"]) == (1, 1, 2)
    assert big["big"]["_bytes"] >= 100_000_000
    assert len(big["big"]["_repr"]) == 1000
    assert home.run().path.stat().st_size < 100_000


def test_python_dash_m_names_the_module(home: Home) -> None:
    (home.path / "pkg").mkdir()
    home.script("from mlterm import Tracker\nprint(Tracker().run_id)", "pkg/fit.py")
    paths = f"{home.path}:{home.environ['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "pkg.fit"], cwd=home.path, text=True, timeout=30, check=True,
        env=home.environ | {"PYTHONPATH": paths}, capture_output=True,
    )  # fmt: skip
    assert done.stdout.startswith("fit-2")
    wait_until(lambda: home.only_run().finish["status"] == "completed")
