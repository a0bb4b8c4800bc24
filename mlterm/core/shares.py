"""PSS is read in every tenth sample: what a viewer shows in between is the last reading."""

from collections.abc import Mapping
from typing import Any

from mlterm.core.records import Record


class Shares:
    """The last readings of a job and of its processes."""

    def __init__(self) -> None:
        self._job: Any = None
        self._each: dict[Any, Mapping[str, Any]] = {}

    def fill(self, sample: Record) -> None:
        """Put the last readings where a sample has none; processes are told apart by pid and
        parent, since a pid comes again."""
        job = sample.get("job")
        if isinstance(job, dict):
            if job.get("pss_bytes") is None:
                job["pss_bytes"] = self._job
            self._job = job.get("pss_bytes")
        seen: dict[Any, Mapping[str, Any]] = {}
        processes = sample.get("processes")
        for process in processes if isinstance(processes, list) else ():
            if not isinstance(process, dict) or not isinstance(process.get("pid"), int):
                continue
            key = process["pid"], str(process.get("ppid"))
            known = self._each.get(key, {})
            for name in ("pss_bytes", "uss_bytes"):
                if process.get(name) is None:
                    process[name] = known.get(name)
            seen[key] = {name: process[name] for name in ("pss_bytes", "uss_bytes")}
        self._each = seen
