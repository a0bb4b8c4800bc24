"""The machine's processes, through psutil: which of them belong to a run."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from mlterm.system.registry import Entry

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


@dataclass(frozen=True)
class Member:
    """A live process of a run."""

    pid: int
    started: int
    """Tells it from a later process of the same pid: psutil's own mark of that, since
    create_time() moves when the clock is set."""
    name: str
    state: str

    @property
    def stuck(self) -> bool:
        """In uninterruptible sleep (state D): no signal reaches it until the kernel lets go."""
        return self.state == psutil.STATUS_DISK_SLEEP


def members(entry: Entry) -> list[Member]:
    """Every live process of the run.

    Descendants of the command, orphans that the guard has adopted, and whatever carries
    the run's MLTERM_RUN_FILE in its environment (torchrun starts its ranks in sessions of
    their own). mlterm's own processes are those of the guard's session; zombies are dead.
    """
    found: dict[int, Member] = {}
    children: dict[int, list[int]] = {}
    everybody: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            everybody[process.pid] = process
            children.setdefault(process.ppid(), []).append(process.pid)
    marked = {pid for pid, process in everybody.items() if _carries(process, entry.run_file)}
    waiting = [entry.command_pid, *children.get(entry.guard_pid, ()), *marked]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid in seen or pid not in everybody or pid == os.getpid():
            continue
        seen.add(pid)
        waiting += children.get(pid, ())
        if _session(pid) != entry.session and (member := _member(everybody[pid])) is not None:
            found[pid] = member
    return sorted(found.values(), key=lambda member: member.pid)


class Tree:
    """The members of a run, those included that were seen once and have been orphaned since
    the guard is gone."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._known: dict[tuple[int, int], Member] = {}

    def members(self) -> list[Member]:
        """Who is alive now."""
        now = {(member.pid, member.started): member for member in members(self._entry)}
        for identity, member in self._known.items():
            if identity not in now and (still := _again(member)) is not None:
                now[identity] = still
        self._known = now
        return list(now.values())


def _again(member: Member) -> Member | None:
    with suppress(psutil.Error):
        process = psutil.Process(member.pid)
        return _member(process) if hash(process) == member.started else None
    return None


def send(member: Member, number: int) -> None:
    """Signal a process, unless its pid has passed to another; nothing is raised."""
    with suppress(psutil.Error, ProcessLookupError, PermissionError):
        process = psutil.Process(member.pid)
        if hash(process) == member.started:
            process.send_signal(number)
            if number in (signal.SIGTERM, signal.SIGINT) and member.state == psutil.STATUS_STOPPED:
                process.send_signal(signal.SIGCONT)


def describe(who: Iterable[Member]) -> str:
    """For a person: ``python (pid 4242), sh (pid 4243)``."""
    return ", ".join(f"{member.name} (pid {member.pid})" for member in who)


def _carries(process: psutil.Process, run_file: str) -> bool:
    with suppress(psutil.Error, OSError):
        if process.uids().real == os.getuid() or os.getuid() == 0:
            return process.environ().get("MLTERM_RUN_FILE") == run_file
    return False


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _member(process: psutil.Process) -> Member | None:
    try:
        with process.oneshot():
            state = process.status()
            if state in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return None
            return Member(process.pid, hash(process), process.name(), state)
    except _GONE:
        return None
