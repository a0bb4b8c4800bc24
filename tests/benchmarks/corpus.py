"""Ten thousand runs as mlterm leaves them, half with a thousand records, ten with a million."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlterm.core.records import Record, decode_batch, encode_own, timestamp
from mlterm.core.series import SeriesFold
from mlterm.system.paths import RunFiles
from mlterm.system.summaryfile import SummaryFile

RUNS, LONG, THOUSANDS, SHORT_RECORDS = 10_000, 10, 5_000, 20
MILLION = 1_000_000
PROJECT = "sweep"
_BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
_AGO_NS = 3_600_000_000_000
"""The files are older than the cache asks for."""


class Body:
    """The metrics of a run, in lines, and what they sum up to."""

    def __init__(self, records: int) -> None:
        lines = (encode_own(_metrics(number, records)) for number in range(records))
        self.data = b"".join(lines)
        self.fold = SeriesFold()
        self.fold.add_batch(decode_batch(self.data)[0])


def make(folder: Path, runs: int = RUNS, long: int = LONG, thousands: int = THOUSANDS) -> None:
    """Put them into a log folder: of Trackers, but for the long ones, which were supervised."""
    folder.mkdir(parents=True)
    short, thousand = Body(SHORT_RECORDS), Body(1_000)
    million = Body(MILLION) if long else short
    for number in range(runs):
        body = million if number < long else thousand if number < long + thousands else short
        _write(folder, number, body, is_supervised=number < long)


def _write(folder: Path, number: int, body: Body, *, is_supervised: bool) -> None:
    run_id = f"run_{number:05}"
    files = RunFiles.of(folder, PROJECT, run_id)
    begin = _BEGIN + timedelta(minutes=number)
    head = b"".join(map(encode_own, _head(files, run_id, number, begin, is_supervised)))
    end: Record = {
        "timestamp": timestamp(begin + timedelta(hours=1)), "type": "finish",
        "status": "failed" if number % 7 == 3 else "completed",
        "exit_code": 1 if number % 7 == 3 else 0, "signal": None, "duration_seconds": 3600.0,
        "reason": "exit code 0", "peak_memory_bytes": 3_100_000_000 + number,
        "peak_memory_of": "pss", "mean_cpu_percent": 187.0,
    }  # fmt: skip
    if is_supervised:
        files.folder.mkdir()
        offset = len(head) + len(body.data)
        fields: Record = {"schema": 1, "records_offset": offset, "progress": None}
        fields |= {"records": body.fold.records, "metrics": body.fold.summaries()}
        SummaryFile(files.summary).put("", fields, body.fold.series)
    else:
        end["metrics"] = body.fold.summaries()
    files.run.write_bytes(head + body.data + encode_own(end))
    changed = files.run.stat().st_mtime_ns - _AGO_NS
    os.utime(files.run, ns=(changed, changed))


def _head(
    files: RunFiles, run_id: str, number: int, begin: datetime, is_supervised: bool
) -> tuple[Record, Record]:
    run: Record = {
        "timestamp": timestamp(begin), "type": "run", "schema": 1, "project": PROJECT,
        "run_id": run_id, "argv": ["python", "train.py", "--lr", str(_lr(number))],
        "cwd": "/home/me/sweep", "host": "gpu1", "pid": 4242, "boot_id": None,
        "git": {"commit": "4f1c2d3e" * 5, "branch": "main", "dirty": False},
        "python": {"version": "3.12.1", "executable": "/usr/bin/python"},
        "environment": {"CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "8"}, "parent": None,
        "tags": {"team": "vision"}, "path": str(files.run), "supervised": is_supervised,
    }  # fmt: skip
    settings = {"lr": _lr(number), "batch_size": 32 << number % 4, "optimizer": "adam"}
    settings |= {"depth": 18 + number % 3, "dropout": 0.1, "seed": number}
    return run, {"timestamp": timestamp(begin), "type": "hyperparameters", **settings}


def _lr(number: int) -> float:
    return 10.0 ** -(1 + number % 5)


def _metrics(number: int, of: int) -> Record:
    share = number / of
    values: dict[str, Any] = {
        "epoch": number * 10 // of, "train_loss": round(2.3 - 2 * share, 6),
        "val_loss": round(2.4 - 1.9 * share, 6), "val_acc": round(0.1 + 0.8 * share, 6),
        "lr": 0.001, "grad_norm": round(1.0 + (number * 7919 % 1000) / 1000, 6),
    }  # fmt: skip
    stamp = timestamp(_BEGIN + timedelta(milliseconds=number))
    return {"timestamp": stamp, "type": "metrics", **values, "_step": number}
