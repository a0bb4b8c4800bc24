"""Files and folders as a Tracker keeps them: looked at, hashed, copied, compressed.

A member of a folder that cannot be read is passed over and counted; a lone file that cannot
raises OSError.
"""

import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from io import FileIO
from typing import Any, Literal, NamedTuple

Form = Literal["gz", "zst"]
BLOCK = 1024 * 1024
STRIDE = 64 * BLOCK
"""Copied by one system call, so that a signal is heard in between."""
FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
TAR_BLOCK = 512
AT_ONCE_BYTES = 1024 * 1024
"""Up to this size the hash is in the first record."""

Fields = dict[str, Any]


class Member(NamedTuple):
    """A file as stat(2) saw it."""

    name: str
    """Relative to the folder that was logged; of a lone file, empty."""
    path: str
    size: int
    modified_ns: int
    inode: int


@dataclass(frozen=True)
class Source:
    """What was logged, as it was at the call; equal again where nothing changed."""

    path: str
    is_folder: bool
    members: tuple[Member, ...]
    skipped: int
    """Members that are no files, links to folders among them, or cannot be looked at."""
    modified_ns: int = field(compare=False)

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members)


@dataclass
class Copy:
    """A temporary file that holds a source; of a folder, as a tar."""

    path: str
    pieces: list[tuple[str, int, int]] = field(default_factory=list)
    """Of each member its name, and where in the file it begins and how long it is."""
    skipped: int = 0
    changed: bool = False

    @property
    def size(self) -> int:
        return sum(size for _name, _at, size in self.pieces)


class Part(FileIO):
    """A temporary file; what is written to it is written whole, or raises OSError."""

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all we give it
        write_all(self.fileno(), data)
        return len(data)


# --- Looking at files and reading them -----------------------------------------------------


def look(path: str) -> Source:
    """A file, or a folder's files sorted by name. Raises OSError where it is neither."""
    state = os.stat(path)
    if stat.S_ISREG(state.st_mode):
        return Source(path, False, (_member("", path, state),), 0, state.st_mtime_ns)
    if not stat.S_ISDIR(state.st_mode):
        raise OSError("it is neither a file nor a folder")
    os.scandir(path).close()  # os.walk would pass over one that may not be read
    prefix = len(os.path.join(path, ""))
    members: list[Member] = []
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
    return Source(path, True, tuple(members), len(unread), newest)


def _member(name: str, path: str, state: os.stat_result) -> Member:
    return Member(name, path, state.st_size, state.st_mtime_ns, state.st_ino)


def is_still(source: Source) -> bool:
    """Whether nothing of a source has changed since it was looked at."""
    try:
        return look(source.path) == source
    except OSError:
        return False


def open_file(path: str) -> FileIO:
    """A file to read from; a pipe that has taken its place does not hold us up."""
    file = FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is no file")
    return file


def digest(file: FileIO, at: int, size: int) -> str:
    """The SHA-256 of so many bytes; of fewer, where the file ends before."""
    digest = hashlib.sha256()
    end = at + size
    while at < end and (block := os.pread(file.fileno(), min(BLOCK, end - at), at)):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()


def hash_in_place(source: Source) -> Fields:
    """The hash of what is not copied; none where it changes meanwhile. Raises OSError."""
    digests, skipped = [], source.skipped
    for member in source.members:
        try:
            with open_file(member.path) as file:
                digests.append((member.name, digest(file, 0, member.size or AT_ONCE_BYTES)))
        except OSError:
            if not source.is_folder:
                if is_still(source):
                    raise
                return {"sha256": None, "changed": True}
            skipped += 1
    if not is_still(source):
        return {"sha256": None, "changed": True}
    sha256 = of_tree(digests) if source.is_folder else digests[0][1]
    return {"sha256": sha256} | remarks(False, skipped)


def of_tree(digests: list[tuple[str, str]]) -> str:
    """The SHA-256 of a folder (``ArtifactStore.add`` has the rule)."""
    lines = (os.fsencode(name) + b"\0" + sha256.encode() + b"\n" for name, sha256 in digests)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def remarks(changed: bool, skipped: int) -> Fields:
    """What a record says of a source beside its hash."""
    found: Fields = {"changed": True} if changed else {}
    return found | ({"skipped": skipped} if skipped else {})


# --- Writing them ----------------------------------------------------------------------------


QUICK_WAYS: tuple[Callable[[int, int, int], int], ...] = ()
if sys.platform == "linux":
    QUICK_WAYS = (
        os.copy_file_range,
        lambda source, target, count: os.sendfile(target, source, None, count),
    )


def pour(source: int, target: int, limit: int) -> int:
    """Copy up to ``limit`` bytes, in the quickest way that this file system has; how many."""
    with suppress(OSError):
        if os.fstat(source).st_size == limit and not os.lseek(target, 0, os.SEEK_CUR):
            fcntl.ioctl(target, FICLONE, source)
            return os.lseek(target, 0, os.SEEK_END)
    done = 0
    for way in QUICK_WAYS:
        with suppress(OSError):  # not between these file systems; what is serious comes again
            while done < limit and (moved := way(source, target, min(limit - done, STRIDE))):
                done += moved
    while done < limit and (block := os.read(source, min(BLOCK, limit - done))):
        write_all(target, block)
        done += len(block)
    return done


def write_all(fd: int, data: bytes) -> None:
    """Raises OSError where there is no room for all of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def write_tar(source: Source, copy: Copy, target: Part) -> None:
    """The members as a tar (POSIX pax) that has nothing of this machine or moment in it."""
    import tarfile

    for member in source.members:
        try:
            original = open_file(member.path)
        except OSError:
            copy.skipped += 1
            continue
        with original:
            info = tarfile.TarInfo(member.name)
            info.size = member.size
            target.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            at = target.tell()
            pour(original.fileno(), target.fileno(), member.size)
        copy.pieces.append((member.name, at, member.size))
        target.seek(at + -(-member.size // TAR_BLOCK) * TAR_BLOCK)  # zeros, if it has shrunk
    target.truncate(target.tell() + 2 * TAR_BLOCK)


def zstd_open() -> Any:
    """What opens a .zst, of Python 3.14 or the package zstandard; None where there is neither."""
    for module in ("compression.zstd", "zstandard"):
        with suppress(ImportError):
            return import_module(module).open
    return None


def compressor(target: Part, form: Form) -> AbstractContextManager[Any]:
    """A file that compresses into ``target``; equal content makes equal files."""
    if form == "zst":
        return closing(zstd_open()(target, "wb"))
    from gzip import GzipFile

    return GzipFile(filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0)


def has_size(path: str, size: int) -> bool:
    """Whether a file is there, and of that size."""
    with suppress(OSError):
        return os.stat(path).st_size == size
    return False


def read_file(path: str, limit: int) -> bytes | None:
    """So much of a file; None where there is none."""
    with suppress(OSError), open_file(path) as file:
        return b"".join(iter(lambda: file.read(max(0, limit - file.tell())), b""))
    return None


def remove(path: str) -> None:
    """Remove a file, if it is there and can be."""
    with suppress(OSError):
        os.unlink(path)


@cache
def place() -> str:
    """Where a process ID means the same process: the host and its PID namespace."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{os.uname().nodename} {space}".encode()).hexdigest()[:8]


def is_dead(pid: int) -> bool:
    """Whether no process has that ID."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's
    return False


def words(error: OSError) -> str:
    """What the system says of an error."""
    return error.strerror or str(error)
