"""Where a process's control groups lie, and what they tell of the out-of-memory killer."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlterm.core import cgroups

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")


@dataclass(frozen=True)
class Group:
    """A process's group in one hierarchy, as far as it can be seen from here."""

    folder: Path
    top: Path
    """Where the hierarchy is mounted: its root, or in a container often the container's group."""
    v2: bool

    def downwards(self) -> list[Path]:
        """Itself and every group that it is in, the outermost first."""
        way = [self.folder, *self.folder.parents]
        return way[way.index(self.top) :: -1]


@dataclass(frozen=True)
class OomCount:
    """How many processes of a group the OOM killer has ended so far."""

    file: Path
    kills: int


def memberships(pid: int | str, proc: Path = PROC) -> dict[str, str]:
    """See core.cgroups.memberships. Raises OSError where the process is gone."""
    return cgroups.memberships(read(proc / str(pid) / "cgroup"))


def groups(controller: str, paths: Mapping[str, str], root: Path = ROOT) -> list[Group]:
    """Where a controller's files may be: in its own v1 hierarchy, else in v2's.

    Each controller is in one of them (cgroups(7)); on a hybrid system v2's is in ``unified``.
    """
    found = []
    if controller in paths and (mount := _v1_mount(controller, root)) is not None:
        found.append(Group(_seen(mount, paths[controller]), mount, v2=False))
    unified = root / "unified"
    is_hybrid = os.path.isdir(unified) and not os.path.exists(root / "cgroup.controllers")
    mount = unified if is_hybrid else root
    found.append(Group(_seen(mount, paths.get("", "/")), mount, v2=True))
    return found


def _v1_mount(controller: str, root: Path) -> Path | None:
    """Controllers that are mounted together have one folder: ``cpu,cpuacct``."""
    with suppress(OSError):
        for name in sorted(os.listdir(root)):
            if controller in name.split(","):
                return root / name
    return None


def _seen(mount: Path, path: str) -> Path:
    """The folder of a group.

    In a container the container's own group is often mounted as the root, so that the path has
    parts too many in front; one with ".." is of a group beyond the namespace's root
    (cgroup_namespaces(7)), and that root is all that can be seen.
    """
    parts = path.strip("/").split("/")
    while parts and ".." not in parts:
        folder = mount.joinpath(*parts)
        if os.path.isdir(folder):
            return folder
        del parts[0]
    return mount


def oom_kills(pid: int | str = "self", root: Path = ROOT, proc: Path = PROC) -> OomCount | None:
    """The ``oom_kill`` count of a process's memory group (v1, else v2), or None.

    From memory.oom_control in v1 (Documentation/admin-guide/cgroup-v1/memory.rst), where it is
    of the group alone, from memory.events in v2 (…/cgroup-v2.rst), where those within count too.
    """
    paths: dict[str, str] = {}
    with suppress(OSError):
        paths = memberships(pid, proc)
    for group in groups("memory", paths, root):
        for folder in reversed(group.downwards()):
            file = folder / ("memory.events" if group.v2 else "memory.oom_control")
            if (kills := count(file)) is not None:
                return OomCount(file, kills)
    return None


def kills_since(before: OomCount | None) -> int:
    """How many more there are now than at ``before``; 0 where it cannot be told."""
    if before is None:
        return 0
    now = count(before.file)
    return max(0, now - before.kills) if now is not None else 0


def count(file: Path) -> int | None:
    """The kills that a file of OomCount's tells now, or None."""
    with suppress(OSError):
        return cgroups.field(read(file), "oom_kill")
    return None


def read(file: Path) -> str:
    """All of a small file of the kernel's, in one go. Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536).decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)
