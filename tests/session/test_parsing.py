"""Metrics out of the output of real runs, and mlterm parse."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mlterm.core.series import SeriesFold
from mlterm.system import store
from tests.outputs.scoring import SAMPLES, points_of, read, same, truth_of
from tests.support import Home, Run, Terminal, wait_until

NAMED = ("--project", "p", "--run-id", "r")
TRAINING = """
    import os, time
    print("lr: 0.1", "batch_size: 32", "model: resnet", sep="\\n")
    for epoch in range(1, 4):
        print(f"Epoch {epoch}/3")
        for step in range(3):
            print(f"  step {step} loss: {1 / (epoch + step):.4f}")
        right = 90 + epoch
        print(f"Test set: Average loss: {0.5 / epoch:.4f}, Accuracy: {right}/100 ({right}%)")
    """


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"


def from_output(run: Run, kind: str = "metrics") -> list[dict[str, Any]]:
    return [record for record in run.of_type(kind) if record.get("_source") == "output"]


def values(run: Run, name: str) -> list[float]:
    return [record[name] for record in run.of_type("metrics") if name in record]


def parsed(done: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- Runs -----------------------------------------------------------------------------------


def test_a_script_that_only_prints_has_its_metrics(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", *home.script(TRAINING), check=True)
    run = home.run()
    losses = [record for record in from_output(run) if "loss" in record]
    assert [(r["epoch"], r["_step"], r["loss"]) for r in losses] == [
        (epoch, step, round(1 / (epoch + step), 4)) for epoch in range(1, 4) for step in range(3)
    ]
    tests = [record for record in from_output(run) if "test/accuracy" in record]
    assert [record["epoch"] for record in tests] == [1, 2, 3]
    assert [record["test/average_loss"] for record in tests] == [0.5, 0.25, 0.1667]
    assert tests[-1]["test/accuracy"] == 93
    assert tests[-1]["_units"] == {"test/accuracy": "%"}
    for record in losses:
        assert run.output[record["_offset"] :].startswith(f"  step {record['_step']} ".encode())
    (settings,) = from_output(run, "hyperparameters")
    assert (settings["lr"], settings["batch_size"], settings["model"]) == (0.1, 32, "resnet")
    assert run.records[-1]["type"] == "finish"
    assert home.listed()["p/r"]["metrics"]["test/accuracy"]["last"] == 93
    assert home.listed()["p/r"]["hyperparameters"]["lr"] == 0.1


def test_the_series_stand_folded_beside_it(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", *home.script(TRAINING), check=True)
    run = home.run()
    summary = json.loads((run.folder / "summary.json").read_bytes())
    assert summary["output_offset"] == len(run.output)
    assert summary["series"]["loss"]["count"] == 9
    assert SeriesFold.from_json(summary).summaries() == store.fold(run.path).summaries()


def test_a_bar_tells_points_at_a_bounded_rate_its_last_state_and_how_far_it_is(home: Home) -> None:
    code = """
        import sys, time
        for n in range(1, 101):
            bar = f"{n}%|{'█' * (n // 10):10}| {n}/100 [00:00<00:01, 50.0it/s, "
            sys.stdout.write(f"\\r{bar}loss={1 / n:.4f}]")
            sys.stdout.flush()
            time.sleep(0.012)
        """
    home.mlterm("run", *NAMED, "--", *home.script(code), check=True)
    run = home.run()
    steps = [record["_step"] for record in from_output(run)]
    seconds = run.finish["duration_seconds"]
    assert steps == sorted(set(steps))
    assert steps[-1] == 100
    assert 2 <= len(steps) <= 2 * seconds + 2
    progress = json.loads((run.folder / "summary.json").read_bytes())["progress"]
    assert (progress["step"], progress["total"], progress["fraction"]) == (100, 100, 1)
    assert (progress["rate"], progress["eta_seconds"]) == (50, 0)


def test_they_come_while_the_job_runs(home: Home) -> None:
    code = """
        import os, time
        print("epoch 1 loss 0.5", flush=True)
        while not os.path.exists("go"): time.sleep(0.02)
        """
    run = home.detached(*home.script(code))
    wait_until(lambda: values(run, "loss") == [0.5], "the record")
    assert not run.of_type("finish")
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"


def test_a_live_run_is_listed_with_how_far_it_is(home: Home) -> None:
    code = """
        import os, time
        for n in (25, 50):
            bar = f"{n}%|{'█' * (n // 10):10}| {n}/100 [00:10<00:10, 5.0it/s]"
            print(f"\\r{bar}", end="", flush=True)
        print("\\r", flush=True)
        while not os.path.exists("go"): time.sleep(0.02)
        """
    run = home.detached(*home.script(code))
    progress = wait_until(lambda: home.listed()["p/r"]["progress"], "the progress")
    assert (progress["step"], progress["total"], progress["fraction"]) == (50, 100, 0.5)
    assert progress["eta_seconds"] == 10
    assert b"running 50%" in home.mlterm("ls", check=True).stdout
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"
    assert home.listed()["p/r"]["progress"] is None
    assert from_output(run) == []


def test_what_the_tracker_logs_is_not_read_from_the_output_again(home: Home) -> None:
    code = """
        from mlterm import Tracker
        tracker = Tracker()
        for epoch in range(1, 4):
            print(f"epoch {epoch} train loss: {1 / epoch:.3f} val acc: 0.{epoch}", flush=True)
            tracker.log({"train/loss": 1 / epoch}, step=epoch)
        """
    home.mlterm("run", *NAMED, "--", *home.script(code), check=True)
    run = home.run()
    assert values(run, "train/loss") == [1, 1 / 2, 1 / 3]
    assert values(run, "train_loss") == []
    assert values(run, "val_acc") == [0.1, 0.2, 0.3]
    assert all(set(r) & {"val_acc"} for r in from_output(run))


def test_an_observer_that_is_killed_is_followed_by_one_that_repeats_nothing(home: Home) -> None:
    code = """
        import os, time
        print("epoch,loss,acc")
        n = 0
        while not os.path.exists("go"):
            n += 1
            print(f"{n},{1 / n:.5f},0.5\\r{n},{1 / n:.5f},0.75", flush=True)
            time.sleep(0.004)
        print(f"last: {n}")
        """
    run = home.detached(*home.script(code))
    for _ in range(4):
        have = len(from_output(run))
        wait_until(lambda have=have: len(from_output(run)) > have + 20, "more records")  # type: ignore[misc] # bound
        home.part("observer").send_signal(signal.SIGKILL)
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"
    last = int(run.output.split()[-1])
    epochs = [record["epoch"] for record in from_output(run) if record["acc"] == 0.75]
    assert epochs == list(range(1, last + 1))


@pytest.mark.linux
def test_output_that_floods_is_passed_over_and_that_is_said(home: Home) -> None:
    line = "step {n} some words to fill the line with, as programs do when they are let: loss {n}.5"
    code = f"""
        import sys
        for part in range(160):
            block = "".join(
                f"{line}\\n" for n in range(part * 10_000, part * 10_000 + 10_000)
            )
            sys.stdout.write(block)
        print("epoch 9 final_loss 0.125")
        """
    home.mlterm("run", *NAMED, "--", *home.script(code), stdout=-3, check=True, timeout=90)
    run = home.run()
    passed = run.of_type("unread")
    assert passed
    assert sum(record["unread_bytes"] for record in passed) < run.output.__len__()
    assert values(run, "final_loss") == [0.125]
    assert run.finish["status"] == "completed"
    assert run.records[-1]["type"] == "finish"


def test_a_run_without_parsing_has_no_metrics(home: Home) -> None:
    home.mlterm("run", *NAMED, "--no-parse", "--", *home.script(TRAINING), check=True)
    run = home.run()
    assert from_output(run) == []
    assert run.start["parsing"]["on"] is False
    assert not (run.folder / "summary.json").exists()


def test_each_part_of_a_resumed_run_is_read_once(home: Home) -> None:
    script = home.script("print('epoch 1 loss 0.5'); print('epoch 2 loss 0.25')")
    home.mlterm("run", *NAMED, "--", *script, check=True)
    home.mlterm("run", *NAMED, "--resume", "--", *script, check=True)
    run = home.run()
    assert values(run, "loss") == [0.5, 0.25] * 2
    assert [r["_offset"] for r in from_output(run)] == [0, 17, 35, 52]
    records = parsed(home.mlterm("parse", run.path, check=True))
    assert [(r["loss"], r["timestamp"]) for r in records] == [
        (r["loss"], r["timestamp"]) for r in from_output(run)
    ]


def test_patterns_and_names_to_ignore(home: Home) -> None:
    (home.path / "pyproject.toml").write_text("[tool.mlterm]\nignore = ['grad*']\n")
    script = home.script("print('now 0.25 at 7'); print('epoch 1 loss 0.5 grad_norm 2.5 lr 0.1')")
    options = ("--pattern", "now {value} at {step:d}", "--ignore", "lr")
    home.mlterm("run", *NAMED, *options, "--", *script, check=True)
    first, second = from_output(home.run())
    assert (first["value"], first["_step"]) == (0.25, 7)
    assert {"loss"} == {name for name in second if name[0] != "_"} - {"timestamp", "type", "epoch"}
    assert home.run().start["parsing"] == {
        "on": True, "patterns": ["now {value} at {step:d}"], "ignored": ["lr", "grad*"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--pattern", "loss {x"), b"is not closed"),
        (("--pattern", "re:(?P<x>a+)+b"), b"for ever"),
    ],
)
def test_a_mistake_in_a_pattern_is_told_before_the_job_starts(
    home: Home, options: tuple[str, ...], words: bytes
) -> None:
    for command in (("run", *NAMED, *options, "--", "touch", "started"), ("parse", *options, "-")):
        done = home.mlterm(*command)
        assert done.returncode == 2
        assert words in done.stderr
    assert not (home.path / "started").exists()
    assert not home.logs.exists() or not list(home.logs.iterdir())


def test_a_mistake_in_a_file_of_settings_is_told_before_the_job_starts(home: Home) -> None:
    (home.path / "mlterm.toml").write_text("patern = []\n")
    done = home.mlterm("run", *NAMED, "--", "touch", "started")
    assert done.returncode == 2
    assert b"did you mean 'patterns'" in done.stderr
    assert not (home.path / "started").exists()


# --- mlterm parse ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["keras_verbose1.tty", "hf_trainer.pipe", "sb3_ppo.tty"])
def test_parse_prints_the_records_of_a_bare_file(home: Home, name: str) -> None:
    path = SAMPLES / f"{name}.log"
    records = parsed(home.mlterm("parse", path, check=True))
    points = list(points_of(read(path)))
    assert sum(len([n for n in r if n[0] != "_"]) - 1 for r in records) >= len(points)
    assert all(r["type"] == "metrics" and r["_source"] == "output" for r in records)
    assert all("timestamp" not in r for r in records)
    names = {name for record in records for name in record}
    assert {
        point.name for point in truth_of(path.with_suffix(".jsonl")) if point.is_needed
    } <= names
    through_pipe = parsed(home.mlterm("parse", "-", check=True, input=path.read_bytes()))
    assert through_pipe == records


def test_parse_explains_line_by_line(home: Home) -> None:
    data = b"lr: 0.1\nseed: 3\nEpoch 1/2\n\x1b[31mloss: 0.5\x1b[0m\r\nelapsed: 12.5s\n"
    done = home.mlterm("parse", "--explain", "-", check=True, input=data).stdout.decode()
    lines = [" ".join(line.split()) for line in done.splitlines()]
    assert "0 lr: 0.1" in lines
    assert "→ hyperparameters: lr=0.1, seed=3 [configuration]" in lines
    at = lines.index("26 loss: 0.5")
    assert lines[at + 1] == "→ epoch 1, loss=0.5 [names and values]"
    assert lines[at + 2] == "46 elapsed: 12.5s"
    assert "\x1b" not in done


def test_parse_of_what_is_not_there(home: Home) -> None:
    done = home.mlterm("parse", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: No run 'nothing'")
    assert home.mlterm("parse", home.path).returncode == 2
    assert home.mlterm("parse", "--write", "-", input=b"").returncode == 2


def test_parse_into_a_closed_pipe_is_quiet(home: Home) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    path = SAMPLES / "python_logging.tty.log"
    done = home.mlterm("parse", path, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_write_puts_new_records_beside_the_old_ones(home: Home) -> None:
    code = "print('epoch 1 loss 0.5'); print('now 0.25 at 7')"
    home.mlterm("run", *NAMED, "--", *home.script(code), check=True)
    run = home.run()
    before = run.path.read_bytes()
    assert values(run, "loss") == [0.5]
    pattern = ("--pattern", "now {value} at {step:d}", "--ignore", "loss")
    done = home.mlterm("parse", "--write", *pattern, "p/r", check=True)
    assert b"1 records read from the output, 1 earlier ones superseded" in done.stderr
    assert values(run, "loss") == []
    assert values(run, "value") == [0.25]
    (old,) = run.of_type("superseded")
    assert (old["loss"], old["_was"]) == (0.5, "metrics")
    assert run.records[-1]["type"] == "finish"
    assert len(before.splitlines()) + 1 == len(run.records)
    assert home.listed()["p/r"]["metrics"]["value"]["last"] == 0.25
    home.mlterm("parse", "--write", "p/r", check=True)  # and back
    assert values(run, "loss") == [0.5]
    assert values(run, "value") == []
    (place,) = (n for n, record in enumerate(run.records) if record["type"] == "metrics")
    told = run.records[place]["timestamp"]
    assert all(r["timestamp"] <= told for r in run.records[:place] if r["type"] != "run")


def test_a_run_is_read_again_as_it_was_read_when_it_ran(home: Home) -> None:
    script = home.script("print('now 0.25 at 7'); print('epoch 1 loss 0.5 lr 0.1')")
    options = ("--pattern", "now {value} at {step:d}", "--ignore", "lr")
    home.mlterm("run", *NAMED, *options, "--", *script, check=True)
    before = [{k: v for k, v in r.items() if k != "timestamp"} for r in from_output(home.run())]
    records = parsed(home.mlterm("parse", "p/r", check=True))
    assert [{k: v for k, v in r.items() if k != "timestamp"} for r in records] == before
    home.mlterm("parse", "--write", "--ignore", "loss", "p/r", check=True)
    assert values(home.run(), "value") == [0.25]
    assert values(home.run(), "loss") == values(home.run(), "lr") == []


def test_write_is_refused_while_the_run_lives(home: Home) -> None:
    code = """
        import os, time
        print("loss: 0.5", flush=True)
        while not os.path.exists("go"): time.sleep(0.02)
        """
    run = home.detached(*home.script(code))
    wait_until(lambda: values(run, "loss"), "the record")
    done = home.mlterm("parse", "--write", "p/r")
    assert done.returncode == 2
    assert b"still running" in done.stderr
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"


def test_on_a_real_terminal_a_run_prints_its_metrics_at_its_end(home: Home) -> None:
    terminal: Terminal = home.terminal("run", *NAMED, "--", *home.script(TRAINING), columns=100)
    terminal.expect("test/accuracy")
    terminal.expect("93")
    assert Path(home.run().path).exists()
    assert same(0.1667, values(home.run(), "test/average_loss")[-1])
