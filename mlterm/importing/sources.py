"""What runs are imported from, and what each one's module has.

A module of ``mlterm.importing`` has one function, ``read`` as ``Read`` says, and a line in
``SOURCES``; it is imported when it is asked for, and its libraries with it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from mlterm.core.errors import MltermError
from mlterm.importing.staging import Asked, Staging


@dataclass(frozen=True)
class Source:
    """What is known of a source before its module is imported."""

    module: str
    """In mlterm.importing."""
    words: str
    """What PATH is."""
    ending: str
    """A part of the names of its files, by which the work is reckoned before it is done."""
    extra: str = ""
    """What has to be installed: pip install 'mlterm[EXTRA]'."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What its library is told before it is imported, unless the person says otherwise."""


SOURCES = {
    "tensorboard": Source("tensorboard", "a folder of event files", "tfevents", "tensorboard"),
    "wandb-offline": Source(
        "wandb", "wandb's folder, or a .wandb file", ".wandb", "wandb",
        {"WANDB_ERROR_REPORTING": "false"},
    ),
    "csv": Source("csvtable", "a table", ".csv"),
}  # fmt: skip


class Read(Protocol):
    """A module's ``read``."""

    def __call__(self, path: Path, staging: Staging, asked: Asked, /) -> None:
        """Make a draft of each run under ``path``. Raises OSError."""


def reader(name: str) -> Read:
    """The function of a source. Raises MltermError where its library is missing."""
    source = SOURCES[name]
    os.environ.update({**source.environment, **os.environ})
    try:
        return cast(Read, import_module(f"mlterm.importing.{source.module}").read)
    except ImportError as error:
        raise MltermError(
            f"importing from {name} needs its package ({error}): "
            f"pip install 'mlterm[{source.extra}]'"
        ) from None


def size_of(name: str, path: Path) -> int:
    """Bytes to read, about."""
    if path.is_file():
        return path.stat().st_size
    files = (file for file in path.rglob("*") if SOURCES[name].ending in file.name)
    return sum(file.stat().st_size for file in files if file.is_file())
