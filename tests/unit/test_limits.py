import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mlterm.core import cgroups
from mlterm.system.cgroup import ROOT
from mlterm.system.limits import SELDOM, Limits
from tests.support import MIB, wait_until

NONE_V1 = 2**63 - 4096
HOST_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
CPU_STAT_V2 = "usage_usec 9\nnr_periods 40\nnr_throttled 3\nthrottled_usec 2500000\nnr_bursts 0\n"
CPU_STAT_V1 = "nr_periods 40\nnr_throttled 3\nthrottled_time 2500000000\n"


class Tree:
    """A process 42, and control groups that are files."""

    def __init__(self, path: Path) -> None:
        self.root, self.proc = path / "cgroup", path / "proc"
        self.root.mkdir()
        self.limits = Limits(42, self.root, self.proc)

    def member(self, *lines: str) -> None:
        self._put(self.proc / "42" / "cgroup", "".join(f"{line}\n" for line in lines))

    def group(self, name: str, **files: object) -> Path:
        """Double underscores stand for dots."""
        for file, text in files.items():
            self._put(self.root / name / file.replace("__", "."), f"{text}\n")
        return self.root / name

    @staticmethod
    def _put(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self) -> dict[str, Any]:
        record = self.limits.read()
        assert record is not None
        return record


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000", 2.0), ("50000 100000\n", 0.5), ("max 100000", None), ("-1 100000", None),
        ("-1\n 100000\n", None), ("400000\n 100000\n", 4.0), ("", None), (" ", None),
        ("200000", None), ("200000 0", None), ("a b", None),
    ],
)  # fmt: skip
def test_a_quota_of_a_period_is_a_number_of_cpus(text: str, cores: float | None) -> None:
    assert cgroups.cores(text) == cores


def test_controllers_that_are_mounted_together_share_a_path() -> None:
    text = "4:cpu,cpuacct:/a:b\n1:name=systemd:/s\nrubbish\n0::/v2\n"
    assert cgroups.memberships(text) == {
        "cpu": "/a:b", "cpuacct": "/a:b", "name=systemd": "/s", "": "/v2",
    }  # fmt: skip


def test_version_2(tree: Tree) -> None:
    tree.member("0::/job.slice/a.scope")
    tree.group("", cgroup__controllers="cpu memory")
    tree.group("job.slice", cpu__max="max 100000", memory__max="max", memory__high="max")
    tree.group(
        "job.slice/a.scope", cpu__max="50000 100000", cpu__stat=CPU_STAT_V2,
        memory__max=64 * MIB, memory__current=16 * MIB, memory__peak=32 * MIB,
        memory__high=48 * MIB, memory__stat=f"anon 1\ninactive_file {MIB}\n",
        memory__events="oom 9\noom_kill 2\n",
    )  # fmt: skip
    assert tree.read() == {
        "cpu_limit_cores": 0.5, "periods": 40, "throttled_periods": 3, "throttled_seconds": 2.5,
        "memory_limit_bytes": 64 * MIB, "memory_high_bytes": 48 * MIB,
        "memory_used_bytes": 16 * MIB, "memory_peak_bytes": 32 * MIB,
        "memory_inactive_file_bytes": MIB, "oom_kills": 2,
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpuacct,cpu", "cpu"])
def test_version_1(tree: Tree, folder: str) -> None:
    tree.member("9:memory:/docker/abc", "4:cpu,cpuacct:/docker/abc", "1:name=systemd:/other")
    tree.group(
        f"{folder}/docker/abc", cpu__cfs_quota_us=150000, cpu__cfs_period_us=100000,
        cpu__stat=CPU_STAT_V1,
    )  # fmt: skip
    tree.group(folder, cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    tree.group("memory", memory__limit_in_bytes=NONE_V1)
    tree.group(
        "memory/docker/abc", memory__limit_in_bytes=64 * MIB, memory__usage_in_bytes=16 * MIB,
        memory__max_usage_in_bytes=32 * MIB, memory__oom_control="under_oom 0\noom_kill 1\n",
        memory__stat=f"inactive_file 5\nhierarchical_memory_limit {64 * MIB}\n"
        "total_inactive_file 7\n",
    )  # fmt: skip
    assert tree.read() == {
        "cpu_limit_cores": 1.5, "periods": 40, "throttled_periods": 3, "throttled_seconds": 2.5,
        "memory_limit_bytes": 64 * MIB, "memory_used_bytes": 16 * MIB,
        "memory_peak_bytes": 32 * MIB, "memory_inactive_file_bytes": 7, "oom_kills": 1,
    }  # fmt: skip


def test_a_hybrid_system_has_some_in_each_version(tree: Tree) -> None:
    tree.member("9:memory:/job", "0::/user.slice/job")
    tree.group("memory/job", memory__limit_in_bytes=64 * MIB, memory__usage_in_bytes=3)
    tree.group("unified/user.slice/job", cpu__max="100000 200000", cpu__stat="usage_usec 7\n")
    assert tree.read() == {
        "cpu_limit_cores": 0.5, "memory_limit_bytes": 64 * MIB, "memory_used_bytes": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/docker/abc", ""),
        ("/", ""),
        ("/../..", ""),
        ("/../other", ""),
        ("/docker/abc/inner", "inner"),
    ],
    ids=["no namespace", "its root", "beyond it", "beside it", "a group within"],
)
def test_a_containers_own_group_is_mounted_as_the_root(tree: Tree, path: str, folder: str) -> None:
    tree.member(f"0::{path}")
    tree.group("other", memory__max=MIB, memory__current=9)  # of the same name, and not it
    tree.group(folder, memory__max=64 * MIB, memory__current=5)
    assert tree.read()["memory_used_bytes"] == 5


def test_the_smallest_limit_on_the_way_up_counts_and_its_group_tells_the_use(tree: Tree) -> None:
    tree.member("0::/a/b/c")
    tree.group("a", memory__max=64 * MIB, memory__current=64, cpu__max="max 100000")
    tree.group("a/b", memory__max=32 * MIB, memory__current=32, cpu__max="50000 100000")
    tree.group("a/b/c", memory__max=48 * MIB, memory__current=48, cpu__max="100000 100000")
    tree.group("a/b", cpu__stat=CPU_STAT_V2)
    record = tree.read()
    assert (record["memory_limit_bytes"], record["memory_used_bytes"]) == (32 * MIB, 32)
    assert (record["cpu_limit_cores"], record["throttled_seconds"]) == (0.5, 2.5)


def test_of_equal_limits_the_outermost_is_the_fullest(tree: Tree) -> None:
    tree.member("0::/pod/container")
    tree.group("pod", memory__max=64 * MIB, memory__current=50)
    tree.group("pod/container", memory__max=64 * MIB, memory__current=20)
    assert tree.read()["memory_used_bytes"] == 50


def test_version_1_tells_of_limits_outside_of_the_container(tree: Tree) -> None:
    tree.member("9:memory:/pod/abc")
    stat = f"hierarchical_memory_limit {16 * MIB}\n"
    tree.group(
        "memory", memory__limit_in_bytes=64 * MIB, memory__usage_in_bytes=4, memory__stat=stat
    )
    record = tree.read()
    assert (record["memory_limit_bytes"], record["memory_used_bytes"]) == (16 * MIB, 4)


@pytest.mark.parametrize("none", [NONE_V1, 2**63 - 1, HOST_BYTES + 1])
def test_a_limit_above_what_the_host_has_is_none(tree: Tree, none: int) -> None:
    tree.member("9:memory:/job", "4:cpu:/job", "0::/")
    tree.group("memory/job", memory__limit_in_bytes=none, memory__usage_in_bytes=1)
    tree.group("cpu/job", cpu__cfs_quota_us=10**9, cpu__cfs_period_us=100000)
    assert tree.limits.read() is None


def test_a_high_mark_alone_is_a_limit_and_has_a_use(tree: Tree) -> None:
    tree.member("0::/a")
    tree.group("a", memory__max="max", memory__high=8 * MIB, memory__current=6)
    assert tree.read() == {
        "cpu_limit_cores": None, "memory_limit_bytes": None, "memory_high_bytes": 8 * MIB,
        "memory_used_bytes": 6,
    }  # fmt: skip


def test_a_high_mark_above_the_limit_is_not_told(tree: Tree) -> None:
    tree.member("0::/a")
    tree.group("a", memory__max=8 * MIB, memory__high=9 * MIB, memory__current=6)
    assert "memory_high_bytes" not in tree.read()


def test_where_nothing_limits_there_is_nothing_to_tell(tree: Tree) -> None:
    assert tree.limits.read() is None
    tree.member("0::/a")
    tree.group("a", memory__max="max", cpu__max="max 100000", memory__events="oom_kill 1\n")
    assert Limits(42, tree.root, tree.proc).read() is None


@pytest.mark.parametrize("text", ["", "rubbish", "1 2 3", "\xff\0"])
def test_rubbish_limits_nothing(tree: Tree, text: str) -> None:
    tree.member(text, "0::/a")
    tree.group("a", memory__max=text, memory__high=text, cpu__max=text, memory__stat=text)
    assert tree.limits.read() is None


@pytest.mark.parametrize("text", [None, "", "rubbish"])
def test_a_use_that_cannot_be_read_is_none_with_a_reason(tree: Tree, text: str | None) -> None:
    tree.member("0::/a")
    folder = tree.group("a", memory__max=MIB)
    if text is not None:
        tree.group("a", memory__current=text)
    record = tree.read()
    assert record["memory_used_bytes"] is None
    assert str(folder / "memory.current") in record["unavailable"]["memory_used_bytes"]


def test_a_move_is_seen_ten_readings_later_and_the_use_at_once(tree: Tree) -> None:
    tree.group("a", memory__max=MIB, memory__current=1)
    tree.group("b", memory__max=2 * MIB, memory__current=2)
    tree.member("0::/a")
    assert tree.read()["memory_used_bytes"] == 1
    tree.member("0::/b")
    tree.group("a", memory__current=7)
    for _ in range(SELDOM - 1):
        assert tree.read()["memory_used_bytes"] == 7
    assert tree.read() == {
        "cpu_limit_cores": None, "memory_limit_bytes": 2 * MIB, "memory_used_bytes": 2,
    }  # fmt: skip


def test_a_group_that_is_removed_is_looked_for_again_at_once(tree: Tree) -> None:
    tree.group("b", memory__max=2 * MIB, memory__current=2)
    tree.member("0::/a")
    folder = tree.group("a", memory__max=MIB, memory__current=1)
    tree.read()
    tree.member("0::/b")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert tree.read()["memory_used_bytes"] is None
    assert tree.read()["memory_used_bytes"] == 2


def test_what_was_found_stands_after_the_processs_end(tree: Tree) -> None:
    tree.member("0::/a")
    tree.group("a", memory__max=MIB, memory__current=1)
    tree.read()
    (tree.proc / "42" / "cgroup").unlink()
    for _ in range(SELDOM + 1):
        assert tree.read()["memory_limit_bytes"] == MIB


# What follows is of the real kernel.


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for the end of its input."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield process


MakeGroup = Callable[[str, dict[str, str], int], Path]


@pytest.fixture
def make_group(child: subprocess.Popen[bytes]) -> Iterator[MakeGroup]:
    """Makes a real group with limits, the outer one first, and puts a process into it."""
    made: list[Path] = []

    def make(where: str, limits: dict[str, str], pid: int) -> Path:
        folder = ROOT / where
        if not any((folder.parent / name).exists() for name in ("cgroup.procs", "tasks")):
            pytest.skip(f"there is no {folder.parent}")
        try:
            folder.mkdir()
            made.append(folder)
            for name, value in limits.items():
                (folder / name).write_text(value)
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            pytest.skip(f"no control group can be made here (needs root): {error}")
        return folder

    yield make
    child.kill()
    child.wait()
    for folder in reversed(made):
        wait_until(lambda folder=folder: _removed(folder), "the group to be empty")


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()


@pytest.mark.root
def test_real_groups_of_version_1(child: subprocess.Popen[bytes], make_group: MakeGroup) -> None:
    name = f"mlterm-test-{os.getpid()}"
    if os.path.exists(ROOT / "cgroup.controllers"):
        pytest.skip("version 1 is not mounted here")
    limits = {"memory.limit_in_bytes": str(64 * MIB)}
    make_group(f"memory/{name}", limits, child.pid)
    make_group(f"memory/{name}/inner", {"memory.limit_in_bytes": str(96 * MIB)}, child.pid)
    quota = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    make_group(f"cpu/{name}", quota, child.pid)
    record = Limits(child.pid).read()
    assert record is not None
    assert record["memory_limit_bytes"] == 64 * MIB
    assert 0 <= record["memory_used_bytes"] <= 64 * MIB
    assert record["memory_peak_bytes"] >= record["memory_used_bytes"]
    assert record["memory_inactive_file_bytes"] >= 0
    assert (record["cpu_limit_cores"], record["oom_kills"]) == (0.5, 0)
    assert record["throttled_seconds"] >= 0
    assert "unavailable" not in record


@pytest.mark.root
def test_a_real_group_of_version_2(child: subprocess.Popen[bytes], make_group: MakeGroup) -> None:
    if not os.path.exists(ROOT / "cgroup.controllers"):
        pytest.skip("version 2 is not mounted as the only one here")
    limits = {"memory.max": str(64 * MIB), "cpu.max": "50000 100000"}
    make_group(f"mlterm-test-{os.getpid()}", limits, child.pid)
    record = Limits(child.pid).read()
    assert record is not None
    assert (record["memory_limit_bytes"], record["cpu_limit_cores"]) == (64 * MIB, 0.5)
    assert 0 <= record["memory_used_bytes"] <= 64 * MIB
    assert (record["throttled_seconds"] >= 0, record["oom_kills"]) == (True, 0)


@pytest.mark.linux
def test_fewer_cpus_than_the_host_has_are_told(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    everyone = os.sched_getaffinity(child.pid)
    if len(everyone) < os.sysconf("SC_NPROCESSORS_ONLN") or len(everyone) < 2:
        pytest.skip("needs all of two CPUs or more")
    assert Limits(child.pid, tmp_path).read() is None
    os.sched_setaffinity(child.pid, {min(everyone)})
    assert Limits(child.pid, tmp_path).read() == {
        "cpu_limit_cores": None, "memory_limit_bytes": None, "cpus": 1,
    }  # fmt: skip


@pytest.mark.linux
def test_threads_that_are_pinned_one_each_have_all_of_these_cpus(tmp_path: Path) -> None:
    """As OpenMP does with OMP_PROC_BIND."""
    everyone = sorted(os.sched_getaffinity(0))
    if len(everyone) < os.sysconf("SC_NPROCESSORS_ONLN") or len(everyone) < 2:
        pytest.skip("needs all of two CPUs or more")
    script = (
        "import os, sys, threading\n"
        f"every = {everyone}\n"
        "def pinned(cpu, done):\n"
        "    os.sched_setaffinity(0, {cpu})\n"
        "    done.release()\n"
        "    sys.stdin.read()\n"
        "done = threading.Semaphore(0)\n"
        "for cpu in every:\n"
        "    threading.Thread(target=pinned, args=(cpu, done), daemon=True).start()\n"
        "for cpu in every:\n"
        "    done.acquire()\n"
        "os.sched_setaffinity(0, {every[0]})\n"
        "print('READY', flush=True)\n"
        "threading.Event().wait()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"READY\n"
            assert os.sched_getaffinity(process.pid) == {everyone[0]}
            assert Limits(process.pid, tmp_path).read() is None
        finally:
            process.kill()
