"""A series along the axis that charts have."""

from array import array

from mlterm.core.along import steady_points
from mlterm.core.series import Points, Series
from mlterm.ui.state import Axis


def points_along(series: Series, axis: Axis) -> Points:
    """Its columns; on the relative axis the seconds since its first point."""
    points = steady_points(series, axis.of_series)
    if axis is Axis.RELATIVE and len(points.begins):
        start = points.begins[0]
        begins = array("d", (x - start for x in points.begins))
        return points._replace(begins=begins, ends=array("d", (x - start for x in points.ends)))
    return points
