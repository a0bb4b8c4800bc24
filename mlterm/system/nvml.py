"""NVIDIA's GPUs, read through NVML: the driver's coming and going, its devices, who uses them.

pynvml is imported here and nowhere else. Facts are from NVIDIA's NVML API Reference.
"""

import ctypes
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlterm.core.devices import Device, attribution_problem, shown
from mlterm.system.gpu import EVERYTHING, GpuReading, blank, identity
from mlterm.system.nvmlerrors import (
    DEVICE_IS_GONE,
    DRIVER_IS_GONE,
    MISMATCH,
    NO_DEVICE,
    NO_LIBRARY,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_LOADED,
    NOT_OFFERED,
    Unreadable,
    code_of,
    reason_of,
)
from mlterm.system.nvmlunit import Rates, Unit

RELIST_QUESTIONS = 60
"""After so many, devices are listed and what was not supported is asked for again."""
REOPEN_QUESTIONS, MOST_REOPEN_QUESTIONS = 10, 640
"""After so many a driver or device that is gone is tried again, then after twice as many: it
may take seconds, and NVML may run nvidia-modprobe for it."""
XID_ERRORS = 16
_PERIOD_MICROSECONDS = 1_000_000  # a sample of utilisation is of 1/6 to 1 second
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_NOTHING_THERE = {NOT_LOADED, NO_LIBRARY, NO_DEVICE}


class NvmlReader:
    """A GpuReader of what the driver tells now; whatever it does, nothing is raised."""

    def __init__(
        self,
        environ: Mapping[str, str],
        selection: str,
        *,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        import pynvml

        self._nvml: Any = pynvml
        self._environ = environ
        self._selection = selection
        self._proc = proc
        self._contained = is_contained(proc)
        self._clock = clock
        self._wall = wall
        self._began = self._wall_microseconds()
        self._questions = 0
        self._reason: str | None = None
        self._opened = False
        self._open_again_at = 0
        self._pause_questions = REOPEN_QUESTIONS
        self._units: dict[Device, Unit | str] = {}
        self._shown: list[Device] = []
        self._events: Any = None
        self._watched: dict[int, Device] = {}
        self._xids: dict[Device, list[int]] = {}
        self._rates: dict[Device, Rates] = {}
        self._seen: dict[Device, int] = {}
        self.is_spent = False

    def read(self, pids: Collection[int], used: Collection[str]) -> GpuReading | None:
        """One sample (see GpuReader)."""
        self._questions += 1
        try:
            if self._open_again_at and self._questions >= self._open_again_at:
                self._close()
            if self._reason is not None:
                return self._without_driver()
            if not self._opened:
                self._open()
            elif self._questions % RELIST_QUESTIONS == 0:
                self._list_devices()
            return self._sample(frozenset(pids), used) if self._units else None
        except self._nvml.NVMLError as error:
            self._close()
            self._reason = reason_of(error)
            self._try_again_later()
            self.is_spent = code_of(error) == MISMATCH  # the library is loaded once a process
            if not self._units and code_of(error) in _NOTHING_THERE:
                return None
            return self._without_driver()

    def _without_driver(self) -> GpuReading:
        assert self._reason is not None
        gpus = [blank(device, self._reason) for device in self._shown]
        return GpuReading(gpus, {}, {"gpus": self._reason})

    def _open(self) -> None:
        self._nvml.nvmlInit()
        self._opened = True
        self._list_devices()
        self._watch_errors()

    def _close(self) -> None:
        self._reason, self._open_again_at = None, 0
        self._watched = {}
        with suppress(self._nvml.NVMLError, AttributeError):
            if self._events is not None:
                self._nvml.nvmlEventSetFree(self._events)
        with suppress(self._nvml.NVMLError):
            if self._opened:
                self._nvml.nvmlShutdown()
        self._events, self._opened = None, False

    def _list_devices(self) -> None:
        """All of them, each followed by its instances. One that is listed no more stays, gone."""
        units: dict[Device, Unit | str] = {}
        for index in range(self._nvml.nvmlDeviceGetCount()):
            try:
                units |= self._parts(index)
            except self._nvml.NVMLError as error:
                if code_of(error) in DRIVER_IS_GONE:
                    raise
                known = [d for d in self._units if d.index == index and d.mig is None]
                device = known[0] if known else Device(index, None, None)
                units[device] = reason_of(error)
                if code_of(error) != NO_PERMISSION:
                    self._try_again_later()
        present = {device.index for device in units}
        gone = [device for device in self._units if device.index not in present]
        self._units = units | dict.fromkeys(gone, "the device is gone")

    def _parts(self, index: int) -> dict[Device, Unit]:
        """A GPU and its instances."""
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        handles = {Device(index, *self._names(handle)): handle}
        for mig, instance in self._instances(handle):
            handles[Device(index, *self._names(instance), mig)] = instance
        return {device: Unit(self._nvml, device, h) for device, h in handles.items()}

    def _names(self, handle: Any) -> tuple[str, str]:
        return self._nvml.nvmlDeviceGetUUID(handle), self._nvml.nvmlDeviceGetName(handle)

    def _instances(self, handle: Any) -> Iterator[tuple[int, Any]]:
        """Of a GPU in MIG mode: there are at most so many, and gaps between them."""
        try:
            if not self._nvml.nvmlDeviceGetMigMode(handle)[0]:
                return
            most = self._nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
        except (self._nvml.NVMLError, AttributeError) as error:
            if code_of(error) in DRIVER_IS_GONE | DEVICE_IS_GONE:
                raise
            return
        for mig in range(most):
            with suppress(self._nvml.NVMLError):
                yield mig, self._nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, mig)

    def _sample(self, pids: frozenset[int], used: Collection[str]) -> GpuReading:
        self._collect_errors()
        unavailable: dict[str, str] = {}
        listed: dict[Device, dict[int, int | None]] = {}
        partitioned = {device.index for device in self._units if device.mig is not None}
        for device, unit in self._units.items():
            if isinstance(unit, Unit) and (device.mig is not None) == (device.index in partitioned):
                try:
                    listed[device] = unit.processes()
                except Unreadable as error:
                    unavailable["processes"] = error.reason
                except self._nvml.NVMLError as error:
                    self._lose(device, error)
        everyone = {pid for processes in listed.values() for pid in processes}
        problem = attribution_problem(
            pids, everyone, self._here(everyone), contained=self._contained, proven=bool(used)
        )
        if problem:
            listed = {}
            unavailable.setdefault("processes", problem)
        ours = {d: {p: m for p, m in of.items() if p in pids} for d, of in listed.items()}
        ours = {device: processes for device, processes in ours.items() if processes}
        self._shown = shown(
            list(self._units),
            selection=self._selection,
            visible=self._environ.get("CUDA_VISIBLE_DEVICES"),
            order=self._environ.get("CUDA_DEVICE_ORDER"),
            used={*used, *(device.uuid for device in ours if device.uuid)},
            attributed="processes" not in unavailable,
        )
        gpus = [self._record(device) for device in self._shown]
        if not self._open_again_at:
            self._pause_questions = REOPEN_QUESTIONS
        by_pid: dict[int, list[dict[str, Any]]] = {}
        for device, processes in ours.items():
            for pid, entry in self._entries(device, processes):
                by_pid.setdefault(pid, []).append(entry)
        return GpuReading(gpus, by_pid, unavailable)

    def _record(self, device: Device) -> dict[str, Any]:
        unit = self._units[device]
        record = None
        if isinstance(unit, Unit):
            try:
                rates = self._rates.setdefault(device, Rates())
                record = unit.figures(rates, self._clock())
                if EVERYTHING in record.get("unavailable", ()):
                    self._try_again_later()
            except self._nvml.NVMLError as error:
                unit = self._lose(device, error)
        if record is None:
            record = blank(device, str(unit))
        if device in self._watched.values():
            record["xid_errors"] = list(self._xids.get(device, ()))
        return record

    def _lose(self, device: Device, error: Exception) -> str:
        """A device that is gone, until the driver is opened again; the reason."""
        if code_of(error) in DRIVER_IS_GONE:
            raise error
        self._units[device] = reason = reason_of(error)
        self._try_again_later()
        return reason

    def _try_again_later(self) -> None:
        if not self._open_again_at:
            self._open_again_at = self._questions + self._pause_questions
            self._pause_questions = min(2 * self._pause_questions, MOST_REOPEN_QUESTIONS)

    def _here(self, pids: Collection[int]) -> set[int]:
        if not self._contained:
            return set()
        return {pid for pid in pids if (self._proc / str(pid)).exists()}

    def _entries(
        self, device: Device, processes: dict[int, int | None]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """What is told of each process on this device."""
        head = {k: v for k, v in identity(device).items() if k in ("index", "mig")}
        try:
            utilization: dict[int, int] | None = self._utilization(device)
            reason = ""
        except Unreadable as error:
            utilization, reason = None, error.reason
        for pid, memory in processes.items():
            entry = head | {
                "memory_bytes": memory,
                "utilization_percent": None if utilization is None else utilization.get(pid, 0),
            }
            why = {} if memory is not None else {"memory_bytes": "not available"}
            why |= {} if utilization is not None else {"utilization_percent": reason}
            yield pid, entry | ({"unavailable": why} if why else {})

    def _utilization(self, device: Device) -> dict[int, int]:
        """Of those that were not idle: the percentage of the time in which they ran on an SM.

        Of several samples the newest, as the device's own utilisation is that of its latest
        period; a mean would be too high, as there are no samples of idle periods. The
        driver keeps older ones: those before this reading began, and those seen, are not
        asked for, but always the last second's, in which an older one may still hold.
        None since (NOT_FOUND) means idle. Raises Unreadable.
        """
        unit = self._units[device]
        if not isinstance(unit, Unit):
            raise Unreadable(unit)
        if device.mig is not None:
            raise Unreadable("not offered for MIG instances")
        seen = self._seen.get(device, self._began - _PERIOD_MICROSECONDS)
        since = min(seen, self._wall_microseconds() - _PERIOD_MICROSECONDS)
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(unit.handle, since)
        except AttributeError:
            raise Unreadable(NOT_OFFERED) from None
        except self._nvml.NVMLError as error:
            if code_of(error) == NOT_FOUND:
                return {}
            raise Unreadable(reason_of(error)) from None
        # Some drivers leave slots of the array as they are: no time, or no percentage.
        valid = [s for s in samples if s.timeStamp > since and s.smUtil <= 100]
        self._seen[device] = max([seen, *(sample.timeStamp for sample in valid)])
        return {s.pid: s.smUtil for s in sorted(valid, key=lambda sample: sample.timeStamp)}

    def _wall_microseconds(self) -> int:
        return int(self._wall() * 1_000_000)

    def _watch_errors(self) -> None:
        """Have the driver note critical (Xid) errors; nothing where it cannot."""
        try:
            self._events = self._nvml.nvmlEventSetCreate()
        except (self._nvml.NVMLError, AttributeError):
            return
        for device, unit in self._units.items():
            if isinstance(unit, Unit) and device.mig is None:
                with suppress(self._nvml.NVMLError):
                    kind = self._nvml.nvmlEventTypeXidCriticalError
                    self._nvml.nvmlDeviceRegisterEvents(unit.handle, kind, self._events)
                    self._watched[_address(unit.handle)] = device

    def _collect_errors(self) -> None:
        """Those since the last question, without waiting; each number once, the latest last."""
        if not self._watched:
            return
        with suppress(self._nvml.NVMLError):  # a timeout: there are no more
            for _ in range(XID_ERRORS):
                event = self._nvml.nvmlEventSetWait_v2(self._events, 0)
                if (device := self._watched.get(_address(event.device))) is not None:
                    errors = self._xids.setdefault(device, [])
                    with suppress(ValueError):
                        errors.remove(event.eventData)
                    errors.append(event.eventData)
                    del errors[:-XID_ERRORS]


def is_contained(proc: Path) -> bool:
    """Whether this process is in a PID namespace other than the first; False where untold."""
    try:
        return os.readlink(proc / "self" / "ns" / "pid") != _FIRST_PID_NAMESPACE
    except OSError:
        return False


def _address(handle: Any) -> int:
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)
