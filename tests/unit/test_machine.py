import gc
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlterm.system.machine import SELDOM, Machine
from tests.support import wait_until

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="reads Linux's /proc")

FIELDS = {
    "cpu_percent", "cores", "load_1m", "load_5m", "load_15m",
    "memory_used_bytes", "memory_total_bytes", "memory_available_bytes",
    "swap_used_bytes", "swap_total_bytes", "disk_free_bytes", "disk_total_bytes",
    "disk_read_bytes_per_second", "disk_written_bytes_per_second",
    "network_received_bytes_per_second", "network_sent_bytes_per_second", "temperature_celsius",
}  # fmt: skip
COMPARED = {name for name in FIELDS if name == "cpu_percent" or name.endswith("_per_second")}
HEADER = "Inter-| Receive | Transmit\n face |bytes |bytes\n"


class Canned:
    """A machine of files, with a clock that is set by hand."""

    def __init__(self, path: Path) -> None:
        self.proc, self.sys = path / "proc", path / "sys"
        self.now = 100.0
        self.log = path / "logs"
        self.log.mkdir()
        self.put("proc/stat", "cpu 100 0 0 100\n")
        self.put(
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 8 kB\nSwapFree: 6 kB\n",
        )
        self.disks(sda=(0, 0))
        self.network(eth0=(0, 0))
        self.device("block/sda")
        self.device("class/net/eth0")
        self.machine = Machine(self.log, lambda: self.now, proc=self.proc, sys=self.sys)

    def put(self, name: str, text: str) -> Path:
        path = self.proc.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def device(self, name: str) -> None:
        (self.sys / name / "device").mkdir(parents=True)

    def disks(self, **sectors: tuple[int, int]) -> None:
        lines = [f"8 0 {name} 1 1 {a} 1 1 1 {b} 1 0 1 1\n" for name, (a, b) in sectors.items()]
        self.put("proc/diskstats", "".join(lines))

    def network(self, **values: tuple[int, int]) -> None:
        lines = [f"{name}: {a} 1 0 0 0 0 0 0 {b} 1\n" for name, (a, b) in values.items()]
        self.put("proc/net/dev", HEADER + "".join(lines))

    def read(self, seconds: float = 1.0) -> dict[str, Any]:
        self.now += seconds
        return self.machine.read()


@pytest.fixture
def canned(tmp_path: Path) -> Canned:
    return Canned(tmp_path)


def test_the_first_reading_has_no_rates_and_says_so(canned: Canned) -> None:
    record = canned.read()
    assert set(record) == FIELDS | {"unavailable"}
    assert {name for name in FIELDS if record[name] is None} == COMPARED | {"temperature_celsius"}
    assert set(record["unavailable"]) == COMPARED | {"temperature_celsius"}
    assert "no reading before" in record["unavailable"]["cpu_percent"]


def test_used_memory_is_what_is_not_available(canned: Canned) -> None:
    record = canned.read()
    assert record["memory_used_bytes"] == 600 * 1024
    assert record["memory_total_bytes"] == 1000 * 1024
    assert record["memory_available_bytes"] == 400 * 1024
    assert (record["swap_used_bytes"], record["swap_total_bytes"]) == (2048, 8192)


def test_more_memory_available_than_there_is_tells_nothing_of_the_used(canned: Canned) -> None:
    canned.put("proc/meminfo", "MemTotal: 10 kB\nMemAvailable: 20 kB\n")
    record = canned.read()
    assert (record["memory_used_bytes"], record["memory_total_bytes"]) == (None, 10240)
    assert {"memory_used_bytes", "swap_total_bytes"} <= record["unavailable"].keys()


def test_rates_are_of_the_time_between_two_readings(canned: Canned) -> None:
    canned.read()
    canned.put("proc/stat", "cpu 130 0 0 170\n")
    canned.disks(sda=(8, 4))
    canned.network(eth0=(1000, 500))
    record = canned.read(2.0)
    assert record["cpu_percent"] == 30.0
    assert record["disk_read_bytes_per_second"] == 8 * 512 / 2
    assert record["disk_written_bytes_per_second"] == 4 * 512 / 2
    assert record["network_received_bytes_per_second"] == 500.0
    assert record["network_sent_bytes_per_second"] == 250.0
    assert set(record["unavailable"]) == {"temperature_celsius"}


def test_a_counter_that_goes_back_gives_one_sample_without_a_rate(canned: Canned) -> None:
    canned.network(eth0=(10**9, 10**9))
    canned.read()
    canned.network(eth0=(10, 10))
    record = canned.read()
    assert record["network_received_bytes_per_second"] is None
    assert "eth0" in record["unavailable"]["network_received_bytes_per_second"]
    assert record["disk_read_bytes_per_second"] == 0.0
    canned.network(eth0=(30, 10))
    assert canned.read()["network_received_bytes_per_second"] == 20.0


def test_a_disk_that_is_unplugged_and_comes_back_makes_no_spike(canned: Canned) -> None:
    canned.device("block/sdb")
    canned.disks(sda=(0, 0), sdb=(1000, 0))
    canned.read()
    canned.disks(sda=(2, 0))
    assert canned.read()["disk_read_bytes_per_second"] is None
    canned.disks(sda=(4, 0), sdb=(5000, 0))
    assert canned.read()["disk_read_bytes_per_second"] == 1024.0
    canned.disks(sda=(4, 0), sdb=(5002, 0))
    assert canned.read()["disk_read_bytes_per_second"] == 1024.0


def test_only_whole_disks_count(canned: Canned) -> None:
    others = {"sda1": (0, 0), "dm-0": (0, 0), "md0": (0, 0), "loop0": (0, 0), "zram0": (0, 0)}
    canned.disks(sda=(0, 0), **others)
    canned.read()
    canned.disks(sda=(2, 0), **dict.fromkeys(others, (2, 0)))
    assert canned.read()["disk_read_bytes_per_second"] == 1024.0


def test_a_disk_whose_name_has_a_slash_is_found(canned: Canned) -> None:
    canned.device("block/cciss!c0d0")
    canned.disks(**{"cciss/c0d0": (0, 0)})
    canned.read()
    canned.disks(**{"cciss/c0d0": (2, 0)})
    assert canned.read()["disk_read_bytes_per_second"] == 1024.0


def test_a_machine_without_disks_says_so(canned: Canned) -> None:
    canned.disks(loop0=(0, 0))
    assert "no disk" in canned.read()["unavailable"]["disk_read_bytes_per_second"]


def test_what_lies_upon_an_interface_is_not_counted_again(canned: Canned) -> None:
    others = {"lo": (0, 0), "docker0": (0, 0), "veth1": (0, 0), "tun0": (0, 0)}
    canned.network(eth0=(0, 0), **others)
    canned.read()
    canned.network(eth0=(7, 0), **dict.fromkeys(others, (7, 0)))
    assert canned.read()["network_received_bytes_per_second"] == 7.0


def test_without_devices_all_but_the_loopback_count(canned: Canned) -> None:
    canned.network(lo=(0, 0), net1=(0, 0), veth7=(0, 0))
    canned.read()
    canned.network(lo=(9, 9), net1=(1, 2), veth7=(1, 2))
    record = canned.read()
    assert record["network_received_bytes_per_second"] == 2.0
    assert record["network_sent_bytes_per_second"] == 4.0


def test_a_loopback_alone_is_no_network(canned: Canned) -> None:
    canned.network(lo=(0, 0))
    reasons = canned.read()["unavailable"]
    assert "loopback" in reasons["network_sent_bytes_per_second"]


def test_a_clock_that_stands_still_gives_no_rate(canned: Canned) -> None:
    canned.read()
    assert "no time" in canned.read(0.0)["unavailable"]["disk_read_bytes_per_second"]


@pytest.mark.parametrize("text", ["", "rubbish\n", "cpu x y z w\n", "a:b\n" * 10, "\xff\0"])
def test_rubbish_is_none_with_a_reason(canned: Canned, text: str) -> None:
    for name in ("stat", "meminfo", "diskstats", "net/dev"):
        canned.put(f"proc/{name}", text)
    record = canned.read()
    told = {name for name in FIELDS if record[name] is not None}
    assert told == {
        "cores",
        "load_1m",
        "load_5m",
        "load_15m",
        "disk_free_bytes",
        "disk_total_bytes",
    }
    assert set(record["unavailable"]) == FIELDS - told


def test_a_file_that_is_missing_is_named_and_read_when_it_comes(canned: Canned) -> None:
    stat = canned.proc / "stat"
    stat.unlink()
    reason = canned.read()["unavailable"]["cpu_percent"]
    assert reason == f"{stat}: No such file or directory"
    canned.put("proc/stat", "cpu 0 0 0 0\n")
    canned.read()
    canned.put("proc/stat", "cpu 1 0 0 1\n")
    assert canned.read()["cpu_percent"] == 50.0


def test_a_reading_that_failed_is_not_compared_with_the_one_before_it(canned: Canned) -> None:
    canned.read()
    canned.put("proc/stat", "rubbish\n")
    canned.put("proc/net/dev", HEADER + "rubbish\n")
    assert canned.read()["cpu_percent"] is None
    canned.put("proc/stat", "cpu 200 0 0 100\n")
    canned.network(eth0=(5, 5))
    record = canned.read()
    assert (record["cpu_percent"], record["network_sent_bytes_per_second"]) == (None, None)
    canned.put("proc/stat", "cpu 200 0 0 200\n")
    record = canned.read()
    assert (record["cpu_percent"], record["network_sent_bytes_per_second"]) == (0.0, 0.0)


def test_a_long_file_is_read_to_its_end(canned: Canned) -> None:
    many = {f"veth{number}": (0, 0) for number in range(5000)}
    canned.network(**many, eth0=(0, 0))
    assert (canned.proc / "net/dev").stat().st_size > 2 * 65536
    canned.read()
    canned.network(**many, eth0=(5, 0))
    assert canned.read()["network_received_bytes_per_second"] == 5.0


def test_room_and_temperature_are_up_to_ten_readings_old(canned: Canned) -> None:
    canned.put("sys/class/hwmon/hwmon3/name", "coretemp\n")
    canned.put("sys/class/hwmon/hwmon3/temp1_label", "Package id 0\n")
    canned.put("sys/class/hwmon/hwmon3/temp1_input", "61000\n")
    canned.put("sys/class/hwmon/hwmon3/temp2_input", "99000\n")
    canned.put("sys/class/hwmon/hwmon3/temp3_input", "not now\n")
    canned.put("sys/class/hwmon/hwmon4/name", "nvme\n")
    canned.put("sys/class/hwmon/hwmon4/temp1_input", "88000\n")
    assert canned.read()["temperature_celsius"] == 61.0
    canned.put("sys/class/hwmon/hwmon3/temp1_input", "72500\n")
    canned.log.rmdir()
    for _ in range(SELDOM - 1):
        record = canned.read()
        assert record["temperature_celsius"] == 61.0
        assert record["disk_free_bytes"] > 0
    record = canned.read()
    assert record["temperature_celsius"] == 72.5
    assert record["disk_free_bytes"] is None
    assert str(canned.log) in record["unavailable"]["disk_free_bytes"]
    canned.log.mkdir()
    assert "disk_free_bytes" in canned.read()["unavailable"]


def test_the_real_machine_is_as_psutil_sees_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.read()
    psutil.cpu_percent()
    start = sum(psutil.cpu_times())
    wait_until(lambda: sum(psutil.cpu_times()) > start + 0.4, "the CPUs' clocks to tick")
    record, percent = machine.read(), psutil.cpu_percent()
    memory, swap, disk = (
        psutil.virtual_memory(),
        psutil.swap_memory(),
        psutil.disk_usage(str(tmp_path)),
    )
    near = pytest.approx
    assert record["cores"] == psutil.cpu_count()
    assert record["memory_total_bytes"] == memory.total
    assert record["memory_available_bytes"] == near(memory.available, abs=memory.total / 10)
    assert (
        record["memory_used_bytes"]
        == record["memory_total_bytes"] - record["memory_available_bytes"]
    )
    assert (record["swap_total_bytes"], record["disk_total_bytes"]) == (swap.total, disk.total)
    assert record["disk_free_bytes"] == near(disk.free, abs=disk.total / 10)
    assert record["cpu_percent"] == near(percent, abs=20)  # a tick of some forty is 2.5
    assert 0 <= record["cpu_percent"] <= 100
    assert record["load_1m"] == near(psutil.getloadavg()[0], abs=5)
    for name in COMPARED | {"temperature_celsius"}:
        assert record[name] is None or record[name] >= 0
    assert all(record[name] is None for name in record.get("unavailable", {}))


def test_a_machine_that_is_dropped_leaves_no_file_open(tmp_path: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    gc.collect()  # those of other tests
    before = open_files()
    machine = Machine(tmp_path)
    machine.read()
    assert open_files() > before
    del machine
    gc.collect()
    assert open_files() == before
