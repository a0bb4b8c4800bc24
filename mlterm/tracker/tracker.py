"""``Tracker``: what a script calls."""

import atexit
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import Any, Literal

import orjson

from mlterm.core import records
from mlterm.core.errors import RecordError, RefusedError
from mlterm.core.lifecycle import CANCELLED, COMPLETED, ENDED
from mlterm.core.records import as_number
from mlterm.core.values import named_values, plain
from mlterm.system import paths
from mlterm.tracker import ending
from mlterm.tracker.journal import Journal
from mlterm.tracker.lines import OPTIONS, is_sound, line_of
from mlterm.tracker.opening import Asked, Opened, open_run
from mlterm.tracker.ranks import Rank, rank_of
from mlterm.tracker.thinning import Thinning
from mlterm.tracker.voice import Voice

_STEPS = frozenset({int, float, type(None)})
_HASHING_SECONDS = 60.0
_LEVELS = ("info", "warning", "error")
_GOALS = {"min": "minimize", "max": "maximize", "minimize": "minimize", "maximize": "maximize"}

_open: list["Tracker"] = []
"""Those of this process that have not ended."""


class Tracker:
    """Logs a run's hyperparameters, metrics and artifacts into plain JSON Lines.

    Under ``mlterm run`` it joins that run; elsewhere the run is its own. All arguments may
    be left out: ``project`` is then the name of the git root or the folder, ``run_id`` the
    script's name and the time, ``log_dir`` MLTERM_LOG_DIR or ./logs.

    ``tags`` label a run of its own. ``resume`` goes on with an ended run of that name;
    otherwise a taken name is followed by -2, -3, …, with a warning, or, with
    ``conflict="error"``, refused. Trouble with logging is a warning, once, and never an
    exception, unless ``strict``; ``debug`` says on stderr what is written where.
    ``background`` writes from a thread; ``every=n`` keeps each n-th call of ``log`` only,
    ``sample=p`` each with probability p.

    Raises RefusedError where a name breaks its rule, the log folder cannot be made, or the
    names are taken and ``conflict`` is "error".
    """

    def __init__(
        self,
        project: str | None = None,
        run_id: str | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        debug: bool = False,
        *,
        tags: Mapping[str, str] | None = None,
        resume: bool = False,
        conflict: Literal["next", "error"] = "next",
        strict: bool = False,
        background: bool = False,
        every: int = 1,
        sample: float | None = None,
    ) -> None:
        if conflict not in ("next", "error"):
            raise RefusedError(f'conflict is "next" or "error", not {conflict!r}')
        folder = None if log_dir is None else os.fspath(log_dir)
        self._asked = Asked(project, run_id, folder, resume, conflict)
        thinning = Thinning(every, sample)
        voice = Voice(strict=strict, debug=debug)
        notices = _supersede(self._asked)
        rank = rank_of(os.environ)
        run = open_run(self._asked, os.environ, rank)
        self._set_up(run, rank, voice, thinning, background=background)
        if notices := [*notices, *run.warnings]:
            voice.notice(" ".join(notices))
        with voice.guarded("the run's beginning"):
            self._journal.begin(tags or {})
        voice.tell(f"{'own run' if run.is_new else 'joined'} {run.name}, {run.files.run}")

    def _set_up(
        self, run: Opened, rank: Rank | None, voice: Voice, thinning: Thinning, *, background: bool
    ) -> None:
        try:
            self._journal = Journal(run, rank, voice.warn, background=background)
        except OSError as error:
            run.let_go()
            raise RefusedError(
                f"{run.files.run} cannot be opened ({error.strerror}); nothing was recorded. "
                "Choose another log_dir."
            ) from None
        self._run = run
        self._voice = voice
        self._thinning = thinning
        self._rank = None if rank is None else rank.number
        self._end: ending.End | None = None
        self._earlier_error = ending.last_error()
        self._late = 0
        self._store: Any = None
        self._is_plain = not voice.is_debug and thinning.is_none
        _open.append(self)

    @property
    def project(self) -> str:
        """The project of the run that is written to."""
        return self._run.project

    @property
    def run_id(self) -> str:
        """The ID of the run that is written to."""
        return self._run.run_id

    @property
    def path(self) -> Path:
        """The run's file."""
        return self._run.files.run

    # --- Logging ---------------------------------------------------------------------------

    def log(
        self, metrics: object = None, /, *, step: float | None = None, **values: object
    ) -> None:
        """Append a record of metrics: any number of names, as keywords or in one mapping.

        Values may be numbers, strings, nested dicts and lists, arrays, tensors and more:
        mlterm-format(5) says in what form each is written.
        """
        journal = self._journal
        if (
            metrics is None
            and self._is_plain
            and journal.writer.is_calm
            and records.RESERVED.isdisjoint(values)  # else a name would hide one of ours
            and type(step) in _STEPS
        ):
            try:
                now = time_ns()
                second = now // 1_000_000_000
                clock = journal.clock
                if second != clock[0]:
                    clock = journal.tick(second)
                stamp = f"{clock[1]}.{now // 1000 % 1_000_000:06d}+00:00"
                record = {"timestamp": stamp, "type": "metrics", **values}
                if step is not None:
                    record["_step"] = step
                if self._rank is not None:
                    record["_rank"] = self._rank
                line = orjson.dumps(record, option=OPTIONS)
                if is_sound(line):
                    if journal.background is not None:
                        journal.background.put(line)
                        return
                    written = os.write(journal.writer.fd, line)
                    if written < len(line):
                        journal.writer.was_short(line, written)
                    return
            except (TypeError, OSError):
                pass  # nothing was written: the long way finds out why
        with self._voice.guarded("a call of log()"):
            if not self._is_over() and self._thinning.keeps():
                fields = values if metrics is None else _merged(metrics, values)
                self._record("metrics", fields, step)

    def log_hyperparameters(self, parameters: object = None, /, **values: object) -> None:
        """Append a record of settings: keywords, a mapping, or what argparse, a dataclass,
        OmegaConf or pydantic made."""
        with self._voice.guarded("hyperparameters"):
            if not self._is_over():
                fields = values if parameters is None else _merged(parameters, values)
                self._record("hyperparameters", fields)

    def define(
        self,
        name: str,
        summary: Literal["min", "max", "last"] | None = None,
        goal: str | float | None = None,
    ) -> None:
        """Say which of a metric's values counts, and what is wanted of it: "minimize",
        "maximize", or a number to be reached."""
        with self._voice.guarded(f"the definition of {name!r}"):
            if summary not in (None, "min", "max", "last"):
                raise RecordError(f'summary is "min", "max" or "last", not {summary!r}')
            if isinstance(goal, str):
                if goal not in _GOALS:
                    raise RecordError(f'goal is "minimize", "maximize" or a number, not {goal!r}')
                goal = _GOALS[goal]
            elif goal is not None and as_number(plain(goal)) is None:
                raise RecordError(f"a goal is a word or a number, not {goal!r:.100}")
            if not self._is_over():
                self._record("define", {"name": str(name), "summary": summary, "goal": goal})

    def alert(self, text: str, level: Literal["info", "warning", "error"] = "warning") -> None:
        """Append something that a person should see."""
        with self._voice.guarded("an alert"):
            if not self._is_over():
                known = level if level in _LEVELS else "warning"
                self._record("alert", {"level": known, "text": str(text)})
                if known != level:
                    raise RecordError(f"level is one of {', '.join(_LEVELS)}, not {level!r}")

    # --- Files -----------------------------------------------------------------------------

    def log_artifact(
        self,
        name: str,
        path: str | os.PathLike[str],
        description: str = "",
        copy: bool = False,
        *,
        compress: Literal["gz", "zst"] | None = None,
        step: float | None = None,
    ) -> None:
        """Record a file or folder: its size and SHA-256, and with ``copy`` its content.

        Copies lie in the run's folder by their content: the same file twice is kept once,
        compressed where ``compress`` asks for it. Large files are hashed by a thread.
        """
        with self._voice.guarded(f"the artifact {name!r}"):
            if not self._is_over():
                store = self._artifacts()
                store.add(name, path, description, copy=copy, compress=compress, step=step)

    def log_text(self, name: str, text: str, *, step: float | None = None) -> None:
        """Keep a text, as an artifact."""
        with self._voice.guarded(f"the text {name!r}"):
            data = str(text).encode("utf-8", "backslashreplace")
            self._log_bytes(name, data, ".txt", "text", step)

    def log_image(self, name: str, image: object, *, step: float | None = None) -> None:
        """Keep an image, as a PNG: its bytes, of PIL, of matplotlib, or an array H×W[×C]."""
        with self._voice.guarded(f"the image {name!r}"):
            if not self._is_over():
                from mlterm.tracker.png import png_of

                self._log_bytes(name, png_of(image), ".png", "image", step)

    def log_figure(self, name: str, figure: object, *, step: float | None = None) -> None:
        """Keep a figure of matplotlib's, as a PNG."""
        self.log_image(name, figure, step=step)

    def _log_bytes(
        self, name: str, data: bytes, suffix: str, kind: str, step: float | None
    ) -> None:
        with self._voice.guarded(f"the {kind} {name!r}"):
            if not self._is_over():
                self._artifacts().add_bytes(name, data, suffix, kind, step=step)

    def _artifacts(self) -> Any:
        if self._store is None:
            from mlterm.tracker.artifacts import ArtifactStore  # hashlib costs a few ms

            self._store = ArtifactStore(
                self._run.files.folder,
                lambda fields: self._record("artifact", fields, ours=True),
                lambda text: self._voice.warn(text, text),
            )
        return self._store

    # --- The end ---------------------------------------------------------------------------

    def flush(self) -> bool:
        """With ``background``, wait until all is written; whether it is."""
        return self._journal.flush()

    def finish(self, status: str = COMPLETED) -> None:
        """End the run as "completed", "failed" or "cancelled".

        Under ``mlterm run`` the run goes on until its command ends; the worse of both ends
        is its status then.
        """
        with self._voice.guarded("finish()"):
            reason = "finish() was called"
            if status not in ENDED:
                self._voice.warn(
                    "status", f"{status!r} is no status; {', '.join(sorted(ENDED))} are"
                )
                status, reason = COMPLETED, f"finish({status!r:.100}) was called"
            if self._end is not None and self._end.status != status:
                self._voice.warn(
                    "ended",
                    f"{self._run.name} has ended already, as {self._end.status}; it stays so",
                )
            self._finish(ending.End(status, reason))

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        end = ending.End(COMPLETED, "its block ended")
        if error is not None:
            end = ending.of_exception(error)
        with self._voice.guarded("the run's end"):
            self._finish(end)

    def _finish(self, end: ending.End, *, automatic: bool = False) -> None:
        if self._end is not None:
            return
        self._end = end
        self._is_plain = False
        with suppress(ValueError):
            _open.remove(self)
        if self._store is not None:
            self._store.drain(_HASHING_SECONDS)
        counts = {"lost_records": self._voice.lost, "thinned_records": self._thinning.dropped}
        self._journal.end(end, counts, automatic=automatic)
        self._voice.tell(f"{end.status}: {end.reason}")

    def _finish_at_exit(self) -> None:
        """The script is over. A supervised run's end is told by its exit code: there only what
        that code cannot tell is recorded."""
        with self._voice.guarded("the run's end"):
            if self._end is None:
                end = ending.at_exit(self._earlier_error)
                is_told = self._run.lock is None and self._run.ranks is None
                if is_told and end.status == COMPLETED:
                    if self._store is not None:
                        self._store.drain(_HASHING_SECONDS)
                    whole = self._journal.flush() and not self._journal.has_losses
                    if whole and not (self._voice.lost or self._thinning.dropped):
                        self._end = end
                        return
                self._finish(end, automatic=True)
            if self._late:
                self._journal.add_lost(self._late)

    # --- One record ------------------------------------------------------------------------

    def _record(
        self,
        kind: str,
        fields: Mapping[str, Any],
        step: float | None = None,
        *,
        ours: bool = False,
    ) -> None:
        record: dict[str, Any] = {"timestamp": self._journal.stamp(), "type": kind}
        if not ours:
            hidden = fields.keys() & records.RESERVED
            for name in hidden:
                self._voice.warn(
                    f"name {name}", f"{name!r} is a name of mlterm's; kept as {name + '_'!r}"
                )
            fields = records.user_fields(fields)
        record |= fields
        if step is not None:
            number = as_number(plain(step))
            if number is None or number - number:
                self._voice.warn("step", f"step={step!r:.100} is no number; it is kept by its name")
                record |= records.user_fields({"step": step})
            else:
                record["_step"] = number
        if self._rank is not None:
            record["_rank"] = self._rank
        line = line_of(record, self._voice.warn, self._save_array)
        self._voice.tell(
            f"{kind} → {self.path} ({len(line)} bytes): {line[:200].decode(errors='replace')}"
        )
        self._journal.put(line)

    def _save_array(self, name: str, array: object, step: float | None) -> Mapping[str, Any]:
        saved: Mapping[str, Any] = self._artifacts().add_array(name, array, step=step)
        return saved

    def _is_over(self) -> bool:
        if self._end is None:
            return False
        self._late += 1
        if self._late == 1:
            _open.append(self)  # how many there were is said at the script's end
        self._voice.warn("late", f"{self._run.name} has ended; what is logged after that is lost")
        return True

    # --- Copies in other processes ---------------------------------------------------------

    def __repr__(self) -> str:
        state = "open" if self._end is None else self._end.status
        return f"<Tracker {self._run.name} {state} {self.path}>"

    def __deepcopy__(self, _memo: object) -> "Tracker":
        return self

    def __copy__(self) -> "Tracker":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled for a worker process, it writes to the same run there."""
        how = (self._voice.is_strict, self._voice.is_debug, self._thinning.every)
        return _rejoin, (self.project, self.run_id, os.fspath(self.path), *how)


def _rejoin(project: str, run_id: str, path: str, strict: bool, debug: bool, every: int) -> Tracker:
    """In a worker, which ends when it likes: its lines are written at once."""
    tracker = object.__new__(Tracker)
    tracker._asked = Asked(project, run_id)
    run = Opened(project, run_id, paths.RunFiles(Path(path)))
    voice, rank = Voice(strict=strict, debug=debug), rank_of(os.environ)
    tracker._set_up(run, rank, voice, Thinning(every), background=False)
    return tracker


def _merged(fields: object, values: Mapping[str, object]) -> Mapping[str, Any]:
    named = named_values(fields)
    if named is None:
        named = {"value": fields}
    return {**named, **values} if values else named


def _supersede(asked: Asked) -> list[str]:
    """In a notebook, a cell that is run again leaves its earlier Tracker behind: end that."""
    notices = []
    for tracker in [*_open] if ending.is_interactive() else ():
        earlier = tracker._asked
        same = (earlier.project, earlier.run_id) == (asked.project, asked.run_id)
        if same and tracker._end is None and tracker._journal.is_ours:
            with tracker._voice.guarded("the end of the earlier run"):
                reason = "another Tracker of the same names was made in the same session"
                tracker._finish(ending.End(CANCELLED, reason))
            notices.append(
                f"{tracker._run.name} was still open in this session (was its cell run again?); "
                "it has been ended as cancelled."
            )
    return notices


def _finish_all() -> None:
    for tracker in reversed(_open):
        if tracker._journal.is_ours:
            tracker._finish_at_exit()


def _before_fork() -> None:
    for tracker in _open:
        if tracker._end is None:
            tracker._journal.flush()


def _after_fork_in_child() -> None:
    for tracker in [tracker for tracker in _open if tracker._end is None]:
        tracker._journal.after_fork_in_child()
        if tracker._store is not None:
            tracker._store.after_fork_in_child()


atexit.register(_finish_all)
os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
