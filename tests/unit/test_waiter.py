import os
import signal
import subprocess
import sys

import pytest

from mlterm import waiter
from mlterm.system.daemon import exit_status_of

pytestmark = pytest.mark.linux


def test_where_nobody_collects_it_in_time_its_end_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiter, "PATIENCE_SECONDS", 0.05)
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert waiter.wait_for(os.pidfd_open(child.pid)) is None
    assert child.wait() == 3


def test_it_is_a_program_of_its_own_and_an_end_before_it_began_is_told() -> None:
    target = subprocess.Popen(["sleep", "60"])
    pidfd = os.pidfd_open(target.pid)
    target.terminate()
    target.wait()
    words = [sys.executable, "-P", "-m", "mlterm.waiter", str(pidfd)]
    done = subprocess.run(words, check=False, capture_output=True, pass_fds=[pidfd])
    told = exit_status_of(pidfd) is not None
    assert done.returncode == -(signal.SIGTERM if told else waiter.UNTOLD_SIGNAL)
    assert done.stdout + done.stderr == b""
