"""CSV: RFC 4180 in UTF-8, but for lines that end with a newline alone.

Numbers stand as the runs' files have them, NaN and the infinities as their words, booleans as
true and false, lists and objects as JSON, what is missing as nothing. Of text, and of headings,
what a spreadsheet would take for a formula is guarded (core.formulas).
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from mlterm.core.formulas import guarded
from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.tables import Row, Table, text_of
from mlterm.exporting.target import Target

_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})
_QUOTED = re.compile(r'[",\r\n]')
_DOUBTFUL = re.compile(rb'"[^\w,\]]')
"""In JSON that has no backslash: the beginning of a text that may look like a formula."""


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a table, wide or long. Raises MltermError."""
    report = Report()
    with target.file() as out:
        table = Table(runs, options)
        out.write(line(table.headings))
        for run, rows in table.blocks(report):
            out.write(lines(rows, line((run.project, run.run_id))[:-1]))
    return report


def lines(rows: Sequence[Row], before: bytes) -> bytes:
    """The rows, which are all of one length, each behind the cells of ``before``.

    orjson writes the numbers a dozen times as fast as Python does. What it makes of the rows
    are the lines themselves, but for what stands between them, where no text has in it what
    JSON or CSV write in a way of their own; text with a comma or a bracket gives itself away
    by their number.
    """
    if not rows:
        return b""
    try:
        data = orjson.dumps(rows)
    except TypeError:  # a lone surrogate
        data = b"\\"
    if b'"-Inf' in data:
        data = data.replace(b'"-Infinity"', b"-Infinity")
    if (
        data.count(b",") != len(rows) * len(rows[0]) - 1
        or data.count(b"[") != len(rows) + 1
        or data.count(b"]") != len(rows) + 1
        or b"{" in data
        or b"\\" in data
        or _DOUBTFUL.search(data)
    ):
        return b"".join(before + line((None, *row)) for row in rows)
    # No text holds a bracket or a comma now, so these stand between cells and rows alone.
    data = b"," + data[2:-2].replace(b"],[", b"\n,")
    data = data.replace(b",null", b",").translate(None, b'"')
    return before + data.replace(b"\n", b"\n" + before) + b"\n"


def line(row: Sequence[Any]) -> bytes:
    """One line of any plain values (core.values)."""
    return ",".join(map(_cell, row)).encode("utf-8", "backslashreplace") + b"\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = text_of(value)
    if text is value and text not in _WORDS:
        text = guarded(text)
    # Not the csv module: of Python 3.11 and 3.12 it leaves a carriage return without quotes.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
