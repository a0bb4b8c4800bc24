"""A run that is being made of what another program has written.

Records are written as a Tracker writes them, with the times that they had. They wait in a file
of their own until all is read, since what a run begins with may be told last.
"""

import math
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from mlterm.core import records
from mlterm.core.lifecycle import COMPLETED
from mlterm.core.records import Record
from mlterm.core.values import distinct
from mlterm.system import store

_BUFFER_BYTES = 256 * 1024
_LATEST = 253402300799.0
"""Seconds since 1970, at the end of the year 9999."""


@dataclass
class Draft:
    """What is told of a run; ``add`` takes its metrics."""

    origin: str
    """The format that it is read from."""
    path: Path
    """Where it is read from."""
    body: Path
    """A file for its metrics, which is made."""
    project: str | None = None
    """As the source calls it, any text; None where it has no word for it."""
    run_id: str = ""
    started: float | None = None
    """Seconds since 1970; None is the time of the first metrics."""
    ended: float | None = None
    status: str | None = COMPLETED
    """None of a run that nobody has ended: it is lost."""
    exit_code: int | None = None
    reason: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    """What else it is called; any text."""
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """``summary`` and ``goal`` by the metric's name."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Fields of the ``run`` record: argv, cwd, host, git, python."""
    count: int = 0
    """Records of metrics so far."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """What is not taken: how often, by what it is, in words."""
    _first: float = math.inf
    _last: float = -math.inf
    _plain: set[str] = field(default_factory=set)
    """Names that hide none of ours."""
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0

    @property
    def tells(self) -> bool:
        """Whether there is anything of a run."""
        return bool(self.count or self.hyperparameters or self.started is not None)

    @property
    def losses(self) -> list[str]:
        """What is not taken, in words."""
        return [f"{what}: {count:,}" for what, count in self.passed_over.items()]

    def add(
        self,
        seconds: float,
        values: Mapping[str, Any],
        *,
        step: float | None = None,
        rank: int | None = None,
    ) -> None:
        """Take in what was measured at one moment."""
        moment = self._moment(seconds)
        self._first, self._last = min(self._first, moment), max(self._last, moment)
        if not values.keys() <= self._plain:
            values = _users(values)
            self._plain |= values.keys()
        record: Record = {"timestamp": _stamp(moment), "type": "metrics", **values}
        if step is not None:
            record["_step"] = step
        if rank is not None:
            record["_rank"] = rank
        line = _encoded(record)
        self._lines.append(line)
        self._size += len(line)
        self.count += 1
        if self._size > _BUFFER_BYTES:
            self._flush()

    def _moment(self, seconds: float) -> float:
        """One that is none is that of the record before."""
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), _LATEST)
        return self._last if math.isfinite(self._last) else self.started or 0.0

    def _flush(self) -> None:
        with self.body.open("ab") as file:  # one at a time is open, however many runs there are
            file.writelines(self._lines)
        self._lines, self._size = [], 0

    def write(self, target: Path, project: str, run_id: str, place: Path) -> None:
        """Write the whole run to ``target``, of which ``place`` is going to be the name.

        Raises OSError.
        """
        self._flush()
        started = self._moment(self._first if self.started is None else self.started)
        ended = max(started, self._last, self._moment(self.ended or started))
        with target.open("wb") as file:
            file.writelines(map(_encoded, self._head(project, run_id, _stamp(started), place)))
            with self.body.open("rb") as body:
                shutil.copyfileobj(body, file)
        if self.status is not None:
            finish: Record = {
                "timestamp": _stamp(ended),
                "type": "finish",
                "status": self.status,
                "exit_code": self.exit_code,
                "signal": None,
                "duration_seconds": round(ended - started, 3),
                "reason": self.reason or f"imported from {self.origin}",
            }
            if metrics := store.fold(target).summaries():
                finish["metrics"] = metrics
            with target.open("ab") as file:
                file.write(_encoded(finish))

    def _head(self, project: str, run_id: str, started: str, place: Path) -> list[Record]:
        run: Record = {
            "timestamp": started,
            "type": "run",
            "schema": records.SCHEMA,
            "project": project,
            "run_id": run_id,
            "argv": [],
            "cwd": "",
            "host": "",
            "pid": None,
            "boot_id": None,
            "git": None,
            "python": None,
            "environment": {},
            "parent": None,
            "tags": self.tags,
            "path": os.fspath(place),
            "supervised": False,
            "imported": {"format": self.origin, "path": os.fspath(self.path)},
            **self.facts,
        }
        if self.aliases:
            run["aliases"] = [f"{project}/{alias}" for alias in self.aliases]
        head = [run]
        if self.hyperparameters:
            settings = _users(self.hyperparameters)
            head.append({"timestamp": started, "type": "hyperparameters", **settings})
        defined = (
            {"type": "define", "name": name, **told} for name, told in self.definitions.items()
        )
        noted = ({"type": "note", "text": note} for note in self.notes)
        return head + [{"timestamp": started, **each} for each in chain(defined, noted)]


def _users(values: Mapping[str, Any]) -> Record:
    """A user's names: an underscore at the beginning, which would make them ours, goes."""
    bare = ((name.lstrip("_") or name, value) for name, value in values.items())
    return records.user_fields(distinct(bare))


def _encoded(record: Record) -> bytes:
    """As records.encode has it, which is slower."""
    try:
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, an integer of more than 64 bits
        return records.encode(record)
    return records.encode(record) if b"null" in line else line  # a NaN is null there, too


def _stamp(seconds: float) -> str:
    return records.timestamp(datetime.fromtimestamp(seconds, UTC))
