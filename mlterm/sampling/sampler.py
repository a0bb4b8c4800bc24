"""Samples of a job: its processes, its limits, the host and the GPUs, as one record each.

Everything is looked at from outside; the command is neither asked nor held up.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlterm.core import records
from mlterm.core.cost import MOST_ROLES, by_role
from mlterm.core.energy import Energy
from mlterm.core.records import Record
from mlterm.core.usage import Account, Adopted, Meters, Reading, Usage
from mlterm.sampling import rows
from mlterm.sampling.memory import UNREADABLE, MemoryShares, Shares
from mlterm.sampling.parts import Parts
from mlterm.system.gpu import GpuReading
from mlterm.system.gpuprobe import GpuProbe
from mlterm.system.limits import Limits
from mlterm.system.machine import Machine
from mlterm.system.processes import IO_LIMIT, Process, ProcessTree, is_alive, readings

THOROUGH_EVERY = 10
"""Samples from one in which PSS is read, and every thread asked for its children, to the next."""
GPU_PATIENCE_SECONDS = 0.5
HIDDEN = "the kernel hides the processes: they are another user's (proc(5), hidepid)"
_GPU_PLACES = {"gpus": "gpus", "processes": "processes.gpus"}
"""Where in a sample that is which a GpuReading calls so."""
_TICKS = os.sysconf("SC_CLK_TCK")
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True)
class Subject:
    """What is sampled, and where its samples begin."""

    root: int
    """The pid of the command."""
    environ: Mapping[str, str]
    """Its environment: which GPUs it is shown."""
    folder: Path
    """Of the log: the disk that is told of."""
    started_monotonic: float
    root_started: int | None = None
    """When that process was started, where it is known, in clock ticks since the boot."""
    adopter: int | None = None
    """Who inherits the orphans."""
    own: Callable[[], Adopted] = Adopted
    """What the adopter has used and taken in that is not the job's."""
    session: int = 0
    """Of mlterm's own processes."""
    mark: tuple[str, str] | None = None
    """A variable that only processes of the job have in their environment."""
    from_birth: bool = True
    """Whether what it used before it was first looked at counts."""
    gpus: str = "auto"
    """``auto`` (those that the job uses or is shown), ``all`` or ``none``."""


class Sampler:
    """Looks at one job whenever it is asked to."""

    def __init__(
        self,
        subject: Subject,
        energy: Energy,
        meters: Meters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subject, self._energy, self._clock = subject, energy, clock
        self._tree = ProcessTree(
            subject.root,
            subject.adopter,
            subject.session,
            subject.mark,
            started=subject.root_started,
        )
        cores = os.cpu_count() or 1
        self._account = Account(_TICKS, cores, meters, from_birth=subject.from_birth)
        self._parts = Parts(subject.root)
        self._memory = MemoryShares(clock)
        self._limits = Limits(subject.root)
        self._machine = Machine(subject.folder, clock)
        self._gpus = GpuProbe(subject.environ, subject.gpus, clock)
        self._gpus_answer = True
        self._count = 0

    def sample(self) -> Record:
        """One record, as mlterm-format(5), SAMPLES, describes it."""
        thorough = self._count % THOROUGH_EVERY == 0
        self._count += 1
        moment, now = datetime.now(UTC), self._clock()
        boot_seconds = time.clock_gettime(_BOOT_CLOCK)
        by_process = readings(self._tree.look(thoroughly=thorough))
        processes, found = list(by_process), list(by_process.values())
        self._gpus.ask({process.pid for process in processes})
        adopted = self._tree.taken_in and self._tree.taken_in.without(self._subject.own())
        usage = self._account.look(now, boot_seconds, found, adopted)
        job = rows.of_job(processes, usage)
        is_hidden = not processes and is_alive(self._subject.root)
        memory = self._memory.read(processes, job["rss_bytes"], is_due=thorough)
        self._parts.meet(processes)
        record: Record = {
            "timestamp": records.timestamp(moment),
            "t": round(now - self._subject.started_monotonic, 3),
            "interval_seconds": rows.rounded(usage.interval_seconds, 3),
            "job": dict.fromkeys(job) if is_hidden else job | {"pss_bytes": memory.total},
        }
        if (limits := self._limits.read()) is not None:
            record["cgroup"] = limits
        record["host"] = self._machine.read()
        gpus = self._answer()
        listed = rows.foremost(processes, usage)
        record["processes"] = [
            rows.of_process(
                process,
                usage.each_percent.get(process.identity),
                self._parts.of(process),
                memory.each.get(process.pid),
                by_process[process].io,
            )
            | _on_gpus(process, gpus)
            for process in listed
        ]
        if len(listed) < len(processes):
            record["processes_left_out"] = len(processes) - len(listed)
            roles = by_role(
                rows.of_role(
                    process,
                    usage.each_percent.get(process.identity),
                    self._parts.of(process),
                    memory.each.get(process.pid),
                )
                | _on_gpus(process, gpus)
                for process in processes
            )
            by_size = sorted(roles, key=lambda role: -(roles[role]["processes"] or 0))
            record["roles"] = {role: roles[role] for role in by_size[:MOST_ROLES]}
        unavailable = self._unavailable(found, usage, memory, is_hidden=is_hidden)
        if gpus is not None:
            record["gpus"] = [self._with_energy(device, now) for device in gpus.gpus]
            unavailable |= {_GPU_PLACES[name]: why for name, why in gpus.unavailable.items()}
        if unavailable:
            record["unavailable"] = unavailable
        return record

    def _unavailable(
        self, found: list[Reading], usage: Usage, memory: Shares, *, is_hidden: bool
    ) -> dict[str, str]:
        if is_hidden:
            return {"job": HIDDEN, "processes": HIDDEN}
        reasons = dict(memory.unavailable)
        if usage.read_bytes is None:
            reasons["job.read_bytes"] = reasons["job.written_bytes"] = _why_no_io(found)
        if self._tree.unreadable:
            reasons["processes"] = f"{self._tree.unreadable} cannot be read"
        return reasons

    def close(self) -> None:
        """Let go of everything."""
        self._tree.close()
        self._gpus.close()

    def _answer(self) -> GpuReading | None:
        """A driver that did not answer the last time is not waited for."""
        answer = self._gpus.answer(GPU_PATIENCE_SECONDS if self._gpus_answer else 0.0)
        self._gpus_answer = answer is None or "gpus" not in answer.unavailable
        return answer

    def _with_energy(self, device: Record, now: float) -> Record:
        counter = device.pop("energy_counter_joules", None)
        joules = self._energy.add(str(device.get("uuid")), now, counter, device.get("power_watts"))
        return device if joules is None else device | {"energy_joules": joules}


def _on_gpus(process: Process, gpus: GpuReading | None) -> Record:
    return {"gpus": gpus.by_pid[process.pid]} if gpus and process.pid in gpus.by_pid else {}


def _why_no_io(found: list[Reading]) -> str:
    if len(found) > IO_LIMIT:
        return f"not asked of more than {IO_LIMIT} processes"
    missing = sum(reading.io is None for reading in found)
    return UNREADABLE.format(missing, len(found)) if missing else "not readable"
