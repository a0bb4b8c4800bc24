"""How a run without a supervisor ended, as far as the script itself can tell."""

import builtins
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlterm.core.lifecycle import CANCELLED, COMPLETED, FAILED, SEVERITY
from mlterm.core.records import Record, decode

TRACEBACK_LIMIT = 64 * 1024


@dataclass(frozen=True)
class End:
    """A status, why, and the traceback's text where an exception was the reason."""

    status: str
    reason: str
    traceback: str | None = None


def of_exception(error: BaseException) -> End:
    """What an exception means that nobody caught (SystemExit carries the code)."""
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return End(COMPLETED, "sys.exit()")
        return End(FAILED, f"sys.exit({error.code!r:.200})")
    if isinstance(error, GeneratorExit):
        return End(COMPLETED, "the generator was closed")
    status = CANCELLED if isinstance(error, KeyboardInterrupt) else FAILED
    return End(status, _in_words(error), _traceback(error))


def at_exit(earlier: BaseException | None) -> End:
    """What the interpreter knows at its end; ``earlier`` is what it had printed before.

    It keeps the exception that ended the script (sys.last_exc, before Python 3.12
    sys.last_value); of a sys.exit() it keeps nothing.
    """
    error = last_error()
    if error is None or error is earlier or is_interactive():
        return End(COMPLETED, "the script ended")
    return of_exception(error)


def last_error() -> BaseException | None:
    """The exception that was printed last as caught by nobody."""
    return getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)


def is_interactive() -> bool:
    """In a notebook or at a prompt: there an exception ends a cell, not the script."""
    return hasattr(sys, "ps1") or hasattr(builtins, "get_ipython")


def worst_of_ranks(path: Path, launch: str) -> End:
    """How a distributed job ended, all its ranks considered; read from the run's file."""
    ends: dict[int, End] = {}
    joined: set[int] = set()
    for record in _about_ranks(path):
        rank = record.get("_rank", -1)
        if record.get("type") == "finish":
            ends[rank] = End(
                str(record.get("status")), str(record.get("reason")), record.get("traceback")
            )
        elif record.get("launch") == launch:
            joined.add(rank)
            ends.pop(rank, None)  # started again by its launcher
    for rank in joined - ends.keys():
        ends[rank] = End(FAILED, "ended without a word (killed?)")
    if not ends:
        return End(COMPLETED, "the script ended")
    rank, end = max(sorted(ends.items()), key=lambda item: SEVERITY.get(item[1].status, 2))
    if end.status == COMPLETED:
        return End(COMPLETED, f"all {len(ends)} ranks ended")
    return End(end.status, f"rank {rank}: {end.reason}", end.traceback)


def _about_ranks(path: Path) -> list[Record]:
    """The records that tell of a rank's beginning or end, since the run's last part began."""
    found: list[Record] = []
    with path.open("rb") as file:
        for line in file:
            if b'"run"' not in line and b'"finish"' not in line:
                continue
            record = decode(line)
            if record is None or record.get("type") not in ("run", "finish"):
                continue
            if "schema" in record:
                found = []
            if "_rank" in record:
                found.append(record)
    return found


def _in_words(error: BaseException) -> str:
    name = type(error).__name__
    try:
        words = str(error)
    except Exception:  # noqa: BLE001  # a user's exception may do anything when it is asked
        words = ""
    return f"{name}: {words}"[:1000] if words else name


def _traceback(error: BaseException) -> str:
    import traceback  # only a script that fails waits for it

    try:
        text = "".join(traceback.format_exception(error))
    except Exception as problem:  # noqa: BLE001  # as above
        text = f"{type(error).__name__} (its traceback raised {type(problem).__name__})"
    return text if len(text) <= TRACEBACK_LIMIT else "…" + text[-TRACEBACK_LIMIT:]


def fields_of(end: End) -> dict[str, Any]:
    """As a finish record has them."""
    fields: dict[str, Any] = {"status": end.status, "exit_code": None, "signal": None}
    fields["reason"] = end.reason
    if end.traceback:
        fields["traceback"] = end.traceback
    return fields
