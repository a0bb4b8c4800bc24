"""Reading a run's file: what ``mlterm.read_run`` and ``mlterm.follow_run`` are.

Nothing is held that grows with the run but what is asked for: ``records`` and ``metrics``
are read as they are iterated over, ``series`` are folded.
"""

import os
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError, MltermWarning, NotFoundError
from mlterm.core.moments import moment_of
from mlterm.core.origin import origin_of
from mlterm.core.records import SCHEMA, Record, as_number, decode_batch, is_metric
from mlterm.core.series import Series, SeriesFold
from mlterm.core.summary import RunSummary
from mlterm.system import lock, store
from mlterm.system.ends import ends_part
from mlterm.system.paths import RunFiles

if TYPE_CHECKING:
    import pandas
    import polars

_AXES = ("timestamp", "step", "epoch", "rank")


class RunData:
    """One run, ended or live, as its file told when it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.summary: RunSummary = store.load(RunFiles(path))

    def __repr__(self) -> str:
        return f"<RunData {self.summary.name} {self.status} {self.path}>"

    @property
    def project(self) -> str:
        """The project."""
        return self.summary.project

    @property
    def run_id(self) -> str:
        """The run ID."""
        return self.summary.run_id

    @property
    def status(self) -> str:
        """completed, failed, cancelled, running or lost, when the file was read."""
        return self.summary.status

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """Of all records; of those with the same name the last one."""
        found: dict[str, Any] = {}
        for record in self._rare("hyperparameters"):
            users = (item for item in record.items() if item[0][:1] != "_")
            found |= {name: value for name, value in users if name not in ("timestamp", "type")}
        return found

    @cached_property
    def schema(self) -> int | None:
        """The version of the format; None in a file of the first mlterm."""
        versions = (record.get("schema") for record in self._rare("run"))
        return next((version for version in versions if isinstance(version, int)), None)

    @cached_property
    def artifacts(self) -> list[Record]:
        """The artifact records; what was known later (a hash) stands in them."""
        return artifacts_of(self._rare_and_broken[0])

    @cached_property
    def alerts(self) -> list[Record]:
        """The alert records."""
        return list(self._rare("alert"))

    @property
    def tags(self) -> dict[str, str]:
        """The labels that the run has, those of its last part."""
        return self.summary.tags

    @cached_property
    def notes(self) -> list[Record]:
        """The note records, each with a text."""
        return [record for record in self._rare("note") if isinstance(record.get("text"), str)]

    @cached_property
    def definitions(self) -> dict[str, Record]:
        """What ``define`` said of each metric: the last record of each name."""
        return {str(record.get("name")): record for record in self._rare("define")}

    @cached_property
    def finish(self) -> Record | None:
        """The record that ended the run; None where none has."""
        ends = [record for record in self._rare("finish") if ends_part(record)]
        return ends[-1] if ends and self.status not in ("running", "lost") else None

    @cached_property
    def series(self) -> dict[str, Series]:
        """Every metric, folded into a size that does not grow with the run."""
        fold = SeriesFold()
        self.broken_lines = 0
        for found, broken in store.batches(self.path):
            fold.add_batch(found)
            self.broken_lines += broken
        return fold.series

    @cached_property
    def broken_lines(self) -> int:
        """Lines that are no record. A torn last one is none of them: it may yet be ended."""
        return sum(broken for _, broken in store.batches(self.path))

    def records(self) -> Iterator[Record]:
        """Every record, in the file's order."""
        for found, _ in store.batches(self.path):
            yield from found

    def metrics(self) -> Iterator[Record]:
        """The records of metrics."""
        return (record for record in self.records() if record.get("type") == "metrics")

    def columns(self) -> dict[str, list[Any]]:
        """The metrics, a row a record: timestamp, step, epoch, rank, then each name in the
        order in which it first came; None where a record has it not."""
        columns: dict[str, list[Any]] = {name: [] for name in _AXES}
        for row, record in enumerate(self.metrics()):
            for name, value in _row(record).items():
                column = columns.get(name)
                if column is None:
                    column = columns[name] = [None] * row
                column.append(value)
            for column in columns.values():
                if len(column) == row:
                    column.append(None)
        return columns

    def to_pandas(self) -> "pandas.DataFrame":
        """``columns`` as a data frame, the timestamps in UTC.

        Raises MltermError where pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MltermError("to_pandas() needs pandas: pip install pandas") from None
        return pandas.DataFrame(self._typed_columns())

    def to_polars(self) -> "polars.DataFrame":
        """``columns`` as a data frame, the timestamps in UTC.

        Raises MltermError where polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise MltermError("to_polars() needs polars: pip install polars") from None
        return polars.DataFrame(self._typed_columns(), strict=False)

    def _typed_columns(self) -> dict[str, list[Any]]:
        columns = self.columns()
        return {**columns, "timestamp": [_moment(text) for text in columns["timestamp"]]}

    @property
    def seen_broken_lines(self) -> int:
        """As many of the broken lines as are seen without parsing the metrics."""
        return self._rare_and_broken[1]

    @cached_property
    def origin(self) -> Record:
        """The ``run`` record that began the last part, with what amended it; empty where there
        is none."""
        return origin_of(self._rare_and_broken[0])

    def _rare(self, kind: str) -> Iterator[Record]:
        return (record for record in self._rare_and_broken[0] if record.get("type") == kind)

    @cached_property
    def _rare_and_broken(self) -> tuple[list[Record], int]:
        """All records but those of metrics: few, however long the run."""
        rare: list[Record] = []
        count = 0
        for found, broken in store.batches(self.path, rare=True):
            rare += (record for record in found if record.get("type") != "metrics")
            count += broken
        return rare, count


def artifacts_of(records: Iterable[Record]) -> list[Record]:
    """The artifact records among these, what was known later (a hash) put into them."""
    found: dict[tuple[object, ...], Record] = {}
    artifacts = (record for record in records if record.get("type") == "artifact")
    for number, record in enumerate(artifacts):
        key = tuple(str(record.get(name)) for name in ("name", "path", "_step"))
        if record.get("_amends") and key in found:
            late = {k: v for k, v in record.items() if k not in ("timestamp", "_amends")}
            found[key].update(late)
            found[key].pop("_pending", None)
        else:
            if key in found:  # logged again: both stay
                found[(number, *key[1:])] = found.pop(key)
            found[key] = record
    return sorted(found.values(), key=lambda record: str(record.get("timestamp")))


def read_run(path: str | os.PathLike[str]) -> RunData:
    """Read a run's ``.jsonl``, also one that is still being written.

    Raises NotFoundError where there is no such file, MltermError where it cannot be read.
    """
    file = _checked(path)
    run = RunData(file)
    if run.schema is not None and run.schema > SCHEMA:
        warnings.warn(
            f"{file} is of a newer mlterm (format {run.schema}, this one knows {SCHEMA}): "
            "what is known of it is read",
            MltermWarning,
            stacklevel=2,
        )
    return run


def follow_run(
    path: str | os.PathLike[str], *, from_start: bool = True, poll_seconds: float = 0.1
) -> Iterator[Record]:
    """Yield a run's records as they come, until it has ended or is lost.

    A torn last line is waited for. Where the file is replaced or cut, it is read anew.
    Raises NotFoundError where there is no such file, MltermError where it cannot be read.
    """
    file = _checked(path)
    return _follow(file, 0 if from_start else _last_line(file), poll_seconds)


def _last_line(path: Path) -> int:
    """Where the last line begins that has not ended yet."""
    with path.open("rb", buffering=0) as file:
        at = 0
        for data in store.whole_lines(file.fileno(), at):
            at += len(data)
    return at


def _follow(path: Path, at: int, poll_seconds: float) -> Iterator[Record]:
    files = RunFiles(path)
    file = path.open("rb", buffering=0)
    has_ended = False
    try:
        while True:
            is_live = lock.is_live(files)  # asked first: what is written meanwhile is seen
            if os.fstat(file.fileno()).st_size < at:
                at = 0
            for data in store.whole_lines(file.fileno(), at):
                at += len(data)
                for record in decode_batch(data)[0]:
                    if record.get("type") == "run" and "schema" in record:
                        has_ended = False  # it was gone on with
                    has_ended = has_ended or ends_part(record)
                    yield record
            with suppress(FileNotFoundError):
                if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                    file.close()
                    file, at = path.open("rb", buffering=0), 0
                    continue
            if has_ended or not is_live:
                return
            time.sleep(poll_seconds)
    finally:
        file.close()


def _checked(path: str | os.PathLike[str]) -> Path:
    file = Path(os.path.abspath(path))
    if file.exists() and not file.is_file():
        raise MltermError(f"cannot read {clean_text(os.fspath(file))}: it is no file")
    try:
        with file.open("rb"):
            return file
    except FileNotFoundError:
        raise NotFoundError(f"there is no run file {clean_text(os.fspath(file))}") from None
    except OSError as error:
        raise MltermError(f"cannot read {clean_text(os.fspath(file))}: {error.strerror}") from None


def _row(record: Record) -> Record:
    """A metrics record by the names of ``columns``; of ours only step and rank are kept."""
    row = {
        "timestamp": record.get("timestamp"),
        "step": record.get("_step", record.get("step")),
        "epoch": record.get("epoch"),
        "rank": record.get("_rank"),
    }
    rest = {name: _value(value) for name, value in record.items() if is_metric(name)}
    return row | {f"{name}_" if name in row else name: value for name, value in rest.items()}


def _value(value: Any) -> Any:
    """Words for NaN and infinities are floats again."""
    number = as_number(value) if isinstance(value, str) else None
    return value if number is None else number


def _moment(text: object) -> datetime | None:
    """In UTC."""
    moment = moment_of(text)
    return None if moment is None else moment.astimezone(UTC)
