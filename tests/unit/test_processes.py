"""The processes of a job: real ones, and a /proc of our own for what cannot be had here."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent

import pytest

from mlterm.system import processes
from mlterm.system.processes import FEW_THREADS, Process, ProcessTree, readings
from tests.support import wait_until

pytestmark = pytest.mark.linux

SLEEP = "import time; time.sleep(60)"


@contextmanager
def job(code: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program in a session of its own; all that carries its mark is killed after."""
    mark = f"TEST_JOB={os.getpid()}-{threading.get_ident()}"
    name, value = mark.split("=")
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(code)],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {name: value} | environ,
    )
    try:
        yield process
    finally:
        for entry in os.scandir("/proc"):
            with suppress(OSError):
                if entry.name.isdigit() and mark.encode() in Path(entry, "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def said(process: subprocess.Popen[bytes], lines: int = 1) -> list[int]:
    """The pids that a program prints."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(lines)]


def pids(tree: ProcessTree, *, thoroughly: bool = False) -> set[int]:
    return {process.pid for process in tree.look(thoroughly=thoroughly)}


CHAIN = """
import os, subprocess, sys
print(os.getpid(), flush=True)
inner = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
outer = "import os, subprocess, sys; print(os.getpid(), flush=True); subprocess.run({!r})"
outer = outer.format([sys.executable, "-c", inner])
subprocess.run([sys.executable, "-c", outer], start_new_session=True)
"""


def test_all_descendants_are_found_those_in_sessions_of_their_own_too() -> None:
    with job(CHAIN) as process:
        expected = set(said(process, 3))
        tree = ProcessTree(process.pid)
        assert pids(tree) == expected
        tree.close()


def from_a_thread(others: int) -> str:
    """A child of a thread that is one of so many."""
    return f"""
    import subprocess, sys, threading
    for _ in range({others - 1}):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    def start():
        child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
        print(child.pid, flush=True)
        child.wait()
    threading.Thread(target=start).start()
    """


def test_a_child_that_one_of_few_threads_started_is_found_at_once() -> None:
    with job(from_a_thread(FEW_THREADS)) as process:
        (child,) = said(process)
        tree = ProcessTree(process.pid)
        assert child in pids(tree)
        tree.close()


def test_a_child_that_one_of_many_threads_started_is_found_by_a_thorough_look() -> None:
    with job(from_a_thread(FEW_THREADS + 1)) as process:
        (child,) = said(process)
        tree = ProcessTree(process.pid)
        assert child not in pids(tree)
        assert child in pids(tree, thoroughly=True)
        assert child in pids(tree)  # once found, it stays
        tree.close()


def test_an_orphan_stays_of_the_job_whoever_its_parent_is() -> None:
    code = f"""
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
    print(child.pid, flush=True)
    child.wait()
    """
    with job(code) as process:
        (child,) = said(process)
        tree = ProcessTree(process.pid)
        assert pids(tree) == {process.pid, child}
        process.kill()
        process.wait()
        assert pids(tree) == {child}
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: not pids(tree), "the end of the orphan")
        tree.close()


def test_what_the_adopter_has_taken_in_is_of_the_job_and_its_own_session_is_not() -> None:
    with job(f"import os; print(os.getpid(), flush=True); {SLEEP}") as process:
        said(process)
        tree = ProcessTree(10**8, adopter=os.getpid())  # this process is the parent
        assert process.pid in pids(tree)
        tree.close()
        ours = ProcessTree(10**8, adopter=os.getpid(), ours=os.getsid(process.pid))
        assert process.pid not in pids(ours)
        assert process.pid not in pids(ours)
        ours.close()


def test_a_later_process_of_the_roots_pid_is_another() -> None:
    with job(f"import os; print(os.getpid(), flush=True); {SLEEP}") as process:
        said(process)
        started = Process("/proc", process.pid, keep_open=False).stat.started_ticks
        for when, expected in ((started, {process.pid}), (started - 1, set())):
            tree = ProcessTree(process.pid, started=when)
            assert pids(tree) == pids(tree) == expected
            tree.close()


def test_who_carries_the_mark_is_found_among_all_a_few_at_each_look() -> None:
    with job(f"import os; print(os.getpid(), flush=True); {SLEEP}", MLTERM_TEST="here") as process:
        said(process)
        tree = ProcessTree(10**8, mark=("MLTERM_TEST", "here"))
        wait_until(lambda: process.pid in pids(tree), "the marked process")
        assert pids(tree) == {process.pid}
        tree.close()


def test_a_mark_is_the_whole_variable() -> None:
    with job(f"import os; print(os.getpid(), flush=True); {SLEEP}", MLTERM_TEST="here") as process:
        said(process)
        trees = [
            ProcessTree(10**8, mark=m) for m in (("MLTERM_TEST", "her"), ("TERM_TEST", "here"))
        ]
        count = len(os.listdir("/proc"))
        for _ in range(count // processes._Search.READ + 3):
            assert [pids(tree) for tree in trees] == [set(), set()]
        for tree in trees:
            tree.close()


def test_one_search_costs_the_same_however_many_processes_there_are(tmp_path: Path) -> None:
    proc = canned(tmp_path, dict.fromkeys(range(1000, 1600), (1, "R")))
    asked: list[str] = []

    def carries(self: object, folder: str) -> bool:
        asked.append(folder)
        return False

    search = processes._Search(proc, ("A", "b"))
    search._carries = carries.__get__(search)  # type: ignore[method-assign] # counts the calls
    search.step({})
    for _ in range(100):
        before = len(asked)
        search.step({})
        assert len(asked) - before <= processes._Search.READ
    assert len(set(asked)) == len(asked) == 600  # each once, though it went round twice
    search.close()


# --- A process's own figures ------------------------------------------------------------------


def test_the_figures_of_a_process_are_those_of_psutil() -> None:
    import psutil

    code = f"x = bytearray(64 << 20); import os; print(os.getpid(), flush=True); {SLEEP}"
    with job(code) as process:
        said(process)
        one = Process("/proc", process.pid, keep_open=True)
        wait_until(lambda: one.look() and one.stat.state == "S", "the sleep")
        peer = psutil.Process(process.pid)
        full = peer.memory_full_info()
        shares = one.memory()
        assert shares is not None
        assert abs(shares[0] - full.pss) < 1 << 20
        assert abs(shares[1] - full.uss) < 1 << 20
        assert one.open_files() == peer.num_fds()
        assert one.stat.threads == peer.num_threads()
        assert one.words() == tuple(peer.cmdline())
        assert one.environ() == peer.environ()
        counters = peer.io_counters()
        assert one.io() == (counters.read_bytes, counters.write_bytes)
        one.close()


def test_what_is_written_is_counted() -> None:
    code = f"""
    import os, sys
    file = open("written.bin", "wb", buffering=0)
    file.write(bytes(8 << 20)); os.fsync(file.fileno()); os.unlink("written.bin")
    print(os.getpid(), flush=True)
    {SLEEP}
    """
    with job(code) as process:
        said(process)
        one = Process("/proc", process.pid, keep_open=False)
        io = one.io()
        assert io is not None
        assert io[1] >= 8 << 20


def test_files_kept_open_never_show_another_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", SLEEP])
    one = Process("/proc", process.pid, keep_open=True)
    assert one.look()
    assert one.io() is not None
    process.kill()
    process.wait()
    assert not one.look()
    assert (one.io(), one.memory(), one.open_files()) == (None, None, None)
    assert (one.words(), one.environ()) == ((), {})
    one.close()


def test_a_zombie_is_listed_as_one_until_it_is_collected() -> None:
    code = f"""
    import os, time
    pid = os.fork()
    if not pid: os._exit(0)
    print(pid, flush=True)
    {SLEEP}
    """
    with job(code) as process:
        (child,) = said(process)
        tree = ProcessTree(process.pid)

        def state() -> str | None:
            found = {each.pid: each.stat.state for each in tree.look(thoroughly=False)}
            return found.get(child)

        wait_until(lambda: state() == "Z", "the zombie")
        assert len(readings(tree.look(thoroughly=False))) == 2
        tree.close()


def test_a_process_that_names_itself_oddly_is_read() -> None:
    code = f"""
    open("/proc/self/comm", "wb").write(b"a) R\\n\\xff\\x1b[2J(")
    import os; print(os.getpid(), flush=True)
    {SLEEP}
    """
    with job(code) as process:
        said(process)
        (one,) = ProcessTree(process.pid).look(thoroughly=False)
        assert one.stat.name == "a) R\\n\ufffd\\x1b[2J("
        assert one.stat.ppid == os.getpid()


# --- A /proc of our own ----------------------------------------------------------------------


def canned(folder: Path, tree: dict[int, tuple[int, str]]) -> Path:
    """A /proc of processes with these parents and states."""
    children: dict[int, list[int]] = {}
    for pid, (ppid, _) in tree.items():
        children.setdefault(ppid, []).append(pid)
    for pid, (ppid, state) in tree.items():
        task = folder / str(pid) / "task" / str(pid)
        task.mkdir(parents=True)
        (task / "children").write_text("".join(f"{child} " for child in children.get(pid, ())))
        rest = f"{ppid} 7 7 0 -1 0 0 0 0 0 3 1 0 0 20 0 1 0 50 0 100 0 0 0"
        (folder / str(pid) / "stat").write_text(f"{pid} (x) {state} {rest}\n")
        (folder / str(pid) / "io").write_text("read_bytes: 1\nwrite_bytes: 2\n")
    return folder


def test_a_crowd_is_counted_whole_and_not_asked_for_its_io(tmp_path: Path) -> None:
    crowd = {pid: (1 if pid < 20 else pid // 2, "S") for pid in range(10, 1_210)}
    crowd[1] = (0, "S")
    tree = ProcessTree(1, proc=canned(tmp_path, crowd))
    found = tree.look(thoroughly=True)
    assert len(found) == 1_201
    assert sum(r.stat.own_ticks for r in readings(found).values()) == 4_804
    assert all(r.io is None for r in readings(found).values())
    tree.close()


def test_what_may_not_be_read_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    proc = canned(tmp_path, {1: (0, "S"), 2: (1, "S"), 3: (1, "S")})
    (proc / "2" / "stat").unlink()
    (proc / "2" / "stat").mkdir()  # reading it is an error, as with another user's and hidepid
    tree = ProcessTree(1, proc=proc)
    assert pids(tree) == {1, 3}
    assert tree.unreadable == 1


def test_a_process_that_vanishes_in_the_middle_is_left_out(tmp_path: Path) -> None:
    proc = canned(tmp_path, {1: (0, "S"), 2: (1, "S")})
    (proc / "2" / "stat").unlink()
    tree = ProcessTree(1, proc=proc)
    assert pids(tree) == {1}
    assert tree.unreadable == 0


@pytest.mark.parametrize("spoil", [lambda f: f.write_text("nonsense"), lambda f: f.write_text("")])
def test_a_stat_that_is_none_is_no_crash(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    proc = canned(tmp_path, {1: (0, "S"), 2: (1, "S")})
    spoil(proc / "2" / "stat")
    assert pids(ProcessTree(1, proc=proc)) == {1}


def test_without_a_proc_there_are_no_processes(tmp_path: Path) -> None:
    tree = ProcessTree(1, adopter=2, mark=("A", "b"), proc=tmp_path / "none")
    assert tree.look(thoroughly=True) == []
    assert tree.taken_in is None


def test_a_process_in_the_kernel_is_not_asked_for_what_needs_its_lock(tmp_path: Path) -> None:
    proc = canned(tmp_path, {1: (0, "D")})
    for name in ("smaps_rollup", "cmdline", "environ"):
        (proc / "1" / name).write_text("Pss: 1 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB\n")
    (one,) = ProcessTree(1, proc=proc).look(thoroughly=False)
    assert (one.memory(), one.words(), one.environ()) == (None, (), {})


def test_who_ends_before_it_is_asked_for_its_io_is_gone_and_hides_nothing() -> None:
    with job(SLEEP) as one, job(SLEEP) as other:
        tree = ProcessTree(one.pid)
        found = [*tree.look(thoroughly=False), *ProcessTree(other.pid).look(thoroughly=False)]
        other.kill()
        other.wait()
        assert [process.pid for process in readings(found)] == [one.pid]
        assert all(reading.io is not None for reading in readings(found).values())


def test_where_few_files_may_be_open_few_are_kept_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> int:
        with job(CHAIN) as process:
            said(process, 3)
            before = len(os.listdir("/proc/self/fd"))
            tree = ProcessTree(process.pid)
            for _ in readings(tree.look(thoroughly=False)):
                pass
            count = len(os.listdir("/proc/self/fd")) - before
            tree.close()
            return count

    assert kept() == 3 * 2
    monkeypatch.setattr(resource, "getrlimit", lambda _: (8, 4096))
    assert kept() == 2 * 2


def test_a_proc_of_another_namespace_is_not_ours(tmp_path: Path) -> None:
    assert processes.is_proc_ours()
    assert not processes.is_proc_ours(tmp_path)
    (tmp_path / "self").symlink_to(str(os.getpid() + 1))
    assert not processes.is_proc_ours(tmp_path)
