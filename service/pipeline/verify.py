"""Verifies forecasts against observed frames."""

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
"""Age from which an observed frame counts as missing, if newer ones have come: otherwise the radar
is unavailable, or the clock is wrong."""


def verify(
    archive: Archive, ledger: Ledger, now: datetime, unfinished: Collection[datetime] = ()
) -> int:
    """Verify all pending lead times whose frame has come.

    All forecasts of an issue are counted on the cells where the frame and each of them has data.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of lead times.
        now: Current time.
        unfinished: Issues to skip, since more of their forecasts are being made.

    Returns:
        The number of lead times verified; one verified by another process counts there only.
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
    """Verify one lead time, in min, of forecasts of one issue.

    Returns:
        The number of forecasts that no other process had verified.
    """
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
