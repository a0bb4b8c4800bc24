"""Options and arguments that several commands share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from mlterm.core.errors import RefusedError
from mlterm.system import paths

SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.1, 3600.0
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def duration(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """An option's 90m, 2h30m, 45s, or seconds → seconds."""
    if value is None:
        return None
    from mlterm.core.durations import parse_duration  # most starts have no need of it

    return parse_duration(value)


def grace_option(meaning: str) -> Callable[[Decorated], Decorated]:
    """--grace, with what it means to the command."""
    return click.option(
        "--grace", type=float, default=10.0, metavar="SECONDS", help=meaning, callback=_finite
    )


def _finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise click.BadParameter(f"{value} is no number of seconds from 0 on")
    return value


def naming_options(command: Decorated) -> Decorated:
    """--project and --run-id of a run that is to be started."""
    command = click.option(
        "--run-id", metavar="NAME", help="Its own name [the script's name and the time]."
    )(command)
    return click.option(
        "--project", metavar="NAME", help="Its project [the git root's or this folder's name]."
    )(command)


def tag_option(command: Decorated) -> Decorated:
    """--tag, as ``tags``."""
    return click.option(
        "--tag", "tags", metavar="KEY=VALUE", multiple=True, callback=_tags, help="Label the run."
    )(command)


def _tags(
    _context: click.Context, _option: click.Parameter, words: tuple[str, ...]
) -> dict[str, str]:
    tags = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise RefusedError(f"--tag takes KEY=VALUE, not {word!r}")
        tags[key] = value
    return tags


def sampling_options(command: Decorated) -> Decorated:
    """--interval, --gpus and --system-retention, as ``interval``, ``gpus``, ``retention``."""
    command = click.option(
        "--system-retention",
        "retention",
        metavar="DURATION",
        default="24h",
        callback=_retention,
        help="Keep all samples so long, then one in ten; or forever [24h].",
    )(command)
    command = click.option(
        "--gpus",
        type=click.Choice(["auto", "all", "none"]),
        default="auto",
        help="Sample the GPUs that the job uses or is shown, all, or none [auto].",
    )(command)
    return click.option(
        "--interval",
        metavar="DURATION",
        default="1",
        callback=_interval,
        help="Between two samples of CPU, memory and GPUs (0.1 s to 1 h) [1].",
    )(command)


def _interval(context: click.Context, option: click.Parameter, value: str) -> float:
    seconds = duration(context, option, value) or 0.0
    if not SHORTEST_INTERVAL <= seconds <= LONGEST_INTERVAL:
        raise click.BadParameter(f"{value} is not between 0.1 s and 1 h")
    return seconds


def _retention(context: click.Context, option: click.Parameter, value: str) -> float:
    if value == "forever":
        return float("inf")
    return duration(context, option, value) or 0.0


@dataclass(frozen=True)
class Way:
    """How a person wants to be shown a run."""

    detach: bool = False
    """Not at all."""
    plain: bool = False
    stay: bool = False
    """Even when it has ended."""
    quiet: bool = False
    """Without a summary at its end."""


def view_options(command: Decorated) -> Decorated:
    """--plain and --stay of what shows a run."""
    command = click.option("--stay", is_flag=True, help="Keep the view open at the run's end.")(
        command
    )
    return click.option("--plain", is_flag=True, help="No view: pass the output straight through.")(
        command
    )


def parsing_options(command: Decorated) -> Decorated:
    """--pattern and --ignore, as ``patterns`` and ``ignored``."""
    command = click.option(
        "--ignore",
        "ignored",
        metavar="NAME",
        multiple=True,
        help="Never take this metric from the output; * and ? match.",
    )(command)
    return click.option(
        "--pattern",
        "patterns",
        metavar="PATTERN",
        multiple=True,
        help="Take metrics by this: 'val {loss:f} at {step:d}', or re:REGEX.",
    )(command)


def log_dir_option(command: Decorated) -> Decorated:
    """--log-dir, as every command takes it."""
    return click.option(
        "--log-dir",
        type=click.Path(file_okay=True),
        metavar="DIR",
        help="Where runs are kept [MLTERM_LOG_DIR, else ./logs].",
    )(command)


def run_argument(*, required: bool = True, several: bool = False) -> Callable[..., Any]:
    """RUN or RUNs, completed by the runs that there are."""
    name, count = ("runs", -1) if several else ("run", 1)
    return click.argument(name, nargs=count, required=required, shell_complete=_complete_run)


def _complete_run(context: click.Context, _argument: object, begun: str) -> list[str]:
    from mlterm.system import catalog, finding  # a start of a run must not wait for it

    folder = paths.log_dir(context.params.get("log_dir"))
    runs = {run.name: run for run in (*catalog.all_runs(folder), *finding.live_runs())}.values()
    names = [finding.LAST, *(run.run_id for run in runs), *(run.name for run in runs)]
    return [name for name in names if name.startswith(begun)]


def project_option(command: Decorated) -> Decorated:
    """--project, to look only there."""
    return click.option("--project", metavar="NAME", help="Look only at this project's runs.")(
        command
    )


def filter_option(command: Decorated) -> Decorated:
    """--filter, as ``filter_``: an expression of core.query."""
    return click.option(
        "--filter", "filter_", metavar="EXPR", help="Only runs such as 'val_loss.min < 0.2'."
    )(command)
