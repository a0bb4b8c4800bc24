"""The machine's counters: the text of Linux's /proc → numbers, numbers → rates.

Only parsing and arithmetic belong here. What a text does not tell raises ValueError, whose
words are the reason that a reader gets.
"""

import re
from collections.abc import Iterable, Mapping

Counters = dict[str, tuple[int, int]]
"""By device: bytes in (read, received) and bytes out (written, sent), since it came up."""

_KINDS = (
    "user", "nice", "system", "idle", "iowait",
    "irq", "softirq", "steal", "guest", "guest_nice",
)  # fmt: skip
_MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
_SECTOR_BYTES = 512
_NVME_PATH = re.compile(r"(nvme\d+)c\d+(n\d+)")


def cpu_times(text: str) -> dict[str, int]:
    """The first line of /proc/stat: ticks of all CPUs together, by kind (proc_stat(5))."""
    name, *values = text.partition("\n")[0].split() or [""]
    if name != "cpu" or len(values) < 4:
        raise ValueError("/proc/stat has no line for all CPUs")
    return dict(zip(_KINDS, map(int, values), strict=False))


def cpu_percent(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """The busy part of the time between two readings of ``cpu_times``; 100: all CPUs.

    As psutil.cpu_percent has it (its _cpu_tot_time, _cpu_busy_time, _cpu_times_deltas): waiting
    for I/O is idle, stolen time is busy, a guest's time is not counted twice (it is in user and
    nice), and a kind that goes back, which proc_stat(5) says that iowait does, stands still.
    """
    spent = {kind: max(0.0, value - before.get(kind, 0)) for kind, value in now.items()}
    total = sum(spent.values()) - spent.get("guest", 0) - spent.get("guest_nice", 0)
    if total <= 0:
        raise ValueError("no CPU time has passed")
    busy = total - spent["idle"] - spent.get("iowait", 0)
    return round(min(max(busy / total, 0.0), 1.0) * 100, 1)


def memory(text: str) -> tuple[int | None, ...]:
    """Memory in all, memory available, swap in all, swap free: bytes (proc_meminfo(5)).

    None for what an old kernel does not tell (MemAvailable came with Linux 3.14).
    """
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in _MEMORY:
            found[name] = int(value.removesuffix(" kB")) * 1024
            if len(found) == len(_MEMORY):
                break
    return tuple(map(found.get, _MEMORY))


def network(text: str) -> Counters:
    """/proc/net/dev, every interface, the loopback too (proc_pid_net(5))."""
    found: Counters = {}
    for line in text.splitlines()[2:]:
        name, colon, rest = line.rpartition(":")
        values = rest.split(None, 9)
        if not colon or len(values) < 9:
            raise ValueError("/proc/net/dev has a line of another form")
        found[name.strip()] = int(values[0]), int(values[8])
    return found


def disks(text: str) -> Counters:
    """/proc/diskstats: every block device, the parts of others too.

    A sector is 512 bytes there, whatever the disk's are (Documentation/block/stat.rst). The
    short lines that Linux 2.6 had for partitions are passed over.
    """
    found: Counters = {}
    for line in text.splitlines():
        fields = line.split(None, 10)
        if len(fields) >= 10:
            found[fields[2]] = int(fields[5]) * _SECTOR_BYTES, int(fields[9]) * _SECTOR_BYTES
    return found


def without_nvme_heads(names: Iterable[str]) -> set[str]:
    """Of an NVMe disk with paths (nvme0c0n1) only these: its head (nvme0n1) has counted the
    same bytes since Linux 6.3, and none before."""
    every = set(names)
    return every - {match[1] + match[2] for name in every if (match := _NVME_PATH.fullmatch(name))}


def rates(before: Counters, now: Counters, seconds: float) -> tuple[float, float]:
    """Bytes per second in and out, of all devices together.

    A device that has come counts from the next reading on. One that has gone, or whose counter
    has gone back (made anew, or wrapped), leaves nothing that could be told: ValueError.
    """
    if seconds <= 0:
        raise ValueError("no time has passed")
    moved = [0, 0]
    for name, old in before.items():
        if name not in now:
            raise ValueError(f"{name} has gone")
        for way in (0, 1):
            difference = now[name][way] - old[way]
            if difference < 0:
                raise ValueError(f"a counter of {name} has gone back")
            moved[way] += difference
    return round(moved[0] / seconds, 1), round(moved[1] / seconds, 1)


_CPU_CHIPS = {"coretemp", "k8temp", "k10temp", "zenpower", "via_cputemp", "cpu_thermal"}
_PACKAGE_LABELS = ("Package id", "Tdie", "Tctl", "")


def package_temperature(sensors: Iterable[tuple[str, str, float]]) -> float:
    """The hottest CPU package's temperature, of (label, celsius) by chip.

    Which sensor that is: Documentation/hwmon/coretemp.rst ("Package id N"), k10temp.rst (Tdie,
    the true one; else Tctl, which has an offset on some). Where none is so named, the hottest
    of the chip's.
    """
    found = [(label, celsius) for chip, label, celsius in sensors if is_cpu_chip(chip)]
    for prefix in _PACKAGE_LABELS:
        if fitting := [celsius for label, celsius in found if label.startswith(prefix)]:
            return max(fitting)
    raise ValueError("no CPU sensor is offered")


def is_cpu_chip(name: str) -> bool:
    """Whether a hwmon of that name measures the CPU."""
    return name in _CPU_CHIPS
