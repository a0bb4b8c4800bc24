"""Where an export goes: its file or folder has its name only when all of it is there.

Here belongs what is refused, what is kept when something goes wrong, and how that is said.
"""

import io
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from mlterm.core.argv import masked
from mlterm.core.clean import Cleaner, clean_text
from mlterm.core.errors import MltermError, RefusedError
from mlterm.system import terminal

MARK = ".mlterm-export"
"""A file in each folder that was exported: no other is ever replaced."""
_BUFFER_BYTES = 1024 * 1024


class Target:
    """Standard output, or what -o names."""

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
    ) -> None:
        """``path`` is None for standard output; ``overwrite`` replaces what is there."""
        self.path = None if path is None else Path(os.path.abspath(path))
        self.given = None if path is None else os.fspath(path)
        """As it was given."""
        self.overwrite = overwrite

    @property
    def place(self) -> str | None:
        """The absolute path, or the URI without its password; None for standard output."""
        if self.given is not None and "://" in self.given:
            return masked([self.given])[0]
        return None if self.path is None else os.fspath(self.path)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return "standard output" if self.place is None else clean_text(self.place)

    @property
    def is_stream(self) -> bool:
        """Whether what was written cannot be taken back: standard output, a pipe, a device."""
        return self.path is None or _is_special(self.path)

    @contextmanager
    def file(self) -> Iterator[BinaryIO]:
        """The file to write; it can be sought in and cut unless ``is_stream``.

        It gets its name at the block's end; an error, or an interrupt, leaves nothing (and an
        older file as it was). Raises RefusedError where it may not be written, MltermError
        for an OSError that leaves the block, BrokenPipeError where nobody reads any more.
        """
        with self._told():
            if self.path is None:
                with open(1, "wb", _BUFFER_BYTES, closefd=False) as out:
                    yield _Cleaned(out) if terminal.is_terminal(1) else out
            elif _is_special(self.path):
                with self.path.open("wb", _BUFFER_BYTES) as out:
                    yield out
            else:
                place = self._place(is_folder=False)
                with _staging(place) as folder:
                    with (folder / "new").open("wb", _BUFFER_BYTES) as out:
                        yield out
                    self._name(folder / "new", place)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder to fill, that gets its name at the block's end, as ``file``."""
        if self.path is None:
            raise RefusedError("this format makes a folder: -o FOLDER says which")
        with self._told():
            place = self._place(is_folder=True)
            with _staging(place) as folder:
                (folder / "new").mkdir()
                yield folder / "new"
                (folder / "new" / MARK).touch()
                try:
                    if self.overwrite and place.is_dir():
                        place.rename(folder / "old")
                    (folder / "new").rename(place)
                except BaseException:
                    with suppress(OSError):  # there was none, or the new one is in its place
                        (folder / "old").rename(place)
                    raise

    def _place(self, *, is_folder: bool) -> Path:
        """Where it will stand. Raises RefusedError where it cannot."""
        place = Path(os.path.realpath(self.path or ""))  # a link stays one
        if not place.parent.is_dir():
            raise RefusedError(f"there is no folder {_shown(place.parent)} to write into")
        if not os.path.lexists(place):
            return place
        if place.is_dir() != is_folder:
            raise RefusedError(f"{self.title} is {'no' if is_folder else 'a'} folder")
        if not self.overwrite:
            raise self._is_there()
        if is_folder and any(place.iterdir()) and not (place / MARK).exists():
            raise RefusedError(f"{self.title} holds other things than an export; it is kept")
        return place

    def _name(self, file: Path, place: Path) -> None:
        """Give a file its name. Raises RefusedError where another has taken it meanwhile."""
        if not self.overwrite:
            try:
                os.link(file, place)
            except FileExistsError:
                raise self._is_there() from None
            except OSError:
                pass  # a file system without links
            else:
                return
        file.replace(place)

    def _is_there(self) -> RefusedError:
        return RefusedError(f"{self.title} is there already; --overwrite replaces it")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            kept = "" if self.is_stream else "; nothing of it was kept"
            raise MltermError(
                f"cannot write {self.title}: {error.strerror or error}{kept}"
            ) from error


def refuse_run(path: str, folders: Iterable[str | os.PathLike[str]]) -> None:
    """Raise RefusedError where a file there would replace a run of one of these log folders, or
    be taken for one."""
    place = os.path.realpath(path)
    if place.endswith(".jsonl") and os.path.dirname(place) in map(os.path.realpath, folders):
        raise RefusedError(f"{clean_text(path)} would be taken for a run: write it elsewhere")


class _Cleaned(io.BufferedIOBase, BinaryIO):
    """A terminal is shown text, and told nothing by it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._cleaner = out, Cleaner(colour=False)

    def write(self, data: Any) -> int:
        """Whole lines."""
        self._out.write(self._cleaner.feed(bytes(data)))
        return len(data)


@contextmanager
def _staging(place: Path) -> Iterator[Path]:
    """A folder beside ``place`` that is gone at the block's end with whatever is in it."""
    with tempfile.TemporaryDirectory(
        prefix=".mlterm-", dir=place.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _is_special(path: Path) -> bool:
    """A device or a pipe, which is written to and never replaced."""
    with suppress(OSError):
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _shown(path: Path) -> str:
    return clean_text(os.fspath(path))
