"""Where an export goes: whole under its name, or not there at all."""

import os
import stat
from pathlib import Path

import pytest

from mlterm.core.errors import MltermError, RefusedError
from mlterm.exporting.target import MARK, Target


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with Target(path).file() as out:
        out.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["x.csv"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_is_interrupted_leaves_nothing_and_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    target, inner = Target(path, overwrite=True), Target(tmp_path / "folder")
    with pytest.raises(error), target.file() as out:  # noqa: PT012 (the block is what fails)
        out.write(b"half")
        raise error
    with pytest.raises(error), inner.folder() as folder:  # noqa: PT012 (as above)
        (folder / "inner").touch()
        raise error
    assert os.listdir(tmp_path) == ["x.csv"]
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events"
    with Target(path).folder() as folder:
        (folder / "old part").touch()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt), Target(path, overwrite=True).folder():
        pass
    assert sorted(os.listdir(path)) == [MARK, "old part"]
    assert os.listdir(tmp_path) == ["events"]


def test_what_is_there_is_refused_without_overwrite_and_replaced_with_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    with pytest.raises(RefusedError, match="is there already"), Target(path).file():
        pass
    with Target(path, overwrite=True).file() as out:
        out.write(b"new")
    assert path.read_bytes() == b"new"


def test_what_has_come_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    file, folder, inside = tmp_path / "x.csv", tmp_path / "x", tmp_path / "x" / "another's"
    with pytest.raises(RefusedError, match="is there already"), Target(file).file():
        file.write_bytes(b"another's")
    with pytest.raises(MltermError, match="not empty"), Target(folder).folder():
        inside.mkdir(parents=True)
    assert file.read_bytes() == b"another's"
    assert list(folder.iterdir()) == [inside]


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    path, link = tmp_path / "x.csv", tmp_path / "link.csv"
    path.write_bytes(b"old")
    link.symlink_to(path)
    with Target(link, overwrite=True).file() as out:
        out.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_folder_is_replaced_only_where_it_is_an_export(tmp_path: Path) -> None:
    path = tmp_path / "events"
    for number in range(2):
        with Target(path, overwrite=True).folder() as folder:
            (folder / f"part{number}").touch()
    assert sorted(os.listdir(path)) == [MARK, "part1"]
    (path / MARK).unlink()
    target = Target(path, overwrite=True)
    with pytest.raises(RefusedError, match="other things than an export"), target.folder():
        pass
    assert os.listdir(path) == ["part1"]
    with pytest.raises(RefusedError, match="says which"), Target(None).folder():
        pass


def test_folders_and_files_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RefusedError, match="is a folder"), Target(tmp_path, overwrite=True).file():
        pass
    file = Target(tmp_path / "file", overwrite=True)
    with pytest.raises(RefusedError, match="is no folder"), file.folder():
        pass
    with pytest.raises(RefusedError, match="there is no folder"), Target(tmp_path / "a/b").file():
        pass


def test_a_full_device_is_told_in_words_and_never_replaced() -> None:
    full = Target("/dev/full", overwrite=True)
    assert full.is_stream
    with (
        pytest.raises(MltermError, match="cannot write /dev/full: No space left"),
        full.file() as out,
    ):
        out.write(bytes(10))
    assert Path("/dev/full").is_char_device()


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with Target(path).file() as out:
        out.write(b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_a_folder_that_may_not_be_written_is_told_in_words(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    with (
        pytest.raises(MltermError, match=r"x\.csv: Permission denied"),
        Target(tmp_path / "x.csv").file(),
    ):
        pass
