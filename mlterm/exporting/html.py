"""HTML: one page of its own, to look at and to mail, that loads nothing from anywhere."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.page.contents import page_of
from mlterm.exporting.page.curves import limit_of
from mlterm.exporting.page.document import document
from mlterm.exporting.page.reading import Reading, read
from mlterm.exporting.target import Target

MOST_OUTPUT_BYTES = 200_000
"""Of a run, from its end on; of many runs less."""
ALL_OUTPUT_BYTES = 4_000_000
LEAST_OUTPUT_BYTES = 20_000


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """A page of these runs. Raises NotFoundError where none of them can be read."""
    report = Report()
    limit = limit_of(sum(len(run.metrics) for run in runs))
    share = max(LEAST_OUTPUT_BYTES, ALL_OUTPUT_BYTES // len(runs))
    readings: list[Reading] = []
    with target.file() as out:
        with options.progress("Reading", sum(map(_size, runs))) as shown:
            for run in runs:
                try:
                    readings.append(read(run, limit, min(share, MOST_OUTPUT_BYTES), shown.step))
                except OSError as error:
                    report.unreadable.append(f"{clean_text(run.path)}: {error.strerror}")
        if not readings:
            raise NotFoundError(f"none of these runs can be read: {'; '.join(report.unreadable)}")
        out.write(document(page_of(readings, limit, datetime.now(UTC))))
    report.runs = len(readings)
    report.rows = sum(reading.points for reading in readings)
    report.broken_lines = sum(reading.broken_lines for reading in readings)
    return report


def _size(run: RunSummary) -> int:
    with suppress(OSError):
        return Path(run.path).stat().st_size
    return 0
