"""The copies of artifacts that a run's folder keeps: found, and read in their own form."""

import gzip
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import IO, cast

from mlterm.core.records import Record
from mlterm.system.paths import RunFiles
from mlterm.tracker.files import zstd_open


def copy_of(files: RunFiles, artifact: Record) -> Path | None:
    """Where an artifact's content is kept; None where it is not, or not in the run's folder: a
    file may claim any path."""
    told = artifact.get("copy")
    if not isinstance(told, str) or "\0" in told:
        return None
    folder = os.path.realpath(files.folder)
    path = os.path.realpath(os.path.join(folder, told))
    is_ours = path.startswith(folder + os.sep) and os.path.isfile(path)
    return Path(path) if is_ours else None


def open_copy(path: Path, artifact: Record) -> IO[bytes]:
    """A copy to read from, decompressed. Raises OSError where it cannot be."""
    form = artifact.get("compression")
    if form == "gz":
        return cast(IO[bytes], gzip.open(path))
    if form == "zst":
        zstd = zstd_open()
        if zstd is None:
            raise OSError("reading .zst needs Python 3.14 or: pip install zstandard")
        return cast(IO[bytes], zstd(path, "rb"))
    return path.open("rb")


def restore(path: Path, artifact: Record, target: Path) -> None:
    """Write a copy's content, decompressed, to ``target``. Raises OSError."""
    with closing(open_copy(path, artifact)) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
