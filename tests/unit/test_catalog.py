import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core import records
from mlterm.core.lifecycle import LOST, RUNNING
from mlterm.core.records import decode_batch
from mlterm.core.series import SeriesFold
from mlterm.system import ends, lock, store
from mlterm.system.catalog import Catalog
from mlterm.system.ends import read_ends
from mlterm.system.paths import RunFiles
from mlterm.system.summaryfile import SummaryFile

EARLY, LATE = "2026-11-23T04:31:01.000000+00:00", "2026-11-23T05:00:00.000000+00:00"
OLD = time.time_ns() - 3_600_000_000_000
Fields = dict[str, Any]


def run(run_id: str = "r1", **fields: Any) -> Fields:
    names = {"schema": 1, "project": "digits", "run_id": run_id}
    return {"timestamp": EARLY, "type": "run", **names, **fields}


def metrics(**values: Any) -> Fields:
    return {"timestamp": EARLY, "type": "metrics", **values}


def finish(**fields: Any) -> Fields:
    return {"timestamp": LATE, "type": "finish", "status": "completed", **fields}


def put(folder: Path, stem: str, *content: Fields, old: bool = True) -> RunFiles:
    files = RunFiles(folder / f"{stem}.jsonl")
    files.run.write_bytes(b"".join(map(records.encode, content)))
    if old:
        os.utime(files.run, ns=(OLD, OLD))
    return files


@pytest.fixture(autouse=True)
def settled(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as unchanged for long, though their inodes are new."""
    monkeypatch.setattr("mlterm.system.cache.SETTLED_NS", -1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Whatever file is read."""
    found: list[Path] = []

    def noted(path: Path) -> ends.Ends:
        found.append(path)
        return read_ends(path)

    monkeypatch.setattr(store, "read_ends", noted)
    return found


# --- What is kept -------------------------------------------------------------------------


def test_an_ended_run_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    odd = {"last": "NaN", "min": 0.5, "max": "Infinity", "mean": None, "first": 1, "count": 3}
    put(tmp_path, "digits_r1", run(tags={"a": "b"}), finish(metrics={"loss": odd}))
    first = Catalog(tmp_path).runs(metrics=True)
    assert len(reads) == 1
    second = Catalog(tmp_path).runs(metrics=True)
    assert len(reads) == 1
    assert repr(second) == repr(first)  # NaN is not equal to itself
    assert repr(first[0].metrics["loss"]["last"]) == "nan"


def test_a_run_is_kept_by_whatever_way_its_folder_is_reached(
    tmp_path: Path, reads: list[Path]
) -> None:
    folder, link = tmp_path / "logs", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    put(folder, "digits_r1", run(), finish())
    assert Catalog(folder).runs()[0].path == str(folder / "digits_r1.jsonl")
    assert Catalog(link).runs()[0].path == str(link / "digits_r1.jsonl")
    assert len(reads) == 1


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    files = put(tmp_path, "digits_r1", run(), finish())
    assert Catalog(tmp_path).runs()[0].status == "completed"
    with files.run.open("ab") as file:
        file.write(records.encode(finish(status="failed")))
    assert Catalog(tmp_path).runs()[0].status == "failed"


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    put(tmp_path, "digits_r1", run(), finish(exit_code=1))
    assert Catalog(tmp_path).runs()[0].exit_code == 1
    put(tmp_path, "digits_r1", run(), finish(exit_code=2))
    assert Catalog(tmp_path).runs()[0].exit_code == 2


def test_what_was_changed_just_now_is_not_kept(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlterm.system.cache.SETTLED_NS", 3_600_000_000_000)
    put(tmp_path, "digits_r1", run(), finish())
    for _ in range(2):
        Catalog(tmp_path).runs()
    assert len(reads) == 2


def test_a_removed_run_is_forgotten(tmp_path: Path, cache_home: Path) -> None:
    files = put(tmp_path, "digits_r1", run(), finish())
    Catalog(tmp_path).runs()
    files.run.unlink()
    put(tmp_path, "digits_r2", run("r2"), finish())
    assert [found.run_id for found in Catalog(tmp_path).runs()] == ["r2"]
    kept = next((cache_home / "mlterm").iterdir()).read_bytes()
    assert b"digits_r2" in kept
    assert b"digits_r1" not in kept


def test_a_lost_run_that_is_gone_on_with_is_running(tmp_path: Path) -> None:
    files = put(tmp_path, "digits_r1", run())
    assert Catalog(tmp_path).runs()[0].status == LOST
    assert Catalog(tmp_path).runs()[0].status == LOST
    fd = lock.take(files.lock)
    assert fd is not None
    try:
        assert Catalog(tmp_path).runs()[0].status == RUNNING
    finally:
        os.close(fd)
    assert Catalog(tmp_path).runs()[0].status == LOST


def test_metrics_that_were_not_asked_for_are_read_when_they_are(tmp_path: Path) -> None:
    put(tmp_path, "digits_r1", run(), metrics(loss=0.5), finish())
    assert Catalog(tmp_path).runs()[0].metrics == {}
    assert Catalog(tmp_path).runs(metrics=True)[0].metrics["loss"]["last"] == 0.5
    assert Catalog(tmp_path).runs()[0].metrics["loss"]["last"] == 0.5


# --- Only a cache -------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"\0", b"[", b"\n\n\n", b'[1,"x"]\nname\0[[1],2]'])
def test_a_damaged_cache_changes_nothing(tmp_path: Path, cache_home: Path, damage: bytes) -> None:
    put(tmp_path, "digits_r1", run(), finish())
    before = Catalog(tmp_path).runs()
    path = next((cache_home / "mlterm").iterdir())
    path.write_bytes(damage)
    assert Catalog(tmp_path).runs() == before
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(head + b"\n" + rest[: len(rest) // 2])
    assert Catalog(tmp_path).runs() == before
    path.unlink()
    assert Catalog(tmp_path).runs() == before


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path, cache_home: Path) -> None:
    (cache_home / "mlterm").write_text("in the way")
    put(tmp_path, "digits_r1", run(), finish())
    assert [found.run_id for found in Catalog(tmp_path).runs()] == ["r1"]


def test_who_reads_at_the_same_time_finds_a_whole_cache(tmp_path: Path, reads: list[Path]) -> None:
    put(tmp_path, "digits_r1", run(), finish())
    one, other = Catalog(tmp_path), Catalog(tmp_path)
    one.runs()
    put(tmp_path, "digits_r2", run("r2"), finish())
    assert len(other.runs()) == 2
    reads.clear()
    assert len(Catalog(tmp_path).runs()) == 2
    assert reads == []


def test_the_cache_is_the_users_own(tmp_path: Path, cache_home: Path) -> None:
    put(tmp_path, "digits_r1", run(), finish())
    Catalog(tmp_path).runs()
    path = next((cache_home / "mlterm").iterdir())
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_what_was_kept_long_ago_is_removed(tmp_path: Path, cache_home: Path) -> None:
    folder = cache_home / "mlterm"
    folder.mkdir()
    for name, days in (("runs-old.jsonl", 100), ("runs-new.jsonl", 80)):
        (folder / name).touch()
        moment = time.time() - days * 86_400
        os.utime(folder / name, (moment, moment))
    put(tmp_path, "digits_r1", run(), finish())
    Catalog(tmp_path).runs()
    names = {path.name for path in folder.iterdir()}
    assert "runs-new.jsonl" in names
    assert "runs-old.jsonl" not in names
    assert len(names) == 2


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "digits_r2.jsonl").mkdir()
    os.mkfifo(tmp_path / "digits_r3.jsonl")  # nobody writes into it: not to be waited for
    (tmp_path / "digits_r4.jsonl").symlink_to("/dev/zero")
    (tmp_path / "digits_r5.jsonl").symlink_to(tmp_path / "digits_r5.jsonl")
    put(tmp_path, "digits_r1", run(), finish())
    catalog = Catalog(tmp_path)
    assert len(catalog.runs()) == 1
    assert sorted(Path(path).stem for path in catalog.unreadable) == [
        "digits_r2",
        "digits_r3",
        "digits_r4",
        "digits_r5",
    ]
    assert str(catalog.unreadable[str(tmp_path / "digits_r3.jsonl")]).endswith("it is no file")


def test_a_file_that_is_removed_meanwhile_is_none_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, removed = (put(tmp_path, f"digits_{name}", run(name), finish()) for name in "ab")
    read = ends.read_ends

    def read_late(path: Path) -> ends.Ends:
        removed.run.unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(store, "read_ends", read_late)
    catalog = Catalog(tmp_path)
    assert [each.path for each in catalog.runs()] == [str(kept.run)]
    assert catalog.unreadable == {}


# --- Metrics without reading the file -----------------------------------------------------


@pytest.fixture
def summed(tmp_path: Path) -> RunFiles:
    """A run whose metrics are in summary.json, and only words for them in its file."""
    files = put(tmp_path, "digits_r1", run(), metrics(loss="x"))
    files.folder.mkdir()
    fold = SeriesFold()
    fold.add_batch([metrics(loss=2.0), metrics(loss=float("nan"))])
    fields: Fields = {"schema": 1, "records_offset": files.run.stat().st_size, "progress": None}
    fields |= {"records": 2, "metrics": fold.summaries()}
    SummaryFile(files.summary).put("", fields, fold.series)
    return files


def append(files: RunFiles, *content: Fields) -> None:
    with files.run.open("ab") as file:
        file.writelines(map(records.encode, content))


def test_metrics_come_from_the_summary(summed: RunFiles) -> None:
    append(summed, finish())
    told = store.load(summed, metrics=True).metrics["loss"]
    assert (told["first"], told["min"], told["count"]) == (2.0, 2.0, 2)
    assert told["last"] != told["last"]


def test_what_was_logged_since_the_summary_is_folded_in(summed: RunFiles) -> None:
    append(summed, metrics(loss=1.0), finish())
    told = store.load(summed, metrics=True).metrics["loss"]
    assert (told["first"], told["min"], told["last"], told["count"]) == (2.0, 1.0, 1.0, 3)


def test_a_summary_of_another_file_is_not_taken(summed: RunFiles) -> None:
    summed.run.write_bytes(b"".join(map(records.encode, [run(), metrics(loss=7.125)])))
    assert store.load(summed, metrics=True).metrics["loss"]["last"] == 7.125


# --- Both ends of a file ------------------------------------------------------------------

LINES = st.one_of(
    st.builds(lambda n: metrics(loss=n), st.floats()),
    st.builds(lambda n: {"type": "metrics", "loss": n}, st.integers()),  # by another's hand
    st.builds(lambda n: {**metrics(), "text": "x" * n}, st.integers(0, 9_000)),
    st.builds(lambda n: run(f"r{n}", git={"commit": str(n)}), st.integers(0, 3)),
    st.builds(lambda n: {**run(), "_amends": True, "tags": {"a": n}}, st.sampled_from(["1", None])),
    st.builds(
        lambda n: {"timestamp": EARLY, "type": "hyperparameters", "lr": n}, st.integers(0, 9)
    ),
    st.builds(lambda n: {"timestamp": EARLY, "type": "note", "text": n}, st.text(max_size=9)),
    st.builds(
        lambda n: {"timestamp": EARLY, "type": "define", "name": "loss", "goal": n},
        st.sampled_from(["minimize", "maximize", None]),
    ),
    st.builds(lambda n: finish(exit_code=n), st.integers(0, 9)),
)


@given(st.lists(st.tuples(LINES, st.integers(1, 40)), max_size=30), st.binary(max_size=3))
@settings(max_examples=60)
def test_the_ends_say_what_reading_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[Fields, int]], torn: bytes
) -> None:
    data = b"".join(
        records.encode(line) * (count if line["type"] == "metrics" else 1) for line, count in lines
    )
    path = tmp_path_factory.mktemp("ends") / "x.jsonl"
    path.write_bytes(data + torn)
    whole = ends.Ends()
    for record in decode_batch(data)[0]:
        whole.add(record)
    found = read_ends(path)
    found.stamp = whole.stamp
    assert repr(found) == repr(whole)


def test_a_record_behind_a_torn_one_is_found(tmp_path: Path) -> None:
    whole = records.encode(metrics(loss=0.5))
    path = tmp_path / "x.jsonl"
    torn = whole[: whole.index(b"loss")]
    path.write_bytes(records.encode(run()) + whole * 90 + torn + records.encode(finish()))
    assert read_ends(path).finish["status"] == "completed"
    assert json.loads(records.encode(finish())) == read_ends(path).finish


def test_runs_are_sorted_by_when_they_began_whatever_their_clocks_offset(tmp_path: Path) -> None:
    for run_id, stamp in (
        ("late", "2026-11-23T01:00:00-05:00"),  # 06:00 UTC
        ("early", "2026-11-23T05:00:00+00:00"),
        ("untold", "once upon a time"),
    ):
        put(tmp_path, f"digits_{run_id}", run(run_id, timestamp=stamp), finish())
    found = [each.run_id for each in Catalog(tmp_path).runs()]
    assert found == ["untold", "early", "late"]
