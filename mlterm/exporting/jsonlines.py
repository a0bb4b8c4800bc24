"""JSON Lines: the records of metrics as the runs' files have them, each with its run's names.

With ``system`` the samples of each run follow upon its records, of type ``sample``.
"""

from collections.abc import Sequence

from mlterm.core.records import Record, encode_own
from mlterm.core.summary import RunSummary
from mlterm.core.values import distinct
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.reading import nothing_to_export, runs_of, samples_of, size_of
from mlterm.exporting.target import Target


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a line a record. Raises MltermError."""
    report = Report()
    asked = runs if options.system else ()
    samples = {source.run.path: source for source in samples_of(asked)}
    sources = runs_of(runs)
    size = size_of([*sources, *samples.values()])
    with target.file() as out, options.progress("exporting", size) as shown:
        for source in sources:
            before = report.rows
            names = {"project": source.run.project, "run_id": source.run.run_id}
            for records in source.metrics(report, shown):
                out.write(_lines(names, records))
                report.rows += len(records)
            if (other := samples.get(source.run.path)) is not None:
                for records in other.blocks(report, shown):
                    out.write(_lines(names | {"type": "sample"}, records))
                    report.rows += len(records)
            report.runs += report.rows > before
        if not report.rows:
            what = "metrics and no samples" if options.system else "metrics"
            raise nothing_to_export(what, report)
    return report


def _lines(first: Record, records: Sequence[Record]) -> bytes:
    begin = encode_own(first)[:-2] + b","
    return b"".join(
        begin + encode_own(record)[1:]
        if record and first.keys().isdisjoint(record)
        else encode_own(distinct((*first.items(), *record.items())))
        for record in records
    )
