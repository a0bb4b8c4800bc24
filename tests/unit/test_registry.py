import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from mlterm.system import lock, registry
from mlterm.system.paths import RunFiles
from mlterm.system.registry import Entry


def entry(logs: Path, run_id: str = "r", **changes: Any) -> Entry:
    files = RunFiles.of(logs, "p", run_id)
    plain = Entry("p", run_id, str(files.run), 11, 10, "/dev/pts/9", socket.gethostname())
    return replace(plain, **changes)


@pytest.fixture
def folder(runtime: Path) -> Path:
    path = runtime / "mlterm"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def held(tmp_path: Path) -> Iterator[ExitStack]:
    """Where locks are kept until the test's end."""
    with ExitStack() as stack:
        yield stack


def hold(stack: ExitStack, one: Entry) -> Entry:
    fd = lock.take(one.files.lock)
    assert fd is not None
    stack.callback(os.close, fd)
    return one


def ours(folder: Path, tmp_path: Path) -> list[str]:
    """The live runs of this test; others of this user may be live as well."""
    return sorted(e.run_id for e in registry.live() if e.run_file.startswith(str(tmp_path)))


def test_a_live_run_is_found(folder: Path, tmp_path: Path, held: ExitStack) -> None:
    one = hold(held, entry(tmp_path))
    path = registry.write(folder, one)
    assert path == folder / f"{one.files.key}.json"
    assert registry.find(one.files) == one
    assert ours(folder, tmp_path) == ["r"]
    assert [path.suffix for path in folder.iterdir()] == [".json"]


def test_each_live_run_is_found_once(folder: Path, tmp_path: Path, held: ExitStack) -> None:
    for run_id in ("b", "a"):
        registry.write(folder, hold(held, entry(tmp_path, run_id)))
    assert ours(folder, tmp_path) == ["a", "b"]


def test_a_later_entry_replaces_the_first(folder: Path, tmp_path: Path, held: ExitStack) -> None:
    one = hold(held, entry(tmp_path))
    registry.write(folder, one)
    registry.write(folder, replace(one, command_pid=99))
    found = registry.find(one.files)
    assert found is not None
    assert found.command_pid == 99


def test_a_run_without_an_entry_is_not_found(folder: Path, tmp_path: Path) -> None:
    assert registry.find(RunFiles.of(tmp_path, "p", "none")) is None


def test_what_a_dead_run_left_is_not_found_and_swept_away(folder: Path, tmp_path: Path) -> None:
    one = entry(tmp_path)
    one.files.lock.touch()
    path = registry.write(folder, one)
    path.with_suffix(".sock").touch()
    assert registry.find(one.files) is None
    assert ours(folder, tmp_path) == []
    assert list(folder.iterdir()) == []


def test_an_entry_of_another_host_is_left_to_it(folder: Path, tmp_path: Path) -> None:
    """The runtime folder may be a shared one, where locks do not reach across."""
    one = entry(tmp_path, host="elsewhere")
    path = registry.write(folder, one)
    assert ours(folder, tmp_path) == []
    assert path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"[1, 2]", b"null", b"{}", b'{"project": "p"}', b"\xff"]
)
def test_a_broken_entry_is_passed_over(
    folder: Path, tmp_path: Path, held: ExitStack, content: bytes
) -> None:
    registry.write(folder, hold(held, entry(tmp_path)))
    (folder / "0000000000000000.json").write_bytes(content)
    assert ours(folder, tmp_path) == ["r"]


def test_an_entry_of_a_newer_version_is_read_as_far_as_it_is_known(
    folder: Path, tmp_path: Path, held: ExitStack
) -> None:
    one = hold(held, entry(tmp_path))
    path = registry.write(folder, one)
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"new": 1}))
    assert registry.find(one.files) == one


def test_a_path_that_is_not_utf8_comes_back(folder: Path, tmp_path: Path, held: ExitStack) -> None:
    logs = tmp_path / os.fsdecode(b"caf\xe9")
    logs.mkdir()
    one = hold(held, entry(logs))
    registry.write(folder, one)
    assert registry.find(one.files) == one


def test_a_folder_that_others_can_write_to_is_not_believed(
    folder: Path, tmp_path: Path, held: ExitStack
) -> None:
    one = hold(held, entry(tmp_path))
    registry.write(folder, one)
    folder.chmod(0o777)
    assert registry.find(one.files) is None
    assert ours(folder, tmp_path) == []


def test_a_removed_run_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    one = entry(tmp_path)
    registry.write(folder, one).with_suffix(".sock").touch()
    registry.remove(folder, one.files.key)
    registry.remove(folder, one.files.key)
    assert list(folder.iterdir()) == []
