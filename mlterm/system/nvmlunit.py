"""One GPU, or one instance of a GPU, as NVML tells of it.

Facts are from NVIDIA's NVML API Reference. ``nvml`` is the module pynvml, handed in; an
older one lacks functions as an older driver does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mlterm.core.devices import Device
from mlterm.system.gpu import EVERYTHING, FIGURES, INSTANCE_FIGURES, identity
from mlterm.system.nvmlerrors import (
    DEVICE_IS_GONE,
    DOES_WITHOUT,
    DRIVER_IS_GONE,
    IS_MISSING,
    NO_SUPPORT,
    NOT_OFFERED,
    NOT_SUPPORTED,
    Unreadable,
    code_of,
    reason_of,
)

_NOT_FOR_INSTANCES = "not offered for MIG instances"
_NOT_AVAILABLE = (2**32 - 1, 2**64 - 1)  # NVML_VALUE_NOT_AVAILABLE, as unsigned numbers
_EVERY_LINK = 2**32 - 1  # as scopeId: the sum over all NVLinks
_WIDE = (2, 3)  # nvmlValueType_t: unsigned long (64 bits, where NVML is), unsigned long long
_KIB = 1024
_MILLI = 1000.0

_THROTTLE_REASONS = (
    "",  # idle: no load, nothing that holds it back
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clock_setting",
    "board_limit",
    "reliability",
)
"""nvmlClocksEventReasons, by bit."""

Values = Mapping[str, Any]
Way = Callable[[Any, Any], Values]


class Call:
    """One thing to ask a device for, by the first of several ways that it offers.

    Which one that is, or that there is none, is remembered.
    """

    def __init__(self, *ways: Way) -> None:
        self._ways = list(ways)
        self._missing = NOT_OFFERED

    def ask(self, nvml: Any, handle: Any) -> Values:
        """The values. Raises Unreadable, and NVMLError where the device or driver is gone."""
        while self._ways:
            try:
                return self._ways[0](nvml, handle)
            except AttributeError:  # an older pynvml
                pass
            except nvml.NVMLError as error:
                if code_of(error) in DRIVER_IS_GONE | DEVICE_IS_GONE:
                    raise
                if code_of(error) not in IS_MISSING:
                    raise Unreadable(reason_of(error)) from None
                if code_of(error) == NO_SUPPORT:
                    self._missing = NOT_SUPPORTED
            del self._ways[0]
        raise Unreadable(self._missing)


def _utilization(nvml: Any, handle: Any) -> Values:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    return {"utilization_percent": rates.gpu, "memory_utilization_percent": rates.memory}


def _memory_v2(nvml: Any, handle: Any) -> Values:
    """Without what the driver reserves for itself, as nvidia-smi shows it since R510; its
    ``reserved`` stands apart. (The reference of R525 says that it is in ``used``, those of
    later drivers do not, and measured it is not: nvml-wrapper, issue 57.)"""
    memory = nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)
    return {"memory_used_bytes": memory.used, "memory_total_bytes": memory.total}


def _memory_v1(nvml: Any, handle: Any) -> Values:
    """With what the driver reserves: all that an older one tells, and its nvidia-smi shows."""
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {"memory_used_bytes": memory.used, "memory_total_bytes": memory.total}


def _ecc(nvml: Any, handle: Any) -> Values:
    kinds = {
        "ecc_errors_corrected": nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
        "ecc_errors_uncorrected": nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
    }
    return {
        name: nvml.nvmlDeviceGetTotalEccErrors(handle, kind, nvml.NVML_VOLATILE_ECC)
        for name, kind in kinds.items()
    }


def _figure(
    name: str, *calls: tuple[str, ...], meaning: Callable[[int], Any] = int
) -> Mapping[tuple[str, ...], tuple[Way, ...]]:
    """The ways to a figure that is all that a call tells: its function, then the constants that
    it takes, as pynvml names them."""

    def way(function: str, *constants: str) -> Way:
        def ask(nvml: Any, handle: Any) -> Values:
            words = [getattr(nvml, constant) for constant in constants]
            return {name: meaning(getattr(nvml, function)(handle, *words))}

        return ask

    return {(name,): tuple(way(*call) for call in calls)}


def _named(mask: int) -> list[str]:
    """The bits by name; one that has none yet by its number."""
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    known = dict(enumerate(_THROTTLE_REASONS))
    return [name for bit in bits if (name := known.get(bit, f"bit_{bit}"))]


def _thousandth(value: int) -> float | int:
    return value if value in _NOT_AVAILABLE else value / _MILLI


_WAYS: dict[tuple[str, ...], tuple[Way, ...]] = {
    ("utilization_percent", "memory_utilization_percent"): (_utilization,),
    ("memory_used_bytes", "memory_total_bytes"): (_memory_v2, _memory_v1),
    **_figure(
        "temperature_celsius",
        ("nvmlDeviceGetTemperatureV", "NVML_TEMPERATURE_GPU"),
        ("nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"),
    ),
    **_figure("power_watts", ("nvmlDeviceGetPowerUsage",), meaning=_thousandth),
    **_figure(
        "power_limit_watts",
        ("nvmlDeviceGetEnforcedPowerLimit",),
        ("nvmlDeviceGetPowerManagementLimit",),
        meaning=_thousandth,
    ),
    **_figure("sm_clock_mhz", ("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM")),
    **_figure("memory_clock_mhz", ("nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM")),
    **_figure(
        "throttle_reasons",
        ("nvmlDeviceGetCurrentClocksEventReasons",),
        ("nvmlDeviceGetCurrentClocksThrottleReasons",),
        meaning=_named,
    ),
    **_figure(
        "energy_counter_joules", ("nvmlDeviceGetTotalEnergyConsumption",), meaning=_thousandth
    ),
    ("ecc_errors_corrected", "ecc_errors_uncorrected"): (_ecc,),
}
"""For each call's figures the ways to them, the newest first."""
_COUNTERS = {
    # Cheap, where nvmlDeviceGetPcieThroughput measures for 20 ms; from R565 on.
    "pcie_tx_bytes_per_second": (197, 0, 1),  # NVML_FI_DEV_PCIE_COUNT_TX_BYTES
    "pcie_rx_bytes_per_second": (198, 0, 1),
    "nvlink_tx_bytes_per_second": (138, _EVERY_LINK, _KIB),  # …_NVLINK_THROUGHPUT_DATA_TX
    "nvlink_rx_bytes_per_second": (139, _EVERY_LINK, _KIB),
}
"""Field, scope and bytes a unit of the counters that rates are made of."""


def _listed(kind: str, version: str) -> Way:
    name = f"nvmlDeviceGet{kind}RunningProcesses_{version}"
    return lambda nvml, handle: {"processes": getattr(nvml, name)(handle)}


_PROCESSES = [
    [_listed(kind, version) for version in ("v2", "v3")]  # pynvml has no v1
    for kind in ("Compute", "Graphics", "MPSCompute")
]
"""Both versions tell the same, but v3's entries were longer in R535 before 535.98, of which
pynvml knows nothing: it would read scrambled process IDs (nvitop, issue 75). A process that
computes and draws is in two of the lists, with the same memory."""


class Rates:
    """Rates from counters that only grow, until they wrap or are reset."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, int]] = {}

    def rate(self, name: str, value: int, now: float) -> float:
        """By how much a second it grew since the last time; Unreadable where unknown."""
        before = self._last.get(name)
        self._last[name] = now, value
        if before is None or now <= before[0]:
            raise Unreadable("needs two readings")
        if value < before[1]:
            raise Unreadable("the counter began anew")
        return (value - before[1]) / (now - before[0])


class Unit:
    """A device with its handle. What it has shown not to offer is not asked for again."""

    def __init__(self, nvml: Any, device: Device, handle: Any) -> None:
        self._nvml = nvml
        self.device = device
        self.handle = handle
        self._names = FIGURES if device.mig is None else INSTANCE_FIGURES
        self._calls = {
            names: Call(*ways)
            for names, ways in _WAYS.items()
            if device.mig is None or names[0] in self._names
        }
        self._lists = [Call(*ways) for ways in _PROCESSES]
        self._counters = dict(_COUNTERS) if device.mig is None else {}

    def figures(self, rates: Rates, now: float) -> dict[str, Any]:
        """The device's record; ``now`` in seconds of a clock that never goes back.

        Raises NVMLError where the whole driver is gone, or the whole device.
        """
        values: dict[str, Any] = dict.fromkeys(self._names)
        unavailable: dict[str, str] = {}
        for names, call in self._calls.items():
            found, reason = self._ask(call)
            if names[0] not in self._names and reason in DOES_WITHOUT:
                continue
            values |= {name: found.get(name) for name in names}
            unavailable |= {name: reason for name in names if values[name] is None}
        for name, counter in self._read_counters().items():
            values[name] = None
            try:
                values[name] = rates.rate(name, counter, now)
            except Unreadable as error:
                unavailable[name] = error.reason
        return identity(self.device) | values | _compact(values, unavailable)

    def processes(self) -> dict[int, int | None]:
        """The bytes that each process has of it, None where not told; whosever they are.

        Raises Unreadable where it cannot list those that compute, NVMLError as above.
        """
        found: dict[int, int | None] = {}
        for kind, call in enumerate(self._lists):
            try:
                listed = call.ask(self._nvml, self.handle)["processes"]
            except Unreadable:
                if kind == 0:
                    raise
                continue
            found |= {process.pid: process.usedGpuMemory for process in listed if process.pid}
        return found

    def _ask(self, call: Call) -> tuple[Values, str]:
        """What it tells, and why it does not tell the rest."""
        try:
            values = call.ask(self._nvml, self.handle)
        except Unreadable as error:
            instead = self.device.mig is not None and error.reason in DOES_WITHOUT
            return {}, _NOT_FOR_INSTANCES if instead else error.reason
        known = {name: value for name, value in values.items() if value not in _NOT_AVAILABLE}
        return known, "not available"

    def _read_counters(self) -> dict[str, int]:
        """In bytes. A counter of 32 bits wraps within a second, unseen: it is no use."""
        if not self._counters:
            return {}
        wanted = [(field, scope) for field, scope, _ in self._counters.values()]
        try:
            fields = self._nvml.nvmlDeviceGetFieldValues(self.handle, wanted)
        except self._nvml.NVMLError as error:
            if code_of(error) in DRIVER_IS_GONE | DEVICE_IS_GONE:
                raise
            fields = []
        told = {
            name: field.value.ullVal * _COUNTERS[name][2]
            for name, field in zip(self._counters, fields, strict=False)
            if field.nvmlReturn == 0 and field.valueType in _WIDE
        }
        self._counters = {name: _COUNTERS[name] for name in told}
        return told


def _compact(values: Values, unavailable: dict[str, str]) -> dict[str, dict[str, str]]:
    """Reasons, where there are any; one for all where all are the same and nothing is known."""
    if not unavailable:
        return {}
    if len(set(unavailable.values())) == 1 and all(value is None for value in values.values()):
        return {"unavailable": {EVERYTHING: next(iter(unavailable.values()))}}
    return {"unavailable": unavailable}
