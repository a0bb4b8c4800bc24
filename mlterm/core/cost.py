"""What a run has cost: peaks and means of its samples, for its finish record and its last line.

The size is constant: roles beyond the first MOST_ROLES are counted as one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlterm.core.records import Record, as_number
from mlterm.core.sizes import format_bytes, format_figure, format_share
from mlterm.core.summary import COST_FIELDS
from mlterm.core.usage import SHORTEST_SECONDS

MOST_ROLES = 32
OTHER = "other"
MOST_DEVICES = 4
"""In the line for a person."""
JOULES_A_KWH = 3.6e6
TOLERANCE = 1.1
"""By how much RSS may have been larger than when PSS was read, for that to be its peak."""


@dataclass
class Figure:
    """Of one figure: its mean over the samples that had it, and its peak."""

    weight: float = 0
    total: float = 0.0
    peak: float | None = None

    def add(self, value: object, weight: float = 1) -> None:
        """What is no number was not measured."""
        if isinstance(value, int | float):
            self.weight += weight
            self.total += weight * value
            self.rise_to(value)

    def rise_to(self, value: float | None) -> None:
        """Take in a figure for the peak alone."""
        if value is not None:
            self.peak = value if self.peak is None else max(self.peak, value)

    @property
    def mean(self) -> float | None:
        """None where nothing was measured."""
        return round(self.total / self.weight, 2) if self.weight else None


_JOB = ("cpu_percent", "rss_bytes", "pss_bytes", "rss_bytes_beside_pss")
_ROLE = ("processes", "cpu_percent", "rss_bytes", "pss_bytes", "gpu_memory_bytes")
_DEVICE = (
    "utilization_percent", "memory_used_bytes", "temperature_celsius", "power_watts",
)  # fmt: skip
_OF_ROLE = (
    "mean_cpu_percent", "peak_cpu_percent", "peak_rss_bytes", "peak_pss_bytes",
    "peak_gpu_memory_bytes",
)  # fmt: skip
_OF_DEVICE = (
    "mean_utilization_percent", "peak_utilization_percent", "peak_memory_used_bytes",
    "peak_temperature_celsius", "mean_power_watts", "peak_power_watts",
)  # fmt: skip
_DEVICE_FACTS = ("index", "mig", "uuid", "name", "memory_total_bytes", "energy_joules")


@dataclass
class _Device:
    facts: Record = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=lambda: _figures(_DEVICE))


def _figures(names: Iterable[str]) -> dict[str, Figure]:
    return {name: Figure() for name in names}


class Cost:
    """Adds up samples (mlterm-format(5), SAMPLES) as they come."""

    def __init__(self) -> None:
        self.samples = 0
        self._job = _figures(_JOB)
        self._last: Record = {}
        self._limits: Record = {}
        self._roles: dict[str, dict[str, Figure]] = {}
        self._devices: dict[str, _Device] = {}

    def add(self, sample: Mapping[str, Any]) -> None:
        """Take in one sample."""
        self.samples += 1
        job = sample["job"]
        self._add_cpu(job, sample.get("interval_seconds") or 0)
        self._add_memory(job)
        for name in ("cpu_seconds", "read_bytes", "written_bytes"):
            if job.get(name) is not None:
                self._last[name] = job[name]
        if (cgroup := sample.get("cgroup")) is not None:
            self._limits = _limits(cgroup)
        roles = sample.get("roles") or by_role(sample.get("processes", ()))
        for role, sums in roles.items():
            has_room = role in self._roles or len(self._roles) < MOST_ROLES
            figures = self._roles.setdefault(role if has_room else OTHER, _figures(_ROLE))
            for name, value in sums.items():
                figures[name].add(value)
        for gpu in sample.get("gpus", ()):
            device = self._devices.setdefault(str(gpu.get("uuid")), _Device())
            device.facts |= {name: gpu[name] for name in _DEVICE_FACTS if gpu.get(name) is not None}
            for name, figure in device.figures.items():
                figure.add(gpu.get(name))

    def _add_cpu(self, job: Mapping[str, Any], interval_seconds: float) -> None:
        """The mean is of the CPU time: rates leave out what is found late, as of processes that
        were met when they had ended, and are cut off at all cores."""
        cpu = self._job["cpu_percent"]
        cpu.rise_to(job.get("cpu_percent"))
        before, now = self._last.get("cpu_seconds"), job.get("cpu_seconds")
        is_known = job.get("cpu_percent") is not None or interval_seconds < SHORTEST_SECONDS
        if interval_seconds and is_known and before is not None and now is not None:
            cpu.weight += interval_seconds
            cpu.total += 100 * (now - before)

    def _add_memory(self, job: Mapping[str, Any]) -> None:
        """Where no process has any (all have ended, or none was met yet) nothing was measured."""
        rss, pss = job.get("rss_bytes"), job.get("pss_bytes")
        if not rss:
            return
        self._job["rss_bytes"].rise_to(rss)
        if pss is not None:
            self._job["pss_bytes"].rise_to(pss)
            self._job["rss_bytes_beside_pss"].rise_to(rss)

    def peak_memory(self) -> Record:
        """The most memory so far, ``peak_memory_of`` PSS, unless that could not be read when the
        memory was at its peak; null before any was read."""
        rss, beside = self._job["rss_bytes"].peak, self._job["rss_bytes_beside_pss"].peak
        if rss is None:
            return {"peak_memory_bytes": None, "peak_memory_of": None}
        if beside is None or rss > TOLERANCE * beside:
            return {"peak_memory_bytes": rss, "peak_memory_of": "rss"}
        pss = self._job["pss_bytes"].peak
        return {"peak_memory_bytes": pss, "peak_memory_of": "pss"}

    def energies(self) -> dict[str, float]:
        """The joules of each device so far, by its UUID."""
        facts = {uuid: device.facts for uuid, device in self._devices.items()}
        return {u: f["energy_joules"] for u, f in facts.items() if "energy_joules" in f}

    def finish_fields(self) -> Record:
        """What the finish record says of it; what was not measured is left out."""
        cpu = self._job["cpu_percent"]
        energies = self.energies().values()
        fields: Record = {
            "samples": self.samples,
            **self.peak_memory(),
            **self._limits,
            **self._last,
            "mean_cpu_percent": cpu.mean if cpu.weight >= SHORTEST_SECONDS else None,
            "peak_cpu_percent": cpu.peak,
            "energy_kwh": round(sum(energies) / JOULES_A_KWH, 6) if energies else None,
            "roles": {role: _role_fields(each) for role, each in self._roles.items()} or None,
            "gpus": [_device_fields(device) for device in self._devices.values()] or None,
        }
        return {name: fields[name] for name in COST_FIELDS if fields.get(name) is not None}

    def as_json(self) -> Record:
        """Plain data; ``from_json`` goes on from it exactly."""
        return {
            "samples": self.samples,
            "job": _plain(self._job),
            "last": self._last,
            "limits": self._limits,
            "roles": {role: _plain(figures) for role, figures in self._roles.items()},
            "devices": {
                uuid: {"facts": device.facts, "figures": _plain(device.figures)}
                for uuid, device in self._devices.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Cost":
        """What ``as_json`` gave. Raises ValueError where it is not."""
        cost = cls()
        try:
            cost.samples = data["samples"]
            cost._job = _read(data["job"])
            cost._last, cost._limits = data["last"], data["limits"]
            cost._roles = {role: _read(figures) for role, figures in data["roles"].items()}
            for uuid, device in data["devices"].items():
                cost._devices[uuid] = _Device(device["facts"], _read(device["figures"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no cost: {error!r}") from error
        return cost


def words_of(finish: Mapping[str, Any]) -> str:
    """The cost in a line for a person, from a finish record: ``peak memory 3.1 GB · CPU 187% mean
    · GPU0 71% mean, 14.2/80 GB peak · 0.42 kWh``, or why nothing could be measured; empty where
    nothing was."""
    if isinstance(why := finish.get("not_sampled"), str):
        return f"not sampled: {why}"
    parts = []
    if (peak := as_number(finish.get("peak_memory_bytes"))) is not None:
        limit = as_number(finish.get("memory_limit_bytes"))
        amount = format_share(peak, limit) if limit else format_bytes(peak)
        shared = ", shared pages counted more than once" if _is_rss_of_many(finish) else ""
        parts.append(f"peak memory {amount}{shared}")
    if (mean := as_number(finish.get("mean_cpu_percent"))) is not None:
        cores = as_number(finish.get("cpu_limit_cores"))
        parts.append(f"CPU {mean:.0f}%{f' of {100 * cores:.0f}%' if cores else ''} mean")
    devices = finish.get("gpus")
    shown = [d for d in devices if isinstance(d, dict)] if isinstance(devices, list) else []
    parts += [_device_words(device) for device in shown[:MOST_DEVICES]]
    if len(shown) > MOST_DEVICES:
        parts.append(f"{len(shown) - MOST_DEVICES} more GPUs")
    if (energy := as_number(finish.get("energy_kwh"))) is not None:
        parts.append(_energy_words(energy))
    return " · ".join(parts)


def _energy_words(kwh: float) -> str:
    """``0.42 kWh``; of less than a thousandth, ``0.42 Wh``."""
    amount, unit = (kwh, "kWh") if kwh >= 0.001 or not kwh else (1000 * kwh, "Wh")
    return f"{amount:.2g} {unit}" if amount < 1 else f"{format_figure(amount)} {unit}"


def _is_rss_of_many(finish: Mapping[str, Any]) -> bool:
    roles = finish.get("roles")
    counts = (
        [as_number(role.get("most_processes")) or 0 for role in roles.values()]
        if isinstance(roles, dict)
        else []
    )
    return finish.get("peak_memory_of") == "rss" and sum(counts) > 1


def _device_words(device: Mapping[str, Any]) -> str:
    index, mig = device.get("index"), device.get("mig")
    name = f"GPU{index}" if mig is None else f"GPU{index}.{mig}"
    facts = []
    if (mean := as_number(device.get("mean_utilization_percent"))) is not None:
        facts.append(f"{mean:.0f}% mean")
    used = as_number(device.get("peak_memory_used_bytes"))
    total = as_number(device.get("memory_total_bytes"))
    if used is not None:
        facts.append(f"{format_share(used, total) if total else format_bytes(used)} peak")
    return f"{name} {', '.join(facts) or 'not readable'}"


def _limits(cgroup: Mapping[str, Any]) -> Record:
    """What it may have: the smaller of its CPU time and the CPUs that it may run on."""
    cores = [c for name in ("cpu_limit_cores", "cpus") if (c := cgroup.get(name)) is not None]
    return {
        "memory_limit_bytes": cgroup.get("memory_limit_bytes"),
        "cpu_limit_cores": min(cores, default=None),
    }


def by_role(processes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Of each role the sums over its processes; None where one of them is not known."""
    sums: dict[str, dict[str, float | None]] = {}
    for process in processes:
        role = process.get("role")
        if role is None:
            continue
        of = sums.setdefault(role, dict.fromkeys(_ROLE, 0))
        gpus = process.get("gpus")
        row = dict(process) | {
            "processes": 1,
            "gpu_memory_bytes": None if gpus is None else _sum(g["memory_bytes"] for g in gpus),
        }
        for name in _ROLE:
            value, so_far = row.get(name), of[name]
            of[name] = None if value is None or so_far is None else so_far + value
    return sums


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    return None if None in found else sum(value for value in found if value is not None)


def _role_fields(figures: Mapping[str, Figure]) -> Record:
    return {"most_processes": figures["processes"].peak, **_told(figures, _OF_ROLE)}


def _device_fields(device: _Device) -> Record:
    facts = {name: device.facts[name] for name in _DEVICE_FACTS if name in device.facts}
    return facts | _told(device.figures, _OF_DEVICE)


def _told(figures: Mapping[str, Figure], names: Iterable[str]) -> Record:
    """Those of ``mean_FIGURE`` and ``peak_FIGURE`` that were measured."""
    found = {}
    for name in names:
        kind, _, figure = name.partition("_")
        value = figures[figure].mean if kind == "mean" else figures[figure].peak
        if value is not None:
            found[name] = value
    return found


def _plain(figures: Mapping[str, Figure]) -> dict[str, list[float | None]]:
    return {name: [each.weight, each.total, each.peak] for name, each in figures.items()}


def _read(data: Mapping[str, Any]) -> dict[str, Figure]:
    return {name: Figure(*each) for name, each in data.items()}
