import math
import os
from pathlib import Path

import pytest

from mlterm.core.errors import MltermError, RefusedError
from tests.unit.importing import imported, only, records, summary, table


def test_names_are_made_allowed_and_unique(tmp_path: Path) -> None:
    text = (
        "project,run_id,loss\nmy proj,é/1,1\nmy proj,é 1,2\nmy proj,../x,3\n" + f"p,{'r' * 128},4\n"
    )
    made = imported("csv", table(tmp_path, text))
    assert [summary(one).name for one in made] == [
        "my-proj/1", "my-proj/1-2", "my-proj/-x", f"p/{'r' * 128}",
    ]  # fmt: skip


def test_a_taken_name_is_refused_and_nothing_is_imported(tmp_path: Path) -> None:
    path = table(tmp_path, "run_id,loss\na,1\nb,2\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "here_b.jsonl").touch()
    with pytest.raises(
        RefusedError, match=r"there are runs of these names already\n .*here_b.jsonl"
    ):
        imported("csv", path)
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["here_b.jsonl"]
    assert len(imported("csv", path, project="other")) == 2


def test_a_name_that_is_taken_meanwhile_undoes_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlterm.importing import staging as module

    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "here_b.jsonl").touch()
    monkeypatch.setattr(module, "_is_taken", lambda files: False)
    with pytest.raises(RefusedError, match=r"here_b\.jsonl"):
        imported("csv", table(tmp_path, "run_id,loss\na,1\nb,2\n"))
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["here_b.jsonl"]


def test_a_run_id_is_for_one_run(tmp_path: Path) -> None:
    assert summary(only("csv", table(tmp_path, "loss\n1\n"), run_id="mine")).name == "here/mine"
    with pytest.raises(RefusedError, match="--run-id names one run, and 2 were found"):
        imported("csv", table(tmp_path, "run_id,loss\na,1\nb,2\n"), run_id="mine")
    with pytest.raises(RefusedError, match="cannot be used as a name"):
        imported("csv", table(tmp_path, "loss\n1\n"), project="a/b")


def test_moments_that_are_none_are_those_before(tmp_path: Path) -> None:
    text = "timestamp,loss\nnan,1\n1e300,2\n-5,3\n"
    stamps = [record["timestamp"] for record in records(only("csv", table(tmp_path, text)))]
    assert stamps[2] == "9999-12-31T23:59:59.000000+00:00"
    assert all(math.isfinite(len(stamp)) for stamp in stamps)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anywhere")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs" / "closed").mkdir(parents=True)
    (tmp_path / "runs" / "closed").chmod(0)
    with pytest.raises(MltermError, match=r"closed: Permission denied; nothing was imported"):
        imported("tensorboard", tmp_path / "runs")
