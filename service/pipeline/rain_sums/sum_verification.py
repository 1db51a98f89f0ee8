"""Verifies the rain sums of an hour: counts by threshold, and the error of their probability."""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.accumulation import (
    STEP_MINUTES,
    amount,
    fewest_rates,
    rate_total,
)
from ingest.grid import same_grid
from ingest.precipitation import INTERVAL
from model_zoo.forecasters import motion
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.ensemble import NoProbabilities, ensemble_members, ensemble_seed
from service.archive.archive import Archive
from service.archive.key import Key, Time, key_of, ledger_key
from service.errors import NoForecast, NoFrame
from service.ledger import sum_rows
from service.ledger.ledger import Ledger
from service.pipeline.rain_sums.area_sums import TOLERANCE
from service.pipeline.rain_sums.sources import has_steps
from service.skill.pending import enter_each
from service.skill.verification import Row, rows_of, seen_by_all
from verification import count

log = logging.getLogger(__name__)

THRESHOLDS = (5.0, 10.0, 15.0, 25.0)
"""Thresholds of verification, in mm."""
STEPS = sum_rows.SUM_MINUTES // STEP_MINUTES
FRAMES = motion.SPAN_MINUTES // STEP_MINUTES + 1
"""Frames that tell the structure of the event."""
DRAWN_EVERY = np.timedelta64(30, "m")
"""Issues at multiples of it have their probabilities verified: an ensemble costs as much as a
forecast, and issues minutes apart are of the same weather."""
LATE = np.timedelta64(30, "m")
"""Time after the hour up to which a missing frame of it is waited for."""


class Ensemble(Protocol):
    """Draws members of a forecast."""

    def __call__(self, archive: Archive, forecast: DataArray) -> NDArray[np.floating] | None:
        """Return members (member, lead_time, y, x) in mm/h; None if the forecast has none."""


def drawn_members(archive: Archive, forecast: DataArray) -> NDArray[np.floating] | None:
    """Draw the members (member, lead_time, y, x) of a forecast (lead_time, y, x) in mm/h.

    They are those that `Ensembles` derives, at some of the lead times in part of the time.

    Returns:
        None if it has no exceedance probabilities, or the frames it starts from are missing.
    """
    key = key_of(forecast)
    try:
        frames = archive.frames(key.issue - np.arange(FRAMES) * INTERVAL)
        if frames["time"].values[-1] != key.issue or not same_grid(frames, forecast):
            return None
        return ensemble_members(forecast, frames, seed=ensemble_seed(key.model, key.issue))
    except (NoFrame, NoProbabilities, NotEnoughFrames):
        return None


def verify_sums(
    archive: Archive,
    ledger: Ledger,
    now: datetime,
    unfinished: Collection[datetime] = (),
    ensemble: Ensemble = drawn_members,
) -> int:
    """Verify all pending sums whose radar has come.

    All forecasts of an issue are counted on the cells where radar and each of them has a sum. One
    that fails stops no other, and is tried again at the next call.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of the sums.
        now: Current time.
        unfinished: Issues to skip, since more of their forecasts are being made.
        ensemble: Draws the members of a forecast.

    Returns:
        The number of sums verified; one verified by another process counts there only.

    Raises:
        LedgerAway: The database is unreachable.
    """

    def enter_sum(keys: list[Key], lead: int) -> int:
        observed = observed_sum(archive, keys[0].issue + np.timedelta64(lead, "m"))
        return 0 if observed is None else enter(archive, ledger, keys, lead, observed, ensemble)

    return enter_each(sum_rows.pending(ledger.engine, now), unfinished, enter_sum, "sums")


def observed_sum(archive: Archive, end: Time) -> DataArray | None:
    """Return the measured sum (y, x) of the hour that ends at a time in mm, NaN for no data.

    Returns:
        None if its last frame or too many others are missing, or a missing one may still arrive.
    """
    times = end - np.arange(STEPS) * INTERVAL
    if not archive.has_frame(end):
        return None
    number = sum(map(archive.has_frame, times))
    if number < fewest_rates(STEPS):
        return None
    newest = archive.latest_frame()
    if number < STEPS and newest is not None and newest < end + LATE:
        return None
    try:
        frames = archive.frames(times)
    except NoFrame:  # damaged just now
        return None
    sums = amount(rate_total(frames.values), STEPS)
    return frames.isel(time=-1).reset_coords(drop=True).copy(data=sums)


def enter(
    archive: Archive,
    ledger: Ledger,
    keys: list[Key],
    lead: int,
    observed: DataArray,
    ensemble: Ensemble,
) -> int:
    """Verify the sums of the hour before one lead time, in min, of forecasts of one issue.

    `observed` is the measured sum (y, x) in mm.

    Returns:
        The number of forecasts that no other process had verified.
    """
    hour = slice(lead // STEP_MINUTES - STEPS, lead // STEP_MINUTES)
    forecasts = {}
    for key in archive.forecasts(keys[0].issue):
        try:
            forecast = archive.full_forecast(key)
        except NoForecast:  # damaged
            continue
        if has_steps(forecast) and same_grid(forecast, observed):
            forecasts[key] = forecast.isel(lead_time=hour)
    sums = {key: forecast_sum(forecast, observed) for key, forecast in forecasts.items()}
    truth = seen_by_all(observed, sums.values())
    issue = keys[0].issue
    is_drawn = (issue - issue.astype("datetime64[D]")) % DRAWN_EVERY == np.timedelta64(0)
    done = 0
    for key in keys:
        if key in sums:
            members = ensemble(archive, forecasts[key]) if is_drawn else None
            rows = sum_counts(sums[key], truth, members)
            row = ledger_key(key) | {"lead_minutes": lead}
            done += sum_rows.enter(ledger.engine, row, rows)
    return done


def forecast_sum(forecast: DataArray, like: DataArray) -> DataArray:
    """Return the sum (y, x) of an hour of a forecast (lead_time, y, x) in mm, NaN for no data."""
    return like.copy(data=amount(rate_total(forecast.values), STEPS))


def sum_counts(
    forecast: DataArray, observed: DataArray, members: NDArray[np.floating] | None
) -> list[Row]:
    """Return the counts of a sum (y, x) in mm by threshold, with the error of its probability.

    Args:
        forecast: Sum of the forecast.
        observed: Measured sum; cells that are NaN are not compared.
        members: Rates (member, lead_time, y, x) of the hour in mm/h; None without an ensemble.
    """
    rows = rows_of(count(forecast, observed, THRESHOLDS, over=["y", "x"]))
    drawn = None if members is None else amount(rate_total(members, axis=1), STEPS)
    return [row | probability_error(drawn, observed, row["threshold"]) for row in rows]


def probability_error(
    drawn: NDArray[np.float64] | None, observed: DataArray, threshold: float
) -> Row:
    """Return the sum of the squared errors of the probability of a threshold, and its cells.

    Args:
        drawn: Sums (member, y, x) in mm; None without an ensemble.
        observed: Measured sum (y, x) in mm.
        threshold: In mm.
    """
    if drawn is None:
        return {"n_probable": 0, "squared": 0.0}
    compared = ~(np.isnan(observed.values) | np.isnan(drawn).any(axis=0))
    probability = (drawn[:, compared] >= threshold - TOLERANCE).mean(axis=0)
    event = observed.values[compared] >= threshold
    squared = float(((probability - event) ** 2).sum())
    return {"n_probable": int(compared.sum()), "squared": squared}
