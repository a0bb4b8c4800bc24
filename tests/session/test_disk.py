"""A full disk: the job goes on, what can be kept is kept, and the truth is told about the rest."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mlterm.core import protocol
from mlterm.core.protocol import Frame, FrameReader, Kind
from mlterm.core.records import Record, decode_lines
from tests.support import MIB, Disk, Home, Run, differing, wait_until

pytestmark = [pytest.mark.root, pytest.mark.linux]

BACKLOG = 4 * MIB
CODE = 7


def numbered(lines: int) -> bytes:
    """What ``writer`` writes first: lines of 100 bytes."""
    return b"".join(b"%099d\n" % n for n in range(1, lines + 1))


def writer(lines: int) -> list[str]:
    """A command: numbered lines, as fast as can be, then END once the file ``go`` is there."""
    script = (
        f"seq -f %099.0f {lines}; : >written; until [ -e go ]; do sleep 0.01; done; "
        f"echo END; exit {CODE}"
    )
    return ["sh", "-c", script]


def of_type(run: Run, kind: str) -> list[Record]:
    """The records of a run file in which a full disk may have left a torn line."""
    return [record for record in decode_lines(run.path.read_bytes()) if record["type"] == kind]


def finish(home: Home, run: Run) -> Record:
    """The one finish record, once everybody of mlterm has left."""
    wait_until(lambda: not home.parts("guard"), "the guard's leave")
    (record,) = of_type(run, "finish")
    return record


class Watched:
    """A run whose attached client's stdout and stderr go to files (of another disk)."""

    def __init__(self, home: Home, stack: ExitStack, *args: str) -> None:
        self._files = [home.path / "shown", home.path / "told"]
        out, err = (stack.enter_context(path.open("wb")) for path in self._files)
        self.client = home.start(*args, stdout=out, stderr=err)
        stack.callback(self.client.wait)

    @property
    def shown(self) -> bytes:
        return self._files[0].read_bytes()

    @property
    def told(self) -> bytes:
        return self._files[1].read_bytes()


NAMES = ("--project", "p", "--run-id", "r")
FITTING = 5 * MIB // 100
"""So many lines: the disk takes less than 2 MiB of them, memory the others."""
TOO_MANY = 10 * MIB // 100


def written(home: Home) -> None:
    """Wait until the job has written its lines, which no full disk may hold up."""
    wait_until((home.path / "written").exists, "the job's last line")


def test_a_disk_that_fills_up_costs_nothing_once_there_is_room_again(
    home: Home, disk: Disk
) -> None:
    with ExitStack() as stack:
        watched = Watched(home, stack, "run", "-q", *NAMES, "--", *writer(FITTING))
        run = home.run()
        written(home)
        wait_until(lambda: b"output.log cannot be written" in watched.told, "the bad news")
        assert len(run.output) < 2 * MIB
        disk.grow()
        wait_until(lambda: b"output.log is written again" in watched.told, "the good news")
        (home.path / "go").touch()
        assert watched.client.wait() == CODE

    assert finish(home, run)["exit_code"] == CODE
    assert differing(run.output, numbered(FITTING) + b"END\n") == ""
    assert of_type(run, "gap") == []
    assert "lost_output_bytes" not in finish(home, run)
    assert b"could not be kept" not in watched.told


def test_whoever_is_attached_sees_every_byte_while_the_disk_is_full(home: Home, disk: Disk) -> None:
    with ExitStack() as stack:
        watched = Watched(home, stack, "run", "-q", *NAMES, "--", *writer(FITTING))
        written(home)
        wait_until(lambda: len(watched.shown) >= 100 * FITTING, "all that was written")
        disk.grow()
        (home.path / "go").touch()
        assert watched.client.wait() == CODE
    assert differing(watched.shown, numbered(FITTING) + b"END\n") == ""


def test_a_client_that_sleeps_through_a_full_disk_shows_every_byte_once(
    home: Home, disk: Disk
) -> None:
    with ExitStack() as stack:
        watched = Watched(home, stack, "run", "-q", *NAMES, "--", *writer(FITTING))
        wait_until(lambda: watched.shown, "the first lines")
        os.kill(watched.client.pid, signal.SIGSTOP)
        stack.callback(os.kill, watched.client.pid, signal.SIGCONT)
        run = home.run()
        written(home)
        disk.grow()
        wait_until(lambda: len(run.output) == 100 * FITTING, "the log to be whole")
        (home.path / "go").touch()
        assert finish(home, run)["exit_code"] == CODE
    assert watched.client.returncode == CODE
    assert differing(watched.shown, numbered(FITTING) + b"END\n") == ""


def frames(connection: socket.socket) -> Iterator[Frame]:
    """What the keeper sends, until it or the test ends the connection."""
    reader = FrameReader()
    while data := connection.recv(65536):
        yield from reader.feed(data)


def greet(home: Home, stack: ExitStack) -> socket.socket:
    """A connection of our own to the only run's keeper."""
    connection = stack.enter_context(socket.socket(socket.AF_UNIX))
    connection.settimeout(30)
    (path,) = (home.path / "run" / "mlterm").glob("*.sock")
    connection.connect(str(path))
    connection.sendall(protocol.hello(True, 0, 0))
    return connection


def test_a_slow_reader_who_comes_while_the_disk_is_full_gets_all_that_memory_holds(
    home: Home, disk: Disk
) -> None:
    home.mlterm("run", "-d", *NAMES, "--", *writer(FITTING), check=True)
    written(home)
    run = home.run()
    with ExitStack() as stack:
        slow = greet(home, stack)
        other = greet(home, stack)
        assert next(frames(other)).kind is Kind.WELCOME  # so the slow one was answered, too
        held = 100 * FITTING - len(run.output)
        got = b""
        for frame in frames(slow):
            got += frame.payload if frame.kind is Kind.DATA else b""
            if len(got) >= held:
                break
        assert differing(got, numbered(FITTING)[-held:]) == ""


@pytest.mark.parametrize("lines", [20_000, FITTING])
def test_whoever_attaches_while_the_disk_is_full_sees_every_byte(
    home: Home, disk: Disk, lines: int
) -> None:
    home.mlterm("run", "-d", *NAMES, "--", *writer(lines), check=True)
    written(home)
    with ExitStack() as stack:
        watched = Watched(home, stack, "attach", "--all", "-q", "r")
        wait_until(lambda: len(watched.shown) >= 100 * lines, "all that was written")
        (home.path / "go").touch()
        assert watched.client.wait() == CODE
    assert differing(watched.shown, numbered(lines) + b"END\n") == ""


def test_more_than_memory_holds_is_lost_and_a_record_says_where(home: Home, disk: Disk) -> None:
    with ExitStack() as stack:
        watched = Watched(home, stack, "run", "-q", *NAMES, "--", *writer(TOO_MANY))
        run = home.run()
        written(home)
        disk.grow()
        wait_until(lambda: b"could not be kept" in watched.told, "the news of the loss")
        (home.path / "go").touch()
        assert watched.client.wait() == CODE

    whole = numbered(TOO_MANY) + b"END\n"
    (gap,) = of_type(run, "gap")
    offset, lost = gap["offset"], gap["lost_bytes"]
    assert lost > 0
    assert len(run.output) + lost == len(whole)
    assert differing(run.output, whole[:offset] + whole[offset + lost :]) == ""
    assert finish(home, run)["lost_output_bytes"] == lost
    assert f"{lost} bytes of output could not be kept".encode() in watched.told


def test_the_end_is_recorded_on_a_disk_that_stays_full(home: Home, disk: Disk) -> None:
    with ExitStack() as stack:
        watched = Watched(home, stack, "run", *NAMES, "--", *writer(FITTING))
        run = home.run()
        written(home)
        disk.fill()
        assert (run.folder / ".reserve").exists()
        (home.path / "go").touch()
        assert watched.client.wait() == CODE
    assert (finish(home, run)["status"], finish(home, run)["exit_code"]) == ("failed", CODE)
    assert finish(home, run)["tail"].endswith("END")
    assert not (run.folder / ".reserve").exists()
    assert home.mlterm("wait", "r").returncode == CODE


def test_the_end_counts_what_never_reached_the_disk(home: Home, disk: Disk) -> None:
    home.mlterm("run", "-d", *NAMES, "--", *writer(TOO_MANY), check=True)
    written(home)
    (home.path / "go").touch()
    run = home.run()
    whole = numbered(TOO_MANY) + b"END\n"
    assert len(run.output) + finish(home, run)["lost_output_bytes"] == len(whole)


def test_what_a_killed_keeper_had_in_memory_is_counted_as_lost(home: Home, disk: Disk) -> None:
    home.mlterm("run", "-d", *NAMES, "--", *writer(FITTING), check=True)
    written(home)
    run = home.run()
    keeper = home.part("keeper")
    keeper.kill()
    wait_until(lambda: [k.pid for k in home.parts("keeper")] not in ([], [keeper.pid]))
    disk.grow()
    (home.path / "go").touch()
    assert home.mlterm("wait", "r").returncode == CODE
    whole = numbered(FITTING) + b"END\n"
    (gap,) = of_type(run, "gap")
    offset, lost = gap["offset"], gap["lost_bytes"]
    assert differing(run.output, whole[:offset] + whole[offset + lost :]) == ""
    assert finish(home, run)["lost_output_bytes"] == lost


def test_a_disk_that_is_full_at_the_start_is_refused_in_words(home: Home, disk: Disk) -> None:
    disk.fill()
    done = home.mlterm("run", *NAMES, "--", "touch", "started")
    assert done.returncode == 125
    assert b"No space left on device" in done.stderr
    assert b"nothing was started" in done.stderr
    assert b"--log-dir" in done.stderr
    assert not (home.path / "started").exists()


def test_a_start_that_was_refused_leaves_no_run_behind(home: Home, disk: Disk) -> None:
    disk.fill()
    assert home.mlterm("run", *NAMES, "--", "true").returncode == 125
    listed = home.mlterm("list-runs")
    assert (listed.returncode, listed.stdout) == (1, b"")
    disk.grow()
    assert home.mlterm("run", *NAMES, "--", "true").returncode == 0


def test_a_run_ends_normally_where_its_folder_was_removed(home: Home, disk: Disk) -> None:
    home.mlterm("run", "-d", *NAMES, "--", *writer(10), check=True)
    written(home)
    run = Run(home.logs / "p_r.jsonl")
    for path in run.folder.iterdir():
        path.unlink()
    run.folder.rmdir()
    (home.path / "go").touch()
    assert home.mlterm("wait", "r").returncode == CODE
    assert finish(home, run)["exit_code"] == CODE
