"""Whether a forecast fulfils the condition of a subscription, and from when to when."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import Geometry
from xarray import DataArray

from ingest.accumulation import STEP_MINUTES, RateTotal, amount, running_totals
from ingest.grid import cell
from ingest.precipitation import exceedance_probabilities
from service.archive.archive import SUSPECT
from service.archive.key import time_of
from service.pipeline.alerts.subscription import Condition, Point, Subscription
from service.pipeline.rain_sums.area_sums import TOLERANCE

Cells = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns (cell,)."""
EARTH = Geod(ellps="WGS84")
METRES = 1000.0
MINUTE = np.timedelta64(1, "m")
CERTAIN = 1.0
"""Probability of what radar measures."""
SUM_STEPS = 120 // STEP_MINUTES
"""Frames of radar that the longest sum needs: those of two hours."""


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
        peak_sum: Largest sum in mm in the area, or largest mean over it; None for a condition on
            no sum, and for no data.
    """

    fulfilled: bool | None
    begins: np.datetime64 | None = None
    ends: np.datetime64 | None = None
    peak: float | None = None
    probability: float | None = None
    peak_sum: float | None = None


UNKNOWN = Finding(None)


class Series(NamedTuple):
    """What a condition is about, at the issue time and at each lead time.

    Attributes:
        values: (time, cell) of rates, probabilities or sums, NaN for no data.
        over: (time,) whether the condition is fulfilled.
    """

    values: NDArray[np.floating]
    over: NDArray[np.bool_]


def find(
    subscription: Subscription,
    forecast: DataArray,
    frame: DataArray,
    radar: NDArray[np.float32] | None = None,
) -> Finding:
    """Compare a forecast with the condition of a subscription.

    Args:
        subscription: Where, and what is waited for.
        forecast: (lead_time, y, x) in mm/h with its exceedance probabilities, NaN for no data.
        frame: (y, x) in mm/h that it starts from, on the same grid.
        radar: (step, y, x) in mm/h of the `SUM_STEPS` frames up to that one, NaN for no data;
            None where the condition is none on a sum.

    Raises:
        OutsideGrid: The place or area lies outside the grid.
    """
    if SUSPECT in forecast.attrs or SUSPECT in frame.attrs:
        return UNKNOWN
    condition = subscription.condition
    rows, columns = cells_of(subscription, forecast)
    ahead = forecast.values[:, rows, columns]
    rates = np.concatenate([frame.values[rows, columns][None], ahead])
    leads = np.concatenate([[0], forecast["lead_time"].values / MINUTE])
    if condition.sum_mm is not None:
        if radar is None or not np.array_equal(leads, np.arange(len(leads)) * STEP_MINUTES):
            return UNKNOWN
        series = sums(condition, np.concatenate([radar[:, rows, columns], ahead]))
    elif condition.probability is None:
        series = Series(rates, anywhere(rates >= np.float32(condition.rate)))
    else:
        forecast_probability = exceedance_probabilities(forecast).get(condition.rate)
        if forecast_probability is None:
            return UNKNOWN
        series = probabilities(condition, rates[0], forecast_probability.values[:, rows, columns])
    lacking = np.asarray(np.isnan(series.values).any(axis=1))
    near = leads <= condition.lead_minutes
    fulfilled: bool | None = bool(series.over[near].any())
    if not fulfilled and lacking[near].any():
        fulfilled = None
    times = np.concatenate([[time_of(forecast["forecast_reference_time"])], forecast["time"]])
    reached = np.flatnonzero(series.over)
    return Finding(
        fulfilled,
        begins=times[reached[0]] if reached.size else None,
        ends=end_of(series.over, lacking, times),
        peak=largest(rates),
        probability=None if condition.probability is None else largest(series.values),
        peak_sum=None if condition.sum_mm is None else largest(series.values),
    )


def probabilities(
    condition: Condition, now: NDArray[np.float32], forecast_probability: NDArray[np.float32]
) -> Series:
    """The probabilities of a rate: what radar measures now (cell,) is certain.

    Args:
        condition: A condition with a probability.
        now: Rates (cell,) in mm/h at the issue time.
        forecast_probability: (lead_time, cell).
    """
    measured = np.where(np.isnan(now), np.nan, CERTAIN * (now >= np.float32(condition.rate)))
    values = np.concatenate([measured[None], forecast_probability])
    assert condition.probability is not None
    return Series(values, anywhere(values >= np.float32(condition.probability)))


def sums(condition: Condition, rates: NDArray[np.float32]) -> Series:
    """The sums of the periods that end at the issue time and at each lead time.

    Of a mean, cells without data count as dry where it is compared: it is at least that.

    Args:
        condition: A condition on a sum.
        rates: (step, cell) in mm/h of `SUM_STEPS` steps up to the issue time and of each lead time.
    """
    assert condition.sum_mm is not None
    steps = condition.sum_minutes // STEP_MINUTES
    running = running_totals(rates)
    ends = np.arange(SUM_STEPS, len(rates) + 1)
    within = RateTotal(
        running.total[ends] - running.total[ends - steps],
        running.valid[ends] - running.valid[ends - steps],
    )
    values = amount(within, steps)
    least = condition.sum_mm - TOLERANCE
    if condition.sum_statistic == "maximum":
        return Series(values, anywhere(values >= least))
    means = values.mean(axis=1, keepdims=True)
    return Series(means, np.nan_to_num(values).mean(axis=1) >= least)


def anywhere(over: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return at which times (time,) a condition is fulfilled in any of the cells (time, cell)."""
    return np.asarray(over.any(axis=1))


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
