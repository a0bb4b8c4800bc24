"""A series along the axis that charts have."""

from array import array
from collections.abc import Sequence
from itertools import pairwise

from mlterm.core.series import Points, Series
from mlterm.ui.state import Axis

_MOST_RETURNS = 2
"""A run that was gone on with from a checkpoint goes back a few times; a bar in each epoch."""

_FAR = 0.25
"""Of all steps so far."""


def points_along(series: Series, axis: Axis) -> Points:
    """Its columns; on the relative axis the seconds since its first point. Steps that begin anew
    again and again, as a bar's in each epoch do, are told by their order."""
    points = series.points(axis.of_series)
    if axis is Axis.STEP and _begins_anew(points.begins):
        places = array("d", (number * series.width for number in range(len(points.begins) + 1)))
        return points._replace(begins=places[:-1], ends=places[1:])
    if axis is Axis.RELATIVE and len(points.begins):
        start = points.begins[0]
        begins = array("d", (x - start for x in points.begins))
        return points._replace(begins=begins, ends=array("d", (x - start for x in points.ends)))
    return points


def _begins_anew(places: Sequence[float]) -> bool:
    """Ranks that log side by side go back all the time, but not far; and more often they go on."""
    returns = sum(map(float.__gt__, places, places[1:]))
    if returns <= _MOST_RETURNS:
        return False
    far = _FAR * (max(places) - min(places))
    far_ones = sum(one - other > far for one, other in pairwise(places))
    return far_ones > _MOST_RETURNS or 2 * returns > len(places)
