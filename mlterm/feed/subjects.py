"""Reading what runs are compared by, beside their summaries."""

import hashlib
from contextlib import suppress
from pathlib import Path

from mlterm.core.differences import Subject, packages_in
from mlterm.core.summary import RunSummary
from mlterm.system.ends import read_ends
from mlterm.system.paths import RunFiles
from mlterm.system.sources import PACKAGES, PATCH, source_file


def read_subject(run: RunSummary) -> Subject:
    """A run as it is compared; its metrics are those of the summary. Raises OSError."""
    files = RunFiles(Path(run.path))
    packages, patch = read_text(files, PACKAGES), read_text(files, PATCH)
    return Subject(
        summary=run,
        origin=read_ends(files.run).start,
        packages=packages_in(packages) if packages else None,
        patch=hashlib.sha256(patch.encode(errors="replace")).hexdigest() if patch else None,
    )


def read_text(files: RunFiles, name: str) -> str:
    """PATCH or PACKAGES of a run; empty where there is none."""
    with suppress(OSError):
        return source_file(files, name).read_text(errors="replace")
    return ""
