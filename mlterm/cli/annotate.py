"""mlterm tag and mlterm note: what a person says of a run, kept in its file."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import click

from mlterm.cli.options import log_dir_option, project_option, run_argument
from mlterm.cli.show import files_of, find, say
from mlterm.cli.stdout import print_record
from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError, NotFoundError, RefusedError
from mlterm.core.moments import moment_of
from mlterm.core.records import Record
from mlterm.core.summary import RunSummary
from mlterm.system import store
from mlterm.system.annotations import annotate

_MOST_BYTES = 32 * 1024
"""Of a record: a run's end is looked for in the last part of its file, and must stay there."""


@click.command()
@run_argument()
@click.argument("words", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--remove", "removed", metavar="KEY", multiple=True, help="Take this tag away.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's tags as one object.")
@project_option
@log_dir_option
def tag(
    run: str,
    words: tuple[str, ...],
    removed: tuple[str, ...],
    as_json: bool,
    project: str | None,
    log_dir: str | None,
) -> int:
    """Label RUN, live or ended, with KEY=VALUE; KEY= removes one. Without: print its tags."""
    changes = {**_tags(words), **dict.fromkeys(removed)}
    chosen = find(run, log_dir, project)
    gone = (name for name, value in changes.items() if value is None)
    missing = [name for name in gone if name not in chosen.tags]
    if missing:
        raise NotFoundError(
            f"{chosen.title} has no tag {clean_text(missing[0])!r}; nothing was changed. "
            f"It has: {', '.join(map(clean_text, chosen.tags)) or 'none'}"
        )
    if changes:
        _add(chosen, {"type": "run", "_amends": True, "tags": changes})
        if not as_json:
            say(f"{chosen.title}: {', '.join(map(_change, changes.items()))}")
    if as_json:
        _print(chosen, {"tags": store.load(files_of(chosen)).tags if changes else chosen.tags})
    elif not changes:
        for name, value in chosen.tags.items():
            print(f"{clean_text(name)}={clean_text(str(value))}")
    return 0


@click.command()
@run_argument()
@click.argument("words", metavar="[TEXT]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the run's notes as one object.")
@project_option
@log_dir_option
def note(
    run: str, words: tuple[str, ...], as_json: bool, project: str | None, log_dir: str | None
) -> int:
    """Write TEXT down beside RUN, live or ended; - reads stdin. Without: print the notes."""
    chosen = find(run, log_dir, project)
    if words:
        text = (sys.stdin.buffer.read().decode(errors="replace") if words == ("-",) else
                " ".join(words)).strip()  # fmt: skip
        if not text:
            raise RefusedError("The note is empty; nothing was written.")
        _add(chosen, {"type": "note", "text": text})
        if not as_json:
            say(f"noted of {chosen.title}")
    if as_json or not words:
        from mlterm.reader import RunData

        notes = RunData(files_of(chosen).run).notes
        if as_json:
            told = [{"timestamp": each.get("timestamp"), "text": each["text"]} for each in notes]
            _print(chosen, {"notes": told})
        else:
            _print_notes(notes)
    return 0


def _tags(words: Iterable[str]) -> dict[str, str | None]:
    tags: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise RefusedError(
                f"A tag is KEY=VALUE, or KEY= to remove it, not '{clean_text(word)}'; nothing was "
                "changed."
            )
        tags[key] = value or None
    return tags


def _change(change: tuple[str, str | None]) -> str:
    key, value = change
    return f"no {clean_text(key)}" if value is None else f"{clean_text(key)}={clean_text(value)}"


def _add(run: RunSummary, fields: Record) -> None:
    if len(records.encode(fields)) > _MOST_BYTES:
        raise RefusedError(
            f"That is longer than {_MOST_BYTES >> 10} KiB; nothing was written. A file beside the "
            "run's is a better place for it."
        )
    head = {"timestamp": records.timestamp(datetime.now(UTC)), "_source": "user"}
    try:
        annotate(files_of(run), head | fields)
    except FileNotFoundError:
        raise MltermError(f"{run.title} has been removed meanwhile; nothing was written") from None
    except OSError as error:
        raise MltermError(
            f"{run.title} is as it was: {run.path} cannot be written ({error.strerror})"
        ) from None


def _print(run: RunSummary, told: Record) -> None:
    head = {"project": run.project, "run_id": run.run_id, "path": run.path}
    print_record(head | told)


def _print_notes(notes: Iterable[Record]) -> None:
    for each in notes:
        first, *more = map(clean_text, each["text"].expandtabs().splitlines() or [""])
        print(f"{_moment(each.get('timestamp'))}  {first}")
        for line in more:
            print(f"{'':16}  {line}".rstrip())


def _moment(timestamp: object) -> str:
    """To the minute, on the clock of whoever reads it."""
    moment = moment_of(timestamp)
    return f"{'?':16}" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"
