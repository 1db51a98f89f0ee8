"""Goes through pending lead times of forecasts: one that fails stops no other."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from service.archive.key import Key, to_time
from service.errors import LedgerAway

log = logging.getLogger(__name__)

MOST_TOLD = 3
"""Lead times that a message names of those that failed."""


def enter_each(
    rows: Iterable[Mapping[Any, Any]],
    unfinished: Collection[datetime],
    enter: Callable[[list[Key], int], int],
    subject: str,
) -> int:
    """Verify pending rows of the ledger, all forecasts of one issue and lead time together.

    One that fails is logged, and is pending still.

    Args:
        rows: The rows, with issue, lead time in min, model and weights.
        unfinished: Issues to skip, since more of their forecasts are being made.
        enter: Verifies forecasts of one issue at a lead time in min; returns how many.
        subject: What they are, in the plural, for the log.

    Returns:
        The number of rows verified.

    Raises:
        LedgerAway: The database is unreachable.
    """
    waiting: dict[tuple[datetime, int], list[Key]] = {}
    for row in rows:
        if row["issue"] not in unfinished:
            key = Key(to_time(row["issue"]), row["model"], row["weights"])
            waiting.setdefault((row["issue"], row["lead_minutes"]), []).append(key)
    done, failed = 0, dict[str, Exception]()
    for (issue, lead), keys in waiting.items():
        try:
            done += enter(keys, lead)
        except LedgerAway:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the others are verified
            failed[f"{issue:%Y-%m-%dT%H:%MZ} +{lead} min"] = error
    if failed:
        log.warning(
            "%d of %d %s could not be verified and are tried again, as %s: %s",
            len(failed),
            len(waiting),
            subject,
            ", ".join(list(failed)[:MOST_TOLD]),
            next(iter(failed.values())),
            exc_info=next(iter(failed.values())),
        )
    return done
