"""What a run ran with, kept beside it: the changes that were not committed, the packages."""

import os
import re
from contextlib import suppress
from pathlib import Path

from mlterm.system.paths import RunFiles

PATCH, PACKAGES = "source.patch", "packages.txt"
_OF_PART = re.compile(r"(?:source|packages)-([0-9]+)\.(?:patch|txt)")


def source_file(files: RunFiles, name: str) -> Path:
    """PATCH or PACKAGES of a run, of the last part that has kept any; not necessarily there."""
    parts = [0]
    with suppress(OSError):
        found = map(_OF_PART.fullmatch, os.listdir(files.folder))
        parts += [int(match[1]) for match in found if match]
    stem, ending = os.path.splitext(name)
    return files.folder / (f"{stem}-{max(parts)}{ending}" if max(parts) else name)
