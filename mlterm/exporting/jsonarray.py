"""JSON: an array, an object a run, a line a record; written as it is read."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from mlterm.core.records import Record, encode, encode_own
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.reading import nothing_to_export, runs_of, samples_of, size_of, unreadable
from mlterm.exporting.target import Target
from mlterm.reader import RunData


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write all that the runs' files tell. Raises MltermError."""
    report = Report()
    sources = runs_of(runs)
    samples = {source.run.path: source for source in samples_of(runs if options.system else ())}
    size = 2 * size_of(sources) + size_of([*samples.values()])
    with target.file() as out, options.progress("exporting", size) as shown:
        for source in sources:
            try:
                head, tail = _around(source.run)
            except OSError as error:
                report.unreadable.append(unreadable(source.path, error))
                continue
            shown.step(source.size)
            out.write(b",\n" if report.runs else b"[\n")
            out.write(encode(head)[:-2] + b',"metrics":')
            report.rows += _write_array(out, source.metrics(report, shown))
            out.write(b"," + encode(tail)[1:-2])
            if options.system:
                other = samples.get(source.run.path)
                out.write(b',"system":')
                _write_array(out, other.blocks(report, shown) if other is not None else ())
            out.write(b"}")
            report.runs += 1
        if not report.runs:
            raise nothing_to_export("runs", report)
        out.write(b"\n]\n")
    return report


def _around(run: RunSummary) -> tuple[Record, Record]:
    """What stands before a run's metrics and behind them. Raises OSError."""
    told = RunData(Path(run.path))
    head = {"run": run.as_json(), "hyperparameters": told.hyperparameters}
    return head, {"artifacts": told.artifacts, "finish": told.finish}


def _write_array(out: BinaryIO, blocks: Iterable[Sequence[Record]]) -> int:
    """The records, in lines; how many they are."""
    count = 0
    out.write(b"[")
    for records in filter(None, blocks):
        out.write(b",\n" if count else b"\n")
        out.write(b",\n".join(encode_own(record)[:-1] for record in records))
        count += len(records)
    out.write(b"\n]" if count else b"]")
    return count
