"""The objects that a sample is made of, from what was found of the processes."""

import os
from typing import Any

from mlterm.core.records import Record
from mlterm.core.roles import Part
from mlterm.core.usage import Usage
from mlterm.system.processes import Process

LISTED = 100
"""Processes that a sample lists: those that use most. The totals are of all."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def of_job(processes: list[Process], usage: Usage) -> dict[str, Any]:
    """The job's totals, all but PSS."""
    return {
        "cpu_percent": rounded(usage.cpu_percent, 1),
        "cpu_seconds": rounded(usage.cpu_seconds, 2),
        "rss_bytes": sum(process.stat.rss_pages for process in processes) * _PAGE,
        "pss_bytes": None,
        "processes": len(processes),
        "threads": sum(process.stat.threads for process in processes),
        "read_bytes": usage.read_bytes,
        "written_bytes": usage.written_bytes,
        "read_bytes_per_second": rounded(usage.read_rate, 0),
        "written_bytes_per_second": rounded(usage.written_rate, 0),
    }


def of_role(
    process: Process,
    cpu_percent: float | None,
    part: Part | None,
    memory: tuple[int, int] | None,
) -> Record:
    """Of one process what is summed up by role; nothing of it is read anew."""
    return {
        "role": None if part is None else part.role,
        "cpu_percent": rounded(cpu_percent, 1),
        "rss_bytes": process.stat.rss_pages * _PAGE,
        "pss_bytes": None if memory is None else memory[0],
    }


def of_process(
    process: Process,
    cpu_percent: float | None,
    part: Part | None,
    memory: tuple[int, int] | None,
    io: tuple[int, int] | None,
) -> Record:
    """One process. ``memory`` is PSS and USS, ``io`` bytes read and written."""
    stat = process.stat
    row: Record = {
        "pid": stat.pid,
        "ppid": stat.ppid,
        "name": stat.name,
        "role": None if part is None else part.role,
        "state": stat.state,
        "cpu_percent": rounded(cpu_percent, 1),
        "cpu_seconds": round(stat.own_ticks / _TICKS, 2),
        "rss_bytes": stat.rss_pages * _PAGE,
        "pss_bytes": None if memory is None else memory[0],
        "uss_bytes": None if memory is None else memory[1],
        "threads": stat.threads,
        "read_bytes": None if io is None else io[0],
        "written_bytes": None if io is None else io[1],
        "open_files": process.open_files(),
    }
    if part is not None and part.rank is not None:
        row["rank"] = part.rank
    return row


def foremost(processes: list[Process], usage: Usage) -> list[Process]:
    """Those that are listed, in the order in which they were met."""
    if len(processes) <= LISTED:
        return processes

    def weight(process: Process) -> tuple[float, int]:
        return usage.each_percent.get(process.identity) or 0.0, process.stat.rss_pages

    chosen = {process.pid for process in sorted(processes, key=weight, reverse=True)[:LISTED]}
    return [process for process in processes if process.pid in chosen]


def rounded(value: float | None, digits: int) -> float | None:
    """To so many digits; an integer for 0."""
    if value is None:
        return None
    return round(value, digits) if digits else int(value)
