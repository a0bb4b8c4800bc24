"""The process that asks the driver: what it may do to us, which is nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlterm.system.gpu import FIGURES, GpuReading
from mlterm.system.gpuprobe import (
    FIRST_PAUSE_SECONDS,
    HANG_SECONDS,
    LONGEST_PAUSE_SECONDS,
    STARTING_SECONDS,
    GpuProbe,
)
from tests.nvml import Standin
from tests.nvml.bench import JOB, Bench, read
from tests.support import PATIENCE, stream, wait_until

SILENT = "the driver has not answered for {} s"


def children() -> list[psutil.Process]:
    """This process's, by what ps(1) shows of them."""
    return [p for p in psutil.Process().children() if p.cmdline()[:1] == ["mlterm gpus p/r"]]


def figures(reading: GpuReading | None) -> set[Any]:
    return {gpu[name] if name != "throttle_reasons" else None
            for gpu in (reading.gpus if reading else ()) for name in FIGURES}  # fmt: skip


@pytest.fixture
def probe(bench: Bench) -> GpuProbe:
    return bench.probe("all", MLTERM_PROJECT="p", MLTERM_RUN_ID="r")


def test_a_call_that_hangs_is_reported_ended_and_tried_again(bench: Bench, probe: GpuProbe) -> None:
    assert read(probe).unavailable == {}
    bench.nvml.set({"hang.nvmlDeviceGetPowerUsage": 1})
    probe.ask([JOB])
    (child,) = children()
    bench.now += 12
    probe.ask([JOB])
    silent = probe.answer(0.01)
    assert silent is not None
    assert silent.unavailable == {"gpus": SILENT.format(12)}
    assert [(gpu["index"], gpu["uuid"], gpu["name"]) for gpu in silent.gpus] == [
        (0, "GPU-0a0b1c2d", "NVIDIA H100 80GB HBM3"),
        (1, "GPU-1a0b1c2d", "NVIDIA H100 80GB HBM3"),
    ]
    assert figures(silent) == {None}
    assert silent.gpus[0]["unavailable"] == {"*": SILENT.format(12)}
    bench.now += HANG_SECONDS - 12
    probe.ask([JOB])
    wait_until(lambda: not child.is_running() or child.status() == "zombie", "its end")
    assert probe.answer(0) == GpuReading(
        [gpu | {"unavailable": {"*": SILENT.format(30)}} for gpu in silent.gpus],
        {},
        {"gpus": SILENT.format(30)},
    )
    bench.nvml.set({"hang.nvmlDeviceGetPowerUsage": None, "0.power": 99_000})
    bench.now += FIRST_PAUSE_SECONDS
    back = read(probe)
    assert (back.unavailable, back.gpus[0]["power_watts"]) == ({}, 99.0)


def test_a_driver_that_hangs_from_the_start_is_reported_after_a_while(
    bench: Bench, probe: GpuProbe
) -> None:
    bench.nvml.set({"hang.nvmlInitWithFlags": 1})
    probe.ask([JOB])
    assert probe.answer(0.01) is None, "there may be no GPU at all"
    bench.now += STARTING_SECONDS
    assert probe.answer(0) == GpuReading([], {}, {"gpus": SILENT.format(5)})


def test_asking_again_while_there_is_no_answer_asks_nothing(bench: Bench, probe: GpuProbe) -> None:
    read(probe)
    bench.nvml.set({"slow.nvmlEventSetWait_v2": 100})
    for _ in range(3):
        probe.ask([JOB])
    assert figures(probe.answer(PATIENCE)) != {None}
    assert probe.answer(0.3) is None
    assert bench.nvml.calls("nvmlEventSetWait_v2") == 2


def test_an_answer_that_comes_late_is_given_at_the_next_question(
    bench: Bench, probe: GpuProbe
) -> None:
    read(probe)
    bench.nvml.set({"slow.nvmlEventSetWait_v2": 50})

    def late() -> set[Any]:
        probe.ask([JOB])
        return figures(probe.answer(0)) - {None}

    wait_until(late, "an answer without any patience")


def test_a_crash_is_reported_and_tried_again_ever_more_seldom(
    bench: Bench, probe: GpuProbe
) -> None:
    bench.nvml.set({"crash.nvmlInitWithFlags": 1})
    crashed = read(probe)
    assert crashed == GpuReading([], {}, {"gpus": "the reading of GPUs was ended by SIGSEGV"})
    for times, pause in enumerate([30, 60, 120, 240, 480, 600, 600], start=1):
        assert FIRST_PAUSE_SECONDS <= pause <= LONGEST_PAUSE_SECONDS
        bench.now += pause - 1
        assert read(probe) == crashed
        assert bench.nvml.calls("nvmlInitWithFlags") == times
        bench.now += 1
        assert read(probe) == crashed
        assert bench.nvml.calls("nvmlInitWithFlags") == times + 1


def test_an_answer_ends_the_growing_of_the_pauses(bench: Bench, probe: GpuProbe) -> None:
    for _ in range(3):
        assert read(probe).unavailable == {}
        bench.nvml.set({"crash.nvmlDeviceGetPowerUsage": 1})
        crashed = read(probe)
        assert "SIGSEGV" in crashed.unavailable["gpus"]
        assert len(crashed.gpus) == 2
        bench.nvml.set({"crash.nvmlDeviceGetPowerUsage": None})
        bench.now += FIRST_PAUSE_SECONDS


def test_somebody_who_kills_it_is_named(bench: Bench, probe: GpuProbe) -> None:
    read(probe)
    (child,) = children()
    child.kill()
    wait_until(lambda: child.status() == "zombie", "its end")
    assert read(probe).unavailable == {"gpus": "the reading of GPUs was ended by SIGKILL"}


def test_a_library_of_another_version_wants_a_new_process(bench: Bench, probe: GpuProbe) -> None:
    """After an upgrade the driver refuses the old library, which a process loads once."""
    read(probe)
    (child,) = children()
    bench.nvml.set({"lost": 18})
    reason = "the driver and its library are of different versions"
    assert read(probe).unavailable == {"gpus": reason}
    wait_until(lambda: not child.is_running() or child.status() == "zombie", "its end")
    assert read(probe).unavailable == {"gpus": reason}
    bench.nvml.set({"lost": None})
    bench.now += FIRST_PAUSE_SECONDS
    assert read(probe).unavailable == {}


def test_what_a_library_prints_is_no_answer(bench: Bench, probe: GpuProbe) -> None:
    bench.nvml.set(prints='{"reading": null, "is_last": true}')
    assert read(probe).gpus[0]["power_watts"] == 310.5


BROKEN = "def __getattr__(name): raise OSError(f'cannot {name}')"


def test_a_binding_that_does_not_work_is_a_reason(
    bench: Bench, probe: GpuProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pynvml.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    reading = read(probe)
    assert list(reading.unavailable) == ["gpus"]
    assert "OSError: cannot" in reading.unavailable["gpus"]
    assert read(probe) == reading


def test_used_devices_are_known_to_the_next_process(bench: Bench) -> None:
    probe = bench.probe(MLTERM_PROJECT="p", MLTERM_RUN_ID="r")
    bench.nvml.device(1, processes=f"{JOB}:5")
    assert len(read(probe).gpus) == 1
    bench.nvml.device(1, processes="")
    (child,) = children()
    child.kill()
    wait_until(lambda: child.status() == "zombie", "its end")
    assert "SIGKILL" in read(probe).unavailable["gpus"]
    bench.now += FIRST_PAUSE_SECONDS
    assert [gpu["index"] for gpu in read(probe).gpus] == [1]


def test_a_job_of_many_processes_is_asked_about_without_waiting(
    bench: Bench, probe: GpuProbe
) -> None:
    bench.nvml.device(0, processes="4000100:5")
    reading = read(probe, range(4_000_000, 4_020_000))
    assert list(reading.by_pid) == [4_000_100]


def test_it_is_mlterms_own_and_nothing_of_the_runs_reaches_it(
    bench: Bench, probe: GpuProbe, tmp_path: Path
) -> None:
    lock = os.open(tmp_path / "run.lock", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(lock, True)
    try:
        read(probe)
        (child,) = children()
        names = {os.readlink(fd) for fd in Path(f"/proc/{child.pid}/fd").iterdir()}
        assert str(tmp_path / "run.lock") not in names
    finally:
        os.close(lock)
    assert child.cwd() == "/"
    assert child.nice() == psutil.Process().nice()
    assert os.getsid(child.pid) == os.getsid(0), "which tells it from the job's"
    assert os.getpgid(child.pid) == child.pid


def test_closing_leaves_no_process_even_in_a_call_that_hangs(bench: Bench, probe: GpuProbe) -> None:
    read(probe)
    bench.nvml.set({"hang.nvmlEventSetWait_v2": 1})
    probe.ask([JOB])
    (child,) = children()
    probe.close()
    assert not psutil.pid_exists(child.pid)
    probe.close()


PARENT = """
import psutil, sys
from mlterm.system.gpuprobe import GpuProbe
probe = GpuProbe({}, "all")
probe.ask([1])
assert probe.answer(30).unavailable == {}
print(psutil.Process().children()[0].pid, flush=True)
sys.stdin.readline()
probe.ask([1])
print("asked", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("hangs", [False, True])
def test_it_ends_with_its_parent_even_in_a_call_that_hangs(nvml: Standin, hangs: bool) -> None:
    environ = os.environ | nvml.environ | {"PYTHONPATH": os.getcwd()}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", PARENT], env=environ, **pipes) as parent:
        child = psutil.Process(json.loads(stream(parent.stdout).readline()))
        if hangs:
            nvml.set({"hang.nvmlEventSetWait_v2": 1})
            stream(parent.stdin).write(b"\n")
            stream(parent.stdin).flush()
            assert stream(parent.stdout).readline() == b"asked\n"
            wait_until(lambda: nvml.calls("nvmlEventSetWait_v2") == 2, "the call that hangs")
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not child.is_running() or child.status() == "zombie", "its end", PATIENCE)
