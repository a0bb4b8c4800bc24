"""mlterm export: runs in the formats of other programs."""

import os
from pathlib import Path

import click

from mlterm.cli.choosing import Choice, choosing
from mlterm.cli.ending import ending_cleanly
from mlterm.cli.progress import Progress
from mlterm.cli.show import counted, say
from mlterm.cli.stdout import print_record
from mlterm.core.clean import clean_text
from mlterm.core.errors import RefusedError
from mlterm.exporting.formats import FORMATS, Format, Kind, Options, Report, exporter, unseen
from mlterm.exporting.target import Target, refuse_run
from mlterm.system import terminal

_SWITCHES = {"long": "--long", "merge_steps": "--merge-steps", "system": "--system"}


@click.command()
@choosing
@click.option(
    "--format",
    "name",
    metavar="FORMAT",
    help=f"{', '.join(FORMATS)} [as PATH ends, else csv].",
    shell_complete=lambda *words: [name for name in FORMATS if name.startswith(words[-1])],
)
@click.option("-o", "--output", metavar="PATH", help="A file or folder [standard output].")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--long", "long", is_flag=True, help="A row a value, not a column a name.")
@click.option("--merge-steps", is_flag=True, help="A row a step, not a row a record.")
@click.option("--system", is_flag=True, help="The samples of CPU, memory and GPUs.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as a JSON object.")
def export(
    choice: Choice,
    name: str | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
    **switches: bool,
) -> int:
    """Write RUNs, or all of a project, in a format of other programs."""
    path = None if output in (None, "-", "/dev/stdout") else output
    name = _told_by(path) if name is None else name
    if name not in FORMATS:
        raise RefusedError(f"'{clean_text(name)}' is no format; there are:\n{_list()}")
    form = FORMATS[name]
    _check(name, form, path, switches, as_json=as_json)
    runs = choice.runs(metrics=form.summaries)
    if path is not None:
        refuse_run(path, {choice.folder, *(os.path.dirname(run.path) for run in runs)})
    if len(runs) > 1 and not form.several:
        raise RefusedError(f"{name} takes one run, and these are {len(runs)}: say which")
    among_rows = path is None and terminal.is_terminal(1)
    options = Options(**switches, progress=unseen if among_rows else Progress)
    with ending_cleanly():
        target = Target(path, overwrite=overwrite)
        report = exporter(form)(runs, target, options)
    _tell(report)
    if as_json:
        told = {"path": target.place, "format": name, "runs": report.runs}
        told |= {"rows": report.rows, "broken_lines": report.broken_lines}
        print_record(told | {"unreadable": report.unreadable})
    return 0


def _told_by(path: str | None) -> str:
    """The format that a path's ending names; csv where it has none."""
    ending = Path(path or "").suffix
    if not ending:
        return "csv"
    for name, form in FORMATS.items():
        if form.ending == ending.lower():
            return name
    raise RefusedError(
        f"{clean_text(ending)} tells no format; --format is one of:\n{_list()}",
    )


def _list() -> str:
    width = max(map(len, FORMATS))
    return "\n".join(f"  {name:{width}}  {form.words}" for name, form in FORMATS.items())


def _check(
    name: str, form: Format, path: str | None, switches: dict[str, bool], *, as_json: bool
) -> None:
    """Refuse what goes not together before any run is read."""
    for field, is_set in switches.items():
        if is_set and field not in form.takes:
            there = ", ".join(other for other, one in FORMATS.items() if field in one.takes)
            raise RefusedError(f"{_SWITCHES[field]} is nothing for {name}, only for {there}")
    if switches["system"] and switches["merge_steps"]:
        raise RefusedError("samples have no steps to merge: leave --system or --merge-steps out")
    if path is None and form.kind is Kind.FOLDER:
        raise RefusedError(f"{name} makes a folder: -o says which")
    if path is None and form.kind is Kind.BINARY and terminal.is_terminal(1):
        raise RefusedError(f"{name} is nothing for a terminal: -o names a file")
    if path is None and as_json:
        raise RefusedError("--json tells what was written to a file: -o names it")


def _tell(report: Report) -> None:
    """What the person should know, on stderr."""
    for note in report.notes:
        say(note)
    if report.broken_lines:
        say(f"{counted(report.broken_lines, 'line')} could not be read; all others were exported")
    for words in report.unreadable:
        say(words)
