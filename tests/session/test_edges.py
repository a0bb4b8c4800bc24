"""What people do to a run that nobody planned for."""

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support import Home, wait_until

NAMED = ("--project", "p", "--run-id", "r")


def shell(home: Home, script: str) -> subprocess.CompletedProcess[bytes]:
    """A line of sh in which ``mlterm`` is the program."""
    script = script.replace("mlterm ", shlex.join(home.command()) + " ")
    return subprocess.run(
        ["sh", "-c", script],
        cwd=home.path,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.linux
def test_stop_needs_no_keeper_that_answers(home: Home) -> None:
    run = home.detached("sleep", "1000")
    keeper = home.part("keeper")
    keeper.suspend()
    done = home.mlterm("stop", "--grace", "1", "r")
    assert b"does not answer" in done.stderr
    assert done.returncode == 0
    assert not psutil.pid_exists(run.start["pid"]) or (
        psutil.Process(run.start["pid"]).status() == psutil.STATUS_ZOMBIE
    )
    keeper.resume()
    assert run.finish["signal"] == "SIGINT"


def test_listing_packages_runs_nothing_of_the_jobs_folder(home: Home) -> None:
    for name in ("email", "csv", "random"):
        (home.path / f"{name}.py").write_text(f"open('ran-{name}', 'w')\n")
    run = home.detached("python3", "-I", "-c", "input()")
    wait_until((run.folder / "packages.txt").exists, "the packages")
    assert not list(home.path.glob("ran-*"))


def test_a_command_that_removes_the_log_folder_keeps_its_exit_code(home: Home) -> None:
    done = home.mlterm("run", *NAMED, "--", "sh", "-c", "sleep 0.3; rm -rf logs; exit 7")
    assert done.returncode == 7
    assert b"removed" in done.stderr


def test_the_detach_key_leaves_a_read_only_view_too(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; read x")
    terminal = home.terminal("attach", "--read-only", "r")
    terminal.expect("READY")
    terminal.send("\x1c")
    terminal.expect("detached")
    assert terminal.wait() == 0
    assert run.of_type("finish") == []


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_harm_nothing(home: Home, closed: str) -> None:
    done = shell(home, f"mlterm run {shlex.join(NAMED)} -- sh -c 'echo out; exit 3' {closed}")
    assert done.returncode == 3
    assert home.run().output == b"out\n"
    assert b"Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_told_as_such(home: Home) -> None:
    done = shell(home, f"mlterm run {shlex.join(NAMED)} -- sh -c 'echo x; sleep 0.3' >/dev/full")
    assert done.returncode == 125
    assert b"No space left on device" in done.stderr
    assert home.run().finish["status"] == "completed"


@pytest.mark.parametrize("command", ["list-runs", "list-runs --json", "show r", "tag r --json"])
def test_a_listing_that_cannot_be_written_says_where(home: Home, command: str) -> None:
    home.mlterm("run", *NAMED, "--", "true")
    done = shell(home, f"mlterm {command} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == b"Error: cannot write standard output: No space left on device\n"


def test_a_locale_that_lacks_letters_loses_no_line(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "true")
    home.mlterm("tag", "r", "größe=1", "b=2", check=True)
    plain = "PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C"
    done = shell(home, f"export {plain}; mlterm tag r")
    assert (done.returncode, done.stdout) == (0, b"gr\\xf6\\xdfe=1\nb=2\n")


def test_without_stdin_a_note_is_empty(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "true")
    done = shell(home, "mlterm note r - <&-")
    assert done.returncode == 2
    assert done.stderr == b"Error: The note is empty; nothing was written.\n"


def test_without_stderr_errors_are_no_output(home: Home) -> None:
    done = shell(home, "mlterm list-runs --project none 2>&-")
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_client_that_is_blocked_by_its_reader_heeds_sigterm(home: Home) -> None:
    read, write = os.pipe()
    with home.start("run", *NAMED, "--", "yes", stdout=write) as client:
        os.close(write)
        process = psutil.Process(client.pid)
        wait_until(lambda: "pipe_write" in Path(f"/proc/{process.pid}/wchan").read_text())
        client.send_signal(signal.SIGTERM)
        assert client.wait() == 128 + signal.SIGTERM
    os.close(read)
    assert home.run().of_type("finish") == []


def test_attach_of_a_project_means_its_run(home: Home) -> None:
    for project in ("a", "b"):
        command = ("sh", "-c", f"echo READY {project}; read x")
        home.mlterm("run", "-d", "--project", project, "--run-id", "r", "--", *command, check=True)
    terminal = home.terminal("attach", "--project", "b")
    terminal.expect("READY b")


def test_live_runs_are_found_from_a_folder_that_was_removed(home: Home) -> None:
    home.detached("sh", "-c", "read x")
    done = shell(home, "mkdir gone; cd gone; rmdir ../gone; mlterm stop --grace 1 p/r")
    assert done.returncode == 0
    assert b"cancelled" in done.stderr


def test_a_viewer_without_a_window_leads_nobody(home: Home) -> None:
    script = "echo READY; until [ -e go ]; do sleep 0.05; done; stty size </dev/tty"
    client = home.start("run", "-q", *NAMED, "--", "sh", "-c", script)
    wait_until(lambda: b"READY" in home.run().output)
    terminal = home.terminal("attach", "r", rows=33, columns=99)
    terminal.expect("READY")
    (home.path / "go").touch()
    terminal.expect("33 99")
    client.communicate()


def test_options_before_the_command_word_change_nothing(home: Home) -> None:
    done = home.mlterm("--", "run", "-q", *NAMED, "--", "sh", "-c", "exit 3")
    assert done.returncode == 3


@pytest.mark.linux
def test_what_a_lost_run_left_behind_can_be_stopped(home: Home) -> None:
    run = home.detached("sh", "-c", "trap '' HUP; echo READY; while :; do sleep 0.05; done")
    wait_until(lambda: b"READY" in run.output)
    command = psutil.Process(run.start["pid"])
    for process in [home.part(part) for part in ("guard", "keeper", "observer")]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: b"lost" in home.mlterm("list-runs").stdout)
    assert command.is_running()
    assert home.mlterm("stop", "--grace", "1", "r").returncode == 0
    wait_until(lambda: not command.is_running() or command.status() == psutil.STATUS_ZOMBIE)
    assert b"has ended already (lost)" in home.mlterm("stop", "r").stderr
