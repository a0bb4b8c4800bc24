"""What the kernel's control groups tell of the out-of-memory killer."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class OomCount:
    """How many processes of a group the OOM killer has ended so far."""

    file: Path
    kills: int


def oom_kills(
    pid: int | str = "self", root: Path = _ROOT, proc: Path = Path("/proc")
) -> OomCount | None:
    """The ``oom_kill`` count of a process's memory group (v2, else v1), or None.

    From memory.events in v2 (Documentation/admin-guide/cgroup-v2.rst), memory.oom_control
    in v1 (…/cgroup-v1/memory.rst).
    """
    groups = {}
    with suppress(OSError):
        for line in (proc / str(pid) / "cgroup").read_text(errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            groups[controllers] = path.lstrip("/")
    candidates = [
        root / groups.get("", "?") / "memory.events",
        root / "unified" / groups.get("", "?") / "memory.events",
        root / "memory" / groups.get("memory", "?") / "memory.oom_control",
        # In a container the group's own path is often mounted as the root.
        root / "memory.events",
        root / "memory" / "memory.oom_control",
    ]
    for file in candidates:
        if (kills := _field(file, "oom_kill")) is not None:
            return OomCount(file, kills)
    return None


def kills_since(before: OomCount | None) -> int:
    """How many more there are now than at ``before``; 0 where it cannot be told."""
    if before is None:
        return 0
    now = _field(before.file, "oom_kill")
    return max(0, now - before.kills) if now is not None else 0


def _field(file: Path, name: str) -> int | None:
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == name:
                return int(words[1])
    return None
