"""The machine in a few lines: CPU, memory, GPUs, disk, network, as sparkline and figure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlterm.core.records import as_number
from mlterm.core.series import Series
from mlterm.core.sizes import format_bytes, format_share
from mlterm.ui.chart import sparkline
from mlterm.ui.layout import MACHINE_COLUMNS
from mlterm.ui.model import Model
from mlterm.ui.rows import Row, fit, width_of

SPARK_COLUMNS, LEAST_SPARK = 24, 4
LABEL_COLUMNS = 8
"""Of an item, for its label and blanks."""
ITEMS_AT_LEAST = 4
_UNKNOWN = "–"


@dataclass(frozen=True)
class Item:
    """One thing to be shown of the machine."""

    label: str
    series: str
    """The name of what its sparkline is of."""
    words: str
    most: float | None = None
    """The top of the sparkline's scale; None for its own maximum."""
    why: str = ""
    """Of what is not known."""


def item_count(model: Model) -> int:
    """How many there are."""
    return 0 if model.sample is None else ITEMS_AT_LEAST + len(model.sample.get("gpus") or ())


def items(sample: Mapping[str, Any]) -> Iterator[Item]:
    """What a sample tells, the job's own figures before the host's."""
    job, host, cgroup = (sample.get(name) or {} for name in ("job", "host", "cgroup"))
    yield _cpu(job, host, cgroup)
    yield _memory(job, host, cgroup)
    for gpu in sample.get("gpus") or ():
        yield _gpu(gpu)
    disk = _pair(job, "read_bytes_per_second", "written_bytes_per_second", "r", "w")
    yield Item("DISK", "job/written_bytes_per_second", disk)
    net = _pair(
        host, "network_received_bytes_per_second", "network_sent_bytes_per_second", "↓", "↑"
    )
    yield Item("NET", "host/network_received_bytes_per_second", net)


def draw_machine(model: Model, width: int, height: int) -> list[Row]:
    """The items in columns of one width, as many as have room."""
    sample = model.sample
    if sample is None or width < 1:
        words = ["no sample yet", *[""] * height][:height]
        return [fit([("dim", f" {line}")], max(0, width)) for line in words]
    columns = max(1, width // MACHINE_COLUMNS)
    shown = list(items(sample))[: columns * height]
    # Down a column before the next one, so that the eye goes along related things.
    rows: list[Row] = [[] for _ in range(height)]
    per_column = max(1, -(-len(shown) // columns))
    cell = width // max(1, -(-len(shown) // per_column))
    # Of one width, in steps, so that they do not change with every figure.
    longest = max((width_of(item.words) for item in shown if not item.why), default=0)
    room = cell - LABEL_COLUMNS - longest
    spark = max(LEAST_SPARK, min(SPARK_COLUMNS, room // LEAST_SPARK * LEAST_SPARK))
    for number, item in enumerate(shown):
        rows[number % per_column] += _cell(item, model.system.get(item.series), cell, spark)
    return [fit(row, width) for row in rows]


def _cell(item: Item, series: Series | None, width: int, widest: int) -> Row:
    style, words = ("dim", item.why) if item.why else ("label", item.words)
    columns = min(widest, width - LABEL_COLUMNS - width_of(words))
    row: Row = [("dim", f" {item.label:<5}")]
    if columns >= LEAST_SPARK:
        spark = " " * columns
        if series is not None:
            known = item.most is not None and 0 < item.most < math.inf
            most = item.most if known else max(series.max or 0.0, 1.0)
            spark = sparkline(series.points("step"), columns, low=0.0, high=most)
        row += [("curve1", spark), ("", " ")]
    return fit([*row, (style, words)], width)


def _cpu(job: Mapping[str, Any], host: Mapping[str, Any], cgroup: Mapping[str, Any]) -> Item:
    cores = as_number(cgroup.get("cpu_limit_cores")) or as_number(host.get("cores"))
    own, all_ = as_number(job.get("cpu_percent")), as_number(host.get("cpu_percent"))
    words = _UNKNOWN if own is None else f"{own:.0f}%"
    if cores:
        words += f" of {100 * cores:.0f}%"
    if all_ is not None:
        words += f"  host {all_:.0f}%"
    return Item("CPU", "job/cpu_percent", words, 100 * cores if cores else None)


def _memory(job: Mapping[str, Any], host: Mapping[str, Any], cgroup: Mapping[str, Any]) -> Item:
    total = as_number(cgroup.get("memory_limit_bytes")) or as_number(host.get("memory_total_bytes"))
    pss, rss = as_number(job.get("pss_bytes")), as_number(job.get("rss_bytes"))
    used, kind = (rss, "rss") if pss is None else (pss, "pss")
    if used is None:
        words = _UNKNOWN
    else:
        words = format_share(used, total) if total else format_bytes(used)
        words += f" {kind}"
    return Item("MEM", f"job/{kind}_bytes", words, total)


def _gpu(gpu: Mapping[str, Any]) -> Item:
    mig = f".{gpu['mig']}" if "mig" in gpu else ""
    name = f"GPU{gpu.get('index', '?')}{mig}"
    busy = as_number(gpu.get("utilization_percent"))
    used, total = (as_number(gpu.get(f"memory_{what}_bytes")) for what in ("used", "total"))
    heat, power = as_number(gpu.get("temperature_celsius")), as_number(gpu.get("power_watts"))
    parts = [_UNKNOWN if busy is None else f"{busy:.0f}%"]
    if used is not None:
        parts.append(format_share(used, total) if total else format_bytes(used))
    if heat is not None:
        parts.append(f"{heat:.0f}°")
    if power is not None:
        parts.append(f"{power:.0f} W")
    why = ""
    if busy is None and used is None and heat is None:
        why = next(map(str, (gpu.get("unavailable") or {}).values()), "not readable")
    return Item(
        name, f"gpu{gpu.get('index')}{mig}/utilization_percent", " ".join(parts), 100.0, why
    )


def _pair(fields: Mapping[str, Any], one: str, other: str, sign: str, other_sign: str) -> str:
    words = []
    for name, mark in ((one, sign), (other, other_sign)):
        rate = as_number(fields.get(name))
        words.append(f"{mark} {_UNKNOWN if rate is None else format_bytes(rate) + '/s'}")
    return "  ".join(words)
