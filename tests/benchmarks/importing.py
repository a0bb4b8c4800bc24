"""What a script waits for that makes a Tracker, above the start of a bare Python."""

import fcntl
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks.harness import Corner, Row, interleave, ratio

JOINS_MILLISECONDS = 40
ALONE_MILLISECONDS = 90
_CODE = {
    "python": "pass",
    "orjson": "import orjson",
    "joins": "from mlterm import Tracker; Tracker()",
    "alone": "from mlterm import Tracker; Tracker()",
}


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Whole processes, the constructor and the end of the script included; in a git tree."""
    subprocess.run(["git", "init", "-q", str(corner.path)], check=True)
    corner.logs.mkdir()
    joined = corner.logs / "p_r.jsonl"
    joined.write_text('{"type":"run","schema":1,"supervised":true}\n')
    held = os.open(f"{joined}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    context = {"MLTERM_PROJECT": "p", "MLTERM_RUN_ID": "r", "MLTERM_RUN_FILE": str(joined)}

    def timed(code: str, more: Mapping[str, str]) -> Callable[[], float]:
        settings = [f"{name}={value}" for name, value in more.items()]
        return lambda: corner.seconds(["env", *settings, sys.executable, "-c", code])

    taken = interleave(
        {name: timed(code, context if name == "joins" else {}) for name, code in _CODE.items()},
        rounds,
    )
    os.close(held)
    return [
        _row("import and a Tracker that joins a run", taken, "joins", JOINS_MILLISECONDS),
        _row("import and a Tracker that stands alone", taken, "alone", ALONE_MILLISECONDS),
        _row("  of which import orjson", taken, "orjson", None),
    ]


def _row(name: str, taken: Mapping[str, Sequence[float]], which: str, most: int | None) -> Row:
    ours, bare = taken[which], taken["python"]
    above = statistics.median(a - b for a, b in zip(ours, bare, strict=True)) * 1000
    words = f"{above:.1f} ms above bare Python"
    if most is not None:
        words += f", at most {most}: {'met' if above <= most else 'missed'}"
    return Row(
        name,
        f"{statistics.median(ours) * 1000:.1f} ms",
        f"{statistics.median(bare) * 1000:.1f} ms",
        ratio(ours, bare),
        words=words,
    )
