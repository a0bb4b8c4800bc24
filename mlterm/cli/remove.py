"""mlterm rm: runs into the trash, out of it again, or gone for good."""

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.printing import lines_of
from mlterm.cli.progress import Progress
from mlterm.cli.show import files_of, say
from mlterm.cli.stdout import print_record
from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.durations import format_age
from mlterm.core.errors import MltermError, NotFoundError, RefusedError
from mlterm.core.lifecycle import RUNNING
from mlterm.core.nearest import with_nearest
from mlterm.core.sizes import format_bytes
from mlterm.core.summary import RunSummary
from mlterm.system import finding, paths, store, terminal, trash
from mlterm.system.finding import Finder
from mlterm.system.trash import Trashed
from mlterm.ui.columns import Column, columns_of
from mlterm.ui.listing import table

_NAMED = 3
"""Runs that a sentence names, at most."""


@dataclass(frozen=True)
class Item:
    """A run that is to be removed, or is in the trash."""

    run: RunSummary
    size: int
    place: Trashed | None = None
    """Where it is in the trash."""


@dataclass(frozen=True)
class Manner:
    """How runs are to be removed."""

    force: bool = False
    """For good, not into the trash."""
    yes: bool = False
    """Without asking."""
    as_json: bool = False


def removing_options(command: Callable[..., int]) -> Callable[..., int]:
    """--force, --yes and --json of what removes runs."""
    command = click.option(
        "--json", "as_json", is_flag=True, help="JSON Lines: an object a run, with what was done."
    )(command)
    command = click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)
    return click.option(
        "-f", "--force", is_flag=True, help="Delete at once instead of moving to the trash."
    )(command)


@click.command()
@run_argument(required=False, several=True)
@removing_options
@click.option("--trash", "wants_trash", is_flag=True, help="List what is in the trash.")
@click.option("--restore", is_flag=True, help="Bring RUNs back out of the trash.")
@click.option("--empty-trash", "empties", is_flag=True, help="Delete all that is in the trash.")
@project_option
@log_dir_option
def rm(
    runs: tuple[str, ...],
    force: bool,
    yes: bool,
    as_json: bool,
    wants_trash: bool,
    restore: bool,
    empties: bool,
    project: str | None,
    log_dir: str | None,
) -> int:
    """Remove RUNs that are not live: to the trash, from which --restore brings them back."""
    if wants_trash + restore + empties > 1:
        raise RefusedError("--trash, --restore and --empty-trash exclude each other")
    manner = Manner(force, yes, as_json)
    folder = paths.log_dir(log_dir)
    if wants_trash or empties:
        if runs:
            raise RefusedError(f"{'--trash' if wants_trash else '--empty-trash'} takes no RUN")
        items = _items_in(folder, project)
        if not items:
            of_project = "" if project is None else f"of project '{clean_text(project)}' "
            raise NotFoundError(
                f"Nothing {of_project}is in the trash of {clean_text(str(folder))}."
            )
        return _list_trash(items, manner) if wants_trash else _empty(items, folder, manner)
    if not runs:
        raise RefusedError("Say which runs; mlterm list-runs shows them. Nothing was removed.")
    if restore:
        return _restore([_in_trash(word, folder, project) for word in runs], manner)
    finder = Finder(folder, project)
    found = {run.path: run for run in map(finder.find, runs)}
    for run in found.values():
        if run.status == RUNNING:
            raise RefusedError(
                f"{run.title} is live, and live runs are not removed; mlterm stop {run.title} "
                "ends it. Nothing was removed."
            )
        if not force and files_of(run).run.parent.parent.name == trash.FOLDER:
            raise RefusedError(f"{clean_text(run.path)} is in the trash; --force deletes it")
    return remove(measured(list(found.values())), manner)


# --- Removing ------------------------------------------------------------------------------


def measured(runs: Sequence[RunSummary]) -> list[Item]:
    """Runs with their sizes."""
    with Progress("measuring", len(runs)) as progress:
        return [Item(run, trash.size_of(files_of(run))) for run in progress.each(runs)]


def remove(items: Sequence[Item], manner: Manner) -> int:
    """Ask, unless that is not wanted, and remove runs; the exit code.

    Raises RefusedError where there is nobody to ask.
    """
    what = sum_of(items)
    verb = f"Delete {what} for good" if manner.force else f"Move {what} to the trash"
    if not _is_agreed(f"{verb}?", manner, items):
        say("nothing was removed")
        return 1

    def act(item: Item) -> Path | None:
        if manner.force:
            trash.delete(files_of(item.run))
            return None
        return trash.move_away(files_of(item.run)).run

    done = _each(items, act, "deleted" if manner.force else "trashed", manner)
    if done and not manner.as_json:
        say(f"{_names(done)} {'is' if len(done) == 1 else 'are'} {_where(done, manner)}")
    return 0 if len(done) == len(items) else 1


def _where(done: Sequence[Item], manner: Manner) -> str:
    size = format_bytes(sum(item.size for item in done))
    if manner.force:
        return f"deleted ({size})"
    which = done[0].run.title if len(done) == 1 else "RUN"
    where = _option_of(files_of(done[0].run).run.parent)
    back = f"mlterm rm --restore {which}{where}"
    return (
        f"in the trash: {back} brings {'it' if len(done) == 1 else 'one'} back, "
        f"mlterm rm --empty-trash{where} frees the {size}"
    )


def _each(
    items: Sequence[Item], act: Callable[[Item], Path | None], outcome: str, manner: Manner
) -> list[Item]:
    """Do something with each; those with which it could be done. Of the others it is said why."""
    done = []
    with Progress(outcome, len(items)) as progress:
        for item in progress.each(items):
            problem, place = None, None
            try:
                place = act(item)
                done.append(item)
            except MltermError as error:
                problem = str(error)
            except OSError as error:
                name = "" if error.filename is None else f"{clean_text(str(error.filename))}: "
                problem = f"{name}{error.strerror or error}"
            if manner.as_json:
                told = {"outcome": outcome if problem is None else "kept"}
                print_item(item, **told, place=place, problem=problem)
            elif problem is not None:
                say(f"{item.run.title} was not {outcome}: {problem}")
    return done


def print_item(
    item: Item, outcome: str, *, place: Path | None = None, problem: str | None = None
) -> None:
    """What was done with a run, as an object."""
    told = {
        "project": item.run.project,
        "run_id": item.run.run_id,
        "path": item.run.path,
        "size_bytes": item.size,
        "outcome": outcome,
        "moved_to": None if place is None else str(place),
        "problem": problem,
    }
    print_record(told)


# --- The trash -----------------------------------------------------------------------------


def _items_in(folder: Path, project: str | None = None) -> list[Item]:
    found = []
    with Progress("measuring") as progress:
        for place in progress.each(trash.trashed(folder)):
            with suppress(OSError):
                run = store.load(place.files)
                if project in (None, run.project):
                    found.append(Item(run, trash.size_of(place.files), place))
    return found


def _list_trash(items: Sequence[Item], manner: Manner) -> int:
    if manner.as_json:
        for item in items:
            if item.place is not None:
                removed = records.timestamp(item.place.removed)
                told = item.run.as_json() | {
                    "path": str(item.place.home.run), "trash_path": item.run.path,
                    "removed": removed, "size_bytes": item.size,
                }  # fmt: skip
                print_record(told)
    else:
        print("\n".join(listed(items, 1)), flush=True)
    return 0


def _in_trash(word: str, folder: Path, project: str | None) -> Item:
    """Of several removed runs of that name the one that was removed last. Raises NotFoundError,
    and RefusedError where it is the beginning of several names."""
    items = _items_in(folder, project)
    for item in reversed(items):
        if word in (*finding.names_of(item.run), item.run.path, finding.LAST):
            return item
    begun = {
        item.run.title: item
        for item in items
        if any(name.startswith(word) for name in finding.names_of(item.run))
    }
    if len(begun) == 1:
        return next(iter(begun.values()))
    if begun:
        listed = "\n".join(f"  {title}" for title in begun)
        raise RefusedError(f"'{clean_text(word)}' could be any of\n{listed}\nSay which.")
    words = f"No run '{clean_text(word)}' in the trash of {clean_text(str(folder))}"
    known = (item.run.run_id for item in items)
    raise NotFoundError(with_nearest(words, word, known, "; mlterm rm --trash lists it"))


def _restore(items: Sequence[Item], manner: Manner) -> int:
    def act(item: Item) -> Path | None:
        assert item.place is not None
        return trash.bring_back(item.place).run

    unique = list({item.run.path: item for item in items}.values())
    done = _each(unique, act, "restored", manner)
    if done and not manner.as_json:
        say(f"{_names(done)} {'is' if len(done) == 1 else 'are'} back")
    return 0 if len(done) == len(unique) else 1


def _empty(items: Sequence[Item], folder: Path, manner: Manner) -> int:
    what = sum_of(items)
    if not _is_agreed(f"Delete {what} in the trash for good?", manner, items):
        say("nothing was deleted")
        return 1

    def act(item: Item) -> None:
        assert item.place is not None
        trash.discard(item.place)

    done = _each(items, act, "deleted", manner)
    trash.tidy(folder)
    if done and not manner.as_json:
        say(f"{_names(done)} {'is' if len(done) == 1 else 'are'} deleted")
    return 0 if len(done) == len(items) else 1


# --- Asking --------------------------------------------------------------------------------


def _is_agreed(question: str, manner: Manner, items: Sequence[Item]) -> bool:
    if manner.yes:
        return True
    if terminal.keyboard() is None:
        raise RefusedError(
            "Nothing was removed: here is no terminal on which to ask. --yes answers beforehand."
        )
    print("\n".join(listed(items, 2)), file=sys.stderr)
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        print(file=sys.stderr)
        return False


def listed(items: Sequence[Item], fd: int) -> list[str]:
    """The runs with their sizes, and when they were removed if they were, for a stream."""
    known = {item.run.path: item for item in items}
    now = datetime.now(UTC)
    width = terminal.size(fd)[1] or None
    runs = [item.run for item in items]

    def size(run: RunSummary) -> tuple[str, str]:
        return "label", format_bytes(known[run.path].size)

    def removed(run: RunSummary) -> tuple[str, str]:
        place = known[run.path].place
        seconds = 0.0 if place is None else (now - place.removed).total_seconds()
        return "dim", format_age(seconds)

    name, *others = columns_of(runs, [], now, width, named=True)[:3]
    columns = [name, Column("SIZE", size, lambda run: None, right=True), *others]
    if any(item.place is not None for item in items):
        columns.append(Column("REMOVED", removed, lambda run: None, right=True))
    return list(lines_of(table(runs, columns, width), fd))


def sum_of(items: Sequence[Item]) -> str:
    """How many, and how large together."""
    size = format_bytes(sum(item.size for item in items))
    return f"{len(items)} run{'' if len(items) == 1 else 's'} ({size})"


def _names(items: Sequence[Item]) -> str:
    named = [item.run.title for item in items[:_NAMED]]
    rest = len(items) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def _option_of(folder: Path) -> str:
    """How to say which log directory is meant, where that must be said."""
    return "" if folder == paths.log_dir(None) else f" --log-dir {shlex.quote(str(folder))}"
