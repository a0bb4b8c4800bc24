"""What the processes of one supervised run share: descriptors, names, beginnings."""

import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlterm.core.plan import SamplingPlan, Watched
from mlterm.system.board import Board
from mlterm.system.cgroup import OomCount
from mlterm.system.child import Child
from mlterm.system.paths import RunFiles
from mlterm.system.registry import Entry
from mlterm.system.runlog import RunLog
from mlterm.system.slate import Slate


@dataclass
class Job:
    """Made once by the session before it forks; a new keeper finds all of it unchanged."""

    files: RunFiles
    entry: Entry
    argv: list[str]
    cwd: str
    environ: dict[str, str]
    runlog: RunLog
    board: Board
    sums: Slate
    """What the samples of the job add up to, as JSON."""
    child: Child
    """The command, and the PTY's master side."""
    lock: int
    """Never unlocked: it is free when guard and keeper are gone."""
    pipe: tuple[int, int]
    """Between terminal and file: bytes that a killed keeper had on its hands wait here."""
    output: int
    index: int | None
    status_pipe: tuple[int, int]
    """Whoever holds the second end lives; a byte in it: the command has ended."""
    lifeline: tuple[int, int]
    """Ends for the observer when neither guard nor keeper holds the second end."""
    server: socket.socket
    server_path: Path
    started: datetime
    started_monotonic: float
    timeout_seconds: float | None
    grace_seconds: float
    oom_before: OomCount | None
    part: int
    """1, and one more for each --resume."""
    parses: bool
    patterns: tuple[str, ...]
    ignored: tuple[str, ...]
    """As of the plan."""
    sampling: SamplingPlan
    watched: Watched | None
    bell: tuple[int, int]
    """A byte in it: there is new output, or the command has ended."""
    git_known: bool
    """Whether the run record already tells the state of the working tree."""

    @property
    def name(self) -> str:
        """``project/run_id``."""
        return f"{self.entry.project}/{self.entry.run_id}"
