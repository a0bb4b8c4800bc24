import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mlterm.core import records
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.lifecycle import CANCELLED, COMPLETED, FAILED, LOST, RUNNING
from mlterm.system import catalog, finding, lock, registry, store
from mlterm.system.ends import BLOCK
from mlterm.system.paths import RunFiles
from mlterm.system.registry import Entry

EARLY, LATE = "2026-11-23T04:31:01.000000+00:00", "2026-11-23T05:00:00.000000+00:00"
Fields = dict[str, Any]


def run(project: str, run_id: str, timestamp: str = EARLY, **fields: Any) -> Fields:
    head = {"timestamp": timestamp, "type": "run", "schema": 1}
    return {**head, "project": project, "run_id": run_id, "host": "h", **fields}


def finish(status: str = COMPLETED, timestamp: str = LATE, **fields: Any) -> Fields:
    end = {"exit_code": 0, "signal": None, "duration_seconds": 2.5, "reason": "exit code 0"}
    return {"timestamp": timestamp, "type": "finish", "status": status, **end, **fields}


def metrics(number: int) -> Fields:
    """Some 100 bytes."""
    text = "x" * 20
    return {"timestamp": EARLY, "type": "metrics", "epoch": number, "loss": 0.5, "note": text}


def hyperparameters(**fields: Any) -> Fields:
    return {"timestamp": EARLY, "type": "hyperparameters", **fields}


MANY = [metrics(n) for n in range(3 * BLOCK // 100)]
"""More than two blocks."""


class Folder:
    """A log folder, and the locks that are held there."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self._stack = stack

    def put(self, stem: str, *content: Fields, torn: bytes = b"") -> RunFiles:
        files = RunFiles(self.path / f"{stem}.jsonl")
        files.run.write_bytes(b"".join(map(records.encode, content)) + torn)
        return files

    def hold(self, files: RunFiles) -> RunFiles:
        fd = lock.take(files.lock)
        assert fd is not None
        self._stack.callback(os.close, fd)
        return files


@pytest.fixture
def logs(tmp_path: Path, runtime: Path) -> Iterator[Folder]:
    path = tmp_path / "logs"
    path.mkdir()
    with ExitStack() as stack:
        yield Folder(path, stack)


def register(runtime: Path, files: RunFiles, project: str, run_id: str) -> None:
    (runtime / "mlterm").mkdir(mode=0o700, exist_ok=True)
    entry = Entry(project, run_id, str(files.run), 11, 10, "", "h")
    registry.write(runtime / "mlterm", entry)


# One run


def test_an_ended_run_is_told_from_its_records(logs: Folder) -> None:
    files = logs.put(
        "digits_r1",
        run("digits", "r1", tags={"a": "b"}, aliases=["nick"]),
        hyperparameters(lr=0.1, _source="argv"),
        metrics(1),
        finish(FAILED, exit_code=1, reason="exit code 1"),
    )
    assert store.load(files).as_json() == {
        "project": "digits", "run_id": "r1", "aliases": ["nick"], "status": "failed",
        "started": EARLY, "ended": LATE, "duration_seconds": 2.5, "exit_code": 1, "signal": None,
        "reason": "exit code 1", "host": "h", "path": str(files.run),
        "hyperparameters": {"lr": 0.1}, "tags": {"a": "b"}, "metrics": {}, "cost": {},
        "git": None, "notes": [], "definitions": {},
            "progress": None,
    }  # fmt: skip


@pytest.mark.parametrize("status", [COMPLETED, FAILED, CANCELLED])
def test_the_status_is_the_finish_records(logs: Folder, status: str) -> None:
    assert store.load(logs.put("p_r", run("p", "r"), finish(status))).status == status


def test_without_an_end_the_lock_tells_running_from_lost(logs: Folder) -> None:
    files = logs.put("p_r", run("p", "r"), metrics(1))
    assert store.load(files).status == LOST
    files.lock.touch()
    assert store.load(files).status == LOST
    logs.hold(files)
    running = store.load(files)
    assert running.status == RUNNING
    assert running.duration_seconds is not None
    assert (running.ended, running.exit_code) == (None, None)


def test_an_end_is_an_end_while_the_lock_is_held(logs: Folder) -> None:
    files = logs.hold(logs.put("p_r", run("p", "r"), finish()))
    assert store.load(files).status == COMPLETED


def test_the_records_names_count_and_not_the_files(logs: Folder) -> None:
    loaded = store.load(logs.put("a_b_c", run("a", "b_c"), finish()))
    assert (loaded.project, loaded.run_id) == ("a", "b_c")


def test_a_joined_trackers_finish_ends_nothing(logs: Folder) -> None:
    files = logs.put("p_r", run("p", "r"), finish(FAILED, _source="tracker"))
    assert store.load(files).status == LOST
    files = logs.put("p_r", run("p", "r"), finish(), finish(FAILED, _source="tracker"))
    assert store.load(files).status == COMPLETED


def test_the_finish_is_found_far_from_the_end(logs: Folder) -> None:
    files = logs.put("p_r", run("p", "r"), finish(FAILED, exit_code=3), *MANY)
    assert (store.load(files).status, store.load(files).exit_code) == (FAILED, 3)


def test_the_finish_is_found_far_from_the_start(logs: Folder) -> None:
    loaded = store.load(logs.put("p_r", run("p", "r"), *MANY, finish(FAILED, exit_code=3)))
    assert (loaded.status, loaded.exit_code, loaded.run_id) == (FAILED, 3, "r")


@pytest.mark.parametrize("shift", range(-3, 4))
def test_a_finish_across_two_blocks_is_found(logs: Folder, shift: int) -> None:
    """The records after it are so long that the boundary falls into it, or just beside it."""
    end = finish(FAILED, exit_code=3)
    for part in (0, len(records.encode(end)) // 2, len(records.encode(end))):
        padding = {"type": "metrics", "x": ""}
        missing = BLOCK - len(records.encode(padding)) - part + shift
        files = logs.put("p_r", run("p", "r"), *MANY, end, padding | {"x": "y" * missing})
        assert store.load(files).exit_code == 3


def test_records_longer_than_a_block_hide_nothing(logs: Folder) -> None:
    long = {"type": "artifact", "text": "x" * (3 * BLOCK)}
    loaded = store.load(logs.put("p_r", run("p", "r"), long, finish(FAILED, tail="y" * 2 * BLOCK)))
    assert (loaded.status, loaded.project) == (FAILED, "p")


def test_a_run_record_longer_than_a_block_is_read(logs: Folder) -> None:
    """A command line may have a file name for every file of a data set."""
    argv = ["python", "train.py", *(f"data/{n:06}.bin" for n in range(6000))]
    files = logs.put("a_b_run_1", run("a", "b_run_1", argv=argv), hyperparameters(lr=1), finish())
    loaded = store.load(files)
    assert (loaded.project, loaded.run_id) == ("a", "b_run_1")
    assert loaded.hyperparameters == {"lr": 1}
    assert loaded.started == EARLY


@pytest.mark.parametrize("between", [[], MANY], ids=["near", "far"])
def test_a_resumed_run_has_the_status_of_its_last_part(logs: Folder, between: list[Fields]) -> None:
    first = [run("p", "r"), *between, finish(FAILED)]
    again = run("p", "r", LATE)
    assert store.load(logs.put("p_r", *first, again, *between)).status == LOST
    ended = store.load(logs.put("p_r", *first, again, *between, finish(COMPLETED)))
    assert (ended.status, ended.started) == (COMPLETED, LATE)
    files = logs.hold(logs.put("p_r", *first, again, *between))
    assert store.load(files).status == RUNNING


@pytest.mark.parametrize("between", [[], MANY], ids=["near", "far"])
def test_a_resumed_run_has_the_hyperparameters_of_its_last_part(
    logs: Folder, between: list[Fields]
) -> None:
    files = logs.put(
        "p_r", run("p", "r"), hyperparameters(lr=0.1, depth=3), *between, finish(FAILED),
        run("p", "r", LATE), hyperparameters(lr=0.01), finish(),
    )  # fmt: skip
    assert store.load(files).hyperparameters["lr"] == 0.01


def test_what_the_observer_adds_later_is_no_new_part(logs: Folder) -> None:
    amend = {"timestamp": LATE, "type": "run", "_amends": True, "python": {"version": "3"}}
    loaded = store.load(logs.put("p_r", run("p", "r"), amend, finish(), amend))
    assert (loaded.status, loaded.started, loaded.host) == (COMPLETED, EARLY, "h")


@pytest.mark.parametrize("torn", [b"{", b'{"type":"finish","status":"comp', b'{"type":"met\xff'])
def test_a_torn_tail_is_no_error(logs: Folder, torn: bytes) -> None:
    assert store.load(logs.put("p_r", run("p", "r"), metrics(1), torn=torn)).status == LOST
    assert store.load(logs.put("p_r", run("p", "r"), finish(), torn=torn)).status == COMPLETED


def test_broken_lines_are_skipped(logs: Folder) -> None:
    files = logs.put("p_r", run("p", "r"))
    with files.run.open("ab") as file:
        file.write(b"\xff\xfe\n\n[1]\nnull\n{\n" + records.encode(finish()))
    assert store.load(files).status == COMPLETED


def test_an_empty_file_is_a_run_that_was_lost(logs: Folder) -> None:
    loaded = store.load(logs.put("my_project_run_001"))
    assert (loaded.project, loaded.run_id, loaded.status) == ("my_project", "run_001", LOST)
    assert loaded.started is None


def test_a_file_that_is_not_there_is_an_error(logs: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        store.load(RunFiles(logs.path / "p_r.jsonl"))


ODD = [None, 7, -1.5, True, "text", "NaN", [], ["a"], {}, {"a": 1}]
"""What may stand in a file that was written by hand, or by a later version."""


@pytest.mark.parametrize(
    "name", ["timestamp", "project", "run_id", "tags", "aliases", "host", "schema", "type"]
)
def test_a_start_with_odd_values_is_read_as_far_as_it_can_be(logs: Folder, name: str) -> None:
    for odd in ODD:
        loaded = store.load(logs.put("p_r", run("p", "r") | {name: odd}, finish()))
        assert loaded.status == COMPLETED
        assert all(isinstance(t, str) for t in (loaded.project, loaded.run_id, *loaded.aliases))
        assert isinstance(loaded.tags, dict)


@pytest.mark.parametrize(
    "name",
    ["timestamp", "status", "exit_code", "signal", "duration_seconds", "reason", "metrics", "type"],
)
def test_an_end_with_odd_values_is_read_as_far_as_it_can_be(logs: Folder, name: str) -> None:
    for odd in ODD:
        loaded = store.load(logs.put("p_r", run("p", "r"), finish() | {name: odd}))
        assert loaded.status in (COMPLETED, LOST)
        assert isinstance(loaded.metrics, dict)
        assert isinstance(loaded.duration_seconds, int | float | None)
        assert isinstance(loaded.exit_code, int | None)
        assert isinstance(loaded.signal, str | None)


def test_the_finish_records_metrics_save_reading_the_middle(logs: Folder) -> None:
    folded = {"loss": {"last": 9.0}}
    files = logs.put("p_r", run("p", "r"), *MANY, finish(metrics=folded))
    assert store.load(files).metrics == folded
    assert store.load(files, metrics=True).metrics == folded


def test_metrics_are_folded_from_the_whole_file_where_asked_for(logs: Folder) -> None:
    files = logs.put("p_r", run("p", "r"), *MANY, finish())
    assert store.load(files).metrics == {}
    folded = store.load(files, metrics=True).metrics
    assert list(folded) == ["loss"]
    assert folded["loss"]["count"] == len(MANY)


# Files of the first mlterm

FIRST = [
    {"timestamp": "2024-01-15T10:30:45.123456", "type": "hyperparameters", "learning_rate": 0.001},
    {"timestamp": "2024-01-15T10:30:45.234567", "type": "metrics", "epoch": 0, "train_loss": 1.0},
    {"timestamp": "2024-01-15T10:30:45.345678", "type": "metrics", "epoch": 1, "train_loss": 0.9},
]


def test_a_file_of_the_first_mlterm_is_read(logs: Folder) -> None:
    loaded = store.load(logs.put("my_project_run_001", *FIRST), metrics=True)
    assert (loaded.project, loaded.run_id, loaded.status) == ("my_project", "run_001", LOST)
    assert loaded.started == "2024-01-15T10:30:45.123456"
    assert loaded.hyperparameters == {"learning_rate": 0.001}
    assert loaded.metrics["train_loss"]["last"] == 0.9


def test_a_finish_of_the_first_mlterm_is_an_end(logs: Folder) -> None:
    end = {"timestamp": "2024-01-15T10:31:00.000000", "type": "finish", "status": "completed"}
    loaded = store.load(logs.put("my_project_run_001", *FIRST, *MANY, end))
    assert (loaded.status, loaded.exit_code, loaded.duration_seconds) == (COMPLETED, None, None)


def test_a_run_of_the_first_mlterm_that_is_still_written_is_running(logs: Folder) -> None:
    files = logs.hold(logs.put("my_project_run_001", *FIRST))
    loaded = store.load(files)
    assert loaded.status == RUNNING
    assert loaded.duration_seconds is not None
    assert loaded.duration_seconds > 0


# A folder


def names(runs: list[Any]) -> list[str]:
    return [loaded.name for loaded in runs]


def test_all_runs_are_listed_the_newest_last(logs: Folder) -> None:
    logs.put("p_b", run("p", "b", LATE))
    logs.put("p_a", run("p", "a", EARLY))
    logs.put("q_c", run("q", "c", "2026-11-23T04:45:00.000000+00:00"))
    assert names(catalog.all_runs(logs.path)) == ["p/a", "q/c", "p/b"]
    assert names(catalog.all_runs(logs.path, "p")) == ["p/a", "p/b"]
    assert catalog.all_runs(logs.path, "none") == []


def test_what_is_no_run_is_passed_over(logs: Folder) -> None:
    logs.put("p_a", run("p", "a"))
    (logs.path / "p_a").mkdir()
    (logs.path / "folder.jsonl").mkdir()
    (logs.path / "dangling.jsonl").symlink_to("nowhere")
    (logs.path / "p_a.jsonl.lock").touch()
    assert names(catalog.all_runs(logs.path)) == ["p/a"]


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path: Path) -> None:
    assert catalog.all_runs(tmp_path / "none") == []


def test_a_file_without_names_belongs_to_the_project_that_was_asked_for(logs: Folder) -> None:
    logs.put("sklearn_experiment_rf_001", *FIRST)
    assert names(catalog.all_runs(logs.path, "sklearn_experiment")) == ["sklearn_experiment/rf_001"]


def test_a_file_without_names_belongs_to_the_longest_project_that_the_folder_knows(
    logs: Folder,
) -> None:
    logs.put("sklearn_experiment_rf_001", *FIRST)
    logs.put("sklearn_experiment_new", run("sklearn_experiment", "new", LATE))
    logs.put("sklearn_old", run("sklearn", "old", LATE))
    assert "sklearn_experiment/rf_001" in names(catalog.all_runs(logs.path))


def test_nothing_found_names_the_projects_that_are_there(logs: Folder) -> None:
    logs.put("p_a", run("p", "a"))
    logs.put("q_a", run("q", "a"))
    error = catalog.nothing_found(logs.path, "none")
    assert str(error).startswith("No log file found for project 'none'")
    assert str(error).endswith("p, q")
    assert error.exit_code == 1


def test_nothing_found_in_an_empty_folder_says_where_it_looked(logs: Folder) -> None:
    assert str(logs.path) in str(catalog.nothing_found(logs.path, None))


# Finding (names that no live run of this user has)


@pytest.fixture
def several(logs: Folder) -> Folder:
    logs.put("zqp_train-1", run("zqp", "train-1", EARLY))
    logs.put("zqp_train-10", run("zqp", "train-10", LATE, aliases=["nick", "zqq/other"]))
    logs.put("zqq_eval-7", run("zqq", "eval-7", EARLY))
    logs.put("zqr_train-1", run("zqr", "train-1", EARLY))
    return logs


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("train-10", "zqp/train-10"),
        ("zqp/train-1", "zqp/train-1"),
        ("zqr/train-1", "zqr/train-1"),
        ("nick", "zqp/train-10"),
        ("zqq/other", "zqp/train-10"),
        ("zqq", "zqp/train-10 or zqq/eval-7"),
        ("eval", "zqq/eval-7"),
        ("ni", "zqp/train-10"),
        ("zqr/t", "zqr/train-1"),
    ],
)
def test_a_word_finds_its_run(several: Folder, word: str, name: str) -> None:
    if " or " in name:
        with pytest.raises(RefusedError) as caught:
            finding.find(word, several.path)
        assert all(one in str(caught.value) for one in name.split(" or "))
    else:
        assert finding.find(word, several.path).name == name


@pytest.mark.parametrize("word", ["train-1", "tr", "zqp/train"])
def test_an_ambiguous_word_lists_the_candidates(several: Folder, word: str) -> None:
    with pytest.raises(RefusedError, match="zqp/train-1 ") as caught:
        finding.find(word, several.path)
    assert caught.value.exit_code == 2
    assert "lost" in str(caught.value)
    assert "eval-7" not in str(caught.value)


def test_of_very_many_candidates_some_are_listed(logs: Folder) -> None:
    for number in range(50):
        logs.put(f"many_r{number}", run("many", f"r{number}"), finish())
    with pytest.raises(RefusedError) as caught:
        finding.find("r", logs.path, "many")
    assert str(caught.value).count(".jsonl") == 20
    assert str(caught.value).endswith("\n  and 30 more\nSay which.")


def test_a_project_narrows_the_choice(several: Folder) -> None:
    assert finding.find("train-1", several.path, "zqr").name == "zqr/train-1"
    with pytest.raises(NotFoundError):
        finding.find("eval-7", several.path, "zqr")


def test_a_whole_name_comes_before_a_longer_one(several: Folder) -> None:
    assert finding.find("train-1", several.path, "zqp").name == "zqp/train-1"


def test_a_file_without_names_is_found_in_the_project_that_was_asked_for(logs: Folder) -> None:
    logs.put("zqsk_experiment_rf_001", *FIRST)
    assert finding.find("rf_001", logs.path, "zqsk_experiment").run_id == "rf_001"
    assert finding.find("@last", logs.path, "zqsk_experiment").run_id == "rf_001"


def test_the_last_is_the_newest(several: Folder) -> None:
    assert finding.find("@last", several.path, "zqp").name == "zqp/train-10"
    with pytest.raises(NotFoundError, match="No log file found for project 'none'"):
        finding.find("@last", several.path, "none")


def test_a_path_finds_its_run_from_anywhere(several: Folder, tmp_path: Path) -> None:
    path = str(several.path / "zqq_eval-7.jsonl")
    assert finding.find(path, tmp_path / "elsewhere").name == "zqq/eval-7"
    with pytest.raises(NotFoundError, match="cannot read"):
        finding.find(str(tmp_path / "none.jsonl"), several.path)


def test_a_run_that_cannot_be_read_is_none_that_is_not_there(several: Folder) -> None:
    (several.path / "zqp_blocked.jsonl").mkdir()
    for word in ("blocked", "zqp/blocked"):
        with pytest.raises(NotFoundError, match=r"zqp_blocked\.jsonl: Is a directory"):
            finding.find(word, several.path)
    with pytest.raises(NotFoundError, match="No run 'zqr/blocked'"):
        finding.find("zqr/blocked", several.path)


@pytest.mark.parametrize(("word", "near"), [("tarin-10", "train-10"), ("eval-8", "eval-7")])
def test_a_word_that_finds_nothing_is_told_what_is_near(
    several: Folder, word: str, near: str
) -> None:
    with pytest.raises(NotFoundError, match=f"No run '{word}'.*did you mean .*{near}") as caught:
        finding.find(word, several.path)
    assert caught.value.exit_code == 1


def test_an_error_is_safe_to_print(several: Folder) -> None:
    with pytest.raises(NotFoundError) as caught:
        finding.find("\x1b[31mx", several.path)
    assert "\x1b" not in str(caught.value)


def test_a_live_run_is_found_from_any_folder(logs: Folder, runtime: Path, tmp_path: Path) -> None:
    files = logs.hold(logs.put("zqp_live", run("zqp", "live")))
    register(runtime, files, "zqp", "live")
    found = finding.find("zqp/live", tmp_path / "elsewhere")
    assert (found.path, found.status) == (str(files.run), RUNNING)
    assert "zqp/live" in names(list(finding.live_runs()))


def test_a_run_is_one_by_whatever_way_its_folder_is_reached(
    logs: Folder, runtime: Path, tmp_path: Path
) -> None:
    files = logs.hold(logs.put("zqp_live", run("zqp", "live")))
    register(runtime, files, "zqp", "live")
    (tmp_path / "link").symlink_to("logs")
    assert finding.find("zqp/live", tmp_path / "link").name == "zqp/live"


def test_of_several_live_runs_none_is_the_only_one(logs: Folder, runtime: Path) -> None:
    for run_id in ("one", "two"):
        files = logs.hold(logs.put(f"zqp_{run_id}", run("zqp", run_id)))
        register(runtime, files, "zqp", run_id)
    with pytest.raises(RefusedError, match="zqp/one"):
        finding.only_live()


def test_a_run_of_another_host_says_which(logs: Folder) -> None:
    loaded = store.load(logs.put("p_r", run("p", "r", host="elsewhere")))
    assert finding.on_other_host(loaded) == "elsewhere"
    here = store.load(logs.put("p_r", run("p", "r", host=os.uname().nodename)))
    assert finding.on_other_host(here) is None
