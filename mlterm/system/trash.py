"""Removing runs: into ``.trash`` in their log folder, back out of it, or for good.

Whatever is done is done under the run's lock, so that nobody writes to a run meanwhile or goes
on with it. A run is there as long as its ``.jsonl`` is: that is moved away first and brought
back last, and deleted after its bulk, so that nobody ever sees half a run.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError
from mlterm.system import lock
from mlterm.system.disk import size_of_file, size_of_folder
from mlterm.system.paths import RunFiles

FOLDER = ".trash"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
"""What each removed run's own folder in it is called: when it was removed, in UTC."""


@dataclass(frozen=True)
class Trashed:
    """A run in the trash."""

    files: RunFiles
    removed: datetime

    @property
    def home(self) -> RunFiles:
        """Where it was."""
        return RunFiles(self.files.run.parents[2] / self.files.run.name)


def folder_of(log_dir: Path) -> Path:
    """Where the runs of a log folder go."""
    return log_dir / FOLDER


def trashed(log_dir: Path) -> Iterator[Trashed]:
    """What is in the trash of a log folder, the newest last."""
    for path in sorted(folder_of(log_dir).glob("*/*.jsonl")):
        with suppress(ValueError):
            removed = datetime.strptime(path.parent.name, _STAMP).replace(tzinfo=UTC)
            yield Trashed(RunFiles(path), removed)


def move_away(files: RunFiles) -> RunFiles:
    """Move a run that is not live to the trash; its files there.

    Raises MltermError where it lives or is not there, OSError where it cannot be moved: it is
    then as it was.
    """
    with _held(files):
        place = _new_place(folder_of(files.run.parent))
        there = RunFiles(place / files.run.name)
        try:
            _move({files.run: there.run, files.folder: there.folder, files.lock: there.lock})
        except OSError:
            with suppress(OSError):
                place.rmdir()
            raise
    return there


def delete(files: RunFiles) -> None:
    """Delete a run that is not live. Raises as ``move_away``; what is left can be deleted again."""
    with _held(files):
        _delete(files.folder)
        for path in (files.run, files.lock):
            path.unlink(missing_ok=True)


def bring_back(run: Trashed) -> RunFiles:
    """Move a run out of the trash to where it was; its files there.

    Raises MltermError where a run of its name is there, OSError where it cannot be moved: it is
    then in the trash as before.
    """
    home = run.home
    held = lock.take(home.lock)
    try:
        if held is None or os.path.lexists(home.run):
            raise MltermError(f"{clean_text(str(home.run))} is there again: remove that run first")
        _move({run.files.folder: home.folder, run.files.run: home.run})
        with suppress(OSError):  # nothing of the run: its old lock
            discard(run)
    finally:
        if held is not None:
            os.close(held)
    return home


def discard(run: Trashed) -> None:
    """Delete a run that is in the trash. Raises OSError; what is left can be deleted again."""
    _delete(run.files.run.parent)


def tidy(log_dir: Path) -> None:
    """Take away what is empty of a trash."""
    trash = folder_of(log_dir)
    for folder in (*trash.glob("*"), trash):
        with suppress(OSError):
            folder.rmdir()


def size_of(files: RunFiles) -> int:
    """The bytes of a run's files, as far as they can be looked at."""
    return size_of_file(files.run) + size_of_file(files.lock) + size_of_folder(files.folder)


@contextmanager
def _held(files: RunFiles) -> Iterator[None]:
    held = lock.take(files.lock)
    try:
        if held is None or lock.is_shared(files.ranks):
            raise MltermError("it is live, or a process that it left behind still writes to it")
        if not os.path.lexists(files.run):
            files.lock.unlink(missing_ok=True)
            raise MltermError("it has been removed meanwhile")
        yield
    finally:
        if held is not None:
            os.close(held)


def _new_place(trash: Path) -> Path:
    trash.mkdir(exist_ok=True)
    moment = datetime.now(UTC)
    while True:
        place = trash / moment.strftime(_STAMP)
        try:
            place.mkdir()
            return place
        except FileExistsError:
            moment += timedelta(microseconds=1)


def _move(moves: dict[Path, Path]) -> None:
    """Rename what is there, in this order; all of it, or nothing. Raises OSError."""
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in moves.items():
            if os.path.lexists(old):
                os.rename(old, new)
                done.append((old, new))
    except OSError:
        for old, new in reversed(done):
            with suppress(OSError):
                os.rename(new, old)
        raise


def _delete(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
