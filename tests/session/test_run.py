"""mlterm run: a command under supervision, seen from the caller's side."""

import pytest

from tests.support import Home


@pytest.mark.parametrize("code", [0, 1, 2, 3, 125, 126, 127, 128, 130, 255])
def test_exit_codes_come_through(home: Home, code: int) -> None:
    done = home.mlterm("run", "-q", "--", "sh", "-c", f"exit {code}")
    assert done.returncode == code
    assert home.only_run().finish["exit_code"] == code


def test_detach_key_leaves_the_job_running(home: Home) -> None:
    terminal = home.terminal(
        "run", "--run-id", "r", "--", "sh", "-c", "echo READY; read x; echo $x"
    )
    terminal.expect("READY")
    terminal.send("\x1c")
    assert terminal.wait() == 0
    again = home.terminal("attach")
    again.expect("READY")
    again.send("hello\r")
    again.expect("hello\r\nhello")
    assert again.wait() == 0
