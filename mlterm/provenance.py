"""The first records of a run: what it is, and where it came from."""

import base64
import os
import socket
from collections.abc import Mapping
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
    plan: Plan, runlog: RunLog, environ: Mapping[str, str], started: datetime, pid: int | None
) -> None:
    """Write the ``run`` record, and the ``hyperparameters`` that the command's flags tell.

    Raises OSError where they cannot be written.
    """
    argv = command_line.masked(plan.child.argv)
    record: dict[str, Any] = {
        "timestamp": records.timestamp(started),
        "type": "run",
        "schema": records.SCHEMA,
        "project": plan.project,
        "run_id": plan.run_id,
        "argv": argv,
        "cwd": plan.child.cwd,
        "host": socket.gethostname(),
        "pid": pid,
        "boot_id": _boot_id(),
        "git": plan.git,
        "python": interpreter.at_start(plan.child.argv, environ, plan.child.cwd),
        "environment": command_line.allowed_environment(environ),
        "parent": environ.get("MLTERM_PARENT_RUN"),
        "tags": dict(plan.tags),
        "path": os.fspath(runlog.path),
        "supervised": True,
    }
    if any(not _is_text(word) for word in argv):
        encoded = [base64.b64encode(os.fsencode(word)).decode() for word in argv]
        record["argv_base64"] = encoded
    runlog.append_last(record)
    parameters = command_line.hyperparameters(plan.child.argv)
    if parameters:
        moment = records.timestamp(started)
        head = {"timestamp": moment, "type": "hyperparameters", "_source": "argv"}
        runlog.append(head | records.user_fields(parameters))


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
