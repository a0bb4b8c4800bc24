"""What the page says: of each run an object of plain data, and how all of it is arranged."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from mlterm import __version__
from mlterm.core.clean import clean_text
from mlterm.core.cost import words_of
from mlterm.core.differences import differing_names
from mlterm.core.durations import format_duration
from mlterm.core.goals import Goal, family_of, goal_of, order_of, phase_of
from mlterm.core.origin import argv_of
from mlterm.core.places import seconds_of
from mlterm.core.records import Record, as_number, encode_own
from mlterm.core.shell import command_line
from mlterm.core.sizes import format_bytes
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.core.values import plain
from mlterm.exporting.page.curves import CurveBook, number_of
from mlterm.exporting.page.reading import Reading
from mlterm.reader import artifacts_of

MOST_ROWS = 500
"""Of a run's artifacts and of its alerts: the last ones."""
MOST_CHARACTERS = 2_000
"""Of a setting or a variable."""
_SAFE_INTEGER = 2**53
"""From there on a browser's numbers have gaps."""
_SYSTEM = (
    ("CPU of the job", "percent", ("job/cpu_percent",)),
    ("Memory of the job", "bytes", ("job/pss_bytes", "job/rss_bytes")),
    ("GPU use", "percent", ("/utilization_percent",)),
    ("GPU memory", "bytes", ("/memory_used_bytes",)),
    ("GPU power", "watts", ("/power_watts",)),
    ("GPU temperature", "celsius", ("/temperature_celsius",)),
    ("Disk, the job", "bytes a second", (
        "job/read_bytes_per_second", "job/written_bytes_per_second",
    )),
    ("CPU of the host", "percent", ("host/cpu_percent",)),
    ("Memory of the host", "bytes", ("host/memory_used_bytes",)),
    ("Disk, the host", "bytes a second", (
        "host/disk_read_bytes_per_second", "host/disk_written_bytes_per_second",
    )),
    ("Network, the host", "bytes a second", (
        "host/network_received_bytes_per_second", "host/network_sent_bytes_per_second",
    )),
    ("Temperature of the host", "celsius", ("host/temperature_celsius",)),
)  # fmt: skip
"""Charts of the samples: title, unit, and their curves; a name that begins with a slash is that
of every GPU's."""


def page_of(
    readings: Sequence[Reading], limit: int, broken_lines: int, made: datetime
) -> dict[str, Any]:
    """The page's data, as plain as JSON has it. ``limit`` is the most points of a curve that is
    whole, ``broken_lines`` how many could not be read, ``made`` the time of the export, aware."""
    definitions = definitions_of(reading.summary for reading in readings)
    names = dict.fromkeys(name for reading in readings for name in reading.series)
    metrics = sorted(names, key=order_of)
    goals = {name: goal for name in metrics if (goal := goal_of(name, definitions))}
    is_one_project = len({reading.summary.project for reading in readings}) == 1
    return {
        "title": title_of([reading.summary for reading in readings]),
        "made": made.timestamp(),
        "version": __version__,
        "limit": limit,
        "broken_lines": broken_lines,
        "metrics": metrics,
        "goals": goals,
        "charts": _charts(metrics),
        "system_charts": _system_charts(readings),
        "differing": differing_names(each.summary.hyperparameters for each in readings),
        "runs": [
            plain(_said(reading, short=is_one_project)) | _measured(reading, goals)
            for reading in readings
        ],
    }


def title_of(runs: Sequence[RunSummary]) -> str:
    """The run's name where there is one, else the projects'."""
    if len(runs) == 1:
        return runs[0].title
    projects = list(dict.fromkeys(clean_text(run.project) for run in runs))
    return ", ".join(projects[:3]) + (" …" if len(projects) > 3 else "")


def _measured(reading: Reading, goals: Mapping[str, Goal]) -> dict[str, Any]:
    """The larger part, which is plain already."""
    return {
        "metrics": {
            name: _figures(series.summary(), goals.get(name))
            for name, series in reading.series.items()
        },
        "metric_curves": _book(reading.metrics),
        "system_curves": _book(reading.system),
        "output": reading.output,
    }


def _said(reading: Reading, *, short: bool) -> dict[str, Any]:
    """What the run's records say of it but for its metrics, in any values; ``short``: its name
    without its project."""
    run, start = reading.summary, reading.start
    artifacts = artifacts_of(reading.rare)
    alerts = [record for record in reading.rare if record.get("type") == "alert"]
    return {
        "name": clean_text(run.run_id) if short else run.title,
        "status": run.status,
        "started": _moment(run.started),
        "duration_seconds": run.duration_seconds,
        "duration": "" if run.duration_seconds is None else format_duration(run.duration_seconds),
        "origin": reading.origin,
        "hyperparameters": {name: shown(value) for name, value in run.hyperparameters.items()},
        "tags": {str(name): str(value) for name, value in run.tags.items()},
        "notes": [str(note) for note in run.notes],
        "command": command_line(argv_of(start)),
        "facts": _facts(reading),
        "environment": _texts(start.get("environment")),
        "cost": _cost(run),
        "artifacts": [_artifact(record) for record in artifacts[-MOST_ROWS:]],
        "artifacts_left_out": max(0, len(artifacts) - MOST_ROWS),
        "alerts": [_alert(record) for record in alerts[-MOST_ROWS:]],
        "alerts_left_out": max(0, len(alerts) - MOST_ROWS),
        "tail": str(reading.finish.get("tail") or reading.finish.get("traceback") or ""),
    }


def _figures(summary: Mapping[str, Any], goal: Goal | None) -> dict[str, Any]:
    figures = {n: None if v is None else number_of(v) for n, v in summary.items()}
    return figures | {"best": figures[goal] if goal else None}


def _facts(reading: Reading) -> list[list[str]]:
    """What a run's section begins with: names and texts, those alone that are known."""
    run, start = reading.summary, reading.start
    git = _object(start.get("git"))
    python = _object(start.get("python"))
    dirty = " (files differed from it)" if git.get("dirty") else ""
    how = run.signal or ("" if run.exit_code is None else f"exit code {run.exit_code}")
    lost = as_number(reading.finish.get("lost_output_bytes"))
    facts = {
        "Ended": ", ".join(dict.fromkeys(filter(None, (how, run.reason)))),
        "Also called": ", ".join(run.aliases),
        "Started in": start.get("cwd"),
        "Host": start.get("host") or run.host,
        "Python": " ".join(str(v) for n in ("version", "executable") if (v := python.get(n))),
        "Git branch": git.get("branch"),
        "Git commit": f"{git['commit']}{dirty}" if git.get("commit") else None,
        "Within run": start.get("parent"),
        "Records": run.path,
        "Output lost": format_bytes(lost) if lost else None,
    }
    return [[name, str(text)] for name, text in facts.items() if text]


def _cost(run: RunSummary) -> dict[str, Any]:
    """In words; and tables by role and by device."""
    return {
        "words": words_of(run.cost),
        "facts": [[name, text] for name, text in _cost_facts(run.cost) if text],
        "roles": _rows(run.cost.get("roles")),
        "gpus": [row for row in _list(run.cost.get("gpus")) if isinstance(row, dict)],
    }


def _cost_facts(cost: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    seconds = as_number(cost.get("cpu_seconds"))
    yield "CPU time", "" if seconds is None else format_duration(seconds)
    peak = as_number(cost.get("peak_cpu_percent"))
    yield "Peak CPU", "" if peak is None else f"{peak:.0f}%"
    for name, title in (("read_bytes", "Read from storage"), ("written_bytes", "Written to it")):
        amount = as_number(cost.get(name))
        yield title, "" if amount is None else format_bytes(amount)


def _rows(named: object) -> list[Record]:
    return [{"role": name, **_object(row)} for name, row in _object(named).items()]


def _artifact(record: Record) -> Record:
    size = as_number(record.get("size_bytes"))
    told = {name: record.get(name) for name in ("name", "path", "copy", "sha256", "description")}
    return {name: str(text) for name, text in told.items() if text} | {
        "step": shown(record.get("_step")),
        "size": "missing" if record.get("missing") else "" if size is None else format_bytes(size),
        "size_bytes": shown(size),
    }


def _alert(record: Record) -> Record:
    moment = _moment(record.get("timestamp"))
    return {"at": moment, "level": str(record.get("level")), "text": str(record.get("text"))}


def shown(value: object) -> Any:
    """A setting as a cell shows and sorts it: a number, boolean or null as it is, all else as
    text. An integer that a browser would round is text, too."""
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return str(value) if abs(value) >= _SAFE_INTEGER and value == value else number_of(value)
    return cut(encode_own({"": plain(value)})[4:-2].decode())


def cut(text: str) -> str:
    """A text that is not too long, and what was left out of a longer one."""
    more = len(text) - MOST_CHARACTERS
    return text if more <= 0 else f"{text[:MOST_CHARACTERS]} … and {more:,} characters more"


def _charts(metrics: Sequence[str]) -> list[dict[str, Any]]:
    """One a family, in the order of their first metrics; training before validation in all."""
    families: dict[str, list[str]] = {}
    for name in metrics:
        families.setdefault(family_of(name), []).append(name)
    return [
        {"title": family if len(names) > 1 else names[0], "curves": sorted(names, key=phase_of)}
        for family, names in families.items()
    ]


def _system_charts(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    there = dict.fromkeys(n for r in readings for n in r.system.curves)
    charts = []
    for title, unit, wanted in _SYSTEM:
        names = [name for end in wanted for name in there if _is_of(name, end)]
        if names:
            charts.append({"title": title, "unit": unit, "curves": names})
    return charts


def _is_of(name: str, wanted: str) -> bool:
    return name == wanted or (wanted[0] == "/" and name[:3] == "gpu" and name.endswith(wanted))


def _book(book: CurveBook) -> dict[str, Any]:
    return {"places": book.places, "curves": book.curves}


def _moment(text: object) -> float | None:
    """Seconds since 1970."""
    seconds = seconds_of(text)
    return seconds if isfinite(seconds) else None


def _texts(named: object) -> dict[str, str]:
    return {str(name): cut(str(text)) for name, text in _object(named).items()}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
