"""mlterm import: runs of what other programs have written."""

import os
import sys
from pathlib import Path

import click

from mlterm.cli.ending import ending_cleanly
from mlterm.cli.options import log_dir_option
from mlterm.cli.progress import Progress
from mlterm.cli.show import counted, say
from mlterm.cli.stdout import print_record
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError
from mlterm.importing.draft import Draft
from mlterm.importing.sources import SOURCES, reader, size_of
from mlterm.importing.staging import Asked, Made, staging
from mlterm.system import paths, store


@click.command("import")
@click.argument("source", metavar="SOURCE", type=click.Choice(list(SOURCES)))
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--project", metavar="NAME", help="Their project [what PATH says, else as of run].")
@click.option("--run-id", metavar="NAME", help="The run's own name, of a single one.")
@log_dir_option
@click.option("--json", "as_json", is_flag=True, help="JSON Lines: an object a run.")
def import_(
    source: str,
    path: Path,
    project: str | None,
    run_id: str | None,
    log_dir: str | None,
    as_json: bool,
) -> int:
    """Make runs of what TensorBoard, wandb or a table has."""
    if not path.exists():
        raise NotFoundError(f"there is no {clean_text(os.fspath(path))}")
    path = Path(os.path.abspath(path))
    read = reader(source)
    with Progress("Importing", size_of(source, path)) as shown:
        asked = Asked(
            paths.log_dir(log_dir), paths.default_project(os.getcwd()), project, run_id, shown.step
        )
        with ending_cleanly(), staging(asked) as staged:
            read(path, staged, asked)
            made = staged.keep()
    for one in made:
        _tell(one, as_json=as_json)
    sys.stdout.flush()
    for draft in staged.empty:
        _tell_losses(clean_text(os.fspath(draft.path)), draft)
    return 0


def _tell(made: Made, *, as_json: bool) -> None:
    run = store.load(made.files, metrics=True)
    draft = made.draft
    if as_json:
        told = {"records": draft.count, "passed_over": dict(draft.passed_over)}
        print_record(run.as_json() | told)
        return
    counts = counted(draft.count, "record"), counted(len(run.metrics), "metric")
    facts = [run.title, run.status, *counts]
    print("  ".join(facts))
    _tell_losses(run.title, draft)


def _tell_losses(name: str, draft: Draft) -> None:
    for words in draft.losses:
        say(f"{name}: not taken: {words}")
