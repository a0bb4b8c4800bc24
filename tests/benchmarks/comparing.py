"""Twenty runs of a million records compared by the whole program: the first time, and again."""

import shutil
import statistics
from collections.abc import Iterable
from pathlib import Path

import orjson

from mlterm.core.series import SeriesFold
from mlterm.system.summaryfile import SummaryFile
from tests.benchmarks.harness import MLTERM, PROJECT, Corner, Row, figure

RUNS, RECORDS = 20, 1_000_000
TARGET_SECONDS = 0.5
_BATCH = 10_000
_HEAD = {"timestamp": "2026-11-24T07:00:00.000000+00:00"}


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Of runs that have ended, and of runs that were lost, of which only summary.json tells."""
    rows = []
    for what, ended in (("ended", True), ("lost, with summary.json", False)):
        logs = corner.path / "runs"
        logs.mkdir()
        size = _write(logs, ended=ended) / 1e9
        command = [*MLTERM, "compare", "--project", PROJECT, "--log-dir", str(logs)]
        corner.seconds(command)  # fills the caches of the file system, not of mlterm alone
        firsts, agains = [], []
        for _ in range(rounds):
            shutil.rmtree(corner.path / "cache", ignore_errors=True)
            firsts.append(corner.seconds(command))
            agains.append(corner.seconds(command))
        name = f"compare {RUNS} runs of a million records ({size:.1f} GB), {what}"
        rows.append(figure(name, statistics.median(firsts), TARGET_SECONDS, "s"))
        rows.append(figure("  again", statistics.median(agains), TARGET_SECONDS, "s"))
        shutil.rmtree(logs)
    return rows


# --- The runs ----------------------------------------------------------------------------


def _write(logs: Path, *, ended: bool) -> int:
    """Twenty runs whose records are the same; the bytes of their files."""
    body = logs / "body"
    fold = SeriesFold()
    with body.open("wb") as file:
        for begin in range(0, RECORDS, _BATCH):
            batch = [_metrics(step) for step in range(begin, begin + _BATCH)]
            fold.add_batch(batch)
            file.write(_lines(batch))
    size = 0
    for number in range(RUNS):
        path = logs / f"{PROJECT}_run-{number:02}.jsonl"
        with path.open("wb") as file, body.open("rb") as source:
            file.write(_lines(_beginning(number)))
            shutil.copyfileobj(source, file, 1 << 20)
            if ended:
                file.write(_lines([_finish(fold)]))
            size += file.tell()
        if not ended:
            path.with_suffix("").mkdir()
            fields = {"schema": 1, "records_offset": path.stat().st_size, "records": RECORDS}
            SummaryFile(path.with_suffix("") / "summary.json").put(
                "", {**fields, "metrics": fold.summaries()}, fold.series
            )
    body.unlink()
    return size


def _metrics(step: int) -> dict[str, object]:
    return {**_HEAD, "type": "metrics", "loss": 2.5 / (1 + step % 977), "_step": step}


def _beginning(number: int) -> Iterable[dict[str, object]]:
    names = {"schema": 1, "project": PROJECT, "run_id": f"run-{number:02}", "argv": ["train"]}
    yield {**_HEAD, "type": "run", **names}
    yield {**_HEAD, "type": "hyperparameters", "lr": 0.1 / (1 + number), "seed": number}


def _finish(fold: SeriesFold) -> dict[str, object]:
    end = {"status": "completed", "exit_code": 0, "duration_seconds": 3600.0}
    return {**_HEAD, "type": "finish", **end, "metrics": fold.summaries()}


def _lines(batch: Iterable[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in batch)
