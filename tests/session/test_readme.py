"""What README.md shows of Python runs as it stands there."""

import re

from tests.support import REPOSITORY, Home

BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.DOTALL | re.MULTILINE
)


def test_the_scripts_of_the_readme_run_one_after_the_other(home: Home) -> None:
    logging, reading = BLOCKS
    (home.path / "model.pkl").write_bytes(b"weights")
    done = home.python(logging)
    assert (done.returncode, done.stderr) == (0, "")
    run = home.run("digits", "run_001")
    assert run.finish["status"] == "completed"
    assert run.finish["metrics"]["accuracy"]["count"] == 10
    copy = run.of_type("artifact")[0]["copy"]
    assert (run.folder / copy).read_bytes() == b"weights"
    done = home.python(reading)
    assert (done.returncode, done.stderr) == (0, "")
    first, *records = done.stdout.splitlines()
    assert first == "completed {'learning_rate': 0.001, 'batch_size': 32} 0.45"
    assert len(records) == len(run.records)


def test_the_examples_of_the_guide_for_tuning_and_errors_run(home: Home) -> None:
    done = home.python(
        """
        import numpy as np
        from mlterm import Tracker
        tracker = Tracker(project="hyperparameter_sweep", run_id="sweep_001")
        grid = {"n_estimators": [50, 100, 200], "max_depth": [5, 10, 15]}
        tracker.log_hyperparameters(search_type="GridSearchCV", param_grid=grid, cv_folds=5)
        results = {
            "mean_fit_time": np.array([0.1, 0.2]),
            "param_max_depth": np.ma.array([5, 10], mask=[False, True], dtype=object),
            "params": [{"max_depth": 5}, {"max_depth": 10}],
        }
        tracker.log(best_score=np.float64(0.9), feature_importance=np.ones(3), cv_results=results)
        try:
            1 / 0
        except Exception as e:
            tracker.log(error=str(e))
            tracker.finish("failed")
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    metrics, error = home.run("hyperparameter_sweep", "sweep_001").of_type("metrics")
    assert metrics["feature_importance"] == [1.0, 1.0, 1.0]
    assert metrics["cv_results"]["param_max_depth"] == [5, None]
    assert error["error"] == "division by zero"
    assert home.listed()["hyperparameter_sweep/sweep_001"]["status"] == "failed"
