import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlterm.core.errors import RefusedError, SupervisorError
from mlterm.core.names import check_pair
from mlterm.system.paths import (
    RunFiles,
    check_private,
    log_dir,
    make_runtime_dir,
    project_root,
    runtime_dirs,
)

NAMES = st.from_regex(r"[a-c_-][a-c._-]{0,4}(\.jsonl|\.lock|\.log|\.json)?", fullmatch=True)


def test_the_option_comes_before_the_environment_and_that_before_logs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLTERM_LOG_DIR", raising=False)
    assert log_dir(None) == tmp_path / "logs"
    monkeypatch.setenv("MLTERM_LOG_DIR", "from/environment")
    assert log_dir(None) == tmp_path / "from/environment"
    assert log_dir("../option") == tmp_path.parent / "option"
    assert log_dir("/absolute") == Path("/absolute")


def test_a_projects_root_is_the_nearest_folder_with_a_git(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    assert project_root(str(inner)) == str(tmp_path / "repo")
    (inner / ".git").write_text("gitdir: elsewhere")  # a worktree, a submodule
    assert project_root(str(inner)) == str(inner)


def test_outside_of_git_there_is_no_root(tmp_path: Path) -> None:
    assert project_root(str(tmp_path)) is None
    assert project_root("/") is None


def test_a_runs_files_are_those_of_the_contract() -> None:
    files = RunFiles.of(Path("/logs"), "my_project", "run_001")
    assert files.run == Path("/logs/my_project_run_001.jsonl")
    assert files.lock == Path("/logs/my_project_run_001.jsonl.lock")
    assert files.folder == Path("/logs/my_project_run_001")
    assert files.output == files.folder / "output.log"
    assert files.index == files.folder / "output.idx"
    assert {files.reserve.parent, files.crash_log.parent} == {files.folder}


@given(NAMES, NAMES, NAMES, NAMES)
@example("p", "x", "p", "x.jsonl")
@example("p", "x", "p", "x.jsonl.lock")
def test_the_files_of_two_runs_never_meet(p1: str, r1: str, p2: str, r2: str) -> None:
    try:
        check_pair(p1, r1)
        check_pair(p2, r2)
    except RefusedError:
        return
    one, other = RunFiles.of(Path("/l"), p1, r1), RunFiles.of(Path("/l"), p2, r2)
    if one != other:
        ours, theirs = ({f.run, f.lock, f.folder} for f in (one, other))
        assert not ours & theirs


def test_one_file_has_one_key_by_whatever_way_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "link").symlink_to("logs")
    plain = RunFiles.of(tmp_path / "logs", "p", "r").key
    assert RunFiles.of(tmp_path / "link", "p", "r").key == plain
    assert RunFiles.of(tmp_path / "logs" / ".." / "logs", "p", "r").key == plain
    assert RunFiles.of(tmp_path / "logs", "p", "r2").key != plain


def test_a_key_is_short_and_plain_for_any_path() -> None:
    for folder in ("/", "/" + "long/" * 500, "/\udcff\n"):
        key = RunFiles.of(Path(folder), "p", "r").key
        assert len(key) == 16
        assert key.isalnum()


def test_the_runtime_folder_is_made_for_the_user_alone(runtime: Path) -> None:
    before = os.umask(0)
    try:
        folder = make_runtime_dir()
    finally:
        os.umask(before)
    assert folder == runtime / "mlterm"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert make_runtime_dir() == folder


@pytest.mark.parametrize("value", ["", "relative/folder", "/" + "x" * 80])
def test_a_runtime_folder_that_cannot_serve_is_not_thought_of(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    folders = list(runtime_dirs())
    assert all(folder.is_absolute() for folder in folders)
    assert Path(f"/elsewhere/mlterm-{os.getuid()}") in folders
    assert not any("x" * 80 in str(folder) for folder in folders)


def test_a_runtime_folder_that_has_vanished_is_replaced_by_one_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "gone"))
    monkeypatch.setenv("TMPDIR", str(runtime))
    folder = make_runtime_dir()
    assert folder != runtime / "gone" / "mlterm"
    check_private(folder)


def test_a_runtime_folder_of_somebody_elses_making_is_refused(runtime: Path) -> None:
    (runtime / "target").mkdir(mode=0o700)
    (runtime / "mlterm").symlink_to("target")
    with pytest.raises(SupervisorError, match="symbolic link"):
        make_runtime_dir()
    assert list((runtime / "target").iterdir()) == []


def test_a_folder_of_ones_own_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    check_private(folder)


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o704, 0o770, 0o777, 0o1777])
def test_a_folder_that_is_open_to_others_is_refused_with_its_mode(
    tmp_path: Path, mode: int
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(SupervisorError, match=f"{mode:04o}") as caught:
        check_private(folder)
    assert str(folder) in str(caught.value)


def test_a_symbolic_link_is_refused_even_to_a_private_folder(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("own")
    with pytest.raises(SupervisorError, match="never followed"):
        check_private(tmp_path / "link")


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(SupervisorError, match="not a folder"):
        check_private(tmp_path / "file")


@pytest.mark.root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a folder can be given away only by root")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(SupervisorError, match="belongs to user 65534"):
        check_private(folder)
