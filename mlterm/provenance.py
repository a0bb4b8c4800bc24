"""The first records of a run: what it is, and where it came from."""

import base64
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from mlterm.core import argv as command_line
from mlterm.core import records
from mlterm.core.plan import Plan
from mlterm.system import interpreter
from mlterm.system.runlog import RunLog


def record_start(
    plan: Plan,
    runlog: RunLog,
    environ: Mapping[str, str],
    started: datetime,
    pid: int | None,
    *,
    output_offset: int = 0,
) -> None:
    """Write the ``run`` record, and the ``hyperparameters`` that the command's flags tell.
    ``output_offset`` is where in output.log this part begins.

    Raises OSError where they cannot be written.
    """
    watched = plan.watched
    record = run_record(
        project=plan.project,
        run_id=plan.run_id,
        argv=plan.argv,
        cwd=plan.cwd,
        environ=environ if watched is None else watched.environ,
        started=started,
        pid=pid if watched is None else watched.pid,
        path=runlog.path,
    )
    record |= {
        "git": plan.git,
        "python": interpreter.at_start(plan.argv, environ, plan.cwd),
        "tags": dict(plan.tags),
        "supervised": True,
        "output_offset": output_offset,
    }
    if watched is not None:
        record["watched"] = True
    elif plan.patterns or plan.ignored or not plan.parses:
        record["parsing"] = {
            "on": plan.parses, "patterns": list(plan.patterns), "ignored": list(plan.ignored)
        }  # fmt: skip
    runlog.append_last(record)
    parameters = command_line.hyperparameters(plan.argv)
    if parameters:
        moment = records.timestamp(started)
        head = {"timestamp": moment, "type": "hyperparameters", "_source": "argv"}
        runlog.append(head | records.user_fields(parameters))


def run_record(
    *,
    project: str,
    run_id: str,
    argv: Sequence[str],
    cwd: str,
    environ: Mapping[str, str],
    started: datetime,
    pid: int | None,
    path: Path,
) -> dict[str, Any]:
    """What every ``run`` record says, whoever writes it; ``git``, ``python``, ``tags`` and
    ``supervised`` are the writer's to fill in."""
    masked = command_line.masked(argv)
    record: dict[str, Any] = {
        "timestamp": records.timestamp(started),
        "type": "run",
        "schema": records.SCHEMA,
        "project": project,
        "run_id": run_id,
        "argv": masked,
        "cwd": cwd,
        "host": os.uname().nodename,
        "pid": pid,
        "boot_id": _boot_id(),
        "git": None,
        "python": None,
        "environment": command_line.allowed_environment(environ),
        "parent": environ.get("MLTERM_PARENT_RUN"),
        "tags": {},
        "path": os.fspath(path),
        "supervised": False,
    }
    if any(not _is_text(word) for word in masked):
        encoded = [base64.b64encode(os.fsencode(word)).decode() for word in masked]
        record["argv_base64"] = encoded
    return record


def _boot_id() -> str | None:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
