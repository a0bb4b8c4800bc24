"""Reading the runs of a log folder, and finding the one that a person means."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlterm.core import names
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.lifecycle import ENDED, LOST, RUNNING
from mlterm.core.records import Record, as_number, decode_lines
from mlterm.core.summary import RunSummary, fold_metrics
from mlterm.system import lock, registry
from mlterm.system.paths import RunFiles

BLOCK = 64 * 1024
LAST = "@last"


def load(files: RunFiles, *, metrics: bool = False, known: Iterable[str] = ()) -> RunSummary:
    """Everything about one run that its head and tail tell; all metrics where asked for.

    Raises OSError where the file cannot be read.
    """
    held = lock.is_held(files.lock)  # asked first: an end that is recorded meanwhile is seen
    head, part, end = _ends(files.run)
    first: Record = next((r for r in head if r.get("type") == "run"), {})
    stem = files.run.name.removesuffix(".jsonl")
    project, run_id = first.get("project"), first.get("run_id")
    if not isinstance(project, str) or not isinstance(run_id, str):
        project, run_id = names.split_stem(stem, known)
    start = part or first or (head[0] if head else {})
    hyperparameters: dict[str, Any] = {}
    aliases: list[str] = []
    for record in head:
        if record.get("type") == "hyperparameters":
            hyperparameters |= _users(record)
        if record.get("type") == "run":
            listed = record.get("aliases")
            aliases += [str(alias) for alias in listed] if isinstance(listed, list) else []
    status = str(end["status"]) if end else RUNNING if held else LOST
    started = _text(start.get("timestamp"))
    end = end or {}
    duration = as_number(end.get("duration_seconds"))
    if status == RUNNING:
        duration = _seconds_since(started)
    folded = end.get("metrics")
    if metrics and not isinstance(folded, dict):
        folded = fold_metrics(_records(files.run))
    return RunSummary(
        project=project,
        run_id=run_id,
        status=status,
        path=os.fspath(files.run),
        aliases=aliases,
        started=started,
        ended=_text(end.get("timestamp")),
        duration_seconds=duration,
        exit_code=code if isinstance(code := end.get("exit_code"), int) else None,
        signal=_text(end.get("signal")),
        reason=_text(end.get("reason")),
        host=_text(start.get("host") or first.get("host")),
        hyperparameters=hyperparameters,
        tags=tags if isinstance(tags := start.get("tags"), dict) else {},
        metrics=folded if isinstance(folded, dict) else {},
    )


def all_runs(
    folder: Path, project: str | None = None, *, metrics: bool = False
) -> list[RunSummary]:
    """The runs of a log folder, the newest last; files that cannot be read are passed over."""
    files = [RunFiles(path) for path in sorted(folder.glob("*.jsonl"))]
    known = {project} if project else set()
    runs = []
    for each in files:
        with suppress(OSError):
            runs.append(load(each, metrics=metrics, known=known))
    if project is not None:
        runs = [run for run in runs if run.project == project]
    return sorted(runs, key=lambda run: run.started or "")


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
    runs = {run.path: run for run in (*all_runs(folder), *live_runs())}
    several = [run for run in runs.values() if project in (None, run.project)]
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


def only_live() -> RunSummary:
    """The one live run of this user; an error in words where there are none or several."""
    live = list(live_runs())
    if len(live) == 1:
        return live[0]
    if not live:
        raise NotFoundError("no run is live; mlterm list-runs shows those that have ended")
    listed = "\n".join(f"  {run.title}" for run in live)
    raise RefusedError(f"several runs are live:\n{listed}\nSay which.")


def on_other_host(run: RunSummary) -> str | None:
    """The host that a live run is on, where that is not this one."""
    here = socket.gethostname()
    return run.host if run.host and run.host != here else None


def _no_such(word: str, folder: Path, runs: list[RunSummary]) -> str:
    import difflib

    near = difflib.get_close_matches(word, [run.run_id for run in runs], n=3, cutoff=0.5)
    words = f"No run '{clean_text(word)}' in {folder} or among the live ones"
    return f"{words}; did you mean {' or '.join(near)}?" if near else words


def _is_named(run: RunSummary, word: str) -> bool:
    return word in (run.run_id, run.name, *run.aliases)


def _begins(run: RunSummary, word: str) -> bool:
    return any(name.startswith(word) for name in (run.run_id, run.name, *run.aliases))


def _users(record: Record) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in ("timestamp", "type") and k[:1] != "_"}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds_since(started: str | None) -> float | None:
    with suppress(ValueError, TypeError):
        begin = datetime.fromisoformat(started or "")
        now = datetime.now(UTC if begin.tzinfo else None)
        return max(0.0, round((now - begin).total_seconds(), 3))
    return None


def _ends(path: Path) -> tuple[list[Record], Record, Record | None]:
    """The head's records, the ``run`` record of the last part, and that part's finish.

    Read from both ends; the middle only where the last part began there.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = list(decode_lines(_whole_lines(file.read(BLOCK), cut=size > BLOCK)))
        finish: Record | None = None
        for record in _backwards(file.fileno(), size):
            if _ends_part(record) and finish is None:
                finish = record
            elif record.get("type") == "run" and "schema" in record:
                return head, record, finish
        part = next((r for r in head if r.get("type") == "run"), {})
        return head, part, finish


def _ends_part(record: Record) -> bool:
    """A joined Tracker's finish ends nothing: the run ends with the keeper's."""
    is_finish = record.get("type") == "finish" and record.get("_source") != "tracker"
    return is_finish and record.get("status") in ENDED


def _backwards(fd: int, size: int) -> Iterator[Record]:
    """The ``run`` and ``finish`` records of a file, from its end, read block by block."""
    rest = b""
    while size > 0:
        start = max(0, size - BLOCK)
        data = os.pread(fd, size - start, start) + rest
        first, newline, whole = data.partition(b"\n")
        if start == 0:
            whole, first = data, b""
        elif not newline:
            rest, size = data, start
            continue
        if b'"finish"' in whole or b'"run"' in whole:
            yield from reversed(list(decode_lines(whole)))
        rest, size = first + newline, start


def _whole_lines(data: bytes, *, cut: bool) -> bytes:
    return data[: data.rfind(b"\n") + 1] if cut else data


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        while lines := file.readlines(BLOCK):
            yield from decode_lines(b"".join(lines))
