"""Reading the runs of a log folder, and finding the one that a person means."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlterm.core import names
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.lifecycle import ENDED, LOST, RUNNING
from mlterm.core.records import Record, as_number, decode, decode_batch, decode_lines
from mlterm.core.series import SeriesFold
from mlterm.core.summary import COST_FIELDS, RunSummary
from mlterm.system import lock, registry
from mlterm.system.checkpoint import read_progress
from mlterm.system.paths import RunFiles

BLOCK = 64 * 1024
LOOK_BACK = 1024 * 1024
"""How far from a file's end its finish, and the beginning of a resumed part, are looked for."""
_RARE = (b'"finish"', b'"run"', b'"hyperparameters"')
LAST = "@last"


def load(files: RunFiles, *, metrics: bool = False) -> RunSummary:
    """Everything about one run that its head and tail tell; all metrics where asked for.

    Raises OSError where the file cannot be read.
    """
    return load_named(files, metrics=metrics)[0]


def load_named(files: RunFiles, *, metrics: bool = False) -> tuple[RunSummary, bool]:
    """The same, and whether the file itself names its project and run."""
    held = lock.is_live(files)  # asked first: an end that is recorded meanwhile is seen
    ends = _read_ends(files.run)
    first: Record = next((r for r in ends.head if r.get("type") == "run"), {})
    project, run_id = first.get("project"), first.get("run_id")
    named = isinstance(project, str) and isinstance(run_id, str)
    if not isinstance(project, str) or not isinstance(run_id, str):
        project, run_id = names.split_stem(_stem(files), ())
    start = ends.start or first or (ends.head[0] if ends.head else {})
    end = ends.finish
    status = str(end["status"]) if end else RUNNING if held else LOST
    started = _text(start.get("timestamp"))
    folded = end.get("metrics")
    if metrics and not isinstance(folded, dict):
        folded = fold(files.run).summaries()
    running = status == RUNNING
    summary = RunSummary(
        project=project,
        run_id=run_id,
        status=status,
        path=os.fspath(files.run),
        aliases=[alias for record in ends.head for alias in _aliases(record)],
        started=started,
        ended=_text(end.get("timestamp")),
        duration_seconds=_since(started) if running else as_number(end.get("duration_seconds")),
        exit_code=code if isinstance(code := end.get("exit_code"), int) else None,
        signal=_text(end.get("signal")),
        reason=_text(end.get("reason")),
        host=_text(start.get("host") or first.get("host")),
        hyperparameters=_hyperparameters([*ends.head, *ends.since_start]),
        tags=tags if isinstance(tags := start.get("tags"), dict) else {},
        git=git if isinstance(git := start.get("git"), dict) else None,
        metrics=_objects(folded),
        cost={name: end[name] for name in COST_FIELDS if name in end},
        progress=read_progress(files.summary) if running else None,
    )
    return summary, named


def _objects(folded: object) -> dict[str, dict[str, Any]]:
    """Of a finish record that anybody may have written: what is a metric's summary."""
    named = folded.items() if isinstance(folded, dict) else ()
    return {name: each for name, each in named if isinstance(each, dict)}


def output_start(files: RunFiles) -> int:
    """Where in output.log the last part of a run begins; 0 where its file does not tell."""
    with suppress(OSError):
        offset = _read_ends(files.run).start.get("output_offset")
        return offset if isinstance(offset, int) else 0
    return 0


def all_runs(
    folder: Path, project: str | None = None, *, metrics: bool = False
) -> list[RunSummary]:
    """The runs of a log folder, the newest last; files that cannot be read are passed over."""
    loaded = []
    for path in sorted(folder.glob("*.jsonl")):
        with suppress(OSError):
            loaded.append(load_named(RunFiles(path), metrics=metrics))
    return sorted(of_project(loaded, project), key=lambda run: run.started or "")


def of_project(loaded: Iterable[tuple[RunSummary, bool]], project: str | None) -> list[RunSummary]:
    """Of the runs of a folder those of a project, or all; files that name none are named by the
    projects that the others name."""
    both = list(loaded)
    known = {run.project for run, named in both if named} | ({project} if project else set())
    runs = (run if named else _named_by_file(run, known) for run, named in both)
    return [run for run in runs if _is_of(run, project)]


def _named_by_file(run: RunSummary, known: set[str]) -> RunSummary:
    project, run_id = names.split_stem(_stem(RunFiles(Path(run.path))), known)
    return replace(run, project=project, run_id=run_id)


def _stem(files: RunFiles) -> str:
    return files.run.name.removesuffix(".jsonl")


def nothing_found(folder: Path, project: str | None) -> NotFoundError:
    """What every command says where a project or folder has no runs."""
    there = sorted({clean_text(run.project) for run in all_runs(folder)})
    words = f"No log file found for project '{clean_text(project)}'" if project else "No runs found"
    if there:
        return NotFoundError(f"{words} in {folder}; the projects there are: {', '.join(there)}")
    return NotFoundError(f"{words}; {folder} holds no runs (--log-dir says where to look)")


def live_runs() -> Iterator[RunSummary]:
    """Every live run of this user, wherever its log folder is."""
    for entry in registry.live():
        with suppress(OSError):
            yield load(entry.files)


def find(word: str, folder: Path, project: str | None = None) -> RunSummary:
    """The run that ``word`` means.

    A path to a .jsonl, ``project/run_id``, a run_id, an alias, a unique prefix of one, or
    ``@last``; live runs are found from any folder, ended ones in ``folder``. Raises
    NotFoundError where there is none, RefusedError with the candidates where it could be
    several.
    """
    if word.endswith(".jsonl"):
        try:
            return load(RunFiles(Path(os.path.abspath(word))))
        except OSError as error:
            raise NotFoundError(f"cannot read {clean_text(word)}: {error.strerror}") from None
    both = (*live_runs(), *all_runs(folder, project))  # a folder may be reached in two ways
    runs = {os.path.realpath(run.path): run for run in both}
    several = [run for run in runs.values() if _is_of(run, project)]
    if not several and (project is not None or word == LAST):
        raise nothing_found(folder, project)
    if word == LAST:
        return max(several, key=lambda run: run.started or "")
    for test in (_is_named, _begins):
        found = [run for run in several if test(run, word)]
        if len(found) == 1:
            return found[0]
        if found:
            listed = "\n".join(f"  {run.title}  {run.status}  {run.path}" for run in found)
            raise RefusedError(f"'{clean_text(word)}' could be any of\n{listed}\nSay which.")
    raise NotFoundError(_no_such(word, folder, several))


def only_live(project: str | None = None) -> RunSummary:
    """The one live run of this user; an error in words where there are none or several."""
    live = [run for run in live_runs() if _is_of(run, project)]
    if len(live) == 1:
        return live[0]
    if not live:
        raise NotFoundError("no run is live; mlterm list-runs shows those that have ended")
    listed = "\n".join(f"  {run.title}" for run in live)
    raise RefusedError(f"several runs are live:\n{listed}\nSay which.")


def on_other_host(run: RunSummary) -> str | None:
    """The host that a live run is on, where that is not this one."""
    here = os.uname().nodename
    return run.host if run.host and run.host != here else None


def _no_such(word: str, folder: Path, runs: list[RunSummary]) -> str:
    import difflib

    near = difflib.get_close_matches(word, [run.run_id for run in runs], n=3, cutoff=0.5)
    words = f"No run '{clean_text(word)}' in {folder} or among the live ones"
    return f"{words}; did you mean {' or '.join(near)}?" if near else words


def _is_of(run: RunSummary, project: str | None) -> bool:
    """Whether a run is of that project, by its own name or by its script's."""
    return project in (None, run.project) or any(
        alias.startswith(f"{project}/") for alias in run.aliases
    )


def _names(run: RunSummary) -> list[str]:
    """What a run may be called: an alias is ``project/run_id`` too."""
    whole = [run.name, *run.aliases]
    return [run.run_id, *whole, *(name.rpartition("/")[2] for name in run.aliases)]


def _is_named(run: RunSummary, word: str) -> bool:
    return word in _names(run)


def _begins(run: RunSummary, word: str) -> bool:
    return any(name.startswith(word) for name in _names(run))


def _hyperparameters(those: Iterable[Record]) -> dict[str, Any]:
    """Of all records, the later ones winning; our own fields are not among them."""
    found: dict[str, Any] = {}
    for record in those:
        if record.get("type") == "hyperparameters":
            users = (item for item in record.items() if item[0][:1] != "_")
            found |= {key: value for key, value in users if key not in ("timestamp", "type")}
    return found


def _aliases(record: Record) -> list[str]:
    listed = record.get("aliases") if record.get("type") == "run" else None
    return [str(alias) for alias in listed] if isinstance(listed, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _since(started: str | None) -> float | None:
    with suppress(ValueError):
        begin = datetime.fromisoformat(started or "")
        now = datetime.now(UTC if begin.tzinfo else None)
        return max(0.0, round((now - begin).total_seconds(), 3))
    return None


@dataclass
class _Ends:
    """A file read from both its ends; the middle only where the last part began there."""

    head: list[Record]
    start: Record = field(default_factory=dict)
    """The ``run`` record that began the last part."""
    finish: Record = field(default_factory=dict)
    since_start: list[Record] = field(default_factory=list)
    """Hyperparameters of the last part, in their order."""


def _read_ends(path: Path) -> _Ends:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(BLOCK)
        if size > BLOCK:  # up to a line's end, and no less than one line
            head = head[: head.rfind(b"\n") + 1] or head + file.readline()
        ends = _Ends(list(decode_lines(head)))
        for record in _backwards(file.fileno(), size):
            if record.get("type") == "run" and "schema" in record:
                ends.start = record
                break
            if not ends.finish and ends_part(record):
                ends.finish = record
            elif record.get("type") == "hyperparameters":
                ends.since_start.insert(0, record)
    return ends


def ends_part(record: Record) -> bool:
    """Whether a record ends the run, or its last part. A joined Tracker's finish ends nothing:
    the run ends with the keeper's."""
    if record.get("type") != "finish" or "_amends" in record:
        return False
    if record.get("_source") == "tracker":
        return False
    return isinstance(record.get("status"), str) and record["status"] in ENDED


def _backwards(fd: int, size: int) -> Iterator[Record]:
    """The rarer records of a file from its end, read block by block; not for ever: the last
    part begins at the head, unless it was resumed, and a finish is the last of its records."""
    rest, start = b"", size
    while start > 0 and size - start < LOOK_BACK:
        end, start = start, max(0, start - BLOCK)
        data = os.pread(fd, end - start, start) + rest
        cut = data.find(b"\n") + 1 if start else 0
        if start and not cut:
            rest = data
            continue
        rest, whole = data[:cut], data[cut:]
        if any(mark in whole for mark in _RARE):
            yield from reversed(list(decode_lines(whole)))


def fold(path: Path) -> SeriesFold:
    """Every metric of a file, in memory that does not grow with it. Raises OSError."""
    found = SeriesFold()
    for records, _ in batches(path):
        found.add_batch(records)
    return found


def batches(path: Path) -> Iterator[tuple[list[Record], int]]:
    """A file's records, block by block, and how many broken lines each block had; a torn last
    line is none of them. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        at = 0
        for data in whole_lines(file.fileno(), at):
            at += len(data)
            yield decode_batch(data[:-1])
        rest = os.pread(file.fileno(), os.fstat(file.fileno()).st_size - at, at)
        if rest and (record := decode(rest)) is not None:
            yield [record], 0  # whole, but for the newline


def whole_lines(fd: int, at: int) -> Iterator[bytes]:
    """What stands in a file from there on, in blocks of whole lines."""
    size = BLOCK
    while data := os.pread(fd, size, at):
        cut = data.rfind(b"\n") + 1
        if cut:
            at += cut
            yield data[:cut]
        elif len(data) < size:
            return
        size = BLOCK if cut else 2 * size  # for a line that is longer than a block
