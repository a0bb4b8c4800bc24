"""Where imported runs wait until all of them are whole: then they get their names, or none does."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from mlterm.core import names
from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError, NotFoundError, RefusedError
from mlterm.importing.draft import Draft
from mlterm.system import lock
from mlterm.system.paths import RunFiles

_MOST_NAMED = 10
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True)
class Asked:
    """What the person says of the runs that are to be made."""

    log_dir: Path
    default_project: str
    """Of runs of which nothing tells it."""
    project: str | None = None
    run_id: str | None = None
    step: Callable[[int], None] = lambda _: None
    """Is told of bytes that were read."""


@dataclass(frozen=True)
class Made:
    """A run that was made of a draft."""

    draft: Draft
    files: RunFiles


class Staging:
    """A folder of drafts; see ``staging``."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        self._folder, self._asked = folder, asked
        self.drafts: list[Draft] = []
        self.empty: list[Draft] = []
        """Those of which ``keep`` has made no run, since there was nothing of one."""

    def draft(self, origin: str, path: Path) -> Draft:
        """A new one."""
        body = self._folder / f"{len(self.drafts)}.body"
        body.touch()
        draft = Draft(origin, path, body)
        self.drafts.append(draft)
        return draft

    def keep(self) -> list[Made]:
        """Give every draft its name. Raises RefusedError where one is taken, NotFoundError where
        there are none; then nothing was imported."""
        self.empty = [draft for draft in self.drafts if not draft.tells]
        self.drafts = [draft for draft in self.drafts if draft.tells]
        if not self.drafts:
            words = "".join(
                f"; not taken: {words}" for draft in self.empty for words in draft.losses
            )
            raise NotFoundError(f"nothing was found there that could be imported{words}")
        if self._asked.run_id is not None and len(self.drafts) > 1:
            raise RefusedError(
                f"--run-id names one run, and {len(self.drafts):,} were found; nothing was imported"
            )
        named = list(self._named())
        taken = [files for _, _, files in named if _is_taken(files)]
        if taken:
            raise _refused(taken)
        whole = self._folder / "whole"
        made: list[Made] = []
        try:
            for draft, (project, run_id), files in named:
                draft.write(whole, project, run_id, files.run)
                _put(whole, files.run)
                made.append(Made(draft, files))
                draft.body.unlink()
        except BaseException as error:
            for one in made:
                one.files.run.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise _refused([files]) from None
            raise
        return made

    def _named(self) -> Iterator[tuple[Draft, tuple[str, str], RunFiles]]:
        """Each draft with project and run ID; of two of the same name the later gets a -2."""
        seen: set[str] = set()
        for draft in self.drafts:
            project = self._asked.project or _allowed(
                draft.project or "", self._asked.default_project
            )
            run_id = self._asked.run_id or _allowed(draft.run_id, "run")
            if len(project) + len(run_id) > names.PAIR_LIMIT - 8:
                run_id = names.as_name(run_id, "run")
            numbered = (f"{run_id}-{number}" for number in count(2))
            name = run_id
            while names.file_stem(project, name) in seen:
                name = next(numbered)
            seen.add(names.file_stem(project, name))
            aliases = dict.fromkeys(names.as_name(alias, "") for alias in draft.aliases)
            draft.aliases = [alias for alias in aliases if alias not in ("", name)]
            yield draft, (project, name), RunFiles.of(self._asked.log_dir, project, name)


@contextmanager
def staging(asked: Asked) -> Iterator[Staging]:
    """A staging folder in the log directory, which is made; it is gone at the block's end.

    Raises RefusedError where a name breaks its rule, MltermError where nothing can be written.
    """
    for what, name in (("project", asked.project), ("run id", asked.run_id)):
        if name is not None:
            names.check_name(what, name)
    try:
        asked.log_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=asked.log_dir) as folder:
            yield Staging(Path(folder), asked)
    except OSError as error:
        where = clean_text(os.fspath(error.filename or asked.log_dir))
        raise MltermError(f"{where}: {error.strerror or error}; nothing was imported") from error


def walk(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder from ``path`` on, with the names of its files, both sorted; links to folders are
    not followed. Raises OSError where one cannot be read."""

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(path, onerror=fail):
        folders.sort()
        yield Path(folder), sorted(files)


def _allowed(text: str, fallback: str) -> str:
    """The text where it may be a name, else the nearest that may."""
    try:
        return names.check_name("name", text)
    except RefusedError:
        return names.as_name(text, fallback)


def _is_taken(files: RunFiles) -> bool:
    return os.path.lexists(files.run) or files.folder.exists() or lock.is_live(files)


def _refused(taken: list[RunFiles]) -> RefusedError:
    listed = "".join(f"\n  {clean_text(os.fspath(files.run))}" for files in taken[:_MOST_NAMED])
    more = f"\n  and {len(taken) - _MOST_NAMED:,} more" if len(taken) > _MOST_NAMED else ""
    return RefusedError(
        f"nothing was imported: there are runs of these names already{listed}{more}\n"
        "Other names come with --project or --run-id, another place with --log-dir."
    )


def _put(source: Path, target: Path) -> None:
    """Give a file its name, and take none that is there. Raises FileExistsError where one is."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):  # the file system has no links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target)
    else:
        os.unlink(source)
