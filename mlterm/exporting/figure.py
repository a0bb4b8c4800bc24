"""Curves as a picture for a paper or a mail: PNG, SVG or PDF, drawn by matplotlib.

matplotlib is imported only here, and only when a picture is made. Names come from runs' files:
none of them is ever read as markup.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import compress
from typing import TYPE_CHECKING, Any, BinaryIO

from mlterm.core.errors import MltermError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DOTS_PER_INCH = 150
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Those of Okabe and Ito ("Color Universal Design", 2008) that are seen on white, and grey."""
_STROKES = ("solid", "dashed", "dotted", "dashdot")
"""What tells lines of one hue apart."""
_BESIDE = 6
"""More lines than these have their legend beside the plots."""
_MOST_NAMED = 40
_BEYOND = 1e300
"""What is larger counts as infinite, as in the terminal."""
_TIMES = (0.0, datetime(9990, 1, 1, tzinfo=UTC).timestamp())
_MARKED, _MANY = 30, 300
"""So few points are marked one by one; so many are drawn thinner."""
_SETTINGS = {
    "text.usetex": False,
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.formatter.use_mathtext": False,
    "pdf.fonttype": 42,  # letters that stay letters, as journals ask for
    "svg.hashsalt": "mlterm",
}


@dataclass(frozen=True)
class Line:
    """A curve, its points by their places; NaN is a gap."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    """Where a point stands for several: the least of them, and with ``high`` the most."""
    high: Sequence[float] | None = None
    raw: Sequence[float] | None = None
    """Of a smoothed curve, what it was."""
    number: int = 0
    """Of the run: a run looks the same in every panel."""


@dataclass(frozen=True)
class Panel:
    """The curves of one metric."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Look:
    """How panels are drawn."""

    x_label: str
    title: str = ""
    log: bool = False
    size: tuple[int, int] | None = None
    """In pixels; where None, by the number of panels."""
    utc_offset_seconds: int | None = None
    """Of the clock, where x is Unix times."""


def draw(panels: Sequence[Panel], look: Look, out: BinaryIO, kind: str) -> None:
    """Write a picture of one of the FORMATS. Raises MltermError where matplotlib is missing."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MltermError("Pictures need matplotlib: pip install 'mlterm[plot]'") from None
    rows, columns = _grid(len(panels))
    width, height = look.size or (int(columns * 900), int(rows * 600 if rows > 1 else 675))
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that no font has are shown as boxes
        inches = width / DOTS_PER_INCH, height / DOTS_PER_INCH
        figure = Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True).flat
        for axis, panel in zip(axes, panels, strict=False):
            _draw_panel(axis, panel, look)
        if look.utc_offset_seconds is None and _are_counted(panels):
            figure.axes[0].xaxis.get_major_locator().set_params(integer=True)
        _label_places(list(figure.axes), len(panels), columns, look)
        _draw_legend(figure, panels)
        if look.title:
            figure.suptitle(look.title, parse_math=False)
        plain: dict[str, Mapping[str, Any]] = {
            "svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {},
        }  # fmt: skip
        figure.savefig(out, format=kind, dpi=DOTS_PER_INCH, metadata=dict(plain[kind]))


def _grid(count: int) -> tuple[int, int]:
    """Rows and columns."""
    columns = 1 if count < 2 else 2 if count < 7 else 3
    return -(-count // columns), columns


def _are_counted(panels: Sequence[Panel]) -> bool:
    """Whether all places are whole numbers, so that no half of one is worth a tick."""
    return all(float(x).is_integer() for panel in panels for line in panel.lines for x in line.x)


def _draw_panel(axis: "Axes", panel: Panel, look: Look) -> None:
    axis.set_ylabel(panel.title, parse_math=False)
    if look.log:
        axis.set_yscale("log", nonpositive="mask")
    lines = [_within(line, look) for line in panel.lines]
    for line in lines:
        _draw_line(axis, line, look)
    drawable = (value for line in lines for value in _finite(line.y))
    if not any(value > 0 if look.log else value == value for value in drawable):
        words = "no value above 0" if look.log else "no finite value"
        axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", color="0.5")


def _draw_line(axis: "Axes", line: Line, look: Look) -> None:
    x = _dates(line.x, look.utc_offset_seconds)
    values = _finite(line.y)
    hue = HUES[line.number % len(HUES)]
    stroke = _STROKES[line.number // len(HUES) % len(_STROKES)]
    marked = _alone(values) if len(values) > _MARKED else list(range(len(values)))
    thick = 1.0 if len(values) > _MANY and line.raw is None else 1.5
    axis.plot(
        x, values, color=hue, linestyle=stroke, linewidth=thick, marker="o", markersize=3,
        markevery=marked,
    )  # fmt: skip
    if line.raw is not None:
        axis.plot(x, _finite(line.raw), color=hue, linewidth=0.8, alpha=0.3, zorder=1)
    if line.low is not None and line.high is not None:
        axis.fill_between(
            x, _finite(line.low), _finite(line.high), color=hue, alpha=0.18, linewidth=0
        )


def _within(line: Line, look: Look) -> Line:
    """Without the points that lie where matplotlib finds no ticks."""
    low, high = (-_BEYOND, _BEYOND) if look.utc_offset_seconds is None else _TIMES
    kept = [low < x < high for x in line.x]
    if all(kept):
        return line
    columns: dict[str, Any] = {
        name: list(compress(column, kept))
        for name, column in vars(line).items()
        if name in ("x", "y", "low", "high", "raw") and column is not None
    }
    return replace(line, **columns)


def _finite(values: Sequence[float]) -> list[float]:
    return [value if abs(value) < _BEYOND else math.nan for value in values]


def _alone(values: Sequence[float]) -> list[int]:
    """The points that no line leads to: those between two gaps."""
    padded = [math.nan, *values, math.nan]
    around = zip(padded, values, padded[2:], strict=False)
    return [
        number
        for number, (before, value, behind) in enumerate(around)
        if value == value and before != before and behind != behind
    ]


def _dates(x: Sequence[float], utc_offset_seconds: int | None) -> Sequence[Any]:
    if utc_offset_seconds is None:
        return x
    zone = timezone(timedelta(seconds=utc_offset_seconds))
    return [datetime.fromtimestamp(each, UTC).astimezone(zone) for each in x]


def _label_places(axes: list["Axes"], count: int, columns: int, look: Look) -> None:
    """Below the last panel of each column; places without a panel stay empty."""
    for number, axis in enumerate(axes):
        if number >= count:
            axis.set_visible(False)
        elif number + columns >= count:
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(look.x_label)
        if look.utc_offset_seconds is not None:
            from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

            zone = timezone(timedelta(seconds=look.utc_offset_seconds))
            locator = AutoDateLocator(tz=zone)
            axis.xaxis.set_major_locator(locator)
            axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))


def _draw_legend(figure: "Figure", panels: Sequence[Panel]) -> None:
    """The runs, where there are several: over the plot, or beside it where they are many."""
    from matplotlib.lines import Line2D

    labels = {line.number: line.label for panel in panels for line in panel.lines}
    if len(labels) < 2:
        return
    numbers = sorted(labels)[:_MOST_NAMED]
    handles = [
        Line2D([], [], color=HUES[n % len(HUES)], linestyle=_STROKES[n // len(HUES) % 4], lw=1.5)
        for n in numbers
    ]
    texts = [labels[n] for n in numbers]
    if len(labels) > _MOST_NAMED:
        handles.append(Line2D([], [], linestyle="none"))
        texts.append(f"and {len(labels) - _MOST_NAMED} more")
    if len(texts) <= _BESIDE and len(panels) == 1:
        legend = figure.axes[0].legend(handles, [""] * len(texts), fontsize=9)
    elif len(texts) <= _BESIDE:
        legend = figure.legend(handles, [""] * len(texts), loc="outside lower center", ncols=3)
    else:
        legend = figure.legend(
            handles, [""] * len(texts), loc="outside right upper", fontsize=8,
            ncols=1 + (len(texts) > _MOST_NAMED // 2),
        )  # fmt: skip
    # Set afterwards: matplotlib leaves out what begins with an underscore, and reads $ as markup.
    for text, words in zip(legend.get_texts(), texts, strict=True):
        text.set_parse_math(False)
        text.set_text(words)
