"""Which runs a command is about: those that are named, or all of a project."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.progress import Progress
from mlterm.cli.show import say
from mlterm.core.clean import clean_text
from mlterm.core.summary import RunSummary
from mlterm.system import paths
from mlterm.system.catalog import Catalog, nothing_found
from mlterm.system.finding import Finder


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
        catalog = Catalog(self.folder)
        if self.words:
            finder = Finder(self.folder, self.project, catalog)
            named = (finder.find(word, metrics=metrics) for word in self.words)
            return list({run.path: run for run in named}.values())
        with Progress("reading the runs") as progress:
            found = catalog.runs(self.project, metrics=metrics, step=progress.at)
        tell_unreadable(catalog)
        if not found:
            raise nothing_found(self.folder, self.project)
        return found


def tell_unreadable(catalog: Catalog) -> None:
    """Say which files of the folder could not be read, and why."""
    for path, error in catalog.unreadable.items():
        say(f"{clean_text(path)} could not be read: {error.strerror}")


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
