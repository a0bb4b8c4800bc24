"""The names of projects and runs: the rule they keep, and the file they share."""

import re
from collections.abc import Iterable
from datetime import datetime

from mlterm.core.errors import RefusedError

NAME_LIMIT = 128
PAIR_LIMIT = 200
RULE = (
    "letters, digits and . _ - only, not starting with a dot nor ending in .jsonl or .lock, "
    f"at most {NAME_LIMIT} characters (project and run together at most {PAIR_LIMIT} bytes)"
)
_ALLOWED = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")
_LEGACY_MARKS = ("_run", "_exp", "_trial")


def check_name(what: str, name: str) -> str:
    """Return ``name``; raise RefusedError, the rule in its message, where it breaks it."""
    mistaken = name.endswith((".jsonl", ".lock"))  # its folder would be another run's file
    if len(name) > NAME_LIMIT or mistaken or not _ALLOWED.match(name):
        raise RefusedError(f"{what} {name[:200]!r} cannot be used as a name: {RULE}")
    return name


def check_pair(project: str, run_id: str) -> None:
    """Raise RefusedError unless both names, alone and together, keep the rule."""
    check_name("project", project)
    check_name("run id", run_id)
    if len(project) + len(run_id) > PAIR_LIMIT:
        raise RefusedError(f"project and run id are too long together: {RULE}")


def as_name(text: str, fallback: str) -> str:
    """The nearest allowed name to any text, for defaults made from files and folders."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-").lstrip(".")
    name = name[: NAME_LIMIT // 2]
    while name.endswith((".jsonl", ".lock")):
        name = name.rpartition(".")[0]
    return name or fallback


def default_run_id(script: str, moment: datetime) -> str:
    """What a run is called that nobody has named: its script, and when it began."""
    return f"{as_name(script, 'run')}-{moment.strftime('%Y%m%d-%H%M%S')}"


def file_stem(project: str, run_id: str) -> str:
    """What the run's files are called, without an ending."""
    return f"{project}_{run_id}"


def split_stem(stem: str, known_projects: Iterable[str]) -> tuple[str, str]:
    """Project and run of a file that has no ``run`` record, from its name alone.

    The longest known project whose name and an underscore begin it; where none is
    known, what stands before the first ``_run``, ``_exp`` or ``_trial``, else before the
    last underscore. A stem without an underscore is both (DESIGN.md, shapes).
    """
    fitting = [p for p in known_projects if stem.startswith(p + "_")]
    if fitting:
        project = max(fitting, key=len)
        return project, stem[len(project) + 1 :]
    marks = [at for mark in _LEGACY_MARKS if (at := stem.find(mark)) > 0]
    at = min(marks) if marks else stem.rfind("_")
    return (stem[:at], stem[at + 1 :]) if at > 0 else (stem, stem)
