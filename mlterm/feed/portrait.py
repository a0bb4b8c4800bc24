"""Reading all that is known of one run."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from mlterm.core.clean import tail_lines
from mlterm.core.lifecycle import FAILED, LOST
from mlterm.core.origin import argv_of
from mlterm.core.portrait import Portrait
from mlterm.feed.courses import courses
from mlterm.reader import RunData
from mlterm.system.disk import size_of_folder
from mlterm.system.paths import RunFiles

TAIL_LINES = 50
_TAIL_BYTES = 64 * 1024


def read_portrait(files: RunFiles, look: Callable[[], object] = lambda: None) -> Portrait:
    """The run; ``look`` is called whenever a block of a long file was read.

    Raises OSError where its file cannot be read.
    """
    run = RunData(files.run)
    series, is_exact = courses(files, look, sketch=bool(run.summary.metrics))
    summary = run.summary
    if not summary.metrics:
        folded = {name: each.summary() for name, each in series.items()}
        summary = replace(summary, metrics=folded)
    return Portrait(
        summary=replace(summary, hyperparameters=run.hyperparameters),
        origin=run.origin,
        argv=argv_of(run.origin),
        definitions=run.definitions,
        series=series,
        is_sampled=not is_exact,
        artifacts=run.artifacts,
        alerts=run.alerts,
        finish=run.finish,
        tail=_tail(files, run),
        files=list(_files(files)),
        broken_lines=run.seen_broken_lines,
    )


def _tail(files: RunFiles, run: RunData) -> list[str]:
    """Of what the finish record kept, else of the output itself."""
    if run.status not in (FAILED, LOST):
        return []
    for name in ("tail", "traceback"):
        told = (run.finish or {}).get(name)
        if isinstance(told, str) and told.strip():
            return tail_lines(told.encode(errors="replace"), TAIL_LINES)
    with suppress(OSError), files.output.open("rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
        return tail_lines(log.read(_TAIL_BYTES), TAIL_LINES)
    return []


def _files(files: RunFiles) -> Iterator[tuple[str, int]]:
    """The run's own first, then what stands in its folder, each folder there as one."""
    with suppress(OSError):
        yield os.fspath(files.run), os.stat(files.run).st_size
        for entry in sorted(os.scandir(files.folder), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield f"{entry.path}/", size_of_folder(entry.path)
            elif not entry.name.startswith("."):
                yield entry.path, entry.stat(follow_symlinks=False).st_size
