"""Which runs a command is about: those that are named, or all of a project, that pass a filter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import click

from mlterm.cli.options import filter_option, log_dir_option, project_option, run_argument
from mlterm.cli.progress import Progress
from mlterm.cli.show import say
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError
from mlterm.core.goals import order_of
from mlterm.core.nearest import with_nearest
from mlterm.core.query import Query, parse_query, tell_unknown
from mlterm.core.summary import RunSummary
from mlterm.system import paths
from mlterm.system.catalog import Catalog, nothing_found
from mlterm.system.finding import Finder, live_runs
from mlterm.system.store import is_of

_TOLD = 10
"""Of the files that could not be read, at most."""
_LISTED = 8
"""Metrics, at most, that are named where nothing like the one that was asked for is there."""


@dataclass(frozen=True)
class Choice:
    """What was said of the runs that are meant."""

    words: tuple[str, ...]
    project: str | None
    log_dir: str | None
    filter: str | None = None
    """An expression of core.query."""

    @property
    def folder(self) -> Path:
        """The log directory."""
        return paths.log_dir(self.log_dir)

    @property
    def query(self) -> Query:
        """The filter, or what accepts every run. Raises RefusedError where it is no expression."""
        return parse_query(self.filter or "", datetime.now(UTC))

    def runs(self, *, metrics: bool = True, live: bool = False) -> list[RunSummary]:
        """Those that were named, in that order, else all, the newest last, if they pass the
        filter; with their metrics' summaries unless nobody wants them. With ``live`` the live
        ones of any folder, of which there may be none.

        Raises NotFoundError where there are none, RefusedError where a name is ambiguous or the
        filter is no expression.
        """
        query = self.query
        found = self._unfiltered(metrics=metrics or query.needs_metrics, live=live)
        passing = [run for run in found if query.accepts(run)]
        if not passing and not live:
            raise none_passes(query, found)
        return passing

    def _unfiltered(self, *, metrics: bool, live: bool) -> list[RunSummary]:
        if live:
            runs = (run for run in live_runs(metrics=metrics) if is_of(run, self.project))
            named = (
                run for run in runs if not self.words or {run.run_id, run.name} & {*self.words}
            )
            return sorted(named, key=lambda run: run.began)
        if self.words:
            finder = Finder(self.folder, self.project, self._catalog)
            named = (finder.find(word, metrics=metrics) for word in self.words)
            return list({run.path: run for run in named}.values())
        with Progress("reading the runs") as progress:
            found = self._catalog.runs(self.project, metrics=metrics, step=progress.at)
        self._tell_unreadable()
        if not found:
            raise nothing_found(self.folder, self.project)
        return found

    @cached_property
    def _catalog(self) -> Catalog:
        """Read once, however often a list is drawn again."""
        return Catalog(self.folder)

    @cached_property
    def _told(self) -> set[str]:
        return set()

    def _tell_unreadable(self) -> None:
        """Say which files of the folder could not be read, and why; of each once."""
        news = [item for item in self._catalog.unreadable.items() if item[0] not in self._told]
        self._told.update(path for path, _ in news)
        for path, error in news[:_TOLD]:
            say(f"{clean_text(path)} could not be read: {error.strerror}")
        if (more := len(news) - _TOLD) > 0:
            say(f"nor could {more:,} more files of that folder")


def none_passes(query: Query, runs: list[RunSummary]) -> NotFoundError:
    """What every command says where a filter lets none of the runs that there are through, and
    which of its names none of them has."""
    count = f"none of the {len(runs)} runs passes" if len(runs) > 1 else "the run does not pass"
    words = [f"{count} the filter {clean_text(query.text)}", *tell_unknown(query.names, runs)]
    return NotFoundError("\n  ".join(words))


def no_such_metric(name: str, names: Iterable[str]) -> NotFoundError:
    """What every command says of a metric that none of its runs has; ``names`` are those that
    they have."""
    known = sorted(names, key=order_of)
    listed = ", ".join(map(clean_text, known[:_LISTED])) + ", …" * (len(known) > _LISTED)
    otherwise = f"; there are: {listed}" if known else ", nor any other"
    words = f"None of these runs has a metric '{clean_text(name)}'"
    return NotFoundError(with_nearest(words, name, known, otherwise))


def choosing(function: Callable[..., Any]) -> Callable[..., Any]:
    """RUN…, --runs, --filter, --project and --log-dir, as ``choice``."""

    @wraps(function)
    def called(
        runs: tuple[str, ...],
        project: str | None,
        log_dir: str | None,
        filter_: str | None,
        **others: Any,
    ) -> Any:
        return function(choice=Choice(runs, project, log_dir, filter_), **others)

    command: Callable[..., Any] = log_dir_option(project_option(filter_option(called)))
    # The names behind it are arguments: click has no option that takes as many as there are.
    command = click.option(
        "--runs",
        "runs_follow",
        is_flag=True,
        expose_value=False,
        help="What follows are runs (may be left out).",
    )(command)
    with_runs: Callable[..., Callable[..., Any]] = run_argument(required=False, several=True)
    return with_runs(command)
