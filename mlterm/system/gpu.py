"""What a vendor's module tells about GPUs: the one surface between it and everybody else.

Such a module offers a GpuReader. Its calls may hang for ever or crash, so it is only used
in a process of its own (gpuchild), which the sampler asks through gpuprobe.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlterm.core.devices import Device

FIGURES = (
    "utilization_percent",
    "memory_utilization_percent",
    "memory_used_bytes",
    "memory_total_bytes",
    "temperature_celsius",
    "power_watts",
    "power_limit_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "throttle_reasons",
    "energy_counter_joules",
)
"""Of every GPU: null with a reason where not readable. Of an instance only the first four.

What only some devices have is left out where a device has it not: ``ecc_errors_corrected``
and ``ecc_errors_uncorrected`` (since the driver was loaded), ``xid_errors`` (the latest
distinct ones since the reading began), ``pcie_`` and ``nvlink_`` with
``tx_bytes_per_second`` and ``rx_bytes_per_second`` (tx is what the GPU sends).
"""
INSTANCE_FIGURES = FIGURES[:4]
EVERYTHING = "*"


@dataclass(frozen=True)
class GpuReading:
    """What was read at one moment; plain data."""

    gpus: list[dict[str, Any]] = field(default_factory=list)
    """``index``, ``uuid``, ``name``, of an instance ``mig``; then the figures. Where some could
    not be read ``unavailable`` says why, ``{figure: reason}``, or ``{"*": reason}`` where
    none could."""
    by_pid: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """The job's processes: ``index``, of an instance ``mig``, ``memory_bytes`` and
    ``utilization_percent`` (of the SMs), which are null with an ``unavailable`` as above."""
    unavailable: dict[str, str] = field(default_factory=dict)
    """Why all ``gpus`` or all ``processes`` are missing; empty when all is well."""


class GpuReader(Protocol):
    """Reads one vendor's GPUs, in the process that it is called in."""

    @property
    def is_spent(self) -> bool:
        """Whether only a new process can read what this one cannot."""

    def read(self, pids: Collection[int], used: Collection[str]) -> GpuReading | None:
        """The devices to show and what ``pids`` use of them; None where there is no device.

        ``used`` are the UUIDs of the devices on which the job was seen before. Nothing is
        raised.
        """


def blank(device: Device, reason: str) -> dict[str, Any]:
    """The record of a device of which nothing can be read now."""
    figures = FIGURES if device.mig is None else INSTANCE_FIGURES
    return identity(device) | dict.fromkeys(figures) | {"unavailable": {EVERYTHING: reason}}


def identity(device: Device) -> dict[str, Any]:
    """How a device's record begins."""
    mig = {} if device.mig is None else {"mig": device.mig}
    return {"index": device.index, **mig, "uuid": device.uuid, "name": device.name}


def device_of(record: dict[str, Any]) -> Device:
    """The device that a record is of."""
    return Device(record["index"], record["uuid"], record["name"], record.get("mig"))
