"""CSV: RFC 4180 in UTF-8, but for lines that end with a newline alone.

Numbers stand as the runs' files have them, NaN and the infinities as their words, booleans as
true and false, lists and objects as JSON, what is missing as nothing. Of text, and of headings,
what a spreadsheet would take for a formula has an apostrophe before it (OWASP, "CSV
Injection"): it begins with = + - @, their full-width forms, a tab, a newline or a carriage
return.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from mlterm.core.summary import RunSummary
from mlterm.exporting.formats import Options, Report
from mlterm.exporting.tables import RUN, Row, Table
from mlterm.exporting.target import Target

_LONG = ("name", "value")
_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})
_FORMULA = frozenset("=+-@＝＋－＠\t\r\n\0")
_QUOTED = re.compile(r'[",\r\n]')
_DOUBTFUL = re.compile(rb'"[^\w,\]]|\\|\{')
"""In an array of rows as JSON: what may make a cell of it another than its text."""


def export(runs: Sequence[RunSummary], target: Target, options: Options) -> Report:
    """Write a table, wide or long. Raises MltermError."""
    report = Report(runs=len(runs))
    with target.file() as out:
        table = Table(runs, options)
        blocks = table.long_rows(report) if options.long else table.rows(report)
        headings = (*RUN, *table.axes, *(_LONG if options.long else table.headings))
        out.write(_line(headings))
        for run, rows in blocks:
            out.write(lines(rows, _line((run.project, run.run_id))[:-1]))
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
        return b"".join(before + b"," + _line(row) for row in rows)
    if b'"-Inf' in data:
        data = data.replace(b'"-Infinity"', b"-Infinity")
    commas = len(rows) * len(rows[0]) - 1
    if (
        data.count(b",") != commas
        or data.count(b"[") != len(rows) + 1
        or data.count(b"]") != len(rows) + 1
        or _DOUBTFUL.search(data)
    ):
        return b"".join(before + b"," + _line(row) for row in rows)
    # No text holds a bracket or a comma now, so these stand between cells and rows alone.
    data = data.replace(b",null", b",").replace(b"[null", b"[").replace(b'"', b"")
    return before + b"," + data[2:-2].replace(b"],[", b"\n" + before + b",") + b"\n"


def _line(row: Sequence[Any]) -> bytes:
    return ",".join(map(_cell, row)).encode("utf-8", "backslashreplace") + b"\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        text = orjson.dumps(value).decode()
    elif value[:1] in _FORMULA and value not in _WORDS:
        text = f"'{value}"
    else:
        text = value
    # Not the csv module: of Python 3.11 and 3.12 it leaves a carriage return without quotes.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
