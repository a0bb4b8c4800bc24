import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.html_page import Page
from tests.support import PATIENCE, Home

SCRIPT = """
    import sys
    import mlterm

    evil = "</script><img src=x onerror=alert(1)>"
    with mlterm.Tracker() as tracker:
        tracker.log_hyperparameters(lr=0.1, comment=evil)
        for step in range(2500):
            tracker.log({"loss": 1 / (step + 1)}, step=step)
            if step % 500 == 0:
                tracker.log({"val_loss": float("nan") if step else 0.5, evil: step}, step=step)
    print("\\x1b[31m" + evil + "\\x1b[0m", "10%\\r100%", sep="\\n")
"""


def exported(home: Home, *args: str) -> Page:
    path = home.path / "page.html"
    home.mlterm("export", "--format", "html", "-o", path, "--overwrite", *args, check=True)
    return Page(path.read_bytes())


def test_a_page_holds_what_the_run_does(home: Home) -> None:
    home.mlterm(
        *("run", "--project", "p", "--run-id", "r", "--tag", "team=<b>", "--"),
        *home.script(SCRIPT),
        check=True,
    )
    page = exported(home, "--project", "p")
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in page.elements]
    (run,) = page.data["runs"]
    evil = "</script><img src=x onerror=alert(1)>"
    assert (run["name"], run["status"]) == ("r", "completed")
    assert run["tags"] == {"team": "<b>"}
    assert run["hyperparameters"] == {"lr": 0.1, "comment": evil}
    curves = run["metric_curves"]["curves"]
    assert curves["val_loss"]["y"] == [0.5, "NaN", "NaN", "NaN", "NaN"]
    assert curves[evil]["y"] == [0, 500, 1000, 1500, 2000]
    assert max(curves["loss"]["max"]) == 1
    assert run["metrics"]["loss"]["last"] == 1 / 2500
    assert run["metrics"]["loss"]["count"] == 2500
    assert run["output"]["spans"] == [[evil, {"fg": 1}], "\n100%\n"]
    assert run["command"].endswith("train.py")
    places = run["metric_curves"]["places"]
    assert places[curves["val_loss"]["at"]]["step"] == [0, 500, 1000, 1500, 2000]
    folder = Path(home.run().folder)
    assert bool(run["system_curves"]["curves"]) == (folder / "system.jsonl").exists()


def test_runs_of_every_kind_make_a_page(home: Home) -> None:
    home.logs.mkdir()
    (home.logs / "p_run_empty.jsonl").write_bytes(b"")
    (home.logs / "p_run_torn.jsonl").write_bytes(
        b'{"type":"metrics","loss":1}\nbroken\n{"type":"met'
    )
    home.python(
        """
        import mlterm

        for lr in (0.1, 0.2):
            with mlterm.Tracker(project="p", run_id=f"lr{lr}") as tracker:
                tracker.log_hyperparameters(lr=lr, seed=1)
                tracker.log({"loss": lr, "accuracy": 1 - lr}, epoch=1)
        """
    )
    page = exported(home, "--project", "p")
    runs = {run["name"]: run for run in page.data["runs"]}
    assert set(runs) == {"run_empty", "run_torn", "lr0.1", "lr0.2"}
    assert runs["run_torn"]["status"] == "lost"
    assert runs["run_torn"]["metric_curves"]["curves"]["loss"]["y"] == [1]
    assert runs["lr0.1"]["output"] is None
    assert page.data["broken_lines"] == 1
    assert page.data["differing"] == ["lr"]
    assert page.data["goals"] == {"loss": "min", "accuracy": "max"}
    two = exported(home, "lr0.1", "lr0.2")
    assert two.data["differing"] == ["lr"]
    assert two.data["title"] == "p"


def test_the_ending_of_a_name_asks_for_a_page(home: Home) -> None:
    home.python('import mlterm; mlterm.Tracker(project="p", run_id="r").log({"loss": 1})')
    done = home.mlterm("export", "--project", "p", "-o", "x.html", "--json", check=True)
    assert b'"format":"html"' in done.stdout
    before = (home.path / "x.html").read_bytes()
    assert before.startswith(b"<!doctype html>")
    refused = home.mlterm("export", "--project", "p", "-o", "x.html")
    assert refused.returncode == 2
    assert b"--overwrite" in refused.stderr
    assert (home.path / "x.html").read_bytes() == before
    printed = home.mlterm("export", "--project", "p", "--format", "html", check=True)
    assert Page(printed.stdout).data["runs"][0]["name"] == "r"


def test_a_browser_draws_it(home: Home) -> None:
    """Where there is one: the script runs to its end, and hostile words stay words."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no browser")
    home.python(
        """
        import mlterm

        evil = "</script><img src=x onerror=document.title='ran'>"
        for name in ("one", "two"):
            with mlterm.Tracker(project="p", run_id=name) as tracker:
                tracker.log_hyperparameters({evil: evil, "lr": len(name), "constructor": name})
                for step in range(600):
                    values = {"loss": 1 / (step + 1), "constructor": step, evil: step % 7}
                    tracker.log(values | {"odd": [float("nan"), float("inf"), 1][step % 3]})
        """
    )
    exported(home)
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,3000",
         f"--user-data-dir={home.path}/browser", "--virtual-time-budget=3000", "--dump-dom",
         f"file://{home.path}/page.html"],
        check=True, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    shown = Page(done.stdout.encode())
    tags = [tag for tag, _ in shown.elements]
    assert "img" not in tags
    assert shown.texts["title"] != ["ran"]
    drawn = [attributes for tag, attributes in shown.elements if tag == "path"]
    lines = [attributes for attributes in drawn if attributes.get("class") == "line"]
    assert len(lines) == 2 * 4
    assert sum(bool(re.match("M[0-9.]+ [0-9.]+L", line["d"] or "")) for line in lines) == 2 * 3
    assert sum(attributes.get("class") == "mark" for attributes in drawn) == 2
    assert tags.count("details") == 2
