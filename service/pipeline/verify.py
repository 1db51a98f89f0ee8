"""Forecasts are counted against the frames that came."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np

from ingest.grid import same_grid
from service.archive.archive import Archive
from service.archive.key import Key, ledger_key, to_datetime, to_time
from service.ledger.ledger import Ledger
from service.skill.verification import seen_by_all, sums

log = logging.getLogger(__name__)

MISSING_AFTER = timedelta(hours=6)
"""A truth frame that has not come by then will not be waited for, if newer ones have: else the
radar is away, or the clock is wrong."""


def verify(
    archive: Archive, ledger: Ledger, now: datetime, unfinished: Collection[datetime] = ()
) -> int:
    """Verify every lead whose frame has come. Returns how many; one that others verify at the same
    time counts once.

    All forecasts of an issue are counted on the cells where the frame and each of them has data.

    Args:
        unfinished: Issues that are left for later, as more forecasts of them are on their way.
    """
    waiting: dict[tuple[datetime, int], list[Key]] = {}
    for row in ledger.pending(now):
        if row["issue"] not in unfinished and archive.has_frame(to_time(row["valid_time"])):
            key = Key(to_time(row["issue"]), row["model"], row["weights"])
            waiting.setdefault((row["issue"], row["lead_minutes"]), []).append(key)
    done = sum(enter(archive, ledger, keys, lead) for (_, lead), keys in waiting.items())
    newest = archive.latest_frame()
    if newest is not None:
        ledger.give_up(min(now - MISSING_AFTER, to_datetime(newest)))
    return done


def enter(archive: Archive, ledger: Ledger, keys: list[Key], lead: int) -> int:
    """Verify one lead, in minutes, of forecasts of one issue. Returns of how many it was the first
    to do so."""
    issue, step = keys[0].issue, np.timedelta64(lead, "m")
    observed = archive.frame(issue + step).isel(time=0)
    compared = {
        key: forecast.sel(lead_time=step)
        for key, forecast in archive.forecasts(issue).items()
        if step in forecast.lead_time.values and same_grid(forecast, observed)
    }
    truth = seen_by_all(observed, compared.values())
    done = 0
    for key in keys:
        if key in compared:
            row = ledger_key(key) | {"lead_minutes": lead}
            done += ledger.verified(row, *sums(compared[key], truth))
        else:
            log.warning("%s cannot be verified at +%d min: no file, or another grid", key.id, lead)
    return done
