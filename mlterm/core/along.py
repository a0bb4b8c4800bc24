"""A series along an axis: steps that begin anew again and again, as a bar's in each epoch do, are
told by their order."""

from array import array
from collections.abc import Sequence
from itertools import pairwise

from mlterm.core.places import Axis
from mlterm.core.series import Points, Series

_MOST_RETURNS = 2
"""A run that was gone on with from a checkpoint goes back a few times; a bar in each epoch."""
_FAR = 0.25
"""Of all steps so far."""


def steady_points(series: Series, axis: Axis) -> Points:
    """The columns of its buckets along the axis."""
    points = series.points(axis)
    if axis == "step" and begins_anew(points.begins):
        places = array("d", (number * series.width for number in range(len(points.begins) + 1)))
        return points._replace(begins=places[:-1], ends=places[1:])
    return points


def begins_anew(places: Sequence[float]) -> bool:
    """Whether steps do. Ranks that log side by side go back all the time, but not far; and more
    often they go on."""
    returns = sum(map(float.__gt__, places, places[1:]))
    if returns <= _MOST_RETURNS:
        return False
    far = _FAR * (max(places) - min(places))
    far_ones = sum(one - other > far for one, other in pairwise(places))
    return far_ones > _MOST_RETURNS or 2 * returns > len(places)
