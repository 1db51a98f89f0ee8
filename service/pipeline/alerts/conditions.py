"""Whether a forecast fulfils the condition of a subscription, and from when to when."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import Geometry
from xarray import DataArray

from ingest.grid import cell
from ingest.precipitation import exceedance_probabilities
from service.archive.archive import SUSPECT
from service.archive.key import time_of
from service.pipeline.alerts.subscription import Point, Subscription

Cells = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns (cell,)."""
EARTH = Geod(ellps="WGS84")
METRES = 1000.0
MINUTE = np.timedelta64(1, "m")
CERTAIN = 1.0
"""Probability of what radar measures."""


class Finding(NamedTuple):
    """What a forecast says about a condition.

    Attributes:
        fulfilled: Whether it is fulfilled now or up to its longest lead time; None if that is
            unknown, since data are missing or suspect.
        begins: First valid time at which it is fulfilled; None if at none.
        ends: First valid time after the last one at which it is fulfilled; None if that is beyond
            the forecast or unknown.
        peak: Largest rate in mm/h in the area at any lead time; None for no data.
        probability: Largest probability in the area; None for a condition without one.
    """

    fulfilled: bool | None
    begins: np.datetime64 | None = None
    ends: np.datetime64 | None = None
    peak: float | None = None
    probability: float | None = None


UNKNOWN = Finding(None)


def find(subscription: Subscription, forecast: DataArray, frame: DataArray) -> Finding:
    """Compare a forecast with the condition of a subscription.

    Args:
        subscription: Where, and what is waited for.
        forecast: (lead_time, y, x) in mm/h with its exceedance probabilities, NaN for no data.
        frame: (y, x) in mm/h that it starts from, on the same grid.

    Raises:
        OutsideGrid: The place or area lies outside the grid.
    """
    if SUSPECT in forecast.attrs or SUSPECT in frame.attrs:
        return UNKNOWN
    condition = subscription.condition
    rows, columns = cells_of(subscription, forecast)
    rates = np.concatenate([frame.values[rows, columns][None], forecast.values[:, rows, columns]])
    values, bound = rates, np.float32(condition.rate_mm_h)
    if condition.probability is not None:
        forecast_probability = exceedance_probabilities(forecast).get(condition.rate_mm_h)
        if forecast_probability is None:
            return UNKNOWN
        now = np.where(np.isnan(rates[0]), np.nan, CERTAIN * (rates[0] >= bound))
        values = np.concatenate([now[None], forecast_probability.values[:, rows, columns]])
        bound = np.float32(condition.probability)
    times = np.concatenate([[time_of(forecast["forecast_reference_time"])], forecast["time"]])
    leads = np.concatenate([[0], forecast["lead_time"].values / MINUTE])
    over = np.asarray((values >= bound).any(axis=1))
    lacking = np.asarray(np.isnan(values).any(axis=1))
    near = leads <= condition.lead_minutes
    fulfilled: bool | None = bool(over[near].any())
    if not fulfilled and lacking[near].any():
        fulfilled = None
    reached = np.flatnonzero(over)
    return Finding(
        fulfilled,
        begins=times[reached[0]] if reached.size else None,
        ends=end_of(over, lacking, times),
        peak=largest(rates),
        probability=None if condition.probability is None else largest(values),
    )


def end_of(
    over: NDArray[np.bool_], lacking: NDArray[np.bool_], times: NDArray[np.datetime64]
) -> np.datetime64 | None:
    """Return the first of times (time,) after the last one over a bound; None if unknown."""
    reached = np.flatnonzero(over)
    if not reached.size or reached[-1] + 1 == len(times) or lacking[reached[-1] + 1 :].any():
        return None
    end: np.datetime64 = times[reached[-1] + 1]
    return end


def largest(values: NDArray[np.floating]) -> float | None:
    """Return the largest of values (time, cell); None if all are no data."""
    return None if np.isnan(values).all() else round(float(np.nanmax(values)), 2)


def cells_of(subscription: Subscription, field: DataArray) -> Cells:
    """Return the cells of a field (..., y, x) that a subscription is about.

    Raises:
        OutsideGrid: There are none.
    """
    if subscription.point is not None:
        return around(field, subscription.point)
    assert subscription.area is not None
    return within(field, subscription.area.geometry)


def around(field: DataArray, point: Point) -> Cells:
    """Return the cell of a field (..., y, x) that holds a place, and those near it.

    Raises:
        OutsideGrid: The place lies outside the grid.
    """
    row, column = cell(field, point.lon, point.lat)
    near = np.zeros(field.shape[-2:], bool)
    if point.radius_km:
        lon, lat = field["lon"].values, field["lat"].values
        here = np.broadcast_to(point.lon, lon.shape), np.broadcast_to(point.lat, lon.shape)
        near = np.asarray(EARTH.inv(*here, lon, lat)[2]) <= point.radius_km * METRES
    near[row, column] = True
    rows, columns = np.nonzero(near)
    return rows, columns


def within(field: DataArray, area: Geometry) -> Cells:
    """Return the cells of a field (..., y, x) with their centres in an area, or its middle one.

    Raises:
        OutsideGrid: The area lies outside the grid.
    """
    inside = shapely.contains_xy(area, field["lon"].values, field["lat"].values)
    if inside.any():
        rows, columns = np.nonzero(inside)
        return rows, columns
    middle = area.representative_point()
    row, column = cell(field, middle.x, middle.y)
    return np.array([row]), np.array([column])
