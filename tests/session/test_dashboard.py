"""The dashboard in a real terminal."""

import pytest

from tests.session.test_view import gone, see, viewing
from tests.support import Home, wait_until

__all__ = ["viewing"]
SWEEP = """
import sys
from mlterm import Tracker
for i, lr in enumerate((0.1, 0.01, 0.001)):
    run = Tracker(project="digits", run_id=f"sweep-{i}", log_dir="logs")
    run.log_hyperparameters(lr=lr, batch_size=32)
    for step in range(20):
        run.log(loss=(i + 1) / (step + 1), accuracy=step / 20 - i / 10, step=step)
    run.finish("failed" if i == 1 else "completed")
"""


@pytest.fixture
def swept(viewing: Home) -> Home:
    """Three runs of one project that differ in one hyperparameter."""
    assert viewing.python(SWEEP).returncode == 0
    return viewing


def test_the_runs_of_a_project_are_a_table(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--project", "digits", rows=40, columns=120)
    lines = see(terminal, "Runs · 3", "sweep-0", "sweep-1", "sweep-2", "▁")
    (heads,) = [line for line in lines if "STATUS" in line]
    shown = ["RUN", "STATUS", "AGE", "DURATION", "loss", "min", "lr", "accuracy", "max"]
    assert heads.split() == shown
    (row,) = [line for line in lines if "sweep-1" in line]
    assert "● failed" in row
    assert "0.1" in row  # 2 / 20
    assert "0.01" in row
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_run_is_opened_and_left_again(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--project", "digits", rows=40, columns=120)
    see(terminal, "sweep-2")
    terminal.send("\x1b[B\r")
    see(terminal, "digits/sweep-1 ● failed", "accuracy", "1 Split")
    terminal.send("\x1b")
    see(terminal, "Runs · 3")
    gone(terminal, "1 Split")
    terminal.send("q")
    assert terminal.wait() == 0


def test_marked_runs_share_their_charts_and_the_best_has_a_star(swept: Home) -> None:
    terminal = swept.terminal("dashboard", rows=40, columns=120)
    see(terminal, "digits/sweep-2")
    terminal.send("o")
    see(terminal, "mark runs with Space first")
    terminal.send("  ")
    see(terminal, "2 marked")
    terminal.send("o")
    see(terminal, "loss  sweep-2 0.15  ★sweep-1 0.1", "accuracy  sweep-2")
    terminal.send("q")
    assert terminal.wait() == 0


def test_runs_are_filtered_and_sorted(swept: Home) -> None:
    terminal = swept.terminal("dashboard", rows=40, columns=120)
    see(terminal, "sweep-2")
    terminal.send("/failed")
    see(terminal, "1 of 3", "/failed")
    gone(terminal, "sweep-2")
    terminal.send("\x1b")
    see(terminal, "sweep-2")
    terminal.send("s")
    lines = see(terminal, "RUN ↑")
    names = [line.split()[0] for line in lines if "sweep-" in line]
    assert [name[-1] for name in names if name[-1].isdigit()][-2:] == ["1", "2"]
    terminal.send("S")
    see(terminal, "RUN ↓")
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_filter_may_be_an_expression_and_a_wrong_one_is_told_without_leaving(
    swept: Home,
) -> None:
    terminal = swept.terminal("dashboard", rows=40, columns=140)
    see(terminal, "sweep-2")
    terminal.send("/loss.min < 0.12 and status = faild")
    see(terminal, "no status is called 'faild'; did you mean failed?", "Runs · 2 of 3")
    terminal.send("\r")
    see(terminal, "did you mean failed?")
    terminal.send("\x7fed")
    see(terminal, "1 of 3", "Enter keeps", "digits/sweep-1")
    gone(terminal, "sweep-0")
    terminal.send("\r")
    see(terminal, "/loss.min < 0.12 and status = failed")
    gone(terminal, "Enter keeps")
    terminal.send("\x1b")
    see(terminal, "Runs · 3", "sweep-0")
    terminal.send("q")
    assert terminal.wait() == 0


def test_an_option_says_what_the_table_begins_with(swept: Home) -> None:
    words = ("--filter", "lr <= 0.01 and loss.min > 0.1")
    terminal = swept.terminal("dashboard", *words, rows=40, columns=120)
    see(terminal, "1 of 3", "sweep-2")
    terminal.send("\x1b")
    see(terminal, "Runs · 3", "sweep-0")
    terminal.send("q")
    assert terminal.wait() == 0


def test_of_named_runs_those_that_pass_are_opened(swept: Home) -> None:
    words = ("sweep-0", "sweep-1", "--filter", "status = failed")
    terminal = swept.terminal("dashboard", *words, rows=40, columns=120)
    see(terminal, "digits/sweep-1 ● failed", "accuracy")
    terminal.send("q")
    assert terminal.wait() == 0


def test_what_is_printed_is_filtered_too(swept: Home) -> None:
    done = swept.mlterm("dashboard", "--filter", "loss.min < 0.12 or lr = 1e-3", check=True)
    assert [n for n in range(3) if b"sweep-%d" % n in done.stdout] == [0, 1, 2]
    done = swept.mlterm("dashboard", "--filter", "loss.min < 0.12", "--project", "digits")
    assert [n for n in range(3) if b"sweep-%d" % n in done.stdout] == [0, 1]
    done = swept.mlterm("dashboard", "sweep-2", "sweep-0", "--filter", "not status = failed")
    assert [n for n in range(3) if b"sweep-%d" % n in done.stdout] == [0, 2]
    assert done.stdout.index(b"sweep-2") < done.stdout.index(b"sweep-0")


def test_where_none_passes_this_is_said(swept: Home) -> None:
    done = swept.mlterm("dashboard", "--filter", "los < 1")
    assert done.returncode == 1
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "Error: none of the 3 runs passes the filter los < 1"
    assert "no run has 'los'; did you mean loss?" in lines[1]
    done = swept.mlterm("dashboard", "--runs", "sweep-0", "--filter", "status = failed")
    assert done.returncode == 1
    assert b"the run does not pass the filter status = failed" in done.stderr


@pytest.mark.parametrize("runs", [[], ["nothing"]])
def test_a_filter_that_is_none_is_refused_with_its_place(viewing: Home, runs: list[str]) -> None:
    words = ("dashboard", *runs, "--filter", "lr < 1 and (x")
    done = viewing.mlterm(*words)
    assert done.returncode == 2
    shown = done.stderr.decode().splitlines()
    assert shown[:3] == ["Error: the filter", "  lr < 1 and (x", " " * 15 + "^"]
    terminal = viewing.terminal(*words)
    terminal.expect("Error: the filter")
    assert terminal.wait() == 2


def test_new_runs_appear_and_live_ones_are_first(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--refresh", "0.1", rows=40, columns=120)
    see(terminal, "Runs · 3")
    swept.detached("sh", "-c", "echo loss: 0.5; exec sleep 100", run_id="fresh")
    lines = see(terminal, "Runs · 4 · 1 live", "p/fresh")
    rows = [line for line in lines if "● " in line]
    assert "p/fresh" in rows[0]
    swept.mlterm("stop", "--grace", "0.1", "fresh", check=True)
    see(terminal, "cancelled")
    gone(terminal, "1 live")
    terminal.send("q")
    assert terminal.wait() == 0


def test_the_best_run_before_is_a_ghost(swept: Home) -> None:
    code = "for i in range(5): print(f'step {i} loss {1 - i / 10:.1f}')\ninput()"
    named = ("--project", "digits", "--run-id", "now")
    terminal = swept.terminal(
        "run", *named, "--", *swept.script(code, "t.py"), rows=40, columns=120
    )
    see(terminal, "loss 0.6 ↘")  # the chart's: the output says the same sooner
    terminal.send("g")
    see(terminal, "beside it: digits/sweep-0", "sweep-0 0.05")
    terminal.send("g")
    gone(terminal, "sweep-0 0.05")
    table = swept.terminal("dashboard", rows=40, columns=120)
    see(table, "1 live")
    table.send("g")  # the live one is the first
    see(table, "digits/now ● running", "beside it: digits/sweep-0", "sweep-0 0.05")
    table.send("q")
    assert table.wait() == 0
    terminal.send("i\r")
    assert terminal.wait() == 0


def test_named_runs_are_opened_at_once(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "sweep-0", "sweep-2", rows=40, columns=120)
    see(terminal, "loss  ★sweep-0 0.05  sweep-2 0.15")
    terminal.send("q")
    assert terminal.wait() == 0


def test_where_there_are_none_this_is_said(swept: Home) -> None:
    done = swept.mlterm("dashboard", "--project", "my_project")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: No log file found for project 'my_project'")
    assert b"digits" in done.stderr
    terminal = swept.terminal("dashboard", "--project", "my_project")
    terminal.expect("Error: No log file found for project 'my_project'")
    assert terminal.wait() == 1
    assert b"\x1b[?1049h" not in terminal.raw


def test_where_no_view_fits_the_table_is_printed(swept: Home) -> None:
    done = swept.mlterm("dashboard", "--project", "digits", check=True)
    assert done.stdout.count(b"digits/sweep-") == 3


@pytest.mark.parametrize("word", ["0", "-1", "nan", "x"])
def test_an_absurd_refresh_is_refused(swept: Home, word: str) -> None:
    assert swept.mlterm("dashboard", "--refresh", word).returncode == 2


@pytest.mark.parametrize("leave", [b"q", b"\x03"])
def test_it_is_left_by_one_key(swept: Home, leave: bytes) -> None:
    terminal = swept.terminal("dashboard", rows=24, columns=80)
    see(terminal, "sweep-2")
    terminal.send(leave)
    assert terminal.wait() == 0
    wait_until(lambda: terminal.settings()[3] & 2, "the terminal's settings")


def test_a_run_that_is_removed_while_it_is_shown_stays_as_it_was(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--project", "digits", rows=40, columns=120)
    see(terminal, "sweep-2")
    terminal.send("\r")
    see(terminal, "digits/sweep-2 ● completed", "accuracy")
    swept.run("digits", "sweep-2").path.unlink()
    terminal.send("r")
    see(terminal, "digits_sweep-2.jsonl cannot be read", "accuracy")
    terminal.send("\x1b")
    see(terminal, "Runs · 2")
    terminal.send("q")
    assert terminal.wait() == 0


def test_marks_of_runs_that_are_removed_count_no_longer(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--project", "digits", rows=40, columns=120)
    see(terminal, "sweep-2")
    terminal.send(" ")
    see(terminal, "1 marked")
    swept.run("digits", "sweep-2").path.unlink()
    see(terminal, "Runs · 2")
    gone(terminal, "marked")
    terminal.send("o")
    see(terminal, "mark runs with Space first")
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_run_is_clicked_and_its_keys_are_those_of_a_run(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--project", "digits", rows=40, columns=120)
    lines = see(terminal, "sweep-1")
    y = next(i for i, line in enumerate(lines) if "sweep-1" in line) + 1
    click = f"\x1b[<0;10;{y}M\x1b[<0;10;{y}m"
    terminal.send(click)
    wait_until(lambda: see(terminal, "sweep-1")[y - 1].startswith("▌"), "the selection")
    terminal.send(click)
    see(terminal, "digits/sweep-1 ● failed", "1 Split", "Enter zoom")
    terminal.send("q")
    assert terminal.wait() == 0


def test_the_output_of_an_opened_run_fills_its_pane(viewing: Home) -> None:
    viewing.mlterm("run", "-d", "--project", "p", "--run-id", "r", "--", "seq", "300", check=True)
    assert viewing.run().finish["status"] == "completed"
    terminal = viewing.terminal("dashboard", "p/r", rows=60, columns=120)
    lines = see(terminal, "300", "260")
    shown = [line.partition("│")[2].strip() for line in lines]
    assert shown.index("300") - shown.index("260") == 40


def test_a_click_selects_a_run_and_enter_opens_it_in_a_small_window(swept: Home) -> None:
    terminal = swept.terminal("dashboard", rows=24, columns=80)
    lines = see(terminal, "sweep-0")
    (row,) = [number for number, line in enumerate(lines, 1) if "sweep-0" in line]
    terminal.send(f"\x1b[<0;5;{row}M\x1b[<0;5;{row}m")
    see(terminal, "▌  digits/sweep-0")
    terminal.send("\r")
    see(terminal, "digits/sweep-0 ● completed", "accuracy")
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_run_that_is_removed_while_it_is_looked_at_is_no_end(swept: Home) -> None:
    terminal = swept.terminal("dashboard", "--refresh", "3600", rows=40, columns=160)
    see(terminal, "sweep-2")
    swept.run("digits", "sweep-2").path.unlink()
    terminal.send("\r")
    see(terminal, "sweep-2.jsonl cannot be read: No such file or directory")
    gone(terminal, "sweep-2  ")
    terminal.send("\r")
    see(terminal, "digits/sweep-1 ● failed", "1 Split")
    swept.run("digits", "sweep-1").path.unlink()
    terminal.send("r")
    see(terminal, "digits/sweep-1 ● failed", "sweep-1.jsonl cannot be read")
    terminal.send("q")
    assert terminal.wait() == 0


def test_what_is_asked_for_does_not_wait_for_the_next_look_at_the_files(swept: Home) -> None:
    lines = (f'{{"type": "metrics", "step": {i}, "loss": {i}}}\n' for i in range(200_000))
    (swept.logs / "digits_run_9.jsonl").write_text("".join(lines))
    terminal = swept.terminal("dashboard", "--refresh", "3600", rows=40, columns=140)
    see(terminal, "sweep-2", "▁", "200k")  # all is read, and nobody looks again for an hour
    terminal.send("/run_9\r")
    see(terminal, "1 of 4")
    terminal.send("\r")
    see(terminal, "digits/run_9 ●", "200k")
    gone(terminal, "reading")
    terminal.send("q")
    assert terminal.wait() == 0
