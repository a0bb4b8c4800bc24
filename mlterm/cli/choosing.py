"""Which runs a command is about: those that are named, or all of a project."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.show import find
from mlterm.core.summary import RunSummary
from mlterm.system import paths, store


@dataclass(frozen=True)
class Choice:
    """What was said of the runs that are meant."""

    words: tuple[str, ...]
    project: str | None
    log_dir: str | None

    @property
    def folder(self) -> Path:
        """The log directory."""
        return paths.log_dir(self.log_dir)

    def runs(self, *, metrics: bool = True) -> list[RunSummary]:
        """Those that were named, in that order, else all, the newest last; with their metrics'
        summaries unless they are not wanted.

        Raises NotFoundError where there are none, RefusedError where a name is ambiguous.
        """
        if self.words:
            named = (find(word, self.log_dir, self.project) for word in self.words)
            found = list({run.path: run for run in named}.values())
            return [store.load(paths.RunFiles(Path(run.path)), metrics=metrics) for run in found]
        found = store.all_runs(self.folder, self.project, metrics=metrics)
        if not found:
            raise store.nothing_found(self.folder, self.project)
        return found


def choosing(function: Callable[..., Any]) -> Callable[..., Any]:
    """RUN…, --runs, --project and --log-dir, as ``choice``."""

    @wraps(function)
    def called(
        runs: tuple[str, ...], project: str | None, log_dir: str | None, **others: Any
    ) -> Any:
        return function(choice=Choice(runs, project, log_dir), **others)

    command: Callable[..., Any] = log_dir_option(project_option(called))
    # The names behind it are arguments: click has no option that takes as many as there are.
    command = click.option(
        "--runs", is_flag=True, expose_value=False, help="What follows are runs (may be left out)."
    )(command)
    with_runs: Callable[..., Callable[..., Any]] = run_argument(required=False, several=True)
    return with_runs(command)
