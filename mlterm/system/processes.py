"""The processes of a job, found and read through /proc (proc(5)); Linux only.

A look costs what the job's own processes cost, however many others the host has: children
are asked for from parents, and the one search through all of /proc, for processes that only
the environment marks as the run's, goes a few steps at each look.
"""

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from mlterm.core.pidfiles import (
    DEAD,
    Stat,
    parse_environ,
    parse_io,
    parse_rollup,
    parse_stat,
    parse_words,
)
from mlterm.core.usage import Adopted, Identity, Reading

PROC = Path("/proc")
NO_PROC = "there is no /proc, or it is of another PID namespace"
KEPT_OPEN = 128
"""Processes whose files, two each, are kept open between two looks: it saves half the cost of
one. Where few descriptors may be open, half of them at most."""
IO_LIMIT = 1000
"""Processes above which I/O is not asked for."""
THREADS_LIMIT = 4000
"""Threads that are asked for their children in one thorough look."""
FEW_THREADS = 64
"""And in every other: uv, Java and thread pools start children from any thread."""
_STAT_BYTES = 4096
_CHUNK = 64 * 1024


class Process:
    """A live process. Files that are kept open can never show another of the same pid: reading
    them says ESRCH when theirs is gone."""

    def __init__(self, folder: str, pid: int, *, keep_open: bool) -> None:
        self.pid = pid
        self.folder = f"{folder}/{pid}"
        self._keep = keep_open
        self._fds: dict[str, int] = {}
        self.stat = parse_stat(self.read("stat", _STAT_BYTES))

    @property
    def identity(self) -> Identity:
        """Tells it from every other process."""
        return self.pid, self.stat.started_ticks

    def look(self) -> bool:
        """Read ``stat`` anew; False where the process is gone."""
        try:
            stat = parse_stat(self.read("stat", _STAT_BYTES))
        except (OSError, ValueError):
            return False
        if stat.started_ticks != self.stat.started_ticks:
            return False
        self.stat = stat
        return True

    def read(self, name: str, size: int = _CHUNK) -> bytes:
        """The content of one of its files. Raises OSError."""
        fd = self._fds.get(name)
        if fd is not None:
            return os.pread(fd, size, 0)
        fd = os.open(f"{self.folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(fd, size)
        except OSError:
            os.close(fd)
            raise
        if self._keep and name in ("stat", "io"):
            self._fds[name] = fd
        else:
            os.close(fd)
        return data

    def io(self) -> tuple[int, int] | None:
        """Bytes read from storage and written to it; None where it may not be known."""
        with suppress(OSError, ValueError, KeyError):
            return parse_io(self.read("io"))
        return None

    def memory(self) -> tuple[int, int] | None:
        """PSS and USS in bytes; None where they may not be known.

        The kernel walks the process's page tables for it and holds its mmap_lock meanwhile,
        which it lets go of when somebody waits. Not asked of a process in state D, whose lock
        may never be free again.
        """
        if self.stat.state == "D":
            return None
        with suppress(OSError, ValueError, KeyError):
            return parse_rollup(self.read("smaps_rollup"))
        return None

    def open_files(self) -> int | None:
        """How many descriptors it has; None where they may not be known."""
        with suppress(OSError):
            if count := os.stat(f"{self.folder}/fd").st_size:  # Linux 6.2 and later
                return count
            return len(os.listdir(f"{self.folder}/fd"))
        return None

    def words(self) -> tuple[str, ...]:
        """Its command line; empty where it may not be known."""
        return parse_words(self._text("cmdline"))

    def environ(self) -> dict[str, str]:
        """The environment that it was started with; empty where it may not be known."""
        return parse_environ(self._text("environ"))

    def _text(self, name: str) -> bytes:
        return b"" if self.stat.state == "D" else _content(f"{self.folder}/{name}")

    def children(self, *, of_all_threads: bool) -> Iterator[int]:
        """The pids of its children: of those that its main thread started, or any."""
        yield from _numbers(f"{self.folder}/task/{self.pid}/children")
        if of_all_threads and self.stat.threads > 1:
            with suppress(OSError):
                for thread in os.listdir(f"{self.folder}/task"):
                    if thread != str(self.pid):
                        yield from _numbers(f"{self.folder}/task/{thread}/children")

    def close(self) -> None:
        """Let go of its files."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()


class ProcessTree:
    """All processes of a job: descendants of ``root``, orphans that ``adopter`` has taken in, and
    what carries ``mark`` in its environment.

    Processes of the session ``ours`` are mlterm's own. Whoever was found is of the job until its
    end, whoever its parent is by then. ``started``, where it is known, tells ``root`` from a
    later process of the same pid.
    """

    def __init__(
        self,
        root: int,
        adopter: int | None = None,
        ours: int = 0,
        mark: tuple[str, str] | None = None,
        proc: Path = PROC,
        started: int | None = None,
    ) -> None:
        self._folder = str(proc)
        self._root, self._started, self._ours = root, started, ours
        self._kept_open = _room_for_files()
        self._known: dict[int, Process] = {}
        self._strangers: set[int] = set()
        self._adopter = None if adopter is None else self._open(adopter)
        self._search = None if mark is None else _Search(proc, mark)
        self.taken_in: Adopted | None = None
        """What the adopter had waited for, at the last look, of those that have ended; None
        where there is none."""
        self.unreadable = 0
        """How many were named as children at the last look, but could not be read."""

    def look(self, *, thoroughly: bool) -> list[Process]:
        """Everybody alive, parents before their children where both are new, the adopter before
        all. ``thoroughly`` asks every thread for its children, not only the main ones and those
        of processes that have few."""
        self.taken_in = self._taken_in()
        gone = [pid for pid, process in self._known.items() if not process.look()]
        for pid in gone:
            self._known.pop(pid).close()
        self.unreadable = 0
        waiting = list(self._known.values())
        adopted = self._adopted(thoroughly=thoroughly)
        self._strangers &= set(adopted)
        marked = self._search.step(self._known) if self._search else ()
        for pid in (self._root, *adopted, *marked):
            waiting += self._meet(pid)
        room = THREADS_LIMIT if thoroughly else FEW_THREADS
        while waiting:
            process = waiting.pop()
            if process.stat.state in DEAD:
                continue
            others = process.stat.threads - 1
            asked = 0 < others <= room
            if asked:
                room -= others
            for pid in process.children(of_all_threads=asked):
                waiting += self._meet(pid)
        return list(self._known.values())

    def close(self) -> None:
        """Let go of all files."""
        for process in self._known.values():
            process.close()
        if self._adopter is not None:
            self._adopter.close()
        if self._search is not None:
            self._search.close()

    def _taken_in(self) -> Adopted | None:
        if self._adopter is None or not self._adopter.look():
            return None
        return Adopted(self._adopter.stat.waited_ticks, self._adopter.io())

    def _adopted(self, *, thoroughly: bool) -> list[int]:
        if self._adopter is None or self.taken_in is None:
            return []
        return list(self._adopter.children(of_all_threads=thoroughly))

    def _meet(self, pid: int) -> list[Process]:
        """The process, where it is of the job and new."""
        if pid in self._known or pid in self._strangers:
            return []
        process = self._open(pid)
        if process is None:
            return []
        if self._is_strange(process):
            process.close()
            self._strangers.add(pid)
            return []
        self._known[pid] = process
        return [process]

    def _is_strange(self, process: Process) -> bool:
        if process.pid == self._root and self._started is not None:
            return process.stat.started_ticks != self._started
        return bool(self._ours) and process.stat.session == self._ours

    def _open(self, pid: int) -> Process | None:
        try:
            return Process(self._folder, pid, keep_open=len(self._known) < self._kept_open)
        except (FileNotFoundError, ProcessLookupError):
            return None
        except (OSError, ValueError):
            self.unreadable += 1
            return None


class _Search:
    """Looks through all processes for a variable in their environment, some at each step.

    Which were looked at is told by pid and inode: a later process of the same pid has another.
    """

    ENTRIES = 64
    """Processes that one step passes by, at most."""
    READ = 16
    """And those whose environment it reads."""

    def __init__(self, proc: Path, mark: tuple[str, str]) -> None:
        self._proc = proc
        self._wanted = f"{mark[0]}={mark[1]}".encode("utf-8", "surrogateescape")
        self._seen: set[tuple[int, int]] = set()
        self._passed: set[tuple[int, int]] = set()
        self._folder: AbstractContextManager[Iterator[os.DirEntry[str]]] = nullcontext(iter(()))
        self._entries: Iterator[os.DirEntry[str]] = iter(())

    def step(self, known: Mapping[int, object]) -> list[int]:
        """The marked ones among those that this step has looked at."""
        found = []
        read = 0
        for _ in range(self.ENTRIES):
            entry = next(self._entries, None)
            if entry is None:
                self._seen, self._passed = self._passed, set()
                self._begin()
                break
            if not entry.name.isdigit():
                continue
            who = int(entry.name), entry.inode()
            self._passed.add(who)
            if who in self._seen or who[0] in known:
                continue
            if self._carries(entry.path):
                found.append(who[0])
            read += 1
            if read >= self.READ:
                break
        return found

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.__exit__(None, None, None)

    def _begin(self) -> None:
        self.close()
        with suppress(OSError):
            self._folder = folder = os.scandir(self._proc)
            self._entries = iter(folder)

    def _carries(self, folder: str) -> bool:
        return self._wanted in _content(f"{folder}/environ").split(b"\0")


def readings(processes: list[Process]) -> dict[Process, Reading]:
    """What each was found to have used; those that have gone meanwhile are left out."""
    asks_io = len(processes) <= IO_LIMIT
    found = {}
    for process in processes:
        stat, io = process.stat, process.io() if asks_io else None
        if io is not None or not asks_io or process.look():
            found[process] = Reading(stat, io)
    return found


def stat_of(pid: int, proc: Path = PROC) -> Stat | None:
    """One process as it is now; None where there is none, or it may not be known."""
    with suppress(OSError, ValueError):
        return parse_stat((proc / str(pid) / "stat").read_bytes())
    return None


def is_proc_ours(proc: Path = PROC) -> bool:
    """Whether /proc is there, and tells of our PID namespace: of another one's, as where only
    the namespace is new (unshare(1) without --mount-proc), our pids would be strangers'."""
    try:
        return os.readlink(proc / "self") == str(os.getpid())
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process, to be seen or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _room_for_files() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return KEPT_OPEN if limit == resource.RLIM_INFINITY else min(KEPT_OPEN, limit // 4)


def _numbers(path: str) -> list[int]:
    return list(map(int, _content(path).split()))


def _content(path: str) -> bytes:
    """All of a file, however long the kernel makes it; nothing where it may not be read."""
    data = b""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while more := os.read(fd, _CHUNK):
                data += more
        finally:
            os.close(fd)
    return data
