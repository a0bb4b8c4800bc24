import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import NotFoundError
from mlterm.core.lifecycle import LOST
from mlterm.importing.wandbfile import Reading, records_in
from mlterm.reader import RunData
from tests.unit.importing import imported, metrics, only, summary

WANDB = """
import math, wandb
settings = wandb.Settings(x_disable_stats=True, console="off", silent=True)
config = {"lr": 0.1, "opt": {"name": "adam"}}
run = wandb.init(mode="offline", project="digits", name="calm tree", id="abc", notes="first try",
                 tags=["good"], group="g", config=config, settings=settings)
run.define_metric("loss", summary="min")
for i in range(3):
    run.log({"loss": 1 / (i + 1), "deep": {"a": i}, "said": "hi", "nan": math.nan})
run.log({"hist": wandb.Histogram([1, 2, 3]), "inf": math.inf}, step=10)
run.summary["best"] = 3
run.config.update({"late": 1})
run.finish(exit_code=EXIT)
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wandb's folder, as it makes one without any network."""
    folder = tmp_path_factory.mktemp("offline")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    environ |= {"HOME": str(folder), "WANDB_ERROR_REPORTING": "false"}
    command = [sys.executable, "-c", WANDB.replace("EXIT", "3")]
    subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, timeout=60)
    return folder / "wandb"


def wandb_file(offline: Path) -> Path:
    (file,) = offline.glob("offline-run-*/*.wandb")
    return file


def test_a_run_of_wandbs_comes_with_all_that_it_tells(offline: Path, tmp_path: Path) -> None:
    made = only("wandb-offline", offline, project=None)
    run = summary(made)
    assert (run.name, run.aliases) == ("digits/abc", ["digits/calm-tree"])
    assert (run.status, run.exit_code, run.reason) == ("failed", 3, "exit code 3")
    assert run.hyperparameters == {"lr": 0.1, "opt": {"name": "adam"}, "late": 1}
    assert (run.notes, run.tags) == (["first try"], {"good": "", "group": "g"})
    assert run.definitions == {"loss": {"summary": "min", "goal": None}}
    first, _, third, fourth, fifth = metrics(made)
    assert first == {"loss": 1, "deep.a": 0, "said": "hi", "nan": "NaN", "_step": 0}
    assert third["_step"] == 2
    assert (fourth["_step"], fourth["inf"]) == (10, "Infinity")
    assert fourth["hist"]["_type"] == "histogram"
    assert fifth == {"best": 3, "_step": 10}
    assert set(run.metrics) == {"loss", "deep.a", "nan", "inf", "best"}
    assert RunData(made.files.run).broken_lines == 0
    assert made.draft.passed_over == {}


def test_a_wandb_file_that_was_cut_or_spoilt_gives_the_rest(offline: Path, tmp_path: Path) -> None:
    whole = wandb_file(offline).read_bytes()
    cut = tmp_path / "run-cut.wandb"
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    made = only("wandb-offline", cut)
    assert summary(made).status == LOST
    assert metrics(made)
    assert list(made.draft.passed_over) == ["bytes at a file's end that could not be read"]
    spoilt = tmp_path / "run-spoilt.wandb"
    spoilt.write_bytes(whole[:100] + b"\0" + whole[101:])
    made = only("wandb-offline", spoilt)
    assert made.draft.passed_over["records that could not be read"] == 1
    assert len(metrics(made)) == 5


def test_what_is_no_file_of_wandbs_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wandb").write_bytes(b"nonsense" * 100)
    with pytest.raises(NotFoundError, match="not taken: files that are not wandb's: 1"):
        imported("wandb-offline", tmp_path / "x.wandb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="nothing was found"):
        imported("wandb-offline", tmp_path / "empty")


@given(st.lists(st.integers(0, 100_000), max_size=6), st.integers(0, 5))
def test_records_over_several_blocks_are_whole(sizes: list[int], missing: int) -> None:
    """Framed as LevelDB's log_format.md describes it."""
    data = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    wanted = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    for record in wanted:
        rest, is_first = record, True
        while True:
            left = 32768 - len(data) % 32768
            if left < 7:
                data += bytes(left)
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[
                (is_first, not rest)
            ]
            body = bytes([kind]) + part
            data += struct.pack("<IH", zlib.crc32(body), len(part)) + body
            is_first = False
            if not rest:
                break
    reading = Reading()
    assert list(records_in(io.BytesIO(bytes(data)), reading)) == wanted
    assert (reading.broken, reading.torn_bytes, reading.is_wandb) == (0, 0, True)
    if wanted and wanted[-1] and missing:
        cut = Reading()
        assert list(records_in(io.BytesIO(bytes(data[:-missing])), cut)) == wanted[:-1]
        assert cut.torn_bytes > 0
