import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from mlterm.system import lock
from tests.support import wait_until

# A reader that looks again and again, for longer than any does.
LOOKS = """
import fcntl, os, select, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
while True:
    fcntl.flock(fd, fcntl.LOCK_SH)
    select.select([], [], [], 0.005)
    fcntl.flock(fd, fcntl.LOCK_UN)
    select.select([], [], [], 0.033)
"""


def take(path: Path) -> int:
    held = lock.take(path)
    assert held is not None
    return held


def test_a_taken_lock_is_held_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = take(path)
    assert lock.is_held(path)
    assert lock.take(path) is None
    os.close(held)
    assert not lock.is_held(path)
    os.close(take(path))


def test_a_file_that_is_not_there_is_held_by_nobody(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_there_is_held_by_nobody_for_that(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert not lock.is_held(tmp_path / "lock")


def test_where_no_lock_can_be_made_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock.take(tmp_path / "no" / "lock")


def fork_holder() -> int:
    """A child that holds what we hold, until it is killed."""
    pid = os.fork()
    if not pid:
        signal.pause()
        os._exit(0)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_lock_is_free_when_all_holders_are_gone_and_no_sooner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = take(path)
    first, second = fork_holder(), fork_holder()
    os.close(held)
    end(first)
    assert lock.is_held(path)
    assert lock.take(path) is None
    end(second)
    assert not lock.is_held(path)
    os.close(take(path))


def test_the_command_does_not_inherit_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = take(path)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        os.close(held)
        wait_until(lambda: not lock.is_held(path), "the lock to be free")
        assert child.poll() is None
        child.kill()


def test_the_filelock_library_is_kept_out_by_us(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    theirs = filelock.FileLock(path)
    held = take(path)
    with pytest.raises(filelock.Timeout):
        theirs.acquire(blocking=False)
    os.close(held)
    with theirs.acquire(blocking=False):
        assert lock.is_held(path)
    assert not lock.is_held(path)


def test_we_are_kept_out_by_the_filelock_library(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with filelock.FileLock(path):
        assert lock.is_held(path)
        assert lock.take(path) is None
    assert not lock.is_held(path)
    os.close(take(path))


def test_another_process_of_the_library_keeps_us_out_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import filelock, sys\n"
        "with filelock.FileLock(sys.argv[1]):\n"
        "    print('READY', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"READY\n"
        assert lock.is_held(path)
        assert lock.take(path) is None
        child.kill()
        child.wait()
        assert not lock.is_held(path)


def is_looked_at(path: Path) -> bool:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_reader_that_looks_does_not_keep_a_taker_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with subprocess.Popen([sys.executable, "-c", LOOKS, str(path)]) as reader:
        try:
            for _ in range(3):
                wait_until(lambda: is_looked_at(path), "a reader that looks")
                os.close(take(path))
        finally:
            reader.kill()


def test_a_reader_that_looks_is_no_holder_to_another(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not lock.is_held(path)


def test_a_reader_lets_go_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert not lock.is_held(path)
    with filelock.FileLock(path).acquire(blocking=False):
        pass


@pytest.mark.root
def test_a_lock_that_may_not_be_read_is_not_called_free(runtime: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user can be become only by root")
    runtime.chmod(0o755)
    path = runtime / "lock"
    path.touch(mode=0o600)
    code = (
        "import os, sys; from pathlib import Path; from mlterm.system import lock\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: open(sys.argv[1])\n"
        "except PermissionError: print(lock.is_held(Path(sys.argv[1])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "True\n", done.stderr
