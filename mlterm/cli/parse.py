"""mlterm parse: what would be read out of an output."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mlterm.cli.options import log_dir_option, parsing_options, project_option
from mlterm.cli.show import files_of, find, say
from mlterm.core import records
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.lines import Screen, State
from mlterm.core.metrics.findings import Finding
from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import record_of
from mlterm.extraction import reader_of
from mlterm.rebuilding import parsing_of, records_of, rewrite
from mlterm.system import config, terminal
from mlterm.system.paths import RunFiles

CHUNK = 64 * 1024


@click.command()
@click.argument("source", metavar="FILE|RUN|-")
@parsing_options
@click.option("--explain", is_flag=True, help="Each line beside what was taken from it, and why.")
@click.option("--write", is_flag=True, help="Put it into the file of RUN, which has ended.")
@project_option
@log_dir_option
def parse(
    source: str,
    patterns: tuple[str, ...],
    ignored: tuple[str, ...],
    explain: bool,
    write: bool,
    project: str | None,
    log_dir: str | None,
) -> int:
    """Print the metrics that mlterm run would read out of an output: a JSON record a line.

    FILE holds what a program wrote to a terminal or a pipe; - is stdin.
    """
    files = _run_files(source, log_dir, project)
    settings = config.settings(".")
    if files is not None:  # as it was read when it ran, too
        settings = settings.with_options(*parsing_of(files))
    settings = settings.with_options(patterns, ignored)

    def make_reader(offset: int = 0) -> OutputReader:
        return reader_of(settings.patterns, settings.ignore, offset)

    make_reader()  # a mistake in a pattern is told before anything is read
    if files is None:
        if write:
            raise RefusedError("--write takes a run: a bare file has no records to replace")
        with sys.stdin.buffer if source == "-" else open(source, "rb") as file:
            chunks = iter(lambda: os.read(file.fileno(), CHUNK), b"")
            if explain:
                return _explain(chunks, make_reader())
            return _print(_findings(chunks, make_reader()))
    if not files.output.exists():
        raise NotFoundError(f"{files.run.name} has no output here: mlterm run did not start it")
    if write:
        found, superseded = rewrite(files, make_reader)
        say(f"{found} records read from the output, {superseded} earlier ones superseded")
        return 0
    if explain:
        with files.output.open("rb") as file:
            return _explain(iter(lambda: file.read(CHUNK), b""), make_reader())
    for _, record in records_of(files, make_reader):
        if record["type"] == "metrics":
            sys.stdout.buffer.write(records.encode(record))
    return 0


def _run_files(source: str, log_dir: str | None, project: str | None) -> RunFiles | None:
    """The files of a run; None where the source is a bare file."""
    path = Path(source)
    if source == "-" or path.is_file():
        files = RunFiles(path.absolute())
        is_run = source.endswith(".jsonl") and files.output.exists()
        return files if is_run else None
    if path.is_dir():
        raise RefusedError(f"{clean_text(source)} is a folder; name a file, a run or -")
    return files_of(find(source, log_dir, project))


def _findings(chunks: Iterator[bytes], reader: OutputReader) -> Iterator[Finding]:
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def _print(findings: Iterator[Finding]) -> int:
    out = sys.stdout.buffer
    for found in findings:
        if found.hyperparameters is None:
            out.write(records.encode(record_of(found)))
    out.flush()
    return 0


def _explain(chunks: Iterator[bytes], reader: OutputReader) -> int:
    """Every line as it was read, and under it what it gave."""
    screen = Screen()
    colour = terminal.supports_colour(1)
    width = terminal.size(1)[1]

    def paint(text: str, **style: Any) -> str:
        return click.style(text, **style) if colour else text

    def tell(state: State | None, findings: list[Finding]) -> None:
        if state is not None:
            mark = "↻" if state.redrawn else " "
            line = f"{state.offset:>9} {mark} {clean_text(state.text)}"
            if 0 < width < len(line):
                line = f"{line[: width - 1]}…"
            print(line if findings else paint(line, dim=True))
        for found in findings:
            arrow, rule = paint("→", fg="cyan"), paint(f"[{found.rule}]", dim=True)
            print(f"{arrow:>{11 + len(arrow) - 1}} {paint(_in_words(found), fg='green')}  {rule}")

    for chunk in chunks:
        for state in screen.feed(chunk):
            tell(state, list(reader.read(state)))
    for state in screen.finish():
        tell(state, list(reader.read(state)))
    tell(None, list(reader.close()))
    sys.stdout.flush()
    return 0


def _in_words(found: Finding) -> str:
    if found.hyperparameters is not None:
        pairs = [f"{name}={value!r}" for name, value in found.hyperparameters.items()]
        return clean_text("hyperparameters: " + ", ".join(pairs))
    places = []
    if found.epoch is not None:
        places.append(f"epoch {found.epoch:g}")
    if found.step is not None:
        places.append(f"step {found.step}")
    pairs = [
        f"{name}={value!r}{found.units.get(name, '')}" for name, value in found.metrics.items()
    ]
    return clean_text(", ".join(places + pairs))
