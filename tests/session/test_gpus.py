"""Whole runs on a machine with GPUs: a stand-in for the driver, found by the dynamic loader."""

import json
import re
from typing import Any

import pytest

from tests.nvml import GIB, Standin
from tests.support import Home, Run, wait_until
from tests.unit.test_format import documented, occurring, problems, problems_of_sample

pytestmark = pytest.mark.linux

CODE = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)"


def start(home: Home, nvml: Standin, *options: str, **environ: str) -> Run:
    """A run in the background, on two GPUs of 80 GB."""
    words = ("run", "-d", "--project", "p", "--run-id", "r", "--interval", "0.1", *options)
    environ = home.environ | nvml.environ | environ
    home.mlterm(*words, "--", *home.script(CODE), env=environ, check=True)
    return home.run()


def end(home: Home, run: Run) -> dict[str, Any]:
    (home.path / "go").touch()
    return run.finish


def with_gpus(run: Run) -> list[dict[str, Any]]:
    return [sample for sample in run.samples if sample.get("gpus")]


def test_the_processes_own_memory_and_use_stand_beside_the_devices(
    home: Home, nvml: Standin
) -> None:
    run = start(home, nvml)
    wait_until(lambda: run.samples, "a sample")
    pid = run.start["pid"]
    nvml.device(1, processes=f"{pid}:{3 * GIB} 7:{GIB}")
    wait_until(lambda: with_gpus(run), "a sample with a GPU")
    nvml.device(1, energy=123_456_700 + 3_600_000)
    wait_until(lambda: len(with_gpus(run)) > 3, "more of them")
    finish = end(home, run)
    sample = with_gpus(run)[-1]
    assert [gpu["index"] for gpu in sample["gpus"]] == [1]
    assert sample["gpus"][0]["memory_used_bytes"] == 12 * GIB
    (own,) = next(s for s in with_gpus(run) if s["processes"])["processes"][0]["gpus"]
    assert (own["index"], own["memory_bytes"], own["utilization_percent"]) == (1, 3 * GIB, 0)
    (device,) = finish["gpus"]
    assert device["mean_utilization_percent"] == 87
    assert device["peak_memory_used_bytes"] == 12 * GIB
    assert device["energy_joules"] == 3600
    assert finish["energy_kwh"] == 0.001
    assert finish["roles"]["main"]["peak_gpu_memory_bytes"] == 3 * GIB
    assert [problems_of_sample(each) for each in run.samples] == [[] for _ in run.samples]
    assert problems(finish) == []
    wanted = {place for place in documented() if place[1].startswith("gpus")}
    assert wanted - occurring([finish]) == {("finish", "gpus.mig", "")}


def test_the_last_line_tells_the_gpus_and_the_energy(home: Home, nvml: Standin) -> None:
    nvml.device(1, energy=None)  # from the power then
    (home.path / "go").touch()
    code = "import time; time.sleep(0.6)"
    words = ("run", "--interval", "0.1", "--gpus", "all", "--", *home.script(code))
    done = home.mlterm(*words, env=home.environ | nvml.environ)
    (line,) = [each for each in done.stderr.decode().splitlines() if "peak memory" in each]
    assert "· GPU0 87% mean, 12/80 GB peak · GPU1 87% mean, 12/80 GB peak ·" in line
    assert re.search(r"peak · \d+\.\d+ k?Wh$", line)


def test_a_driver_that_hangs_for_ever_holds_nothing_up_and_is_told(
    home: Home, nvml: Standin
) -> None:
    run = start(home, nvml, "--gpus", "all")
    wait_until(lambda: with_gpus(run), "a sample with GPUs")
    nvml.set({"hang.nvmlDeviceGetUtilizationRates": 1})
    wait_until(
        lambda: "not answered" in run.samples[-1].get("unavailable", {}).get("gpus", ""),
        "the word that it does not answer",
    )
    seen = len(run.samples)
    wait_until(lambda: len(run.samples) > seen + 5, "samples while it hangs")
    hung = run.samples[-1]
    assert [gpu["utilization_percent"] for gpu in hung["gpus"]] == [None, None]
    assert hung["processes"][0]["role"] == "main"
    assert hung["host"]["memory_total_bytes"] > 0
    assert max(sample["interval_seconds"] for sample in run.samples[seen:]) < 5
    finish = end(home, run)
    assert (finish["status"], finish["gpus"][0]["mean_utilization_percent"]) == ("completed", 87)
    assert [problems_of_sample(each) for each in run.samples] == [[] for _ in run.samples]


def test_a_hang_in_the_very_first_call_delays_neither_start_nor_end(
    home: Home, nvml: Standin
) -> None:
    nvml.set({"hang.nvmlInitWithFlags": 1})
    words = ("run", "--gpus", "all", "--", "sh", "-c", "echo out; exit 4")
    done = home.mlterm(*words, env=home.environ | nvml.environ)
    assert (done.returncode, done.stdout) == (4, b"out\n")
    assert home.only_run().finish["exit_code"] == 4


def test_what_reading_the_gpus_took_is_not_the_jobs_though_the_observer_was_killed(
    home: Home, nvml: Standin
) -> None:
    run = start(home, nvml, "--gpus", "all")
    wait_until(lambda: with_gpus(run), "a sample with GPUs")
    reader = home.part("gpus")
    wait_until(lambda: sum(reader.cpu_times()[:2]) >= 0.1, "some CPU time of the reader")
    home.part("observer").kill()
    wait_until(lambda: not reader.is_running(), "its end")
    before = len(run.samples)
    wait_until(lambda: len(run.samples) >= before + 3, "samples of another observer")
    finish = end(home, run)
    command = run.samples[-2]["processes"][0]
    assert finish["cpu_seconds"] <= command["cpu_seconds"] + 0.05


def test_without_a_driver_nothing_is_shown(home: Home) -> None:
    script = home.script("import time; time.sleep(0.3)")
    home.mlterm("run", "--interval", "0.1", "--gpus", "all", "--", *script, check=True)
    run = home.only_run()
    assert len(run.samples) > 2
    assert not any("gpus" in sample or "unavailable" in sample for sample in run.samples)
    assert "gpus" not in run.finish


def test_where_the_driver_lists_no_processes_that_is_told_and_all_devices_are_shown(
    home: Home, nvml: Standin
) -> None:
    for index in range(2):
        nvml.device(index, processes="!3")
    run = start(home, nvml)
    wait_until(lambda: with_gpus(run), "a sample with GPUs")
    end(home, run)
    sample = with_gpus(run)[0]
    assert [gpu["utilization_percent"] for gpu in sample["gpus"]] == [87, 87]
    assert sample["unavailable"] == {"processes.gpus": "not supported"}
    assert not any("gpus" in process for process in sample["processes"])


def test_asked_for_none_no_gpu_is_read(home: Home, nvml: Standin) -> None:
    run = start(home, nvml, "--gpus", "none")
    wait_until(lambda: len(run.samples) > 2, "samples")
    end(home, run)
    assert with_gpus(run) == []
    assert nvml.calls("nvmlInitWithFlags") == 0


def test_the_commands_variable_decides_what_is_shown(home: Home, nvml: Standin) -> None:
    run = start(home, nvml, CUDA_VISIBLE_DEVICES="1", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    wait_until(lambda: with_gpus(run), "a sample with a GPU")
    end(home, run)
    assert {gpu["index"] for sample in with_gpus(run) for gpu in sample["gpus"]} == {1}


def test_the_series_of_a_gpu_are_folded_for_the_view(home: Home, nvml: Standin) -> None:
    nvml.add_instance(0, 2)
    run = start(home, nvml, "--gpus", "all")
    wait_until(lambda: len(with_gpus(run)) > 2, "samples with GPUs")
    end(home, run)
    names = json.loads((run.folder / "summary.json").read_text())["system"]["series"]
    assert {"gpu1/utilization_percent", "gpu1/power_watts", "gpu0.2/memory_used_bytes"} <= set(
        names
    )
    assert [problems_of_sample(each) for each in run.samples] == [[] for _ in run.samples]
