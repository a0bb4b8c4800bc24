import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.exporting import csvtable as csv_export
from mlterm.exporting.formats import Options
from mlterm.exporting.target import Target
from mlterm.system import store
from mlterm.system.paths import RunFiles
from tests.unit.importing import START, imported, metrics, only, records, summary, table


def test_a_table_is_a_run_called_as_its_file(tmp_path: Path) -> None:
    path = table(tmp_path, 'step,loss,"said, so"\n1,0.5,hi\n2,nan,\n3,-inf,true\n')
    made = only("csv", path)
    assert summary(made).name == "here/t"
    assert metrics(made) == [
        {"loss": 0.5, "said, so": "hi", "_step": 1},
        {"loss": "NaN", "_step": 2},
        {"loss": "-Infinity", "said, so": True, "_step": 3},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "step;loss\n1;0,5\n2;1.5\n",
        "step\tloss\n1\t0.5\n2\t1.5\n",
        "\ufeffStep|loss\r\n1|0.5\r\n2|1.5",
        "timestamp,_step,loss\n2026-11-24T10:00:00+00:00,1,.5\n1795514400,2,15e-1\n",
        "name,value,step\nloss,0.5,1\nloss,1.5,2\n",
    ],
)
def test_dialects_of_tables(tmp_path: Path, text: str) -> None:
    made = only("csv", table(tmp_path, text))
    assert metrics(made) == [{"loss": 0.5, "_step": 1}, {"loss": 1.5, "_step": 2}]
    if "timestamp" in text:
        assert {record["timestamp"] for record in records(made)} == {START}


def test_a_run_for_each_project_and_run_id(tmp_path: Path) -> None:
    text = "run_id,project,loss,rank,epoch\na,p,1,0,2\nb,p,2,,\na,p,3,1,3\na,q,4,,\n,,5,,\n"
    made = {summary(one).name: one for one in imported("csv", table(tmp_path, text))}
    assert set(made) == {"p/a", "p/b", "q/a", "here/t"}
    assert metrics(made["p/a"]) == [
        {"epoch": 2, "loss": 1, "_rank": 0}, {"epoch": 3, "loss": 3, "_rank": 1},
    ]  # fmt: skip


def test_rows_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    made = only("csv", table(tmp_path, "step,loss\n1,0.5\n2,1,2,3\n\n3\n"))
    assert metrics(made) == [{"loss": 0.5, "_step": 1}, {"_step": 3}]
    assert made.draft.passed_over == {"rows that could not be read": 1}


@pytest.mark.parametrize("text", ["", "\n", "step,loss\n"])
def test_an_empty_table_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotFoundError, match="nothing was found"):
        imported("csv", table(tmp_path, text))


def test_what_is_no_text_is_no_table(tmp_path: Path) -> None:
    for content in ("step,loss\n1,2\n".encode("utf-16"), b"\x7fELF\0,\1\n\2\n"):
        (path := tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(RefusedError, match="no text in UTF-8"):
            imported("csv", path)


words = st.text(min_size=1, max_size=8).filter(lambda text: text[0] not in "0123456789.tTfFnNiI[{")
values = (
    st.floats(width=64) | st.integers(-(2**53), 2**53) | st.booleans() | words
    | st.lists(st.integers(0, 9), max_size=3)
)  # fmt: skip
rows = st.lists(
    st.dictionaries(
        st.sampled_from(["loss", "a,b", "=x", "é\n", 'q"q', "step_2"]), values, min_size=1
    ),
    min_size=1,
    max_size=8,
)


@given(rows, st.booleans())
def test_an_export_as_csv_comes_back_the_same(told: list[dict[str, Any]], long: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "first").mkdir()
        path = folder / "first" / "p_r.jsonl"
        lines = [{"type": "run", "schema": 1, "project": "p", "run_id": "r"}]
        lines += [
            {"type": "metrics", "_step": n, "_rank": n % 2, **row} for n, row in enumerate(told)
        ]
        path.write_text(
            "".join(
                json.dumps({"timestamp": START, **line}, default=str).replace("NaN", '"NaN"')
                .replace("-Infinity", '"-Infinity"').replace(": Infinity", ': "Infinity"') + "\n"
                for line in lines
            )
        )  # fmt: skip
        before, after = folder / "before.csv", folder / "after.csv"
        options = Options(long=long)
        csv_export.export([store.load(RunFiles(path))], Target(before), options)
        made = only("csv", before)
        csv_export.export([summary(made)], Target(after), options)
        assert after.read_bytes() == before.read_bytes()
