"""The processes of a real run, told from mlterm's own."""

import json
import os
import signal
from dataclasses import replace

import psutil
import pytest

from mlterm.system import host
from mlterm.system.host import Member
from mlterm.system.registry import Entry
from tests.support import Home, wait_until

SCRIPT = "sleep 1000 & setsid sleep 1000 & (sleep 1000 & echo $! >orphan); wait"


class Tree:
    def __init__(self, home: Home) -> None:
        self._home = home
        home.environ["SPT_NOENV"] = "1"  # setproctitle: leave /proc/PID/environ as it was
        run = home.detached("sh", "-c", SCRIPT)
        (path,) = (home.path / "run" / "mlterm").glob("*.json")
        self.entry = Entry(**json.loads(path.read_text()))
        assert self.entry.run_file == str(run.path)
        self.command = self.entry.command_pid
        self.adopted = int(wait_until(lambda: self._read("orphan"), "the orphan"))
        wait_until(self._is_whole, "the children and their sessions")

    def _read(self, name: str) -> str:
        path = self._home.path / name
        return path.read_text().strip() if path.exists() else ""

    def _is_whole(self) -> bool:
        children = self.children()
        return len(children) == 2 and any(os.getsid(pid) == pid for pid in children)

    def children(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.command).children()}

    def members(self) -> list[Member]:
        return host.members(self.entry)

    def pids(self) -> set[int]:
        return {member.pid for member in self.members()}

    def member(self, pid: int) -> Member:
        (found,) = [member for member in self.members() if member.pid == pid]
        return found


@pytest.fixture
def tree(home: Home) -> Tree:
    return Tree(home)


def test_the_command_its_children_and_the_adopted_orphans_are_the_run(tree: Tree) -> None:
    assert {tree.command, tree.adopted, *tree.children()} <= tree.pids()


def test_mlterms_own_processes_are_not(tree: Tree, home: Home) -> None:
    """Else mlterm stop would signal the keeper, and kill it in the end."""
    own = {home.part(part).pid for part in ("guard", "keeper", "observer")}
    assert not (own | {os.getpid()}) & tree.pids()


def test_a_session_of_its_own_that_outlives_the_command_still_is(tree: Tree) -> None:
    (survivor,) = [pid for pid in tree.children() if os.getsid(pid) == pid]
    os.kill(tree.command, signal.SIGKILL)
    wait_until(lambda: tree.command not in tree.pids(), "the command's end")
    assert survivor in tree.pids()


def test_whoever_carries_the_runs_environment_is_known_without_its_parents(tree: Tree) -> None:
    nobody = replace(tree.entry, command_pid=-1, guard_pid=-1)
    carriers = {member.pid for member in host.members(nobody)}
    assert {tree.command, tree.adopted, *tree.children()} <= carriers
    assert host.members(replace(nobody, run_file=nobody.run_file + "x")) == []


def test_a_signal_reaches_whom_it_is_meant_for(tree: Tree) -> None:
    member = tree.member(tree.adopted)
    host.send(member, signal.SIGTERM)
    wait_until(lambda: member.pid not in tree.pids(), "its end")
    host.send(member, signal.SIGTERM)
    assert tree.children() <= tree.pids()


def test_a_pid_that_has_passed_to_another_is_not_signalled(tree: Tree) -> None:
    member = tree.member(tree.adopted)
    host.send(Member(member.pid, member.started - 1, member.name, member.state), signal.SIGKILL)
    process = psutil.Process(member.pid)
    assert process.status() != psutil.STATUS_ZOMBIE
    assert tree.adopted in tree.pids()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_process_is_let_go_so_that_it_can_obey(tree: Tree, number: int) -> None:
    target = tree.adopted if number == signal.SIGTERM else tree.command
    os.kill(target, signal.SIGSTOP)
    process = psutil.Process(target)
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "the stop")
    host.send(tree.member(target), number)
    wait_until(lambda: target not in tree.pids(), "its end")


def test_members_are_described_for_a_person() -> None:
    who = [Member(7, 0.0, "python", "running"), Member(8, 0.0, "sh", "sleeping")]
    assert host.describe(who) == "python (pid 7), sh (pid 8)"
    assert host.describe([]) == ""
