"""The live runs of this user on this machine: one small file beside each run's socket."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mlterm.core.errors import SupervisorError
from mlterm.system import lock, paths
from mlterm.system.paths import RunFiles


@dataclass(frozen=True)
class Entry:
    """What others need in order to reach a live run."""

    project: str
    run_id: str
    run_file: str
    command_pid: int
    guard_pid: int
    tty: str
    host: str
    session: int = 0
    """Of guard, keeper and observer: tells them from the job's processes."""

    @property
    def files(self) -> RunFiles:
        """The run's files."""
        return RunFiles(Path(self.run_file))


def write(folder: Path, entry: Entry) -> Path:
    """Put the entry beside the run's socket."""
    path = folder / f"{entry.files.key}.json"
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(json.dumps(asdict(entry)))  # orjson would refuse a path that is not UTF-8
    scratch.replace(path)
    return path


def find(files: RunFiles) -> Entry | None:
    """The entry of one run, None where it is not live on this machine."""
    for folder in _trusted():
        entry = _read(folder / f"{files.key}.json")
        if entry is not None and lock.is_held(entry.files.lock):
            return entry
    return None


def live() -> Iterator[Entry]:
    """Every live run of this user; what dead ones left behind is swept away."""
    seen: set[str] = set()
    for folder in _trusted():
        for path in sorted(folder.glob("*.json")):
            entry = _read(path)
            if entry is None or entry.run_file in seen:
                continue
            if lock.is_held(entry.files.lock):
                seen.add(entry.run_file)
                yield entry
            elif entry.host == os.uname().nodename:
                remove(path.parent, entry.files.key)


def remove(folder: Path, key: str) -> None:
    """Take a run's socket and entry away."""
    for ending in (".json", ".sock"):
        with suppress(OSError):
            (folder / f"{key}{ending}").unlink()


def _trusted() -> Iterator[Path]:
    for folder in paths.runtime_dirs():
        try:
            paths.check_private(folder)
        except (OSError, SupervisorError):
            continue
        yield folder


def _read(path: Path) -> Entry | None:
    try:
        fields = json.loads(path.read_text())
        return Entry(**{name: fields[name] for name in Entry.__match_args__ if name in fields})
    except (OSError, ValueError, TypeError):
        return None
