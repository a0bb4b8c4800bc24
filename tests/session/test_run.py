"""mlterm run: a command under supervision, seen from the caller's side."""

import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.support import PATIENCE, Home, Run, started, stream, wait_until

NAMED = ("--project", "p", "--run-id", "r")
UNTIL_GO = "while [ ! -e go ]; do sleep 0.02; done"
RULE = b"letters, digits and . _ - only, not starting with a dot"


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"  # setproctitle: leave /proc/PID/environ as it was


def go(home: Home) -> None:
    """Let a command that is in UNTIL_GO go on."""
    (home.path / "go").touch()


def command_of(run: Run) -> psutil.Process:
    return psutil.Process(run.start["pid"])


# --- Exit codes ---------------------------------------------------------------------------


@pytest.mark.timeout(300)  # 7 s on two idle cores; a loaded machine is no failure
def test_exit_codes_come_through(home: Home) -> None:
    """Every fourth, and those that shells and signals give a meaning; tests/unit/test_lifecycle.py
    reads all 256 of wait statuses."""
    codes = sorted({*range(0, 256, 4), *range(4), *range(123, 132), 137, 143, *range(250, 256)})

    def told(code: int) -> tuple[int, int | None]:
        names = ("--project", "p", "--run-id", str(code))
        done = home.mlterm("run", "-q", *names, "--", "sh", "-c", f"exit {code}")
        return done.returncode, home.run("p", str(code)).finish["exit_code"]

    with ThreadPoolExecutor(4) as pool:
        assert dict(zip(codes, pool.map(told, codes), strict=True)) == {n: (n, n) for n in codes}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),  # which may dump core: another bit of the wait status
        (13, "SIGPIPE"),
        (15, "SIGTERM"),
        (signal.SIGRTMIN + 1, "SIGRTMIN+1"),
    ],
)
def test_death_by_a_signal_is_128_and_its_number(home: Home, number: int, name: str) -> None:
    done = home.mlterm("run", *NAMED, "--", "sh", "-c", f"ulimit -c 0; kill -{number} $$")
    assert done.returncode == 128 + number
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"], finish["signal"]) == ("failed", None, name)
    assert name.encode() in done.stderr
    assert home.mlterm("wait", "p/r").returncode == 128 + number


def test_a_missing_command_is_127_and_leaves_a_failed_run_that_says_why(home: Home) -> None:
    done = home.mlterm("run", *NAMED, "--", "no-such-command")
    assert done.returncode == 127
    assert b"command not found: no-such-command" in done.stderr
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"]) == ("failed", 127)
    assert finish["reason"] == "command not found: no-such-command"
    assert home.run().start["argv"] == ["no-such-command"]
    assert home.mlterm("wait", "p/r").returncode == 127


@pytest.mark.parametrize("what", ["./notes.txt", "./folder"])
def test_what_is_not_executable_is_126_and_leaves_a_failed_run(home: Home, what: str) -> None:
    (home.path / "notes.txt").write_text("echo never\n")
    (home.path / "folder").mkdir()
    done = home.mlterm("run", *NAMED, "--", what)
    assert done.returncode == 126
    assert what.encode() in done.stderr
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"]) == ("failed", 126)
    assert what in finish["reason"]
    assert "Permission denied" in finish["reason"]


def test_a_log_folder_that_cannot_be_made_is_125_and_nothing_is_started(home: Home) -> None:
    (home.path / "taken").write_text("")
    done = home.mlterm("run", "--log-dir", "taken", "--", "touch", "started")
    assert done.returncode == 125
    assert str(home.path / "taken").encode() in done.stderr
    assert not (home.path / "started").exists()


def test_without_a_command_there_is_nothing_to_run(home: Home) -> None:
    assert home.mlterm("run", "--project", "p").returncode == 2
    assert home.mlterm("run", "--project", "p", "--").returncode == 2
    assert not home.logs.exists()


# --- Names --------------------------------------------------------------------------------

BAD_NAMES = ["", "a b", "a/b", "../a", ".a", "ä", "a\nb", "a\n", "a" * 129]


@pytest.mark.parametrize("option", ["--project", "--run-id"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_with_the_rule(home: Home, option: str, name: str) -> None:
    done = home.mlterm("run", option, name, "--", "touch", "started")
    assert done.returncode == 2
    assert RULE in done.stderr
    assert not (home.path / "started").exists()


def test_names_that_are_too_long_together_are_refused_with_the_rule(home: Home) -> None:
    project = "p" * 128
    done = home.mlterm("run", "--project", project, "--run-id", "r" * 73, "--", "touch", "started")
    assert done.returncode == 2
    assert RULE in done.stderr
    assert b"200 bytes" in done.stderr
    assert not (home.path / "started").exists()
    home.mlterm("run", "--project", project, "--run-id", "r" * 72, "--", "true", check=True)


@pytest.mark.parametrize("live", [True, False])
def test_two_pairs_of_names_that_share_a_file_are_refused_not_mixed(home: Home, live: bool) -> None:
    first = ("--project", "a", "--run-id", "b_c", "--", "sh", "-c", f"echo READY; {UNTIL_GO}")
    if not live:
        go(home)
    home.mlterm("run", "-d", *first, check=True)
    run = home.run("a", "b_c")
    wait_until(lambda: run.output, "the command's first word")
    if not live:
        assert run.finish
    before = run.path.read_bytes()
    for more in ((), ("--resume",)):
        second = ("--project", "a_b", "--run-id", "c", *more, "--", "touch", "started")
        done = home.mlterm("run", *second)
        assert done.returncode == 2
        for name in (b"'a'", b"'b_c'", b"'a_b'", b"'c'"):
            assert name in done.stderr
    assert run.path.read_bytes() == before
    assert not (home.path / "started").exists()
    go(home)


def test_a_run_id_in_use_by_a_live_run_is_refused(home: Home) -> None:
    run = home.detached("sh", "-c", UNTIL_GO)
    for more in ((), ("--resume",)):
        done = home.mlterm("run", *NAMED, *more, "--", "touch", "started")
        assert done.returncode == 2
        assert b"p/r is running" in done.stderr
    assert not (home.path / "started").exists()
    go(home)
    assert run.finish["status"] == "completed"
    assert len(run.of_type("run")) == 1


def test_the_run_id_of_an_ended_run_is_refused_without_resume(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "echo", "one", check=True)
    before = home.run().path.read_bytes()
    done = home.mlterm("run", *NAMED, "--", "echo", "two")
    assert done.returncode == 2
    assert b"--resume" in done.stderr
    assert home.run().path.read_bytes() == before
    assert home.run().output == b"one\n"


def test_resume_needs_a_run_id(home: Home) -> None:
    done = home.mlterm("run", "--resume", "--", "true")
    assert done.returncode == 2
    assert b"--run-id" in done.stderr


def test_resume_appends_a_part_whose_end_is_the_runs(home: Home) -> None:
    assert home.mlterm("run", *NAMED, "--", "sh", "-c", "echo one; exit 3").returncode == 3
    before = home.run().path.read_bytes()
    done = home.mlterm("run", *NAMED, "--resume", "--", "sh", "-c", "echo two; exit 0")
    assert (done.returncode, done.stdout) == (0, b"two\n")
    run = home.run()
    assert run.path.read_bytes().startswith(before)
    assert [record["type"] for record in run.records] == ["run", "finish", "run", "finish"]
    assert run.output == b"one\ntwo\n"
    listed = json.loads(home.mlterm("list-runs", "--json", check=True).stdout)
    assert (listed["status"], listed["exit_code"]) == ("completed", 0)
    assert home.mlterm("logs", "p/r", check=True).stdout == b"one\ntwo\n"
    attached = home.mlterm("attach", "p/r")
    assert (attached.returncode, attached.stdout) == (0, b"one\ntwo\n")
    assert home.mlterm("wait", "p/r").returncode == 0


def test_the_tail_of_a_resumed_part_is_that_parts(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "echo", "one", check=True)
    command = ("sh", "-c", "echo two; exit 4")
    assert home.mlterm("run", *NAMED, "--resume", "--", *command).returncode == 4
    assert home.run().finish["tail"] == "two"


def test_a_part_that_cannot_start_fails_a_resumed_run(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "echo", "one", check=True)
    assert home.mlterm("run", *NAMED, "--resume", "--", "no-such-command").returncode == 127
    assert home.mlterm("wait", "p/r").returncode == 127
    home.mlterm("run", *NAMED, "--resume", "--", "echo", "two", check=True)
    assert home.run().finish["status"] == "completed"
    assert home.run().output == b"one\ntwo\n"


def test_the_project_is_the_git_roots_name_else_the_folders(home: Home) -> None:
    plain, deep = home.path / "plain", home.path / "My Repo" / "src" / "deep"
    plain.mkdir()
    deep.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=home.path / "My Repo", env=home.environ, check=True)
    for folder, project in ((plain, "plain"), (deep, "My-Repo")):
        home.mlterm("run", "--log-dir", home.logs, "--", "true", cwd=folder, check=True)
        projects = [Run(path).start["project"] for path in home.logs.glob("*.jsonl")]
        assert project in projects


def test_the_run_id_is_the_scripts_name_and_a_sortable_time(home: Home) -> None:
    (home.path / "train.sh").write_text("exit 0\n")
    before = datetime.now().replace(microsecond=0)
    home.mlterm("run", "--", "sh", "./train.sh", check=True)
    script, time = home.only_run().start["run_id"].split("-", 1)
    assert script == "train"
    assert before <= datetime.strptime(time, "%Y%m%d-%H%M%S") <= datetime.now()


def test_runs_that_start_in_the_same_second_get_names_of_their_own(home: Home) -> None:
    def name(_: int) -> str:
        return home.mlterm("run", "-d", "--project", "p", "--", "true", check=True).stdout.decode()

    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(name, range(8)))
    assert len(set(names)) == 8
    assert all(re.fullmatch(r"p/true-\d{8}-\d{6}(-\d+)?\n", name) for name in names)
    runs = [home.run("p", name.strip().removeprefix("p/")) for name in names]
    assert [run.finish["status"] for run in runs] == ["completed"] * 8
    assert [len(run.of_type("run")) for run in runs] == [1] * 8


# --- Options ------------------------------------------------------------------------------


def test_tags_are_recorded_and_listed(home: Home) -> None:
    tags = ("--tag", "gpu=A100", "--tag", "note=x=y", "--tag", "empty=")
    home.mlterm("run", *tags, "--", "true", check=True)
    wanted = {"gpu": "A100", "note": "x=y", "empty": ""}
    assert home.only_run().start["tags"] == wanted
    assert json.loads(home.mlterm("list-runs", "--json").stdout)["tags"] == wanted


@pytest.mark.parametrize("tag", ["novalue", "=x"])
def test_a_tag_that_is_no_key_and_value_is_refused(home: Home, tag: str) -> None:
    done = home.mlterm("run", "--tag", tag, "--", "true")
    assert done.returncode == 2
    assert b"KEY=VALUE" in done.stderr
    assert not home.logs.exists()


def test_the_log_folder_is_the_options_else_the_environments(home: Home) -> None:
    environ = home.environ | {"MLTERM_LOG_DIR": "theirs"}
    home.mlterm("run", *NAMED, "--", "true", env=environ, check=True)
    home.mlterm("run", *NAMED, "--log-dir", "ours", "--", "true", env=environ, check=True)
    for folder in ("theirs", "ours"):
        run = Run(home.path / folder / "p_r.jsonl")
        assert run.finish["status"] == "completed"
    assert not home.logs.exists()


def test_detach_prints_the_name_and_returns_while_the_job_runs(home: Home) -> None:
    # Captured pipes are read to their end: nothing of mlterm's may hold them.
    done = home.mlterm("run", "-d", *NAMED, "--", "sh", "-c", f"echo READY; {UNTIL_GO}")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"p/r\n", b"")
    run = home.run()
    wait_until(lambda: run.output, "the command's first word")
    assert command_of(run).is_running()
    assert not run.of_type("finish")
    go(home)
    assert run.finish["status"] == "completed"


def test_detach_returns_at_once_inside_a_command_substitution(home: Home) -> None:
    script = 'out=$("$@" 2>&1); echo "<$out>"'
    command = home.command("run", "-d", *NAMED, "--", "sh", "-c", UNTIL_GO)
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command],
        cwd=home.path,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout == b"<p/r>\n"
    assert command_of(home.run()).is_running()
    go(home)


@pytest.mark.linux
def open_files(pid: int) -> set[str]:
    """What a process holds; one that it closes meanwhile is not among it."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(fd))
    return found


def test_the_supervisors_hold_none_of_the_callers_descriptors(home: Home) -> None:
    read, write = os.pipe()
    mine = {os.readlink(f"/proc/self/fd/{fd}") for fd in (read, write)}
    command = ("sh", "-c", f"echo READY; {UNTIL_GO}")
    pipes = {"stdin": read, "stdout": write, "stderr": write, "pass_fds": (read, write)}
    done = home.mlterm("run", "-d", *NAMED, "--", *command, **pipes)
    os.close(write)
    os.close(read)
    assert done.returncode == 0
    wait_until(lambda: home.run().output, "the command's first word")
    for part in ("guard", "keeper", "observer"):
        assert not mine & open_files(home.part(part).pid), part
    go(home)
    assert home.run().finish["status"] == "completed"


def test_a_detached_command_gets_the_callers_pipe_as_its_stdin(home: Home) -> None:
    lines = b"a\nb\n" * 1000
    done = home.mlterm("run", "-d", *NAMED, "--", "wc", "-l", input=lines)
    assert done.stdout == b"p/r\n"
    assert home.run().finish["exit_code"] == 0
    assert home.run().output.split() == [b"2000"]


def test_a_detached_command_gets_the_callers_file_as_its_stdin(home: Home) -> None:
    (home.path / "numbers").write_bytes(b"1\n2\n3\n")
    with (home.path / "numbers").open("rb") as file:
        home.mlterm("run", "-d", *NAMED, "--", "cat", stdin=file, check=True)
    assert home.run().finish["exit_code"] == 0
    assert home.run().output == b"1\n2\n3\n"


def test_without_a_pipe_a_detached_command_reads_what_is_typed(home: Home) -> None:
    home.detached("sh", "-c", "test -t 0 && echo READY; read x; echo got $x")
    terminal = home.terminal("attach", "p/r")
    terminal.expect("READY")
    terminal.send("hello\r")
    terminal.expect("got hello")
    assert terminal.wait() == 0


def test_a_timeout_climbs_to_kill_and_is_recorded_as_cancelled(home: Home) -> None:
    stubborn = "trap '' INT TERM; echo READY; while :; do sleep 0.1; done"
    limits = ("--timeout", "1s", "--grace", "0.2")
    done = home.mlterm("run", *NAMED, *limits, "--", "sh", "-c", stubborn)
    assert done.returncode == 128 + signal.SIGKILL
    finish = home.run().finish
    assert (finish["status"], finish["signal"]) == ("cancelled", "SIGKILL")
    assert "timeout" in finish["reason"]
    assert b"cancelled" in done.stderr


def test_a_timeout_that_the_command_obeys_is_cancelled_with_its_own_code(home: Home) -> None:
    script = "trap 'exit 7' INT; echo READY; while :; do sleep 0.1; done"
    done = home.mlterm("run", *NAMED, "--timeout", "0.5s", "--", "sh", "-c", script)
    assert done.returncode == 7
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"]) == ("cancelled", 7)
    assert "timeout" in finish["reason"]


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet_leaves_the_summary_out(home: Home, option: str) -> None:
    done = home.mlterm("run", option, "--", "sh", "-c", "echo out; exit 5")
    assert (done.returncode, done.stdout, done.stderr) == (5, b"out\n", b"")


def test_the_summary_tells_status_duration_code_metrics_and_files(home: Home) -> None:
    lines = [
        {"timestamp": f"2026-01-01T00:00:0{n}+00:00", "type": "metrics", "step": n, "loss": loss}
        for n, loss in enumerate([0.75, 0.125])
    ]
    (home.path / "lines").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ("sh", "-c", 'cat lines >> "$MLTERM_RUN_FILE"; echo out; exit 3')
    done = home.mlterm("run", *NAMED, "--", *command)
    assert done.stdout == b"out\n"
    words = done.stderr.decode()
    assert "p/r · failed · " in words
    assert re.search(r"· [0-9.]+ ?(ms|s) ·", words)
    assert "exit code 3" in words
    assert "loss 0.125" in words
    assert "0.75" not in words
    assert "logs/p_r.jsonl" in words
    assert "logs/p_r/output.log" in words
    assert "step" not in words


# --- Passing through ----------------------------------------------------------------------


def test_any_file_passes_through_byte_for_byte(home: Home) -> None:
    content = os.urandom(1_000_000)
    (home.path / "file").write_bytes(content)
    done = home.mlterm("run", "--plain", *NAMED, "--", "cat", "file")
    assert done.returncode == 0
    assert done.stdout == content
    assert home.run().output == content


def test_the_command_gets_the_callers_pipe_as_its_stdin(home: Home) -> None:
    lines = "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    done = home.mlterm("run", "--", "wc", "-l", input=lines)
    assert (done.returncode, done.stdout) == (0, b"100000\n")


def test_a_reader_that_leaves_early_ends_the_client_with_141_and_not_the_job(home: Home) -> None:
    job = "while [ ! -e go ]; do echo line; sleep 0.02; done; echo DONE"
    with started(home.command("run", *NAMED, "--", "sh", "-c", job), home) as client:
        assert stream(client.stdout).readline() == b"line\n"
        stream(client.stdout).close()
        assert client.wait(PATIENCE) == 141
        assert b"mlterm attach p/r" in stream(client.stderr).read()
    run = home.run()
    assert command_of(run).is_running()
    go(home)
    assert run.finish["status"] == "completed"
    assert run.output.endswith(b"line\nDONE\n")


# --- Leaving and being told to end ----------------------------------------------------------


def test_detach_key_leaves_the_job_running(home: Home) -> None:
    command = ("sh", "-c", "echo READY; read x; echo $x")
    terminal = home.terminal("run", *NAMED, "--", *command)
    terminal.expect("READY")
    terminal.send("\x1c")
    assert terminal.wait() == 0
    again = home.terminal("attach", "p/r")
    again.expect("READY")
    again.send("hello\r")
    again.expect("hello\r\nhello")
    assert again.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_client_that_is_told_to_end_only_detaches(home: Home, number: signal.Signals) -> None:
    job = f"echo READY; {UNTIL_GO}; echo DONE"
    with started(home.command("run", *NAMED, "--", "sh", "-c", job), home) as client:
        assert stream(client.stdout).readline() == b"READY\n"
        client.send_signal(number)
        assert client.wait(PATIENCE) == 128 + number
        assert b"detached from p/r" in stream(client.stderr).read()
    run = home.run()
    assert command_of(run).is_running()
    assert not run.of_type("finish")
    go(home)
    finish = run.finish
    assert (finish["status"], finish["exit_code"]) == ("completed", 0)
    assert run.output == b"READY\nDONE\n"


@pytest.mark.parametrize("part", ["keeper", "guard"])
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_supervisor_that_is_told_to_end_passes_it_on(home: Home, part: str, name: str) -> None:
    job = f"trap 'echo TOLD; exit 9' {name}; echo READY; while :; do sleep 0.05; done"
    with started(home.command("run", *NAMED, "--", "sh", "-c", job), home) as client:
        assert stream(client.stdout).readline() == b"READY\n"
        home.part(part).send_signal(signal.Signals[f"SIG{name}"])
        rest, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 9
    assert rest.endswith(b"TOLD\n")  # the shell may tell of its own child before
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"]) == ("cancelled", 9)
    assert "passed the signal on" in finish["reason"]
    wait_until(lambda: not home.parts("guard"), "the guard's end")
    assert len(home.run().of_type("finish")) == 1


def test_a_command_that_dies_of_the_passed_on_signal_is_cancelled(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; exec sleep 600")
    wait_until(lambda: run.output, "the command's first word")
    home.part("keeper").send_signal(signal.SIGTERM)
    finish = run.finish
    assert (finish["status"], finish["exit_code"]) == ("cancelled", None)
    assert finish["signal"] == "SIGTERM"
    assert home.mlterm("wait", "p/r").returncode == 128 + signal.SIGTERM
