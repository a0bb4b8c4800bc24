"""A run that the kernel's OOM killer has ended says so."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import Home, wait_until

LIMIT = 128 * 1024 * 1024
GROUPS = (  # memory group's root, a file that only the real one has, its limit (v2, v1)
    (Path("/sys/fs/cgroup"), "cgroup.subtree_control", "memory.max"),
    (Path("/sys/fs/cgroup/memory"), "memory.usage_in_bytes", "memory.limit_in_bytes"),
)


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 128 MiB; the test is skipped where none can be made."""
    for root, witness, limit in GROUPS:
        group = root / f"mlterm-test-{os.getpid()}"
        if not (root / witness).exists():
            continue
        try:
            group.mkdir()
            (group / limit).write_text(str(LIMIT))
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        yield group
        wait_until(lambda group=group: _removed(group), "the group to be empty")
        return
    pytest.skip("no memory control group can be made here (needs root)")


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


@pytest.mark.root
def test_the_oom_killer_is_named(home: Home, small_group: Path) -> None:
    # Twice the limit, and no more: it must not eat up a machine that does not enforce it.
    eat = f"blocks = [bytearray(1_000_000) for _ in range({2 * LIMIT // 1_000_000})]"
    run = shlex.join(
        home.command("run", "--project", "p", "--run-id", "r", "--", "python3", "-c", eat)
    )
    script = f"echo $$ > {small_group}/cgroup.procs; exec {run}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=home.path,
        env=home.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 128 + 9
    finish = home.run().finish
    assert (finish["status"], finish["signal"], finish["exit_code"]) == ("failed", "SIGKILL", None)
    assert "OOM killer" in finish["reason"]
    assert finish["oom_kills"] >= 1
    assert b"OOM killer" in done.stderr
