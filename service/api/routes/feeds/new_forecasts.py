"""Forecasts as they appear in the archive, read once a second for all streams."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from itertools import islice

from service.api.dependencies import ApiContext
from service.api.work_pools import SharedCall
from service.archive.archive import Archive
from service.archive.key import Key

POLL_SECONDS = 1.0
"""Interval at which the archive is read while there are streams, in s."""
READ_SECONDS = 30.0
"""Longest time that the archive may take, in s; then the stream ends."""
ISSUES = 24
"""Newest issue times whose forecasts are reported: two hours."""
LONGEST_SECONDS = 3600.0
"""Longest duration of a stream, in s; a client then connects again."""
NAME = "new forecasts"


async def new_forecasts(context: ApiContext, last: str | None) -> AsyncIterator[Key]:
    """Yield the forecasts of the newest issue time, then new ones as they appear.

    Args:
        context: The archive, and the call that reads it for all streams.
        last: Id of the last forecast that the client has; those since then come first.
    """
    read = partial(newest_keys, context.archive)
    shared = context.checks.setdefault(NAME, SharedCall(read, POLL_SECONDS))
    until = time.monotonic() + LONGEST_SECONDS
    known: list[Key] = await shared.result(READ_SECONDS)
    for key in missed(known, last):
        yield key
    while time.monotonic() < until:
        await asyncio.sleep(POLL_SECONDS)
        now: list[Key] = await shared.result(READ_SECONDS)
        for key in sorted({*now} - {*known}):
            yield key
        known = now


def newest_keys(archive: Archive) -> list[Key]:
    """The keys of the forecasts of the newest issue times, oldest first."""
    issues = islice(archive.forecast_keys(), ISSUES)
    return sorted(key for _, keys in issues for key in keys)


def missed(known: list[Key], last: str | None) -> list[Key]:
    """The forecasts that a client lacks: those of the newest issue time, or since its last."""
    ids = [key.id for key in known]
    if last in ids:
        return known[ids.index(last) + 1 :]
    return [key for key in known if key.issue == known[-1].issue]
