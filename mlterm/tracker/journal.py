"""A run's file as one process writes it: its first record, its lines, its last record."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from mlterm.core import records
from mlterm.system import lock
from mlterm.system.runlog import RESERVE_BYTES, RunLog
from mlterm.tracker.ending import End, fields_of, worst_of_ranks
from mlterm.tracker.opening import CONTEXT, Opened
from mlterm.tracker.ranks import Rank
from mlterm.tracker.writer import Writer

_GIT_SECONDS = 0.2
"""How long the end of a short script waits for what git says of the tree."""
_ANSWER_SECONDS = 0.01
"""Between the beginning of git's answer and its end."""
_SUMMED_BYTES = 32 * 1024 * 1024
"""Files up to this size have their metrics' summary in the finish record."""

Warn = Callable[[str, str], None]


class Journal:
    """Opened by a Tracker for the process that it was made in."""

    def __init__(self, run: Opened, rank: Rank | None, warn: Warn, *, background: bool) -> None:
        self.run = run
        self.rank = rank
        self.path = run.files.run
        self.clock = (0, "")
        """The second that is now, and its part of a timestamp."""
        self._warn = warn
        self._pid = os.getpid()
        self._started = time.monotonic()
        self._git: Any = None
        self._owned = False
        self._looked = 0
        self.writer = Writer(self.path, warn, owns=run.owns)
        self.background: Any = None
        """The thread that lines go to, where one writes them."""
        if background:
            from mlterm.tracker.background import Background

            self.background = Background(self._write_from_thread)

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that opened it, and no fork of that."""
        return os.getpid() == self._pid

    def stamp(self) -> str:
        """Now, in UTC, as every record has it."""
        now = time.time_ns()
        second = now // 1_000_000_000
        clock = self.clock
        if clock[0] != second:
            clock = self.tick(second)
        return f"{clock[1]}.{now // 1000 % 1_000_000:06d}+00:00"

    def tick(self, second: int) -> tuple[int, str]:
        """Another second has begun: take care of what need not be done for every record."""
        clock = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        self.clock = clock
        if self.background is None:
            self.writer.look()
        if self._git is not None and self._git.is_answered():
            self._amend_git(_ANSWER_SECONDS)
        return clock

    def record(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Append a record of ours, complete but for its time, its type and its rank."""
        head = {"timestamp": self.stamp(), "type": kind}
        tail = {} if self.rank is None else {"_rank": self.rank.number}
        self.put(records.encode({**head, **fields, **tail}))

    def put(self, line: bytes) -> None:
        """Append a line that is complete."""
        if self.background is None:
            self.writer.write(line)
        else:
            self.background.put(line)

    def flush(self) -> bool:
        """Wait until what was logged is in the file; whether it is."""
        return self.background is None or bool(self.background.flush())

    @property
    def has_losses(self) -> bool:
        """Whether lines are lost, or may be: what waits for room on the disk."""
        queued = 0 if self.background is None else self.background.lost
        return bool(queued or self.writer.lost or not self.writer.is_calm)

    # --- The beginning ---------------------------------------------------------------------

    def begin(self, tags: Mapping[str, str]) -> None:
        """Write what a new run, or a new name or rank of one that is joined, begins with."""
        run, rank = self.run, self.rank
        if run.is_new:
            self._begin_run(tags)
        elif rank is not None and run.ranks is not None:
            place = {"launch": rank.launch, "pid": os.getpid(), "host": os.uname().nodename}
            self.record("run", {"_amends": True, **place})
        if run.alias:
            self.record("run", {"_amends": True, "_source": "tracker", "aliases": [run.alias]})
        if run.lock is not None or run.ranks is not None:
            _publish(self)

    def _begin_run(self, tags: Mapping[str, str]) -> None:
        from mlterm import provenance  # who joins a run does not wait for it
        from mlterm.system import git

        cwd = _current_folder()
        record = provenance.run_record(
            project=self.run.project,
            run_id=self.run.run_id,
            argv=sys.orig_argv,
            cwd=cwd,
            environ=os.environ,
            started=datetime.now(UTC),
            pid=os.getpid(),
            path=self.path,
        )
        record |= {
            "git": git.head(cwd),
            "python": {"version": sys.version.split()[0], "executable": sys.executable},
            "parent": self.run.parent,
            "tags": {str(key): str(value) for key, value in tags.items()},
        }
        if self.rank is not None:
            record |= {"launch": self.rank.launch, "_rank": self.rank.number}
        self.writer.write(records.encode(record))
        if record["git"] is not None:
            self._git = git.ask_status(cwd, as_child=False)
        with suppress(OSError):  # said when the first line finds the disk full
            self.run.files.folder.mkdir(exist_ok=True)
            room = RunLog(self.path, self.run.files.reserve)
            room.keep_room()
            room.close()

    def _amend_git(self, wait_seconds: float) -> None:
        query, self._git = self._git, None
        if (state := query.result(wait_seconds)) is not None:
            self.record("run", {"_amends": True, "git": state})

    # --- The end ---------------------------------------------------------------------------

    def end(self, end: End, counts: Mapping[str, int], *, automatic: bool) -> None:
        """Write the finish record, and let go of everything; ``counts`` beside the lost ones
        are shown where they are not 0. An end that is ``automatic`` says nothing that an
        exit code would not."""
        if self._git is not None and self.is_ours:
            self._amend_git(_GIT_SECONDS)
        waiting = 0
        if self.background is not None and not self.background.flush():
            waiting = len(self.background)
        self._give_up()
        queued = self.background.lost + waiting if self.background is not None else 0
        self.background = None  # the end goes to the file itself: no queue is to be too full for it
        lost = counts.get("lost_records", 0) + self.writer.lost + queued
        counted = {**counts, "lost_records": lost}
        fields = {**fields_of(end), **{name: n for name, n in counted.items() if n}}
        fields["duration_seconds"] = round(time.monotonic() - self._started, 3)
        self._owned = self.run.lock is not None
        if self.run.owns and self.is_ours:
            self._append_last({**fields, **self._metrics()})
            self._tidy()
        else:
            source = {"_source": "tracker"} | ({"_automatic": True} if automatic else {})
            self.record("finish", source | fields)
            self._give_up()
            self._end_ranks()
        self._let_go()

    def _give_up(self) -> None:
        """Where the disk is full, the room set aside is for the end, and most of it for what
        waits in memory."""
        if not self.writer.is_calm:
            self.writer.retry()
        if not self.writer.is_calm and self.run.owns and self.is_ours:
            self.run.files.reserve.unlink(missing_ok=True)
            self.writer.retry_within(RESERVE_BYTES // 2)
        self.writer.give_up()

    def add_lost(self, lost: int) -> None:
        """What was logged after the end is said at the script's: a finish that amends."""
        if lost and not (self._owned and lock.is_live(self.run.files)):  # else it was resumed
            late = Writer(self.path, self._warn, owns=False)
            fields = {"type": "finish", "_amends": True, "_source": "tracker"}
            late.write(records.encode({"timestamp": self.stamp(), **fields, "lost_records": lost}))
            late.close()

    def _end_ranks(self) -> None:
        ranks = self.run.ranks
        if ranks is None or self.rank is None or not self.is_ours:
            return
        # Ours is to be gone before we ask: of two that end at once one is the last.
        if lock.is_last(ranks):
            end = worst_of_ranks(self.path, self.rank.launch)
            self._append_last({**fields_of(end), **self._duration(), **self._metrics()})
            self.run.files.ranks.unlink(missing_ok=True)
            self._tidy()

    def _duration(self) -> dict[str, float]:
        from mlterm.tracker.opening import last_start

        with suppress(KeyError, TypeError, ValueError):
            began = datetime.fromisoformat(last_start(self.path)["timestamp"])
            return {"duration_seconds": round((datetime.now(UTC) - began).total_seconds(), 3)}
        return {}

    def _metrics(self) -> dict[str, Any]:
        """For lists, which then need not read the middle of the file."""
        with suppress(OSError):
            if self.path.stat().st_size <= _SUMMED_BYTES:
                from mlterm.system import store  # only an end waits for it

                if found := store.fold(self.path).summaries():
                    return {"metrics": found}
        return {}

    def _append_last(self, fields: Mapping[str, Any]) -> None:
        log = RunLog(self.path, self.run.files.reserve)
        try:
            log.append_last({"timestamp": self.stamp(), "type": "finish", **fields})
        except OSError as error:
            self._warn("finish", f"the end of {self.run.name} cannot be written ({error.strerror})")
        log.drop_room()
        log.close()

    def _tidy(self) -> None:
        with suppress(OSError):  # there only for the room, unless artifacts came
            self.run.files.folder.rmdir()

    def _let_go(self) -> None:
        if not self.is_ours:
            return
        self.writer.close()
        self.run.let_go()
        _withdraw(self)

    def context(self) -> dict[str, str]:
        """What the environment says to processes started within this run."""
        own = (self.run.project, self.run.run_id, os.fspath(self.path))
        return dict(zip(CONTEXT, own, strict=True))

    # --- Forks and the thread --------------------------------------------------------------

    def after_fork_in_child(self) -> None:
        """A fork logs into the same run, but neither owns nor ends it."""
        self.writer.after_fork_in_child()
        self.background = None  # a worker may end without a word: nothing is to wait in it
        self.run.let_go()  # else the run would live on after its owner's death
        if self._git is not None:
            os.close(self._git.pipe)
            self._git = None

    def _write_from_thread(self, data: bytes) -> None:
        second = int(time.time())
        if second != self._looked:
            self._looked = second
            self.writer.look()
        self.writer.write(data)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"


_published: list[Journal] = []
"""The open runs of this process's own; the environment names the last of them."""
_outside: dict[str, str | None] = {}
"""What the environment said before there was one."""


def _publish(journal: Journal) -> None:
    if not _published:
        _outside.update({name: os.environ.get(name) for name in CONTEXT})
    _published.append(journal)
    os.environ.update(journal.context())


def _withdraw(journal: Journal) -> None:
    if journal not in _published:
        return
    _published.remove(journal)
    if _published:
        os.environ.update(_published[-1].context())
        return
    for name, value in _outside.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
