"""The keeper's socket and its folder: what strangers, accidents and cleaners may do to them."""

import json
import os
import shutil
import signal
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from mlterm.core import protocol
from mlterm.core.protocol import FRAME_LIMIT, VERSION, FrameReader, Kind
from tests.support import Home, Run, Terminal, wait_until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as others")
HEADER = struct.Struct(">BBBI")
HELLO = protocol.hello(False, 0, 0)


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"  # setproctitle leaves the environment where ps(1) reads it


def folder(home: Home) -> Path:
    return home.path / "run" / "mlterm"


def socket_path(home: Home) -> Path:
    (path,) = folder(home).glob("*.sock")
    return path


def connect(home: Home) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(socket_path(home)))
    connection.settimeout(30)
    return connection


def ended(connection: socket.socket) -> bool:
    """Read until the keeper ends the connection."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def answered(connection: socket.socket) -> bool:
    """Whether the keeper answers a HELLO, which tells that it has read all before it."""
    connection.sendall(HELLO)
    reader = FrameReader()
    while data := connection.recv(65536):
        if any(frame.kind is Kind.WELCOME for frame in reader.feed(data)):
            return True
    return False


@contextmanager
def echoing(home: Home) -> Iterator[tuple[Run, Terminal]]:
    """A job that gives back its lines, and somebody attached to it, both well at the end."""
    run = home.detached("sh", "-c", "echo READY; while read -r x; do echo got:$x; done; exit 3")
    terminal = home.terminal("attach", "-q")
    terminal.expect("READY")
    keeper = home.part("keeper")
    yield run, terminal
    terminal.send("still here\r")
    terminal.expect("got:still here")
    again = home.terminal("attach", "-q")
    again.expect("got:still here")
    assert keeper.is_running(), "the keeper died of it, and was followed by another"
    again.send("\x04")
    assert (again.wait(), terminal.wait()) == (3, 3)
    assert run.finish["exit_code"] == 3
    assert not (run.folder / "mlterm-crash.log").exists()


BROKEN = {
    "garbage": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(100),
    "every byte": bytes(range(256)) * 300,
    "another version": HEADER.pack(VERSION + 1, Kind.HELLO, 0, 0),
    "a length beyond the limit": HEADER.pack(VERSION, Kind.INPUT, 0, FRAME_LIMIT + 1),
    "the greatest length": HEADER.pack(VERSION, Kind.INPUT, 0, 2**32 - 1),
    "no such kind": HELLO + HEADER.pack(VERSION, 31, 0, 0),
    "a keeper's frame": HELLO + protocol.pack(Kind.NOTICE, b"hello"),
    "keys before HELLO": protocol.pack(Kind.INPUT, b"evil\n"),
    "a short HELLO": protocol.pack(Kind.HELLO, b"x"),
    "a long HELLO": protocol.pack(Kind.HELLO, bytes(100)),
    "a short RESIZE": HELLO + protocol.pack(Kind.RESIZE, b"x"),
    "a short STOP": HELLO + protocol.pack(Kind.STOP, b"x"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_frame_ends_its_connection_and_nothing_else(home: Home, data: bytes) -> None:
    with echoing(home) as (run, _), connect(home) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        assert ended(connection)
        assert b"evil" not in run.output


HARMLESS = {
    "a signal that is none": protocol.signal(255),
    "signal 0": protocol.signal(0),
    "a window of nothing": protocol.resize(0, 0),
    "an enormous window": protocol.resize(65535, 65535),
    "no keys": protocol.pack(Kind.INPUT),
    "many HELLOs": HELLO * 1000,
    "many SEENs": protocol.pack(Kind.SEEN) * 10000,
}


@pytest.mark.parametrize("data", HARMLESS.values(), ids=HARMLESS)
def test_odd_frames_are_borne(home: Home, data: bytes) -> None:
    with echoing(home), connect(home) as connection:
        connection.sendall(HELLO + data)
        assert answered(connection)


def test_a_frame_in_small_pieces_is_a_frame(home: Home) -> None:
    with echoing(home) as (_, terminal), connect(home) as connection:
        for byte in HELLO + protocol.pack(Kind.INPUT, b"piecewise\n"):
            connection.sendall(bytes([byte]))
        terminal.expect("got:piecewise")


@pytest.mark.parametrize("hangs_up", [True, False])
def test_half_a_frame_harms_nobody(home: Home, hangs_up: bool) -> None:
    with ExitStack() as stack, echoing(home) as (run, _):
        connection = stack.enter_context(connect(home))
        connection.sendall(HELLO + protocol.pack(Kind.INPUT, b"evil\n")[:-3])
        if hangs_up:
            connection.close()
    assert b"evil" not in run.output


def test_one_who_never_reads_holds_up_nothing(home: Home) -> None:
    script = "until [ -e go ]; do sleep 0.01; done; seq -f %099.0f 200000; exit 3"
    run = home.detached("sh", "-c", script)
    with ExitStack() as stack:
        mute = [stack.enter_context(connect(home)) for _ in range(5)]
        for connection in mute:
            connection.sendall(HELLO)
        (home.path / "go").touch()
        assert home.mlterm("wait", "r").returncode == 3
        wait_until(lambda: not home.parts("keeper"), "the keeper's leave")
        for connection in mute:
            assert ended(connection)
    assert run.output == b"".join(b"%099d\n" % n for n in range(1, 200001))


def test_one_who_types_what_nobody_reads_holds_up_nothing(home: Home) -> None:
    job = "stty raw -echo; echo READY; until [ -e go ]; do sleep 0.01; done; seq 100000; exit 3"
    run = home.detached("sh", "-c", job)
    wait_until(lambda: run.output, "READY")
    with connect(home) as connection:
        connection.sendall(HELLO)
        connection.setblocking(False)
        keys = protocol.pack(Kind.INPUT, b"x" * 60_000)
        with suppress(BlockingIOError):
            for _ in range(1000):
                connection.sendall(keys)  # until keeper and kernel take no more
            pytest.fail("the keeper took 60 MB of keys that nobody reads")
        watching = home.start("attach", "--all", "-q", "r")
        home.part("client")
        (home.path / "go").touch()
        shown, _ = watching.communicate()
    assert watching.returncode == 3
    assert shown == run.output == b"READY\n" + b"".join(b"%d\n" % n for n in range(1, 100001))


def test_a_run_whose_input_is_full_can_be_stopped(home: Home) -> None:
    run = home.detached("sh", "-c", "stty raw -echo; echo READY; sleep 1000")
    wait_until(lambda: run.output, "READY")
    with connect(home) as connection:
        connection.sendall(HELLO)
        connection.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(1000):
                connection.sendall(protocol.pack(Kind.INPUT, b"x" * 60_000))
        assert home.mlterm("stop", "r").returncode == 0
    assert run.finish["status"] == "cancelled"


def test_a_hundred_connections_at_once_harm_nothing(home: Home) -> None:
    with echoing(home), ExitStack() as stack:
        crowd = [stack.enter_context(connect(home)) for _ in range(100)]
        refused = 0
        for connection in crowd:
            with suppress(ConnectionError):
                connection.sendall(HELLO)
                refused += not connection.recv(7)
                continue
            refused += 1
        assert 0 < refused < 100


def test_a_thousand_short_visits_use_nothing_up(home: Home) -> None:
    with echoing(home):
        keeper = home.part("keeper")
        before = keeper.num_fds()
        for _ in range(1000):
            connect(home).close()
        wait_until(lambda: keeper.num_fds() <= before, "all to be closed again")


# The folder


def test_only_the_user_may_enter_the_folder(home: Home) -> None:
    home.detached("sh", "-c", "read x")
    assert stat.S_IMODE(folder(home).stat().st_mode) == 0o700
    for path in folder(home).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.suffix == ".json"
    assert stat.S_IMODE(socket_path(home).stat().st_mode) == 0o600


def start_refused(home: Home) -> bytes:
    """What a start says that must be refused with 125 and leave nothing behind."""
    done = home.mlterm("run", "--", "touch", "started")
    assert done.returncode == 125
    assert not (home.path / "started").exists()
    return done.stderr


def test_a_socket_folder_that_is_a_symlink_is_refused(home: Home) -> None:
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder(home).symlink_to(elsewhere)
    words = start_refused(home)
    assert b"a symbolic link is never followed" in words
    assert str(folder(home)).encode() in words
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_socket_folder_that_is_open_to_others_is_refused(home: Home, mode: int) -> None:
    folder(home).mkdir()
    folder(home).chmod(mode)
    words = start_refused(home)
    assert f"is open to others (mode {mode:04o})".encode() in words
    assert b"XDG_RUNTIME_DIR" in words


@needs_root
@pytest.mark.root
def test_a_socket_folder_of_another_user_is_refused(home: Home) -> None:
    folder(home).mkdir(mode=0o700)
    os.chown(folder(home), 65534, 65534)
    assert b"belongs to user 65534" in start_refused(home)


def test_a_start_that_was_refused_leaves_no_run_behind(home: Home) -> None:
    folder(home).symlink_to(home.path)
    start_refused(home)
    listed = home.mlterm("list-runs")
    assert (listed.returncode, listed.stdout) == (1, b"")
    folder(home).unlink()
    assert home.mlterm("run", "--run-id", "r", "--", "true").returncode == 0


def test_a_symlinked_folder_is_not_followed_by_those_who_attach(home: Home) -> None:
    """Whoever could put it there could be the one who answers."""
    home.detached("sh", "-c", "echo READY; read x", run_id="r")
    genuine = home.path / "genuine"
    folder(home).rename(genuine)
    folder(home).symlink_to(genuine)
    live = home.mlterm("list-runs", "--live")
    assert live.stdout == b""


@pytest.mark.parametrize("runtime", [None, "relative/path", "/nowhere/at/all", "long"])
def test_without_a_usable_runtime_folder_the_temporary_one_serves(
    home: Home, runtime: str | None
) -> None:
    del home.environ["MLTERM_RUNTIME_DIR"]
    if runtime is None:
        del home.environ["XDG_RUNTIME_DIR"]
    else:
        long = home.path / ("x" * 120)
        home.environ["XDG_RUNTIME_DIR"] = str(long) if runtime == "long" else runtime
        long.mkdir(mode=0o700)
    temporary = home.path / "tmp"
    temporary.mkdir()
    home.environ["TMPDIR"] = str(temporary)
    home.detached("sh", "-c", "echo READY; read x; exit 3")
    mine = temporary / f"mlterm-{os.getuid()}"
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700
    assert list(mine.glob("*.sock"))
    terminal = home.terminal("attach", "-q", "p/r")
    terminal.expect("READY")
    terminal.send("\r")
    assert terminal.wait() == 3


@needs_root
@pytest.mark.root
def test_another_user_is_not_let_in_even_where_the_folder_is_open(home: Home) -> None:
    with echoing(home) as (run, _):
        for path in (home.path, home.path / "run", folder(home)):
            path.chmod(0o755)
        socket_path(home).chmod(0o666)
        stranger = socket.socket(socket.AF_UNIX)
        stranger.settimeout(30)
        with stranger:
            os.seteuid(65534)
            try:
                stranger.connect(str(socket_path(home)))
            finally:
                os.seteuid(0)
            with suppress(BrokenPipeError):
                stranger.sendall(HELLO + protocol.pack(Kind.INPUT, b"evil\n"))
            received = b""
            with suppress(ConnectionResetError):
                received = stranger.recv(65536)
            assert received == b""
        folder(home).chmod(0o700)
        assert b"evil" not in run.output


# What cleaners take away


def test_socket_and_folder_are_made_anew_when_they_were_removed(home: Home) -> None:
    second = home.path / "run2"
    second.mkdir(mode=0o700)
    del home.environ["MLTERM_RUNTIME_DIR"]
    environ = home.environ | {"XDG_RUNTIME_DIR": str(second)}
    job = ("sh", "-c", "echo READY; until [ -e go ]; do sleep 0.01; done; exit 4")
    names = ("--project", "p", "--run-id", "other")
    with echoing(home):
        home.mlterm("run", "-d", *names, "--", *job, env=environ, check=True)
        (one,), (other,) = (tuple(f.glob("mlterm/*.sock")) for f in (home.path / "run", second))
        one.unlink()
        shutil.rmtree(other.parent)
        for path in (one, other):
            wait_until(path.exists, "another socket")
            wait_until(path.with_suffix(".json").exists, "another entry")
        assert stat.S_IMODE(other.parent.stat().st_mode) == 0o700
        watching = home.start("attach", "-q", "p/other", env=environ)
        home.part("client")
        (home.path / "go").touch()
        assert watching.communicate() == (b"READY\n", b"")
        assert watching.returncode == 4


# The registry of live runs


def test_attach_from_any_folder_finds_the_live_run(home: Home) -> None:
    home.detached("sh", "-c", "echo READY; until [ -e go ]; do sleep 0.01; done; exit 3")
    elsewhere = home.path / "elsewhere"
    elsewhere.mkdir()
    (line,) = home.mlterm("list-runs", "--live", "--json", cwd=elsewhere).stdout.splitlines()
    listed = json.loads(line)
    assert (listed["run_id"], listed["status"]) == ("r", "running")
    assert listed["path"] == str(home.run().path)
    watching = home.start("attach", "-q", "r", cwd=elsewhere)
    home.part("client")
    (home.path / "go").touch()
    assert watching.communicate() == (b"READY\n", b"")
    assert watching.returncode == 3


def test_an_entry_leaves_the_registry_with_its_run(home: Home) -> None:
    assert home.detached("true").finish["exit_code"] == 0
    wait_until(lambda: not list(folder(home).iterdir()), "an empty folder")


def test_what_killed_runs_left_behind_vanishes(home: Home) -> None:
    killed, well = (home.detached("sh", "-c", "read x", run_id=name) for name in ("killed", "well"))
    victims = [p for part in ("guard", "keeper") for p in home.parts(part) if "killed" in title(p)]
    assert len(victims) == 2
    for process in (*victims, psutil.Process(killed.start["pid"])):
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not any("killed" in title(p) for p in home.parts("keeper")))
    assert len(list(folder(home).glob("*.json"))) == 2
    (line,) = home.mlterm("list-runs", "--live", "--json").stdout.splitlines()
    assert json.loads(line)["run_id"] == "well"
    assert well.of_type("finish") == []
    assert len(list(folder(home).iterdir())) == 2


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # dead, and waiting to be reaped
        return ""


def test_broken_entries_are_passed_over(home: Home) -> None:
    home.detached("sh", "-c", "read x")
    (folder(home) / "torn.json").write_text('{"project": "p", "run')
    (folder(home) / "other.json").write_text("[1, 2]")
    (folder(home) / "folder.json").mkdir()
    (folder(home) / "strange.json").write_text('{"unknown": 1}')
    live = home.mlterm("list-runs", "--live", "--json", check=True)
    assert len(live.stdout.splitlines()) == 1
