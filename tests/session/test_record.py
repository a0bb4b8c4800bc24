"""What a run's folder tells afterwards: what was run, where, with what, and how it ended."""

import base64
import hashlib
import json
import os
import platform
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import PATIENCE, Home, Run, wait_until

NAMED = ("--project", "p", "--run-id", "r")
UNTIL_GO = "while [ ! -e go ]; do sleep 0.02; done"
SECRET = "s3cr3t-v4lue"
PATCH_LIMIT = 5 * 1024 * 1024


@pytest.fixture(autouse=True)
def _parts_can_be_found(home: Home) -> None:
    home.environ["SPT_NOENV"] = "1"  # setproctitle: leave /proc/PID/environ as it was


def variables(output: bytes) -> dict[str, str]:
    """The environment that env(1) has printed."""
    return dict(line.split("=", 1) for line in output.decode().splitlines() if "=" in line)


def told(run: Run, field: str) -> Any:
    """A field of the run record; what the start could not wait for is amended to it."""

    def known() -> Any:
        return [r[field] for r in run.of_type("run") if r.get(field) is not None]

    return wait_until(known, f"{field} in the run record")[-1]


def settle(home: Home) -> None:
    """Wait until nobody has anything to add to a run any more."""
    wait_until(lambda: not home.parts("guard"), "the guard's end")


def git(folder: Path, home: Home, *args: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    command = ["git", "-C", os.fspath(folder), *who, *args]
    done = subprocess.run(command, env=home.environ, capture_output=True, check=True)
    return done.stdout.decode()


def run_bytes(home: Home, *words: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose words need not be text."""
    return subprocess.run(
        [*home.command("run", *NAMED, "--"), *words],
        cwd=home.path,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )


def until_go(home: Home, folder: Path, *command: str) -> Run:
    """Start a command in ``folder`` that ends once a file ``go`` is there."""
    home.mlterm("run", "-d", "--log-dir", home.logs, *NAMED, "--", *command, cwd=folder, check=True)
    return home.run()


@pytest.fixture
def tree(home: Home) -> Path:
    """A git working tree with one commit, on the branch ``trunk``."""
    folder = home.path / "tree"
    folder.mkdir()
    git(folder, home, "init", "-q", "-b", "trunk")
    (folder / "train.sh").write_text("echo one\n")
    git(folder, home, "add", ".")
    git(folder, home, "commit", "-q", "-m", "first")
    return folder


# --- The context that the command gets ------------------------------------------------------


def test_the_command_knows_its_run_from_the_environment(home: Home) -> None:
    environ = home.environ | {"MINE": "kept"}
    command = ("run", *NAMED, "--log-dir", "../here", "--", "env")
    (home.path / "folder").mkdir()
    done = home.mlterm(*command, env=environ, cwd=home.path / "folder", check=True)
    seen = variables(done.stdout)
    ours = {name for name in seen if name.startswith("MLTERM_") and name not in environ}
    assert {name: seen[name] for name in ours} == {
        "MLTERM_PROJECT": "p",
        "MLTERM_RUN_ID": "r",
        "MLTERM_LOG_DIR": str(home.path / "here"),
        "MLTERM_RUN_FILE": str(home.path / "here" / "p_r.jsonl"),
    }
    assert seen["MINE"] == "kept"
    theirs = {name: value for name, value in seen.items() if name in environ and name != "PWD"}
    assert theirs == {name: environ[name] for name in theirs}
    assert set(environ) <= set(seen)


def test_a_run_within_a_run_knows_its_parent(home: Home) -> None:
    inner = home.command("run", "--project", "inner", "--run-id", "i", "--", "env")
    home.mlterm("run", "--project", "outer", "--run-id", "o", "--", *inner, check=True)
    run = home.run("inner", "i")
    seen = variables(run.output)
    assert seen["MLTERM_PARENT_RUN"] == "outer/o"
    assert (seen["MLTERM_PROJECT"], seen["MLTERM_RUN_ID"]) == ("inner", "i")
    assert seen["MLTERM_RUN_FILE"] == str(run.path)
    assert run.start["parent"] == "outer/o"
    outer = home.run("outer", "o")
    assert outer.start["parent"] is None
    assert outer.finish["status"] == "completed"


def test_the_command_has_the_callers_umask(home: Home) -> None:
    for mask in (0o027, 0o002):
        done = home.mlterm("run", "--", "sh", "-c", "umask", umask=mask)
        assert int(done.stdout, 8) == mask


def test_the_command_has_the_callers_limits(home: Home) -> None:
    limits = "ulimit -Sn; ulimit -Hn; ulimit -c"
    narrowed = 'ulimit -c 0; ulimit -Sn 77; ulimit -Hn 97; exec "$@"'
    command = home.command("run", *NAMED, "--", "sh", "-c", limits)
    subprocess.run(
        ["sh", "-c", narrowed, "sh", *command],
        cwd=home.path,
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert home.run().output == b"77\n97\n0\n"


def test_the_command_starts_in_the_current_folder(home: Home) -> None:
    folder = home.path / "a folder"
    folder.mkdir()
    done = home.mlterm("run", "--project", "p", "--", "pwd", "-P", cwd=folder, check=True)
    assert done.stdout.decode() == f"{folder}\n"
    (path,) = (folder / "logs").glob("*.jsonl")
    assert Run(path).start["cwd"] == str(folder)


# --- The run record ---------------------------------------------------------------------------


def test_the_first_record_is_the_run_and_tells_what_was_started_where(home: Home) -> None:
    before = datetime.now(UTC)
    home.mlterm("run", *NAMED, "--tag", "a=b", "--", "sh", "-c", "echo $$", check=True)
    run = home.run()
    start = run.records[0]
    moment = datetime.fromisoformat(start["timestamp"])
    assert before <= moment <= datetime.now(UTC)
    assert moment.utcoffset() == timedelta(0)
    machine = Path("/proc/sys/kernel/random/boot_id")
    assert start | {"timestamp": "", "environment": {}} == {
        "timestamp": "",
        "type": "run",
        "schema": 1,
        "project": "p",
        "run_id": "r",
        "argv": ["sh", "-c", "echo $$"],
        "cwd": str(home.path),
        "host": socket.gethostname(),
        "pid": int(run.output),
        "boot_id": machine.read_text().strip() if machine.exists() else None,
        "git": None,
        "python": None,
        "environment": {},
        "parent": None,
        "tags": {"a": "b"},
        "path": str(run.path),
        "supervised": True,
        "output_offset": 0,
    }


def test_the_last_record_is_the_finish(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "true", check=True)
    run = home.run()
    finish = run.records[-1]
    started = datetime.fromisoformat(run.start["timestamp"])
    ended = datetime.fromisoformat(finish["timestamp"])
    assert started <= ended <= datetime.now(UTC)
    assert finish.pop("duration_seconds") >= 0
    del finish["timestamp"]
    assert finish == {
        "type": "finish",
        "status": "completed",
        "exit_code": 0,
        "signal": None,
        "reason": "exit code 0",
    }


def test_secrets_of_the_command_line_reach_the_command_and_no_file(home: Home) -> None:
    secrets = ("--api-key", SECRET, f"--token={SECRET}", f"PASSWORD={SECRET}")
    words = (*secrets, "--lr", "0.1", f"https://me:{SECRET}@host/x")
    script = 'printf "%s\\n" "$@" | sha256sum'
    home.mlterm("run", *NAMED, "--", "sh", "-c", script, "sh", *words, check=True)
    run = home.run()
    real = hashlib.sha256("".join(f"{word}\n" for word in words).encode()).hexdigest()
    assert run.output.decode().split()[0] == real
    settle(home)
    shown = ["--api-key", "***", "--token=***", "PASSWORD=***", "--lr", "0.1"]
    assert run.start["argv"][4:] == [*shown, "https://me:***@host/x"]
    for path in home.logs.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


def test_argv_that_is_not_utf_8_is_recorded_without_loss(home: Home) -> None:
    words = [b"printf", b"%s,", b"caf\xe9\xff", "ä".encode()]
    done = run_bytes(home, *words)
    assert done.stdout == b"caf\xe9\xff,\xc3\xa4,"
    start = home.run().start
    assert [base64.b64decode(word) for word in start["argv_base64"]] == words
    assert len(start["argv"]) == len(words)
    assert start["argv"][:2] == ["printf", "%s,"]


def test_argv_that_is_not_utf_8_has_its_secrets_masked_too(home: Home) -> None:
    run_bytes(home, b"true", b"--token", SECRET.encode(), b"\xff")
    words = [base64.b64decode(word) for word in home.run().start["argv_base64"]]
    assert words == [b"true", b"--token", b"***", b"\xff"]


def test_only_allowed_variables_are_recorded_and_never_tokens(home: Home) -> None:
    kept = {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "NCCL_DEBUG": "INFO",
        "SLURM_JOB_ID": "17",
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "0",
        "HF_HOME": "/models",
        "TORCH_HOME": "/torch",
    }
    secret = {"HF_TOKEN": SECRET, "SLURM_JWT": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}
    secret |= {"TORCH_PASSWORD": SECRET, "OTHER": SECRET}
    home.mlterm("run", *NAMED, "--", "true", env=home.environ | kept | secret, check=True)
    run = home.run()
    settle(home)
    recorded = run.start["environment"]
    assert recorded | kept == recorded
    assert not set(recorded) & set(secret)
    assert not {"HOME", "PATH", "TERM"} & set(recorded)
    for path in home.logs.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


def test_flags_of_the_command_are_its_hyperparameters(home: Home) -> None:
    flags = ("--lr", "0.1", "--epochs=3", "--name", "a b", "--amp", "model.depth=4", "--type", "x")
    home.mlterm("run", *NAMED, "--", "true", *flags, "--hf-token", SECRET, check=True)
    (record,) = home.run().of_type("hyperparameters")
    assert record.pop("timestamp")
    wanted = {"lr": 0.1, "epochs": 3, "name": "a b", "amp": True, "model.depth": 4, "type_": "x"}
    assert record == {"type": "hyperparameters", "_source": "argv", **wanted}
    listed = json.loads(home.mlterm("list-runs", "--json", check=True).stdout)
    assert listed["hyperparameters"] == wanted


def test_a_command_without_flags_has_no_hyperparameters(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "echo", "word", check=True)
    assert not home.run().of_type("hyperparameters")


# --- Where the code comes from ------------------------------------------------------------------


def test_a_clean_tree_is_recorded_by_its_commit(home: Home, tree: Path) -> None:
    command = ("run", "--log-dir", home.logs, *NAMED, "--", "sh", "train.sh")
    home.mlterm(*command, cwd=tree, check=True)
    commit = git(tree, home, "rev-parse", "HEAD").strip()
    assert told(home.run(), "git") == {"commit": commit, "branch": "trunk", "dirty": False}
    settle(home)
    assert not (home.run().folder / "source.patch").exists()


def test_a_dirty_tree_is_recorded_with_a_patch_that_restores_it(home: Home, tree: Path) -> None:
    commit = git(tree, home, "rev-parse", "HEAD").strip()
    changed = b"echo two\n\xff\x00binary"
    (tree / "train.sh").write_bytes(changed)
    folder = tree / "deep"
    folder.mkdir()
    run = until_go(home, folder, "sh", "-c", UNTIL_GO)
    artifact = wait_until(lambda: run.of_type("artifact"), "the patch's record")[0]
    assert told(run, "git") == {"commit": commit, "branch": "trunk", "dirty": True}
    patch = run.folder / "source.patch"
    assert (artifact["name"], artifact["path"]) == ("source.patch", str(patch))
    assert (artifact["size_bytes"], artifact["truncated"]) == (patch.stat().st_size, False)
    (folder / "go").touch()
    git(tree, home, "checkout", "-q", ".")
    git(tree, home, "apply", os.fspath(patch))
    assert (tree / "train.sh").read_bytes() == changed


def test_a_detached_head_has_a_commit_and_no_branch(home: Home, tree: Path) -> None:
    git(tree, home, "checkout", "-q", "--detach")
    home.mlterm("run", "--log-dir", home.logs, *NAMED, "--", "true", cwd=tree, check=True)
    assert told(home.run(), "git")["branch"] is None
    assert re.fullmatch("[0-9a-f]{40,64}", told(home.run(), "git")["commit"])


def test_a_large_patch_is_cut_and_the_record_says_so(home: Home, tree: Path) -> None:
    (tree / "train.sh").write_text(f"{'x' * 98}\n" * 70_000)
    run = until_go(home, tree, "sh", "-c", UNTIL_GO)
    artifact = wait_until(lambda: run.of_type("artifact"), "the patch's record")[0]
    assert (run.folder / "source.patch").stat().st_size == PATCH_LIMIT
    assert artifact["truncated"] is True
    (tree / "go").touch()


def test_each_part_of_a_resumed_run_keeps_the_patch_that_it_ran_with(
    home: Home, tree: Path
) -> None:
    for word, more in (("two", ()), ("three", ("--resume",))):
        (tree / "train.sh").write_text(f"echo {word}\n")
        command = ("run", "--log-dir", home.logs, *NAMED, *more, "--", "sh", "train.sh")
        assert home.mlterm(*command, cwd=tree, check=True).stdout.decode() == f"{word}\n"
        settle(home)
    first, second = (home.run().folder / name for name in ("source.patch", "source-2.patch"))
    assert "+echo two\n" in first.read_text()
    assert "+echo three\n" in second.read_text()


def test_the_python_and_its_packages_are_recorded(home: Home) -> None:
    script = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)"
    run = until_go(home, home.path, sys.executable, "-c", script)
    artifact = wait_until(lambda: run.of_type("artifact"), "the packages' record")[0]
    python = {"version": platform.python_version(), "executable": sys.executable}
    assert run.start["python"] == python
    assert told(run, "python") == python
    assert artifact["name"] == "packages.txt"
    packages = Path(artifact["path"]).read_text().splitlines()
    assert f"pytest=={pytest.__version__}" in packages
    assert all(re.fullmatch(r"\S+==\S+", line) for line in packages)
    (home.path / "go").touch()
    assert run.finish["status"] == "completed"


@pytest.fixture
def slow_python(home: Home) -> Path:
    """A python that lists its packages only once a file ``go`` is there; its script ends at
    once, or when the file that it is given is there."""
    program = home.path / "python"
    listing = f'while [ ! -e {home.path}/go ]; do sleep 0.02; done; echo 3.12.1 "$0"; echo late==1'
    job = 'echo job; while [ -n "$2" ] && [ ! -e "$2" ]; do sleep 0.02; done'
    program.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then {listing}; else {job}; fi\n')
    program.chmod(0o755)
    return program


def test_listing_packages_delays_neither_start_nor_end(home: Home, slow_python: Path) -> None:
    def run(name: str) -> Run:
        names = ("--project", "p", "--run-id", name)
        done = home.mlterm("run", *names, "--", slow_python, "train.py", check=True)
        assert done.stdout == b"job\n"
        return home.run("p", name)

    # Several, since a client may come before or after the end of so short a command.
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(run, "abcdefghijkl"))
    for each in runs:
        assert each.finish["status"] == "completed"
        assert not (each.folder / "packages.txt").exists()
    (home.path / "go").touch()
    for each in runs:
        packages = each.folder / "packages.txt"
        wait_until(packages.exists, "the packages")
        assert packages.read_text() == "late==1\n"
        assert each.records[-1]["type"] == "finish"


@pytest.mark.linux
def test_who_comes_as_the_keeper_leaves_need_not_wait_for_the_packages(
    home: Home, slow_python: Path
) -> None:
    run = home.detached(slow_python, "train.py", "end")
    wait_until(lambda: run.output, "the command's first word")
    (door,) = (home.path / "run/mlterm").glob("*.sock")
    keeper = home.part("keeper")
    keeper.suspend()
    clients = [home.start("attach", "-q", "p/r") for _ in range(3)]
    try:
        connected = "waiting clients"
        wait_until(lambda: Path("/proc/net/unix").read_text().count(str(door)) == 4, connected)
        (home.path / "end").touch()
        wait_until(lambda: not psutil.pid_exists(run.start["pid"]), "the command's end")
        keeper.resume()
        for client in clients:
            assert client.communicate(timeout=PATIENCE) == (b"job\n", b"")
            assert client.returncode == 0
    finally:
        with suppress(psutil.NoSuchProcess):
            keeper.resume()
        for client in clients:
            client.kill()
            client.communicate()
    (home.path / "go").touch()


def test_a_run_can_be_resumed_while_its_packages_are_still_listed(
    home: Home, slow_python: Path
) -> None:
    home.mlterm("run", *NAMED, "--", slow_python, "train.py", check=True)
    done = home.mlterm("run", *NAMED, "--resume", "--", slow_python, "train.py")
    assert (done.returncode, done.stdout) == (0, b"job\n"), done.stderr
    (home.path / "go").touch()


# --- The output -------------------------------------------------------------------------------


def test_a_failures_finish_has_the_last_50_lines(home: Home) -> None:
    script = "seq 60; printf '\\033[31mlast\\033[0m'; exit 1"
    assert home.mlterm("run", *NAMED, "--", "sh", "-c", script).returncode == 1
    lines = home.run().finish["tail"].split("\n")
    assert lines == [*(str(n) for n in range(12, 61)), "last"]


def test_a_death_by_signal_has_a_tail_too(home: Home) -> None:
    assert home.mlterm("run", *NAMED, "--", "sh", "-c", "echo bye; kill -9 $$").returncode == 137
    assert home.run().finish["tail"] == "bye"


def test_a_completed_run_has_no_tail(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "seq", "60", check=True)
    assert "tail" not in home.run().finish


def test_the_index_tells_when_the_output_stood_where(home: Home) -> None:
    script = "for n in $(seq 50); do echo $n; sleep 0.02; done"
    home.mlterm("run", *NAMED, "--", "sh", "-c", script, check=True)
    run = home.run()
    settle(home)
    lines = [json.loads(line) for line in (run.folder / "output.idx").read_text().splitlines()]
    assert all(set(line) == {"t", "offset"} for line in lines)
    times, offsets = [line["t"] for line in lines], [line["offset"] for line in lines]
    assert times == sorted(times)
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == len(run.output)
    assert len(lines) > 3
    # At most ten a second; the last line closes the index whenever the output ends.
    gaps = [after - before for before, after in pairwise(times[:-1])]
    assert min(gaps) >= 0.098


def test_a_silent_run_has_an_empty_index(home: Home) -> None:
    home.mlterm("run", *NAMED, "--", "true", check=True)
    settle(home)
    lines = (home.run().folder / "output.idx").read_text().splitlines()
    assert [json.loads(line)["offset"] for line in lines] in ([], [0])
