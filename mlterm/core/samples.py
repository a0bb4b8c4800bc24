"""Samples: what of a line of system.jsonl is folded into series."""

from collections.abc import Iterator

from mlterm.core.records import Record, as_number

_JOB = (
    "cpu_percent", "rss_bytes", "pss_bytes", "read_bytes_per_second", "written_bytes_per_second",
)  # fmt: skip
_HOST = (
    "cpu_percent", "memory_used_bytes", "disk_read_bytes_per_second",
    "disk_written_bytes_per_second", "network_received_bytes_per_second",
    "network_sent_bytes_per_second", "temperature_celsius",
)  # fmt: skip
_GPU = ("utilization_percent", "memory_used_bytes", "power_watts", "temperature_celsius")


def figures_of(sample: Record) -> Iterator[tuple[str, float]]:
    """By name: ``job/cpu_percent``, ``gpu0/power_watts``."""
    parts: list[tuple[str, object, tuple[str, ...]]] = [
        ("job", sample.get("job"), _JOB), ("host", sample.get("host"), _HOST),
    ]  # fmt: skip
    gpus = sample.get("gpus")
    for gpu in gpus if isinstance(gpus, list) else ():
        if isinstance(gpu, dict):
            mig = f".{gpu['mig']}" if "mig" in gpu else ""
            parts.append((f"gpu{gpu.get('index')}{mig}", gpu, _GPU))
    for part, fields, names in parts:
        if isinstance(fields, dict):
            for name in names:
                if (value := as_number(fields.get(name))) is not None:
                    yield f"{part}/{name}", value


def sound(sample: Record) -> Record:
    """The sample without what is of another kind than documented: any file may be read."""
    found = dict(sample)
    for name in ("job", "host", "cgroup"):
        if not isinstance(sample.get(name), dict):
            found.pop(name, None)
    for name, inner in (("processes", "gpus"), ("gpus", "unavailable")):
        if name in sample:
            found[name] = [_sound(one, inner) for one in _objects(sample[name])]
    return found


def _sound(part: Record, inner: str) -> Record:
    """A process, or a GPU: plain values, but for what is known to be inside of it."""
    found = {name: value for name, value in part.items() if not isinstance(value, list | dict)}
    found.pop(inner, None)
    if inner == "gpus" and (there := _objects(part.get(inner))):
        found[inner] = there
    if inner == "unavailable" and isinstance(part.get(inner), dict):
        found[inner] = part[inner]
    return found


def _objects(value: object) -> list[Record]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def flattened(sample: Record) -> Record:
    """A sound sample as one row: ``job.cpu_percent``, ``gpu0.power_watts``. Processes and roles,
    of which every sample has others, are left out."""
    flat = {name: value for name, value in sample.items() if not isinstance(value, dict | list)}
    parts = [(part, sample.get(part, {})) for part in ("job", "host", "cgroup")]
    for gpu in sample.get("gpus", ()):
        mig = f".{gpu['mig']}" if "mig" in gpu else ""
        parts.append((f"gpu{gpu.get('index')}{mig}", gpu))
    for part, fields in parts:
        for name, value in fields.items():
            if name not in ("index", "mig", "unavailable"):
                flat[f"{part}.{name}"] = value
    return flat
