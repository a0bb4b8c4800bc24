"""Runs side by side: what differs between them, as a table that fits the terminal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.differences import Fact, Section, Subject, change_of, is_better, number_of
from mlterm.core.durations import format_duration
from mlterm.core.records import as_number
from mlterm.core.sizes import format_bytes, format_figure
from mlterm.core.summary import RunSummary
from mlterm.core.values import plain
from mlterm.ui.figures import figure, percent, value_words
from mlterm.ui.grid import GAP, Column, fits, grid
from mlterm.ui.rows import Row, Span, cut_middle, width_of, wrapped
from mlterm.ui.styles import STATUS

BEST, NONE = "★", "–"
_HASH = 10
"""Digits that are shown."""
_VALUE_COLUMNS, _HEADING_COLUMNS, _NAME_COLUMNS = 40, 20, 16
"""At most, of a value, of a fact's name above its column, of a run's name in a narrow terminal."""
_LEAST_WORDS, _LEAST_NAME = 8, 12
"""To which a value that is no number may be cut, and the name of a row."""
_DIGITS = range(5, 18)
"""Of a number, at least, and as many more as tell it apart."""
_EXACT_COLUMNS = 12
"""Of a setting that is told with all its digits."""
_LABELS = {
    "exit_code": "exit code", "duration_seconds": "duration", "cwd": "folder",
    "peak_memory_bytes": "peak memory", "mean_cpu_percent": "mean CPU",
    "peak_cpu_percent": "peak CPU", "cpu_seconds": "CPU time", "read_bytes": "read",
    "written_bytes": "written", "energy_kwh": "GPU energy", "gpus": "GPUs",
    "gpu_peak_memory_bytes": "GPU peak memory", "gpu_mean_utilization_percent": "GPU mean",
}  # fmt: skip
_OWN = frozenset({"run", "cost", "git"})
"""Sections whose names are ours, and have labels."""
_THINGS: dict[Section, str] = {
    "tags": "tag", "hyperparameters": "hyperparameter", "metrics": "metric",
    "packages": "package", "environment": "variable",
}  # fmt: skip
"""What is counted of what is the same."""
_CHANGE = Column("", right=True, gap=1, drop=1)


@dataclass(frozen=True)
class Comparison:
    """What is shown of which runs."""

    subjects: Sequence[Subject]
    facts: Sequence[Fact]
    """All of them."""
    everything: bool = False
    """Also what is the same in all runs."""
    has_baseline: bool = False
    """Whether the first run is what the others are measured by."""

    @property
    def names(self) -> list[str]:
        """The runs'."""
        return names_of([each.summary for each in self.subjects])

    @property
    def shown(self) -> list[Fact]:
        """The facts that have a row."""
        told = [fact for fact in self.facts if fact.is_told]
        return [fact for fact in told if self.everything or _is_seen_to_differ(fact)]


def names_of(runs: Sequence[RunSummary]) -> list[str]:
    """What runs are called beside each other: with their projects where they need them."""
    ids = [run.run_id for run in runs]
    is_clear = len(set(ids)) == len(ids)
    return list(map(clean_text, ids if is_clear else [run.name for run in runs]))


def label_of(fact: Fact) -> str:
    """What a row is called."""
    return clean_text(_LABELS.get(fact.name, fact.name) if fact.section in _OWN else fact.name)


def _is_seen_to_differ(fact: Fact) -> bool:
    """Not where two runs took the same time but for milliseconds."""
    return fact.differs and (fact.kind in ("any", "metric") or len(set(words_of(fact))) > 1)


def words_of(fact: Fact) -> list[str]:
    """The values as a person reads them, empty where there is none; with more digits where they
    would all look the same and are not."""
    numbers = {number for value in fact.values if (number := number_of(value)) is not None}
    digits = _DIGITS[0]
    if len(numbers) > 1:
        digits = next((d for d in _DIGITS if len({f"{n:.{d}g}" for n in numbers}) > 1), digits)
    return [_words(fact, value, digits) for value in fact.values]


def _words(fact: Fact, value: Any, digits: int) -> str:
    number = as_number(value) if not isinstance(value, bool) else None
    if value is None:
        return ""
    if fact.kind == "hash":
        return clean_text(str(value)[:_HASH])
    if number is None or (fact.kind == "any" and isinstance(value, str)):
        return value_words(value)
    if not isfinite(number):
        return figure(number)
    if fact.kind == "seconds":
        return format_duration(number)
    if fact.kind == "bytes":
        return format_bytes(number)
    if fact.kind == "percent":
        return percent(number)
    if fact.kind == "kwh":
        return f"{format_figure(number)} kWh" if number >= 1 else f"{1000 * number:.3g} Wh"
    if fact.kind == "any":
        exact = value_words(number)
        return exact if len(exact) <= _EXACT_COLUMNS else f"{number:.{max(6, digits)}g}"
    return figure(number) if digits == _DIGITS[0] else f"{number:.{digits}g}"


# --- A table for a terminal --------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A fact as it is shown."""

    fact: Fact
    label: str
    values: Sequence[Span]
    """Of each run."""
    changes: Sequence[Span]
    """How far each run is from the baseline."""

    def least(self, run: int) -> int:
        """To how many columns a run's value may be cut: numbers never are."""
        is_cuttable = _is_words(self.fact, self.fact.values[run])
        return _LEAST_WORDS if is_cuttable else width_of(self.values[run][1])

    @property
    def cells(self) -> list[Span]:
        """A value and its change after the other."""
        return [cell for pair in zip(self.values, self.changes, strict=True) for cell in pair]


def table(shown: Comparison, width: int | None) -> list[Row]:
    """A column a run where all of them have room, else a row a run, in blocks of columns."""
    lines = [_line(shown, fact, is_whole=width is None) for fact in shown.shown]
    rows = _by_column(shown.names, lines, width)
    if rows is None:
        rows = _by_row(shown.names, lines, width)
    note = _note(shown)
    noted = [note] if width is None else wrapped(note, width)
    return [*rows, *([[]] if rows and note else []), *([("dim", line)] for line in noted if line)]


def _note(shown: Comparison) -> str:
    """What is not shown, and what changes are measured by."""
    notes = [] if shown.shown else ["Nothing differs."]
    if shown.has_baseline and shown.shown:
        notes.append(f"Changes are told from {shown.names[0]}.")
    told_once = (fact for fact in shown.facts if fact.is_told and fact.metric in ("", fact.name))
    counts = Counter(fact.section for fact in told_once if not fact.differs)
    same = [
        f"{counts[section]} {thing}{'s' * (counts[section] > 1)}"
        for section, thing in _THINGS.items()
        if counts[section]
    ]
    if same and not shown.everything:
        several = " and ".join(filter(None, (", ".join(same[:-1]), same[-1])))
        notes.append(f"The same in all: {several} (--all shows them).")
    return " ".join(notes)


def _line(shown: Comparison, fact: Fact, *, is_whole: bool) -> _Line:
    best, base = fact.best, fact.values[0]
    values, changes = [], []
    told = zip(fact.values, words_of(fact), _changes(shown, fact), strict=True)
    for number, (value, words, change) in enumerate(told):
        text = cut_middle(words, _VALUE_COLUMNS) if not is_whole else words
        values.append(_cell(fact, value, text, is_best=number in best))
        better = is_better(fact, value, base)
        changes.append(("dim" if better is None else "good" if better else "bad", change))
    return _Line(fact, label_of(fact), values, changes)


def _changes(shown: Comparison, fact: Fact) -> list[str]:
    if not shown.has_baseline:
        return [""] * len(fact.values)
    return [
        change_of(value, fact.values[0], lambda number: _words(fact, number, 3))
        for value in fact.values
    ]


def _cell(fact: Fact, value: Any, words: str, *, is_best: bool) -> Span:
    if value is None:
        return "dim", NONE
    if is_best:
        return "good", BEST + words
    if fact.kind == "status":
        return STATUS.get(str(value), "bad"), words
    return ("bad", words) if words == "NaN" else ("", words)


def _is_words(fact: Fact, value: Any) -> bool:
    return fact.kind == "any" and value is not None and not isinstance(value, int | float)


def _by_column(names: Sequence[str], lines: Sequence[_Line], width: int | None) -> list[Row] | None:
    """None where the columns have no room."""
    if not lines:
        return []
    columns = [Column("", least=_LEAST_NAME)]
    for number, name in enumerate(names):
        least = max(_LEAST_WORDS, *(line.least(number) for line in lines))
        columns += [Column(name, right=True, least=least), _CHANGE]
    cells = [[("", line.label), *line.cells] for line in lines]
    if not fits(columns, cells, width):
        return None
    head, *body = grid(columns, cells, width)
    rows: list[Row] = [[("title" if text.strip() else "", text) for _, text in head]]
    section = ""
    for line, row in zip(lines, body, strict=True):
        if line.fact.section != section:
            section = line.fact.section
            rows += [[], [("dim", section.upper())]]
        rows.append(row)
    return rows


def _by_row(names: Sequence[str], lines: Sequence[_Line], width: int | None) -> list[Row]:
    """As many columns beside each other as there is room for, then the next ones below."""
    names, lines = _shortened(names, lines, width)
    rows: list[Row] = []
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and fits(*_block(names, lines[at : end + 1]), width):
            end += 1
        rows += [*([[]] if rows else []), *grid(*_block(names, lines[at:end]), width)]
        at = end
    return rows


def _shortened(
    names: Sequence[str], lines: Sequence[_Line], width: int | None
) -> tuple[Sequence[str], Sequence[_Line]]:
    """Names and headings that leave room for the widest number of a terminal."""
    if width is None:
        return names, lines
    widest = max(line.least(number) for line in lines for number in range(len(names)))
    room = max(_LEAST_WORDS, min(max(_NAME_COLUMNS, width // 4), width - GAP - widest))
    shown = [cut_middle(name, room) for name in names]
    left = width - GAP - max(map(width_of, shown))
    heading = max(_LEAST_WORDS, min(_HEADING_COLUMNS, left))
    return shown, [replace(line, label=cut_middle(line.label, heading)) for line in lines]


def _block(names: Sequence[str], lines: Sequence[_Line]) -> tuple[list[Column], list[list[Span]]]:
    columns = [Column("RUN")]
    for line in lines:
        least = max(line.least(number) for number in range(len(names)))
        columns.append(Column(line.label, right=True, least=max(width_of(line.label), least)))
        columns.append(_CHANGE)
    rows: list[list[Span]] = [[("title", name)] for name in names]
    for number, row in enumerate(rows):
        for line in lines:
            row += [line.values[number], line.changes[number]]
    return columns, rows


# --- To be taken elsewhere ---------------------------------------------------------------


def sheet(shown: Comparison) -> tuple[list[str], list[list[str]], list[set[int]]]:
    """Headings, a line a fact and the places of the best values in each; a line of one word
    begins a section."""
    lines: list[list[str]] = []
    best: list[set[int]] = []
    section = ""
    for fact in shown.shown:
        if fact.section != section:
            section = fact.section
            lines.append([section])
            best.append(set())
        values = [
            f"{words or NONE} ({change})" if change else words or NONE
            for words, change in zip(words_of(fact), _changes(shown, fact), strict=True)
        ]
        lines.append([label_of(fact), *values])
        best.append({place + 1 for place in fact.best})
    return ["", *shown.names], lines, best


def raw_sheet(shown: Comparison) -> list[list[Any]]:
    """Headings and a line a fact, the values plain (core.values), in the units of their names."""
    lines = [[fact.section, fact.name, *map(plain, fact.values)] for fact in shown.shown]
    return [["section", "name", *shown.names], *lines]
