"""Files that a Tracker keeps: their sizes, hashes and copies, and values that become files.

A copy is made at the call, into a temporary file, and named by its content once that is
known. What is larger than ``AT_ONCE_BYTES`` is hashed and compressed by a thread.
"""

import fcntl
import hashlib
import os
import stat
import struct
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from io import BytesIO, FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from mlterm.core.names import as_name
from mlterm.core.records import timestamp

AT_ONCE_BYTES = 1024 * 1024
"""Up to this size the hash is in the first record."""
QUEUE_FILES = 1000
"""Of files that are not copied so many may wait for their hash; of copies the disk is the bound."""
FOLDER = "artifacts"

_BLOCK = 1024 * 1024
_STRIDE = 64 * _BLOCK
"""Copied by one system call, so that a signal is heard in between."""
_PART = ".part-"
_STALE_SECONDS = 24 * 3600.0
"""After that a temporary file is left over, whoever's it was: of a container that is gone, say."""
_FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
_TAR_BLOCK = 512

Form = Literal["gz", "zst"]
Fields = dict[str, Any]


class _Member(NamedTuple):
    """A file as stat(2) saw it."""

    name: str
    """Relative to the folder that was logged; of a lone file, empty."""
    path: str
    size: int
    modified_ns: int
    inode: int


@dataclass(frozen=True)
class _Source:
    """What was logged, as it was at the call; equal again where nothing changed."""

    path: str
    is_folder: bool
    members: tuple[_Member, ...]
    skipped: int
    """Members that are no files, links to folders among them, or cannot be looked at."""
    modified_ns: int = field(compare=False)

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members)


@dataclass
class _Copy:
    """A temporary file that holds a source; of a folder, as a tar."""

    path: str
    pieces: list[tuple[str, int, int]] = field(default_factory=list)
    """Of each member its name, and where in the file it begins and how long it is."""
    skipped: int = 0
    changed: bool = False

    @property
    def size(self) -> int:
        return sum(size for _name, _at, size in self.pieces)


@dataclass
class _Job:
    """Something whose hash is still wanted."""

    fields: Fields
    source: _Source
    copy: _Copy | None
    form: Form | None


class _Part(FileIO):
    """A temporary file; what is written to it is written whole, or raises OSError."""

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all we give it
        _write_all(self.fileno(), data)
        return len(data)


class _Queue:
    """The jobs of one process, and the thread that does them while there are any."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.changed = threading.Condition()
        self.is_running = False


class ArtifactStore:
    """Keeps artifacts in ``folder``/artifacts, and tells ``record`` the fields of each.

    ``record`` may be called from the hashing thread; ``warn`` gets words for the person.
    I/O trouble is a warning and a ``problem`` in the record, never an exception. Threads,
    forks and other processes may use the same folder at the same time.
    """

    def __init__(
        self, folder: Path, record: Callable[[Fields], None], warn: Callable[[str], None]
    ) -> None:
        self._run_folder = os.path.abspath(folder)
        self._folder = os.path.join(self._run_folder, FOLDER)
        self._record = record
        self._warn = warn
        self._queue = _Queue()
        self._is_tidy = False

    def add(
        self,
        name: str,
        path: str | os.PathLike[str],
        description: str = "",
        *,
        copy: bool = False,
        compress: Form | None = None,
        step: float | None = None,
    ) -> None:
        """Record a file or folder; with ``copy``, or ``compress``, keep its content too.

        A copy is artifacts/SHA256, with .gz or .zst where it is compressed; content that is
        there already, in whatever form, is not kept again. The SHA-256 of a folder is that of
        the concatenation of ``NAME NUL SHA256 LF`` for each of its files: NAME its path in the
        folder, / between, SHA256 in hexadecimal, sorted by the bytes of NAME. Its copy is a
        tar of these files, modes and times left out, so that equal folders make equal tars.
        Links to files count as files; links to folders, sockets and the like, and what cannot
        be read are left out, and counted as ``skipped``.

        Raises ValueError where ``compress`` is unknown, TypeError where ``path`` is no path.
        """
        if compress not in (None, "gz", "zst"):
            raise ValueError(f'compress is "gz" or "zst", not {compress!r}')
        given = os.fsdecode(path)
        fields: Fields = {"name": str(name), "path": given, "description": description}
        if step is not None:
            fields["_step"] = step
        try:
            fields["path"] = os.path.abspath(given)  # of a folder that is gone there is none
            source = _look(fields["path"])
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            why = {"missing": True} if missing else {"problem": _words(error)}
            self._tell({**fields, "size_bytes": None, "sha256": None, **why})
            return
        fields["size_bytes"] = source.size
        with suppress(ValueError, OverflowError):  # a time beyond the calendar
            fields["modified"] = timestamp(datetime.fromtimestamp(source.modified_ns / 1e9, UTC))
        if source.is_folder:
            fields["files"] = len(source.members)
        form = self._possible(compress)
        taken = None
        if copy or compress is not None:
            try:
                taken = self._take(source)
                fields["size_bytes"] = taken.size
                if source.is_folder:
                    fields["files"] = len(taken.pieces)
            except OSError as error:
                fields |= {"copy": None, "problem": f"it could not be copied: {_words(error)}"}
        self._hash(_Job(fields, source, taken, form))

    def add_bytes(
        self,
        name: str,
        data: bytes,
        suffix: str,
        kind: str,
        *,
        step: float | None = None,
        description: str = "",
    ) -> str:
        """Keep ``data`` as artifacts/NAME[-STEP]-SHA256[:8]SUFFIX, and record it.

        Where that name has other content already, all of the SHA-256 is in it. Returns the
        path relative to the run's folder; an empty one where it cannot be kept.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._target(name, step, sha256[:8], suffix)
        if (held := _read(target, len(data) + 1)) not in (None, data):
            target, held = self._target(name, step, sha256, suffix), None
        fields = self._made(name, target, kind, step, description)
        fields |= {"size_bytes": len(data), "sha256": sha256}
        try:
            if held is None:
                with self._part() as file:
                    file.write(data)
                    os.replace(file.name, target)
        except OSError as error:
            self._tell({**fields, "copy": None, "problem": _words(error)})
            return ""
        self._tell(fields)
        return str(fields["copy"])

    def add_array(self, name: str, array: Any, *, step: float | None = None) -> Fields:
        """Keep a NumPy array as .npy: ``{"artifact": path relative to the run's folder}``.

        A masked one with masked elements is kept as ``array.toflex()``, for
        ``numpy.ma.fromflex``. The path is None where it cannot be kept. Raises TypeError for
        an array of objects: only pickle could keep them, and reading that back runs code.
        """
        if array.dtype.hasobject:
            raise TypeError("an array of objects cannot be kept as .npy")
        numpy = sys.modules["numpy"]
        if hasattr(type(array), "toflex"):
            is_masked = b"\1" in numpy.ma.getmaskarray(array).tobytes()  # structured ones, too
            array = array.toflex() if is_masked else array.data
        if array.nbytes <= AT_ONCE_BYTES:
            buffer = BytesIO()
            numpy.save(buffer, array, allow_pickle=False)
            at = self.add_bytes(name, buffer.getvalue(), ".npy", "array", step=step)
            return {"artifact": at or None}
        # The hash of its content comes later.
        target = self._target(name, step, os.urandom(4).hex(), ".npy")
        fields = self._made(name, target, "array", step, "")
        try:
            with self._part() as file:
                # Not the file itself: what C's stdio cannot write at its end NumPy does not notice.
                numpy.save(SimpleNamespace(write=file.write), array, allow_pickle=False)
                os.replace(file.name, target)
            source = _look(target)
        except OSError as error:
            fields |= {"size_bytes": array.nbytes, "sha256": None, "copy": None}
            self._tell({**fields, "problem": _words(error)})
            return {"artifact": None}
        self._hash(_Job({**fields, "size_bytes": source.size}, source, None, None))
        return {"artifact": fields["copy"]}

    def drain(self, timeout_seconds: float | None) -> bool:
        """Wait until all is hashed; whether it is, in time (None: however long it takes).

        What is not stays without a hash; copies whose turn has not come are then named
        artifacts/unhashed-….
        """
        queue = self._queue
        with queue.changed:
            if queue.changed.wait_for(lambda: not queue.jobs, timeout_seconds):
                return True
            self._queue = _Queue()  # of what the thread finds out from here on nothing is told
            undone = [*queue.jobs]
        for job in undone:
            if job.copy is not None:
                name = os.path.basename(job.copy.path).replace(_PART, "unhashed-")
                name += ".tar" if job.source.is_folder else ""
                with suppress(OSError):  # else it has its name already
                    os.rename(job.copy.path, os.path.join(self._folder, name))
                    self._amend(job, {"sha256": None, "copy": f"{FOLDER}/{name}"})
        return False

    def after_fork_in_child(self) -> None:
        """The thread is the parent's, and so is its work."""
        self._queue = _Queue()

    # --- Records ---------------------------------------------------------------------------

    def _made(
        self, name: str, target: str, kind: str, step: float | None, description: str
    ) -> Fields:
        """The fields of a file that we made ourselves."""
        copy = os.path.relpath(target, self._run_folder)
        fields: Fields = {"name": str(name), "path": target, "copy": copy, "kind": kind}
        if description:
            fields["description"] = description
        if step is not None:
            fields["_step"] = step
        return fields

    def _tell(self, fields: Fields) -> None:
        """Record an artifact, then say what is wrong with it."""
        self._record(fields)
        self._complain(fields)

    def _amend(self, job: _Job, found: Fields) -> None:
        same: Fields = {k: v for k, v in job.fields.items() if k in ("name", "path", "_step")}
        self._record({"_amends": True, **same, **found})
        self._complain(same | found)

    def _complain(self, fields: Fields) -> None:
        what = f"artifact {fields['name']!r} ({fields['path']})"
        if fields.get("missing"):
            self._warn(f"{what} does not exist; it is recorded as missing")
        if "problem" in fields:
            self._warn(f"{what}: {fields['problem']}")
        if fields.get("changed"):
            kept = "copied" if fields.get("copy") else "hashed; its hash is not known"
            self._warn(f"{what} changed while it was {kept}")
        if skipped := fields.get("skipped"):
            self._warn(f"{what}: {skipped} of its members cannot be read or are no files")

    # --- Hashing ---------------------------------------------------------------------------

    def _hash(self, job: _Job) -> None:
        """Record an artifact with its hash, or have the hash found out by the thread."""
        queue, copy = self._queue, job.copy
        if (job.source.size if copy is None else copy.size) <= AT_ONCE_BYTES:
            self._tell({**job.fields, **self._settled(job)})
        elif copy is None and len(queue.jobs) >= QUEUE_FILES:
            problem = "it is not hashed: too many large files wait for that already"
            self._tell({"problem": problem, **job.fields, "sha256": None})
        else:
            try:
                self._tell({**job.fields, "sha256": None, "_pending": True})
            finally:  # the copy is there, whatever became of the record
                self._enqueue(queue, job)

    def _enqueue(self, queue: _Queue, job: _Job) -> None:
        with queue.changed:
            queue.jobs.append(job)
            if queue.is_running:
                return
            queue.is_running = True
        try:
            work = threading.Thread(target=self._work, args=[queue], name="mlterm-hash")
            work.daemon = True
            work.start()
        except RuntimeError:  # no more threads here, or the interpreter is about to end
            self._work(queue)

    def _work(self, queue: _Queue) -> None:
        while True:
            with queue.changed:
                if not queue.jobs:
                    queue.is_running = False
                    return
                job = queue.jobs[0]
            try:
                found = self._settled(job)
            except Exception as error:  # noqa: BLE001  # of one file; the others are to come
                found = {"sha256": None, "problem": f"{type(error).__name__}: {error}"}
            if queue is self._queue:
                with suppress(Exception):  # where warnings raise, there is nobody to catch it here
                    self._amend(job, found)
            with queue.changed:
                queue.jobs.popleft()
                queue.changed.notify_all()

    def _settled(self, job: _Job) -> Fields:
        """What is known of an artifact once all of it has been read."""
        if job.copy is None:
            try:
                return _hash_in_place(job.source)
            except OSError as error:
                return {"sha256": None, "problem": _words(error)}
        try:
            return self._settled_copy(job.copy, job.source, job.form)
        except OSError as error:
            return {"sha256": None, "copy": None, "problem": _words(error)}
        finally:
            _remove(job.copy.path)

    def _settled_copy(self, copy: _Copy, source: _Source, form: Form | None) -> Fields:
        """Give a copy its name, unless its content is there already."""
        with _open(copy.path) as file:
            digests = [(name, _digest(file, at, size)) for name, at, size in copy.pieces]
        found: Fields = {"sha256": _of_tree(digests) if source.is_folder else digests[0][1]}
        stem = found["sha256"] + (".tar" if source.is_folder else "")
        kept = self._existing(stem, os.stat(copy.path).st_size)
        if kept is None and form is not None:
            try:
                kept = self._compress(copy.path, stem, form)
            except OSError as error:
                found["problem"] = f"it could not be compressed: {_words(error)}"
        if kept is None:
            kept = stem
            os.replace(copy.path, os.path.join(self._folder, stem))
        found["copy"] = f"{FOLDER}/{kept}"
        if kept != stem:
            found["compression"] = kept.rpartition(".")[2]
        return found | _remarks(copy.changed, copy.skipped)

    def _existing(self, stem: str, size: int) -> str | None:
        """The name of a copy of the same content; a power cut may have left an empty one."""
        if _has_size(os.path.join(self._folder, stem), size):
            return stem
        for name in (f"{stem}.gz", f"{stem}.zst"):
            with suppress(OSError):
                if os.stat(os.path.join(self._folder, name)).st_size:
                    return name
        return None

    # --- Files -----------------------------------------------------------------------------

    @contextmanager
    def _part(self) -> Iterator[_Part]:
        """A new temporary file; it is removed where the block fails."""
        os.makedirs(self._folder, exist_ok=True)
        if not self._is_tidy:
            self._is_tidy = True
            self._remove_left_over()
        name = f"{_PART}{_place()}-{os.getpid()}-{os.urandom(4).hex()}"
        path = os.path.join(self._folder, name)
        file = _Part(path, "xb")
        try:
            with file:
                yield file
        except BaseException:
            _remove(path)
            raise

    def _target(self, name: str, step: float | None, unique: str, suffix: str) -> str:
        """Where a file of our making goes."""
        parts = [as_name(str(name), "artifact"), unique]
        if step is not None:
            parts.insert(1, as_name(str(step), "step"))
        ending = f".{as_name(suffix, 'bin')}" if suffix else ""
        return os.path.join(self._folder, "-".join(parts) + ending)

    def _remove_left_over(self) -> None:
        """Temporary files whose writer is dead."""
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError, ValueError):  # another store may be doing the same
                    if entry.name.startswith(_PART):
                        place, pid = entry.name.removeprefix(_PART).split("-")[:2]
                        age = time.time() - entry.stat().st_mtime
                        if age > _STALE_SECONDS or (place == _place() and _is_dead(int(pid))):
                            os.unlink(entry.path)

    def _take(self, source: _Source) -> _Copy:
        """Copy a source as it is now. Raises OSError where that cannot be done."""
        with self._part() as file:
            copy = _Copy(str(file.name), skipped=source.skipped)
            if source.is_folder:
                _write_tar(source, copy, file)
            else:
                # Files of /proc say that they are empty.
                limit = source.size or AT_ONCE_BYTES
                with _open(source.path) as original:
                    copy.pieces.append(("", 0, _pour(original.fileno(), file.fileno(), limit)))
            copy.changed = not _is_still(source)
        return copy

    def _compress(self, path: str, stem: str, form: Form) -> str:
        """Compress a copy; its name. Equal content makes equal files."""
        name = f"{stem}.{form}"
        with self._part() as file:
            with _open(path) as plain, _compressor(file, form) as packed:
                while block := plain.read(_BLOCK):
                    packed.write(block)
            os.replace(file.name, os.path.join(self._folder, name))
        return name

    def _possible(self, form: Form | None) -> Form | None:
        if form == "zst" and _zstd_open() is None:
            self._warn("zst needs Python 3.14 or the package zstandard; gz is used instead")
            return "gz"
        return form


# --- Looking at files and reading them -----------------------------------------------------


def _look(path: str) -> _Source:
    """A file, or a folder's files sorted by name. Raises OSError where it is neither."""
    state = os.stat(path)
    if stat.S_ISREG(state.st_mode):
        return _Source(path, False, (_member("", path, state),), 0, state.st_mtime_ns)
    if not stat.S_ISDIR(state.st_mode):
        raise OSError("it is neither a file nor a folder")
    os.scandir(path).close()  # os.walk would pass over one that may not be read
    prefix = len(os.path.join(path, ""))
    members: list[_Member] = []
    unread: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=unread.append):
        wholes = [os.path.join(folder, name) for name in folders]
        unread += [OSError(whole) for whole in wholes if os.path.islink(whole)]
        for name in names:
            whole = os.path.join(folder, name)
            try:
                state = os.stat(whole)
                if not stat.S_ISREG(state.st_mode):
                    raise OSError("no file")
            except OSError as error:
                unread.append(error)
            else:
                members.append(_member(whole[prefix:], whole, state))
    members.sort(key=lambda member: os.fsencode(member.name))
    newest = max((member.modified_ns for member in members), default=os.stat(path).st_mtime_ns)
    return _Source(path, True, tuple(members), len(unread), newest)


def _member(name: str, path: str, state: os.stat_result) -> _Member:
    return _Member(name, path, state.st_size, state.st_mtime_ns, state.st_ino)


def _is_still(source: _Source) -> bool:
    """Whether nothing of a source has changed since it was looked at."""
    try:
        return _look(source.path) == source
    except OSError:
        return False


def _open(path: str) -> FileIO:
    """A file to read from; a pipe that has taken its place does not hold us up."""
    file = FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is no file")
    return file


def _digest(file: FileIO, at: int, size: int) -> str:
    """The SHA-256 of so many bytes; of fewer, where the file ends before."""
    digest = hashlib.sha256()
    end = at + size
    while at < end and (block := os.pread(file.fileno(), min(_BLOCK, end - at), at)):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()


def _hash_in_place(source: _Source) -> Fields:
    digests, skipped = [], source.skipped
    for member in source.members:
        try:
            with _open(member.path) as file:
                digests.append((member.name, _digest(file, 0, member.size or AT_ONCE_BYTES)))
        except OSError:
            if not source.is_folder:
                if _is_still(source):
                    raise
                return {"sha256": None, "changed": True}
            skipped += 1
    if not _is_still(source):
        return {"sha256": None, "changed": True}
    sha256 = _of_tree(digests) if source.is_folder else digests[0][1]
    return {"sha256": sha256} | _remarks(False, skipped)


def _of_tree(digests: list[tuple[str, str]]) -> str:
    """The SHA-256 of a folder (``ArtifactStore.add`` has the rule)."""
    lines = (os.fsencode(name) + b"\0" + sha256.encode() + b"\n" for name, sha256 in digests)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _remarks(changed: bool, skipped: int) -> Fields:
    remarks: Fields = {"changed": True} if changed else {}
    return remarks | ({"skipped": skipped} if skipped else {})


# --- Writing them ----------------------------------------------------------------------------


_QUICK_WAYS: tuple[Callable[[int, int, int], int], ...] = ()
if sys.platform == "linux":
    _QUICK_WAYS = (
        os.copy_file_range,
        lambda source, target, count: os.sendfile(target, source, None, count),
    )


def _pour(source: int, target: int, limit: int) -> int:
    """Copy up to ``limit`` bytes, in the quickest way that this file system has; how many."""
    with suppress(OSError):
        if os.fstat(source).st_size == limit and not os.lseek(target, 0, os.SEEK_CUR):
            fcntl.ioctl(target, _FICLONE, source)
            return os.lseek(target, 0, os.SEEK_END)
    done = 0
    for way in _QUICK_WAYS:
        with suppress(OSError):  # not between these file systems; what is serious comes again
            while done < limit and (moved := way(source, target, min(limit - done, _STRIDE))):
                done += moved
    while done < limit and (block := os.read(source, min(_BLOCK, limit - done))):
        _write_all(target, block)
        done += len(block)
    return done


def _write_all(fd: int, data: bytes) -> None:
    """Raises OSError where there is no room for all of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _write_tar(source: _Source, copy: _Copy, target: _Part) -> None:
    """The members as a tar (POSIX pax) that has nothing of this machine or moment in it."""
    import tarfile

    for member in source.members:
        try:
            original = _open(member.path)
        except OSError:
            copy.skipped += 1
            continue
        with original:
            info = tarfile.TarInfo(member.name)
            info.size = member.size
            target.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            at = target.tell()
            _pour(original.fileno(), target.fileno(), member.size)
        copy.pieces.append((member.name, at, member.size))
        target.seek(at + -(-member.size // _TAR_BLOCK) * _TAR_BLOCK)  # zeros, if it has shrunk
    target.truncate(target.tell() + 2 * _TAR_BLOCK)


def _zstd_open() -> Any:
    """What opens a .zst, of Python 3.14 or the package zstandard; None where there is neither."""
    for module in ("compression.zstd", "zstandard"):
        with suppress(ImportError):
            return import_module(module).open
    return None


def _compressor(target: _Part, form: Form) -> AbstractContextManager[Any]:
    if form == "zst":
        return closing(_zstd_open()(target, "wb"))
    from gzip import GzipFile

    return GzipFile(filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0)


def _has_size(path: str, size: int) -> bool:
    with suppress(OSError):
        return os.stat(path).st_size == size
    return False


def _read(path: str, limit: int) -> bytes | None:
    """So much of a file; None where there is none."""
    with suppress(OSError), _open(path) as file:
        return b"".join(iter(lambda: file.read(max(0, limit - file.tell())), b""))
    return None


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


@cache
def _place() -> str:
    """Where a process ID means the same process: the host and its PID namespace."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{os.uname().nodename} {space}".encode()).hexdigest()[:8]


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's
    return False


def _words(error: OSError) -> str:
    return error.strerror or str(error)


# --- Images ----------------------------------------------------------------------------------

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""PNG's number for grey, RGB and RGBA, by their channels."""
_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_NEAREST_MODES = {"F": "L", "I": "I;16", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
"""For modes of PIL that PNG has not; RGB for the others."""
_TOPS = {"b": 1, "u": 255, "i": 255}
"""What is white, by the kind of an array's dtype; of floats, 1."""
_OVERSHOOT = 0.01
"""So far may floats lie outside, as resizing leaves them; they are clipped."""


def png_of(image: Any) -> bytes:
    """An image as PNG.

    It may be a PNG's bytes, an image of PIL, a figure or axes of matplotlib, or an array or
    tensor of H×W, H×W×1, H×W×3 or H×W×4 (or channels first: C×H×W) with integers in 0..255,
    floats in 0..1 or booleans. Raises TypeError, with the reason, for anything else.
    """
    kind = type(image)
    if issubclass(kind, bytes | bytearray | memoryview):
        data = bytes(image)
        if not data.startswith(_SIGNATURE):
            raise TypeError("these bytes are no PNG")
        return data
    buffer = BytesIO()
    if hasattr(kind, "savefig") or hasattr(kind, "get_figure"):
        while not hasattr(type(image), "savefig"):  # axes, and figures within figures
            image = getattr(image, "figure", None)
            if image is None:
                raise TypeError(f"this {kind.__qualname__} belongs to no figure")
        image.savefig(buffer, format="png")
    elif hasattr(kind, "getbands") and hasattr(kind, "save"):
        if image.mode not in _MODES:
            try:
                image = image.convert(_NEAREST_MODES.get(image.mode, "RGB"))
            except ValueError as error:
                raise TypeError(f"an image of mode {image.mode} has no form in PNG") from error
        image.save(buffer, "PNG")
    elif hasattr(kind, "__array__"):
        return _png_of_array(*_as_array(image))
    else:
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} is no image: PNG bytes, an image of PIL, a "
            "figure of matplotlib, or an array of H×W, H×W×3 or H×W×4 is one"
        )
    return buffer.getvalue()


def _as_array(image: Any) -> tuple[Any, bool]:
    """A NumPy array of it, and whether it is a tensor, whose channels may come first."""
    kind = type(image)
    numpy = sys.modules.get("numpy")
    try:
        if hasattr(kind, "detach"):
            image = image.detach().cpu()
            image = image.float() if image.is_floating_point() else image  # bfloat16
            return image.numpy(), True
        if numpy is not None:
            return numpy.asarray(image), False
    except (RuntimeError, ValueError) as error:
        raise TypeError(f"this {kind.__qualname__} cannot be read: {error}") from error
    raise TypeError("arrays are read with NumPy, which is not there")


def _png_of_array(array: Any, is_tensor: bool) -> bytes:
    shape = tuple(array.shape)
    if len(shape) == 3:
        channels_first = shape[0] in _COLOUR_TYPES and min(shape[1:]) > shape[0]
        if channels_first and (is_tensor or shape[2] not in _COLOUR_TYPES):
            array = array.transpose(1, 2, 0)
    elif len(shape) == 2:
        array = array.reshape(*shape, 1)
    if array.ndim != 3 or array.shape[2] not in _COLOUR_TYPES or not array.size:
        raise TypeError(f"an array of shape {shape} is no image: H×W, H×W×3 or H×W×4 is one")
    height, width, channels = array.shape
    if str(array.dtype) != "uint8":
        array = _as_bytes(array)
    rows = b"".join(b"\0" + row.tobytes() for row in array)  # each begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _as_bytes(array: Any) -> Any:
    # The bfloat16 of other packages is no float to NumPy.
    is_float = "float" in str(array.dtype)
    top = 1 if is_float else _TOPS.get(array.dtype.kind)
    if top is None:
        raise TypeError(f"an array of {array.dtype} is no image: integers or floats are")
    array = array.astype("float32")
    low, high = float(array.min()), float(array.max())
    spare = _OVERSHOOT if is_float else 0
    if not (low >= -spare and high <= top + spare):  # NaN is in no range
        raise TypeError(f"the values of an image lie in 0..{top}; these reach from {low} to {high}")
    return (array.clip(0, top) * (255 / top)).round().astype("uint8")
