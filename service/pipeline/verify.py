"""Verifies forecasts against observed frames."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from ingest.grid import same_grid
from ingest.precipitation import INTERVAL
from model_zoo.forecasters.contract import HORIZON, LEAD_STEP
from service.archive.archive import Archive
from service.archive.key import Key, ledger_key, to_datetime, to_time
from service.errors import NoForecast, NoFrame
from service.ledger import dry_claim_rows, sum_rows
from service.ledger.ledger import Ledger
from service.pipeline.place_summary import SHOWER, dry_places
from service.pipeline.rain_sums.sources import has_steps
from service.pipeline.rain_sums.sum_verification import FRAMES, verify_sums
from service.skill.pending import enter_each
from service.skill.verification import seen_by_all, sums

log = logging.getLogger(__name__)

MISSING_AFTER = timedelta(hours=6)
"""Age from which an observed frame counts as missing, if newer ones have come: otherwise the radar
is unavailable, or the clock is wrong."""

CLAIMS_EVERY = np.timedelta64(30, "m")
"""Issues at multiples of it have their dry places verified: issues minutes apart are of the same
weather."""

Remake = Callable[[Key], bool]
"""Has a forecast made again whose file is lost. Returns False if it cannot be."""


def cannot_be_remade(key: Key) -> bool:
    """Make no lost forecast again."""
    del key
    return False


def verify(
    archive: Archive,
    ledger: Ledger,
    now: datetime,
    unfinished: Collection[datetime] = (),
    remake: Remake = cannot_be_remade,
) -> int:
    """Verify all pending lead times whose frame has come.

    All forecasts of an issue are counted on the cells where the frame and each of them has data. A
    lead time that fails stops no other. It stays pending and is tried again at the next call, until
    it is given up with those whose frame is missing. Rain sums are verified, too.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of lead times.
        now: Current time.
        unfinished: Issues to skip, since more of their forecasts are being made.
        remake: Has lost forecasts made again, for which the others of their issue wait.

    Returns:
        The number of lead times verified; one verified by another process counts there only.

    Raises:
        LedgerAway: The database is unreachable.
    """

    def enter_lead(keys: list[Key], lead: int) -> int:
        try:
            return enter(archive, ledger, keys, lead, remake)
        except NoFrame:  # damaged, which the archive has logged
            return 0

    come = (row for row in ledger.pending(now) if archive.has_frame(to_time(row["valid_time"])))
    done = enter_each(come, unfinished, enter_lead, "lead times")
    verify_sums(archive, ledger, now, unfinished)
    newest = archive.latest_frame()
    if newest is not None:
        until = min(now - MISSING_AFTER, to_datetime(newest))
        ledger.give_up(until, unfinished)
        sum_rows.give_up(ledger.engine, until, unfinished)
    return done


def enter(
    archive: Archive,
    ledger: Ledger,
    keys: list[Key],
    lead: int,
    remake: Remake = cannot_be_remade,
) -> int:
    """Verify one lead time, in min, of forecasts of one issue.

    Returns:
        The number of forecasts that no other process had verified; 0 while a lost one is made
        again.

    Raises:
        NoFrame: The frame is damaged.
    """
    issue, step = keys[0].issue, np.timedelta64(lead, "m")
    observed = archive.frame(issue + step).isel(time=0)
    forecasts = archive.forecasts(issue)
    remade = [key for key in keys if key not in forecasts and remake(key)]
    if remade:
        forecasts = archive.forecasts(issue)
        if any(key not in forecasts for key in remade):
            return 0
    if step == HORIZON * LEAD_STEP:
        enter_dry_claims(archive, ledger, keys)
    compared = comparable(forecasts, observed, step)
    truth = seen_by_all(observed, compared.values())
    done = 0
    for key in keys:
        if key in compared:
            row = ledger_key(key) | {"lead_minutes": lead}
            done += ledger.verified(row, *sums(compared[key], truth))
        else:
            log.warning("%s cannot be verified at +%d min: no file, or another grid", key.id, lead)
    return done


def enter_dry_claims(archive: Archive, ledger: Ledger, keys: list[Key]) -> None:
    """Verify which places were called dry by forecasts of one issue, once its two hours are over.

    Nothing is entered of issues between half hours, of forecasts without lead times of five
    minutes, or where a frame is missing: then it is unknown whether it rained.
    """
    issue = keys[0].issue
    if (issue - issue.astype("datetime64[D]")) % CLAIMS_EVERY:
        return
    times = issue + np.arange(INTERVAL, HORIZON * LEAD_STEP + INTERVAL, INTERVAL)
    if not all(map(archive.has_frame, [issue, *times])):
        return
    try:
        past = archive.frames(issue - np.arange(FRAMES) * INTERVAL)
        observed = archive.frames(times)
    except NoFrame:  # damaged
        return
    if past["time"].values[-1] != issue or len(observed) < len(times):
        return
    for key in keys:
        try:
            forecast = archive.full_forecast(key)
        except NoForecast:
            continue
        if has_steps(forecast) and same_grid(forecast, past) and same_grid(observed, past):
            counts = dry_claim_counts(dry_places(forecast, past), forecast, past, observed)
            end = to_datetime(issue + HORIZON * LEAD_STEP)
            dry_claim_rows.enter(ledger.engine, ledger_key(key), end, counts)


def dry_claim_counts(
    dry: NDArray[np.bool_], forecast: DataArray, past: DataArray, observed: DataArray
) -> dict[str, int]:
    """Return contingency counts of rain at places that are not called dry.

    Args:
        dry: Places (y, x) that are called dry.
        forecast: (lead_time, y, x) in mm/h; places without data at any time are left out.
        past: Frames (time, y, x) in mm/h up to the issue time.
        observed: Frames (time, y, x) in mm/h at the lead times.
    """
    unknown = np.isnan(observed.values).any(axis=0) | np.isnan(forecast.values).any(axis=0)
    known = ~(unknown | np.isnan(past.values[-1]))
    rain = (observed.values >= SHOWER).any(axis=0)
    return {
        "hits": int((known & ~dry & rain).sum()),
        "misses": int((known & dry & rain).sum()),
        "false_alarms": int((known & ~dry & ~rain).sum()),
        "correct_negatives": int((known & dry & ~rain).sum()),
    }


def comparable(
    forecasts: dict[Key, DataArray], observed: DataArray, step: np.timedelta64
) -> dict[Key, DataArray]:
    """Return one lead time (y, x) of the forecasts that have it on the grid of a frame (y, x)."""
    return {
        key: forecast.sel(lead_time=step)
        for key, forecast in forecasts.items()
        if step in forecast.lead_time.values and same_grid(forecast, observed)
    }
