"""Trackers where people have them: in notebooks, under torchrun, beside other trackers.

What they run in is not installed with mlterm: where it is missing, its test is skipped.
"""

import os
import subprocess
import sys

import pytest

from tests.support import Home

TRAIN = """
import torch, torch.distributed as dist
from mlterm import Tracker
dist.init_process_group("gloo")
tracker = Tracker({names})
for step in range(3):
    loss = torch.ones(1) * dist.get_rank()
    dist.all_reduce(loss)
    tracker.log(loss=loss.mean(), step=step)
dist.barrier()
dist.destroy_process_group()
"""


def torchrun(home: Home, names: str) -> list[str]:
    pytest.importorskip("torch")
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    return [sys.executable, *launcher, home.script(TRAIN.format(names=names))[1]]


@pytest.mark.parametrize("names", ["", "'q', 's'"])
@pytest.mark.parametrize("supervised", [True, False])
def test_the_ranks_of_torchrun_share_one_run(home: Home, names: str, supervised: bool) -> None:
    words = torchrun(home, names)
    if supervised:
        home.mlterm("run", "--project", "p", "--run-id", "r", "--", *words, timeout=100, check=True)
    else:
        subprocess.run(words, cwd=home.path, env=home.environ, timeout=100, check=True)
    (run,) = home.listed().values()
    assert run["status"] == "completed"
    metrics = home.only_run().of_type("metrics")
    assert sorted((r["_rank"], r["_step"]) for r in metrics) == [
        (n, s) for n in (0, 1) for s in range(3)
    ]
    assert {record["loss"] for record in metrics} == {1.0}


def test_a_cell_of_a_notebook_that_is_run_twice_gets_a_clear_answer(home: Home) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cell = "from mlterm import Tracker\ntracker = Tracker('p', 'r')\ntracker.log(x=1)"
    cells = [cell, cell, "1 / 0", "tracker.finish()", "print(Tracker().run_id)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(home.path)}}
    )
    client.execute(env=home.environ)
    said = "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert said.count("MltermWarning") == 1
    assert "was its cell run again?" in said
    assert notebook.cells[4].outputs[0]["text"].startswith("notebook-2")
    statuses = {name: run["status"] for name, run in home.listed().items()}
    assert (statuses["p/r"], statuses["p/r-2"]) == ("cancelled", "completed")


def test_a_dataloaders_workers_log_into_the_run(home: Home) -> None:
    pytest.importorskip("torch")
    done = home.python(
        """
        from mlterm import Tracker
        from torch.utils.data import DataLoader
        tracker = Tracker("p", "r")
        class Data:
            def __len__(self): return 8
            def __getitem__(self, index):
                tracker.log(index=index)
                return index
        for kind in ("fork",):
            for batch in DataLoader(Data(), num_workers=2, multiprocessing_context=kind): pass
        """,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(r["index"] for r in home.run().of_type("metrics")) == list(range(8))
    assert len(home.run().of_type("finish")) == 1


def test_mlflow_and_wandb_go_on_beside_it(home: Home) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("wandb")
    home.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    home.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true"}  # the one store that needs no database
    done = home.python(
        """
        import mlflow, wandb
        from mlterm import Tracker
        mlflow.set_tracking_uri("file:mlruns")
        with mlflow.start_run():
            wandb.init(project="my_project")
            tracker = Tracker(project="mlflow_experiment", run_id="run_001")
            tracker.log(loss=1.0)
            wandb.log({"loss": 1.0})
            mlflow.log_metric("loss", 1.0)
            tracker.finish("completed")
            wandb.finish()
        """,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert home.run("mlflow_experiment", "run_001").finish["status"] == "completed"


def test_under_pytest_with_warnings_as_errors(home: Home) -> None:
    (home.path / "test_it.py").write_text(
        "from mlterm import Tracker\n"
        "def test_finished(tmp_path):\n"
        "    with Tracker('p', 'r', tmp_path) as tracker: tracker.log(x=print)\n"
        "def test_left_open(tmp_path):\n"
        "    Tracker('p', 'r', tmp_path).log(x=1)\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    words += ["--basetemp", os.fspath(home.path / "tmp")]  # or it would clear those of other runs
    done = subprocess.run(
        words,
        cwd=home.path,
        env=home.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # what others warn of is theirs
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
