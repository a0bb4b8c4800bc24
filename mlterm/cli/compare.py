"""mlterm compare: in what runs differ, and which of them did best."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import click

from mlterm.cli.choosing import Choice, choosing
from mlterm.cli.ending import ending_cleanly
from mlterm.cli.printing import print_rows, width
from mlterm.cli.progress import Progress
from mlterm.cli.show import files_of, say
from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.differences import Subject, as_json, facts_of, source_diff
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.summary import RunSummary
from mlterm.exporting.target import Target, refuse_run
from mlterm.feed.subjects import read_subject, read_text
from mlterm.system import terminal
from mlterm.system.finding import Finder
from mlterm.system.sources import PACKAGES, PATCH
from mlterm.ui.comparison import Comparison, raw_sheet, sheet, table
from mlterm.ui.patch import patch_row
from mlterm.ui.rows import Span

FORMATS = ("table", "md", "csv", "html")


@click.command()
@choosing
@click.option("--baseline", metavar="RUN", help="Tell how far the others are from this run.")
@click.option("--all", "everything", is_flag=True, help="Also what is the same in all runs.")
@click.option("--diff", is_flag=True, help="Where their sources differ, as a diff.")
@click.option(
    "--plot",
    "plotted",
    metavar="METRIC",
    multiple=True,
    help="Draw the curves of all runs in one chart; also METRIC,METRIC.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    help="table, md for Markdown, csv or html [table].",
)
@click.option("-o", "--output", metavar="PATH", help="Write to this file.")
@click.option("--overwrite", is_flag=True, help="Even where the file is there already.")
@click.option("--json", "as_object", is_flag=True, help="One JSON object.")
def compare(
    choice: Choice,
    baseline: str | None,
    everything: bool,
    diff: bool,
    plotted: tuple[str, ...],
    form: str,
    output: str | None,
    overwrite: bool,
    as_object: bool,
) -> int:
    """Show in what runs differ, RUN… or all of a project, and which did best."""
    told = {"--json": as_object, "--diff": diff, "--plot": plotted, "--format": form != "table"}
    asked = [name for name, is_asked in told.items() if is_asked]
    if len(asked) > 1:
        raise RefusedError(f"{' and '.join(asked)} print different things: say one of them")
    if plotted and output is not None:
        raise RefusedError("--plot draws here; mlterm plot -o makes a picture")
    if plotted:
        choice, plotted = _metrics_apart(choice, plotted)
    runs = _runs(choice, baseline)
    if output is not None:
        refuse_run(output, {os.path.dirname(run.path) for run in runs})
    target = Target(output, overwrite=overwrite)
    if plotted:
        _plot(runs, plotted)
        return 0
    with ending_cleanly():
        if diff:
            _put_lines(target, _diffs(runs))
            return 0
        subjects = _subjects(runs)
        shown = Comparison(subjects, facts_of(subjects), everything, baseline is not None)
        if form == "table" and not as_object:
            _put_rows(target, table(shown, width() if target.path is None else None))
        else:
            document = _document(shown, "json" if as_object else form)
            with target.file() as out:
                out.write(document)
    return 0


def _runs(choice: Choice, baseline: str | None) -> list[RunSummary]:
    """Two at least, the baseline first."""
    runs = choice.runs()
    if baseline is not None:
        first = Finder(choice.folder, choice.project).find(baseline, metrics=True)
        same = os.path.realpath(first.path)
        runs = [first, *(run for run in runs if os.path.realpath(run.path) != same)]
    if len(runs) < 2:
        words = f"{runs[0].title} is the only run here: there is nothing to compare it with"
        raise RefusedError(words) if choice.words else NotFoundError(words)
    return runs


def _metrics_apart(choice: Choice, plotted: tuple[str, ...]) -> tuple[Choice, tuple[str, ...]]:
    """``--plot a b`` is both: words that are no runs are metrics, where the runs have them."""
    finder = Finder(choice.folder, choice.project)
    strange: dict[str, NotFoundError] = {}
    for word in choice.words:
        try:
            finder.find(word)
        except NotFoundError as error:
            strange[word] = error
    if not strange:
        return choice, plotted
    named = replace(choice, words=tuple(word for word in choice.words if word not in strange))
    there = {name for run in named.runs() for name in run.metrics}
    for word, no_run in strange.items():
        if word not in there:
            raise no_run
    return named, (*plotted, *strange)


def _subjects(runs: Sequence[RunSummary]) -> list[Subject]:
    with Progress("reading", len(runs)) as progress:
        return [read_subject(run) for run in progress.each(runs)]


def _document(shown: Comparison, form: str) -> bytes:
    """For programs, papers and spreadsheets."""
    if form == "json":
        base = shown.subjects[0].summary.name if shown.has_baseline else None
        told = as_json(shown.subjects, shown.facts, everything=shown.everything)
        return records.encode({**told, "baseline": base})
    if form == "csv":
        from mlterm.exporting.csvtable import line

        return b"".join(map(line, raw_sheet(shown)))
    from mlterm.exporting.sheets import as_html, as_markdown

    if form == "md":
        text = as_markdown(*sheet(shown))
    else:
        title = f"{shown.subjects[0].summary.project}: {len(shown.subjects)} runs compared"
        text = as_html(clean_text(title), *sheet(shown))
    return text.encode(errors="backslashreplace")


def _plot(runs: Sequence[RunSummary], words: Sequence[str]) -> None:
    from mlterm.cli.plot import named_metrics, plot_of, print_plot
    from mlterm.ui.state import Axis

    print_plot(plot_of(runs, named_metrics(words, runs), Axis.STEP))


# --- Where the sources differ ------------------------------------------------------------


def _diffs(runs: Sequence[RunSummary]) -> Iterator[str]:
    """From the first run to each of the others."""
    first = runs[0]
    is_same = True
    for other in runs[1:]:
        commits = [str((run.git or {}).get("commit") or "") for run in (first, other)]
        if all(commits) and commits[0] != commits[1]:
            is_same = False
            say(
                f"{first.title} and {other.title} are of different commits: "
                f"git diff {clean_text(commits[0][:12])} {clean_text(commits[1][:12])}"
            )
        for name in (PATCH, PACKAGES):
            texts = [read_text(files_of(run), name) for run in (first, other)]
            if name == PACKAGES and not all(texts):
                continue  # they were not recorded, which is not that there were none
            titles = f"{first.name}/{name}", f"{other.name}/{name}"
            for line in source_diff(texts[0], texts[1], titles):
                is_same = False
                yield line
    if is_same:
        say("their sources do not differ, nor do their packages")


# --- Where it goes -----------------------------------------------------------------------


def _put_rows(target: Target, rows: Iterable[Sequence[Span]]) -> None:
    if target.path is None:
        print_rows(rows)
        return
    with target.file() as out:
        for row in rows:
            text = "".join(text for _, text in row)
            out.write(f"{text}\n".encode(errors="backslashreplace"))


def _put_lines(target: Target, lines: Iterable[str]) -> None:
    """As they are; on a terminal so that they are safe to see."""
    if target.path is None and terminal.is_terminal(1):
        print_rows(map(patch_row, lines))
        return
    with target.file() as out:
        for line in lines:
            out.write(f"{line}\n".encode(errors="surrogateescape"))
