"""A run in a control group: it is told what it may have, and who killed it."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import Home, wait_until
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


def run_in(group: Path, home: Home, *command: str) -> subprocess.CompletedProcess[bytes]:
    """mlterm run, started by a shell that has put itself into the group."""
    named = ("--project", "p", "--run-id", "r", "--interval", "0.1")
    words = shlex.join(home.command("run", *named, "--", *command))
    return subprocess.run(
        ["sh", "-c", f"echo $$ > {group}/cgroup.procs; exec {words}"],
        cwd=home.path,
        env=home.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )


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
    # Twice the limit, and no more: it must not eat up a machine that does not enforce it.
    eat = f"blocks = [bytearray(1_000_000) for _ in range({2 * LIMIT // 1_000_000})]"
    done = run_in(small_group, home, "python3", "-c", eat)
    assert done.returncode == 128 + 9
    finish = home.run().finish
    assert (finish["status"], finish["signal"], finish["exit_code"]) == ("failed", "SIGKILL", None)
    assert "OOM killer" in finish["reason"]
    assert finish["oom_kills"] >= 1
    assert b"OOM killer" in done.stderr
