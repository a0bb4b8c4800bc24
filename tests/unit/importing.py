"""What tests of imports share: files that are read into a log folder of their own."""

import json
from pathlib import Path
from typing import Any

from mlterm.core.summary import RunSummary
from mlterm.importing.sources import reader
from mlterm.importing.staging import Asked, Made, staging
from mlterm.system import store

START = "2026-11-24T10:00:00.000000+00:00"
SECONDS = 1795514400.0


def imported(source: str, path: Path, **asked: Any) -> list[Made]:
    with staging(Asked(path.parent / "logs", "here", **asked)) as staged:
        reader(source)(path, staged, Asked(path.parent, "here"))
        return staged.keep()


def only(source: str, path: Path, **asked: Any) -> Made:
    (made,) = imported(source, path, **asked)
    return made


def records(made: Made) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.files.run.read_text().splitlines()]


def metrics(made: Made) -> list[dict[str, Any]]:
    found = [record for record in records(made) if record["type"] == "metrics"]
    return [{k: v for k, v in record.items() if k not in ("type", "timestamp")} for record in found]


def summary(made: Made) -> RunSummary:
    return store.load(made.files, metrics=True)


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path
