"""The parts of the Tracker that a whole script shows too seldom."""

import builtins
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm import Tracker, read_run
from mlterm.core.errors import MltermWarning, RecordError, RefusedError
from mlterm.core.records import user_fields
from mlterm.core.values import plain
from mlterm.tracker import background, ending, writer
from mlterm.tracker.background import Background
from mlterm.tracker.ranks import rank_of
from mlterm.tracker.thinning import Thinning
from mlterm.tracker.voice import Voice
from mlterm.tracker.writer import Writer

TORCH = {"RANK": "3", "WORLD_SIZE": "8", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
SLURM = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0"}


# --- Ranks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [{}, {"RANK": "0"}, {"RANK": "0", "MASTER_ADDR": "x"}, TORCH | {"RANK": ""},
     TORCH | {"RANK": "-1"}, TORCH | {"RANK": "one"}, SLURM | {"SLURM_NTASKS": "1"},
     {k: v for k, v in SLURM.items() if k != "SLURM_STEP_ID"}],
)  # fmt: skip
def test_what_is_no_rank(environ: dict[str, str]) -> None:
    assert rank_of(environ) is None


def test_ranks_of_one_launcher_share_a_launch_whatever_their_node_calls_itself() -> None:
    local = TORCH | {"LOCAL_WORLD_SIZE": "8"}
    ranks = [rank_of(local | {"RANK": str(number)}) for number in range(8)]
    assert [rank.number for rank in ranks if rank] == list(range(8))
    assert len({rank.launch for rank in ranks if rank}) == 1
    assert all(rank.is_certain for rank in ranks if rank)
    other = rank_of(local | {"MASTER_PORT": "29501"})
    assert other is not None
    assert ranks[0] is not None
    assert other.launch != ranks[0].launch


def test_a_wrapper_between_launcher_and_rank_changes_nothing() -> None:
    code = "import os; from mlterm.tracker.ranks import rank_of; print(rank_of(os.environ).launch)"
    import subprocess

    place = os.environ | TORCH | {"MASTER_ADDR": "127.0.0.1"}
    direct = [sys.executable, "-c", code]
    wrapped = ["sh", "-c", '"$@"; true', "sh", *direct]
    launches = {
        subprocess.run(words, env=place, capture_output=True, check=True, timeout=30).stdout
        for words in (direct, wrapped)
    }
    assert len(launches) == 1


def test_several_nodes_are_told_by_slurm_and_else_by_their_address() -> None:
    slurm = rank_of(TORCH | SLURM)
    assert slurm is not None
    assert (slurm.number, slurm.launch, slurm.is_certain) == (3, "slurm-77.0.0", True)
    alone = rank_of(TORCH | {"TORCHELASTIC_RUN_ID": "abc"})
    assert alone is not None
    assert (alone.launch, alone.is_certain) == ("node1:29500:abc", False)
    srun = rank_of(SLURM | {"SLURM_RESTART_COUNT": "2"})
    assert srun is not None
    assert (srun.number, srun.launch) == (5, "slurm-77.0.2")


# --- Writing ------------------------------------------------------------------------------


class Said(list[str]):
    def __call__(self, key: str, text: str) -> None:
        self.append(key)


@given(st.lists(st.integers(0, 40), max_size=30))
def test_whatever_is_written_short_every_line_is_there_once_and_whole(cuts: list[int]) -> None:
    """Each write takes only so many bytes, as a disk does that fills up and is freed."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        real, left = os.write, iter(cuts)
        target = Writer(Path(folder, "run.jsonl"), Said(), owns=True)
        patch.setattr(writer, "_PAUSE_SECONDS", 0.0)
        patch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[: next(left, None)]))
        lines = [b'{"value": %d}\n' % number for number in range(20)]
        for line in lines:
            target.write(line)
        target.retry()
        target.give_up()
        patch.undo()
        text = target.path.read_bytes()
        target.close()
    whole = [line + b"\n" for line in text.split(b"\n") if line + b"\n" in lines]
    assert len(whole) == len(set(whole))
    assert set(whole) | set() == set(lines[: len(whole)])
    assert target.lost == len(lines) - len(whole)
    if len(cuts) < 20:
        assert whole == lines


def test_a_line_begins_anew_after_what_another_writer_left_torn(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"type": "me')
    target = Writer(path, Said(), owns=True)
    target.write(b'{"whole": 1}\n')
    assert path.read_bytes() == b'{"type": "me\n{"whole": 1}\n'
    with path.open("ab") as other:
        other.write(b'{"torn')
    target.look()
    target.write(b'{"whole": 2}\n')
    assert path.read_bytes().endswith(b'{"torn\n{"whole": 2}\n')
    target.close()


def test_more_than_memory_is_set_aside_for_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Said()
    target = Writer(tmp_path / "run.jsonl", said, owns=True)
    monkeypatch.setattr(writer, "BACKLOG_BYTES", 100)
    monkeypatch.setattr(os, "write", lambda *_: 0)
    for _ in range(20):
        target.write(b"123456789\n")
    monkeypatch.undo()
    assert target.lost == 10
    assert "lost" in said
    target.retry()
    assert (tmp_path / "run.jsonl").read_bytes() == b"123456789\n" * 10
    assert target.lost == 10
    target.close()


# --- The thread ---------------------------------------------------------------------------


def test_a_queue_that_is_full_counts_and_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "QUEUE_RECORDS", 10)
    go, written = threading.Event(), []

    def slow(data: bytes) -> None:
        go.wait(30)
        written.append(data)

    queue = Background(slow)
    queue.put(b"0\n")
    while len(queue):  # taken by the thread, which waits now
        pass
    for number in range(1, 15):
        queue.put(b"%d\n" % number)
    assert queue.lost == 4
    assert not queue.flush(0.0)
    go.set()
    assert queue.flush(30)
    assert b"".join(written) == b"".join(b"%d\n" % number for number in range(11))


def test_a_flush_reaches_everything_that_was_put_before_it() -> None:
    written: list[bytes] = []
    queue = Background(written.append)
    assert queue.flush(0.0)
    for count in range(1, 50):
        queue.put(b"%d\n" % count)
        assert queue.flush(30)
        assert b"".join(written).count(b"\n") == count


# --- Thinning -----------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(0, 200))
def test_every_nth_call_is_kept_the_first_one_too(every: int, calls: int) -> None:
    thinning = Thinning(every)
    kept = [number for number in range(calls) if thinning.keeps()]
    assert kept == list(range(0, calls, every))
    assert thinning.dropped == calls - len(kept)


@pytest.mark.parametrize(("every", "sample"), [(0, None), (-1, None), (1, 0.0), (1, 1.5)])
def test_thinning_that_cannot_be_is_refused(every: int, sample: float | None) -> None:
    with pytest.raises(RefusedError):
        Thinning(every, sample)


def test_sampling_leaves_the_scripts_own_random_numbers_alone() -> None:
    import random

    random.seed(1)
    before = random.getstate()
    thinning = Thinning(1, 0.5)
    assert 0 < sum(thinning.keeps() for _ in range(1000)) < 1000
    assert random.getstate() == before


# --- What is said, and how it ended -------------------------------------------------------


def test_a_warning_is_given_once_and_names_the_line_of_the_script() -> None:
    voice = Voice(strict=False, debug=False)
    with pytest.warns(MltermWarning, match="first") as seen:
        [voice.warn("key", text) for text in ("first", "second")]
    assert len(seen) == 1
    assert seen[0].filename == __file__


def test_an_error_whose_words_fail_is_a_warning_too() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    voice = Voice(strict=False, debug=False)
    with pytest.warns(MltermWarning, match="cannot be had"), voice.guarded("it"):
        raise Odd
    assert voice.lost == 1


def test_a_strict_voice_raises_and_says_what() -> None:
    voice = Voice(strict=True, debug=False)
    with pytest.raises(RecordError, match="it: ValueError: x"), voice.guarded("it"):
        raise ValueError("x")


@pytest.mark.parametrize(
    ("error", "status"),
    [(SystemExit(), "completed"), (SystemExit(0), "completed"), (SystemExit(2), "failed"),
     (SystemExit("no"), "failed"), (KeyboardInterrupt(), "cancelled"), (ValueError("x"), "failed"),
     (GeneratorExit(), "completed"), (MemoryError(), "failed")],
)  # fmt: skip
def test_what_an_exception_means(error: BaseException, status: str) -> None:
    assert ending.of_exception(error).status == status


def test_an_earlier_exception_and_one_at_a_prompt_are_not_the_scripts_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = ValueError("x")
    monkeypatch.setattr(sys, "last_exc", error, raising=False)
    assert ending.at_exit(None).status == "failed"
    assert ending.at_exit(error).status == "completed"
    monkeypatch.setattr(builtins, "get_ipython", None, raising=False)
    assert ending.at_exit(None).status == "completed"


def test_a_traceback_of_any_length_is_cut_to_its_end() -> None:
    end = ending.of_exception(ValueError("x" * 200_000))
    assert end.traceback is not None
    assert len(end.traceback) <= ending.TRACEBACK_LIMIT + 1
    assert len(end.reason) <= 1000


# --- The whole of it ----------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_categories=[]), max_size=8)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3), st.tuples(inner)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=5))
def test_whatever_is_logged_is_read_back_as_the_table_says(logged: list[dict[str, object]]) -> None:
    import tempfile
    import warnings

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", MltermWarning)
        with Tracker("p", "r", folder) as tracker:
            for fields in logged:
                tracker.log(fields)
        run = read_run(tracker.path)
        found = [
            {name: value for name, value in record.items() if name not in ("timestamp", "type")}
            for record in run.metrics()
        ]
        assert run.broken_lines == 0
    assert found == [plain(user_fields(plain(fields))) for fields in logged]
