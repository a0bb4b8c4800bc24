"""Removing runs: all of one or nothing, never a live one, and back again."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from mlterm.core import records
from mlterm.core.errors import MltermError
from mlterm.feed.runs import RunsFeed
from mlterm.system import lock, trash
from mlterm.system.catalog import all_runs
from mlterm.system.paths import RunFiles

FILES = ["p_r.jsonl", "p_r.jsonl.lock", "p_r/artifacts/x", "p_r/output.log"]


def made(folder: Path, run_id: str = "r") -> RunFiles:
    files = RunFiles.of(folder, "p", run_id)
    moment = "2026-11-24T07:31:05.000000+00:00"
    start = {"timestamp": moment, "type": "run", "schema": 1, "project": "p", "run_id": run_id}
    files.run.write_bytes(records.encode(start))
    files.lock.touch()
    (files.folder / "artifacts").mkdir(parents=True)
    (files.folder / "artifacts" / "x").write_bytes(bytes(1000))
    files.output.write_bytes(b"said\n")
    return files


def there(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_goes_to_the_trash_whole_and_comes_back_whole(tmp_path: Path) -> None:
    files = made(tmp_path)
    moved = trash.move_away(files)
    assert there(tmp_path / ".trash") == [f"{moved.run.parent.name}/{name}" for name in FILES]
    assert not files.run.exists()
    assert all_runs(tmp_path) == []
    (found,) = trash.trashed(tmp_path)
    assert (found.files, found.home) == (moved, files)
    assert trash.bring_back(found) == files
    assert there(tmp_path) == FILES
    assert list(trash.trashed(tmp_path)) == []


def test_the_size_is_that_of_all_its_files(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert trash.size_of(files) == files.run.stat().st_size + 1000 + 5
    assert trash.size_of(RunFiles.of(tmp_path, "no", "run")) == 0


def test_tables_take_no_notice_of_the_trash(tmp_path: Path) -> None:
    files = made(tmp_path)
    feed = RunsFeed(tmp_path)
    while feed.poll():
        pass
    assert [run.run_id for run in feed.runs] == ["r"]
    trash.move_away(files)
    feed = RunsFeed(tmp_path)
    while feed.poll():
        pass
    assert feed.runs == []


def test_runs_of_one_name_stand_beside_each_other(tmp_path: Path) -> None:
    places = [trash.move_away(made(tmp_path)).run for _ in range(3)]
    assert [each.files.run for each in trash.trashed(tmp_path)] == sorted(places)
    assert len(set(places)) == 3


@pytest.mark.parametrize("act", [trash.move_away, trash.delete])
def test_a_live_run_stays(tmp_path: Path, act: Any) -> None:
    files = made(tmp_path)
    held = lock.take(files.lock)
    assert held is not None
    with pytest.raises(MltermError, match="live"):
        act(files)
    assert there(tmp_path) == FILES
    os.close(held)


@pytest.mark.linux
@pytest.mark.parametrize("act", [trash.move_away, trash.delete])
def test_a_run_of_ranks_that_live_stays(tmp_path: Path, act: Any) -> None:
    files = made(tmp_path)
    fd = lock.share(files.ranks)
    assert fd is not None
    with pytest.raises(MltermError, match="live"):
        act(files)
    os.close(fd)
    act(files)
    assert not files.run.exists()


def test_whoever_waited_for_the_lock_of_a_removed_run_gets_a_new_one(tmp_path: Path) -> None:
    """Who has opened the lock's file before it was moved must not hold what nobody asks for."""
    files = made(tmp_path)
    held = lock.take(files.lock)
    assert held is not None
    taken: list[int | None] = []
    waiting = threading.Thread(target=lambda: taken.append(lock.take(files.lock)))
    waiting.start()
    files.lock.rename(tmp_path / "elsewhere")
    os.close(held)
    waiting.join()
    assert taken[0] is not None
    assert lock.is_held(files.lock)
    assert os.path.samestat(os.fstat(taken[0]), files.lock.stat())
    os.close(taken[0])


def test_a_run_that_cannot_be_moved_whole_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = made(tmp_path)
    rename = os.rename

    def fails_for_the_folder(old: Path, new: Path) -> None:
        if old == files.folder:
            raise PermissionError(13, "Permission denied", str(old))
        rename(old, new)

    monkeypatch.setattr(os, "rename", fails_for_the_folder)
    with pytest.raises(PermissionError):
        trash.move_away(files)
    assert there(tmp_path) == FILES
    assert list(trash.trashed(tmp_path)) == []


def test_a_run_whose_name_is_taken_stays_in_the_trash(tmp_path: Path) -> None:
    trash.move_away(made(tmp_path))
    again = made(tmp_path)
    again.output.write_bytes(b"newer\n")
    (found,) = trash.trashed(tmp_path)
    with pytest.raises(MltermError, match="there again"):
        trash.bring_back(found)
    assert again.output.read_bytes() == b"newer\n"
    assert found.files.output.read_bytes() == b"said\n"
    assert not lock.is_held(again.lock)


def test_a_folder_in_its_way_is_not_touched(tmp_path: Path) -> None:
    files = made(tmp_path)
    trash.move_away(files)
    files.folder.mkdir()
    (files.folder / "mine").touch()
    (found,) = trash.trashed(tmp_path)
    with pytest.raises(OSError, match="not empty"):
        trash.bring_back(found)
    assert found.files.run.exists()
    (files.folder / "mine").unlink()
    trash.bring_back(found)
    assert there(tmp_path) == FILES


def test_a_run_that_is_only_its_file_goes_and_comes_too(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "by_hand.jsonl")
    files.run.write_text("{}\n")
    trash.move_away(files)
    (found,) = trash.trashed(tmp_path)
    trash.bring_back(found)
    assert files.run.read_text() == "{}\n"
    trash.delete(files)
    assert there(tmp_path) == []


def test_deleting_leaves_nothing_and_what_is_gone_is_said_to_be(tmp_path: Path) -> None:
    files = made(tmp_path)
    trash.delete(files)
    assert list(tmp_path.iterdir()) == []
    for act in (trash.delete, trash.move_away):
        with pytest.raises(MltermError, match="removed meanwhile"):
            act(files)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    bulk = tmp_path / "scratch"
    bulk.mkdir()
    (bulk / "kept").touch()
    files = RunFiles(tmp_path / "p_r.jsonl")
    files.run.write_text("{}\n")
    files.folder.symlink_to(bulk)
    trash.delete(files)
    assert (bulk / "kept").exists()
    assert not files.folder.is_symlink()


def test_what_is_discarded_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    trash.move_away(made(tmp_path, "a"))
    trash.move_away(made(tmp_path, "b"))
    first, second = trash.trashed(tmp_path)
    (tmp_path / ".trash" / "notes").mkdir()
    trash.discard(first)
    trash.tidy(tmp_path)
    assert list(trash.trashed(tmp_path)) == [second]
    trash.discard(second)
    trash.tidy(tmp_path)
    assert not (tmp_path / ".trash").exists()
