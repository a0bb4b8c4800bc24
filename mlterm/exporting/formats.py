"""The formats that runs are exported in, and what each one's module has.

A module of ``mlterm.exporting`` has one function, ``export`` as ``Export`` says, and a line in
``FORMATS``; it is imported when its format is asked for, and its libraries with it. It opens
its target before it reads anything, so that a refused one costs no time::

    def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
        report = Report()
        with target.file() as out, options.progress("exporting", size) as shown:
            ...
        return report

What it cannot read it passes over and tells in the report; where nothing is left to export it
raises NotFoundError inside of the block, and no file comes to be.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from typing import Protocol, cast

from mlterm.core.errors import MltermError
from mlterm.core.summary import RunSummary
from mlterm.exporting.target import Target


class Kind(Enum):
    """What a format makes."""

    TEXT = "text"
    """A file, or standard output."""
    BINARY = "binary"
    """The same, but for a terminal."""
    FOLDER = "folder"
    """A folder: -o has to name it."""


@dataclass(frozen=True)
class Format:
    """What is known of a format before its module is imported."""

    module: str
    """In mlterm.exporting."""
    words: str
    """What it is, for the list of formats."""
    ending: str
    """Of the names of its files, by which -o tells the format; "" for none."""
    kind: Kind = Kind.TEXT
    takes: frozenset[str] = frozenset()
    """Fields of ``Options`` that it heeds; the command refuses the others."""
    several: bool = True
    """Whether it takes more than one run."""
    extra: str = ""
    """What of mlterm's extras installs its libraries."""
    summaries: bool = False
    """Whether it wants the metrics of each RunSummary."""


_TABLE = frozenset({"long", "merge_steps", "system"})
FORMATS = {
    "csv": Format("csvtable", "a table: a row a record of metrics", ".csv", takes=_TABLE),
    "json": Format(
        "jsonarray", "all of each run, in one array", ".json",
        takes=frozenset({"system"}), summaries=True,
    ),
    "jsonl": Format(
        "jsonlines", "the records of metrics, a line each", ".jsonl", takes=frozenset({"system"})
    ),
    "parquet": Format(
        "parquet", "a table as csv, its columns typed (needs pyarrow)", ".parquet", Kind.BINARY,
        takes=_TABLE, extra="parquet",
    ),
    "html": Format("html", "a page to look at and to mail, with charts", ".html", summaries=True),
    "tensorboard": Format(
        "tensorboard", "a folder of event files", "", Kind.FOLDER, extra="tensorboard"
    ),
    "asciicast": Format("asciicast", "the output, as asciinema plays it", ".cast"),
    "mlflow": Format(
        "mlflow", "runs of MLflow, in a folder or at a tracking URI", "", Kind.FOLDER,
        extra="mlflow",
    ),
}  # fmt: skip


class Shown(Protocol):
    """How far the work is."""

    def step(self, count: int = 1) -> None:
        """So much more is done."""


class _Unseen:
    def step(self, count: int = 1) -> None:
        """Nobody looks."""


def unseen(_what: str, _total: int | None) -> AbstractContextManager[Shown]:
    """Work that nobody waits for."""
    return nullcontext(_Unseen())


@dataclass(frozen=True)
class Options:
    """What was asked for beside the format."""

    long: bool = False
    """A row a value, not a row a record."""
    merge_steps: bool = False
    """A row a step, not a row a record."""
    system: bool = False
    """The samples of the machine (system.jsonl)."""
    progress: Callable[[str, int | None], AbstractContextManager[Shown]] = unseen
    """(What is done, of how many: bytes read, where they are known) → what is told of each
    step; one for each time that all is gone through."""


@dataclass
class Report:
    """What came of an export; it is counted in while that goes on."""

    runs: int = 0
    """Of which something was written."""
    rows: int = 0
    """Rows, records or points, whatever the format is made of."""
    broken_lines: int = 0
    """Lines of the runs' files that could not be read."""
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be read at all, or not to their end, and why."""
    notes: list[str] = field(default_factory=list)
    """What else the person should know: a line each on stderr."""


class Export(Protocol):
    """A module's ``export``."""

    def __call__(self, runs: Sequence[RunSummary], target: Target, options: Options, /) -> Report:
        """Write the runs, one at least. Raises MltermError."""


def exporter(form: Format) -> Export:
    """The function of a format. Raises MltermError where its library is not installed."""
    try:
        module = import_module(f"mlterm.exporting.{form.module}")
    except ImportError as error:
        if not form.extra:
            raise
        hint = f"pip install 'mlterm[{form.extra}]'"
        raise MltermError(f"this format needs a library: {hint} ({error})") from None
    return cast(Export, module.export)
