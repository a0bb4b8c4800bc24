import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlterm.system.git import ask_status, parse_status, write_patch

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
OID = "3f786850e387550fdab836ed7e6dc881de23001b"


HEAD = f"# branch.oid {OID}\n# branch.head main\n"
MODES = "100644 100644 100644"


@pytest.mark.parametrize(
    ("text", "commit", "branch", "dirty"),
    [
        (HEAD, OID, "main", False),
        (f"# branch.oid {OID}\n# branch.head (detached)\n", OID, None, False),
        ("# branch.oid (initial)\n# branch.head main\n", None, "main", False),
        (f"# branch.oid {OID}\n# branch.head feature/x-1\n", OID, "feature/x-1", False),
        (f"{HEAD}# branch.upstream origin/x\n# branch.ab +1 -2\n", OID, "main", False),
        (f"{HEAD}# stash 3\n", OID, "main", False),
        (f"{HEAD}1 .M N... {MODES} {OID} {OID} a file.py\n", OID, "main", True),
        (f"{HEAD}2 R. N... {MODES} {OID} {OID} R100 new\told\n", OID, "main", True),
        (f"{HEAD}u UU N... {MODES} 100644 {OID} {OID} {OID} both\n", OID, "main", True),
        ("", None, None, False),
    ],
)
def test_a_status_is_read(text: str, commit: str | None, branch: str | None, dirty: bool) -> None:
    assert parse_status(text) == {"commit": commit, "branch": branch, "dirty": dirty}


def git(folder: Path, *words: str) -> str:
    settings = ["user.name=x", "user.email=x@example.org", "commit.gpgsign=false"]
    options = [part for setting in settings for part in ("-c", setting)]
    done = subprocess.run(
        ["git", "-C", str(folder), *options, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "train.py").write_text("print(1)\n")
    (folder / "data.bin").write_bytes(bytes(range(256)))
    (folder / "sub").mkdir()
    (folder / "sub" / "inner.py").write_text("inner\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def status(folder: Path) -> dict[str, object] | None:
    query = ask_status(str(folder))
    assert query is not None
    return query.result(60.0)


@needs_git
def test_a_clean_tree_is_clean(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert status(repository) == {"commit": head, "branch": "trunk", "dirty": False}
    assert status(repository / "sub") == {"commit": head, "branch": "trunk", "dirty": False}


@needs_git
def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(repository: Path) -> None:
    (repository / "logs").mkdir()
    (repository / "logs" / "new").touch()
    assert status(repository)["dirty"] is False  # type: ignore[index]
    (repository / "train.py").write_text("print(2)\n")
    assert status(repository)["dirty"] is True  # type: ignore[index]


@needs_git
def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    assert status(tmp_path) == {"commit": None, "branch": "trunk", "dirty": False}


@needs_git
def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    head = git(repository, "rev-parse", "HEAD")
    assert status(repository) == {"commit": head, "branch": None, "dirty": False}


@needs_git
def test_outside_of_a_repository_nothing_is_asked(tmp_path: Path) -> None:
    assert ask_status(str(tmp_path)) is None


@needs_git
def test_a_folder_that_only_looks_like_a_repository_has_no_status(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert status(tmp_path) is None


def test_without_git_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_status(str(tmp_path)) is None
    assert write_patch(str(tmp_path), tmp_path / "patch") == 0


def a_git_of_our_own(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and on PATH a program called git that does what ``script`` says."""
    program = folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (folder / ".git").mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return folder


def test_a_git_that_takes_too_long_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    folder = a_git_of_our_own(tmp_path, f'echo "# branch.head x"; read x <"{fifo}"', monkeypatch)
    query = ask_status(str(folder))
    assert query is not None
    assert query.result(0.05) is None
    fifo.open("w").close()  # it may go on now
    os.waitpid(query.pid, 0)


def test_a_git_that_fails_has_no_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_git_of_our_own(tmp_path, 'echo "# branch.head x"; exit 128', monkeypatch)
    assert status(folder) is None


def test_git_takes_no_lock_and_reads_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'read x; echo "# branch.head locks-$GIT_OPTIONAL_LOCKS-$x"'
    assert status(a_git_of_our_own(tmp_path, script, monkeypatch)) == {
        "commit": None, "branch": "locks-0-", "dirty": False,
    }  # fmt: skip


@needs_git
def test_a_clean_tree_has_no_patch(repository: Path, tmp_path: Path) -> None:
    assert write_patch(str(repository), tmp_path / "patch") == 0
    assert not (tmp_path / "patch").exists()


@needs_git
@pytest.mark.parametrize(
    "setting",
    ["x.y=z", "color.ui=always", "diff.noprefix=true", "diff.mnemonicPrefix=true",
     "diff.external=true", "diff.relative=true", "diff.wordRegex=."],
)  # fmt: skip
def test_a_patch_brings_the_tree_back_whatever_the_users_settings(
    repository: Path, tmp_path: Path, setting: str
) -> None:
    name, _, value = setting.partition("=")
    git(repository, "config", name, value)
    changed = {"train.py": b"print(2)\n", "data.bin": bytes(reversed(range(256)))}
    for file, content in changed.items():
        (repository / file).write_bytes(content)
    patch = tmp_path / "patch"
    assert write_patch(str(repository / "sub"), patch) == patch.stat().st_size > 0
    git(repository, "config", "--unset", name)
    git(repository, "checkout", "-q", ".")
    git(repository, "apply", "--allow-empty", str(patch))
    assert {file: (repository / file).read_bytes() for file in changed} == changed


@needs_git
def test_staged_changes_are_in_the_patch_too(repository: Path, tmp_path: Path) -> None:
    (repository / "train.py").write_text("print(2)\n")
    git(repository, "add", "train.py")
    write_patch(str(repository), tmp_path / "patch")
    assert b"+print(2)" in (tmp_path / "patch").read_bytes()


@needs_git
@pytest.mark.parametrize("limit", [1, 100, 65_536, 100_000])
def test_a_long_patch_is_cut_off_and_its_true_size_told(
    repository: Path, tmp_path: Path, limit: int
) -> None:
    (repository / "train.py").write_text("".join(f"line {n}\n" for n in range(20_000)))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    size = write_patch(str(repository), whole)
    assert size == whole.stat().st_size > limit
    assert write_patch(str(repository), cut, limit) == size
    assert cut.read_bytes() == whole.read_bytes()[:limit]
