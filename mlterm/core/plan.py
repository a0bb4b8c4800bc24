"""A run that is to be started, and one that has been: plain data, handed across a fork."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEFAULT_SIZE = (24, 80)


@dataclass(frozen=True)
class ChildSpec:
    """How the command is to be started."""

    argv: Sequence[str]
    cwd: str
    environ: Mapping[str, str]
    size: tuple[int, int] = DEFAULT_SIZE
    """Rows, columns; zeros (a terminal that does not know) mean the default."""
    control_characters: list[Any] | None = None
    """The caller's terminal's, so that its erase and interrupt keys mean the same."""
    stdin: int | None = None
    """A descriptor to be the command's stdin, where the caller's is no terminal."""
    pass_fds: tuple[int, ...] = ()
    """What the caller's shell opened for the command: <(…), 3<file."""


@dataclass(frozen=True)
class SamplingPlan:
    """How a job is to be sampled."""

    interval_seconds: float = 1.0
    gpus: str = "auto"
    """``auto``: those that the job uses or is shown; ``all``; ``none``."""
    retention_seconds: float = 24 * 3600.0
    """How long all samples are kept; of older ones one in ten is."""


@dataclass(frozen=True)
class Watched:
    """A process that is sampled though mlterm did not start it."""

    pid: int
    started: int
    """In clock ticks since the boot: tells it from a later process of the same pid."""
    argv: tuple[str, ...]
    cwd: str
    environ: Mapping[str, str]
    """What of it may be known."""


@dataclass(frozen=True)
class Plan:
    """A run that is to be started."""

    project: str
    run_id: str
    run_id_is_default: bool
    """Whether another may be made of it where it is taken."""
    log_dir: str
    child: ChildSpec
    tags: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    grace_seconds: float = 10.0
    timeout_seconds: float | None = None
    git: Mapping[str, Any] | None = None
    git_asked: bool = False
    """In a git tree whose state was not known in time."""
    parses: bool = True
    """Whether metrics are read out of the output."""
    patterns: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Names that are not to be read, as shell patterns."""

    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    watched: Watched | None = None
    """Of a run that watches; its command is then the waiter."""

    @property
    def argv(self) -> Sequence[str]:
        """What the run is of."""
        return self.child.argv if self.watched is None else self.watched.argv

    @property
    def cwd(self) -> str:
        """The folder that it was started in, or now works in."""
        return self.child.cwd if self.watched is None else self.watched.cwd

    @property
    def given_fds(self) -> set[int]:
        """The descriptors that are the command's alone."""
        stdin = set() if self.child.stdin is None else {self.child.stdin}
        return stdin | set(self.child.pass_fds)


@dataclass(frozen=True)
class Launched:
    """A run that has been started."""

    project: str
    run_id: str
    run_file: str
    offset: int
    """Where in output.log this part of the run begins."""

    @property
    def name(self) -> str:
        """``project/run_id``."""
        return f"{self.project}/{self.run_id}"
