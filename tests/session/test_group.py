"""A run in a control group: it is told what it may have, and who killed it."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import Home, stream, wait_until
from tests.unit.test_format import problems_of_sample

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


NAMED = ("--project", "p", "--run-id", "r", "--interval", "0.1")
# Twice the limit, and no more: it must not eat up a machine that does not enforce it.
EAT = f"blocks = [bytearray(1_000_000) for _ in range({2 * LIMIT // 1_000_000})]"


def within(group: Path, *command: str) -> list[str]:
    """The command, started by a shell that has put itself into the group."""
    return ["sh", "-c", f"echo $$ > {group}/cgroup.procs; exec {shlex.join(command)}"]


def run_in(group: Path, home: Home, *command: str) -> subprocess.CompletedProcess[bytes]:
    """mlterm run, in the group."""
    words = within(group, *home.command("run", *NAMED, "--", *command))
    where: dict[str, Any] = {"cwd": home.path, "env": home.environ}
    return subprocess.run(words, **where, capture_output=True, timeout=60, check=False)


@pytest.mark.root
def test_a_run_is_told_with_what_it_may_have(home: Home, small_group: Path) -> None:
    code = "import time; blocks = bytearray(20_000_000); time.sleep(0.5)"
    one_cpu = str(min(os.sched_getaffinity(0)))
    done = run_in(small_group, home, "taskset", "-c", one_cpu, "python3", "-c", code)
    assert done.returncode == 0
    run = home.run()
    cgroup = run.samples[-2]["cgroup"]
    assert cgroup["memory_limit_bytes"] == LIMIT
    assert 20_000_000 < cgroup["memory_used_bytes"] <= LIMIT
    finish = run.finish
    assert finish["memory_limit_bytes"] == LIMIT
    assert re.search(rb"peak memory \d+(\.\d)?/128 MB \xc2\xb7 CPU \d+% of 100% mean", done.stderr)
    assert finish["cpu_limit_cores"] == 1
    assert [problems_of_sample(sample) for sample in run.samples] == [[] for _ in run.samples]


@pytest.mark.root
def test_the_oom_killer_is_named(home: Home, small_group: Path) -> None:
    done = run_in(small_group, home, "python3", "-c", EAT)
    assert done.returncode == 128 + 9
    finish = home.run().finish
    assert (finish["status"], finish["signal"], finish["exit_code"]) == ("failed", "SIGKILL", None)
    assert "OOM killer" in finish["reason"]
    assert finish["oom_kills"] >= 1
    assert b"OOM killer" in done.stderr


@pytest.mark.root
def test_the_oom_killer_of_a_watched_processs_group_is_told(home: Home, small_group: Path) -> None:
    words = within(small_group, "python3", "-c", f"input(); {EAT}")
    with subprocess.Popen(words, stdin=subprocess.PIPE) as stranger:
        home.mlterm("watch", "-d", *NAMED, str(stranger.pid), check=True)
        stream(stranger.stdin).write(b"\n")
    assert stranger.returncode == -signal.SIGKILL
    assert home.run().finish["oom_kills"] >= 1
