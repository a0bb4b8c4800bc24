"""Where things are: log folders, a run's files, and the per-user folder for sockets."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlterm.core.errors import SupervisorError
from mlterm.core.names import as_name, file_stem


def log_dir(option: str | None) -> Path:
    """--log-dir, else MLTERM_LOG_DIR, else ./logs; absolute, not necessarily there."""
    folder = option or os.environ.get("MLTERM_LOG_DIR") or "logs"
    try:
        return Path(os.path.abspath(folder))
    except FileNotFoundError:  # the current folder was removed; live runs are found all the same
        return Path(folder)


def project_root(folder: str) -> str | None:
    """The nearest folder upwards that git works in (it has a .git), or None."""
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def default_project(folder: str) -> str:
    """What a project is called that nobody has named: as its git root, else as the folder."""
    return as_name(os.path.basename(project_root(folder) or folder), "default")


@dataclass(frozen=True)
class RunFiles:
    """The names of all files of one run (DESIGN.md, Files)."""

    run: Path

    @classmethod
    def of(cls, log_dir: Path, project: str, run_id: str) -> "RunFiles":
        """The files of a run by its names."""
        return cls(log_dir / f"{file_stem(project, run_id)}.jsonl")

    @property
    def lock(self) -> Path:
        """Held by the run's owner while it lives."""
        return self.run.with_name(self.run.name + ".lock")

    @property
    def ranks(self) -> Path:
        """Shared by the ranks of a distributed job that has no supervisor (system/lock.py)."""
        return self.folder / ".ranks"

    @property
    def names(self) -> Path:
        """What the script's Tracker calls a supervised run, where that is another name."""
        return self.folder / ".names"

    @property
    def folder(self) -> Path:
        """The bulk: output, samples, patches."""
        return self.run.with_name(self.run.name.removesuffix(".jsonl"))

    @property
    def marks(self) -> Path:
        """Where in the run's file tags and notes stand (system/annotations.py)."""
        return self.folder / ".marks"

    @property
    def output(self) -> Path:
        """Exactly the bytes that the program wrote."""
        return self.folder / "output.log"

    @property
    def index(self) -> Path:
        """When the output stood where."""
        return self.folder / "output.idx"

    @property
    def summary(self) -> Path:
        """Every series folded, and how far the run is, as the observer last saw them."""
        return self.folder / "summary.json"

    @property
    def system(self) -> Path:
        """Samples of the job's processes, the host and the GPUs."""
        return self.folder / "system.jsonl"

    @property
    def reserve(self) -> Path:
        """Room kept for the finish record, given up when the disk is full."""
        return self.folder / ".reserve"

    @property
    def crash_log(self) -> Path:
        """What a part of mlterm said before it died; there only if one did."""
        return self.folder / "mlterm-crash.log"

    @property
    def key(self) -> str:
        """A short name, one per run file of this machine, for sockets (107 bytes at most)."""
        return short_key(os.fsencode(os.path.realpath(self.run)))


def short_key(data: bytes) -> str:
    """16 hexadecimal digits that stand for ``data`` (FNV-1a, 64 bits)."""
    value = 0xCBF29CE484222325  # importing hashlib would cost every start 5 ms
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def cache_dir() -> Path:
    """What may be deleted at any time; not necessarily there (XDG Base Directory Specification)."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    return Path(told if os.path.isabs(told) else os.path.expanduser("~/.cache")) / "mlterm"


def runtime_dirs() -> Iterator[Path]:
    """The folders that may hold the user's sockets, the preferred one first; none is made."""
    if own := os.environ.get("MLTERM_RUNTIME_DIR"):
        yield Path(os.path.abspath(own))
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime) and len(os.fsencode(runtime)) <= 70:
        yield Path(runtime) / "mlterm"
    if (usual := Path(f"/run/user/{os.getuid()}/mlterm")).is_dir():
        yield usual  # of a run that was started with XDG_RUNTIME_DIR, looked for without
    for temporary in (os.environ.get("TMPDIR"), "/tmp"):
        if temporary and os.path.isabs(temporary):
            yield Path(temporary) / f"mlterm-{os.getuid()}"


def make_runtime_dir() -> Path:
    """The first of ``runtime_dirs`` that can be had, made where it is missing (0700).

    Raises SupervisorError where one is there but not ours alone: a folder in a shared
    temporary directory may have been put there by somebody else.
    """
    failure: OSError | None = None
    for folder in runtime_dirs():
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            failure = error
            continue
        if len(os.fsencode(folder)) > 80:
            failure = OSError(f"the path of {folder} is too long for a socket")
            continue
        check_private(folder)
        return folder
    raise SupervisorError(f"no folder for the run's socket can be made: {failure}")


def check_private(folder: Path) -> None:
    """Raise SupervisorError unless ``folder`` is a real folder, ours, closed to others."""
    seen = os.lstat(folder)
    wrong = None
    if not stat.S_ISDIR(seen.st_mode):
        wrong = "is not a folder of its own (a symbolic link is never followed)"
    elif seen.st_uid != os.getuid():
        wrong = f"belongs to user {seen.st_uid}"
    elif stat.S_IMODE(seen.st_mode) & 0o077:
        wrong = f"is open to others (mode {stat.S_IMODE(seen.st_mode):04o})"
    if wrong:
        raise SupervisorError(
            f"{folder} {wrong}; mlterm keeps its sockets only where nobody else can reach. "
            f"Remove it, or set MLTERM_RUNTIME_DIR or XDG_RUNTIME_DIR to a folder of your own "
            "(mode 0700)."
        )
