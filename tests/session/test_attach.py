"""mlterm attach: coming back to a run, alone or with others, on a real terminal."""

import fcntl
import json
import os
import random
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mlterm.core import protocol
from mlterm.core.protocol import Frame, FrameReader, Kind
from tests.support import Home, Run, Terminal, wait_until

TALK = """
echo READY
while read -r line; do
  case $line in
    size) stty size;;
    quit) exit 3;;
    *) echo "got:$line";;
  esac
done
"""
"""A job to talk to: says the size of its window, gives back what was typed, exits with 3."""

RAW = """
import os, sys, tty
tty.setraw(0)
print("READY", flush=True)
"""
"""The beginning of a Python job that reads its keys as they are."""


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"  # setproctitle leaves the environment where ps(1) reads it


def talking(home: Home, run_id: str = "r") -> Run:
    run = home.detached("sh", "-c", TALK, run_id=run_id)
    wait_until(lambda: run.output, "the job's first word")
    return run


def quit_job(home: Home) -> None:
    """Let ``TALK`` end."""
    terminal = home.terminal("attach", "-q")
    terminal.expect("READY")
    terminal.send("quit\r")
    assert terminal.wait() == 3


def python(home: Home, code: str, *, begin: str = "") -> Terminal:
    """A Python job, started on a terminal, that has said READY."""
    terminal = home.terminal(
        "run", "-q", "--project", "p", "--run-id", "r", "--", sys.executable, "-c", begin + code
    )
    terminal.expect("READY")
    return terminal


# What is replayed


def test_attach_replays_the_last_64_kib_from_a_lines_start(home: Home) -> None:
    run = home.detached("sh", "-c", "seq -f %099.0f 3000; exit 4")
    assert run.finish["exit_code"] == 4
    done = home.mlterm("attach", "-q", "r")
    assert done.returncode == 4
    assert run.output.endswith(b"\n" + done.stdout)
    assert 65536 - 100 < len(done.stdout) <= 65536


def test_attach_all_replays_everything(home: Home) -> None:
    run = home.detached("sh", "-c", "seq -f %099.0f 3000")
    assert run.finish["exit_code"] == 0
    done = home.mlterm("attach", "-q", "--all", "r", check=True)
    assert done.stdout == run.output == b"".join(b"%099d\n" % n for n in range(1, 3001))


def test_attach_replays_64_kib_of_one_endless_line(home: Home) -> None:
    run = home.detached("sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x")
    assert run.finish["exit_code"] == 0
    done = home.mlterm("attach", "-q", "r", check=True)
    assert done.stdout == b"x" * 65536


def test_attach_replays_the_end_and_then_follows(home: Home) -> None:
    script = "seq 1 50000; : >written; until [ -e go ]; do sleep 0.01; done; seq 50001 60000"
    run = home.detached("sh", "-c", script)
    wait_until((home.path / "written").exists, "the first half")
    watching = home.start("attach", "-q", "r")
    home.part("client")
    (home.path / "go").touch()
    shown, told = watching.communicate()
    assert (watching.returncode, told) == (0, b"")
    assert run.output == b"".join(b"%d\n" % n for n in range(1, 60001))
    assert run.output.endswith(b"\n" + shown)
    assert len(shown) > 10000 * 6


def test_attach_shows_the_end_of_an_ended_run_and_exits_with_its_code(home: Home) -> None:
    assert home.detached("sh", "-c", "echo last words; exit 42").finish["exit_code"] == 42
    terminal = home.terminal("attach", "r")
    terminal.expect("last words\r\n")
    terminal.expect("exit code 42")
    assert terminal.wait() == 42


def test_attach_exits_with_128_and_the_signal_that_killed_the_command(home: Home) -> None:
    assert home.detached("sh", "-c", "kill -9 $$").finish["signal"] == "SIGKILL"
    assert home.mlterm("attach", "-q", "r").returncode == 128 + signal.SIGKILL


def test_attach_without_a_name_goes_to_the_only_live_run(home: Home) -> None:
    nobody = home.mlterm("attach")
    assert nobody.returncode == 1
    assert b"no run is live" in nobody.stderr
    talking(home, "one")
    terminal = home.terminal("attach")
    terminal.expect("READY")
    talking(home, "two")
    several = home.mlterm("attach")
    assert several.returncode == 2
    assert b"p/one" in several.stderr
    assert b"p/two" in several.stderr


def test_a_reader_who_leaves_does_not_end_the_job(home: Home) -> None:
    run = talking(home)
    watching = home.start("attach", "r")
    assert watching.stdout is not None
    watching.stdout.read(1)
    watching.stdout.close()
    terminal = home.terminal("attach", "-q", "r")
    terminal.send("on\r")
    terminal.expect("got:on")
    assert watching.wait() == 128 + signal.SIGPIPE
    assert watching.stderr is not None
    assert b"p/r goes on" in watching.stderr.read()
    watching.stderr.close()
    assert run.of_type("finish") == []


# Several people


def test_two_who_are_attached_both_see_everything(home: Home) -> None:
    script = "until [ -e go ]; do sleep 0.01; done; seq 1 200000; exit 3"
    run = home.detached("sh", "-c", script)
    both = [home.start("attach", "--all", "-q", "r") for _ in range(2)]
    wait_until(lambda: len(home.parts("client")) == 2, "both clients")
    (home.path / "go").touch()
    for each in both:
        shown, told = each.communicate()
        assert (each.returncode, told) == (3, b"")
        assert shown == run.output
    assert run.output.count(b"\n") == 200000


def test_what_one_types_the_other_sees(home: Home) -> None:
    talking(home)
    one, two = home.terminal("attach", "-q"), home.terminal("attach", "-q")
    for terminal in (one, two):
        terminal.expect("READY")
    one.send("from one\r")
    two.expect("got:from one")
    two.send("from two\r")
    one.expect("got:from two")
    one.send("quit\r")
    assert (one.wait(), two.wait()) == (3, 3)


def test_one_who_detaches_leaves_the_other_attached(home: Home) -> None:
    talking(home)
    one, two = home.terminal("attach"), home.terminal("attach", "-q")
    for terminal in (one, two):
        terminal.expect("READY")
    one.send("\x1c")
    one.expect("detached from p/r; it goes on")
    assert one.wait() == 0
    two.send("still here\r")
    two.expect("got:still here")


def test_the_window_size_follows_whoever_typed_last(home: Home) -> None:
    talking(home)
    small = home.terminal("attach", rows=24, columns=80)
    small.expect("READY")
    small.send("size\r")
    small.expect("24 80")
    large = home.terminal("attach", rows=50, columns=132)
    large.expect("24 80")  # replayed
    small.send("size\r")
    large.expect("24 80")  # looking alone changes nothing
    large.send("size\r")
    small.expect("50 132")
    small.resize(20, 70)
    large.send("size\r")
    small.expect("50 132")
    small.send("size\r")
    large.expect("20 70")
    small.send("\x1c")
    assert small.wait() == 0
    large.send("size\r")
    large.expect("50 132")


def test_a_resized_window_reaches_the_command_as_sigwinch(home: Home) -> None:
    code = """
import os, signal
signal.signal(signal.SIGWINCH, lambda *_: print(*os.get_terminal_size(), flush=True))
print("READY", flush=True)
while True:
    signal.pause()
"""
    terminal = python(home, code)
    terminal.resize(33, 101)
    terminal.expect("101 33")
    terminal.send("\x1c")
    assert terminal.wait() == 0
    again = home.terminal("attach", rows=40, columns=90)
    again.expect("90 40")


# Read-only


def test_read_only_shows_everything_and_takes_no_keys(home: Home) -> None:
    talking(home)
    watching = home.terminal("attach", "--read-only", "-q", rows=11, columns=44)
    watching.expect("READY")
    watching.send("evil\r")
    watching.resize(12, 45)
    typing = home.terminal("attach", "-q", rows=24, columns=80)
    typing.expect("READY")
    typing.send("size\r")
    watching.expect("24 80")
    typing.send("quit\r")
    assert (typing.wait(), watching.wait()) == (3, 3)
    assert b"evil" not in home.run().output


def test_ctrl_c_ends_a_read_only_viewer_and_not_the_job(home: Home) -> None:
    run = talking(home)
    watching = home.terminal("attach", "--read-only")
    watching.expect("READY")
    wait_until(lambda: home.parts("client"))
    watching.send("\x03")
    assert watching.wait() == 0
    assert run.of_type("finish") == []
    quit_job(home)


@contextmanager
def connected(home: Home) -> Iterator[tuple[socket.socket, Iterator[Frame]]]:
    """A hand-made client of the only run: its connection, and the keeper's frames."""
    (path,) = (home.path / "run" / "mlterm").glob("*.sock")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))

        def frames() -> Iterator[Frame]:
            reader = FrameReader()
            while data := connection.recv(65536):
                yield from reader.feed(data)

        yield connection, frames()


def expect_kind(frames: Iterator[Frame], kind: Kind) -> Frame:
    return next(frame for frame in frames if frame.kind is kind)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(protocol.pack(Kind.INPUT, b"evil\n"), id="INPUT"),
        pytest.param(protocol.pack(Kind.INPUT, b"\x03"), id="Ctrl-C"),
        pytest.param(protocol.resize(3, 33), id="RESIZE"),
        pytest.param(protocol.signal(signal.SIGKILL), id="SIGNAL"),
        pytest.param(protocol.stop(signal.SIGKILL, 0.0), id="STOP"),
    ],
)
def test_the_keeper_itself_refuses_a_read_only_client(home: Home, frame: bytes) -> None:
    run = talking(home)
    hello = protocol.hello(True, 5, 55)
    with connected(home) as (connection, frames):
        connection.sendall(hello)
        expect_kind(frames, Kind.WELCOME)
        connection.sendall(frame + hello)
        expect_kind(frames, Kind.WELCOME)  # what stood before the second hello has been read
    terminal = home.terminal("attach", "-q")
    terminal.expect("READY")
    terminal.send("size\r")
    terminal.expect("24 80")
    terminal.send("quit\r")
    assert terminal.wait() == 3
    assert b"evil" not in run.output
    assert (run.finish["status"], run.finish["exit_code"]) == ("failed", 3)


# Other hosts


@contextmanager
def run_elsewhere(home: Home) -> Iterator[Path]:
    """A live run of another machine, as a shared log folder shows it."""
    home.logs.mkdir()
    path = home.logs / "p_far.jsonl"
    record = {
        "timestamp": "2026-01-01T00:00:00.000000+00:00", "type": "run", "schema": 1,
        "project": "p", "run_id": "far", "host": "gpu-node-7", "supervised": True,
    }  # fmt: skip
    path.write_text(json.dumps(record) + "\n")
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


@pytest.mark.parametrize("command", ["attach", "stop"])
def test_a_run_on_another_host_is_named_with_the_way_there(home: Home, command: str) -> None:
    with run_elsewhere(home) as path:
        done = home.mlterm(command, "far")
        assert done.returncode == 125
        assert b"p/far runs on gpu-node-7, not here" in done.stderr
        assert b"ssh" in done.stderr
        assert f"gpu-node-7 mlterm {command} {path}".encode() in done.stderr


# Keys


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("\x1b[92", ";5u"),
        ("\x1b", "[92;5u"),
        ("\x1b[92;5", "u"),
        ("\x1b[27;5;9", "2~"),
    ],
)
def test_a_detach_key_that_comes_in_two_pieces_detaches(home: Home, first: str, rest: str) -> None:
    run = home.detached(sys.executable, "-c", RAW + "while os.read(0, 100): pass")
    wait_until(lambda: run.output, "the job's first word")
    terminal = home.terminal("attach")
    terminal.expect("READY")

    def detached() -> bool:
        """Typed again, should this machine be too busy to bring the pieces close together."""
        terminal.send(first)
        terminal.send(rest)
        try:
            return terminal.wait(seconds=2.0) == 0
        except AssertionError:
            return False

    wait_until(detached, "the detaching")
    assert run.of_type("finish") == []


def test_the_start_of_a_detach_key_alone_reaches_the_program(home: Home) -> None:
    code = """
keys = b""
while not keys.endswith(b"q"):
    keys += os.read(0, 100)
    print(keys, end="\\r\\n", flush=True)
"""
    terminal = python(home, code, begin=RAW)
    terminal.send("\x1b")
    terminal.expect(r"b'\x1b'")
    terminal.send("[92")
    terminal.expect(r"b'\x1b[92'")
    terminal.send("q")
    assert terminal.wait() == 0


def test_other_escape_sequences_reach_the_program_whole(home: Home) -> None:
    code = """
keys = b""
while not keys.endswith(b"q"):
    keys += os.read(0, 100)
print(keys, end="\\r\\n")
"""
    terminal = python(home, code, begin=RAW)
    terminal.send("\x1b[A\x1b[1;5C\x1bOP\x1b[200~paste\x1b[201~\x1b[97;5uq")
    terminal.expect(r"b'\x1b[A\x1b[1;5C\x1bOP\x1b[200~paste\x1b[201~\x1b[97;5uq'")
    assert terminal.wait() == 0


def test_ctrl_c_is_the_byte_3_to_a_program_that_reads_raw_keys(home: Home) -> None:
    terminal = python(home, 'print(list(os.read(0, 10)), end="\\r\\n")', begin=RAW)
    terminal.send("\x03")
    terminal.expect("[3]")
    assert terminal.wait() == 0


def test_a_program_that_catches_ctrl_c_goes_on(home: Home) -> None:
    code = """
try:
    print("READY", flush=True)
    input()
except KeyboardInterrupt:
    print("caught", flush=True)
print("said", input())
"""
    terminal = python(home, code)
    terminal.send("\x03")
    terminal.expect("caught")
    terminal.send("yes\r")
    terminal.expect("said yes")
    assert terminal.wait() == 0
    assert home.run().finish["status"] == "completed"


def test_a_program_that_dies_of_ctrl_c_is_cancelled(home: Home) -> None:
    terminal = python(home, 'print("READY", flush=True); input()')
    terminal.send("\x03")
    terminal.expect("KeyboardInterrupt")
    assert terminal.wait() == 130
    finish = home.run().finish
    assert (finish["status"], finish["signal"], finish["exit_code"]) == (
        "cancelled",
        "SIGINT",
        None,
    )
    assert "Ctrl-C" in finish["reason"]


def test_a_pdb_prompt_can_be_left_and_answered_later(home: Home) -> None:
    script = home.path / "debugged.py"
    script.write_text('answer = 41\nbreakpoint()\nprint("after", answer)\n')
    terminal = home.terminal("run", "--", sys.executable, script)
    terminal.expect("(Pdb) ")
    terminal.send("\x1c")
    assert terminal.wait() == 0
    again = home.terminal("attach", "-q")
    again.expect("(Pdb) ")
    again.send("p answer + 1\r")
    again.expect("42")
    again.expect("(Pdb) ")
    again.send("answer = 7\r")
    again.expect("(Pdb) ")
    again.send("c\r")
    again.expect("after 7")
    assert again.wait() == 0


OFFER = "s: stop the run"
DEAF = RAW + "while True: os.read(0, 100)"
"""A job that no Ctrl-C ends, though a signal does."""


def test_ctrl_c_three_times_offers_to_stop_and_s_stops(home: Home) -> None:
    terminal = python(home, "", begin=DEAF)
    terminal.send("\x03\x03\x03")
    terminal.expect(OFFER)
    terminal.send("s")
    assert terminal.wait() == 130
    finish = home.run().finish
    assert (finish["status"], finish["signal"]) == ("cancelled", "SIGINT")


def test_ctrl_c_three_times_offers_to_detach_and_d_detaches(home: Home) -> None:
    terminal = python(home, "", begin=DEAF)
    terminal.send("\x03\x03\x03")
    terminal.expect(OFFER)
    terminal.send("d")
    assert terminal.wait() == 0
    assert home.run().of_type("finish") == []
    assert home.mlterm("stop", "r").returncode == 0


def test_after_the_offer_one_key_answers_and_the_next_is_the_programs(home: Home) -> None:
    code = """
keys = b""
while not keys.endswith(b"q"):
    keys += os.read(0, 100)
print(keys, end="\\r\\n")
"""
    terminal = python(home, code, begin=RAW)
    terminal.send("\x03\x03\x03")
    terminal.expect(OFFER)
    terminal.send("xq")
    terminal.expect(r"\x03\x03\x03")
    assert terminal.wait() == 0


def paste(terminal: Terminal, text: bytes) -> None:
    """Hand over more than a terminal takes at once."""
    rest = memoryview(text)

    def gone() -> bool:
        nonlocal rest
        terminal.read()
        try:
            rest = rest[os.write(terminal.fd, rest) :]
        except BlockingIOError:
            return False
        return not rest

    wait_until(gone, "the terminal to take the paste")


def test_a_long_paste_arrives_whole(home: Home) -> None:
    ours = {0x03, 0x1A, 0x1C, 0x1B, 0x11, 0x13}  # keys with a meaning to client or terminal
    others = bytes(set(range(256)) - ours)
    text = bytes(random.Random(7).choices(others, k=50_000))
    code = f"""
got = b""
while len(got) < {len(text)}:
    got += os.read(0, 65536)
open("pasted", "wb").write(got)
"""
    terminal = python(home, code, begin=RAW)
    paste(terminal, text)
    assert terminal.wait() == 0
    assert (home.path / "pasted").read_bytes() == text


def test_typing_ahead_to_a_program_that_does_not_read_yet_holds_up_nothing(home: Home) -> None:
    code = """
import time
while not os.path.exists("go"):
    time.sleep(0.01)
got = b""
while not got.endswith(b"END"):
    got += os.read(0, 65536)
open("typed", "wb").write(got)
"""
    terminal = python(home, code, begin=RAW)
    text = b"x" * 30_000 + b"END"
    paste(terminal, text)
    (home.path / "go").touch()
    assert terminal.wait() == 0
    assert (home.path / "typed").read_bytes() == text


# Clients that stand still


def test_ctrl_z_suspends_the_viewer_alone(home: Home) -> None:
    home.environ["PS1"] = "prompt> "
    shell = Terminal(["bash", "--norc", "-i"], home.path, home.environ, 24, 200)
    home.terminals.append(shell)
    shell.expect("prompt> ")
    command = home.command("run", "-q", "--project", "p", "--run-id", "r", "--", "sh", "-c", TALK)
    shell.send(shlex.join(command) + "\r")
    shell.expect("READY")
    client = home.part("client")
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.expect("prompt> ")
    assert client.status() == psutil.STATUS_STOPPED

    other = home.terminal("attach", "-q")
    other.expect("READY")
    other.send("meanwhile\r")
    other.expect("got:meanwhile")

    shell.send("fg\r")
    shell.expect("got:meanwhile")
    shell.send("back\r")
    shell.expect("got:back")
    shell.send("quit\r")
    shell.expect("prompt> ")
    shell.send("echo code=$?\r")
    shell.expect("code=3\r\n")


@pytest.mark.parametrize("command", ["run", "attach"])
def test_a_stopped_client_holds_up_nothing_and_shows_everything_later(
    home: Home, command: str
) -> None:
    size = 20_000_000
    job = ("sh", "-c", f"until [ -e go ]; do sleep 0.01; done; seq -f %099.0f {size // 100}")
    with (home.path / "shown").open("wb") as shown:
        if command == "attach":
            home.detached(*job)
            client = home.start("attach", "-q", "--all", stdout=shown)
        else:
            names = ("--project", "p", "--run-id", "r")
            client = home.start("run", "-q", *names, "--", *job, stdout=shown)
        process = home.part("client")
        process.suspend()
        (home.path / "go").touch()
        run = home.run()
        wait_until(run.path.exists)
        assert run.finish["exit_code"] == 0
        assert len(run.output) == size
        assert (home.path / "shown").stat().st_size == 0
        process.resume()
        client.communicate()
    assert client.returncode == 0
    assert (home.path / "shown").read_bytes() == run.output
