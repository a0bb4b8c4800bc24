import os
import subprocess
import sys

import pytest

from mlterm import waiter
from mlterm.system.processes import stat_of
from tests.support import wait_until

pytestmark = pytest.mark.linux


def started(pid: int) -> int:
    stat = stat_of(pid)
    assert stat is not None
    return stat.started_ticks


def test_what_has_ended_is_not_waited_for() -> None:
    child = subprocess.Popen(["true"])
    ticks = started(child.pid)
    child.wait()
    assert waiter.wait_for(child.pid, ticks) is None


def test_another_process_of_the_same_pid_is_not_waited_for() -> None:
    assert waiter.wait_for(os.getpid(), started(os.getpid()) - 1) is None


def test_where_nobody_collects_it_in_time_its_end_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiter, "PATIENCE_SECONDS", 0.05)
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert waiter.wait_for(child.pid, started(child.pid)) is None
    assert child.wait() == 3


@pytest.mark.parametrize("pid_exists", [True, False])
def test_it_is_a_program_of_its_own(pid_exists: bool) -> None:
    target = subprocess.Popen(["sleep", "60"])
    ticks = started(target.pid) if pid_exists else 1
    words = [sys.executable, "-P", "-m", "mlterm.waiter", str(target.pid), str(ticks)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        if pid_exists:
            stat = wait_until(lambda: stat_of(process.pid), "the waiter")
            assert stat.pid == process.pid
            target.terminate()
        else:
            assert process.wait() == waiter.UNTOLD_CODE
        target.terminate()
        target.wait()
        assert process.wait() in (waiter.UNTOLD_CODE, -15)
        assert process.stdout is not None
        assert process.stdout.read() == b""
