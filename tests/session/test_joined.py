"""Scripts with a Tracker under `mlterm run`."""

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support import Home, Run, wait_until


def supervised(home: Home, code: str, *more: str) -> Run:
    """Run a script as p/r to its end."""
    words = home.script(code)
    home.mlterm("run", "--project", "p", "--run-id", "r", *more, "--", *words)
    run = home.run()
    wait_until(lambda: any("_source" not in end for end in run.of_type("finish")), "the end")
    return run


def values(run: Run) -> list[Any]:
    return [record.get("value") for record in run.of_type("metrics")]


def test_a_tracker_without_names_joins_and_its_metrics_stand_in_the_one_file(home: Home) -> None:
    run = supervised(
        home,
        """
        from mlterm import Tracker
        tracker = Tracker()
        tracker.log(value=1)
        print(tracker.project, tracker.run_id, tracker.path)
        """,
    )
    assert run.output.decode().split() == ["p", "r", str(run.path)]
    assert values(run) == [1]
    assert len(list(home.logs.glob("*.jsonl"))) == 1
    assert len(run.of_type("finish")) == 1  # nothing that the exit code does not say


def test_names_of_its_own_become_the_runs_alias_and_resolve_in_every_command(home: Home) -> None:
    code = """
        from mlterm import Tracker
        tracker = Tracker(project="my_project", run_id="run_001", log_dir="./other")
        tracker.log(value=1)
        tracker.finish("completed")
        print("said")
        """
    run = supervised(home, code)
    assert not (home.path / "other").exists()
    assert values(run) == [1]
    assert home.listed()["p/r"]["aliases"] == ["my_project/run_001"]
    for name in ("my_project/run_001", "run_001", "r"):
        assert home.mlterm("logs", name, check=True).stdout == b"said\n"
    lines = home.mlterm("list-runs", "--json", "--project", "my_project", check=True).stdout
    assert lines.count(b"\n") == 1


def test_a_later_tracker_with_other_names_is_a_run_of_its_own(home: Home) -> None:
    run = supervised(
        home,
        """
        from mlterm import Tracker
        for name in ("first", "second", "first"):
            tracker = Tracker(run_id=name)
            tracker.log(value=name)
            tracker.finish()
        """,
    )
    assert values(run) == ["first", "first"]
    child = home.run("p", "second")
    assert values(child) == ["second"]
    assert child.start["parent"] == "p/r"
    assert child.finish["status"] == "completed"
    assert home.listed()["p/r"]["aliases"] == ["p/first"]


def test_eight_ranks_that_give_the_same_names_join_and_are_told_apart(home: Home) -> None:
    run = supervised(
        home,
        """
        import os, subprocess, sys
        from mlterm import Tracker
        if "RANK" in os.environ:
            tracker = Tracker(project="q", run_id="ranks")
            tracker.log(value=int(os.environ["RANK"]))
            tracker.finish()
        else:
            place = {"WORLD_SIZE": "8", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29513"}
            ranks = []
            for number in range(8):
                environ = os.environ | place | {"RANK": str(number)}
                ranks.append(subprocess.Popen([sys.executable, __file__], env=environ))
            for rank in ranks: assert rank.wait() == 0
        """,
    )
    metrics = run.of_type("metrics")
    assert sorted((r["_rank"], r["value"]) for r in metrics) == [(n, n) for n in range(8)]
    assert len(list(home.logs.glob("*.jsonl"))) == 1
    assert home.listed()["p/r"]["aliases"] == ["q/ranks"]
    assert home.listed()["p/r"]["status"] == "completed"


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("tracker.finish('completed')", "completed", 0),
        ("tracker.finish('failed')", "failed", 0),
        ("tracker.finish('cancelled')", "cancelled", 0),
        ("tracker.finish('completed'); raise SystemExit(3)", "failed", 3),
        ("tracker.finish('cancelled'); raise SystemExit(3)", "failed", 3),
        ("raise SystemExit(3)", "failed", 3),
        ("1 / 0", "failed", 1),
    ],
)
def test_the_worse_of_the_exit_code_and_the_trackers_word_is_the_status(
    home: Home, ending: str, status: str, code: int
) -> None:
    run = supervised(home, f"from mlterm import Tracker\ntracker = Tracker()\n{ending}")
    (finish,) = [record for record in run.of_type("finish") if "_source" not in record]
    assert (finish["status"], finish["exit_code"]) == (status, code)
    assert home.listed()["p/r"]["status"] == status
    told = [record for record in run.of_type("finish") if "_source" in record]
    if "tracker.finish" in ending:
        assert [record["status"] for record in told] == [ending.split("'")[1]]
    if ending == "1 / 0":
        assert "ZeroDivisionError" in told[0]["traceback"]


def test_a_helper_script_that_dies_does_not_spoil_a_run_that_went_on_without_it(home: Home) -> None:
    run = supervised(
        home,
        """
        import subprocess, sys
        helper = "from mlterm import Tracker; Tracker().log(value=1); 1 / 0"
        subprocess.run([sys.executable, "-c", helper])
        """,
    )
    assert values(run) == [1]
    assert home.listed()["p/r"]["status"] == "completed"


def test_what_a_run_has_left_behind_in_the_environment_is_no_run_to_join(home: Home) -> None:
    run = supervised(home, "import os, json\nprint(json.dumps(dict(os.environ)))")
    import json

    stale = json.loads(run.output)
    done = subprocess.run(
        [sys.executable, "-c", "from mlterm import Tracker; print(Tracker().path)"],
        cwd=home.path, env=stale, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.strip() != str(run.path)
    assert "finish" in run.records[-1]["type"]


def test_the_supervisor_may_die_and_come_back_while_the_tracker_logs(home: Home) -> None:
    words = home.script(
        "from mlterm import Tracker\ntracker = Tracker()\ntracker.log(value=1)\n"
        "print('READY', flush=True)\n"
        "import os, time\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "tracker.log(value=2)"
    )
    run = home.detached(*words)
    wait_until(lambda: values(run) == [1], "the first record")
    home.part("keeper").kill()
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"
    assert values(run) == [1, 2]
    assert os.path.exists(run.folder)


def test_what_was_lost_is_told_also_where_the_exit_code_tells_the_end(home: Home) -> None:
    run = supervised(
        home,
        """
        from mlterm import Tracker
        from mlterm.tracker import background
        background.QUEUE_RECORDS = 0
        tracker = Tracker(background=True)
        for step in range(7): tracker.log(value=step)
        """,
    )
    (told,) = [record for record in run.of_type("finish") if "_source" in record]
    assert told["lost_records"] == 7
    assert home.listed()["p/r"]["status"] == "completed"
