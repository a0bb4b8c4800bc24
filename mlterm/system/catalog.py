"""The runs of a log folder, read once as long as their files do not change."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError
from mlterm.core.lifecycle import LOST, RUNNING
from mlterm.core.summary import RunSummary
from mlterm.system import lock, store
from mlterm.system.cache import Cache, Kept
from mlterm.system.ends import stamp_of
from mlterm.system.paths import RunFiles


class Catalog:
    """Every run of a folder: ``runs`` reads those whose files have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unreadable: dict[str, OSError] = {}
        """Files that could not be read, by path; of the last time that was tried."""

    @cached_property
    def _cache(self) -> Cache:
        return Cache(self.folder)

    def runs(
        self,
        project: str | None = None,
        *,
        metrics: bool = False,
        step: Callable[[int, int], object] = lambda done, total: None,
    ) -> list[RunSummary]:
        """The runs of a project, or all, the newest last; with their metrics' summaries where
        those are wanted. ``step`` is told how many files of how many are done."""
        self.unreadable = {}
        seen = dict(self._scan())
        loaded = []
        for number, (path, stat) in enumerate(seen.items()):
            try:
                kept = self._load(path, stat, metrics=metrics)
            except FileNotFoundError:
                pass  # it was removed meanwhile
            except OSError as error:
                self.unreadable[path] = error
            else:
                loaded.append((kept.run, kept.named))
            step(number + 1, len(seen))
        self.write(seen)
        return sorted(store.of_project(loaded, project), key=lambda run: run.began)

    def load(self, files: RunFiles, *, metrics: bool = False) -> RunSummary:
        """One run of the folder. Raises OSError."""
        return self.kept(files, metrics=metrics).run

    def kept(self, files: RunFiles, *, metrics: bool = False) -> Kept:
        """The same, and what else is known of it. Raises OSError."""
        path = os.fspath(files.run)
        return self._load(path, os.stat(path), metrics=metrics)

    def write(self, paths: Iterable[str]) -> None:
        """Keep what was read one by one; ``paths`` are all runs of the folder."""
        self._cache.write(map(os.path.basename, paths))

    def _scan(self) -> Iterator[tuple[str, os.stat_result]]:
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".jsonl"):
                    try:
                        yield entry.path, entry.stat()
                    except FileNotFoundError:  # it was removed meanwhile
                        continue
                    except OSError as error:
                        self.unreadable[entry.path] = error

    def _load(self, path: str, stat: os.stat_result, *, metrics: bool) -> Kept:
        kept = self._cache.get(path, stamp_of(stat))
        if kept is not None and (kept.summed or not metrics) and not _is_back(kept.run):
            return kept
        files = RunFiles(Path(path))
        run, named, stamp = store.load_stamped(files, metrics=metrics)
        kept = Kept(stamp, named, metrics or bool(run.metrics), run)
        if run.status != RUNNING:
            self._cache.put(kept)
        return kept


def _is_back(run: RunSummary) -> bool:
    """Whether a run that was lost lives. Who goes on with one that has ended writes a record."""
    return run.status == LOST and lock.is_live(RunFiles(Path(run.path)))


def all_runs(
    folder: Path, project: str | None = None, *, metrics: bool = False
) -> list[RunSummary]:
    """The runs of a log folder, the newest last; files that cannot be read are passed over."""
    return Catalog(folder).runs(project, metrics=metrics)


def nothing_found(folder: Path, project: str | None) -> NotFoundError:
    """What every command says where a project or folder has no runs."""
    there = sorted({clean_text(run.project) for run in all_runs(folder)})
    words = f"No log file found for project '{clean_text(project)}'" if project else "No runs found"
    if there:
        return NotFoundError(f"{words} in {folder}; the projects there are: {', '.join(there)}")
    return NotFoundError(f"{words}; {folder} holds no runs (--log-dir says where to look)")
