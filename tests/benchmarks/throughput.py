"""200 MB through `mlterm run --plain -- cat`, against script(1); and the memory that takes."""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.harness import (
    PROJECT,
    RUN_ID,
    Corner,
    Row,
    find_program,
    interleave,
    ratio,
)

MEGABYTE = 1_000_000
LOOK_SECONDS = 0.01
FLAT = 1.10
"""The peak at the whole size to that at a quarter of it, and a page or two."""


def measure(corner: Corner, rounds: int, megabytes: int) -> list[Row]:
    """Time into a pipe and into a file, then the peak memory of keeper and client."""
    file = make_file(corner.path / "input", megabytes * MEGABYTE)
    rows = []
    script = find_program("script") if sys.platform.startswith("linux") else None
    if script is None:
        rows.append(Row("throughput", words="skipped: script(1) of util-linux is not installed"))
    else:
        rows += _against_script(corner, rounds, file, script)
    if sys.platform.startswith("linux"):
        rows += _memory(corner, file)
    else:
        rows.append(Row("resident memory", words="skipped: there is no /proc"))
    file.unlink()
    return rows


def make_file(path: Path, size: int) -> Path:
    """Half lines of text, half random bytes."""
    number = 0
    with path.open("wb") as file:
        while file.tell() < size // 2:
            lines = (
                f"step {n:9d}  loss {1 / (n + 1):.6f}  learning rate 3.0e-04  {n % 977} items/s\n"
                for n in range(number, number + 1000)
            )
            file.write("".join(lines).encode())
            number += 1000
        file.truncate(size // 2)
        file.seek(size // 2)
        while left := size - file.tell():
            file.write(os.urandom(min(left, MEGABYTE)))
    return path


def _against_script(corner: Corner, rounds: int, file: Path, script: str) -> list[Row]:
    ours = corner.mlterm_run("cat", str(file))
    typescript = corner.path / "typescript"
    theirs = [script, "-qec", f"cat {file}", str(typescript)]
    size = file.stat().st_size

    def into_pipe(command: list[str]) -> Callable[[], float]:
        def take() -> float:
            seconds, count = corner.seconds_into_pipe(command)
            # script's terminal turns each newline into two bytes, ours none.
            if count < size or (command is ours and count != size):
                raise RuntimeError(f"{count} of {size} bytes came through {command[0]}")
            _clear(corner, typescript)
            return seconds

        return take

    def into_file(command: list[str]) -> Callable[[], float]:
        def take() -> float:
            with (corner.path / "output").open("wb") as output:
                seconds = corner.seconds(command, output)
            (corner.path / "output").unlink()
            _clear(corner, typescript)
            return seconds

        return take

    rows = []
    for sink, timed in ("a pipe", into_pipe), ("a file", into_file):
        taken = interleave({"ours": timed(ours), "script": timed(theirs)}, rounds)
        rates = {who: size / MEGABYTE / statistics.median(times) for who, times in taken.items()}
        rows.append(
            Row(
                f"{size // MEGABYTE} MB of cat into {sink}, time against script(1)",
                f"{rates['ours']:.0f} MB/s",
                f"{rates['script']:.0f} MB/s",
                ratio(taken["ours"], taken["script"]),
                target=1.0,
            )
        )
    return rows


def _clear(corner: Corner, typescript: Path) -> None:
    typescript.unlink(missing_ok=True)
    corner.settle()


def _memory(corner: Corner, file: Path) -> list[Row]:
    whole = file.stat().st_size
    quarter = make_file(corner.path / "quarter", whole // 4)
    parts = ("keeper", "client")
    peaks = {each: peak_memory(corner, each, parts) for each in (quarter, file)}
    quarter.unlink()
    return [
        Row(
            f"peak resident memory of the {part}, {whole // MEGABYTE} MB against "
            f"{whole // 4 // MEGABYTE}",
            f"{peaks[file][part] / 1024:.1f} MiB",
            f"{peaks[quarter][part] / 1024:.1f} MiB",
            ratio([peaks[file][part]], [peaks[quarter][part]]),
            target=FLAT,
        )
        for part in parts
    ]


def peak_memory(corner: Corner, file: Path, parts: tuple[str, ...]) -> dict[str, int]:
    """The greatest resident sets in KiB (VmHWM) of mlterm's parts while FILE goes through."""
    peaks = dict.fromkeys(parts, 0)
    with (corner.path / "output").open("wb") as output:
        process = corner.start(corner.mlterm_run("cat", str(file)), output)
        pids: dict[str, int] = {}
        while process.poll() is None:
            for part in parts:
                pid = pids.get(part) or _pid_of(part)
                if pid is not None:
                    pids[part] = pid
                    peaks[part] = max(peaks[part], _peak_of(pid))
            time.sleep(LOOK_SECONDS)
    corner.finish(process)
    (corner.path / "output").unlink()
    corner.settle()
    if not all(peaks.values()):
        raise RuntimeError(f"mlterm ended before its memory could be seen: {peaks}")
    return peaks


def _pid_of(part: str) -> int | None:
    title = f"mlterm {part} {PROJECT}/{RUN_ID}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().rstrip(b"\0 ") == title:
                return int(folder.name)
        except OSError:
            continue
    return None


def _peak_of(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
