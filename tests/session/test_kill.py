"""kill -9 of any part of mlterm: the job, its output and the truth about its end survive."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mlterm.system.daemon import exit_status_of
from tests.support import Home, Run, Terminal, differing, wait_until

pytestmark = pytest.mark.linux

PACES = {
    "slowly": "n=$((n+1)); echo $n; sleep 0.002",
    "flooding": "seq $((n+1)) $((n+20000)); n=$((n+20000))",
}
CODE = 7
HOLDER = f"""
import fcntl, os, signal, termios, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCNOTTY)  # else its leader's end would hang the terminal up
if os.fork():
    print("END", flush=True)
    os._exit({CODE})
while not os.path.exists("go"):
    time.sleep(0.01)
print("LATE")
"""


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"  # setproctitle leaves the environment where ps(1) reads it


def numbered(pace: str) -> list[str]:
    """A command that writes numbered lines until the file ``go`` is there, then exits with CODE."""
    return ["sh", "-c", f"n=0; until [ -e go ]; do {PACES[pace]}; done; echo END; exit {CODE}"]


def all_lines(output: bytes) -> bytes:
    """What ``numbered`` has written, going by the number of its last line."""
    last = int(output.rsplit(b"\n", 3)[1])
    return b"".join(b"%d\n" % n for n in range(1, last + 1)) + b"END\n"


def size(run: Run) -> int:
    log = run.folder / "output.log"
    return log.stat().st_size if log.exists() else 0


def kill(home: Home, part: str, run: Run) -> None:
    """kill -9 of one part; go on when the job's output does, and the part's successor lives."""
    victim = home.part(part)
    before = size(run)
    victim.kill()
    wait_until(lambda: not alive(victim), f"the {part}'s death")
    wait_until(lambda: size(run) > before, "more output")
    if part in ("keeper", "observer"):
        wait_until(lambda: home.parts(part), f"another {part}")


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def kernel_tells_strangers() -> bool:
    """Whether this machine lets a process that is not the parent learn an exit code."""
    script = "exec 3<&0; { read x <&3; exit 7; } & echo $!"
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", script], stdin=pipe, stdout=pipe) as shell:
        assert shell.stdout is not None
        try:
            pidfd = os.pidfd_open(int(shell.stdout.readline()))
        except (AttributeError, OSError):
            return False
    try:  # its new parent may take its time to collect it
        return bool(wait_until(lambda: exit_status_of(pidfd) == 7 << 8, seconds=10.0))
    except AssertionError:
        return False
    finally:
        os.close(pidfd)


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(
    ("part", "times"), [("client", 1), ("observer", 3), ("keeper", 5), ("guard", 1)]
)
def test_kill_9_of_one_part_loses_no_line_and_no_exit_code(
    home: Home, part: str, times: int, pace: str
) -> None:
    with (home.path / "shown").open("wb") as shown:
        command = ("run", "-q", "--project", "p", "--run-id", "r", "--", *numbered(pace))
        client = home.start(*command, stdout=shown)
        run = home.run()
        wait_until(lambda: size(run), "the first lines")
        for _ in range(times):
            kill(home, part, run)
        again = home.start("attach", "--all", "-q", "r")
        (home.path / "go").touch()
        stdout, stderr = again.communicate()
        _, complaint = client.communicate()

    finish = run.finish
    unknown = part == "guard" and finish["exit_code"] is None and not kernel_tells_strangers()
    assert finish["exit_code"] == (None if unknown else CODE)
    assert finish["status"] == "failed"
    assert len(run.of_type("finish")) == 1
    assert differing(run.output, all_lines(run.output)) == ""
    assert differing(stdout, run.output) == ""
    assert (again.returncode, stderr) == (125 if unknown else CODE, b"")
    if part == "client":
        assert client.returncode == -signal.SIGKILL
    else:
        assert differing((home.path / "shown").read_bytes(), run.output) == ""
        assert (client.returncode, complaint) == (125 if unknown else CODE, b"")
    assert not (run.folder / "mlterm-crash.log").exists()


def test_keys_reach_the_command_through_the_keeper_after_a_killed_one(home: Home) -> None:
    terminal = home.terminal(
        "run", "-q", "--", "sh", "-c", "echo READY; read a; echo got:$a; read b; echo got:$b"
    )
    terminal.expect("READY")
    terminal.send("one\r")
    terminal.expect("got:one")
    keeper = home.part("keeper")
    keeper.kill()
    wait_until(lambda: not alive(keeper))
    terminal.send("two\r")
    terminal.expect("got:two")
    assert terminal.wait() == 0


def test_a_run_is_listed_as_running_between_two_keepers(home: Home) -> None:
    home.detached("sh", "-c", "echo READY; read x")
    guard, keeper = home.part("guard"), home.part("keeper")
    guard.suspend()
    keeper.kill()
    wait_until(lambda: not alive(keeper))
    assert status(home) == "running"
    guard.resume()
    wait_until(lambda: home.parts("keeper"), "another keeper")


def everything(home: Home, command: int) -> list[psutil.Process]:
    """Every process of the one run, those first that would start others again."""
    parts = ("guard", "keeper", "observer", "client")
    return [*(home.part(part) for part in parts), psutil.Process(command)]


def end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not any(map(alive, processes)), "the death of them all")


def status(home: Home) -> str:
    """The run's status as list-runs sees it now."""
    (line,) = home.mlterm("list-runs", "--json", check=True).stdout.splitlines()
    return str(json.loads(line)["status"])


def test_kill_9_of_everything_is_a_lost_run_at_once(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; read x")
    watching = home.start("attach")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"READY\n"
    end(everything(home, run.start["pid"]))
    watching.communicate()

    assert status(home) == "lost"
    assert run.of_type("finish") == []
    for command in ("attach", "wait"):
        done = home.mlterm(command, "r")
        assert done.returncode == 125
        assert b"p/r was lost" in done.stderr
        assert done.stdout == (b"READY\n" if command == "attach" else b"")
    assert home.mlterm("list-runs", "--live", "--json", check=True).stdout == b""
    stopped = home.mlterm("stop", "r")
    assert (stopped.returncode, b"has ended already (lost)" in stopped.stderr) == (0, True)


def test_whoever_is_attached_is_told_at_once_that_the_run_is_lost(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; read x")
    watching = home.start("attach")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"READY\n"
    end([p for p in everything(home, run.start["pid"]) if p.pid != watching.pid])
    _, stderr = watching.communicate()
    assert watching.returncode == 125
    assert b"p/r was lost" in stderr


def test_a_lost_run_goes_on_with_resume(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; read x")
    end([home.part("guard"), home.part("keeper"), psutil.Process(run.start["pid"])])
    names = ("--project", "p", "--run-id", "r")
    refused = home.mlterm("run", *names, "--", "echo", "again")
    assert refused.returncode == 2
    done = home.mlterm("run", "-q", *names, "--resume", "--", "echo", "again", check=True)
    assert done.stdout == b"again\n"
    assert run.output == b"READY\nagain\n"
    assert (run.finish["status"], status(home)) == ("completed", "completed")


def test_a_keeper_killed_before_it_saw_the_end_leaves_one_finish_record(home: Home) -> None:
    run = home.detached("sh", "-c", "until [ -e go ]; do sleep 0.01; done; echo END; exit 7")
    keeper, command = home.part("keeper"), psutil.Process(run.start["pid"])
    keeper.suspend()
    (home.path / "go").touch()
    wait_until(lambda: not alive(command), "the command's end")
    assert run.of_type("finish") == []
    keeper.kill()
    assert home.mlterm("wait", "r").returncode == CODE
    wait_until(lambda: not home.parts("guard"), "the guard's leave")
    assert [record["exit_code"] for record in run.of_type("finish")] == [CODE]
    assert run.output == b"END\n"


def test_a_keeper_killed_after_it_wrote_the_end_leaves_one_finish_record(home: Home) -> None:
    """A grandchild holds the terminal, so that the keeper lives on behind the command."""
    run = home.detached(sys.executable, "-c", HOLDER)
    assert run.finish["exit_code"] == CODE
    keeper = home.part("keeper")
    keeper.kill()
    wait_until(lambda: not alive(keeper))
    wait_until(lambda: home.parts("keeper"), "another keeper")
    (home.path / "go").touch()
    wait_until(lambda: not home.parts("guard"), "the guard's leave")
    assert [record["exit_code"] for record in run.of_type("finish")] == [CODE]
    assert run.output == b"END\nLATE\n"


def test_guard_and_command_killed_together_leave_the_true_end(home: Home) -> None:
    run = home.detached("sh", "-c", "echo READY; read x")
    home.part("keeper")  # before there is one, everything of the run would be killed
    guard, command = home.part("guard"), psutil.Process(run.start["pid"])
    guard.kill()
    command.kill()
    finish = run.finish
    assert (finish["status"], finish["exit_code"]) == ("failed", None)
    assert finish["signal"] == "SIGKILL" or not kernel_tells_strangers()


def in_a_shell(home: Home, *args: str) -> Terminal:
    """mlterm below a shell that holds the terminal before and after; with unusual settings."""
    script = 'stty erase ^H -ixon; echo SET; read x; "$@"; echo "ENDED $?"; read x'
    command = ["sh", "-c", script, "sh", *home.command(*args)]
    terminal = Terminal(command, home.path, home.environ, 24, 80)
    home.terminals.append(terminal)
    terminal.expect("SET")
    return terminal


def press_detach(home: Home, terminal: Terminal) -> None:
    terminal.send("\x1c")


def press_return(home: Home, terminal: Terminal) -> None:
    terminal.send("\r")


def signal_client(number: int) -> Callable[[Home, Terminal], None]:
    return lambda home, terminal: home.part("client").send_signal(number)


@pytest.mark.parametrize("command", ["run", "attach"])
@pytest.mark.parametrize(
    ("leave", "code"),
    [
        pytest.param(press_return, 5, id="exit"),
        pytest.param(press_detach, 0, id="detach"),
        pytest.param(signal_client(signal.SIGTERM), 128 + signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal_client(signal.SIGHUP), 128 + signal.SIGHUP, id="SIGHUP"),
        pytest.param(signal_client(signal.SIGKILL), 128 + signal.SIGKILL, id="SIGKILL"),
    ],
)
def test_the_terminal_is_as_it_was_however_the_client_ends(
    home: Home, leave: Callable[[Home, Terminal], None], code: int, command: str
) -> None:
    job = ("sh", "-c", "echo READY; read x; exit 5")
    if command == "attach":
        home.detached(*job)
        terminal = in_a_shell(home, "attach", "-q")
    else:
        terminal = in_a_shell(home, "run", "-q", "--", *job)
    before = terminal.settings()
    terminal.send("\r")
    terminal.expect("READY")
    wait_until(lambda: terminal.settings() != before, "raw keys")
    leave(home, terminal)
    terminal.expect(f"ENDED {code}")
    wait_until(lambda: terminal.settings() == before, "the settings of before")


def test_a_killed_client_gives_the_screen_back_from_a_full_screen_program(home: Home) -> None:
    """Mouse reports and bracketed paste that the program had switched on would stay."""
    terminal = in_a_shell(
        home,
        "run",
        "-q",
        "--",
        "sh",
        "-c",
        r"printf '\033[?1000h\033[?2004h\033[?25lREADY'; read x",
    )
    terminal.send("\r")
    terminal.expect("READY")
    home.part("client").kill()
    for off in (b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
        terminal.expect(off)


def test_files_of_a_killed_run_stay_readable(home: Home, tmp_path: Path) -> None:
    run = home.detached("sh", "-c", "echo one; echo two; read x")
    wait_until(lambda: run.output == b"one\ntwo\n")
    end([home.part("guard"), home.part("keeper"), psutil.Process(run.start["pid"])])
    assert home.mlterm("logs", "r", check=True).stdout == b"one\ntwo\n"
    followed = home.mlterm("logs", "-f", run.path, cwd=tmp_path, check=True)
    assert followed.stdout == b"one\ntwo\n"
