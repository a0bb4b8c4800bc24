"""mlterm watch: a process that somebody else started, as a run."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from mlterm.cli.watch import _watched
from mlterm.core.errors import NotFoundError, SupervisorError
from mlterm.system.daemon import exit_status_of
from mlterm.system.processes import Process
from tests.support import PATIENCE, Home, wait_until

pytestmark = pytest.mark.linux

CODE = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
end = time.process_time() + 0.3
while time.process_time() < end: pass
while not os.path.exists("go"): time.sleep(0.01)
child.kill(); child.wait()
sys.exit(3)
"""


@pytest.fixture
def stranger(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A program with a child, that works and then ends with 3 when there is a file ``go``."""
    with subprocess.Popen(
        [*home.script(CODE), "--lr", "0.1"], cwd=home.path, env=home.environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def kernel_tells() -> bool:
    """Whether a process that is not the parent can learn an exit code here."""
    child = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(child.pid)
    child.wait()
    try:
        return exit_status_of(pidfd) is not None
    finally:
        os.close(pidfd)


def watch(home: Home, pid: int) -> None:
    named = ("--project", "p", "--run-id", "r", "--interval", "0.1")
    done = home.mlterm("watch", "-d", *named, str(pid), check=True)
    assert done.stdout == b"p/r\n"


def test_a_process_is_sampled_with_its_children_until_it_ends(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    watch(home, stranger.pid)
    run = home.run()
    wait_until(lambda: len(run.samples) >= 4, "samples")
    assert home.listed()["p/r"]["status"] == "running"
    (home.path / "go").touch()
    assert stranger.wait() == 3
    finish = run.finish
    assert (run.start["pid"], run.start["watched"]) == (stranger.pid, True)
    assert run.start["argv"][1:] == [str(home.path / "train.py"), "--lr", "0.1"]
    assert run.start["cwd"] == str(home.path)
    assert run.of_type("hyperparameters")[0]["lr"] == 0.1
    assert run.output == b""
    assert [len(sample["processes"]) for sample in run.samples[:3]] == [2, 2, 2]
    if kernel_tells():
        assert (finish["status"], finish["exit_code"]) == ("failed", 3)
    else:
        assert (finish["status"], finish["exit_code"]) == ("completed", None)
        assert finish["reason"] == "the process has ended; how, only its parent was told"


def test_what_was_used_before_is_not_counted(home: Home, stranger: subprocess.Popen[bytes]) -> None:
    used = lambda: sum(psutil.Process(stranger.pid).cpu_times()[:2])  # noqa: E731 - waited for
    wait_until(lambda: used() >= 0.3, "its work")
    watch(home, stranger.pid)
    run = home.run()
    wait_until(lambda: len(run.samples) >= 3, "samples")
    (home.path / "go").touch()
    stranger.wait()
    assert run.finish["cpu_seconds"] < 0.3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_that_ends_it_is_told_where_the_kernel_tells(
    home: Home, stranger: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    if not kernel_tells():
        pytest.skip("needs Linux 6.15")
    watch(home, stranger.pid)
    stranger.send_signal(number)  # at once: the waiter may not have begun
    stranger.wait()
    run = home.run()
    assert (run.finish["status"], run.finish["signal"]) == ("failed", number.name)


def test_an_end_that_nobody_tells_is_no_failure_for_who_watches(home: Home) -> None:
    stranger = subprocess.Popen(["sleep", "0.5"])  # nobody collects it in time
    named = ("--project", "p", "--run-id", "r")
    done = home.mlterm("watch", *named, str(stranger.pid))
    stranger.wait()
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"], finish["signal"]) == ("completed", None, None)
    assert done.returncode == 0


def test_a_code_that_is_told_is_who_watches_own(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    if not kernel_tells():
        pytest.skip("needs Linux 6.15")
    named = ("--project", "p", "--run-id", "r")
    with home.start("watch", *named, str(stranger.pid)) as watching:
        wait_until(lambda: home.run().samples, "a sample")
        (home.path / "go").touch()
        assert stranger.wait() == 3
        assert watching.wait(PATIENCE) == 3


def test_stopping_ends_the_watching_and_not_the_process(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    watch(home, stranger.pid)
    wait_until(lambda: home.run().samples, "a sample")
    home.mlterm("stop", "r", check=True)
    finish = home.run().finish
    assert (finish["status"], finish["exit_code"], finish["signal"]) == ("cancelled", None, None)
    assert finish["reason"] == "the watching was ended: stopped (mlterm stop)"
    assert stranger.poll() is None


def test_ctrl_c_ends_the_watching_and_not_the_process(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    terminal = home.terminal("watch", "--project", "p", "--run-id", "r", str(stranger.pid))
    wait_until(lambda: home.run().samples, "a sample")
    terminal.expect("watching")
    terminal.send(b"\x03")
    terminal.expect("cancelled")
    terminal.wait()
    assert stranger.poll() is None
    assert b"Traceback" not in terminal.raw


def test_there_has_to_be_such_a_process(home: Home) -> None:
    done = home.mlterm("watch", str(2**22 + 1))
    assert done.returncode == 1
    assert done.stderr == b"Error: there is no process 4194305\n"
    assert home.mlterm("watch", "0").returncode == 2
    assert not home.logs.exists()


def test_a_process_that_the_kernel_hides_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hidden(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("mlterm.cli.watch.Process", hidden)
    with pytest.raises(SupervisorError, match="hidepid"):
        _watched(os.getppid())


def test_a_zombie_is_not_watched(home: Home) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    done = home.mlterm("watch", str(child.pid))
    assert done.returncode == 1
    assert b"has ended already" in done.stderr
    child.wait()


def test_a_process_that_ends_while_it_is_looked_at_is_not_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = subprocess.Popen(["sleep", "60"])

    class Seen(Process):
        def environ(self) -> dict[str, str]:
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            return super().environ()

    monkeypatch.setattr("mlterm.cli.watch.Process", Seen)
    with pytest.raises(NotFoundError, match="ended already"):
        _watched(child.pid)
    child.wait()


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (OSError(errno.ENOSYS, "Function not implemented"), "watched: Function not implemented$"),
        (AttributeError("pidfd_open"), "this Python does not offer"),
    ],
)
def test_without_pidfds_nothing_is_watched(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, words: str
) -> None:
    def refuse(_: int) -> int:
        raise raised

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(SupervisorError, match=words):
        _watched(os.getppid())


def test_from_a_folder_that_has_been_removed_nothing_is_watched(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    gone = home.path / "gone"
    gone.mkdir()
    words = [
        "sh",
        "-c",
        'rmdir "$PWD" && exec "$@"',
        "-",
        *home.command("watch", str(stranger.pid)),
    ]
    done = subprocess.run(words, cwd=gone, env=home.environ, capture_output=True, check=False)
    assert done.returncode == 125
    assert b"the current folder has been removed; nothing was started" in done.stderr


def test_a_thread_is_not_a_process(home: Home) -> None:
    with ThreadPoolExecutor(1) as pool:
        done = home.mlterm("watch", str(pool.submit(threading.get_native_id).result()))
    assert done.returncode == 125
    assert b"Is it a thread?" in done.stderr


def test_the_view_of_a_watched_process_offers_no_keyboard(
    home: Home, stranger: subprocess.Popen[bytes]
) -> None:
    del home.environ["MLTERM_PLAIN"]
    terminal = home.terminal("watch", "--project", "p", "--run-id", "r", str(stranger.pid))
    terminal.expect("detach")
    terminal.send("iq")
    terminal.expect("end the watching: the process goes on")
    terminal.send("s")
    terminal.expect("cancelled")
    terminal.wait()
    assert stranger.poll() is None
