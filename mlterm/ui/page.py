"""All that is known of a run, on a page: sections of facts and tables, in rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import isfinite

from mlterm.core.clean import clean_text
from mlterm.core.cost import words_of
from mlterm.core.differences import flattened
from mlterm.core.durations import format_age, format_duration
from mlterm.core.lifecycle import RUNNING
from mlterm.core.moments import moment_of
from mlterm.core.portrait import Portrait
from mlterm.core.records import Record, as_number
from mlterm.core.sizes import format_bytes
from mlterm.ui.along import points_along
from mlterm.ui.chart import sparkline
from mlterm.ui.figures import figure, step_label, value_words
from mlterm.ui.grid import Column, beside, grid, named
from mlterm.ui.rows import Row, Span, width_of, wrapped
from mlterm.ui.state import Axis
from mlterm.ui.styles import STATUS

SEPARATOR = " · "
SPARK_COLUMNS = 20
TAIL_LINES = 20
_HASH, _COMMIT = 10, 12
"""Digits that are shown."""
_METRICS = (
    Column("METRIC", least=8),
    Column("LAST", right=True),
    Column("BEST", right=True, drop=1),
    Column("AT", right=True, drop=2),
    Column("MIN", right=True, drop=4),
    Column("MAX", right=True, drop=5),
    Column("MEAN", right=True, drop=7),
    Column("COUNT", right=True, drop=6),
    Column("", drop=3),
)
_ARTIFACTS = (
    Column("ARTIFACT", least=8),
    Column("STEP", right=True, drop=2),
    Column("SIZE", right=True, drop=1),
    Column("SHA-256", drop=4),
    Column("COPY", least=8, drop=3),
    Column("", least=8, drop=5),
)
_FILES = Column("FILE", least=10), Column("SIZE", right=True, drop=1)
_MOST_ARTIFACTS, _MOST_ALERTS = 40, 20
"""The last ones; --json has all."""
_LEVELS = {"error": "bad", "warning": "warn"}


def page(run: Portrait, now: datetime, width: int | None, folder: str = "") -> list[Row]:
    """The rows, of ``width`` columns at most, but for the command line and the output, which are
    there to be copied. Times are those of the zone of ``now``; paths are told from a folder."""
    rows = list(_title(run, now, width))
    sections = (
        ("", _facts(run, width)),
        ("HYPERPARAMETERS", beside(list(_settings(run)), width)),
        ("", grid(_METRICS, [_metric(run, name) for name in run.metrics], width)),
        ("COST", [[("label", line)] for line in _facts_in(words_of(run.summary.cost), width)]),
        ("", _earlier(run.artifacts, _MOST_ARTIFACTS, grid(
            _ARTIFACTS, [_artifact(each) for each in run.artifacts[-_MOST_ARTIFACTS:]], width))),
        ("ALERTS", _earlier(run.alerts, _MOST_ALERTS, named(
            [_alert(each, now) for each in run.alerts[-_MOST_ALERTS:]], width))),
        ("", grid(_FILES, [_file(path, size, folder) for path, size in run.files], width)),
        ("", _broken(run, width)),
        ("END OF THE OUTPUT", [[("label", line)] for line in _last_lines(run)]),
    )  # fmt: skip
    for heading, body in sections:
        if body:
            rows += [[], *([[("dim", heading)]] if heading else []), *body]
    return rows


def _title(run: Portrait, now: datetime, width: int | None) -> Iterator[Row]:
    summary = run.summary
    status = clean_text(summary.status)
    if summary.progress is not None and summary.status == RUNNING:
        status += f" {summary.progress['fraction']:.0%}"
    lines = [summary.title] if width is None else wrapped(summary.title, width)
    yield from ([("title", line)] for line in lines)
    yield [(STATUS.get(summary.status, "bad"), f"● {status}")]
    facts = [_ending(run)]
    if (started := moment_of(summary.started)) is not None:
        age = format_age((now - started).total_seconds())
        facts.append(f"started {started.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S} ({age})")
    if summary.duration_seconds is not None and isfinite(summary.duration_seconds):
        facts.append(format_duration(summary.duration_seconds))
    words = SEPARATOR.join(filter(None, facts))
    yield from ([("dim", line)] for line in _facts_in(words, width))


def _ending(run: Portrait) -> str:
    """How it ended, in words; empty where it has not, or its status says all."""
    summary = run.summary
    told = summary.reason or summary.signal or ""
    if not told and summary.exit_code is not None:
        told = f"exit code {summary.exit_code}"
    return "" if told == "exit code 0" else clean_text(told)


def _facts(run: Portrait, width: int | None) -> list[Row]:
    """Where it came from, and what has been said of it."""
    command: list[Row] = [] if run.command is None else [[("title", clean_text(run.command))]]
    pairs = [(name, words) for name, words in _told(run) if words]
    told = named([(("dim", name), ("label", words)) for name, words in pairs], width)
    return [*command, *([[]] if command and told else []), *told]


def _told(run: Portrait) -> Iterator[tuple[str, str]]:
    summary, origin = run.summary, run.origin
    yield "aliases", clean_text(", ".join(summary.aliases))
    yield "parent", clean_text(str(origin.get("parent") or ""))
    yield "host", clean_text(summary.host or "")
    python = origin.get("python")
    if isinstance(python, dict):
        yield "python", clean_text(_joined(python.get("version"), python.get("executable")))
    yield "git", _git(run)
    yield "tags", clean_text("  ".join(f"{n}={value}" for n, value in summary.tags.items()))
    for number, note in enumerate(summary.notes):
        yield "" if number else "notes", clean_text(note)


def _git(run: Portrait) -> str:
    git = run.summary.git
    if git is None:
        return ""
    words = _joined(str(git.get("commit") or "no commit yet")[:_COMMIT], git.get("branch"))
    if git.get("dirty"):
        names = [path.rpartition("/")[2] for path, _ in run.files]
        patches = [name for name in names if name.startswith("source") and name.endswith(".patch")]
        kept = f" ({', '.join(patches)})" if patches else " that were not kept"
        words += f", with changes{kept}"
    return clean_text(words)


def _joined(*words: object) -> str:
    return " ".join(str(word) for word in words if word)


def _settings(run: Portrait) -> Iterator[tuple[Span, Span]]:
    for name, value in flattened(run.summary.hyperparameters).items():
        yield ("dim", clean_text(name)), ("label", value_words(value))


def _metric(run: Portrait, name: str) -> list[Span]:
    summary = run.summary.metrics[name]
    best = run.best(name)
    series = (run.series or {}).get(name)
    course = "" if series is None else sparkline(points_along(series, Axis.STEP), SPARK_COLUMNS)
    count = as_number(summary.get("count"))
    return [
        ("title", clean_text(name)),
        _number(summary.get("last")),
        _number(best[0], "good") if best is not None else ("dim", ""),
        ("label", _place(best[1]) if best is not None else ""),
        _number(summary.get("min")),
        _number(summary.get("max")),
        _number(summary.get("mean")),
        ("dim", "" if count is None else f"{count:,}"),
        ("curve1", course),
    ]


def _number(value: object, style: str = "label") -> Span:
    number = as_number(value)
    if number is None:
        return "dim", ""
    return ("bad", "NaN") if number != number else (style, figure(number))


def _place(span: tuple[float, float] | None) -> str:
    if span is None:
        return ""
    begin, end = map(step_label, span)
    return begin if begin == end else f"{begin}–{end}"


def _artifact(record: Record) -> list[Span]:
    size, step = as_number(record.get("size_bytes")), as_number(record.get("_step"))
    digest, copy = record.get("sha256"), record.get("copy")
    name = str(record.get("name") or record.get("path") or "")
    words = [record.get("description"), record.get("problem")]
    words += [word for word in ("missing", "changed", "truncated") if record.get(word)]
    return [
        ("label", clean_text(name)),
        ("dim", "" if step is None else step_label(step)),
        ("label", "" if size is None else format_bytes(size)),
        ("dim", clean_text(str(digest or "")[:_HASH])),
        ("dim", clean_text(str(copy or ""))),
        ("label", clean_text(", ".join(str(word) for word in words if word))),
    ]


def _alert(record: Record, now: datetime) -> tuple[Span, Span]:
    moment = moment_of(record.get("timestamp"))
    level = str(record.get("level", ""))
    when = "" if moment is None else f"{moment.astimezone(now.tzinfo):%m-%d %H:%M:%S} "
    head = f"{when}{clean_text(level)}"
    return (_LEVELS.get(level, "dim"), head), ("label", clean_text(str(record.get("text", ""))))


def _earlier(records: Sequence[Record], most: int, shown: list[Row]) -> list[Row]:
    """Rows of the last records, and how many there are before them."""
    more = len(records) - most
    return [*shown, [("dim", f"and {more:,} before")]] if more > 0 else shown


def _file(path: str, size: int, folder: str) -> list[Span]:
    shown = path.removeprefix(f"{folder}/") if folder else path
    return [("label", clean_text(shown)), ("dim", format_bytes(size))]


def _broken(run: Portrait, width: int | None) -> list[Row]:
    if not run.broken_lines:
        return []
    lines = "line of its file is" if run.broken_lines == 1 else "lines of its file are"
    words = f"{run.broken_lines:,} {lines} broken, and passed over"
    return [[("warn", line)] for line in _facts_in(words, width)]


def _last_lines(run: Portrait) -> list[str]:
    return [clean_text(line.expandtabs()) for line in run.tail[-TAIL_LINES:]]


def _facts_in(words: str, width: int | None) -> list[str]:
    """A line of facts; where it is too long, parted between them."""
    lines: list[str] = []
    for fact in clean_text(words).split(SEPARATOR) if words else ():
        longer = f"{lines[-1]}{SEPARATOR}{fact}" if lines else fact
        if lines and (width is None or width_of(longer) <= width):
            lines[-1] = longer
        elif width is None:
            lines.append(fact)
        else:
            lines += wrapped(fact, width)
    return lines
