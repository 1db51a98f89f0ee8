"""Holds archive and ledger against each other, and repairs what differs.

A file without its row is entered; a frame without its file is fetched again, as far as the
provider's server still has it; a forecast without its file that waits to be verified is made again.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from service.archive.archive import DAILY, Archive
from service.archive.key import (
    Key,
    Time,
    dated,
    frame_name,
    stamp,
    to_datetime,
    to_time,
)
from service.errors import NoFrame
from service.ledger import contents
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.record import note

log = logging.getLogger(__name__)


class Checked(NamedTuple):
    """A file of the archive that was read; `damage` is empty where it is as it was stored."""

    path: str
    damage: str


class Differences(NamedTuple):
    """In what archive and ledger differ, each in the order of time."""

    frames_without_row: Sequence[Time]
    frames_without_file: Sequence[Time]
    forecasts_without_row: Sequence[Key]
    forecasts_without_file: Sequence[Key]

    def sentences(self) -> Iterator[str]:
        """Yield what differs in words, without what does not."""
        for found, words in (
            (self.frames_without_row, "frames of the archive are not in the ledger"),
            (self.frames_without_file, "frames of the ledger are not in the archive"),
            (self.forecasts_without_row, "forecasts of the archive are not in the ledger"),
            (self.forecasts_without_file, "forecasts to be verified are not in the archive"),
        ):
            if found:
                newest = found[-1]
                name = newest.id if isinstance(newest, Key) else stamp(newest)
                yield f"{len(found)} {words}, the newest is {name}"


def check_files(archive: Archive) -> Iterator[Checked]:
    """Read all frames and forecasts; damaged ones are quarantined.

    A file that cannot be read now is reported and stays.
    """
    for kind in DAILY:
        for path in archive.store.files(kind):
            if dated(path) is None:
                continue
            try:
                yield Checked(path, archive.check(path))
            except FileNotFoundError:  # removed by retention just now
                continue
            except OSError as error:
                yield Checked(path, f"cannot be read: {error}")


def differences(archive: Archive, ledger: Ledger) -> Differences:
    """Find in what archive and ledger differ, since the oldest frame of the archive.

    What the ledger has of earlier times is past its retention. Forecasts that are verified or given
    up need no file.
    """
    times = list(archive.frame_times())
    if not times:
        return Differences([], [], [], [])
    oldest = to_datetime(times[-1])
    there, accepted = set(map(to_datetime, times)), contents.frame_times(ledger, oldest)
    noted = contents.forecast_rows(ledger, oldest)
    without_row = [
        key
        for issue in archive.issues()
        if to_datetime(issue) >= oldest
        for key in archive.forecasts(issue)
        if contents.ForecastRow(key.model, key.weights, to_datetime(key.issue)) not in noted
    ]
    pending = [
        Key(to_time(row.issue), row.model, row.weights)
        for row in contents.pending_forecasts(ledger)
    ]
    return Differences(
        [to_time(time) for time in sorted(there - accepted)],
        [to_time(time) for time in sorted(accepted - there)],
        sorted(without_row, key=lambda key: key.issue),
        sorted((k for k in pending if not archive.has_forecast(k)), key=lambda key: key.issue),
    )


def repair(
    archive: Archive,
    ledger: Ledger,
    found: Differences,
    fetch: Callable[[Sequence[Time]], object],
    remake: Callable[[Key], object],
) -> None:
    """Repair what differs, one after the other; a failure is logged and stops no other.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals and forecasts.
        found: What differs.
        fetch: Fetches frames of some times again.
        remake: Makes a forecast again.
    """
    for time in found.frames_without_row:
        attempt(f"frame of {stamp(time)}", partial(enter_frame, archive, ledger, time))
    for key in found.forecasts_without_row:
        attempt(key.id, partial(enter_forecast, archive, ledger, key))
    if found.frames_without_file:
        attempt("lost frames", partial(fetch, found.frames_without_file))
    for key in found.forecasts_without_file:
        attempt(key.id, partial(remake, key))
    contents.renew_totals(ledger)


def attempt(name: str, do: Callable[[], object]) -> None:
    """Do something; a failure is logged."""
    try:
        do()
    except Exception as error:  # noqa: BLE001  whatever it is, the others are repaired
        log.warning("%s could not be repaired: %s: %s", name, type(error).__name__, error)


def enter_forecast(archive: Archive, ledger: Ledger, key: Key) -> None:
    """Enter a forecast of the archive into the ledger.

    Raises:
        NoForecast: It is damaged.
    """
    note(ledger, archive.forecast(key))


def enter_frame(archive: Archive, ledger: Ledger, time: Time) -> None:
    """Enter a frame of the archive into the ledger.

    Raises:
        NoFrame: It is damaged.
    """
    path = frame_name(time)
    frame = archive.frame(time)
    try:
        arrived = archive.store.modified(path)
    except FileNotFoundError:
        raise NoFrame(f"the radar frame of {stamp(time)} has just been removed") from None
    arrival = Arrival(
        hashlib.sha256(path.encode()).hexdigest(),
        path,
        "accepted",
        arrived,
        product=frame.attrs["product"],
        frame_time=to_datetime(time),
        reason=frame.attrs.get("suspect"),
        valid_area=float(1 - np.isnan(frame.values).mean()),
    )
    ledger.arrive(arrival)
