"""What is read out of the outputs of real programs, against what they know themselves."""

from pathlib import Path

import pytest

from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import record_of
from tests.outputs.scoring import NEGATIVES, SAMPLES, read, samples, score
from tests.outputs.truth import expect

ALL = list(samples())
FORMATS = {path.name.split(".")[0] for path in ALL}


def name_of(path: Path) -> str:
    return path.stem


def test_there_are_enough_of_them() -> None:
    assert len(FORMATS) >= 40
    assert len(list(NEGATIVES.glob("*.log"))) >= 15


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_what_a_program_tells_is_found_and_nothing_else(path: Path) -> None:
    found = score(path)
    problems = (found.missed[:5], found.wrong[:5], found.misplaced[:5])
    assert found.precision >= 0.95, problems
    assert found.steps >= 0.95, problems
    assert found.recall >= 0.95, problems


def test_all_together_hold_the_targets() -> None:
    scores = [score(path) for path in ALL]
    assert sum(s.hit for s in scores) >= 0.98 * sum(s.needed for s in scores)
    assert sum(s.true for s in scores) >= 0.98 * sum(s.found for s in scores)
    assert sum(s.placed_right for s in scores) >= 0.95 * sum(s.placed for s in scores)


@pytest.mark.parametrize("path", sorted(NEGATIVES.glob("*.log")), ids=name_of)
def test_where_nothing_is_told_nothing_is_found(path: Path) -> None:
    assert read(path) == []


def everything(path: Path, chunk: int) -> list[object]:
    return [record_of(found) for found in read(path, chunk)]


@pytest.mark.parametrize("path", [*ALL[::6], *sorted(NEGATIVES.glob("*.log"))[::6]], ids=name_of)
def test_the_records_are_the_same_byte_by_byte(path: Path) -> None:
    assert (
        repr(everything(path, 1)) == repr(everything(path, 1 << 20)) == repr(everything(path, 77))
    )


def test_a_script_without_a_truth_file_runs_as_always() -> None:
    expect({"loss": 0.5})


def test_memory_stays_flat_however_new_each_line_is() -> None:
    reader = OutputReader()
    for n in range(12_000):
        list(reader.feed(b"name%d_%s: 0.5 step %d\n" % (n, b"x" * (n % 50), n)))
    assert len(reader._shapes._sheets) <= 4096 + 1
    assert len(reader._counts) <= 4096 + 1
    assert SAMPLES.is_dir()
