"""Finding runs, showing them to the person, and saying how they ended."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import click

from mlterm.cli.options import Way
from mlterm.client import Client, Ending, View
from mlterm.core.clean import clean_text
from mlterm.core.durations import format_duration
from mlterm.core.errors import SupervisorError
from mlterm.core.lifecycle import CANCELLED, COMPLETED, LOST, LOST_EXIT_CODE, RUNNING
from mlterm.core.records import decode
from mlterm.core.summary import RunSummary
from mlterm.system import finding, paths, store, terminal

COLOURS = {COMPLETED: "green", RUNNING: "cyan", CANCELLED: "yellow"}
SEPARATOR = " · "
_SHOWN_METRICS = 6
_RECORD_BYTES = 1024 * 1024
"""Of a run's first record, at most."""
_SPARK_COLUMNS, _NAME_COLUMNS = 24, 28


def find(word: str, log_dir: str | None, project: str | None) -> RunSummary:
    """The run that a person means, or an error in words."""
    return finding.find(word, paths.log_dir(log_dir), project)


def files_of(run: RunSummary) -> paths.RunFiles:
    """The files of a run that was found."""
    return paths.RunFiles(Path(run.path))


def shell_code(run: RunSummary) -> int:
    """The exit code of an ended run as a shell would report it."""
    if run.status == LOST:
        return LOST_EXIT_CODE
    if run.signal is not None:
        number = _signal_number(run.signal)
        return 128 + number if number else LOST_EXIT_CODE
    if run.exit_code is None:
        return 0 if run.status == COMPLETED else LOST_EXIT_CODE
    return run.exit_code


def leave(view: View, name: str, way: Way, *, is_run: bool = False) -> int:
    """Show a run, perhaps one that was just started here, until it ends or the person leaves;
    say how that was; the exit code."""
    ending = _viewer(view, way, is_run=is_run)()
    if ending.detached or ending.pipe_closed:
        return _left(ending, name)
    try:
        run = store.load(view.files, metrics=not way.quiet and ending.metrics is None)
    except OSError:
        if ending.code is None:
            raise
        say(f"{name} has ended, but its files have been removed meanwhile")
        return ending.code
    if ending.metrics is not None and not run.metrics:
        run = replace(run, metrics=ending.metrics)
    if ending.unreachable and run.status == RUNNING:
        raise SupervisorError(
            f"{run.title} is running, but its keeper cannot be reached from here (another "
            f"container, or another XDG_RUNTIME_DIR?). mlterm logs -f {view.files.run} follows it"
        )
    if ending.lost and run.status == LOST:
        say(lost_words(run))
        return LOST_EXIT_CODE
    if ending.still_held:
        say(_still_held(run))
    if not way.quiet:
        print_summary(run)
    return shell_code(run) if ending.code is None else ending.code


@contextmanager
def importing() -> Iterator[None]:
    """Imports leave no garbage; to look for it would take a twentieth of the view's start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _viewer(view: View, way: Way, *, is_run: bool) -> Callable[[], Ending]:
    """The view where one is wanted and fits, else what passes the output through."""
    if way.plain or not terminal.fits_view():
        return Client(view).run
    with importing():
        from mlterm.ui.app import App, first_state  # urwid is imported only now: the job runs
        from mlterm.ui.state import Mode

    state = first_state(Mode.RUN if is_run else Mode.ATTACH, watched=_is_watched(view.files))
    return App(view.files, state, view.offset, read_only=view.read_only, stay=way.stay).run


def _is_watched(files: paths.RunFiles) -> bool:
    """Whether the run is of a process that mlterm did not start."""
    with suppress(OSError), files.run.open("rb") as file:
        record = decode(file.readline(_RECORD_BYTES))
        return record is not None and record.get("watched") is True
    return False


def _left(ending: Ending, name: str) -> int:
    if ending.pipe_closed:
        say(f"whoever read the output has closed it; {name} goes on: mlterm attach {name}")
        return 128 + 13
    say(f"detached from {name}; it goes on, and mlterm attach comes back to it")
    return 128 + ending.by_signal if ending.by_signal else 0


def _still_held(run: RunSummary) -> str:
    """Who still writes to an ended run's terminal, and how to end it."""
    from mlterm.system import host, registry

    entry = registry.find(files_of(run))
    if entry is None:
        return "the command has ended"
    who = host.members(entry)
    names = clean_text(host.describe(who)) or "a process"
    return (
        f"the command has ended, but {names} still holds its terminal; what it writes goes on "
        f"being recorded. mlterm stop {run.title} ends it"
    )


def lost_words(run: RunSummary) -> str:
    """A lost run, in words."""
    return (
        f"{run.title} was lost: its supervisor was killed before it could record an end "
        f"(a reboot, kill -9, or a full memory). What it wrote until then is in {run.path}"
    )


def say(words: str) -> None:
    """A line of ours on stderr, where there still is one."""
    with suppress(OSError):
        print(f"[mlterm] {words}", file=sys.stderr, flush=True)


def counted(number: int, what: str) -> str:
    """``1 line``, ``2,000 lines``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def print_summary(run: RunSummary) -> None:
    """The short summary that ends a run: a few lines on stderr, the cost last."""
    colour = terminal.supports_colour(2)
    status = run.status
    if colour:
        status = click.style(status, fg=COLOURS.get(run.status, "red"), bold=True)
    facts = [run.title, status]
    if run.duration_seconds is not None:
        facts.append(format_duration(run.duration_seconds))
    facts.append(_how(run))
    lines = [SEPARATOR.join(facts)]
    if run.metrics:
        lines += _metric_lines(run)
    lines.append(f"record  {_short(run.path)}")
    if files_of(run).output.exists():
        lines.append(f"output  {_short(files_of(run).output)}")
    if run.cost:
        from mlterm.core.cost import words_of

        lines += _wrapped(clean_text(words_of(run.cost)))
    bar = click.style("▍", fg=COLOURS.get(run.status, "red")) if colour else "|"
    print("\n".join(f"{bar} {line}" for line in lines), file=sys.stderr)


def _metric_lines(run: RunSummary) -> list[str]:
    """The foremost metrics: for a person each with its course, else all in a line."""
    if not terminal.is_terminal(2):
        names = list(run.metrics)[:_SHOWN_METRICS]
        return ["  ".join(f"{clean_text(n)} {_number(run.metrics[n]['last'])}" for n in names)]
    from mlterm.core.goals import order_of
    from mlterm.system.checkpoint import Checkpoint
    from mlterm.ui.along import points_along
    from mlterm.ui.chart import sparkline
    from mlterm.ui.rows import cut_middle, width_of
    from mlterm.ui.state import Axis

    checkpoint = Checkpoint.read(files_of(run).summary)
    names = sorted(run.metrics, key=order_of)[:_SHOWN_METRICS]
    titles = {name: cut_middle(clean_text(name), _NAME_COLUMNS) for name in names}
    widest = max(map(width_of, titles.values()))
    lines = []
    for name, title in titles.items():
        facts = [title + " " * (widest - width_of(title))]
        if checkpoint is not None:
            series = checkpoint.one(name)
            points = None if series is None else points_along(series, Axis.STEP)
            facts.append(sparkline(points, _SPARK_COLUMNS) if points else " " * _SPARK_COLUMNS)
        lines.append("  ".join([*facts, _number(run.metrics[name]["last"])]))
    return lines


def _wrapped(words: str) -> list[str]:
    """The line, on a narrow terminal in several: parted only between facts."""
    _, columns = terminal.size(2)
    lines: list[str] = []
    for fact in words.split(SEPARATOR) if words else ():
        longer = f"{lines[-1]}{SEPARATOR}{fact}" if lines else fact
        if lines and (not columns or len(longer) < columns - 2):
            lines[-1] = longer
        else:
            lines.append(fact)
    return lines


def _how(run: RunSummary) -> str:
    usual = {f"exit code {run.exit_code}", f"killed by {run.signal}"}
    how = run.signal or (f"exit code {run.exit_code}" if run.exit_code is not None else "")
    why = "" if run.reason is None or run.reason in usual else run.reason
    return clean_text(why or how or "exit code unknown")


def _number(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, int | float) else str(value)


def _short(path: str | Path) -> str:
    try:
        return clean_text(str(Path(path).relative_to(Path.cwd())))
    except (ValueError, OSError):
        return clean_text(str(path))


def _signal_number(name: str) -> int:
    import signal

    if name in signal.Signals.__members__:
        return signal.Signals[name].value
    base, _, above = name.partition("+")
    if base == "SIGRTMIN" and above.isdigit():
        return signal.SIGRTMIN + int(above)
    return int(name) if name.isdigit() and int(name) < 128 else 0
