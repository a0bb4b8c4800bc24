"""What is read out of the outputs of real programs, against what they know themselves."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import record_of
from tests.outputs.scoring import NEGATIVES, SAMPLES, read, samples, score
from tests.outputs.truth import expect

ALL = list(samples())
CONFIGURED = [p for p in ALL if b'"hyperparameters"' in p.with_suffix(".jsonl").read_bytes()]
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


FRAGMENTS = (
    b"epoch ", b"Epoch: ", b"loss", b": ", b"=", b" ", b"0.5", b"12", b"1,234", b"nan", b"%",
    b"/", b"|", b"[", b"]", b"{", b"}", b"'", b'"', b"(", b")", b",", b"\n", b"\r", b"\t",
    b"\x1b[A", b"\x1b[2K", b"it/s", b"e-05", b"-", b"->", b"step", b"val", "█".encode(),
    "│".encode(), b"#", b"acc@1", b"00:03<00:10", b"2026-11-20 10:31:05",
    b"train_loss  val_loss", b"Traceback (most recent call last):", b"\xff", "²".encode(),
    "٣".encode(), b"  ", b"INFO", b"lr", b"Namespace(", b"x.py:3: UserWarning: ", b"\n\n",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=80).map(b"".join), st.data())
def test_nothing_raises_and_where_output_is_cut_plays_no_part(
    data: bytes, draw: st.DataObject
) -> None:
    def found(cuts: list[int]) -> list[object]:
        reader = OutputReader()
        out = []
        for begin, end in itertools.pairwise([0, *cuts, len(data)]):
            out += reader.feed(data[begin:end])
        return [record_of(each) for each in [*out, *reader.finish()]]

    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=20).map(sorted))
    assert repr(found(cuts)) == repr(found([]))


@pytest.mark.parametrize(
    "path", [p for p in ALL if b'"hyperp' in p.with_suffix(".jsonl").read_bytes()]
)
def test_a_printed_configuration_is_offered_as_hyperparameters(path: Path) -> None:
    lines = map(json.loads, path.with_suffix(".jsonl").read_text().splitlines())
    told = [line["values"] for line in lines if line["kind"] == "hyperparameters"]
    assert [f.hyperparameters for f in read(path) if f.hyperparameters is not None] == told
    assert len(told) == 3


@pytest.mark.parametrize("path", ALL[::5], ids=name_of)
def test_carriage_returns_before_newlines_change_nothing(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "crlf.log"
    other.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    told = [(f.metrics, f.epoch, f.step, f.hyperparameters) for f in read(path)]
    assert repr([(f.metrics, f.epoch, f.step, f.hyperparameters) for f in read(other)]) == repr(
        told
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
