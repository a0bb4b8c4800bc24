import pytest

from mlterm.core import hostfiles

STAT = "cpu  400 10 90 1000 50 5 15 30 100 4\ncpu0 1 2 3 4\nintr 99 1 2\n"


def times(**kinds: float) -> dict[str, float]:
    return {"user": 0, "nice": 0, "system": 0, "idle": 0, **kinds}


def test_the_first_line_is_of_all_cpus() -> None:
    found = hostfiles.cpu_times(STAT)
    assert (found["user"], found["idle"], found["iowait"], found["guest_nice"]) == (
        400, 1000, 50, 4,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "\n", "cpu\n", "cpu 1 2 3\n", "cpu0 1 2 3 4\n", "cpu a b c d"]
)
def test_a_line_of_another_form_is_no_line_of_the_cpus(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        hostfiles.cpu_times(text)


@pytest.mark.parametrize(
    ("now", "percent"),
    [
        (times(user=30, idle=70), 30.0),
        (times(user=30, idle=30, iowait=40), 30.0),
        (times(user=20, steal=10, idle=70), 30.0),
        (times(user=30, nice=10, guest=30, guest_nice=10, idle=60), 40.0),
        (times(idle=100), 0.0),
        (times(system=5, irq=3, softirq=2), 100.0),
        (times(user=0, guest=50, idle=100), 0.0),
    ],
    ids=["plain", "waiting is idle", "stolen is busy", "guests are in user and nice", "idle",
         "interrupts are busy", "more guest than user"],
)  # fmt: skip
def test_the_busy_part_of_the_time(now: dict[str, float], percent: float) -> None:
    assert hostfiles.cpu_percent(times(), now) == percent


def test_a_kind_that_goes_back_stands_still() -> None:
    before = times(user=100, idle=100, iowait=50)
    assert hostfiles.cpu_percent(before, times(user=150, idle=150, iowait=10)) == 50.0


def test_without_time_there_is_no_part_of_it() -> None:
    with pytest.raises(ValueError, match="no CPU time"):
        hostfiles.cpu_percent(times(user=5), times(user=5))


def test_memory_is_in_bytes() -> None:
    text = (
        "MemTotal:       16000 kB\nMemFree:  1 kB\nMemAvailable:    9000 kB\n"
        "SwapCached:  7 kB\nSwapTotal:   100 kB\nSwapFree:    40 kB\nHugePages_Total:  0\n"
    )
    assert hostfiles.memory(text) == (16384000, 9216000, 102400, 40960)


def test_what_an_old_kernel_does_not_tell_is_none() -> None:
    assert hostfiles.memory("MemTotal:  10 kB\nMemFree:  5 kB\n") == (10240, None, None, None)
    assert hostfiles.memory("") == (None, None, None, None)


NET = (
    "Inter-|   Receive                    |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes  packets\n"
    "    lo:   12181     119    0    0    0     0          0         0    99     119    0\n"
    "  eth0:1270680607   33823    0    0    0     0          0         0  2374741   21073\n"
    "eth0:1: 7 0 0 0 0 0 0 0 8 0\n"
)


def test_an_interface_has_bytes_in_and_out() -> None:
    """A large number touches the colon; an alias has one in its name."""
    assert hostfiles.network(NET) == {
        "lo": (12181, 99), "eth0": (1270680607, 2374741), "eth0:1": (7, 8),
    }  # fmt: skip
    assert hostfiles.network("") == {}


@pytest.mark.parametrize(
    "line", ["eth0 1 2 3 4 5 6 7 8 9", "eth0: 1 2 3", "eth0: a 0 0 0 0 0 0 0 b"]
)
def test_a_line_of_another_form_is_no_interface(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        hostfiles.network(f"-\n-\n{line}\n")


def test_a_disk_has_sectors_of_512_bytes() -> None:
    text = (
        " 259  0 nvme0n1 216639 40293 1000 323701 47102 381282 200 124584 0 51020 460507 1 2 3 4\n"
        "   8  1 sda1 1 2 3 4\n"
        "   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
        "\n"
    )
    assert hostfiles.disks(text) == {"nvme0n1": (512000, 102400), "sda": (1536, 3584)}


def test_a_disk_of_several_paths_is_counted_at_these() -> None:
    names = ["nvme0n1", "nvme0c0n1", "nvme0c1n1", "nvme1n1", "sda"]
    assert hostfiles.without_nvme_heads(names) == {"nvme0c0n1", "nvme0c1n1", "nvme1n1", "sda"}


def test_rates_are_of_all_devices_together() -> None:
    before = {"a": (100, 10), "b": (0, 0)}
    now = {"a": (300, 10), "b": (100, 50), "new": (10**12, 10**12)}
    assert hostfiles.rates(before, now, 2.0) == (150.0, 25.0)


@pytest.mark.parametrize(
    ("now", "seconds", "reason"),
    [
        ({"a": (50, 60), "b": (9, 9)}, 1.0, "counter of a has gone back"),
        ({"a": (200, 40), "b": (9, 9)}, 1.0, "counter of a has gone back"),
        ({"b": (9, 9)}, 1.0, "a has gone"),
        ({"a": (200, 60), "b": (9, 9)}, 0.0, "no time has passed"),
        ({"a": (200, 60), "b": (9, 9)}, -1.0, "no time has passed"),
    ],
)
def test_what_cannot_be_compared_has_no_rate(
    now: hostfiles.Counters, seconds: float, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        hostfiles.rates({"a": (100, 50), "b": (0, 0)}, now, seconds)


@pytest.mark.parametrize(
    ("sensors", "celsius"),
    [
        ([("coretemp", "Core 0", 80.0), ("coretemp", "Package id 0", 70.0)], 70.0),
        ([("coretemp", "Package id 0", 70.0), ("coretemp", "Package id 1", 75.0)], 75.0),
        ([("k10temp", "Tctl", 97.0), ("k10temp", "Tdie", 70.0)], 70.0),
        ([("k10temp", "Tctl", 60.0), ("k10temp", "Tccd1", 65.0)], 60.0),
        ([("cpu_thermal", "", 45.5), ("nvme", "Composite", 80.0)], 45.5),
    ],
)
def test_the_cpus_own_sensor_is_chosen(
    sensors: list[tuple[str, str, float]], celsius: float
) -> None:
    assert hostfiles.package_temperature(sensors) == celsius


def test_other_sensors_are_not_the_cpus() -> None:
    with pytest.raises(ValueError, match="no CPU sensor"):
        hostfiles.package_temperature([("nvme", "Composite", 40.0), ("acpitz", "", 20.0)])
