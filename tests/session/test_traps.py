"""Traps of terminals, processes and shells that a supervisor must not fall into."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlterm.system import host, lock, registry
from tests.support import PATIENCE, Home, Run, Terminal, started, stream, wait_until

NAMED = ("--project", "p", "--run-id", "r")
UNTIL_GO = "while [ ! -e go ]; do sleep 0.02; done"


def through_shell(home: Home, script: str, command: list[str]) -> bytes:
    """What ``command``, started by ``exec "$@"`` of a shell script, prints on both streams."""
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command],
        cwd=home.path,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + b"exit code %d" % done.returncode


def go(home: Home) -> None:
    """Let a command that is in UNTIL_GO go on."""
    (home.path / "go").touch()


def title(process: psutil.Process) -> str:
    """What ps(1) shows."""
    return " ".join(process.cmdline())


def entry_of(home: Home, run: Run) -> dict[str, Any]:
    """A live run's entry in the registry."""
    entries = map(json.loads, (p.read_text() for p in (home.path / "run/mlterm").glob("*.json")))
    return next(entry for entry in entries if entry["run_file"] == str(run.path))


def supervisors(home: Home, run: Run) -> list[psutil.Process]:
    """A live run's guard, keeper and observer."""
    entry = entry_of(home, run)
    guard = psutil.Process(entry["guard_pid"])

    def children() -> list[psutil.Process]:
        titles = ("mlterm keeper ", "mlterm observer ")
        return [child for child in guard.children() if title(child).startswith(titles)]

    wait_until(lambda: len(children()) == 2, "keeper and observer")
    return [guard, *children()]


def keeper_of(home: Home, run: Run) -> psutil.Process:
    return next(part for part in supervisors(home, run) if title(part).startswith("mlterm keeper "))


def process_named_in(file: Path) -> psutil.Process:
    """The process whose pid a shell has written to a file."""
    text = wait_until(lambda: file.exists() and file.read_text().endswith("\n"), str(file))
    assert text
    return psutil.Process(int(file.read_text()))


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def nobody_keeps(run: Run) -> bool:
    return not lock.is_held(run.path.with_name(f"{run.path.name}.lock"))


# --- Who is left when the command has ended -------------------------------------------------

# Ignores the SIGHUP that it gets when the session's leader ends; tells its pid, then waits.
GRANDCHILD = f"trap '' HUP; echo $$ > pid; {UNTIL_GO}; echo LATE; touch said; exec sleep 600"
LEAVES_ONE_BEHIND = (
    f"sh -c {shlex.quote(GRANDCHILD)} & while [ ! -s pid ]; do sleep 0.02; done; echo READY; exit 3"
)


def test_a_grandchild_that_holds_the_terminal_holds_up_neither_record_nor_client(
    home: Home,
) -> None:
    done = home.mlterm("run", *NAMED, "--", "sh", "-c", LEAVES_ONE_BEHIND)
    run = home.run()
    (finish,) = run.of_type("finish")
    assert (finish["status"], finish["exit_code"]) == ("failed", 3)
    assert (done.returncode, done.stdout) == (3, b"READY\n")
    grandchild = process_named_in(home.path / "pid")
    assert not is_gone(grandchild)
    words = done.stderr.decode()
    assert f"sh (pid {grandchild.pid})" in words
    assert "still holds its terminal" in words
    assert "mlterm stop p/r" in words
    assert not re.search("mlterm (guard|keeper|observer)", words)


def test_what_is_written_after_the_commands_end_is_recorded_until_stop_ends_it(home: Home) -> None:
    run = home.detached("sh", "-c", LEAVES_ONE_BEHIND)
    assert run.finish["exit_code"] == 3
    grandchild = process_named_in(home.path / "pid")
    go(home)
    wait_until(lambda: run.output == b"READY\nLATE\n", "the late line")
    assert not nobody_keeps(run)
    assert home.mlterm("stop", "p/r", "--grace", "0.2").returncode == 0
    assert is_gone(grandchild)
    wait_until(lambda: nobody_keeps(run), "the keeper's end")
    assert [record["type"] for record in run.records] == ["run", "finish"]


def test_whoever_attaches_while_a_grandchild_writes_sees_it_and_gets_the_commands_code(
    home: Home,
) -> None:
    run = home.detached("sh", "-c", LEAVES_ONE_BEHIND)
    assert run.finish["exit_code"] == 3
    go(home)
    wait_until((home.path / "said").exists, "the late line")
    done = home.mlterm("attach", "p/r")
    assert (done.returncode, done.stdout) == (3, b"READY\nLATE\n")


@pytest.mark.linux
@pytest.mark.parametrize("environment", ["env", "env -i"])
def test_orphans_in_sessions_of_their_own_are_adopted_and_stopped(
    home: Home, environment: str
) -> None:
    # Double-forked, deaf to INT and TERM, without our terminal; with env -i, without our marks.
    orphan = f"trap '' HUP INT TERM; echo $$ > pid; exec {environment} sleep 600"
    daemon = f"(setsid sh -c {shlex.quote(orphan)} < /dev/null > /dev/null 2>&1 &)"
    run = home.detached("sh", "-c", f"{daemon}; echo READY; exec sleep 600")
    process = process_named_in(home.path / "pid")
    guard = entry_of(home, run)["guard_pid"]
    wait_until(lambda: process.ppid() == guard, "the adoption")
    wait_until(lambda: process.name() == "sleep", "its exec")
    assert os.getsid(process.pid) == process.pid
    assert home.mlterm("stop", "p/r", "--grace", "0.2").returncode == 0
    assert is_gone(process)
    assert run.finish["status"] == "cancelled"
    wait_until(lambda: nobody_keeps(run), "the keeper's end")


@pytest.mark.linux
def test_an_orphan_outlives_the_command_and_is_found_by_stop(home: Home) -> None:
    orphan = "echo $$ > pid; exec sleep 600"  # holds the terminal, from another session
    daemon = f"(setsid sh -c {shlex.quote(orphan)} &)"
    run = home.detached("sh", "-c", f"{daemon}; while [ ! -s pid ]; do sleep 0.02; done")
    assert run.finish["status"] == "completed"
    process = process_named_in(home.path / "pid")
    assert home.mlterm("stop", "p/r", "--grace", "0.2").returncode == 0
    assert is_gone(process)
    assert run.finish["status"] == "completed"


def test_the_supervisors_are_no_members_of_the_run_that_they_keep(home: Home) -> None:
    run = home.detached("sh", "-c", UNTIL_GO)
    parts = {part.pid for part in supervisors(home, run)}
    members = {member.pid for member in host.members(registry.Entry(**entry_of(home, run)))}
    assert run.start["pid"] in members
    assert not parts & members
    go(home)


def test_a_keeper_outlives_the_kill_that_ends_its_deaf_command(home: Home) -> None:
    deaf = "trap 'echo INT' INT; trap 'echo TERM' TERM; echo READY; while :; do sleep 0.05; done"
    run = home.detached("sh", "-c", deaf)
    wait_until(lambda: run.output, "the command's first word")
    keeper = keeper_of(home, run)
    with started(home.command("stop", "p/r", "--grace", "0.3"), home) as stop:
        wait_until(lambda: b"TERM\n" in run.output, "the second signal")
        assert not is_gone(keeper)
        assert stop.wait(PATIENCE) == 0
    assert (run.finish["status"], run.finish["signal"]) == ("cancelled", "SIGKILL")
    lines = [line for line in run.output.split(b"\n") if line in (b"INT", b"TERM")]
    assert lines == [b"INT", b"TERM"]
    assert not (run.folder / "mlterm-crash.log").exists()


def test_a_stopped_command_is_woken_to_obey(home: Home) -> None:
    script = "trap 'echo TOLD; exit 4' TERM; echo READY; while :; do kill -STOP $$; done"
    run = home.detached("sh", "-c", script)
    command = psutil.Process(run.start["pid"])
    wait_until(lambda: command.status() == psutil.STATUS_STOPPED, "the stopped command")
    assert home.mlterm("stop", "p/r", "--signal", "TERM").returncode == 0
    assert (run.finish["status"], run.finish["exit_code"]) == ("cancelled", 4)


# --- The command's start ----------------------------------------------------------------------

DISPOSITIONS = ("grep", "-E", "^Sig(Ign|Blk):", "/proc/self/status")


@pytest.mark.linux
@pytest.mark.parametrize(
    "wrapper",
    [
        "exec",
        "trap '' INT; exec nohup",
        "trap '' HUP INT QUIT TERM PIPE XFSZ USR1 TSTP TTOU; exec",
        "exec env --block-signal=USR1 --block-signal=INT --block-signal=CHLD",
    ],
)
def test_every_signal_has_its_default_in_the_command(home: Home, wrapper: str) -> None:
    command = home.command("run", "-q", "--", *DISPOSITIONS)
    printed = through_shell(home, f'{wrapper} "$@"', command).decode()
    masks = dict(re.findall(r"^(Sig\w+):\s+([0-9a-f]+)", printed, re.MULTILINE))
    assert {name: int(mask, 16) for name, mask in masks.items()} == {"SigIgn": 0, "SigBlk": 0}
    assert printed.endswith("exit code 0")


def test_a_caller_that_ignores_the_end_of_its_children_hides_none_from_us(home: Home) -> None:
    # SIGCHLD ignored is inherited, and makes wait(2) fail; shells cannot set it so.
    ignore = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    python = [sys.executable, "-c", f"{ignore}; os.execv(sys.argv[1], sys.argv[1:])"]
    command = home.command("run", "-q", *NAMED, "--", "sh", "-c", "echo READY; exit 3")
    assert through_shell(home, 'exec "$@"', [*python, *command]) == b"READY\nexit code 3"
    assert home.run().finish["exit_code"] == 3


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_client_goes_on_ignoring_what_its_caller_had_it_ignore(
    home: Home, number: signal.Signals
) -> None:
    # nohup ignores SIGHUP, a script's background jobs ignore SIGINT.
    run = home.command("run", *NAMED, "--", "sh", "-c", f"echo READY; {UNTIL_GO}; echo DONE")
    script = f'trap "" {number.name.removeprefix("SIG")}; exec "$@"'
    with started(["sh", "-c", script, "sh", *run], home) as client:
        assert stream(client.stdout).readline() == b"READY\n"
        client.send_signal(number)
        client.send_signal(signal.SIGCONT)  # has been read once the next line is
        go(home)
        rest, words = client.communicate(timeout=PATIENCE)
    assert (client.returncode, rest) == (0, b"DONE\n"), words
    assert home.run().finish["status"] == "completed"


def test_in_a_folder_that_is_gone_nothing_is_started(home: Home) -> None:
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    command = home.command("run", "--log-dir", home.logs, "--", "touch", home.path / "started")
    printed = through_shell(home, script, command)
    assert b"the current folder has been removed" in printed
    assert b"Traceback" not in printed
    assert printed.endswith(b"exit code 125")
    assert not (home.path / "started").exists()
    assert not home.logs.exists()


@pytest.mark.linux
def test_argv_reaches_the_command_unchanged(home: Home) -> None:
    words = ["cat", "/proc/self/cmdline", "/dev/null"]
    done = home.mlterm("run", "--", *words, check=True)
    assert done.stdout == "".join(f"{word}\0" for word in words).encode()
    assert home.mlterm("run", "--", "sh", "-c", "echo $0").stdout == b"sh\n"
    arguments = ["", "two words", "-x", "--", "*", "'\"\\", "\n"]
    script = 'printf "<%s>" "$@"'
    done = home.mlterm("run", "--", "sh", "-c", script, "sh", *arguments, check=True)
    assert done.stdout.decode() == "".join(f"<{word}>" for word in arguments)


def test_a_script_without_a_first_line_is_run_by_sh(home: Home) -> None:
    script = home.path / "script"
    script.write_text('echo "$0 $1"\n')
    script.chmod(0o755)
    done = home.mlterm("run", "--", "./script", "a b", check=True)
    assert done.stdout == b"./script a b\n"


def test_of_two_programs_of_a_name_the_first_in_path_runs_though_it_has_no_first_line(
    home: Home,
) -> None:
    for folder, text in (("first", 'echo "$0 $1"\n'), ("second", "#!/bin/sh\necho second\n")):
        (home.path / folder).mkdir()
        (home.path / folder / "prepare").write_text(text)
        (home.path / folder / "prepare").chmod(0o755)
    search = f"{home.path}/first:{home.path}/second:{home.environ['PATH']}"
    done = home.mlterm("run", "--", "prepare", "c", env=home.environ | {"PATH": search}, check=True)
    assert done.stdout == f"{home.path}/first/prepare c\n".encode()


@pytest.mark.parametrize("detach", ["", "-d"])
def test_what_the_shell_opened_for_the_command_reaches_it(home: Home, detach: str) -> None:
    (home.path / "three").write_text("three\n")
    command = shlex.join(home.command("run", *([detach] if detach else []), "-q", *NAMED))
    script = f"{command} -- cat <(echo one) <(echo two) /dev/fd/3 3<three"
    printed = through_shell(home, script, [])
    assert printed.endswith(b"exit code 0")
    assert home.run().finish["exit_code"] == 0
    assert home.run().output == b"one\ntwo\nthree\n"


def test_the_command_gets_no_descriptor_that_the_shell_did_not_open(home: Home) -> None:
    script = 'for fd in /proc/self/fd/*; do echo "${fd##*/}"; done'
    command = home.command("run", "-q", "--", "bash", "-c", script)
    alone = through_shell(home, 'exec "$@"', ["bash", "-c", script])
    supervised = through_shell(home, 'exec "$@"', command)
    assert supervised == alone


def test_no_supervisors_command_line_has_the_scripts_name(home: Home) -> None:
    wait = "while not os.path.exists('go'): time.sleep(0.02)"
    script = f"import os, time\nprint('READY', flush=True)\n{wait}"
    (home.path / "train_me.py").write_text(script)
    with started(home.command("run", "--", "python3", "train_me.py"), home) as client:
        assert stream(client.stdout).readline() == b"READY\n"
        run = home.only_run()
        parts = [*supervisors(home, run), psutil.Process(client.pid)]
        titles = [title(part) for part in parts]
        assert not [words for words in titles if re.search("train_me.py", words)]
        wanted = ["client", "guard", "keeper", "observer"]
        assert sorted(words.split()[1] for words in titles) == wanted
        assert re.search("train_me.py", title(psutil.Process(run.start["pid"])))
        go(home)
        assert client.wait(PATIENCE) == 0


# --- The terminal -------------------------------------------------------------------------------


def test_a_terminal_without_a_size_gives_the_command_24_by_80(home: Home) -> None:
    script = 'stty rows 0 columns 0; exec "$@"'
    sizes = "stty size; sleep 0.1; stty size; echo END"
    command = home.command("run", *NAMED, "--", "sh", "-c", sizes)
    words = ["sh", "-c", script, "sh", *command]
    terminal = Terminal(words, home.path, home.environ, 24, 80)
    home.terminals.append(terminal)
    terminal.expect("END")
    assert terminal.wait() == 0
    assert home.run().output == b"24 80\n24 80\nEND\n"


def test_without_a_terminal_the_commands_has_24_by_80(home: Home) -> None:
    done = home.mlterm("run", "-d", *NAMED, "--", "stty", "size", check=True)
    assert done.stdout == b"p/r\n"
    assert home.run().finish["exit_code"] == 0
    assert home.run().output == b"24 80\n"


def test_a_command_that_closes_its_terminal_and_lives_on_has_not_ended(home: Home) -> None:
    script = f"echo READY; exec <&- >&- 2>&-; : > closed; {UNTIL_GO}; exit 7"
    with started(home.command("run", *NAMED, "--", "sh", "-c", script), home) as client:
        assert stream(client.stdout).readline() == b"READY\n"
        wait_until((home.path / "closed").exists, "the closed terminal")
        keeper = keeper_of(home, home.run())
        # It looks at its timers while it waits: it has taken in the terminal's end by then.
        looks = keeper.num_ctx_switches().voluntary
        wait_until(lambda: keeper.num_ctx_switches().voluntary > looks + 1, "the keeper's look")
        assert client.poll() is None
        assert not home.run().of_type("finish")
        go(home)
        assert client.wait(PATIENCE) == 7
    assert home.run().finish["exit_code"] == 7


def test_a_command_that_opens_its_terminal_again_is_heard_again(home: Home) -> None:
    script = (
        f"echo READY; exec <&- >&- 2>&-; : > closed; {UNTIL_GO}; exec > /dev/tty; echo BACK; exit 7"
    )
    run = home.detached("sh", "-c", script)
    wait_until((home.path / "closed").exists, "the closed terminal")
    go(home)
    assert run.finish["exit_code"] == 7
    wait_until(lambda: run.output == b"READY\nBACK\n", "the last line")


def test_output_is_recorded_as_it_was_written(home: Home) -> None:
    content = bytes(range(256)) * 3 + b"a\nb\r\nc\r\0\xff\n\n\x04\x1a"
    (home.path / "file").write_bytes(content)
    done = home.mlterm("run", *NAMED, "--", "cat", "file", check=True)
    assert done.stdout == content
    assert home.run().output == content
    assert home.mlterm("logs", "p/r", "--raw", check=True).stdout == content


def test_no_carriage_return_is_added(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "printf", "a\\nb", check=True)
    assert home.run().output == b"a\nb"


def test_lines_of_10000_characters_are_piped_in_whole(home: Home) -> None:
    lines = b"".join(b"%d" % (n % 10) * 10_000 + b"\n" for n in range(50))
    done = home.mlterm("run", *NAMED, "--", "cat", input=lines)
    assert done.returncode == 0
    assert done.stdout == lines
    assert home.run().output == lines


def test_the_end_of_a_command_cuts_nothing_off_its_output(home: Home) -> None:
    content = os.urandom(300_000)
    (home.path / "file").write_bytes(content)
    done = home.mlterm("run", *NAMED, "--", "cat", "file", check=True)
    assert home.run().output == content
    assert done.stdout == content


@pytest.mark.linux
def test_what_is_pending_when_the_command_ends_is_read_after_its_end(home: Home) -> None:
    last = "x" * 3000  # what the terminal takes while nobody reads it
    run = home.detached("sh", "-c", f"echo READY; {UNTIL_GO}; printf {last}; : > said; exit 5")
    wait_until(lambda: run.output == b"READY\n", "the command's first word")
    keeper, command = keeper_of(home, run), psutil.Process(run.start["pid"])
    keeper.suspend()
    try:
        go(home)
        wait_until((home.path / "said").exists, "the last word")
        wait_until(lambda: not psutil.pid_exists(command.pid), "the command's end")
        assert run.output == b"READY\n"
    finally:
        keeper.resume()
    assert run.finish["exit_code"] == 5
    assert run.finish["tail"].endswith(last)
    wait_until(lambda: nobody_keeps(run), "the keeper's end")
    assert run.output == b"READY\n" + last.encode()


@pytest.mark.parametrize("flow_control", ["ixon", "-ixon"])
def test_ctrl_s_never_stops_the_job(home: Home, flow_control: str) -> None:
    # With flow control it freezes the person's own screen; without, it reaches the job's
    # terminal as a byte.
    job = f"echo READY; {UNTIL_GO}; seq 20000; echo OVER"
    command = home.command("run", *NAMED, "--", "sh", "-c", job)
    words = ["sh", "-c", f'stty {flow_control}; exec "$@"', "sh", *command]
    terminal = Terminal(words, home.path, home.environ, 24, 80)
    home.terminals.append(terminal)
    terminal.expect("READY")
    terminal.send("\x13")
    go(home)
    run = home.run()
    assert run.finish["status"] == "completed"
    assert run.output.endswith(b"\n20000\nOVER\n")
    terminal.send("\x11")
    terminal.expect("OVER")
    assert terminal.wait() == 0


def test_five_megabytes_are_written_while_nobody_is_attached(home: Home) -> None:
    content = os.urandom(5_000_000)
    (home.path / "file").write_bytes(content)
    run = home.detached("cat", "file")
    assert run.finish["status"] == "completed"
    wait_until(lambda: nobody_keeps(run), "the keeper's end")
    assert run.output == content
