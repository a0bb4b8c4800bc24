"""mlterm plot as a person calls it."""

import json
import math
import subprocess
from typing import Any

import pytest

from mlterm.core import records
from tests.support import Home


def made(home: Home, run_id: str, project: str = "p", **metrics: list[float]) -> None:
    """An ended run with a metric's values, a second and an epoch apart."""
    home.logs.mkdir(exist_ok=True)
    moment = "2026-11-24T07:31:{:02}.000000+00:00"
    lines = [{"timestamp": moment.format(0), "type": "run", "schema": 1, "project": project,
              "run_id": run_id}]  # fmt: skip
    for name, values in metrics.items():
        for n, value in enumerate(values):
            at = moment.format(n % 60)
            lines.append(
                {"timestamp": at, "type": "metrics", "epoch": n, "_step": 10 * n, name: value}
            )
    (home.logs / f"{project}_{run_id}.jsonl").write_bytes(b"".join(map(records.encode, lines)))


def refused(home: Home, *args: str, code: int) -> str:
    done = home.mlterm("plot", *args)
    assert (done.returncode, done.stdout) == (code, b"")
    return done.stderr.decode()


def test_a_picture_is_made_once_and_replaced_only_when_that_is_said(home: Home) -> None:
    pytest.importorskip("matplotlib")
    (home.path / "matplotlibrc").write_text("text.usetex: True\nbackend: TkAgg\n")
    made(home, "r", loss=[3.0, math.nan, 1.0])
    home.mlterm("plot", "r", "-o", "x.png", check=True)
    picture = home.path / "x.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.write_bytes(b"mine")
    assert "--overwrite" in refused(home, "r", "-o", "x.png", code=2)
    assert picture.read_bytes() == b"mine"
    home.mlterm("plot", "r", "-o", "x.png", "--overwrite", "--smooth", "0.5", "--log", check=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in home.path.glob("*x.png*")) == ["x.png"]


def test_metrics_are_named_one_by_one_or_with_commas(home: Home) -> None:
    made(home, "r", loss=[1.0], acc=[2.0], **{"a,b": [3.0]})
    for words in (["-m", "loss", "-m", "acc", "-m", "a,b"], ["-m", "loss,acc", "-m", "a,b"]):
        told = json.loads(home.mlterm("plot", "r", "--json", *words, check=True).stdout)
        assert [each["metric"] for each in told["metrics"]] == ["loss", "acc", "a,b"]


def test_broken_lines_are_counted_and_all_others_drawn(home: Home) -> None:
    made(home, "r", loss=[1.0, 2.0])
    with (home.logs / "p_r.jsonl").open("ab") as file:
        file.write(b"{broken\n[]\n" + records.encode({"type": "metrics", "loss": 7}))
    done = home.mlterm("plot", "r", check=True)
    assert b"loss  7" in done.stdout
    assert done.stderr == b"[mlterm] 2 lines could not be read; all others were drawn\n"


def test_what_cannot_be_drawn_is_refused_in_words(home: Home) -> None:
    made(home, "r", val_loss=[1.0], acc=[2.0])
    made(home, "none")
    assert ".png, .svg, .pdf" in refused(home, "r", "-o", "x.jpg", code=2)
    assert "one of them" in refused(home, "r", "-o", "x.png", "--json", code=2)
    assert "no folder" in refused(home, "r", "-o", "not/there.png", code=2)
    assert "200x150" in refused(home, "r", "-o", "x.png", "--size", "10x10", code=2)
    assert "WxH" in refused(home, "r", "--size", "big", code=2)
    assert "did you mean val_loss?" in refused(home, "r", "-m", "valloss", code=1)
    assert "there are: val_loss, acc" in refused(home, "r", "-m", "zzz", code=1)
    assert "the name of a metric" in refused(home, "r", "-m", ",", code=2)
    assert "no metrics" in refused(home, "none", code=1)
    assert "No run 'x'" in refused(home, "x", code=1)
    assert not (home.path / "x.png").exists()


def test_the_points_are_one_object(home: Home) -> None:
    made(home, "a", loss=[3.0, math.nan, 1.0], acc=[0.5])
    made(home, "b", loss=[2.0])
    made(home, "c", acc=[1.0])
    done = home.mlterm("plot", "--project", "p", "--metric", "loss", "--x", "epoch", "--json",
                       "--smooth", "0.5", check=True)  # fmt: skip
    assert done.stderr == b"[mlterm] p/c has no loss\n"
    first = {
        "project": "p", "run_id": "a", "count": 3, "points_each": 1, "x": [0.0, 1.0, 2.0],
        "y": [3.0, "NaN", 1.0], "smoothed": [3.0, "NaN", pytest.approx(5 / 3)], "low": None,
        "high": None,
    }  # fmt: skip
    second = first | {
        "run_id": "b", "count": 1, "x": [0.0], "y": [2.0], "smoothed": [2.0]
    }  # fmt: skip
    assert json.loads(done.stdout) == {
        "x": "epoch", "smoothing": 0.5,
        "metrics": [{"metric": "loss", "goal": "min", "curves": [first, second]}],
    }  # fmt: skip


def test_a_run_without_the_axis_is_left_out(home: Home) -> None:
    made(home, "a", loss=[3.0, 1.0])
    path = home.logs / "p_b.jsonl"
    path.write_bytes(b'{"type":"metrics","loss":1.0}\n')
    done = home.mlterm("plot", "p/a", path, "--x", "relative", check=True)
    assert done.stderr == b"[mlterm] p/b has no time beside loss\n"
    assert "--x step" in refused(home, str(path), "--x", "epoch", code=1)


def test_curves_are_drawn_to_a_terminals_size_in_its_colours(home: Home) -> None:
    made(home, "a", loss=[3.0, 2.0, 1.0])
    made(home, "b", loss=[2.0, 1.0, 0.5])
    for rows, columns in ((24, 80), (40, 30), (5, 20)):
        terminal = home.terminal("plot", "a", "b", rows=rows, columns=columns)
        assert terminal.wait() == 0
        shown = [line.rstrip() for line in terminal.screen.display]
        assert shown[-1] == ""  # for the prompt
        assert any("⠀" <= character <= "⣿" for line in shown for character in line)
        if rows > 20:
            assert shown[0] == "loss"
            assert shown[1].startswith("━ a 1 (min 1)")
            assert sum("┤" in line or "│" in line for line in shown) > 10
        assert b"\x1b[38;5;" in terminal.raw


def test_control_sequences_in_names_are_not_obeyed(home: Home) -> None:
    made(home, "a", **{"\x1b[2Jloss": [1.0, 2.0]})
    done = home.mlterm("plot", "a", "--title", "\x1b]0;x\x07", check=True)
    assert b"\x1b" not in done.stdout
    assert rb"\x1b[2Jloss" in done.stdout


def test_a_closed_pipe_and_a_closed_stdout_are_quiet(home: Home) -> None:
    made(home, "a", loss=[1.0, 2.0])
    command = " ".join(home.command("plot", "a"))
    for shell in (f"{command} --size 400x200 | head -1", f"{command} >&-"):
        options: dict[str, Any] = {
            "cwd": home.path,
            "env": home.environ,
            "capture_output": True,
            "timeout": 30,
        }
        done = subprocess.run(["sh", "-c", shell], check=False, **options)
        assert (done.returncode, done.stderr) == (0, b""), shell
