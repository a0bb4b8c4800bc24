"""Finding the run that a person means."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.nearest import with_nearest
from mlterm.core.summary import RunSummary
from mlterm.system import registry, store
from mlterm.system.catalog import Catalog, nothing_found
from mlterm.system.paths import RunFiles

LAST = "@last"
_LISTED = 20
"""Of the runs that a word may mean, at most."""


def live_runs(*, metrics: bool = False) -> Iterator[RunSummary]:
    """Every live run of this user, wherever its log folder is."""
    for entry in registry.live():
        with suppress(OSError):
            yield store.load(entry.files, metrics=metrics)


class Finder:
    """Finds runs of a folder, and live ones of any; what it has read it does not read again."""

    def __init__(
        self, folder: Path, project: str | None = None, catalog: Catalog | None = None
    ) -> None:
        self._folder, self._project = folder, project
        self._catalog = catalog or Catalog(folder)

    def find(self, word: str, *, metrics: bool = False) -> RunSummary:
        """The run that ``word`` means, with its metrics' summaries where those are wanted.

        A path to a .jsonl, ``project/run_id``, a run_id, an alias, a unique prefix of one, or
        ``@last``; live runs are found from any folder, ended ones in the folder. Raises
        NotFoundError where there is none, RefusedError with the candidates where it could be
        several.
        """
        if word.endswith(".jsonl"):
            try:
                return store.load(RunFiles(Path(os.path.abspath(word))), metrics=metrics)
            except OSError as error:
                raise NotFoundError(f"cannot read {clean_text(word)}: {error.strerror}") from None
        run = self._by_file_name(word) or self._among_all(word)
        if metrics and not run.metrics:
            with suppress(OSError):
                return self._catalog.load(RunFiles(Path(run.path)), metrics=True)
        return run

    @cached_property
    def _live(self) -> list[RunSummary]:
        return list(live_runs())

    @cached_property
    def _all(self) -> list[RunSummary]:
        return self._distinct((*self._live, *self._catalog.runs(self._project)))

    @cached_property
    def _files(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if name.endswith(".jsonl")]
        except OSError:
            return []

    def _among_all(self, word: str) -> RunSummary:
        if not self._all and (self._project is not None or word == LAST):
            raise nothing_found(self._folder, self._project)
        if word == LAST:
            return max(self._all, key=lambda run: run.began)
        for test in (_is_named, _begins):
            found = [run for run in self._all if test(run, word)]
            if len(found) == 1:
                return found[0]
            if found:
                listed = [f"  {run.title}  {run.status}  {run.path}" for run in found[:_LISTED]]
                listed += [f"  and {more} more"] if (more := len(found) - _LISTED) > 0 else []
                words = "\n".join([f"'{clean_text(word)}' could be any of", *listed, "Say which."])
                raise RefusedError(words)
        project, _, run_id = word.rpartition("/")
        for path, error in self._catalog.unreadable.items():
            if Path(path).stem.endswith(f"{project or self._project or ''}_{run_id}"):
                raise NotFoundError(f"cannot read {clean_text(path)}: {error.strerror}")
        raise NotFoundError(_no_such(word, self._folder, self._all))

    def _by_file_name(self, word: str) -> RunSummary | None:
        """The one run whose name is ``word``, and its file's too: without reading the others.
        None where there is none, or several."""
        project, _, run_id = word.rpartition("/")
        ending = f"{project or self._project or ''}_{run_id}.jsonl"
        there = []
        for name in self._files:
            if name.endswith(ending):
                with suppress(OSError):
                    there.append(self._catalog.load(RunFiles(self._folder / name)))
        both = self._distinct((*self._live, *there))
        found = [run for run in both if word in (run.run_id, run.name)]
        return found[0] if len(found) == 1 else None

    def _distinct(self, runs: Iterable[RunSummary]) -> list[RunSummary]:
        """Each once, for a folder may be reached in two ways; of the project."""
        by_path = {os.path.realpath(run.path): run for run in runs}
        return [run for run in by_path.values() if store.is_of(run, self._project)]


def find(word: str, folder: Path, project: str | None = None) -> RunSummary:
    """The run that ``word`` means; see ``Finder.find``."""
    return Finder(folder, project).find(word)


def only_live(project: str | None = None) -> RunSummary:
    """The one live run of this user; an error in words where there are none or several."""
    live = [run for run in live_runs() if store.is_of(run, project)]
    if len(live) == 1:
        return live[0]
    if not live:
        raise NotFoundError("no run is live; mlterm list-runs shows those that have ended")
    listed = "\n".join(f"  {run.title}" for run in live)
    raise RefusedError(f"several runs are live:\n{listed}\nSay which.")


def on_other_host(run: RunSummary) -> str | None:
    """The host that a live run is on, where that is not this one."""
    here = os.uname().nodename
    return run.host if run.host and run.host != here else None


def _no_such(word: str, folder: Path, runs: list[RunSummary]) -> str:
    words = f"No run '{clean_text(word)}' in {folder} or among the live ones"
    return with_nearest(words, word, (run.run_id for run in runs))


def names_of(run: RunSummary) -> list[str]:
    """What a run may be called: an alias is ``project/run_id`` too."""
    whole = [run.name, *run.aliases]
    return [run.run_id, *whole, *(name.rpartition("/")[2] for name in run.aliases)]


def _is_named(run: RunSummary, word: str) -> bool:
    return word in names_of(run)


def _begins(run: RunSummary, word: str) -> bool:
    return any(name.startswith(word) for name in names_of(run))
