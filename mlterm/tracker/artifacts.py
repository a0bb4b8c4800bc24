"""Files that a Tracker keeps: their sizes, hashes and copies, and values that become files.

A copy is made at the call, into a temporary file, and named by its content once that is
known. What is larger than ``AT_ONCE_BYTES`` is hashed and compressed by a thread.
"""

import hashlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlterm.core.names import as_name
from mlterm.core.records import timestamp
from mlterm.tracker import files
from mlterm.tracker.files import Fields, Form

QUEUE_FILES = 1000
"""Of files that are not copied so many may wait for their hash; of copies the disk is the bound."""
FOLDER = "artifacts"

_PART = ".part-"
_STALE_SECONDS = 24 * 3600.0
"""After that a temporary file is left over, whoever's it was: of a container that is gone, say."""


@dataclass
class _Job:
    """Something whose hash is still wanted."""

    fields: Fields
    source: files.Source
    copy: files.Copy | None
    form: Form | None


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
            source = files.look(fields["path"])
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            why = {"missing": True} if missing else {"problem": files.words(error)}
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
                fields |= {"copy": None, "problem": f"it could not be copied: {files.words(error)}"}
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
        if (held := files.read_file(target, len(data) + 1)) not in (None, data):
            target, held = self._target(name, step, sha256, suffix), None
        fields = self._made(name, target, kind, step, description)
        fields |= {"size_bytes": len(data), "sha256": sha256}
        try:
            if held is None:
                with self._part() as file:
                    file.write(data)
                    os.replace(file.name, target)
        except OSError as error:
            self._tell({**fields, "copy": None, "problem": files.words(error)})
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
        if array.nbytes <= files.AT_ONCE_BYTES:
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
            source = files.look(target)
        except OSError as error:
            fields |= {"size_bytes": array.nbytes, "sha256": None, "copy": None}
            self._tell({**fields, "problem": files.words(error)})
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
        if (job.source.size if copy is None else copy.size) <= files.AT_ONCE_BYTES:
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
                return files.hash_in_place(job.source)
            except OSError as error:
                return {"sha256": None, "problem": files.words(error)}
        try:
            return self._settled_copy(job.copy, job.source, job.form)
        except OSError as error:
            return {"sha256": None, "copy": None, "problem": files.words(error)}
        finally:
            files.remove(job.copy.path)

    def _settled_copy(self, copy: files.Copy, source: files.Source, form: Form | None) -> Fields:
        """Give a copy its name, unless its content is there already."""
        with files.open_file(copy.path) as file:
            digests = [(name, files.digest(file, at, size)) for name, at, size in copy.pieces]
        found: Fields = {"sha256": files.of_tree(digests) if source.is_folder else digests[0][1]}
        stem = found["sha256"] + (".tar" if source.is_folder else "")
        kept = self._existing(stem, os.stat(copy.path).st_size)
        if kept is None and form is not None:
            try:
                kept = self._compress(copy.path, stem, form)
            except OSError as error:
                found["problem"] = f"it could not be compressed: {files.words(error)}"
        if kept is None:
            kept = stem
            os.replace(copy.path, os.path.join(self._folder, stem))
        found["copy"] = f"{FOLDER}/{kept}"
        if kept != stem:
            found["compression"] = kept.rpartition(".")[2]
        return found | files.remarks(copy.changed, copy.skipped)

    def _existing(self, stem: str, size: int) -> str | None:
        """The name of a copy of the same content; a power cut may have left an empty one."""
        if files.has_size(os.path.join(self._folder, stem), size):
            return stem
        for name in (f"{stem}.gz", f"{stem}.zst"):
            with suppress(OSError):
                if os.stat(os.path.join(self._folder, name)).st_size:
                    return name
        return None

    # --- Files -----------------------------------------------------------------------------

    @contextmanager
    def _part(self) -> Iterator[files.Part]:
        """A new temporary file; it is removed where the block fails."""
        os.makedirs(self._folder, exist_ok=True)
        if not self._is_tidy:
            self._is_tidy = True
            self._remove_left_over()
        name = f"{_PART}{files.place()}-{os.getpid()}-{os.urandom(4).hex()}"
        path = os.path.join(self._folder, name)
        file = files.Part(path, "xb")
        try:
            with file:
                yield file
        except BaseException:
            files.remove(path)
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
                        if age > _STALE_SECONDS or (
                            place == files.place() and files.is_dead(int(pid))
                        ):
                            os.unlink(entry.path)

    def _take(self, source: files.Source) -> files.Copy:
        """Copy a source as it is now. Raises OSError where that cannot be done."""
        with self._part() as file:
            copy = files.Copy(str(file.name), skipped=source.skipped)
            if source.is_folder:
                files.write_tar(source, copy, file)
            else:
                # Files of /proc say that they are empty.
                limit = source.size or files.AT_ONCE_BYTES
                with files.open_file(source.path) as original:
                    copy.pieces.append(("", 0, files.pour(original.fileno(), file.fileno(), limit)))
            copy.changed = not files.is_still(source)
        return copy

    def _compress(self, path: str, stem: str, form: Form) -> str:
        """Compress a copy; its name. Equal content makes equal files."""
        name = f"{stem}.{form}"
        with self._part() as file:
            with files.open_file(path) as plain, files.compressor(file, form) as packed:
                while block := plain.read(files.BLOCK):
                    packed.write(block)
            os.replace(file.name, os.path.join(self._folder, name))
        return name

    def _possible(self, form: Form | None) -> Form | None:
        if form == "zst" and files.zstd_open() is None:
            self._warn("zst needs Python 3.14 or the package zstandard; gz is used instead")
            return "gz"
        return form
