"""Which GPUs a run is shown, and whether its processes can be told from others' on them."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Device:
    """A GPU, or an instance of one that is partitioned (MIG)."""

    index: int
    """NVML's, by PCI bus; an instance has its GPU's."""
    uuid: str | None
    """``GPU-…`` or ``MIG-…``; None where the driver did not tell."""
    name: str | None
    mig: int | None = None
    """Which instance of its GPU this is; None for the GPU itself."""


def shown(
    devices: Sequence[Device],
    *,
    selection: str,
    visible: str | None,
    order: str | None,
    used: Collection[str],
    attributed: bool,
) -> list[Device]:
    """The devices to show, in their order.

    ``selection`` is "auto", "all" or "none"; ``visible`` and ``order`` are the job's
    CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, None where not set; ``used`` are the UUIDs of
    the devices on which the job has been seen. Those are shown, and those that the variable
    names. Where it is not known which ones the job uses (not ``attributed``) and the
    variable does not tell either, all are. A GPU stands with each of its instances.
    """
    if selection == "none":
        return []
    named = _visible(devices, visible, order)
    if selection == "all" or (named is None and not attributed):
        return list(devices)
    chosen = {device for device in devices if device.uuid in used} | (named or set())
    parents = {device.index for device in chosen}
    return [
        device
        for device in devices
        if device in chosen or (device.mig is None and device.index in parents)
    ]


def attribution_problem(
    job: Collection[int],
    listed: Collection[int],
    here: Collection[int],
    *,
    contained: bool,
    proven: bool,
) -> str | None:
    """Why the process IDs that a driver lists cannot be the job's; None where they can.

    ``job`` are the job's, ``listed`` the driver's (of whomever), ``here`` those of the latter
    that exist in this namespace. The driver may list the host's IDs or none to a process in
    a container (``contained``: a PID namespace other than the first). There, its IDs are
    taken for ours once one is the job's while all of them exist, since some number of the
    host's may be one of the job's by chance; ``proven`` says that this has happened in
    this run. Outside, a listed process that does not exist has just ended.
    """
    if not contained or proven:
        return None
    if set(listed) - set(here):
        return "the driver lists the host's process IDs in this container"
    if set(listed) & set(job):
        return None
    return "the driver lists no process of this job in this container"


def _visible(
    devices: Sequence[Device], variable: str | None, order: str | None
) -> set[Device] | None:
    """What CUDA_VISIBLE_DEVICES leaves visible; None where it does not narrow.

    CUDA C++ Programming Guide, "CUDA Environment Variables": a list of numbers or UUIDs, of
    which the beginning is enough where only one device has it; what stands behind the first
    entry that names no device is not seen, so an empty one hides all. Numbers follow
    CUDA_DEVICE_ORDER, by default FASTEST_FIRST, which nobody but CUDA knows where devices
    differ: they narrow only where all are alike or the order is PCI_BUS_ID, as NVML's is.
    Of a partitioned GPU CUDA takes the first instance that is free, so any may be meant.
    """
    if variable is None:
        return None
    found: set[Device] = set()
    for entry in (part.strip() for part in variable.split(",")):
        if entry.startswith(("GPU-", "MIG-")):
            meant = [device for device in devices if (device.uuid or "").startswith(entry)]
        elif number := _NUMBER.match(entry):
            if order != "PCI_BUS_ID" and not _are_alike(devices):
                return None
            meant = [d for d in devices if d.mig is None and d.index == int(number[0])]
        else:
            meant = []
        if len(meant) != 1:
            break
        found |= {*meant, *_instances(devices, meant[0])}
    return found


def _instances(devices: Iterable[Device], of: Device) -> set[Device]:
    if of.mig is not None:
        return set()
    return {d for d in devices if d.index == of.index and d.mig is not None}


def _are_alike(devices: Sequence[Device]) -> bool:
    partitioned = {device.index for device in devices if device.mig is not None}
    whole = [device for device in devices if device.mig is None]
    return len({(device.name, device.index in partitioned) for device in whole}) <= 1
