"""The view in a real terminal, read back through an emulator."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import termios

import psutil
import pytest

from tests.support import Home, Terminal, wait_until

NAMED = ("--project", "p", "--run-id", "r")
TRAINING = """
import sys, time
for step in range(1, 31):
    print(f"step {step} train/loss {2 / step:.4f} val/loss {3 / step:.4f} accuracy {step / 40:.3f}")
print("READY", flush=True)
word = sys.stdin.readline()
print("got", repr(word), flush=True)
sys.exit(3 if "fail" in word else 0)
"""


@pytest.fixture
def viewing(home: Home) -> Home:
    """A corner in which the view is shown."""
    del home.environ["MLTERM_PLAIN"]
    return home


def screen(terminal: Terminal) -> list[str]:
    terminal.read()
    return list(terminal.screen.display)


def see(terminal: Terminal, *words: str) -> list[str]:
    """Wait until all of these stand on the screen; its lines."""

    def there() -> bool:
        text = "\n".join(screen(terminal))
        return all(word in text for word in words)

    try:
        wait_until(there, f"{words} on the screen")
    except AssertionError as error:
        shown = "\n".join(screen(terminal))
        raise AssertionError(f"{error}; it shows\n{shown}") from None
    return screen(terminal)


def gone(terminal: Terminal, word: str) -> None:
    wait_until(lambda: word not in "\n".join(screen(terminal)), f"{word!r} to go")


def run(home: Home, rows: int = 40, columns: int = 120) -> Terminal:
    """A run whose 30 steps are on the screen; it waits for a line."""
    code = home.script(TRAINING)
    terminal = home.terminal("run", *NAMED, "--", *code, rows=rows, columns=columns)
    see(terminal, "READY", "train/loss 0.0667 →")  # no line of the output has an arrow
    return terminal


def end(terminal: Terminal, word: str = "on") -> int:
    terminal.send("i")
    see(terminal, "typing into the program")
    terminal.send(f"{word}\r")
    return terminal.wait()


def test_a_run_is_shown_with_its_charts_its_output_and_the_machine(viewing: Home) -> None:
    terminal = run(viewing)
    lines = see(terminal, "p/r ● running", "train/loss", "val/loss", "accuracy", "CPU", "MEM")
    assert lines[1].startswith(" 1 Split   2 Metrics   3 System   4 Records   5 Output")
    assert any(line[61:].startswith("READY") for line in lines)
    assert any("⠉" in line or "⠤" in line for line in lines)
    assert end(terminal) == 0


def test_at_the_end_the_terminal_is_as_it_was_and_the_summary_is_printed(viewing: Home) -> None:
    terminal = run(viewing)
    during = terminal.settings()
    assert not during[3] & termios.ICANON
    terminal.raw = b""
    assert end(terminal, "fail") == 3
    assert b"\x1b[?1049l" in terminal.raw
    after = terminal.raw[terminal.raw.rindex(b"\x1b[?1049l") :]
    assert b"failed" in after
    (line,) = [line for line in after.decode().splitlines() if "train/loss" in line]
    assert "█" in line
    assert line.endswith("0.0667")
    assert terminal.settings()[3] & termios.ICANON
    assert viewing.run().finish["exit_code"] == 3


def test_metrics_are_filtered_as_one_types(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("/val")
    see(terminal, "filter val", "1 of 3")
    gone(terminal, "max 0.75")
    terminal.send("\x1b")
    see(terminal, "max 0.75")
    assert end(terminal) == 0


def test_a_chart_is_zoomed_and_its_cursor_scrolls_the_output(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("\r")
    gone(terminal, "max 0.75")
    terminal.send("\x1b[D" * 12)
    lines = see(terminal, "at step 19")
    assert any("step 19 train/loss 0.1053" in line for line in lines)
    terminal.send("\x1b")
    see(terminal, "max 0.75")
    assert end(terminal) == 0


def test_what_a_tracker_logged_is_found_in_the_output_by_its_time(viewing: Home) -> None:
    code = """
        import time
        from mlterm import Tracker
        tracker = Tracker()
        for step in range(4):
            for line in range(100):
                print(f"part {step} line {line}")
            time.sleep(0.3)
            tracker.log(score=step * 1.5, step=step)
            time.sleep(0.3)  # so that the next part is clearly later, on any clock
        print("READY", flush=True)
        input()
    """
    script = viewing.script(code)
    terminal = viewing.terminal("run", "--no-parse", *NAMED, "--", *script, rows=40, columns=120)
    see(terminal, "READY", "score 4.5")
    terminal.send("\r")
    for value in ("4.5", "3", "1.5"):
        terminal.send("\x1b[D")
        see(terminal, f"score {value}  at step")
    see(terminal, "part 1 line 99", "part 2 line 0")
    gone(terminal, "READY")
    assert end(terminal) == 0


def test_tabs_show_system_records_and_output(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("3")
    see(terminal, "Processes", "python  main")
    terminal.send("4")
    see(terminal, "metrics", "train/loss=0.0667", "_step=30")
    terminal.send("/type:run\r")
    see(terminal, "run_id=r")
    gone(terminal, "_step=30")
    terminal.send("\r")
    see(terminal, '"type": "run"')
    terminal.send("5")
    see(terminal, "step 30 train/loss", "following")
    assert end(terminal) == 0


def test_the_output_is_searched(viewing: Home) -> None:
    terminal = run(viewing, rows=20)
    terminal.send("5/step 4 \r")
    lines = see(terminal, "step 4 train/loss 0.5000")
    assert "following" not in lines[2]
    terminal.send("F")
    see(terminal, "READY", "following")
    terminal.send("/nowhere\r")
    see(terminal, "not found: nowhere")
    assert end(terminal) == 0


def test_every_size_is_drawn_and_a_small_one_is_folded(viewing: Home) -> None:
    terminal = run(viewing)
    for rows, columns in ((24, 80), (5, 20), (2, 10), (60, 200), (40, 120)):
        terminal.resize(rows, columns)
        see(terminal, "p/r" if columns > 20 else "● runn")
    lines = see(terminal, "READY", "train/loss 0.0667", "CPU")
    assert len(lines) == 40
    assert end(terminal) == 0


def test_the_programs_window_is_its_pane(viewing: Home) -> None:
    code = """
        import os, signal, sys
        def tell(*_): print("size", *os.get_terminal_size(), flush=True)
        signal.signal(signal.SIGWINCH, tell)
        tell()
        while sys.stdin.readline() != "end\\n": tell()
    """
    terminal = viewing.terminal("run", *NAMED, "--", *viewing.script(code), rows=40, columns=120)
    see(terminal, "size 59 33")
    terminal.send("5")
    see(terminal, "size 120 36")
    assert end(terminal, "end") == 0


def test_one_types_into_pdb(viewing: Home) -> None:
    code = """
        value = 41
        import pdb; pdb.set_trace()
        print("value is", value)
    """
    terminal = viewing.terminal("run", *NAMED, "--", *viewing.script(code), rows=30, columns=100)
    see(terminal, "(Pdb)")
    terminal.send("i")
    see(terminal, "typing into the program")
    terminal.send("value += 1\rx = 7\rp x\r")
    see(terminal, "(Pdb) p x", "7")
    terminal.send("\x1d")
    gone(terminal, "typing into the program")
    terminal.send("2")  # a key of the view again
    gone(terminal, "(Pdb)")
    terminal.send("1")
    assert end(terminal, "c") == 0
    assert b"value is 42" in viewing.run().output


def test_a_program_that_asks_its_terminal_is_answered(viewing: Home) -> None:
    code = """
        import sys, termios, tty
        tty.setcbreak(0)
        termios.tcflush(0, termios.TCIFLUSH)
        print("READY", flush=True)
        sys.stdin.read(1)
        sys.stdout.write("ab\\x1b[6n")
        sys.stdout.flush()
        answer = ""
        while not answer.endswith("R"):
            answer += sys.stdin.read(1)
        print(" answer", repr(answer), flush=True)
        sys.stdin.read(1)
    """
    terminal = viewing.terminal("run", *NAMED, "--", *viewing.script(code), rows=40, columns=120)
    see(terminal, "READY")
    terminal.send("ix")
    see(terminal, "answer '\\x1b[2;3R'")
    terminal.send("x")
    assert terminal.wait() == 0


def test_ctrl_c_is_the_programs(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("\x03")
    assert terminal.wait() == 130
    assert b"KeyboardInterrupt" in viewing.run().output
    assert viewing.run().finish["signal"] == "SIGINT"


@pytest.mark.parametrize("keys", ["d", "q\r", "qd"])
def test_one_detaches_and_comes_back(viewing: Home, keys: str) -> None:
    terminal = run(viewing)
    for key in keys:
        terminal.send(key)
        if key == "q":
            see(terminal, "detach: the job goes on")
    assert terminal.wait() == 0
    assert b"detached from p/r" in terminal.raw
    assert viewing.listed()["p/r"]["status"] == "running"
    again = viewing.terminal("attach", rows=40, columns=120)
    see(again, "READY", "train/loss 0.0667")
    assert end(again) == 0


def test_the_job_is_stopped_from_the_view(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("q")
    see(terminal, "stop the job")
    terminal.send("s")
    terminal.wait()
    assert viewing.run().finish["status"] == "cancelled"


def test_an_ended_run_is_looked_at(viewing: Home) -> None:
    assert end(run(viewing), "fail") == 3
    terminal = viewing.terminal("attach", "r", rows=40, columns=120)
    see(terminal, "● failed", "got 'fail", "train/loss 0.0667")
    terminal.send("g")
    see(terminal, "no run before this one has a metric with a goal")
    terminal.send("r")
    see(terminal, "● failed", "train/loss 0.0667")
    terminal.send("q")
    assert terminal.wait() == 3


def test_a_file_of_metrics_alone_is_looked_at(viewing: Home) -> None:
    path = viewing.path / "bare.jsonl"
    record = '{"timestamp": "2026-11-24T07:00:00+00:00", "type": "metrics", "loss": %d}\n'
    path.write_text("".join(record % step for step in range(99)))
    terminal = viewing.terminal("attach", str(path), rows=40, columns=120)
    lines = see(terminal, "loss 98", "● lost")
    assert any("⣀" in line or "⠤" in line or "⠒" in line for line in lines)
    terminal.raw = b""
    terminal.send("q")
    assert terminal.wait() == 125
    assert b"loss  98" in terminal.raw


def test_the_view_can_stay(viewing: Home) -> None:
    code = viewing.script("print('loss 0.5')")
    terminal = viewing.terminal("run", "--stay", *NAMED, "--", *code, rows=40, columns=120)
    see(terminal, "● completed", "loss 0.5")
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_client_that_is_killed_leaves_a_usable_terminal(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.raw = b""
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait()
    wait_until(lambda: terminal.settings()[3] & termios.ICANON, "the terminal's settings")
    terminal.expect(b"\x1b[?1049l")
    assert viewing.listed()["p/r"]["status"] == "running"


def test_another_keeper_is_found_where_one_was_killed(viewing: Home) -> None:
    terminal = run(viewing)
    keeper = viewing.part("keeper")
    keeper.kill()
    wait_until(lambda: [p for p in viewing.parts("keeper") if p.pid != keeper.pid], "another")
    assert end(terminal) == 0
    assert b"got 'on" in viewing.run().output


def test_a_run_whose_supervisors_are_all_killed_is_lost(viewing: Home) -> None:
    terminal = run(viewing)
    for part in ("guard", "keeper", "observer"):
        for process in viewing.parts(part):
            process.kill()
    assert terminal.wait() == 125
    assert b"was lost" in terminal.raw


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_detaches(viewing: Home, number: signal.Signals, code: int) -> None:
    terminal = run(viewing)
    os.kill(terminal.pid, number)
    assert terminal.wait() == code
    assert terminal.settings()[3] & termios.ICANON
    assert viewing.listed()["p/r"]["status"] == "running"


def test_whoever_only_watches_cannot_type(viewing: Home) -> None:
    terminal = run(viewing)
    watcher = viewing.terminal("attach", "--read-only", rows=40, columns=120)
    lines = see(watcher, "READY", "train/loss 0.0667")
    assert "type" not in lines[-1]
    watcher.send("i")
    watcher.send("q")
    assert watcher.wait() == 0
    assert end(terminal) == 0


def test_a_flood_ends_with_its_last_lines(viewing: Home) -> None:
    code = "for i in range(300_000): print('line', i)\nprint('THE END', flush=True)\ninput()"
    terminal = viewing.terminal("run", *NAMED, "--", *viewing.script(code), rows=40, columns=120)
    lines = see(terminal, "THE END")
    right = [line[61:].rstrip() for line in lines]
    place = right.index("THE END")
    assert right[place - 20 : place] == [f"line {i}" for i in range(299_980, 300_000)]
    assert end(terminal) == 0


def test_nothing_that_a_program_writes_reaches_the_terminal_as_it_is(viewing: Home) -> None:
    code = "print('\\x1b]0;owned\\x07\\x1b[?1003hvisible\\x9b31m', flush=True)\ninput()"
    terminal = viewing.terminal("run", *NAMED, "--", *viewing.script(code), rows=40, columns=120)
    see(terminal, "visible")
    assert b"owned" not in terminal.raw
    assert end(terminal) == 0


@pytest.mark.parametrize("name", ["TERM", "MLTERM_PLAIN"])
def test_where_no_view_fits_the_output_is_passed_through(viewing: Home, name: str) -> None:
    viewing.environ[name] = "dumb"
    terminal = viewing.terminal("run", *NAMED, "--", "echo", "hello", rows=40, columns=120)
    terminal.expect("hello")
    assert terminal.wait() == 0
    assert b"\x1b[?1049h" not in terminal.raw


@pytest.mark.parametrize("term", ["xterm", "linux", "vt100", "screen-256color", "unheard-of"])
def test_terminals_of_fewer_colours_show_it_too(viewing: Home, term: str) -> None:
    viewing.environ["TERM"] = term
    terminal = run(viewing)
    if "256" not in term:
        assert b"38;5;" not in terminal.raw
    assert end(terminal) == 0


def test_colours_are_left_out_where_nobody_wants_them(viewing: Home) -> None:
    viewing.environ["NO_COLOR"] = "1"
    terminal = run(viewing)
    assert b"\x1b[38;5" not in terminal.raw
    assert not re.search(rb"\x1b\[[0-9;]*\b[349][0-7]m", terminal.raw)
    assert end(terminal) == 0


def test_the_whole_is_in_the_files_all_the_same(viewing: Home) -> None:
    assert end(run(viewing)) == 0
    records = viewing.run().of_type("metrics")
    assert [record["_step"] for record in records] == list(range(1, 31))
    summary = json.loads((viewing.run().folder / "summary.json").read_bytes())
    assert summary["series"]["train/loss"]["count"] == 30


@pytest.mark.linux
def test_a_watched_process_has_the_same_view(viewing: Home) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]) as stranger:
        named = (*NAMED, "--interval", "0.1")
        terminal = viewing.terminal("watch", *named, str(stranger.pid), rows=40, columns=120)
        see(terminal, "p/r ● running", "CPU", "MEM")
        terminal.send("3")
        see(terminal, "Processes · 1", str(stranger.pid), "python")
        stranger.kill()
        stranger.wait()
        terminal.wait()
    assert viewing.run().finish["status"] in ("failed", "completed")  # by what the kernel tells


def test_keys_behind_the_one_that_ends_typing_are_ours_again(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("i")
    see(terminal, "typing into the program")
    terminal.send("\x1d?")
    see(terminal, "─ Keys ─")
    terminal.send("\x1b")
    gone(terminal, "─ Keys ─")
    assert end(terminal) == 0


def test_the_mouse_is_never_typed_into_the_program(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("i")
    see(terminal, "typing into the program")
    terminal.send("\x1b[<65;100;10M")
    terminal.send("on\r")
    assert terminal.wait() == 0
    assert b"got 'on\\n'" in viewing.only_run().output
    assert b"65;100" not in viewing.only_run().output


def test_ctrl_z_suspends_the_view_alone(viewing: Home) -> None:
    viewing.environ["PS1"] = "prompt> "
    shell = Terminal(["bash", "--norc", "-i"], viewing.path, viewing.environ, 40, 120)
    viewing.terminals.append(shell)
    shell.expect("prompt> ")
    shell.send(shlex.join(viewing.command("run", "-q", *NAMED, "--", *viewing.script(TRAINING))))
    shell.send("\r")
    see(shell, "READY", "train/loss 0.0667")
    client = viewing.part("client")
    shell.raw = b""
    shell.send("\x1a")
    shell.expect("\x1b[?1049l")
    shell.expect("Stopped")
    assert client.status() == psutil.STATUS_STOPPED
    assert viewing.listed()["p/r"]["status"] == "running"
    shell.send("fg\r")
    shell.expect("\x1b[?1049h")
    see(shell, "READY", "train/loss 0.0667")
    shell.send("ion\r")
    shell.expect("prompt> ")


def test_a_resumed_run_is_one_run(viewing: Home) -> None:
    """Its charts have both parts, its clock and its screen are those of the last one."""
    code = viewing.script("""
        import sys
        begin = int(sys.argv[1])
        for step in range(begin, begin + 5):
            print(f"step {step} loss {1 / step:.3f}")
        print("READY", begin, flush=True)
        input()
    """)
    for begin, more in (("1", ()), ("6", ("--resume",))):
        terminal = viewing.terminal("run", *NAMED, *more, "--", *code, begin, rows=40, columns=120)
        see(terminal, f"READY {begin}", f"min {1 / (int(begin) + 4):g} ")
        if more:
            terminal.send("\r")
            terminal.send("\x1b[D" * 8)
            lines = see(terminal, "loss 0.333  at step 3")
            assert any("step 3 loss 0.333" in line[61:] for line in lines)
            terminal.send("x" * 2)
            see(terminal, "x time")
        assert end(terminal) == 0


def test_the_mouse_is_not_the_programs(viewing: Home) -> None:
    terminal = run(viewing)
    terminal.send("i")
    see(terminal, "typing into the program")
    terminal.send("o\x1b[<64;90;10M\x1b[<0;90;10Mn\x1b[<0;90;10m\r")
    assert terminal.wait() == 0
    assert b"got 'on\\n'" in viewing.run().output


@pytest.mark.parametrize("command", ["true", "exec printf 'loss 0.5'"])
def test_however_short_a_command_is_the_view_ends_with_it(viewing: Home, command: str) -> None:
    terminal = viewing.terminal("run", *NAMED, "--", "sh", "-c", command, rows=40, columns=120)
    assert terminal.wait() == 0
    assert b"completed" in terminal.raw


@pytest.mark.parametrize(("key", "code"), [("d", 0), ("\x03", 130)])
def test_a_log_folder_that_is_removed_does_not_end_the_view(
    viewing: Home, key: str, code: int
) -> None:
    terminal = run(viewing)
    shutil.rmtree(viewing.logs)
    terminal.send("r")
    see(terminal, "p_r.jsonl cannot be read", "READY", "train/loss 0.0667")
    terminal.send(key)
    assert terminal.wait() == code
    words = b"detached from p/r" if key == "d" else b"its files have been removed"
    assert words in terminal.raw
    assert terminal.settings()[3] & termios.ICANON


def test_where_the_keeper_cannot_be_reached_the_files_are_shown(viewing: Home) -> None:
    viewing.detached("sh", "-c", "echo READY; exec sleep 100")
    viewing.environ["MLTERM_RUNTIME_DIR"] = str(viewing.path / "elsewhere")
    terminal = viewing.terminal("attach", "r", rows=40, columns=120)
    see(terminal, "READY", "the run's keeper does not answer")
    terminal.send("q")
    assert terminal.wait() == 0
    assert b"detached from p/r" in terminal.raw
