import errno
import gzip
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from mlterm.tracker import artifacts, files
from mlterm.tracker.artifacts import ArtifactStore
from mlterm.tracker.files import AT_ONCE_BYTES
from mlterm.tracker.png import png_of
from tests.support import Disk, stream

SMALL = b"weights" * 100
LARGE = bytes(range(256)) * 12 * 1024
"""3 MiB: more than is hashed at once."""
PATIENCE = 30.0


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Kept:
    """A store in a run's folder of its own, and all that it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.store = ArtifactStore(folder, self.records.append, self.warnings.append)

    def add(self, *args: Any, **options: Any) -> dict[str, Any]:
        """The one record, once it has its hash: the first and what amends it."""
        before = len(self.records)
        self.store.add(*args, **options)
        assert self.store.drain(PATIENCE)
        return {key: value for record in self.records[before:] for key, value in record.items()}

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "artifacts").iterdir())

    def read(self, record: dict[str, Any]) -> bytes:
        return (self.folder / record["copy"]).read_bytes()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "p_r")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(SMALL)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    return path


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is hashed until this is set."""
    go, digest = threading.Event(), files.digest

    def wait_first(*args: Any) -> str:
        assert go.wait(PATIENCE)
        return digest(*args)

    monkeypatch.setattr(files, "digest", wait_first)
    yield go
    go.set()


def before_hashing(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
    """Have something happen when a file is about to be hashed."""
    digest = files.digest

    def then_hash(*args: Any) -> str:
        do()
        return digest(*args)

    monkeypatch.setattr(files, "digest", then_hash)


# --- Files -------------------------------------------------------------------------------------


def test_a_small_file_has_all_in_one_record(kept: Kept, small: Path) -> None:
    os.utime(small, (0, 1_700_000_000.5))
    kept.store.add("best", small, "the best", step=3)
    assert kept.records == [
        {
            "name": "best",
            "path": str(small),
            "description": "the best",
            "_step": 3,
            "size_bytes": len(SMALL),
            "modified": "2023-11-14T22:13:20.500000+00:00",
            "sha256": sha(SMALL),
        }
    ]
    assert not kept.folder.exists()
    assert kept.warnings == []


def test_a_relative_path_is_made_absolute(
    kept: Kept, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    assert kept.add("a", "small.bin")["path"] == str(small)
    assert kept.add("a", b"small.bin")["path"] == str(small)


@pytest.mark.parametrize("content", [b"", SMALL, LARGE])
def test_the_same_content_is_copied_once(kept: Kept, tmp_path: Path, content: bytes) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_bytes(content)
        record = kept.add(name, tmp_path / name, copy=True)
        assert (record["copy"], record["sha256"]) == (f"artifacts/{sha(content)}", sha(content))
        assert "compression" not in record
    assert kept.names() == [sha(content)]
    assert kept.read(record) == content


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_copy_is_compressed_where_asked(kept: Kept, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    for _ in range(2):
        record = kept.add("a", path, copy=True, compress="gz")
        assert (record["copy"], record["compression"]) == (f"artifacts/{sha(content)}.gz", "gz")
        assert (record["sha256"], record["size_bytes"]) == (sha(content), len(content))
    assert gzip.decompress(kept.read(record)) == content
    assert kept.read(record)[3:8] == bytes(5)  # neither name nor time: equal files for equal ones
    assert kept.names() == [f"{sha(content)}.gz"]


def test_content_that_is_there_in_another_form_is_not_kept_again(kept: Kept, small: Path) -> None:
    assert kept.add("a", small, compress="gz")["compression"] == "gz"
    assert kept.add("a", small, copy=True)["copy"] == f"artifacts/{sha(SMALL)}.gz"
    assert kept.names() == [f"{sha(SMALL)}.gz"]


def test_a_copy_that_a_power_cut_has_emptied_is_replaced(kept: Kept, small: Path) -> None:
    kept.add("a", small, copy=True)
    (kept.folder / "artifacts" / sha(SMALL)).write_bytes(b"")
    assert kept.read(kept.add("a", small, copy=True)) == SMALL


def test_zst_by_the_package(kept: Kept, large: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    record = kept.add("a", large, compress="zst")
    assert (record["copy"], record["compression"]) == (f"artifacts/{sha(LARGE)}.zst", "zst")
    with zstandard.open(kept.folder / record["copy"]) as file:
        assert file.read() == LARGE
    assert kept.names() == [f"{sha(LARGE)}.zst"]


def test_without_zst_gz_is_used_and_a_warning_says_so(
    kept: Kept, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    record = kept.add("a", small, compress="zst")
    assert gzip.decompress(kept.read(record)) == SMALL
    assert record["compression"] == "gz"
    (warning,) = kept.warnings
    assert "gz is used instead" in warning


def test_an_unknown_compression_is_refused(kept: Kept, small: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        kept.store.add("a", small, compress="zip")  # type: ignore[arg-type]  # that is the test
    assert kept.records == []


@pytest.mark.linux
def test_a_file_of_proc_is_copied_though_it_says_that_it_is_empty(kept: Kept) -> None:
    record = kept.add("version", "/proc/version", copy=True)
    assert kept.read(record) == Path("/proc/version").read_bytes()
    assert record["size_bytes"] == len(kept.read(record))


def no_way(*_args: int) -> int:
    raise OSError(errno.EXDEV, "not between these")


def half_way(source: int, target: int, count: int) -> int:
    """A way that gives up after some bytes."""
    if os.lseek(target, 0, os.SEEK_CUR):
        raise OSError(errno.EINVAL, "not any more")
    return os.write(target, os.read(source, count // 2))


@pytest.mark.parametrize("ways", [(), (no_way,), (half_way,), files.QUICK_WAYS[-1:]])
def test_every_way_of_copying_copies(
    kept: Kept, large: Path, monkeypatch: pytest.MonkeyPatch, ways: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(files, "QUICK_WAYS", ways)
    assert kept.read(kept.add("a", large, copy=True)) == LARGE


@pytest.mark.parametrize("ways", [(), files.QUICK_WAYS])
def test_no_more_is_copied_of_a_growing_file_than_it_had(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ways: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(files, "QUICK_WAYS", ways)
    size = len(LARGE) - 1000
    with large.open("rb") as source, (tmp_path / "copy").open("wb") as target:
        assert files.pour(source.fileno(), target.fileno(), size) == size
    assert (tmp_path / "copy").read_bytes() == LARGE[:size]


def test_a_file_system_that_can_share_blocks_does(
    kept: Kept, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the ioctl, which few file systems have."""
    asked = []

    def clone(target: int, request: int, source: int) -> int:
        asked.append(request)
        os.pwrite(target, os.pread(source, len(LARGE), 0), 0)
        return 0

    monkeypatch.setattr(files, "fcntl", SimpleNamespace(ioctl=clone))
    monkeypatch.setattr(files, "QUICK_WAYS", ())
    monkeypatch.setattr(files, "write_all", None)  # nothing else may copy
    record = kept.add("a", large, copy=True)
    assert asked == [files.FICLONE]
    assert (kept.read(record), record["size_bytes"]) == (LARGE, len(LARGE))


# --- The thread --------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True])
def test_a_large_file_is_recorded_at_once_and_hashed_later(
    kept: Kept, large: Path, held: threading.Event, copy: bool
) -> None:
    kept.store.add("model", large, "best", copy=copy, step=7)
    (first,) = kept.records
    assert (first["sha256"], first["_pending"], first["size_bytes"]) == (None, True, len(LARGE))
    large.write_bytes(b"overwritten") if copy else None
    held.set()
    assert kept.store.drain(PATIENCE)
    amends = {"_amends": True, "name": "model", "path": str(large), "_step": 7}
    copied = {"copy": f"artifacts/{sha(LARGE)}"} if copy else {}
    assert kept.records[1:] == [{**amends, "sha256": sha(LARGE), **copied}]
    if copy:
        assert kept.read(kept.records[1]) == LARGE
        assert kept.names() == [sha(LARGE)]


def test_several_large_files_are_amended_in_their_order(kept: Kept, large: Path) -> None:
    for step in range(5):
        kept.store.add("a", large, step=step)
    assert kept.store.drain(None)
    assert [r["_step"] for r in kept.records if "_amends" in r] == [0, 1, 2, 3, 4]
    assert kept.store.drain(0)


def test_what_is_not_hashed_in_time_stays_without(
    kept: Kept, large: Path, tmp_path: Path, held: threading.Event
) -> None:
    kept.store.add("place", large)
    kept.store.add("copy", large, copy=True)
    assert not kept.store.drain(0.01)
    place, copy, amended = kept.records
    assert place["sha256"] is copy["sha256"] is amended["sha256"] is None
    assert (amended["name"], amended["_amends"]) == ("copy", True)
    assert kept.read(amended) == LARGE
    (name,) = kept.names()
    assert name.startswith("unhashed-")
    held.set()
    assert kept.add("later", large)["sha256"] == sha(LARGE)
    assert [r["name"] for r in kept.records[3:]] == ["later", "later"]


def test_too_many_that_wait_are_not_hashed_but_still_copied(
    kept: Kept, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "QUEUE_FILES", 0)
    record = kept.add("a", large)
    assert record["sha256"] is None
    assert "too many" in record["problem"]
    assert "too many" in kept.warnings[0]
    assert kept.read(kept.add("a", large, copy=True)) == LARGE


def test_where_no_thread_can_be_started_the_caller_hashes(
    kept: Kept, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    kept.store.add("a", large)
    assert kept.records[-1]["sha256"] == sha(LARGE)


def test_an_error_of_the_recorder_does_not_stop_the_thread(tmp_path: Path, large: Path) -> None:
    records: list[dict[str, Any]] = []

    def record(fields: dict[str, Any]) -> None:
        records.append(fields)
        if "_amends" in fields and len(records) < 3:
            raise ValueError("strict")

    store = ArtifactStore(tmp_path / "p_r", record, lambda _text: None)
    store.add("a", large)
    assert store.drain(PATIENCE)
    store.add("b", large)
    assert store.drain(PATIENCE)
    assert [r["name"] for r in records] == ["a", "a", "b", "b"]


def test_a_copy_gets_its_name_though_its_record_failed(tmp_path: Path, large: Path) -> None:
    def refuse(_fields: dict[str, Any]) -> None:
        raise ValueError("strict")

    kept = Kept(tmp_path / "p_r")
    store = ArtifactStore(kept.folder, refuse, kept.warnings.append)
    with pytest.raises(ValueError, match="strict"):
        store.add("a", large, copy=True)
    assert store.drain(PATIENCE)
    assert kept.names() == [sha(LARGE)]


def test_an_unforeseen_error_of_one_file_is_its_problem_alone(
    kept: Kept, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([MemoryError("no memory")])

    def fail_once() -> None:
        for error in errors:
            raise error

    before_hashing(monkeypatch, fail_once)
    assert kept.add("a", large, copy=True)["problem"] == "MemoryError: no memory"
    assert kept.add("a", large, copy=True)["sha256"] == sha(LARGE)
    assert kept.names() == [sha(LARGE)]


# --- Trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("change", ["append", "replace", "remove"])
def test_a_file_that_changes_while_it_is_hashed_has_no_hash(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, change: str
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(content)
    os.utime(path, (0, 0))

    def interfere() -> None:
        if change == "append":
            with path.open("ab") as file:
                file.write(b"more")
        elif change == "replace":
            other.write_bytes(content)
            os.utime(other, (0, 0))
            other.replace(path)
        else:
            path.unlink()

    before_hashing(monkeypatch, interfere)
    record = kept.add("a", path)
    assert (record["sha256"], record["changed"]) == (None, True)
    assert "changed while it was hashed" in kept.warnings[0]


def test_a_file_that_changes_while_it_is_copied_has_the_hash_of_its_copy(
    kept: Kept, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pour = files.pour

    def then_change(*args: Any) -> int:
        done = pour(*args)
        small.write_bytes(b"something else")
        return done

    monkeypatch.setattr(files, "pour", then_change)
    record = kept.add("a", small, copy=True)
    assert record["changed"] is True
    assert sha(kept.read(record)) == record["sha256"]
    assert "changed while it was copied" in kept.warnings[0]


def test_a_file_that_is_not_there_is_recorded_as_missing(kept: Kept, small: Path) -> None:
    for path in (small.parent / "nothing", small / "beneath"):
        record = kept.add("a", path, copy=True)
        assert (record["missing"], record["size_bytes"], record["sha256"]) == (True, None, None)
    assert len(kept.warnings) == 2
    assert not kept.folder.exists()


def test_a_working_folder_that_was_removed_is_no_error(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert kept.add("a", "file")["missing"] is True


@pytest.mark.parametrize("kind", ["fifo", "socket", "loop"])
def test_what_is_neither_file_nor_folder_is_a_problem(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_odd(kind)
    record = kept.add("a", kind, copy=True)
    assert record["problem"]
    assert (record["size_bytes"], record["sha256"]) == (None, None)
    assert record["problem"] in kept.warnings[0]


def test_a_pipe_that_takes_the_place_of_a_file_does_not_hang(
    kept: Kept, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = files.look

    def then_replace(path: str) -> Any:
        found = look(path)
        small.unlink()
        os.mkfifo(small)
        return found

    monkeypatch.setattr(files, "look", then_replace)
    record = kept.add("a", small, copy=True)
    assert record["copy"] is None
    assert "it is no file" in record["problem"]


def make_odd(kind: str) -> None:
    """Something in the working folder that is no file."""
    if kind == "fifo":
        os.mkfifo(kind)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(kind)
    else:
        Path(kind).symlink_to(kind)


def test_a_warning_that_raises_comes_after_the_record(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []

    def strict(text: str) -> None:
        raise ValueError(text)

    store = ArtifactStore(tmp_path / "p_r", records.append, strict)
    with pytest.raises(ValueError, match="does not exist"):
        store.add("a", tmp_path / "nothing")
    assert records[0]["missing"] is True


@pytest.mark.root
def test_a_full_disk_leaves_no_part_of_a_copy(disk: Disk, large: Path) -> None:
    kept = Kept(disk.folder / "p_r")
    record = kept.add("a", large, copy=True)
    assert (record["copy"], record["sha256"]) == (None, sha(LARGE))
    assert record["problem"] == "it could not be copied: No space left on device"
    assert kept.names() == []
    assert len(kept.warnings) == 1
    disk.grow()
    assert kept.read(kept.add("a", large, copy=True)) == LARGE


@pytest.mark.root
def test_a_full_disk_takes_no_bytes_either(disk: Disk) -> None:
    kept = Kept(disk.folder / "p_r")
    data = os.urandom(3 * AT_ONCE_BYTES)
    assert kept.store.add_bytes("a", data, ".txt", "text") == ""
    (record,) = kept.records
    assert (record["copy"], record["sha256"]) == (None, sha(data))
    assert "No space left" in record["problem"]
    assert "No space left" in kept.warnings[0]
    assert kept.names() == []


@pytest.mark.root
def test_a_copy_that_there_is_no_room_to_compress_is_kept_as_it_is(
    disk: Disk, tmp_path: Path
) -> None:
    data = os.urandom(AT_ONCE_BYTES + AT_ONCE_BYTES // 2)
    (tmp_path / "file").write_bytes(data)
    kept = Kept(disk.folder / "p_r")
    record = kept.add("a", tmp_path / "file", compress="gz")
    assert (record["copy"], record["sha256"]) == (f"artifacts/{sha(data)}", sha(data))
    assert "could not be compressed" in record["problem"]
    assert kept.names() == [sha(data)]


# --- Folders -------------------------------------------------------------------------------------


def make_tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def sha_of_tree(files: dict[str, bytes]) -> str:
    """The rule, written down a second time."""
    items = sorted((os.fsencode(name), sha(data).encode()) for name, data in files.items())
    return sha(b"".join(name + b"\0" + digest + b"\n" for name, digest in items))


ODD_NAMES = {"a.txt": SMALL, "a/b": b"", "a\nb": b"1", "ü/" + "n" * 120: b"2", "\udcff": b"3"}


@pytest.mark.parametrize("files", [ODD_NAMES, {"large": LARGE, "z/small": SMALL}, {}])
@pytest.mark.parametrize("compress", [None, "gz"])
def test_a_folder_is_hashed_by_names_and_contents_and_copied_as_a_tar(
    kept: Kept, tmp_path: Path, files: dict[str, bytes], compress: Any
) -> None:
    tree = make_tree(tmp_path / "tree", files)
    tree.mkdir(exist_ok=True)
    wanted = (sha_of_tree(files), len(files), sum(map(len, files.values())))
    record = kept.add("a", tree)
    assert (record["sha256"], record["files"], record["size_bytes"]) == wanted
    assert "skipped" not in record
    record = kept.add("a", tree, copy=True, compress=compress)
    assert (record["sha256"], record["files"], record["size_bytes"]) == wanted
    ending = ".tar" if compress is None else ".tar.gz"
    assert record["copy"] == f"artifacts/{record['sha256']}{ending}"
    with tarfile.open(kept.folder / record["copy"]) as tar:
        held = {m.name: stream(tar.extractfile(m)).read() for m in tar}  # type: ignore[arg-type]  # a file of bytes, whatever its class
    assert held == files
    assert kept.warnings == []


def test_equal_folders_make_equal_tars(tmp_path: Path) -> None:
    tars = []
    for number, name in enumerate(("one", "other")):
        tree = make_tree(tmp_path / name, {"b": SMALL, "a/c": LARGE})
        (tree / "b").chmod(0o600 + 0o111 * number)
        os.utime(tree / "b", (0, 1000 * number))
        kept = Kept(tmp_path / f"run_{name}")
        tars.append(kept.read(kept.add("a", tree, copy=True)))
    assert tars[0] == tars[1]


def test_members_that_are_no_files_are_left_out_and_counted(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": SMALL})
    monkeypatch.chdir(tree)
    for kind in ("fifo", "socket", "loop"):
        make_odd(kind)
    (tree / "up").symlink_to("..")
    (tree / "broken").symlink_to("nowhere")
    (tree / "link").symlink_to("a")
    for copy in (False, True):
        record = kept.add("a", tree, copy=copy)
        assert record["sha256"] == sha_of_tree({"a": SMALL, "link": SMALL})
        assert (record["files"], record["skipped"]) == (2, 5)
    assert "5 of its members" in kept.warnings[0]


def test_members_that_cannot_be_read_are_left_out_and_counted(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by a stand-in, since root may read everything."""
    tree = make_tree(tmp_path / "tree", {"a": SMALL, "secret": SMALL})
    opened = files.open_file

    def refuse(path: str) -> Any:
        if path.endswith("secret"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path)

    monkeypatch.setattr(files, "open_file", refuse)
    for copy in (False, True):
        record = kept.add("a", tree, copy=copy)
        assert (record["sha256"], record["skipped"]) == (sha_of_tree({"a": SMALL}), 1)
    lone = kept.add("a", tree / "secret")
    assert (lone["sha256"], lone["problem"]) == (None, "Permission denied")


def test_a_folder_that_changes_while_it_is_hashed_has_no_hash(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": SMALL})
    before_hashing(monkeypatch, lambda: make_tree(tree, {"new": b""}))
    record = kept.add("a", tree)
    assert (record["sha256"], record["changed"]) == (None, True)


def test_a_member_that_shrinks_while_it_is_copied_leaves_a_sound_tar(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": SMALL, "b": SMALL})
    look = files.look

    def then_shrink(path: str) -> Any:
        found = look(path)
        (tree / "a").write_bytes(b"short")
        return found

    monkeypatch.setattr(files, "look", then_shrink)
    record = kept.add("a", tree, copy=True)
    padded = b"short".ljust(len(SMALL), b"\0")
    assert record["changed"] is True
    assert record["sha256"] == sha_of_tree({"a": padded, "b": SMALL})
    with tarfile.open(kept.folder / record["copy"]) as tar:
        assert [member.size for member in tar] == [len(SMALL)] * 2


# --- Several writers, and their ends -------------------------------------------------------------

CHILD = """
    import os, sys, time
    from pathlib import Path
    from mlterm.tracker import artifacts, files

    records = []
    folder, path = Path(sys.argv[1]), sys.argv[2]
    store = artifacts.ArtifactStore(folder, records.append, print)
"""


def child(code: str, kept: Kept, path: Path) -> list[str]:
    source = dedent(CHILD) + dedent(code)
    return [sys.executable, "-W", "ignore", "-c", source, str(kept.folder), str(path)]


def test_threads_store_the_same_file_at_once(kept: Kept, large: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: kept.store.add("a", large, compress="gz"), range(16)))
    assert kept.store.drain(PATIENCE)
    amended = [record for record in kept.records if "_amends" in record]
    assert [record["sha256"] for record in amended] == [sha(LARGE)] * 16
    assert kept.names() == [f"{sha(LARGE)}.gz"]
    assert kept.warnings == []


def test_processes_store_the_same_file_at_once(kept: Kept, large: Path) -> None:
    code = """
    sys.stdin.readline()
    for _ in range(10):
        store.add("a", path, copy=True)
        store.add_bytes("text", b"the same", ".txt", "text")
    assert store.drain(60)
    print(all(r.get("copy") for r in records if "_pending" not in r))
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(child(code, kept, large), **pipes) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]  # a pipe, as asked for
        process.stdin.flush()  # type: ignore[union-attr]  # as above
    assert [process.communicate(timeout=60)[0] for process in processes] == ["True\n"] * 2
    assert kept.names() == sorted([sha(LARGE), f"text-{sha(b'the same')[:8]}.txt"])
    assert (kept.folder / "artifacts" / sha(LARGE)).read_bytes() == LARGE


def test_a_copy_that_was_killed_is_removed_by_the_next_store(kept: Kept, large: Path) -> None:
    code = """
    def half(source, target, limit):
        os.write(target, os.read(source, limit // 2))
        print("HALF", flush=True)
        time.sleep(600)

    files.pour = half
    store.add("a", path, copy=True)
    """
    with subprocess.Popen(child(code, kept, large), stdout=subprocess.PIPE) as process:
        try:
            assert stream(process.stdout).readline() == b"HALF\n"
            (part,) = kept.names()
            assert part.startswith(".part-")
            kept.add("a", large, copy=True)
            assert kept.names() == sorted([part, sha(LARGE)])  # its writer lives
        finally:
            process.send_signal(signal.SIGKILL)
    again = Kept(kept.folder)
    again.add("a", large, copy=True)
    assert kept.names() == [sha(LARGE)]


def test_only_what_is_certainly_left_over_is_removed(kept: Kept, small: Path) -> None:
    folder = kept.folder / "artifacts"
    folder.mkdir(parents=True)
    for name in (".part-elsewhere-1-a", ".part-old-1-a", ".part-strange", "mine"):
        (folder / name).touch()
    os.utime(folder / ".part-old-1-a", (0, 0))
    kept.add("a", small, copy=True)
    assert kept.names() == sorted([".part-elsewhere-1-a", ".part-strange", "mine", sha(SMALL)])


def test_a_fork_has_a_thread_of_its_own_and_none_of_its_parents_work(
    kept: Kept, large: Path
) -> None:
    code = """
    import threading
    digest, go = files.digest, threading.Event()
    files.digest = lambda *args: go.wait(60) and digest(*args)
    store.add("parent", path, copy=True)
    child = os.fork()
    if not child:
        files.digest = digest
        store.after_fork_in_child()
        records.clear()
        assert store.drain(0)
        store.add("child", path, copy=True)
        assert store.drain(60)
        os._exit([r["name"] for r in records] != ["child", "child"] or not records[1]["sha256"])
    assert os.waitpid(child, 0)[1] == 0
    go.set()
    assert store.drain(60)
    print(records[1]["sha256"])
    """
    done = subprocess.run(
        child(code, kept, large), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == sha(LARGE) + "\n", done.stderr
    assert kept.names() == [sha(LARGE)]


# --- Bytes and arrays ----------------------------------------------------------------------------


def test_bytes_are_kept_once_for_a_name_and_step(kept: Kept) -> None:
    for _ in range(2):
        at = kept.store.add_bytes("notes", SMALL, ".txt", "text", step=4, description="d")
        assert at == f"artifacts/notes-4-{sha(SMALL)[:8]}.txt"
    assert (kept.folder / at).read_bytes() == SMALL
    assert len(kept.names()) == 1
    record = {"name": "notes", "path": str(kept.folder / at), "copy": at, "kind": "text"}
    more = {"description": "d", "_step": 4, "size_bytes": len(SMALL), "sha256": sha(SMALL)}
    assert kept.records == [record | more] * 2


@pytest.mark.parametrize("name", ["../../escape", "a/b", "", ".part-x-1-2", "\udcff", "x" * 999])
def test_no_name_leads_out_of_the_folder(kept: Kept, name: str) -> None:
    at = kept.store.add_bytes(name, SMALL, "../x", "text", step=-1.5)
    (kept_name,) = kept.names()
    assert at == f"artifacts/{kept_name}"
    assert not kept_name.startswith(".")
    assert kept.records[0]["name"] == name


@pytest.mark.parametrize("other", [b"", b"x" * len(SMALL), SMALL + b"more"])
def test_other_content_of_the_same_name_stays(kept: Kept, other: bytes) -> None:
    """What a name's 8 digits cannot tell apart, and what a power cut has torn."""
    at = kept.store.add_bytes("a", SMALL, ".txt", "text")
    (kept.folder / at).write_bytes(other)
    again = kept.store.add_bytes("a", SMALL, ".txt", "text")
    assert again == f"artifacts/a-{sha(SMALL)}.txt"
    assert (kept.folder / again).read_bytes() == SMALL
    assert (kept.folder / at).read_bytes() == other


class StandInArray:
    """The shape of numpy.ndarray as far as keeping needs it."""

    dtype = SimpleNamespace(hasobject=False)

    def __init__(self, data: bytes) -> None:
        self.data, self.nbytes = data, len(data)


def save_stand_in(file: Any, array: StandInArray, *, allow_pickle: bool) -> None:
    assert not allow_pickle
    file.write(array.data)


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_an_array_is_kept_and_recorded(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace(save=save_stand_in))
    at = kept.store.add_array("w/layer", StandInArray(content), step=2)["artifact"]
    assert kept.store.drain(PATIENCE)
    assert at.startswith("artifacts/w-layer-2-")
    assert at.endswith(".npy")
    assert (kept.folder / at).read_bytes() == content
    first, last = kept.records[0], kept.records[-1]
    assert (first["copy"], first["kind"], first["_step"]) == (at, "array", 2)
    assert (last["name"], last["sha256"]) == ("w/layer", sha(content))


@pytest.mark.root
def test_a_full_disk_takes_no_array(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace(save=save_stand_in))
    kept = Kept(disk.folder / "p_r")
    disk.folder.joinpath("room").write_bytes(bytes(AT_ONCE_BYTES // 2))
    disk.fill()
    for content in (SMALL, LARGE):
        assert kept.store.add_array("a", StandInArray(content)) == {"artifact": None}
        assert kept.records[-1]["copy"] is None
        assert "No space left" in kept.warnings[-1]


def test_an_array_whose_last_bytes_do_not_fit_is_no_array(kept: Kept, tmp_path: Path) -> None:
    """NumPy itself does not notice where these are few."""
    pytest.importorskip("numpy")
    code = """
    import resource
    import numpy
    array = numpy.zeros(300_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (array.nbytes, resource.RLIM_INFINITY))
    print(store.add_array("a", array), records[0]["problem"])
    """
    command = child(code, kept, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "{'artifact': None} File too large"
    assert kept.names() == []


def test_real_arrays_come_back(kept: Kept) -> None:
    numpy = pytest.importorskip("numpy")
    wide = numpy.arange(500_000, dtype="f8").reshape(500, 1000)
    for array in (wide, wide[:, ::2], wide.T, wide[:3], numpy.array(3.5), wide[:0], wide > 7):
        at = kept.store.add_array("a", array)["artifact"]
        numpy.testing.assert_array_equal(numpy.load(kept.folder / at), array, strict=True)
    with pytest.raises(TypeError, match="objects"):
        kept.store.add_array("a", numpy.array([object()]))


def test_real_masked_arrays_come_back(kept: Kept) -> None:
    numpy = pytest.importorskip("numpy")
    values = numpy.ma.array([1.5, 2.5, 3.5], mask=[0, 1, 0])
    plain = numpy.ma.array([1, 2], mask=[0, 0])
    pairs = numpy.ma.array([(1, 2.0)], dtype=[("a", int), ("b", float)], mask=[(0, 1)])
    for array in (values, pairs):
        saved = numpy.load(kept.folder / kept.store.add_array("a", array)["artifact"])
        back = numpy.ma.fromflex(saved)
        assert back.tolist() == array.tolist()
        assert back.mask.tolist() == array.mask.tolist()
    saved = numpy.load(kept.folder / kept.store.add_array("a", plain)["artifact"])
    assert saved.tolist() == [1, 2]


# --- Images --------------------------------------------------------------------------------------


def pixels(png: bytes) -> tuple[int, int, int, list[int]]:
    """Width, height, channels and values of a PNG of ours; its sums checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        body = png[at + 4 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(body),)
        chunks[body[:4]] = body[4:]
        at += 12 + size
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 2: 3, 6: 4}[colour]
    raw, stride = zlib.decompress(chunks[b"IDAT"]), 1 + width * channels
    assert len(raw) == stride * height
    assert not any(raw[::stride])
    return width, height, channels, [value for n, value in enumerate(raw) if n % stride]


class StandInPixels:
    """H×W×C of uint8, as much of an array as an encoder needs."""

    dtype, ndim = "uint8", 3

    def __init__(self, rows: list[bytes], channels: int) -> None:
        self.rows = rows
        self.shape = (len(rows), len(rows[0]) // channels, channels) if rows else (0, 0, channels)
        self.size = sum(map(len, rows))

    def __array__(self) -> None:
        raise AssertionError("the stand-in for NumPy passes it on")

    def __iter__(self) -> Iterator[memoryview]:
        return map(memoryview, self.rows)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_become_a_png(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace(asarray=lambda value: value))
    rows = [bytes(range(5 * channels)), bytes(range(200, 200 + 5 * channels))]
    assert pixels(png_of(StandInPixels(rows, channels))) == (5, 2, channels, [*b"".join(rows)])
    with pytest.raises(TypeError, match="shape"):
        png_of(StandInPixels([], channels))
    with pytest.raises(TypeError, match="shape"):
        png_of(StandInPixels([bytes(10)] * 2, 5))


def test_a_png_stays_as_it_is() -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"anything"
    for data in (png, bytearray(png), memoryview(png)):
        assert png_of(data) == png


@pytest.mark.parametrize("value", [b"GIF89a", "picture.png", None, 3, [[1]], object(), bytes])
def test_what_is_no_image_is_refused_in_words(value: object) -> None:
    with pytest.raises(TypeError, match=r"no PNG|is no image"):
        png_of(value)


def test_a_mock_is_no_image() -> None:
    from unittest.mock import MagicMock

    with pytest.raises(TypeError):
        png_of(MagicMock())


def test_real_arrays_become_images() -> None:
    numpy = pytest.importorskip("numpy")
    grey = numpy.array([[0, 128, 255], [1, 2, 3]], dtype="uint8")
    wanted = [0, 128, 255, 1, 2, 3]
    scaled = grey / 255
    for array in (grey, grey.astype("i8"), grey[..., None], scaled, scaled.astype("f4"), grey.T.T):
        assert pixels(png_of(array)) == (3, 2, 1, wanted)
    assert pixels(png_of(grey.astype("f4") > 2))[3] == [0, 255, 255, 0, 0, 255]
    assert pixels(png_of(numpy.array([[1.004, -0.004]])))[3] == [255, 0]
    colours = numpy.arange(5 * 6 * 3, dtype="uint8").reshape(5, 6, 3)
    for array in (colours, colours.transpose(2, 0, 1)):
        assert pixels(png_of(array)) == (6, 5, 3, [*range(90)])


@pytest.mark.parametrize(
    "make",
    [
        lambda numpy: numpy.zeros(3),
        lambda numpy: numpy.zeros((2, 2, 2)),
        lambda numpy: numpy.zeros((1, 2, 3, 4)),
        lambda numpy: numpy.full((2, 2), 255.0),
        lambda numpy: numpy.full((2, 2), -1),
        lambda numpy: numpy.full((2, 2), 256),
        lambda numpy: numpy.full((2, 2), numpy.nan),
        lambda numpy: numpy.zeros((0, 4)),
        lambda numpy: numpy.array([["a"]]),
        lambda numpy: numpy.array([[None]]),
        lambda numpy: numpy.zeros((2, 2), dtype="c8"),
    ],
)
def test_real_arrays_that_are_no_images_are_refused_in_words(make: Callable[[Any], Any]) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match="image"):
        png_of(make(numpy))


def test_tensors_become_images() -> None:
    torch = pytest.importorskip("torch")
    colours = torch.arange(5 * 6 * 3, dtype=torch.uint8).reshape(5, 6, 3)
    wanted = (6, 5, 3, [*range(90)])
    floats = (colours / 255).requires_grad_()
    for tensor in (colours, colours.permute(2, 0, 1), floats, floats.permute(2, 0, 1)):
        assert pixels(png_of(tensor)) == wanted
    assert pixels(png_of(torch.zeros(3, 32, 3)))[:3] == (32, 3, 3)  # as high as it has channels
    white = torch.ones(3, 3, dtype=torch.bfloat16)
    assert pixels(png_of(white)) == (3, 3, 1, [255] * 9)
    assert pixels(png_of(white[None]))[:3] == (3, 3, 1)
    assert pixels(png_of(torch.zeros(4, 8, 9)))[:3] == (9, 8, 4)
    with pytest.raises(TypeError):
        png_of(torch.zeros(2, 2, device="meta"))


MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F", "PA", "RGBX")


@pytest.mark.parametrize("mode", MODES)
def test_images_of_pil_of_every_mode_become_png(mode: str) -> None:
    image = pytest.importorskip("PIL.Image")
    back = image.open(BytesIO(png_of(image.new(mode, (5, 4)))))
    assert (back.format, back.size) == ("PNG", (5, 4))
    back.load()


class StandInPicture:
    """An image of PIL of a mode that it cannot convert."""

    mode = "LAB"

    def getbands(self) -> None: ...

    def save(self) -> None: ...

    def convert(self, mode: str) -> None:
        raise ValueError(f"conversion from LAB to {mode} not supported")


def test_an_image_of_pil_that_png_cannot_hold_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="mode LAB"):
        png_of(StandInPicture())


def test_figures_and_axes_of_matplotlib_become_png() -> None:
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure(figsize=(2, 1), dpi=50)
    axes = figure.subplots()
    inner = figure_module.Figure(figsize=(2, 1), dpi=50).subfigures(1, 2)[0].subplots()
    for shown in (figure, axes, inner):
        png = png_of(shown)
        assert struct.unpack_from(">II", png, 16) == (100, 50)
    axes.remove()
    with pytest.raises(TypeError, match="no figure"):
        png_of(axes)
