"""Ranks: the processes of one distributed job, told by their environment.

torchrun(1) gives each of its workers RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR,
MASTER_PORT and TORCHELASTIC_RUN_ID; srun(1) gives its tasks SLURM_PROCID, SLURM_NTASKS,
SLURM_JOB_ID and SLURM_STEP_ID.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

_LOCAL_ADDRESSES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Rank:
    """This process's place in a job of several processes."""

    number: int
    launch: str
    """Names the job: the same for all of its ranks, another for every other job."""
    is_certain: bool = True
    """Whether no later job could have the same ``launch``."""


def rank_of(environ: Mapping[str, str]) -> Rank | None:
    """This process's rank; None where it is no part of a distributed job."""
    if number := _number(environ, "RANK"):
        address, port = environ.get("MASTER_ADDR"), environ.get("MASTER_PORT")
        if address and port:
            return Rank(int(number), *_torch_launch(environ, address, port))
    tasks = _number(environ, "SLURM_STEP_NUM_TASKS") or _number(environ, "SLURM_NTASKS") or "1"
    number, step = _number(environ, "SLURM_PROCID"), environ.get("SLURM_STEP_ID")
    job = environ.get("SLURM_JOB_ID")
    if number and step and job and int(tasks) > 1:
        return Rank(int(number), _slurm_launch(environ, job, step))
    return None


def _torch_launch(environ: Mapping[str, str], address: str, port: str) -> tuple[str, bool]:
    host = os.uname().nodename
    world = environ.get("WORLD_SIZE")
    one_node = world is not None and environ.get("LOCAL_WORLD_SIZE") == world
    if one_node or address in _LOCAL_ADDRESSES or address == host:
        return f"{host}:{port}:{_launcher()}", True
    tasks, step = _number(environ, "SLURM_NTASKS"), environ.get("SLURM_STEP_ID")
    job = environ.get("SLURM_JOB_ID")
    if tasks and step and job and int(tasks) > 1:
        return _slurm_launch(environ, job, step), True
    # Several nodes that share no launcher: the address may serve the next job too.
    return f"{address}:{port}:{environ.get('TORCHELASTIC_RUN_ID', '')}", False


def _slurm_launch(environ: Mapping[str, str], job: str, step: str) -> str:
    return f"slurm-{job}.{step}.{environ.get('SLURM_RESTART_COUNT', '0')}"


def _number(environ: Mapping[str, str], name: str) -> str | None:
    word = environ.get(name, "")
    return word if word.isascii() and word.isdigit() else None


def _launcher() -> str:
    """PID and start time of what started the ranks: the nearest ancestor that is none.

    Between them may be a wrapper, which has RANK in its environment as they do
    (proc_pid_environ(5)). Where /proc cannot tell, the parent is taken.
    """
    pid = os.getppid()
    with suppress(OSError, ValueError, IndexError):
        while pid > 1 and _has_rank(pid):
            pid = int(_stat_fields(pid)[1])
    with suppress(OSError, IndexError):
        return f"{pid}-{_stat_fields(pid)[19].decode()}"
    return str(pid)


def _has_rank(pid: int) -> bool:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return b"\0RANK=" in b"\0" + file.read()


def _stat_fields(pid: int) -> list[bytes]:
    """From the third field on (proc_pid_stat(5)): the second may hold spaces and brackets."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()
