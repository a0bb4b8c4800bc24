"""What git knows of the folder that a run starts in."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlterm.system import paths

PATCH_LIMIT = 5 * 1024 * 1024
_NO_LOCKS = {"GIT_OPTIONAL_LOCKS": "0"}  # git(1): a reader must not fight the user's own git

# Whatever the user's settings: a patch that `git apply` takes, of the whole tree.
_PLAIN_DIFF = (
    "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.relative=false",
    "diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv",
)  # fmt: skip


def parse_status(text: str) -> dict[str, Any]:
    """``git status --porcelain=v2 --branch`` → commit, branch, dirty (git-status(1))."""
    commit: str | None = None
    branch: str | None = None
    dirty = False
    for line in text.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.split(" ", 2)[2]
            commit = None if commit == "(initial)" else commit
        elif line.startswith("# branch.head "):
            branch = line.split(" ", 2)[2]
            branch = None if branch == "(detached)" else branch
        elif line and not line.startswith("#"):
            dirty = True
    return {"commit": commit, "branch": branch, "dirty": dirty}


@dataclass
class StatusQuery:
    """A ``git status`` that runs while others things are done."""

    pid: int | None
    """None where it is no child of ours: then its answer alone tells whether it failed."""
    pipe: int

    def is_answered(self) -> bool:
        """Whether ``result`` would not wait for git."""
        import select

        return bool(select.select([self.pipe], [], [], 0.0)[0])

    def result(self, wait_seconds: float) -> dict[str, Any] | None:
        """What it says, or None where it takes longer than that or fails."""
        import select
        import time

        deadline = time.monotonic() + wait_seconds
        answer = b""
        os.set_blocking(self.pipe, False)
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.pipe], [], [], left)[0]:
                return self._end(None)
            data = os.read(self.pipe, 65536)
            if not data:
                return self._end(answer)
            answer += data

    def _end(self, answer: bytes | None) -> dict[str, Any] | None:
        os.close(self.pipe)
        if answer is None:  # its next write fails; whoever adopts it reaps it
            return None
        if self.pid is None:
            text = answer.decode("utf-8", "replace")
            return parse_status(text) if text.startswith("# branch.oid") else None
        with suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            if status == 0:
                return parse_status(answer.decode("utf-8", "replace"))
        return None


def ask_status(folder: str, *, as_child: bool = True) -> StatusQuery | None:
    """Start asking for the state of the tree that ``folder`` is in; None outside of one.

    Where git must not be ``as_child`` of a process that may wait(2) for children of its own,
    a shell starts it in the background and ends.
    """
    root = paths.project_root(folder)
    git = _git()
    if root is None or git is None:
        return None
    read, write = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    command = [git, "-C", folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    if not as_child:
        command = ["/bin/sh", "-c", '"$@" &', "sh", *command]
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            {**os.environ, **_NO_LOCKS},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, write, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
            ],
        )
    except OSError:
        os.close(read)
        return None
    finally:
        os.close(write)
        os.close(null)
    if as_child:
        return StatusQuery(pid, read)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return StatusQuery(None, read)


def head(folder: str) -> dict[str, Any] | None:
    """Commit and branch, read from git's files alone (gitrepository-layout(5)); ``dirty`` is
    not known. None outside of a tree, or where the files do not tell."""
    root = paths.project_root(folder)
    with suppress(OSError, IndexError):
        if root is not None:
            own = Path(root, ".git")
            if own.is_file():  # of a worktree or a submodule: "gitdir: PATH"
                own = Path(root, own.read_text().split(": ", 1)[1].strip())
            shared = own
            with suppress(OSError):
                shared = own / (own / "commondir").read_text().strip()
            return {**_commit(own, shared), "dirty": None}
    return None


def _commit(own: Path, shared: Path) -> dict[str, Any]:
    kind, _, name = (own / "HEAD").read_text().strip().partition(": ")
    if kind != "ref":
        return {"commit": kind, "branch": None}
    branch = name.removeprefix("refs/heads/")
    if branch == ".invalid":  # the references are in a reftable: only git itself can tell
        return {"commit": None, "branch": None}
    with suppress(OSError):
        return {"commit": (shared / name).read_text().strip(), "branch": branch}
    with suppress(OSError):
        for line in (shared / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return {"commit": line.split(" ")[0], "branch": branch}
    return {"commit": None, "branch": branch}


def write_patch(folder: str, target: Path, limit: int = PATCH_LIMIT) -> int:
    """Write what differs from the last commit to ``target``; bytes in all, 0 for nothing.

    More than ``limit`` bytes are cut off there, which the number tells.
    """
    import subprocess

    git, root = _git(), paths.project_root(folder)
    if git is None or root is None:
        return 0
    size = 0
    with subprocess.Popen(
        [git, "-C", root, *_PLAIN_DIFF, "HEAD"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_NO_LOCKS},
    ) as process:
        assert process.stdout is not None
        while data := process.stdout.read(65536):
            if size < limit:
                with target.open("ab" if size else "wb") as patch:
                    patch.write(data[: limit - size])
            size += len(data)
    return size


def _git() -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, "git")
        if os.access(path, os.X_OK):
            return path
    return None
