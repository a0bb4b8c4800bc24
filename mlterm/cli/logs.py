"""mlterm logs: a run's output, safe to print."""

import os
import select
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.show import files_of, find
from mlterm.core.clean import Cleaner
from mlterm.core.errors import NotFoundError
from mlterm.system import lock, terminal
from mlterm.system.paths import RunFiles

CHUNK = 256 * 1024
LOOK_SECONDS = 0.1


@click.command()
@run_argument()
@project_option
@log_dir_option
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--raw", is_flag=True, help="The bytes as the program wrote them.")
def logs(
    run: str, project: str | None, log_dir: str | None, follow: bool, tail: int | None, raw: bool
) -> int:
    """Print RUN's output, control sequences removed (colours stay on a terminal)."""
    chosen = find(run, log_dir, project)
    files = files_of(chosen)
    if not files.output.exists():
        raise NotFoundError(f"{chosen.title} has no output here: it was not started by mlterm run")
    out = sys.stdout.buffer
    cleaner = None if raw else Cleaner(colour=terminal.supports_colour(1))
    with files.output.open("rb", buffering=0) as log:
        if tail is not None:
            log.seek(_tail_start(log, tail))
        for data in _read(log, files, follow=follow):
            out.write(data if cleaner is None else cleaner.feed(data))
            out.flush()
    if cleaner is not None:
        out.write(cleaner.finish())
        out.flush()
    return 0


def _read(log: BinaryIO, files: RunFiles, *, follow: bool) -> Iterator[bytes]:
    """The bytes to the file's end; with ``follow`` until the run's owner is gone."""
    while True:
        live = follow and lock.is_held(files.lock)
        while data := log.read(CHUNK):
            yield data
        if not live:
            return
        if _reader_left():
            raise BrokenPipeError
        time.sleep(LOOK_SECONDS)


def _reader_left() -> bool:
    """Whether the pipe that we print to has been closed, though there is nothing to print."""
    poll = select.poll()
    poll.register(1, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _tail_start(log: BinaryIO, count: int) -> int:
    """Where the last ``count`` lines begin; a torn last line counts as one."""
    end = at = os.fstat(log.fileno()).st_size
    lines = 0
    while at > 0:
        size = min(CHUNK, at)
        at -= size
        block = os.pread(log.fileno(), size, at)
        place = len(block)
        if at + size == end and block.endswith(b"\n"):
            place -= 1
        while (place := block.rfind(b"\n", 0, place)) >= 0:
            lines += 1
            if lines == count:
                return at + place + 1
    return end if count == 0 else 0
