"""Which run a Tracker writes to: one that it joins, or one of its own (DESIGN.md, the context)."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mlterm.core import names
from mlterm.core.command import script_name
from mlterm.core.errors import RefusedError
from mlterm.core.records import Record, decode
from mlterm.system import lock, paths
from mlterm.system.paths import RunFiles
from mlterm.tracker.ranks import Rank

CONTEXT = ("MLTERM_PROJECT", "MLTERM_RUN_ID", "MLTERM_RUN_FILE")
"""What names a live run to the processes started within it."""
_OWNER_SECONDS = 2.0
"""How long a rank waits for the first one's first record."""
_SAME_LAUNCH_SECONDS = 60.0
"""How much later a rank may come where the launch's name could be another job's too."""


@dataclass(frozen=True)
class Asked:
    """What a Tracker was asked for."""

    project: str | None = None
    run_id: str | None = None
    log_dir: str | None = None
    resume: bool = False
    conflict: str = "next"


@dataclass
class Opened:
    """The run that a Tracker writes to."""

    project: str
    run_id: str
    files: RunFiles
    lock: int | None = None
    """Held by the one process that owns a run without a supervisor."""
    ranks: int | None = None
    """Shared by the ranks of a run without a supervisor; the last one ends it."""
    is_new: bool = False
    """Whether this process writes the ``run`` record."""
    parent: str | None = None
    alias: str | None = None
    """What the script calls the supervised run that it is the first to name."""
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """``project/run_id``."""
        return f"{self.project}/{self.run_id}"

    @property
    def owns(self) -> bool:
        """Whether the run ends with this process alone."""
        return self.lock is not None and self.ranks is None

    def let_go(self) -> None:
        """Give up what is held, in this process: other holders are not touched."""
        for fd in (self.lock, self.ranks):
            if fd is not None:
                os.close(fd)
        self.lock = self.ranks = None


def open_run(asked: Asked, environ: Mapping[str, str], rank: Rank | None) -> Opened:
    """Find the run, and take what a run of one's own needs.

    Raises RefusedError where a name breaks its rule, the folder cannot be made, or names
    are taken and ``conflict`` is "error".
    """
    for what, name in (("project", asked.project), ("run id", asked.run_id)):
        if name is not None:
            names.check_name(what, name)
    context = _context(environ)
    if context is not None and lock.is_live(context.files):
        joined = _join(context, asked)
        asked = replace(asked, project=asked.project or context.project)
        start = last_start(context.files.run)
        here = not start.get("supervised") and start.get("host") == os.uname().nodename
        # A run of this very process is no parent of its others, but has perhaps the same one.
        is_beside = here and start.get("pid") == os.getpid()
        parent = start.get("parent") if is_beside else context.name
        return joined or _stand_alone(asked, rank, parent)
    parent = context.name if context else environ.get("MLTERM_PARENT_RUN")
    return _stand_alone(asked, rank, parent)


def last_start(path: Path) -> Record:
    """The ``run`` record that began the file's last part; empty where there is none."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        import mmap

        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = len(data)
            while (at := data.rfind(b'"run"', 0, at)) >= 0:
                begin = data.rfind(b"\n", 0, at) + 1
                end = data.find(b"\n", at)
                record = decode(data[begin : end if end >= 0 else len(data)])
                if record and record.get("type") == "run" and "schema" in record:
                    return record
    return {}


def _context(environ: Mapping[str, str]) -> Opened | None:
    project, run_id, run_file = (environ.get(name) for name in CONTEXT)
    if not (project and run_id and run_file and os.path.isabs(run_file)):
        return None
    return Opened(project, run_id, RunFiles(Path(run_file)))


def _join(context: Opened, asked: Asked) -> Opened | None:
    """The live run around us; None where the script means another by its names."""
    project = asked.project or context.project
    run_id = asked.run_id or context.run_id
    if (project, run_id) == (context.project, context.run_id):
        return context
    if not last_start(context.files.run).get("supervised"):
        return None
    wanted = f"{project}/{run_id}"
    claimed, is_ours = _claim_names(context.files, wanted)
    if claimed != wanted:
        return None
    context.alias = wanted if is_ours else None
    return context


def _claim_names(files: RunFiles, wanted: str) -> tuple[str, bool]:
    """What the script calls this run, and whether we are the first to say so.

    A file that is made whole and then linked: of several ranks that come at once one is
    the first, and none reads half a name.
    """
    scratch = files.names.with_name(f".names.{os.getpid()}")
    try:
        scratch.write_text(wanted)
        try:
            os.link(scratch, files.names)
            return wanted, True
        except FileExistsError:
            return files.names.read_text(), False
        finally:
            scratch.unlink(missing_ok=True)
    except OSError:  # a full disk: the first to come may still be the only one
        return wanted, True


def _stand_alone(asked: Asked, rank: Rank | None, parent: str | None) -> Opened:
    folder = paths.log_dir(asked.log_dir)
    project = asked.project or paths.default_project(_current_folder())
    run_id = asked.run_id or _default_run_id(rank)
    names.check_pair(project, run_id)
    _make(folder)
    reason = ""
    for candidate in _candidates(run_id):
        files = RunFiles.of(folder, project, candidate)
        # Of the names only the one that was asked for is gone on with.
        resume = asked.resume and candidate == run_id
        run = Opened(project, candidate, files, parent=parent)
        found = _claim(run, rank, resume=resume)
        if isinstance(found, Opened):
            if reason and asked.run_id is not None:
                found.warnings.append(f"{reason}; this run is {found.name}")
            return found
        reason = reason or found
        if asked.conflict == "error":
            raise RefusedError(f"{found}; choose another run_id, or conflict='next'")
    raise AssertionError("there is always another candidate")


def _claim(run: Opened, rank: Rank | None, *, resume: bool) -> Opened | str:
    """The run, ours to write, or why it is not."""
    if rank is not None and _is_launched_by(run.files, rank):
        return _as_rank(run, None)
    try:
        held = None if lock.is_live(run.files) else lock.take(run.files.lock)
    except OSError as error:
        raise RefusedError(
            f"{run.files.lock} cannot be opened ({error.strerror}); choose another log_dir"
        ) from None
    if held is None:
        if rank is not None and _comes_to_be_launched_by(run.files, rank):
            return _as_rank(run, None)
        return _who_holds(run)
    start = last_start(run.files.run)
    is_empty = not (run.files.run.exists() and run.files.run.stat().st_size)
    theirs = (start.get("project", run.project), start.get("run_id", run.run_id))
    if is_empty or (resume and theirs == (run.project, run.run_id)):
        run.is_new = True
        run.lock = held
        return run if rank is None else _as_rank(run, held)
    os.close(held)
    if theirs != (run.project, run.run_id):
        return f"{run.files.run.name} belongs to {theirs[0]}/{theirs[1]}"
    from mlterm.system import store  # only who meets an older run waits for it

    status = store.load(run.files).status
    return (
        f"{run.name} has ended already ({status}) and is kept in {run.files.run} "
        "(resume=True goes on with it)"
    )


def _as_rank(run: Opened, held: int | None) -> Opened:
    _make(run.files.folder)
    run.lock, run.ranks = held, lock.share(run.files.ranks)
    return run


def _is_launched_by(files: RunFiles, rank: Rank) -> bool:
    start = last_start(files.run)
    if start.get("launch") != rank.launch:
        return False
    if rank.is_certain or lock.is_live(files):
        return True
    with suppress(TypeError, ValueError):
        age = datetime.now(UTC) - datetime.fromisoformat(start["timestamp"])
        return age.total_seconds() < _SAME_LAUNCH_SECONDS
    return False


def _comes_to_be_launched_by(files: RunFiles, rank: Rank) -> bool:
    """Its owner may be a rank that has not written its first record yet."""
    deadline = time.monotonic() + _OWNER_SECONDS
    while not (files.run.exists() and files.run.stat().st_size):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return _is_launched_by(files, rank)


def _who_holds(run: Opened) -> str:
    start = last_start(run.files.run)
    argv = start.get("argv")
    command = f" ({' '.join(map(str, argv))[:80]})" if isinstance(argv, list) else ""
    pid, host = start.get("pid"), start.get("host")
    if pid == os.getpid() and host == os.uname().nodename:
        return f"{run.name} is still being written by this very process"
    return f"{run.name} is being written by process {pid}{command} on {host}"


def _candidates(run_id: str) -> Iterator[str]:
    yield run_id
    number = 2
    while True:
        yield f"{run_id}-{number}"
        number += 1


def _default_run_id(rank: Rank | None) -> str:
    script = _script(sys.orig_argv)
    if rank is None:
        return names.default_run_id(script, datetime.now())
    if rank.launch.startswith("slurm-"):
        return f"{names.as_name(script, 'run')}-{rank.launch.removesuffix('.0')}"
    return f"{names.as_name(script, 'run')}-{paths.short_key(rank.launch.encode())[:8]}"


def _script(argv: Sequence[str]) -> str:
    script = script_name(argv)
    if script != "ipykernel_launcher":
        return script
    main = sys.modules.get("__main__")  # where VS Code puts the notebook's path
    path = getattr(main, "__vsc_ipynb_file__", None) or os.environ.get("JPY_SESSION_NAME")
    return os.path.basename(path).removesuffix(".ipynb") if path else "notebook"


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(
            f"the log folder {folder} cannot be made ({error.strerror}); nothing was "
            "recorded. Choose another with log_dir or MLTERM_LOG_DIR."
        ) from None
