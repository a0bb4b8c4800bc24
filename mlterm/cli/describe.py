"""mlterm show: everything known of a run, on one page."""

import os
import shutil
from datetime import datetime
from pathlib import Path

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.printing import print_rows, width
from mlterm.cli.progress import Progress, blocks_of
from mlterm.cli.show import files_of, find
from mlterm.cli.stdout import print_record, stdout
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.summary import RunSummary
from mlterm.system import terminal
from mlterm.system.sources import PACKAGES, PATCH, source_file


@click.command()
@run_argument()
@project_option
@log_dir_option
@click.option("--env", "part", flag_value="env", help="Only the environment that was recorded.")
@click.option("--packages", "part", flag_value="packages", help="Only the packages, as pip does.")
@click.option("--diff", "part", flag_value="diff", help="Only what was not committed, as a patch.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(
    run: str, project: str | None, log_dir: str | None, part: str | None, as_json: bool
) -> int:
    """Print everything that is known of RUN."""
    if part and as_json:
        raise RefusedError(f"--{part} prints what was recorded, and no JSON")
    chosen = find(run, log_dir, project)
    if part == "env":
        _print_environment(chosen)
    elif part == "packages":
        _print_file(chosen, PACKAGES, "its packages were not recorded")
    elif part == "diff":
        _print_file(chosen, PATCH, "nothing was uncommitted, or git was not there")
    else:
        _print_portrait(chosen, as_json=as_json)
    return 0


def _print_portrait(chosen: RunSummary, *, as_json: bool) -> None:
    from mlterm.feed.portrait import read_portrait

    with Progress("reading", blocks_of([chosen])) as progress:
        portrait = read_portrait(files_of(chosen), progress.step)
    if as_json:
        print_record(portrait.as_json())
        return
    from mlterm.ui.page import page

    print_rows(page(portrait, datetime.now().astimezone(), width(), _here()))


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _print_environment(chosen: RunSummary) -> None:
    from mlterm.core.clean import clean_text
    from mlterm.system.ends import read_ends

    environment = read_ends(Path(chosen.path)).start.get("environment")
    if not isinstance(environment, dict):
        raise NotFoundError(f"the environment of {chosen.title} was not recorded")
    print_rows([("", clean_text(f"{name}={value}"))] for name, value in environment.items())


def _print_file(chosen: RunSummary, name: str, why_not: str) -> None:
    """What the run ran with: its bytes, or, on a terminal, what is safe to see of them."""
    path = source_file(files_of(chosen), name)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"{chosen.title} has no {name}: {why_not}") from None
    with file:
        if terminal.is_terminal(1):
            _print_safely(file.read().decode(errors="replace"))
            return
        with stdout() as out:
            shutil.copyfileobj(file, out)


def _print_safely(text: str) -> None:
    from mlterm.ui.patch import patch_row

    print_rows(map(patch_row, text.splitlines()))
