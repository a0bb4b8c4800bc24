"""GPUs, read by the real pynvml in the real process, from a stand-in for the driver."""

import ctypes
import ctypes.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pynvml
import pytest

from mlterm.system.gpu import FIGURES, GpuReading
from mlterm.system.gpuprobe import GpuProbe
from mlterm.system.nvml import RELIST_QUESTIONS, REOPEN_QUESTIONS
from tests.nvml import GIB, Standin
from tests.nvml.bench import JOB, Bench, read
from tests.support import PATIENCE


def indexes(reading: GpuReading) -> list[Any]:
    return [
        gpu["index"] if "mig" not in gpu else (gpu["index"], gpu["mig"]) for gpu in reading.gpus
    ]


def first(probe: GpuProbe) -> dict[str, Any]:
    """The first GPU's record."""
    return read(probe).gpus[0]


STRUCTURES = (
    pynvml.c_nvmlMemory_t, pynvml.c_nvmlMemory_v2_t, pynvml.c_nvmlUtilization_t,
    pynvml.c_nvmlTemperature_v1_t, pynvml.c_nvmlProcessInfo_v2_t,
    pynvml.c_nvmlProcessUtilizationSample_t, pynvml.c_nvmlFieldValue_t, pynvml.c_nvmlEventData_t,
)  # fmt: skip


def test_the_stand_ins_structures_are_pynvmls(nvml: Standin) -> None:
    sizes = (ctypes.c_uint * len(STRUCTURES))()
    nvml.load().standin_sizes(sizes)
    assert list(sizes) == [ctypes.sizeof(structure) for structure in STRUCTURES]


# A device


def test_every_figure_is_read_in_its_unit(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    gpu = first(probe)
    rates = {key: gpu.pop(key) for key in list(gpu) if key.endswith("_per_second")}
    assert gpu == {
        "index": 0,
        "uuid": "GPU-0a0b1c2d",
        "name": "NVIDIA H100 80GB HBM3",
        "utilization_percent": 87,
        "memory_utilization_percent": 40,
        "memory_used_bytes": 12 * GIB,
        "memory_total_bytes": 80 * GIB,
        "temperature_celsius": 64,
        "power_watts": 310.5,
        "power_limit_watts": 700.0,
        "sm_clock_mhz": 1980,
        "memory_clock_mhz": 2619,
        "throttle_reasons": ["sw_power_cap"],
        "energy_counter_joules": 123456.7,
        "ecc_errors_corrected": 3,
        "ecc_errors_uncorrected": 0,
        "xid_errors": [],
    }
    assert rates == dict.fromkeys(
        [f"{bus}_{way}_bytes_per_second" for bus in ("pcie", "nvlink") for way in ("tx", "rx")], 0.0
    )


def test_a_figure_that_is_not_supported_is_null_with_its_reason(bench: Bench) -> None:
    bench.nvml.device(0, power=None, utilization="!4", power_limit=2**32 - 1, memory_clock="!999")
    gpu = first(bench.probe("all"))
    reasons = {k: v for k, v in gpu["unavailable"].items() if not k.endswith("second")}
    assert reasons == {
        "power_watts": "not supported",
        "utilization_percent": "not permitted",
        "memory_utilization_percent": "not permitted",
        "power_limit_watts": "not available",
        "memory_clock_mhz": "unknown error of the driver",
    }
    assert all(gpu[name] is None for name in reasons)
    assert gpu["sm_clock_mhz"] == 1980


def test_what_is_not_supported_is_asked_for_again_only_now_and_then(bench: Bench) -> None:
    bench.nvml.device(0, power=None)
    probe = bench.probe("all")
    for _ in range(RELIST_QUESTIONS - 1):
        assert first(probe)["power_watts"] is None
    assert bench.nvml.calls("0. nvmlDeviceGetPowerUsage") == 1
    assert bench.nvml.calls("1. nvmlDeviceGetPowerUsage") == RELIST_QUESTIONS - 1
    assert bench.nvml.calls("0. nvmlDeviceGetName") == 1
    bench.nvml.device(0, power=50_000)
    assert first(probe)["power_watts"] == 50.0


def test_what_only_some_devices_offer_is_left_out_by_those_that_do_not(bench: Bench) -> None:
    absent = dict.fromkeys(["ecc_corrected", "field197", "field198", "field138", "field139"])
    bench.nvml.device(0, **absent)
    bench.nvml.device(0, no_events=1)
    gpu = first(bench.probe("all"))
    assert set(gpu) == {"index", "uuid", "name", *FIGURES}


def test_an_error_in_what_is_offered_is_told(bench: Bench) -> None:
    bench.nvml.device(0, ecc_uncorrected="!4")
    gpu = first(bench.probe("all"))
    assert gpu["ecc_errors_uncorrected"] is None
    assert gpu["unavailable"]["ecc_errors_uncorrected"] == "not permitted"


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        (0, []),
        (1, []),
        (0x2 | 0x8 | 0x40, ["applications_clocks_setting", "hw_slowdown", "hw_thermal_slowdown"]),
        (0x1 | 0x80 | 0x20, ["sw_thermal_slowdown", "hw_power_brake_slowdown"]),
        (1 << 20, ["bit_20"]),
    ],
)
def test_what_throttles_is_named_and_idleness_is_not_among_it(
    bench: Bench, mask: int, names: list[str]
) -> None:
    bench.nvml.device(0, throttle=mask)
    assert first(bench.probe("all"))["throttle_reasons"] == names


def test_rates_come_from_counters_and_not_from_their_reset(bench: Bench) -> None:
    probe = bench.probe("all")
    rates = ["pcie_tx_bytes_per_second", "nvlink_rx_bytes_per_second"]
    before = first(probe)
    assert [before[name] for name in rates] == [None, None]
    assert before["unavailable"][rates[0]] == "needs two readings"
    bench.nvml.device(0, field197=2_000_000, field139=3000)
    after = first(probe)
    assert after[rates[0]] * 1000 * 1024 == pytest.approx(after[rates[1]] * 1_000_000)
    assert after[rates[0]] > 0
    bench.nvml.device(0, field197=5)
    reset = first(probe)
    assert reset[rates[0]] is None
    assert reset["unavailable"] == {rates[0]: "the counter began anew"}


def test_a_counter_of_32_bits_tells_no_rate(bench: Bench) -> None:
    bench.nvml.device(0, narrow=1)
    assert not [key for key in first(bench.probe("all")) if key.endswith("_per_second")]


def test_xid_errors_are_those_since_the_start_each_once_the_latest_last(bench: Bench) -> None:
    probe = bench.probe("all")
    assert first(probe)["xid_errors"] == []
    bench.nvml.set(xid="0:13,1:31,0:94,0:13")
    zero, one = read(probe).gpus
    assert (zero["xid_errors"], one["xid_errors"]) == ([94, 13], [31])
    assert first(probe)["xid_errors"] == [94, 13]


# Older drivers


def test_an_old_driver_says_what_it_does_not_offer(bench: Bench) -> None:
    bench.nvml.device(0, processes=f"{JOB}:{GIB}")
    bench.lacking(
        "ENERGY", "PROCESSES_V2", "PROCESSES_V3", "PROCESS_UTILIZATION", "MIG", "MEMORY_V2",
        "EVENT_REASONS", "TEMPERATURE_V", "FIELDS", "EVENTS",
    )  # fmt: skip
    reading = read(bench.probe())
    gpu = reading.gpus[0]
    assert gpu["unavailable"] == {"energy_counter_joules": "not offered by this driver"}
    assert gpu["energy_counter_joules"] is None
    assert gpu["memory_used_bytes"] == 13 * GIB, "what is reserved is in it there"
    assert (gpu["temperature_celsius"], gpu["throttle_reasons"]) == (64, ["sw_power_cap"])
    assert "xid_errors" not in gpu
    assert reading.unavailable == {"processes": "not offered by this driver"}
    assert (reading.by_pid, indexes(reading)) == ({}, [0, 1])


@pytest.mark.parametrize("lacks", ["PROCESSES_V3", "PROCESSES_V2"])
def test_either_version_of_the_process_list_will_do(bench: Bench, lacks: str) -> None:
    bench.nvml.device(1, processes=f"{JOB}:{GIB}")
    bench.lacking(lacks, "PROCESS_UTILIZATION")
    reading = read(bench.probe())
    assert indexes(reading) == [1]
    assert reading.by_pid[JOB] == [
        {
            "index": 1,
            "memory_bytes": GIB,
            "utilization_percent": None,
            "unavailable": {"utilization_percent": "not offered by this driver"},
        }
    ]


def test_r535s_longer_entries_scramble_no_process_ids(bench: Bench) -> None:
    bench.nvml.device(0, processes=f"7:1,{JOB}:{GIB},8:1,{JOB + 1}:5")
    bench.lacking("SOUND_V3")
    by_pid = read(bench.probe(), [JOB, JOB + 1]).by_pid
    assert {pid: entry["memory_bytes"] for pid, (entry,) in by_pid.items()} == {
        JOB: GIB,
        JOB + 1: 5,
    }


# Processes


def test_only_the_jobs_processes_and_devices_are_told(bench: Bench) -> None:
    bench.nvml.device(0, processes="77:1024", samples="77:-1000:90")
    bench.nvml.device(1, processes=f"{JOB}:{GIB},78:5", samples=f"{JOB}:-1000:40,78:-1000:50")
    probe = bench.probe()
    reading = read(probe)
    assert indexes(reading) == [1]
    assert reading.by_pid == {JOB: [{"index": 1, "memory_bytes": GIB, "utilization_percent": 40}]}
    assert reading.unavailable == {}
    assert bench.nvml.calls("0. nvmlDeviceGetPowerUsage") == 0


def test_a_device_once_used_stays_shown(bench: Bench) -> None:
    bench.nvml.device(1, processes=f"{JOB}:{GIB}")
    probe = bench.probe()
    assert indexes(read(probe)) == [1]
    bench.nvml.device(1, processes="")
    reading = read(probe)
    assert (indexes(reading), reading.by_pid) == ([1], {})


def test_the_jobs_variable_shows_devices_that_it_does_not_use_yet(bench: Bench) -> None:
    reading = read(bench.probe(CUDA_VISIBLE_DEVICES="1"))
    assert (indexes(reading), reading.by_pid, reading.unavailable) == ([1], {}, {})


def test_without_the_variable_no_device_is_shown_until_the_job_uses_one(bench: Bench) -> None:
    probe = bench.probe()
    assert read(probe) == GpuReading()
    bench.nvml.device(0, graphics=f"{JOB}:5")
    assert indexes(read(probe)) == [0]


def test_a_process_on_several_lists_and_devices_is_told_once_a_device(bench: Bench) -> None:
    bench.nvml.device(0, processes=f"{JOB}:7", graphics=f"{JOB}:7", mps=f"{JOB + 1}:9")
    bench.nvml.device(1, processes=f"{JOB}:8")
    by_pid = read(bench.probe(), [JOB, JOB + 1]).by_pid
    assert [(e["index"], e["memory_bytes"]) for e in by_pid[JOB]] == [(0, 7), (1, 8)]
    assert [(e["index"], e["memory_bytes"]) for e in by_pid[JOB + 1]] == [(0, 9)]


def test_memory_that_is_not_told_is_null(bench: Bench) -> None:
    bench.nvml.device(0, processes=f"{JOB}:na")
    (entry,) = read(bench.probe()).by_pid[JOB]
    assert entry["memory_bytes"] is None
    assert entry["unavailable"] == {"memory_bytes": "not available"}


def test_no_sample_of_a_process_means_that_it_is_idle(bench: Bench) -> None:
    bench.nvml.device(0, processes=f"{JOB}:1", samples="")
    bench.nvml.device(1, processes=f"{JOB}:1,9:1", samples="9:-1000:50")
    entries = read(bench.probe()).by_pid[JOB]
    assert [entry["utilization_percent"] for entry in entries] == [0, 0]
    assert not any("unavailable" in entry for entry in entries)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(None, "not supported"), ("!4", "not permitted"), ("!999", "unknown error of the driver")],
)
def test_a_utilization_that_cannot_be_read_is_not_idleness(
    bench: Bench, answer: str | None, reason: str
) -> None:
    bench.nvml.device(0, processes=f"{JOB}:1", samples=answer)
    (entry,) = read(bench.probe()).by_pid[JOB]
    assert entry["utilization_percent"] is None
    assert entry["unavailable"] == {"utilization_percent": reason}


def test_of_several_samples_the_newest_counts_and_none_from_before_the_start(bench: Bench) -> None:
    old = f"{JOB}:-900000000:99,{JOB + 1}:-900000000:99"
    bench.nvml.device(
        0, processes=f"{JOB}:1,{JOB + 1}:1", samples=f"{old},{JOB}:-1000:30,{JOB}:-200000:70"
    )
    by_pid = read(bench.probe(), [JOB, JOB + 1]).by_pid
    assert by_pid[JOB][0]["utilization_percent"] == 30
    assert by_pid[JOB + 1][0]["utilization_percent"] == 0


def test_a_sample_that_is_no_percentage_is_none(bench: Bench) -> None:
    old = f"{JOB}:-900000000:99"
    bench.nvml.device(0, processes=f"{JOB}:1", samples=f"{old},{JOB}:-1000:4000000")
    probe = bench.probe()
    for _ in range(2):
        assert read(probe).by_pid[JOB][0]["utilization_percent"] == 0


def test_a_sample_holds_for_its_second_however_often_it_is_asked_for(bench: Bench) -> None:
    moment = int((time.time() + 3600) * 1_000_000)
    bench.nvml.device(0, processes=f"{JOB}:1", samples=f"{JOB}:{moment}:60")
    probe = bench.probe()
    for _ in range(3):
        assert read(probe).by_pid[JOB][0]["utilization_percent"] == 60


# Containers


def test_the_hosts_process_ids_in_a_container_are_nobodys(bench: Bench) -> None:
    bench.namespace("pid:[4026532999]")
    bench.nvml.device(0, processes=f"31337:{GIB},{JOB}:1")
    bench.exists(JOB)
    reading = read(bench.probe())
    assert reading.by_pid == {}
    assert reading.unavailable == {
        "processes": "the driver lists the host's process IDs in this container"
    }
    assert indexes(reading) == [0, 1]
    assert reading.gpus[0]["utilization_percent"] == 87


def test_no_process_ids_in_a_container_do_not_mean_that_nothing_is_used(bench: Bench) -> None:
    bench.namespace("pid:[4026532999]")
    reading = read(bench.probe(CUDA_VISIBLE_DEVICES="0"))
    assert "processes" in reading.unavailable
    assert indexes(reading) == [0], "the variable narrows them all the same"


def test_a_containers_own_process_ids_are_the_jobs_from_then_on(bench: Bench) -> None:
    bench.namespace("pid:[4026532999]")
    bench.exists(JOB)
    bench.nvml.device(1, processes=f"{JOB}:{GIB}")
    probe = bench.probe()
    reading = read(probe)
    assert (indexes(reading), reading.unavailable) == ([1], {})
    bench.nvml.device(1, processes="")
    reading = read(probe)
    assert (indexes(reading), reading.unavailable) == ([1], {})


def test_a_process_that_has_just_ended_is_no_sign_of_a_container(bench: Bench) -> None:
    bench.nvml.device(0, processes="31337:5")
    assert read(bench.probe()).unavailable == {}


# MIG


def test_instances_are_devices_of_their_own_beside_their_gpu(bench: Bench) -> None:
    bench.nvml.add_instance(0, 1, processes=f"{JOB}:{GIB}")
    bench.nvml.add_instance(0, 4)
    reading = read(bench.probe())
    assert indexes(reading) == [0, (0, 1)]
    gpu, instance = reading.gpus
    assert gpu["utilization_percent"] is None
    assert gpu["power_watts"] == 310.5
    assert instance == {
        "index": 0,
        "mig": 1,
        "uuid": "MIG-01",
        "name": "NVIDIA H100 MIG 3g.40gb",
        "utilization_percent": None,
        "memory_utilization_percent": None,
        "memory_used_bytes": GIB,
        "memory_total_bytes": 40 * GIB,
        "unavailable": {
            "utilization_percent": "not offered for MIG instances",
            "memory_utilization_percent": "not offered for MIG instances",
        },
    }
    (entry,) = reading.by_pid[JOB]
    assert (entry["index"], entry["mig"], entry["memory_bytes"]) == (0, 1, GIB)
    assert entry["unavailable"] == {"utilization_percent": "not offered for MIG instances"}


def test_the_variable_names_an_instance(bench: Bench) -> None:
    bench.nvml.add_instance(0, 1)
    bench.nvml.add_instance(0, 4)
    assert indexes(read(bench.probe(CUDA_VISIBLE_DEVICES="MIG-04"))) == [0, (0, 4)]


def test_an_instance_that_is_made_later_is_found(bench: Bench) -> None:
    probe = bench.probe("all")
    assert indexes(read(probe)) == [0, 1]
    bench.nvml.add_instance(1, 3)
    assert indexes([read(probe) for _ in range(RELIST_QUESTIONS)][-1]) == [0, 1, (1, 3)]


def test_all_are_all_instances_too(bench: Bench) -> None:
    bench.nvml.add_instance(1, 0)
    assert indexes(read(bench.probe("all"))) == [0, 1, (1, 0)]


# A driver that goes and comes


def test_a_lost_device_stays_with_one_reason_and_its_last_words(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set({"0.lost": 15, "xid": "0:79"})
    lost, other = read(probe).gpus
    assert lost == {
        "index": 0,
        "uuid": "GPU-0a0b1c2d",
        "name": "NVIDIA H100 80GB HBM3",
        **dict.fromkeys(FIGURES),
        "unavailable": {"*": "the device has fallen off the bus"},
        "xid_errors": [79],
    }
    assert other["utilization_percent"] == 87


def test_a_lost_device_that_comes_back_is_read_again(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set({"0.lost": 15})
    assert first(probe)["power_watts"] is None
    bench.nvml.set({"0.lost": None})
    answers = [first(probe)["power_watts"] for _ in range(REOPEN_QUESTIONS)]
    assert answers == [None] * (REOPEN_QUESTIONS - 1) + [310.5]


def test_a_device_that_is_lost_from_the_start_is_listed(bench: Bench) -> None:
    bench.nvml.set({"1.lost": 16})
    gpus = read(bench.probe("all")).gpus
    assert gpus[1]["uuid"] is None
    assert gpus[1]["unavailable"] == {"*": "the device needs a reset"}
    assert gpus[0]["power_watts"] == 310.5


def test_a_device_that_is_listed_no_more_is_told_to_be_gone(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set(devices=1)
    last = [read(probe) for _ in range(RELIST_QUESTIONS)][-1]
    assert indexes(last) == [0, 1]
    assert last.gpus[1]["unavailable"] == {"*": "the device is gone"}


@pytest.mark.parametrize(
    ("code", "reason"), [(1, "the driver has gone"), (9, "the driver is not loaded")]
)
def test_a_driver_that_goes_away_and_comes_back(bench: Bench, code: int, reason: str) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set({"lost": code, "fail.nvmlInitWithFlags": 9})
    gone = read(probe)
    assert gone.unavailable == {"gpus": reason}
    assert [gpu["unavailable"] for gpu in gone.gpus] == [{"*": reason}] * 2
    assert [gpu["uuid"] for gpu in gone.gpus] == ["GPU-0a0b1c2d", "GPU-1a0b1c2d"]
    for _ in range(REOPEN_QUESTIONS):
        still = read(probe)
    assert still.unavailable == {"gpus": "the driver is not loaded"}
    assert bench.nvml.calls("nvmlInitWithFlags") == 2, "not at every question"
    bench.nvml.set({"lost": None, "fail.nvmlInitWithFlags": None})
    for _ in range(2 * REOPEN_QUESTIONS):
        back = read(probe)
    assert (back.unavailable, back.gpus[0]["power_watts"]) == ({}, 310.5)


def test_a_driver_that_only_knows_unknown_errors_is_opened_anew(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set(lost=999)
    assert first(probe)["unavailable"] == {"*": "unknown error of the driver"}
    bench.nvml.set(lost=None)
    for _ in range(REOPEN_QUESTIONS):
        back = first(probe)
    assert back["power_watts"] == 310.5
    assert bench.nvml.calls("nvmlInitWithFlags") == 2


def test_a_driver_that_stays_away_is_tried_ever_more_seldom(bench: Bench) -> None:
    probe = bench.probe("all")
    read(probe)
    bench.nvml.set({"lost": 9, "fail.nvmlInitWithFlags": 9})
    for _ in range(7 * REOPEN_QUESTIONS):
        read(probe)
    assert bench.nvml.calls("nvmlInitWithFlags") == 1 + 2, "after 10 questions, and 20 more"


def test_a_device_that_others_may_use_is_listed_as_such_and_not_tried_anew(bench: Bench) -> None:
    bench.nvml.set({"1.lost": 4})
    probe = bench.probe("all")
    for _ in range(2 * REOPEN_QUESTIONS):
        reading = read(probe)
    assert reading.gpus[1]["unavailable"] == {"*": "not permitted"}
    assert bench.nvml.calls("nvmlInitWithFlags") == 1


@pytest.mark.parametrize("code", [4, 18, 999])
def test_a_driver_that_cannot_be_opened_is_a_reason(bench: Bench, code: int) -> None:
    bench.nvml.set({"fail.nvmlInitWithFlags": code})
    reading = read(bench.probe("all"))
    assert reading.gpus == []
    assert list(reading.unavailable) == ["gpus"]


# No GPU


@pytest.mark.parametrize("change", [{"fail.nvmlInitWithFlags": 9}, {"devices": 0}])
def test_a_library_without_a_driver_or_device_shows_nothing(
    bench: Bench, change: dict[str, int]
) -> None:
    bench.nvml.set(change)
    probe = bench.probe("all")
    for _ in range(3):
        probe.ask([JOB])
        assert probe.answer(PATIENCE) is None
    assert bench.nvml.calls("nvmlInitWithFlags") == 1
    bench.nvml.set({"fail.nvmlInitWithFlags": None, "devices": 2})
    bench.now += 60
    assert indexes(read(probe)) == [0, 1]


NO_LIBRARY = """
import sys
from mlterm.system.gpuprobe import GpuProbe
now = 0.0
probe = GpuProbe({}, "auto", lambda: now)
for _ in range(3):
    probe.ask([1])
    assert probe.answer(30) is None
    now += 100
print("pynvml" in sys.modules)
"""


def test_without_the_library_no_process_is_started(nvml: Standin, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    environ |= {"STANDIN_NVML": nvml.environ["STANDIN_NVML"], "PYTHONPATH": os.getcwd()}
    words = [
        "-c",
        f"import os; os.fork = None; import subprocess; subprocess.Popen = None{NO_LIBRARY}",
    ]
    done = subprocess.run(
        [sys.executable, *words], env=environ, capture_output=True, text=True, check=False
    )
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("this machine has NVIDIA's library")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_asked_for_none_nothing_is_started(bench: Bench) -> None:
    probe = bench.probe("none", CUDA_VISIBLE_DEVICES="0")
    probe.ask([JOB])
    assert probe.answer(PATIENCE) is None
    assert bench.nvml.calls("nvmlInitWithFlags") == 0
