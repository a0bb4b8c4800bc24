"""The host's own figures: CPU, memory, room, disks, network, temperature.

From Linux's /proc, through descriptors that stay open: psutil takes three times as long for the
same, and its sum of all disks counts device-mapper, RAID, loop and zram devices on top of the
disks below them (its is_storage_device has including_virtual = True).
"""

import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlterm.core import hostfiles

SELDOM = 10
"""The room on a disk and the temperature are read every tenth time, and stand in between."""

# What the system and its odd answers raise.
_FAILURES = (OSError, ValueError, LookupError)
_FIRST = "there is no reading before this one to compare with"
_LOOPBACKS = ("lo", "lo0")

_Part = tuple[tuple[str, ...], Callable[[], tuple[float | None, ...]]]
_Outcome = tuple[dict[str, float | None], dict[str, str]]


class Machine:
    """The host's figures, one reading after the other.

    ``disk``: a folder, of whose file system the room is told. A rate is of the time since the
    reading before, by ``clock`` (seconds, monotonic: asleep, it stands still). statvfs(2) hangs
    with a network file system whose server is gone: that is the log folder's then, where
    nothing could be written anyway, so no thread guards it.
    """

    def __init__(
        self,
        disk: Path,
        clock: Callable[[], float] = time.monotonic,
        *,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
    ) -> None:
        self._disk = disk
        self._clock = clock
        self._source = source = Source(proc, sys)
        self._cpu_times: dict[str, float] | None = None
        self._disks = _Rate(source.disks, "no disk is told of")
        self._network = _Rate(source.network, "there is no interface but the loopback")
        self._reads = 0
        self._seldom: _Outcome = {}, {}
        self._parts: list[_Part] = [
            (("cpu_percent",), self._cpu),
            (("cores",), lambda: (os.sysconf("SC_NPROCESSORS_ONLN"),)),
            (("load_1m", "load_5m", "load_15m"), self._load),
            (
                (
                    "memory_used_bytes", "memory_total_bytes", "memory_available_bytes",
                    "swap_used_bytes", "swap_total_bytes",
                ),
                self._memory,
            ),
            (
                ("disk_read_bytes_per_second", "disk_written_bytes_per_second"),
                lambda: self._disks.read(self._clock()),
            ),
            (
                ("network_received_bytes_per_second", "network_sent_bytes_per_second"),
                lambda: self._network.read(self._clock()),
            ),
        ]  # fmt: skip
        self._seldom_parts: list[_Part] = [
            (("disk_free_bytes", "disk_total_bytes"), self._room),
            (("temperature_celsius",), lambda: (source.temperature(),)),
        ]

    def read(self) -> dict[str, Any]:
        """The figures now. Never raises.

        ``cpu_percent`` is of the whole host (100: every core busy) since the last reading;
        ``cores`` are the logical ones that are online. ``memory_used_bytes`` is total less
        available, as free(1) has it since procps 4. ``disk_free_bytes`` is what one who is not
        root may still write. Bytes per second are of all whole disks, and of all interfaces
        with a device behind them: those that bridge, tunnel or bond would count the same bytes
        again. Where none has one, as in a container, they are of all but the loopback; a
        container that has been given a device of its own is told of that alone.
        ``temperature_celsius`` is the hottest CPU package's. The room and the temperature are
        up to SELDOM readings old.

        What cannot be read is None, and ``unavailable`` has the reason by field.
        """
        if self._reads % SELDOM == 0:
            self._seldom = _take(self._seldom_parts)
        self._reads += 1
        values, reasons = _take(self._parts)
        record: dict[str, Any] = values | self._seldom[0]
        if unavailable := reasons | self._seldom[1]:
            record["unavailable"] = unavailable
        return record

    def _cpu(self) -> tuple[float]:
        before, self._cpu_times = self._cpu_times, None  # a failure leaves nothing to compare with
        self._cpu_times = self._source.cpu_times()
        if before is None:
            raise ValueError(_FIRST)
        return (hostfiles.cpu_percent(before, self._cpu_times),)

    def _load(self) -> tuple[float, ...]:
        return tuple(round(load, 2) for load in os.getloadavg())

    def _memory(self) -> tuple[int | None, ...]:
        total, available, swap_total, swap_free = self._source.memory()
        used = swap_used = None
        if total is not None and available is not None and available <= total:
            used = total - available
        if swap_total is not None and swap_free is not None:
            swap_used = swap_total - swap_free
        return used, total, available, swap_used, swap_total

    def _room(self) -> tuple[int, int]:
        room = os.statvfs(self._disk)
        return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize


def _take(parts: list[_Part]) -> _Outcome:
    """Values and, for those that are None, reasons: one failing part does not touch another."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for names, part in parts:
        reason = "the system does not tell it"
        try:
            told = part()
        except _FAILURES as error:
            reason = _reason(error)
            told = (None,) * len(names)
        values.update(zip(names, told, strict=True))
        reasons.update({name: reason for name in names if values[name] is None})
    return values, reasons


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


class _Rate:
    """Counters that are compared with those of the reading before."""

    def __init__(self, counters: Callable[[], hostfiles.Counters], none: str) -> None:
        self._counters = counters
        self._none = none
        self._before: tuple[float, hostfiles.Counters] | None = None

    def read(self, now: float) -> tuple[float, float]:
        """Bytes per second in and out since the last reading."""
        before, self._before = self._before, None
        counters = self._counters()
        if not counters:
            raise ValueError(self._none)
        self._before = now, counters
        if before is None:
            raise ValueError(_FIRST)
        return hostfiles.rates(before[1], counters, now - before[0])


class Source:
    """/proc and /sys."""

    def __init__(self, proc: Path, sys: Path) -> None:
        self._sys = sys
        self._stat = _Kept(proc / "stat")
        self._meminfo = _Kept(proc / "meminfo")
        self._diskstats = _Kept(proc / "diskstats")
        self._net = _Kept(proc / "net" / "dev")
        self._real: dict[str, dict[str, bool]] = {}

    def cpu_times(self) -> dict[str, float]:
        """See hostfiles.cpu_times. Only the beginning is copied; the kernel makes the whole text,
        with a number an interrupt, for whoever asks for a part of it (single_open(), seq_file)."""
        return dict(hostfiles.cpu_times(self._stat.beginning()))

    def memory(self) -> tuple[int | None, ...]:
        """See hostfiles.memory."""
        return hostfiles.memory(self._meminfo.all())

    def disks(self) -> hostfiles.Counters:
        """The whole disks, which alone have a device behind them: partitions, device-mapper,
        RAID, loop and zram have not. (Nor has a network block device of nbd's.)"""
        counters = hostfiles.disks(self._diskstats.all())
        real = hostfiles.without_nvme_heads(self._with_device("block", counters))
        return {name: counters[name] for name in real}

    def network(self) -> hostfiles.Counters:
        """The interfaces with a device behind them, else all but the loopback."""
        counters = hostfiles.network(self._net.all())
        names = self._with_device("class/net", counters) or counters.keys() - set(_LOOPBACKS)
        return {name: counters[name] for name in names}

    def _with_device(self, kind: str, names: Iterable[str]) -> set[str]:
        """Those with a device behind them; looked up once, as long as the name stays."""
        known = self._real.get(kind, {})
        folder = self._sys / kind
        self._real[kind] = {
            name: known[name]
            if name in known
            else os.path.exists(folder / name.replace("/", "!") / "device")  # sysfs: cciss!c0d0
            for name in names
        }
        return {name for name, real in self._real[kind].items() if real}

    def temperature(self) -> float:
        """See hostfiles.package_temperature (Documentation/hwmon/sysfs-interface.rst).

        Only the CPU's own sensors are read. psutil reads every one, which may keep a disk from
        its sleep (drivetemp) or stop the machine for a while (dell-smm).
        """
        return round(hostfiles.package_temperature(self._sensors()), 1)

    def _sensors(self) -> Iterator[tuple[str, str, float]]:
        for named in sorted(self._sys.glob("class/hwmon/hwmon*/name")):
            chip = ""
            with suppress(OSError):
                chip = named.read_text().strip()
            for file in named.parent.glob("temp*_input") if hostfiles.is_cpu_chip(chip) else ():
                label = ""
                with suppress(OSError):
                    label = Path(str(file).removesuffix("input") + "label").read_text().strip()
                with suppress(OSError, ValueError):  # one that gives no answer
                    yield chip, label, int(file.read_text()) / 1000


class _Kept:
    """A file of /proc that stays open: opening it each time takes as long again."""

    _SIZE = 65536

    def __init__(self, path: Path) -> None:
        self._path = path
        self._close: weakref.finalize[[int], _Kept] | None = None
        self._number = -1

    def beginning(self) -> str:
        return self._read(0, 512).decode("utf-8", "replace")

    def all(self) -> str:
        # Of a file of many lines, the kernel may give a page at a time.
        data = b""
        while piece := self._read(len(data), self._SIZE):
            data += piece
        return data.decode("utf-8", "replace")

    def _read(self, offset: int, size: int) -> bytes:
        try:
            if self._close is None:
                self._number = os.open(self._path, os.O_RDONLY)
                self._close = weakref.finalize(self, os.close, self._number)
            return os.pread(self._number, size, offset)
        except OSError as error:
            if self._close is not None:
                self._close()
                self._close = None
            error.filename = str(self._path)
            raise
