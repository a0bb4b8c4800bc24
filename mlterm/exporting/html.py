"""HTML: one page of its own, to look at and to mail, that loads nothing from anywhere."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mlterm.core.sizes import format_bytes
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.page.contents import page_of
from mlterm.exporting.page.curves import limit_of
from mlterm.exporting.page.document import document
from mlterm.exporting.page.reading import read
from mlterm.exporting.reading import nothing_to_export, runs_of, size_of
from mlterm.exporting.target import Target

MOST_OUTPUT_BYTES = 200_000
"""Of a run, from its end on; of many runs less."""
ALL_OUTPUT_BYTES = 4_000_000
LEAST_OUTPUT_BYTES = 20_000
MAILED_BYTES = 20 * 1024 * 1024
"""More than this is hardly mailed."""


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """A page of these runs. Raises NotFoundError where none can be read, RefusedError."""
    report = Report()
    limit = limit_of(sum(len(run.metrics) for run in runs))
    output = min(MOST_OUTPUT_BYTES, max(LEAST_OUTPUT_BYTES, ALL_OUTPUT_BYTES // len(runs)))
    sources = runs_of(runs)
    with target.file() as out:
        with options.progress("Reading", size_of(sources)) as shown:
            readings = [
                read(source.run, source.blocks(report, shown), limit, output) for source in sources
            ]
        if len(report.unreadable) == len(runs):
            raise nothing_to_export("records", report)
        made = datetime.now(UTC)
        page = document(page_of(readings, limit, report.broken_lines, made))
        out.write(page)
    report.runs = len(readings)
    report.rows = sum(reading.points for reading in readings)
    if len(page) > MAILED_BYTES:
        report.notes.append(
            f"the page has {format_bytes(len(page))}; fewer runs make a smaller one"
        )
    return report
