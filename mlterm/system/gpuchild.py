"""The process in which the driver is called: a line of JSON for each question, one for each answer.

It is started and asked by gpuprobe alone.
"""

import os
import select
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import orjson

from mlterm.system import daemon
from mlterm.system.gpu import GpuReader, GpuReading
from mlterm.system.nvml import NvmlReader


def main(environ: Mapping[str, str], selection: str, run: str, proc: str) -> int:
    """Answer until there is nothing to tell, or nobody to ask.

    A question is ``{"pids", "used"}`` as GpuReader.read() takes them; an answer is a
    GpuReading's fields, or null, and ``is_last`` where this process ends behind it.
    """
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # whatever a driver's library prints is no answer
    daemon.set_title("gpus", run)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    reader: GpuReader | None = None
    for line in sys.stdin.buffer:
        question = orjson.loads(line)
        try:
            reader = reader or NvmlReader(environ, selection, proc=Path(proc))
            reading = reader.read(question["pids"], question["used"])
            is_last = reading is None or reader.is_spent
        except Exception as error:  # noqa: BLE001 - a binding or a driver that nobody foresaw
            why = f"the reading of GPUs failed: {type(error).__name__}: {error}"
            reading, is_last = GpuReading(unavailable={"gpus": why}), True
        answer = {"reading": reading and asdict(reading), "is_last": is_last}
        os.write(answers, orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS) + b"\n")
        if is_last:
            break
    return 0


def _end_with_the_parent() -> NoReturn:
    """When the last writer of our stdin is gone, even while the driver keeps a call."""
    poll = select.poll()
    poll.register(0, 0)  # POLLHUP is always reported
    poll.poll()
    os._exit(0)
