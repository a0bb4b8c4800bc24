from pathlib import Path

import pytest

from mlterm.system.cgroup import OomCount, kills_since, oom_kills

EVENTS = "low 0\nhigh 12\nmax 40\noom 3\noom_kill {}\noom_group_kill 9\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return tmp_path / "proc"


V2 = "0::/user.slice/job.scope\n"
V1 = "12:cpu,cpuacct:/x\n9:memory:/docker/abc\n1:name=systemd:/y\n"
HYBRID = V1 + "0::/user.slice/job.scope\n"


@pytest.mark.parametrize(
    ("groups", "file", "text"),
    [
        (V2, "user.slice/job.scope/memory.events", EVENTS),
        (HYBRID, "unified/user.slice/job.scope/memory.events", EVENTS),
        (V1, "memory/docker/abc/memory.oom_control", CONTROL),
        (HYBRID, "memory/docker/abc/memory.oom_control", CONTROL),
        (V2, "memory.events", EVENTS),
        (V1, "memory/memory.oom_control", CONTROL),
        ("0::/../other\n", "memory.events", EVENTS),
        ("0::/a:b\n", "a:b/memory.events", EVENTS),
        ("", "memory.events", EVENTS),
    ],
    ids=["v2", "hybrid, v2", "v1", "hybrid, v1", "v2 in a container", "v1 in a container",
         "v2 outside of the namespace", "a colon in the name", "no group known"],
)  # fmt: skip
def test_the_count_is_found(root: Path, proc: Path, groups: str, file: str, text: str) -> None:
    put(proc / "self" / "cgroup", groups)
    path = put(root / file, text.format(7))
    assert oom_kills(root=root, proc=proc) == OomCount(path, 7)


def test_the_groups_own_count_comes_before_the_roots(root: Path, proc: Path) -> None:
    put(proc / "42" / "cgroup", V2)
    put(root / "memory.events", EVENTS.format(100))
    own = put(root / "user.slice/job.scope/memory.events", EVENTS.format(0))
    assert oom_kills(42, root=root, proc=proc) == OomCount(own, 0)


@pytest.mark.parametrize("text", ["", "oom_kill\n", "oom_kill many\n", "oom 3\n"])
def test_a_file_without_a_count_tells_nothing(root: Path, proc: Path, text: str) -> None:
    put(proc / "self" / "cgroup", V2)
    put(root / "user.slice/job.scope/memory.events", text)
    assert oom_kills(root=root, proc=proc) is None


def test_without_control_groups_nothing_can_be_told(root: Path, proc: Path) -> None:
    assert oom_kills(root=root, proc=proc) is None
    assert kills_since(None) == 0


def test_kills_are_counted_from_the_start_of_the_run(root: Path, proc: Path) -> None:
    put(proc / "self" / "cgroup", V2)
    path = put(root / "user.slice/job.scope/memory.events", EVENTS.format(7))
    before = oom_kills(root=root, proc=proc)
    assert kills_since(before) == 0
    path.write_text(EVENTS.format(9))
    assert kills_since(before) == 2


def test_a_count_that_is_gone_or_smaller_tells_nothing(root: Path, proc: Path) -> None:
    put(proc / "self" / "cgroup", V2)
    path = put(root / "user.slice/job.scope/memory.events", EVENTS.format(7))
    before = oom_kills(root=root, proc=proc)
    path.write_text(EVENTS.format(1))
    assert kills_since(before) == 0
    path.unlink()
    assert kills_since(before) == 0
