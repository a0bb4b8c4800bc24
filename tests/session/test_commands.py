"""mlterm stop, wait, logs and list-runs, and the names by which runs are meant."""

import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import Home, Run, wait_until

ENDLESS = ("sh", "-c", "echo READY; exec sleep 1000")


def ready(home: Home, *command: str, run_id: str = "r") -> Run:
    """A detached run that has said its first word."""
    run = home.detached(*command, run_id=run_id)
    wait_until(lambda: run.output, "the job's first word")
    return run


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def write_run(home: Home, name: str, *lines: dict[str, Any] | str | bytes) -> Path:
    """A run file as somebody's editor, another program or an accident has left it."""
    home.logs.mkdir(exist_ok=True)
    path = home.logs / f"{name}.jsonl"
    with path.open("wb") as file:
        for line in lines:
            text = json.dumps(line) if isinstance(line, dict) else line
            file.write(text if isinstance(text, bytes) else text.encode())
            if isinstance(line, dict):
                file.write(b"\n")
    return path


def began(project: str, run_id: str, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """A ``run`` record."""
    head = {"timestamp": f"2026-01-01T10:{minute:02}:00+00:00", "type": "run", "schema": 1}
    return head | {"project": project, "run_id": run_id} | fields


def ended(code: int = 0, minute: int = 1, **fields: Any) -> dict[str, Any]:
    """A ``finish`` record."""
    head = {"timestamp": f"2026-01-01T10:{minute:02}:00+00:00", "type": "finish"}
    status = "failed" if code else "completed"
    return head | {"status": status, "exit_code": code, "signal": None} | fields


def listed(home: Home, *args: str) -> list[dict[str, Any]]:
    done = home.mlterm("list-runs", "--json", *args, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def names(runs: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{run['project']}/{run['run_id']}" for run in runs]


# stop


def test_stop_interrupts_first_and_the_run_is_cancelled(home: Home) -> None:
    run = ready(home, *ENDLESS)
    done = home.mlterm("stop", "r", check=True)
    assert b"p/r cancelled" in done.stderr
    finish = run.finish
    assert (finish["status"], finish["signal"]) == ("cancelled", "SIGINT")
    assert finish["exit_code"] is None
    assert "mlterm stop" in finish["reason"]


@pytest.mark.parametrize(
    ("ignored", "killer"),
    [("INT", "SIGTERM"), ("INT TERM", "SIGKILL")],
)
def test_stop_climbs_the_ladder_until_the_job_is_gone(
    home: Home, ignored: str, killer: str
) -> None:
    run = ready(home, "sh", "-c", f"trap '' {ignored}; echo READY; exec sleep 1000")
    home.mlterm("stop", "--grace", "0.3", "r", check=True)
    assert (run.finish["status"], run.finish["signal"]) == ("cancelled", killer)


def test_a_job_that_cleans_up_when_stopped_is_cancelled_with_its_own_code(home: Home) -> None:
    script = "trap 'echo saved; exit 0' INT; echo READY; while :; do sleep 0.01; done"
    run = ready(home, "sh", "-c", script)
    home.mlterm("stop", "r", check=True)
    assert (run.finish["status"], run.finish["exit_code"]) == ("cancelled", 0)
    assert run.output == b"READY\nsaved\n"


def test_stop_begins_with_the_signal_that_it_is_given(home: Home) -> None:
    script = """
import signal
def end(*_):
    print("checkpoint", flush=True)
    raise SystemExit(4)
signal.signal(signal.SIGUSR1, end)
print("READY", flush=True)
while True: signal.pause()
"""
    run = ready(home, sys.executable, "-c", script)
    home.mlterm("stop", "--signal", "usr1", "r", check=True)
    assert (run.finish["status"], run.finish["exit_code"]) == ("cancelled", 4)
    assert run.output == b"READY\ncheckpoint\n"


def test_stop_with_kill_asks_nobody(home: Home) -> None:
    run = ready(home, "sh", "-c", "trap 'echo asked' INT TERM; echo READY; exec sleep 1000")
    home.mlterm("stop", "--signal", "SIGKILL", "r", check=True)
    assert run.finish["signal"] == "SIGKILL"
    assert run.output == b"READY\n"


def test_stop_refuses_a_signal_that_there_is_not(home: Home) -> None:
    run = ready(home, *ENDLESS)
    done = home.mlterm("stop", "--signal", "STOPP", "r")
    assert done.returncode == 2
    assert b"there is no signal 'STOPP'" in done.stderr
    assert run.of_type("finish") == []


@pytest.mark.linux
def test_stop_ends_sessions_of_their_own_and_orphans(home: Home) -> None:
    """As torchrun starts its ranks; one has even lost the run's environment."""
    script = """
setsid sh -c 'echo $$ >>pids; exec sleep 1000' &
( setsid sh -c 'echo $$ >>pids; trap "" INT; exec sleep 1000' & )
( env -i PATH="$PATH" setsid sh -c 'echo $$ >>pids; exec sleep 1000' & )
echo $$ >>pids; echo READY; exec sleep 1000
"""
    run = ready(home, "sh", "-c", script)
    everybody = wait_until(lambda: len(found := pids(home.path / "pids")) == 4 and found)
    home.mlterm("stop", "--grace", "0.3", "r", check=True)
    assert all(map(gone, everybody))
    assert run.finish["status"] == "cancelled"


def test_stop_interrupts_every_process_once(home: Home) -> None:
    """A second SIGINT within a rung would break into Python's own cleaning up."""
    code = """
import time
print("READY", flush=True)
try:
    time.sleep(1000)
finally:
    time.sleep(0.3)
    print("saved", flush=True)
"""
    run = ready(home, sys.executable, "-c", code)
    home.mlterm("stop", "r", check=True)
    assert run.finish["status"] == "cancelled"
    assert b"saved\n" in run.output
    assert run.output.count(b"KeyboardInterrupt") == 1


@pytest.mark.linux
def test_stop_leaves_mlterms_own_processes_alone(home: Home) -> None:
    """They have work to do after the job's end."""
    home.environ["SPT_NOENV"] = "1"  # setproctitle leaves the environment where ps(1) reads it
    script = "trap '' INT; trap 'echo TERM' TERM; echo READY; while :; do sleep 0.01; done"
    run = ready(home, "sh", "-c", script)
    parts = {part: home.part(part).pid for part in ("guard", "keeper", "observer")}
    stopping = home.start("stop", "--grace", "0.5", "r")
    wait_until(lambda: b"TERM" in run.output, "the second signal, when all have had the first")
    for part, pid in parts.items():
        assert {process.pid for process in home.parts(part)} <= {pid}
    stopping.communicate()
    assert run.finish["signal"] == "SIGKILL"


def test_stop_ends_a_job_that_stands_still(home: Home) -> None:
    run = ready(home, *ENDLESS)
    process = psutil.Process(run.start["pid"])
    process.suspend()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    home.mlterm("stop", "r", check=True)
    assert (run.finish["status"], run.finish["signal"]) == ("cancelled", "SIGINT")


def test_stop_of_an_ended_run_says_so_and_is_content(home: Home) -> None:
    assert home.detached("sh", "-c", "exit 3").finish["exit_code"] == 3
    wait_until(lambda: home.mlterm("list-runs", "--live", "--json").stdout == b"")
    done = home.mlterm("stop", "r", check=True)
    assert b"p/r has ended already (failed)" in done.stderr


def test_stop_ends_several_runs_at_once(home: Home) -> None:
    runs = [ready(home, *ENDLESS, run_id=name) for name in ("one", "two")]
    done = home.mlterm("stop", "one", "two", check=True)
    assert b"p/one cancelled" in done.stderr
    assert b"p/two cancelled" in done.stderr
    assert [run.finish["status"] for run in runs] == ["cancelled", "cancelled"]


def test_stop_of_an_unknown_run_stops_none_of_the_others(home: Home) -> None:
    run = ready(home, *ENDLESS)
    done = home.mlterm("stop", "r", "nobody")
    assert done.returncode == 1
    assert run.of_type("finish") == []


@pytest.mark.linux
def test_stop_works_without_a_keeper_that_answers(home: Home) -> None:
    """A keeper that hangs is no reason to let a job go on."""
    home.environ["SPT_NOENV"] = "1"
    run = ready(home, *ENDLESS)
    keeper = home.part("keeper")  # back in its loop: it looks after its socket when it begins
    wait_until(lambda: keeper.status() == psutil.STATUS_SLEEPING, "the keeper to wait")
    for path in (home.path / "run" / "mlterm").glob("*.sock"):
        path.unlink()
    done = home.mlterm("stop", "r", check=True)
    assert b"does not answer" in done.stderr
    assert run.finish["signal"] == "SIGINT"


# wait


def test_wait_exits_with_the_code_of_the_run_when_it_ends(home: Home) -> None:
    run = home.detached("sh", "-c", "until [ -e go ]; do sleep 0.01; done; exit 7")
    waiting = home.start("wait", "r")
    assert home.mlterm("wait", "--timeout", "0.1", "r").returncode == 124
    (home.path / "go").touch()
    assert waiting.communicate() == (b"", b"")
    assert waiting.returncode == 7 == run.finish["exit_code"]


@pytest.mark.parametrize(("word", "code"), [("r", 0), ("killed", 128 + 9), ("unknown", 125)])
def test_wait_for_an_ended_run_exits_with_its_code(home: Home, word: str, code: int) -> None:
    write_run(home, "p_r", began("p", "r"), ended(0))
    write_run(home, "p_killed", began("p", "killed"), ended(0, exit_code=None, signal="SIGKILL"))
    write_run(home, "p_unknown", began("p", "unknown"), ended(1, exit_code=None))
    assert home.mlterm("wait", word).returncode == code


def test_wait_for_several_exits_with_the_last_failure(home: Home) -> None:
    for name, code in (("good", 0), ("bad", 3), ("worse", 4)):
        write_run(home, f"p_{name}", began("p", name), ended(code))
    assert home.mlterm("wait", "good").returncode == 0
    assert home.mlterm("wait", "bad", "good").returncode == 3
    assert home.mlterm("wait", "good", "bad", "worse", "good").returncode == 4


def test_wait_gives_up_with_124_and_says_for_whom(home: Home) -> None:
    run = ready(home, *ENDLESS)
    done = home.mlterm("wait", "--timeout", "0.2s", "r")
    assert done.returncode == 124
    assert b"p/r is still running" in done.stderr
    assert run.of_type("finish") == []


def test_wait_for_a_lost_run_is_125_in_words(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"))
    done = home.mlterm("wait", "r")
    assert done.returncode == 125
    assert b"p/r was lost" in done.stderr


# logs

BINARY = bytes(range(256)) * 300 + b"\r\n\x1b[31mred\x1b[0m\nno newline at the end"


def ended_with_output(home: Home, output: bytes) -> None:
    """Run r, whose output was this."""
    write_run(home, "p_r", began("p", "r"), ended())
    folder = home.logs / "p_r"
    folder.mkdir()
    (folder / "output.log").write_bytes(output)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, b""), (1, b"5\n"), (2, b"4\n5\n"), (5, b"1\n2\n3\n4\n5\n"), (99, b"1\n2\n3\n4\n5\n")],
)
def test_logs_tail_prints_the_last_lines(home: Home, count: int, shown: bytes) -> None:
    ended_with_output(home, b"1\n2\n3\n4\n5\n")
    assert home.mlterm("logs", "--tail", str(count), "r", check=True).stdout == shown


def test_logs_tail_counts_a_line_that_is_not_finished(home: Home) -> None:
    ended_with_output(home, b"x" * 1_000_000 + b"\n2\n3")
    assert home.mlterm("logs", "--tail", "1", "--raw", "r", check=True).stdout == b"3"
    assert home.mlterm("logs", "--tail", "2", "--raw", "r", check=True).stdout == b"2\n3"
    assert len(home.mlterm("logs", "--tail", "3", "--raw", "r").stdout) == 1_000_004


def test_logs_raw_prints_the_bytes_as_they_were_written(home: Home) -> None:
    (home.path / "binary").write_bytes(BINARY)
    assert home.detached("cat", "binary").finish["exit_code"] == 0
    assert home.mlterm("logs", "--raw", "r", check=True).stdout == BINARY


def test_logs_follow_ends_with_the_run(home: Home) -> None:
    script = "echo READY; until [ -e go ]; do sleep 0.01; done; seq 100000; exit 3"
    run = ready(home, "sh", "-c", script)
    following = home.start("logs", "-f", "r")
    assert following.stdout is not None
    assert following.stdout.read(6) == b"READY\n"
    (home.path / "go").touch()
    rest = following.stdout.read()
    assert following.communicate()[1] == b""
    assert following.returncode == 0
    assert b"READY\n" + rest == run.output
    assert run.output.endswith(b"\n100000\n")


def test_logs_without_follow_does_not_wait_for_the_end(home: Home) -> None:
    run = ready(home, *ENDLESS)
    assert home.mlterm("logs", "r", check=True).stdout == b"READY\n"
    assert run.of_type("finish") == []


HOSTILE_OUTPUT = (
    b"plain\ttab\n"
    b"\x1b[31mred\x1b[0m\n"
    b"\x1b]0;title\x07titled\n"
    b"\x1b[2J\x1b[Hcleared\n"
    b"bell\x07 nul\x00 del\x7f\n"
    b"\xc2\x9b31mC1\n"
    b"10%\r20%\r100%\n"
    b"last \x1b[3"
)


def test_logs_removes_every_escape_sequence_where_it_is_piped(home: Home) -> None:
    ended_with_output(home, HOSTILE_OUTPUT)
    shown = home.mlterm("logs", "r", check=True).stdout
    assert shown == b"plain\ttab\nred\ntitled\ncleared\nbell nul del\nC1\n100%\nlast "


def test_logs_keeps_colours_alone_on_a_terminal(home: Home) -> None:
    ended_with_output(home, HOSTILE_OUTPUT + b"\n\x1b[32mgreen and open")
    terminal = home.terminal("logs", "r")
    terminal.expect("plain\ttab\r\n\x1b[31mred\x1b[0m\r\ntitled\r\ncleared\r\nbell nul del\r\n")
    terminal.expect("C1\r\n100%\r\nlast \r\n\x1b[32mgreen and open\x1b[0m")
    assert terminal.wait() == 0


def test_logs_of_a_run_without_output_says_so(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    done = home.mlterm("logs", "r")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"p/r has no output here" in done.stderr


def test_logs_ends_quietly_when_its_reader_has_seen_enough(home: Home) -> None:
    run = ready(home, "sh", "-c", "seq 300000; exec sleep 1000")
    following = home.start("logs", "-f", "r")
    assert following.stdout is not None
    assert following.stdout.read(2) == b"1\n"
    following.stdout.close()
    assert following.wait() == 128 + signal.SIGPIPE
    assert following.stderr is not None
    assert following.stderr.read() == b""
    following.stderr.close()
    assert run.of_type("finish") == []


EVIL = "\x1b]0;owned\x07\x1b[2J\u202eevil\u009b31m\nError: forged"


def harmless(shown: bytes) -> bool:
    """Whether a terminal would only show these words, none of them on a line of its own."""
    text = shown.decode()
    tricks = {"\x1b", "\x07", "\u202e", "\u009b"}
    return not tricks & set(text) and "\nError: forged" not in text


@pytest.mark.parametrize("command", ["logs", "attach", "stop", "wait"])
@pytest.mark.parametrize("word", [EVIL, f"{EVIL}.jsonl"])
def test_names_that_nobody_has_are_shown_harmless(home: Home, command: str, word: str) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    done = home.mlterm(command, word)
    assert done.returncode == 1
    assert b"evil" in done.stderr
    assert harmless(done.stderr)


@pytest.mark.parametrize("options", [(), ("--project", EVIL)], ids=["all", "one project"])
def test_lists_show_hostile_names_harmless(home: Home, options: tuple[str, ...]) -> None:
    write_run(home, "p_r", began(EVIL, EVIL), ended())
    write_run(home, "p_s", began(EVIL, "s"), ended(signal=EVIL, status="failed"))
    done = home.mlterm("list-runs", *options, check=True)
    assert done.stdout.count(b"owned") >= 3
    assert harmless(done.stdout)


@pytest.mark.parametrize("command", ["logs", "attach", "stop", "wait"])
def test_hostile_names_in_a_run_file_are_shown_harmless(home: Home, command: str) -> None:
    done = home.mlterm(command, write_run(home, "p_r", began("p", EVIL)))
    assert b"owned" in done.stderr
    assert harmless(done.stderr)


def test_a_hostile_reason_is_shown_harmless(home: Home) -> None:
    done = home.mlterm("attach", write_run(home, "p_r", began("p", "r"), ended(1, reason=EVIL)))
    assert (done.returncode, b"owned" in done.stderr) == (1, True)
    assert harmless(done.stderr)


def test_candidates_with_hostile_names_are_shown_harmless(home: Home) -> None:
    for number in range(2):
        write_run(home, f"p_{number}", began("p", f"r{number}{EVIL}"), ended())
    done = home.mlterm("wait", "r")
    assert done.returncode == 2
    assert done.stderr.count(b"owned") >= 2
    assert harmless(done.stderr)


# list-runs


def test_list_runs_shows_a_table_of_live_and_ended_runs(home: Home) -> None:
    write_run(home, "p_bad", began("p", "bad"), ended(3, duration_seconds=75.0))
    write_run(home, "p_lost", began("p", "lost", minute=2))
    killed = ended(1, exit_code=None, signal="SIGKILL")
    write_run(home, "p_cut", began("p", "cut", minute=3), killed)
    ready(home, *ENDLESS)
    done = home.mlterm("list-runs", check=True)
    heading, *rows = (line.split() for line in done.stdout.decode().splitlines())
    assert heading == ["RUN", "STATUS", "AGE", "DURATION", "EXIT"]
    assert [row[:2] for row in rows] == [
        ["p/bad", "failed"],
        ["p/lost", "lost"],
        ["p/cut", "failed"],
        ["p/r", "running"],
    ]
    assert rows[0][-1] == "3"
    assert "1m15s" in "".join(rows[0]).replace("min", "m")
    assert rows[2][-1] == "SIGKILL"
    assert "ago" in rows[0]


def test_ls_is_list_runs(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    one, two = home.mlterm("ls", check=True), home.mlterm("list-runs", check=True)
    assert one.stdout == two.stdout


def test_list_runs_json_tells_all_of_an_ended_run(home: Home) -> None:
    done = home.mlterm(
        "run", "-q", "--project", "digits", "--run-id", "r", "--tag", "who=me", "--tag", "why=",
        "--", "sh", "-c", "exit 1", "--lr", "0.1", "--epochs=3",
    )  # fmt: skip
    assert done.returncode == 1
    (run,) = listed(home)
    assert set(run) >= {
        "project", "run_id", "aliases", "status", "started", "ended", "duration_seconds",
        "exit_code", "signal", "host", "path", "hyperparameters", "tags", "metrics",
    }  # fmt: skip
    assert (run["project"], run["run_id"], run["aliases"]) == ("digits", "r", [])
    assert (run["status"], run["exit_code"], run["signal"]) == ("failed", 1, None)
    assert run["started"] < run["ended"]
    assert isinstance(run["duration_seconds"], float)
    assert run["host"] == os.uname().nodename
    assert run["path"] == str(home.logs / "digits_r.jsonl")
    assert run["hyperparameters"] == {"lr": 0.1, "epochs": 3}
    assert run["tags"] == {"who": "me", "why": ""}
    assert run["metrics"] == {}


def test_list_runs_json_folds_metrics(home: Home) -> None:
    losses = [2.0, 0.5, "NaN", 1.5]
    metrics = [{"timestamp": "t", "type": "metrics", "epoch": 1, "loss": x} for x in losses]
    write_run(home, "p_r", began("p", "r"), *metrics, ended())
    (run,) = listed(home)
    loss = run["metrics"]["loss"]
    assert (loss["first"], loss["last"], loss["min"], loss["max"]) == (2.0, 1.5, 0.5, 2.0)
    assert loss["count"] == 4
    assert loss["mean"] == pytest.approx(4 / 3)
    assert set(run["metrics"]) == {"loss"}


def test_list_runs_live_shows_the_live_ones_of_every_folder(home: Home) -> None:
    write_run(home, "p_old", began("p", "old"), ended())
    ready(home, *ENDLESS, run_id="here")
    other = home.path / "other"
    names_ = ("--project", "q", "--run-id", "there")
    home.mlterm("run", "-d", "--log-dir", other, *names_, "--", *ENDLESS, check=True)
    assert names(listed(home, "--live")) == ["p/here", "q/there"]
    assert names(listed(home, "--live", "--project", "q")) == ["q/there"]
    assert names(listed(home)) == ["p/old", "p/here"]
    home.mlterm("stop", "here", "there", check=True)
    assert listed(home, "--live") == []


def test_list_runs_of_one_project(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    write_run(home, "q_r", began("q", "r"), ended())
    assert names(listed(home, "--project", "q")) == ["q/r"]


@pytest.mark.parametrize(
    "args",
    [("list-runs",), ("list-runs", "--json"), ("logs", "r"), ("attach", "r"), ("stop", "r"),
     ("wait", "r"), ("wait", "@last")],
    ids=" ".join,
)  # fmt: skip
def test_a_project_that_is_not_there_is_answered_with_those_that_are(
    home: Home, args: tuple[str, ...]
) -> None:
    write_run(home, "cats_r", began("cats", "r"), ended())
    write_run(home, "dogs_r", began("dogs", "r"), ended())
    done = home.mlterm(*args, "--project", "digits")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Error: No log file found for project 'digits'")
    assert b"cats, dogs" in done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_a_log_folder_without_runs_is_an_error_that_names_it(home: Home, there: bool) -> None:
    if there:
        home.logs.mkdir()
    done = home.mlterm("list-runs")
    assert (done.returncode, done.stdout) == (1, b"")
    assert str(home.logs).encode() in done.stderr
    assert b"--log-dir" in done.stderr


def test_the_log_folder_is_taken_from_option_or_environment(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir()
    given = home.mlterm("list-runs", "--log-dir", home.logs, cwd=elsewhere, check=True)
    assert b"p/r" in given.stdout
    home.environ["MLTERM_LOG_DIR"] = str(home.logs)
    assert b"p/r" in home.mlterm("list-runs", cwd=elsewhere, check=True).stdout


# The names of runs


@pytest.mark.parametrize(
    "word",
    ["train-2", "digits/train-2", "train-2-long", "digits/train-2-l", "unrel", "nickname", "nick"],
)
def test_a_run_is_meant_by_its_names_and_their_unique_beginnings(home: Home, word: str) -> None:
    for number, (name, code) in enumerate({"train-1": 1, "train-2": 2, "train-2-long": 3}.items()):
        write_run(home, f"digits_{name}", began("digits", name, number), ended(code))
    head = began("digits", "unrelated", 5, aliases=["nickname"])
    write_run(home, "digits_unrelated", head, ended(4))
    code = {"train-2": 2, "digits/train-2": 2, "train-2-long": 3, "digits/train-2-l": 3}
    assert home.mlterm("wait", word).returncode == code.get(word, 4)


def test_a_run_is_meant_by_the_path_of_its_file_from_anywhere(home: Home) -> None:
    path = write_run(home, "p_r", began("p", "r"), ended(5))
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir()
    assert home.mlterm("wait", path, cwd=elsewhere).returncode == 5
    assert home.mlterm("wait", "../logs/p_r.jsonl", cwd=elsewhere).returncode == 5
    missing = home.mlterm("wait", "../logs/p_s.jsonl", cwd=elsewhere)
    assert missing.returncode == 1
    assert b"cannot read ../logs/p_s.jsonl" in missing.stderr


def test_last_is_the_run_that_began_last(home: Home) -> None:
    write_run(home, "p_z", began("p", "z", minute=1), ended(1))
    write_run(home, "p_a", began("p", "a", minute=9), ended(2))
    write_run(home, "q_b", began("q", "b", minute=5), ended(3))
    assert home.mlterm("wait", "@last").returncode == 2
    assert home.mlterm("wait", "@last", "--project", "q").returncode == 3


@pytest.mark.parametrize("word", ["tr", "train-", "digits/train"])
def test_an_ambiguous_beginning_lists_the_candidates(home: Home, word: str) -> None:
    for name in ("train-1", "train-2", "other"):
        write_run(home, f"digits_{name}", began("digits", name), ended())
    done = home.mlterm("wait", word)
    assert done.returncode == 2
    for candidate in (b"digits/train-1", b"digits/train-2"):
        assert candidate in done.stderr
    assert b"other" not in done.stderr


def test_a_run_id_of_two_projects_is_ambiguous_until_one_is_named(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended(1))
    write_run(home, "q_r", began("q", "r"), ended(2))
    done = home.mlterm("wait", "r")
    assert done.returncode == 2
    assert b"p/r" in done.stderr
    assert b"q/r" in done.stderr
    assert home.mlterm("wait", "q/r").returncode == 2
    assert home.mlterm("wait", "--project", "p", "r").returncode == 1


def test_a_misspelt_run_is_answered_with_the_nearest(home: Home) -> None:
    write_run(home, "p_resnet", began("p", "resnet-50"), ended())
    done = home.mlterm("wait", "resnet-5O")
    assert done.returncode == 1
    assert b"did you mean resnet-50" in done.stderr


def test_names_come_from_the_record_and_not_from_the_file(home: Home) -> None:
    write_run(home, "renamed", began("a_b", "c_d"), ended(6))
    assert names(listed(home)) == ["a_b/c_d"]
    assert home.mlterm("wait", "a_b/c_d").returncode == 6


# Files that are not as they should be


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("digits_run_001", "digits/run_001"),
        ("my_project_exp2", "my_project/exp2"),
        ("cats_trial_7", "cats/trial_7"),
        ("cats_and_dogs", "cats_and/dogs"),
        ("alone", "alone/alone"),
    ],
)
def test_files_of_the_first_mlterm_are_listed_by_their_names(
    home: Home, stem: str, name: str
) -> None:
    metrics = {"timestamp": "2025-01-01T00:00:00", "type": "metrics", "epoch": 1, "loss": 0.5}
    write_run(home, stem, metrics)
    (run,) = listed(home)
    assert names([run]) == [name]
    assert run["metrics"]["loss"]["last"] == 0.5
    assert run["started"] == "2025-01-01T00:00:00"
    assert home.mlterm("list-runs", check=True).stdout.count(b"\n") == 2


def test_a_project_that_is_asked_for_owns_the_files_that_begin_with_it(home: Home) -> None:
    write_run(home, "my_project_a_b", {"type": "metrics", "loss": 1.0})
    assert names(listed(home, "--project", "my_project")) == ["my_project/a_b"]


METRICS = {"timestamp": "t", "type": "metrics", "loss": 0.25}


@pytest.mark.parametrize(
    "broken",
    [
        '{"timestamp": "t", "type": "met\n',
        "not json at all\n",
        "\n\n\n",
        "[1, 2, 3]\n42\nnull\n",
        b"\xff\xfe\x00\n",
        "x" * 200_000 + "\n",
        '{"type": 5}\n{"no": "type"}\n',
        '{"type": "unheard of", "timestamp": {}}\n',
    ],
    ids=["torn", "text", "empty", "no objects", "binary", "long", "typeless", "unknown"],
)
def test_a_broken_line_in_the_middle_costs_only_itself(home: Home, broken: str | bytes) -> None:
    write_run(home, "p_r", began("p", "r"), METRICS, broken, METRICS, ended(3))
    (run,) = listed(home)
    assert (names([run]), run["status"], run["exit_code"]) == (["p/r"], "failed", 3)
    assert run["metrics"]["loss"]["count"] == 2
    assert home.mlterm("wait", "r").returncode == 3


@pytest.mark.parametrize("torn", ['{"timestamp": "t", "type": "fin', "\x00" * 4096, "{"])
def test_a_torn_last_line_is_no_error(home: Home, torn: str) -> None:
    write_run(home, "p_r", began("p", "r"), METRICS, torn)
    (run,) = listed(home)
    assert (run["status"], run["metrics"]["loss"]["count"]) == ("lost", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": ["a"]}, {"tags": "a"}, {"aliases": 5}, {"aliases": [1, None]}, {"host": 7},
        {"timestamp": 5}, {"timestamp": "no time"}, {"project": None}, {"run_id": 3},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_run_record_of_wrong_types_does_not_hide_the_other_runs(
    home: Home, fields: dict[str, Any]
) -> None:
    write_run(home, "p_good", began("p", "good", minute=9), ended())
    write_run(home, "p_odd", began("p", "odd") | fields, ended())
    assert "p/good" in names(listed(home))


@pytest.mark.parametrize(
    "fields",
    [
        {"duration_seconds": "long"}, {"exit_code": "three"}, {"signal": 9}, {"metrics": [1]},
        {"reason": {}}, {"timestamp": None}, {"signal": "SIGNOTHING"},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_finish_record_of_wrong_types_does_not_hide_the_other_runs(
    home: Home, fields: dict[str, Any]
) -> None:
    write_run(home, "p_good", began("p", "good", minute=9), ended())
    write_run(home, "p_odd", began("p", "odd"), ended() | fields)
    assert "p/good" in names(listed(home))
    assert b"p/good" in home.mlterm("list-runs", check=True).stdout
    odd = home.mlterm("wait", "odd")
    assert b"Traceback" not in odd.stderr


def test_a_finish_of_a_joined_tracker_ends_nothing(home: Home) -> None:
    tracker = ended(0) | {"_source": "tracker"}
    write_run(home, "p_r", began("p", "r"), tracker)
    assert listed(home)[0]["status"] == "lost"
    write_run(home, "p_r", began("p", "r"), ended(3), tracker)
    assert (listed(home)[0]["status"], home.mlterm("wait", "r").returncode) == ("failed", 3)


def test_the_status_of_a_resumed_run_is_that_of_its_last_part(home: Home) -> None:
    padding = [METRICS] * 3000  # so that the parts lie far apart
    write_run(home, "p_r", began("p", "r"), ended(3), *padding, began("p", "r", 5), *padding)
    assert listed(home)[0]["status"] == "lost"
    write_run(
        home, "p_r", began("p", "r"), ended(3), *padding, began("p", "r", 5), *padding, ended(0, 6)
    )
    (run,) = listed(home)
    assert (run["status"], run["exit_code"]) == ("completed", 0)


def test_a_folder_in_the_place_of_a_run_file_is_passed_over(home: Home) -> None:
    write_run(home, "p_r", began("p", "r"), ended())
    (home.logs / "strange.jsonl").mkdir()
    (home.logs / "dangling.jsonl").symlink_to("nowhere")
    assert names(listed(home)) == ["p/r"]


def test_an_unknown_command_is_answered_with_the_nearest(home: Home) -> None:
    done = home.mlterm("list-run")
    assert done.returncode == 2
    assert b"Did you mean 'list-runs'" in done.stderr
