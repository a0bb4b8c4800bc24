"""What `tracker.log` of five scalars costs, against the least it could and against others."""

import csv
import importlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from mlterm import Tracker
from tests.benchmarks.harness import Corner, Ratio, Row, ratio

TARGET = 1.5
CALLS = 20_000
PASSES = 3
CHUNK = 1_000
"""Calls of which one median is taken: the pairs that the noise is told from."""
_SLOW_CALLS = {"wandb offline": 2_000, "mlflow": 200}

Log = Callable[[dict[str, float]], object]


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Each call timed, the ways in turns; of ``rounds`` passes the best."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(corner.path))
    os.environ.update(TRACKIO_DIR=str(corner.path / "trackio"), HF_HUB_OFFLINE="1")
    tracker = Tracker("benchmark", "log", str(corner.logs))
    background = Tracker("benchmark", "background", str(corner.logs), background=True)
    fd = os.open(corner.path / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def floor(values: dict[str, float]) -> None:
        head = {"timestamp": datetime.now(UTC).isoformat(), "type": "metrics"}
        os.write(fd, orjson.dumps({**head, **values}) + b"\n")

    def ours(values: dict[str, float]) -> None:
        tracker.log(**values)

    rows = [
        _row("tracker.log of five scalars, against orjson.dumps and os.write",
             ours, floor, rounds, target=TARGET),
        _row("  the same with background=True",
             lambda values: background.log(**values), floor, rounds),
        _row("  against csv.DictWriter with flush", ours, _csv(corner.path / "log.csv"), rounds),
    ]  # fmt: skip
    for name, open_peer in _PEERS.items():
        try:
            peer, close = open_peer(corner.path)
        except Exception as error:  # noqa: BLE001  # whatever keeps a peer from starting
            rows.append(Row(f"  against {name}", words=f"skipped: {str(error)[:60]}"))
            continue
        calls = _SLOW_CALLS.get(name, CALLS)
        rows.append(_row(f"  against {name}", ours, peer, 1, calls=calls))
        close()
    tracker.finish()
    background.finish()
    os.close(fd)
    return rows


def _row(
    name: str, ours: Log, peer: Log, passes: int, calls: int = CALLS, target: float | None = None
) -> Row:
    times = min(
        (_pass(ours, peer, calls) for _ in range(passes)), key=lambda pair: _of(*pair).median
    )
    return Row(name, _microseconds(times[0]), _microseconds(times[1]), _of(*times), target)


def _pass(ours: Log, peer: Log, calls: int) -> tuple[list[float], list[float]]:
    """Seconds of each call, ours and the peer's, in turns."""
    clock = time.perf_counter
    mine, theirs = [], []
    for number in range(calls):
        values = {
            "epoch": number,
            "loss": 1 / (number + 1),
            "accuracy": 0.9,
            "lr": 1e-3,
            "norm": 1.25,
        }
        begin = clock()
        ours(values)
        middle = clock()
        peer(values)
        mine.append(middle - begin)
        theirs.append(clock() - middle)
    return mine, theirs


def _of(ours: Sequence[float], peers: Sequence[float]) -> Ratio:
    size = min(CHUNK, max(1, len(ours) // 10))
    starts = range(0, len(ours), size)
    return ratio(
        [statistics.median(ours[at : at + size]) for at in starts],
        [statistics.median(peers[at : at + size]) for at in starts],
    )


def _microseconds(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1e6:.1f} µs"


# --- The others ---------------------------------------------------------------------------


def _csv(path: Path) -> Log:
    file = path.open("w")
    writer = csv.DictWriter(file, ["epoch", "loss", "accuracy", "lr", "norm"])

    def log(values: dict[str, float]) -> None:
        writer.writerow(values)
        file.flush()

    return log


def _tensorboard(folder: Path) -> tuple[Log, Callable[[], object]]:
    writer = importlib.import_module("tensorboardX").SummaryWriter(str(folder / "tensorboard"))

    def log(values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, values["epoch"])

    return log, writer.close


def _wandb(folder: Path) -> tuple[Log, Callable[[], object]]:
    run: Any = importlib.import_module("wandb").init(project="benchmark", dir=str(folder))
    return run.log, run.finish


def _trackio(folder: Path) -> tuple[Log, Callable[[], object]]:
    trackio: Any = importlib.import_module("trackio")
    trackio.init(project="benchmark", embed=False)
    return trackio.log, trackio.finish


def _mlflow(folder: Path) -> tuple[Log, Callable[[], object]]:
    mlflow: Any = importlib.import_module("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.start_run()
    return mlflow.log_metrics, mlflow.end_run


_PEERS: dict[str, Callable[[Path], tuple[Log, Callable[[], object]]]] = {
    "tensorboardX": _tensorboard,
    "trackio": _trackio,
    "wandb offline": _wandb,
    "mlflow": _mlflow,
}
