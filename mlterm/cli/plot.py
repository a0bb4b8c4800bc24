"""mlterm plot: metrics of runs as curves, in the terminal or as a picture."""

import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from mlterm.cli.choosing import Choice, choosing, no_such_metric
from mlterm.cli.ending import ending_cleanly
from mlterm.cli.printing import print_rows
from mlterm.cli.progress import Progress
from mlterm.cli.show import counted, files_of, say
from mlterm.cli.stdout import print_record
from mlterm.core.clean import clean_text
from mlterm.core.errors import NotFoundError, RefusedError
from mlterm.core.goals import Goal, goal_of, order_of
from mlterm.core.records import Record
from mlterm.core.series import Points, Series
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.exporting.figure import FORMATS, Line, Look, Panel, draw
from mlterm.exporting.target import Target
from mlterm.feed.curves import read_curves
from mlterm.system import terminal
from mlterm.ui.along import points_along
from mlterm.ui.axes import Frame, Kind
from mlterm.ui.chart import smoothed
from mlterm.ui.plot import Chart, Trace, height_of, page
from mlterm.ui.rows import cut_middle
from mlterm.ui.state import Axis

AXES = {"step": Axis.STEP, "epoch": Axis.EPOCH, "time": Axis.TIME, "relative": Axis.RELATIVE}
_KINDS: dict[Axis, Kind] = {
    Axis.STEP: "step", Axis.EPOCH: "epoch", Axis.TIME: "time", Axis.RELATIVE: "seconds",
}  # fmt: skip
_SIZE = re.compile(r"([1-9][0-9]{0,4})[x×]([1-9][0-9]{0,4})")
_CELLS, _PIXELS = (500, 200), (10_000, 10_000)
"""The largest sizes, in the terminal and of pictures."""
_LEAST_CELLS, _LEAST_PIXELS = (12, 3), (200, 150)
_PLAIN_WIDTH, _PLAIN_HEIGHT = 80, 16
_TITLE_COLUMNS = 48
"""Of a name in a picture."""
_UNITS = ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "hours"), (120, 60, "minutes"))


@dataclass(frozen=True)
class Curve:
    """A metric of a run."""

    run: RunSummary
    number: int
    label: str
    series: Series
    points: Points


@dataclass(frozen=True)
class Plot:
    """What is drawn."""

    curves: dict[str, list[Curve]]
    """By metric, in the order that was asked for."""
    goals: dict[str, Goal | None]
    axis: Axis
    log: bool = False
    smoothing: float = 0.0
    title: str = ""


@click.command()
@choosing
@click.option("-m", "--metric", "metrics", multiple=True, metavar="METRIC",
              help="What to draw, with commas between [the foremost one].")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help=f"Make a picture: {', '.join(FORMATS)}.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option("--x", "x", type=click.Choice(list(AXES)), default="step", help="The x axis [step].")
@click.option("--log", is_flag=True, help="A logarithmic y axis.")
@click.option("--smooth", type=click.FloatRange(0, 1), default=0.0, metavar="WEIGHT",
              help="A moving average that keeps so much of itself, 0 to 1 [0].")  # fmt: skip
@click.option("--title", metavar="TEXT", help="What stands above.")
@click.option("--size", metavar="WxH", help="Pixels of a picture; cells of a chart here.")
@click.option("--json", "as_json", is_flag=True, help="Print the points as one object.")
def plot(
    choice: Choice,
    metrics: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    x: str,
    log: bool,
    smooth: float,
    title: str | None,
    size: str | None,
    as_json: bool,
) -> int:
    """Draw metrics of RUNs: here, or with -o into a file."""
    kind = None if output is None else _format_of(output)
    if as_json and output is not None:
        raise RefusedError("--json prints the points and -o makes a picture: one of them")
    extent = _size_of(size, is_picture=output is not None)
    exact = as_json or output is not None

    def found() -> Plot:
        runs = choice.runs(metrics=not metrics or any("," in word for word in metrics))
        wanted = named_metrics(metrics, runs) if metrics else _foremost(runs)
        of_runs = plot_of(runs, wanted, AXES[x], exact=exact)
        return replace(of_runs, log=log, smoothing=smooth, title=title or "")

    if output is not None and kind is not None:
        with ending_cleanly(), Target(output, overwrite=overwrite).file() as out:
            chosen = found()
            draw(_panels(chosen), _look(chosen, extent), out, kind)
    elif as_json:
        print_record(_as_json(found(), x))
    else:
        print_plot(found(), extent)
    return 0


# --- What is drawn -------------------------------------------------------------------------


def plot_of(
    runs: Sequence[RunSummary], metrics: Sequence[str], axis: Axis, *, exact: bool = False
) -> Plot:
    """These metrics of the runs, exactly where they have few points. What some of the runs lack
    is said. Raises NotFoundError where none has one of them."""
    wanted = list(dict.fromkeys(metrics))
    is_clear = len({run.run_id for run in runs}) == len(runs)
    curves: dict[str, list[Curve]] = {name: [] for name in wanted}
    names: dict[str, None] = {}
    lacking: dict[str, str] = {}
    broken_lines = 0
    what = "epoch" if axis is Axis.EPOCH else "time"
    with Progress("reading", len(runs)) as progress:
        for number, run in enumerate(progress.each(runs)):
            label = clean_text(run.run_id if is_clear else run.name)
            try:
                series, there, broken = read_curves(files_of(run), wanted, exact=exact)
            except OSError as error:
                lacking[run.title] = f"cannot be read: {error.strerror}"
                continue
            names |= dict.fromkeys(there)
            broken_lines += broken
            missing = [clean_text(name) for name in wanted if name not in series]
            for name, one in series.items():
                if one.has_axis(axis.of_series):
                    points = points_along(one, axis)
                    curves[name].append(Curve(run, number, label, one, points))
                else:
                    missing.append(f"{what} beside {clean_text(name)}")
            if missing:
                lacking[run.title] = f"has no {' and no '.join(missing)}"
    for name in wanted:
        if name not in names:
            raise no_such_metric(name, names)
        if not curves[name]:
            raise NotFoundError(
                f"No {what} was logged beside {clean_text(name)}; --x step draws it"
            )
    for title, why in lacking.items():
        say(f"{title} {why}")
    if broken_lines:
        say(f"{counted(broken_lines, 'line')} could not be read; all others were drawn")
    told = definitions_of(runs)
    return Plot(curves, {name: goal_of(name, told) for name in curves}, axis)


def named_metrics(words: Iterable[str], runs: Iterable[RunSummary]) -> list[str]:
    """Those that are meant: a word is one, or several with commas between; of the runs' summaries
    it is asked whether a metric has commas in its name. Raises RefusedError where it is none."""
    there = {name for run in runs for name in run.metrics}
    parts = ([word] if word in there else word.split(",") for word in words)
    names = [name for part in parts for name in part if name]
    if not names:
        raise RefusedError("the name of a metric is wanted, and this is none")
    return names


def _foremost(runs: Iterable[RunSummary]) -> list[str]:
    names = {name for run in runs for name in run.metrics}
    if not names:
        raise NotFoundError("These runs have no metrics: there is nothing to draw")
    return [min(names, key=order_of)]


def _format_of(output: str) -> str:
    ending = Path(output).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        known = ", ".join(f".{each}" for each in FORMATS)
        raise RefusedError(f"'{clean_text(output)}' ends in none of {known}: which is it to be?")
    return ending


def _size_of(text: str | None, *, is_picture: bool) -> tuple[int, int] | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    least, most = (_LEAST_PIXELS, _PIXELS) if is_picture else (_LEAST_CELLS, _CELLS)
    if not all(a <= b <= c for a, b, c in zip(least, size, most, strict=True)):
        unit = "pixels" if is_picture else "columns and rows"
        raise RefusedError(
            f"--size is WxH in {unit}, from {least[0]}x{least[1]} to {most[0]}x{most[1]}, "
            f"not '{clean_text(text)}'"
        )
    return size


# --- In the terminal -----------------------------------------------------------------------


def print_plot(plot: Plot, size: tuple[int, int] | None = None) -> None:
    """A chart for each metric, in so many columns and rows; None is what there is room for."""
    rows, columns = terminal.size(1)
    charts = [
        Chart(
            clean_text(name), plot.goals[name], [_trace(each, plot.goals[name]) for each in those]
        )
        for name, those in plot.curves.items()
    ]
    if size is None:
        width = min(columns or _PLAIN_WIDTH, _CELLS[0])
        size = width, height_of(charts, width, rows) if rows else _PLAIN_HEIGHT
    offset = time.localtime().tm_gmtoff
    frame = Frame(_KINDS[plot.axis], plot.log, utc_offset_seconds=offset)
    coloured = terminal.supports_colour(1)
    drawn = page(charts, *size, frame, plot.smoothing, coloured=coloured)
    if plot.title:
        drawn.insert(0, [("title", clean_text(plot.title))])
    print_rows(drawn)


def _trace(curve: Curve, goal: Goal | None) -> Trace:
    best = None if goal is None else getattr(curve.series, goal)
    return Trace(curve.label, curve.number, curve.points, curve.series.last, best)


# --- As a picture --------------------------------------------------------------------------


def _panels(plot: Plot) -> list[Panel]:
    divisor, _ = _unit(plot)
    return [
        Panel(
            cut_middle(clean_text(name), _TITLE_COLUMNS),
            [_line(each, plot.smoothing, divisor) for each in those],
        )
        for name, those in plot.curves.items()
    ]


def _look(plot: Plot, size: tuple[int, int] | None) -> Look:
    numbers = {each.number: each for those in plot.curves.values() for each in those}
    title = plot.title or (next(iter(numbers.values())).run.title if len(numbers) == 1 else "")
    offset = time.localtime().tm_gmtoff if plot.axis is Axis.TIME else None
    return Look(_unit(plot)[1], clean_text(title), plot.log, size, offset)


def _unit(plot: Plot) -> tuple[float, str]:
    """What places are divided by, and what stands below them."""
    if plot.axis is not Axis.RELATIVE:
        return 1, plot.axis.value
    longest = max((x for those in plot.curves.values() for c in those for x in c.points.ends),
                  default=0.0)  # fmt: skip
    found = ((divisor, unit) for least, divisor, unit in _UNITS if longest >= least)
    divisor, unit = next(found, (1, "seconds"))
    return divisor, f"{unit} since the first value"


def _line(curve: Curve, smoothing: float, divisor: float = 1) -> Line:
    """The points by their places: of a run that went back to an earlier step, too."""
    points = curve.points
    order = sorted(range(len(points.begins)), key=points.begins.__getitem__)
    raw = [points.last[i] for i in order]
    average = smoothed(points, smoothing) if smoothing else None
    is_folded = curve.series.width > 1
    gaps = [points.low[i] > points.high[i] for i in order]
    low = [math.nan if gap else points.low[i] for i, gap in zip(order, gaps, strict=True)]
    high = [math.nan if gap else points.high[i] for i, gap in zip(order, gaps, strict=True)]
    return Line(
        label=cut_middle(curve.label, _TITLE_COLUMNS),
        x=[points.begins[i] / divisor for i in order],
        y=raw if average is None else [average[i] for i in order],
        low=low if is_folded else None,
        high=high if is_folded else None,
        raw=None if average is None else raw,
        number=curve.number,
    )


# --- As points -----------------------------------------------------------------------------


def _as_json(plot: Plot, x: str) -> Record:
    metrics = [
        {
            "metric": name,
            "goal": plot.goals[name],
            "curves": [_points(c, plot.smoothing) for c in those],
        }
        for name, those in plot.curves.items()
    ]
    return {"x": x, "smoothing": plot.smoothing, "metrics": metrics}


def _points(curve: Curve, smoothing: float) -> Record:
    line = _line(curve, smoothing)
    return {
        "project": curve.run.project,
        "run_id": curve.run.run_id,
        "count": curve.series.count,
        "points_each": curve.series.width,
        "x": line.x,
        "y": line.y if line.raw is None else line.raw,
        "smoothed": None if line.raw is None else line.y,
        "low": line.low,
        "high": line.high,
    }
