"""Verifies forecasts against observed frames."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import numpy as np
from xarray import DataArray

from ingest.grid import same_grid
from service.archive.archive import Archive
from service.archive.key import Key, ledger_key, to_datetime, to_time
from service.errors import NoFrame
from service.ledger import sum_rows
from service.ledger.ledger import Ledger
from service.pipeline.rain_sums.sum_verification import verify_sums
from service.skill.pending import enter_each
from service.skill.verification import seen_by_all, sums

log = logging.getLogger(__name__)

MISSING_AFTER = timedelta(hours=6)
"""Age from which an observed frame counts as missing, if newer ones have come: otherwise the radar
is unavailable, or the clock is wrong."""

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


def comparable(
    forecasts: dict[Key, DataArray], observed: DataArray, step: np.timedelta64
) -> dict[Key, DataArray]:
    """Return one lead time (y, x) of the forecasts that have it on the grid of a frame (y, x)."""
    return {
        key: forecast.sel(lead_time=step)
        for key, forecast in forecasts.items()
        if step in forecast.lead_time.values and same_grid(forecast, observed)
    }
