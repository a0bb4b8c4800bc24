"""How long `mlterm run --plain -- true` takes, against `asciinema rec -c true`."""

import statistics
import sys
from collections.abc import Callable, Sequence

from tests.benchmarks.harness import (
    MLTERM,
    Corner,
    Row,
    find_program,
    installed_script,
    interleave,
    ratio,
)


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Time both, and in the same rounds the parts of ours that are Python's own."""
    script = installed_script()  # what people run
    ours = corner.mlterm_run("true", mlterm=[str(script)] if script else MLTERM)
    asciinema = find_program("asciinema")
    recording = str(corner.path / "true.cast")
    commands = {
        "ours": ours,
        "python": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import mlterm.cli.run"],
    }
    if asciinema is not None:
        recorder = [asciinema, "rec", "-q", "--overwrite", "-c", "true", recording]
        commands = {"ours": ours, "asciinema": recorder} | commands

    def timed(command: Sequence[str]) -> Callable[[], float]:
        def take() -> float:
            seconds = corner.seconds(command)
            corner.settle()
            return seconds

        return take

    taken = interleave({name: timed(words) for name, words in commands.items()}, rounds)
    rows = []
    if asciinema is None:
        rows.append(Row("start and end", words="skipped: asciinema is not installed"))
    else:
        rows.append(
            Row(
                "start and end of true, time against asciinema rec",
                _milliseconds(taken["ours"]),
                _milliseconds(taken["asciinema"]),
                ratio(taken["ours"], taken["asciinema"]),
                target=1.0,
            )
        )
    beyond = [
        whole - python for whole, python in zip(taken["import"], taken["python"], strict=True)
    ]
    rest = [whole - some for whole, some in zip(taken["ours"], taken["import"], strict=True)]
    for name, part in (
        ("a bare Python", taken["python"]),
        ("import of mlterm.cli.run", beyond),
        ("the rest: daemon, command, the client's end", rest),
    ):
        rows.append(
            Row(
                f"  of which {name}",
                _milliseconds(part),
                ratio=ratio(part, taken["ours"]),
                words="share of the whole",
            )
        )
    return rows


def _milliseconds(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1000:.1f} ms"
