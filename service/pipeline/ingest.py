"""Ingests radar files: checks and resamples them to the model grid, or quarantines them."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from xarray import DataArray

from ingest import BadField, parse
from ingest.domain import Domain
from ingest.errors import IngestError, NotRead
from ingest.grid import MODEL_FACTOR, same_grid
from ingest.plausibility import Beside, judge
from ingest.sources.stored_files import StoredFile, stored_files
from model_zoo.forecasters.contract import HORIZON, LEAD_STEP, NO_WEIGHTS
from service.archive.archive import Archive
from service.archive.key import Key, iso, time_of, to_datetime, to_time
from service.errors import NoFrame
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.record import note
from service.pipeline.served_models import PROVIDER_MODEL

log = logging.getLogger(__name__)

UNREAD = "unread"
"""Outcome of a file that the machine had no time or memory to read; the ledger has no row of it."""
CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the time of a frame can be ahead of the clock."""

BESIDE_MINUTES = (5, 10, 15, 20, 25, 30, -5, -10)
"""Ages of the frames a frame is compared with, relative to it, in min; negative are later."""


def ingest_file(archive: Archive, ledger: Ledger, path: Path, now: datetime) -> Arrival:
    """Ingest a radar file on disk, or all files of a tar archive; see `ingest_bytes`.

    Returns:
        The arrival of the last file.
    """
    for file in stored_files(path):
        arrival = ingest_stored(archive, ledger, file, now)
    return arrival


def ingest_stored(
    archive: Archive,
    ledger: Ledger,
    file: StoredFile,
    now: datetime,
    read_field: Callable[[], DataArray] | None = None,
) -> Arrival:
    """Ingest a file that was read from disk or from an archive; see `ingest_bytes`.

    Returns:
        The arrival; its outcome is `UNREAD` if the machine had no time or memory to read it.
    """
    read_field = read_field or partial(field_of, file, archive.domain)
    try:
        return ingest_bytes(archive, ledger, file.data, file.name, now, read_field)
    except NotRead as error:
        log.warning("%s is not read: %s", file.name, error)
        fingerprint = fingerprint_of(file.data, file.name)
        return Arrival(fingerprint, file.name, UNREAD, now, reason=str(error))


def fingerprint_of(data: bytes, name: str) -> str:
    """Return the SHA-256 of content and name; the name tells empty files apart."""
    return hashlib.sha256(data + name.encode()).hexdigest()


def field_in(data: bytes, name: str, domain: Domain | None) -> DataArray:
    """Return the field in a file: (time, y, x), or (lead_time, y, x) of a forecast, in mm/h.

    It is on the model grid, NaN for no data; of another domain than Germany on that of the domain.

    Raises:
        BadField: The file has no valid field.
        NotRead: The machine is too busy to read it now.
    """
    try:
        if domain is not None:
            from ingest.composites.domain_frames import parse_frame  # imports GDAL

            return parse_frame(data, name, domain)
        return parse(data, name, factor=MODEL_FACTOR)
    except (IngestError, OSError, MemoryError):
        raise
    except Exception as error:
        log.exception("bug in reading %s", name)
        raise BadField(f"{name}: cannot be read ({type(error).__name__}: {error})") from error


def field_of(file: StoredFile, domain: Domain | None) -> DataArray:
    """Return the field in a file that was read, as `field_in`.

    Raises:
        BadField: The file has no valid field, or could not be read.
    """
    if file.refused:
        raise BadField(f"{file.name}: {file.refused}")
    return field_in(file.data, file.name, domain)


def ingest_bytes(
    archive: Archive,
    ledger: Ledger,
    data: bytes,
    name: str,
    now: datetime,
    read_field: Callable[[], DataArray] | None = None,
) -> Arrival:
    """Ingest a radar file: check it, resample it to the model grid and store it.

    An invalid file is quarantined with the reason. A file that came before changes nothing, except
    that a quarantined one is checked again, and that what the archive has lost is put back.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of arrivals.
        data: Content of the file.
        name: Name of the file.
        now: Current time.
        read_field: Returns the field if the file has been parsed before.

    Returns:
        The arrival in the ledger.

    Raises:
        NotRead: The machine is too busy to read it now; nothing has changed.
        OSError: It cannot be stored.
    """
    fingerprint = fingerprint_of(data, name)
    refused = None
    read_field = read_field or partial(field_in, data, name, archive.domain)
    if known := ledger.arrival(fingerprint):
        if known.outcome != "quarantined":
            return put_back(archive, ledger, known, read_field)
        # A wrong clock may have caused the quarantine. If the file is valid now, that is another
        # arrival with a fingerprint of its own.
        refused, fingerprint = known, hashlib.sha256(known.fingerprint.encode()).hexdigest()
        if known := ledger.arrival(fingerprint):
            return known
    try:
        field = read_field()
        check_clock(field, name, now)
        outcome = keep_field(archive, ledger, field)
    except BadField as error:
        if refused is not None:
            return refused
        archive.quarantine(data, name, fingerprint, str(error))
        outcome = {"outcome": "quarantined", "reason": str(error)}
        log.warning("quarantined: %s", error)
    arrival = Arrival(fingerprint, name, arrived=now, **outcome)
    ledger.arrive(arrival)
    return arrival


def keep_field(archive: Archive, ledger: Ledger, field: DataArray) -> dict[str, Any]:
    """Store a frame (time of 1, y, x) or a provider's forecast (lead_time, y, x) in mm/h.

    Returns:
        Columns of its arrival.

    Raises:
        BadField: It cannot be what radar saw, or lacks lead times.
    """
    keep = keep_forecast if "lead_time" in field.dims else keep_frame
    return keep(archive, ledger, field)


def put_back(
    archive: Archive, ledger: Ledger, known: Arrival, read_field: Callable[[], DataArray]
) -> Arrival:
    """Store what a file held that came before, if the archive has lost it.

    Returns:
        The arrival in the ledger; as quarantined if the file is not valid any more.
    """
    if not is_lost(archive, known):
        return known
    try:
        keep_field(archive, ledger, read_field())
    except BadField as error:
        log.warning("%s was %s, and cannot be put back: %s", known.name, known.outcome, error)
        return known._replace(outcome="quarantined", reason=str(error))
    log.warning("%s was %s, but the archive had lost it: put back", known.name, known.outcome)
    return known


def is_lost(archive: Archive, known: Arrival) -> bool:
    """Whether the archive lacks what the ledger says has come."""
    if known.frame_time is None:
        return False
    time, product = to_time(known.frame_time), known.product or ""
    if known.valid_area is not None:
        return not archive.has_frame(time)
    key = Key(time, PROVIDER_MODEL.get(product, product.lower()), NO_WEIGHTS)
    return not archive.has_forecast(key)


def check_clock(field: DataArray, name: str, now: datetime) -> None:
    """Refuse a field of the future, which would be the newest frame until its time has come.

    Args:
        field: Frame (time of 1, y, x) or forecast (lead_time, y, x).
        name: Name of its file.
        now: Current time.

    Raises:
        BadField: Its time is more than `CLOCK_TOLERANCE` ahead of `now`.
    """
    stamp_name = "forecast_reference_time" if "lead_time" in field.dims else "time"
    time = to_datetime(field[stamp_name].values.ravel()[0])
    if time > now + CLOCK_TOLERANCE:
        raise BadField(
            f"{name}: content is of {iso(time)}, which is in the future of {iso(now)}; "
            f"check the file and the clock"
        )


def keep_frame(archive: Archive, ledger: Ledger, frame: DataArray) -> dict[str, Any]:
    """Store a frame (time of 1, y, x) in mm/h. Returns columns of its arrival."""
    time = frame["time"].values[0]
    product = frame.attrs["product"]
    newest = archive.latest_frame()
    outcome = "late" if newest is not None and time < newest else "accepted"
    suspect = None if archive.has_frame(time) else check_plausible(archive, frame)
    if suspect:
        frame.attrs["suspect"] = suspect
        log.warning("suspect: frame of %s: %s", iso(to_datetime(time)), suspect)
    if not archive.put_frame(frame):
        try:
            kept = archive.frame(time).attrs["product"]
        except NoFrame:  # its file was damaged, and its name is free again
            archive.put_frame(frame)
            kept = product
        if kept != product or ledger.has_accepted(to_datetime(time), product):
            outcome = "duplicate"
    return {
        "product": product,
        "frame_time": to_datetime(time),
        "outcome": outcome,
        "valid_area": float(1 - np.isnan(frame.values).mean()),
        "reason": suspect,
    }


def check_plausible(archive: Archive, frame: DataArray) -> str | None:
    """Compare a frame (time of 1, y, x) in mm/h with those shortly before and after it.

    Returns:
        Why the frame is suspect; None if it is not. A suspect frame is kept.

    Raises:
        BadField: The frame is physically impossible.
    """
    time = frame["time"].values[0]
    beside = []
    for minutes in BESIDE_MINUTES:
        try:
            other = archive.frame(time - np.timedelta64(minutes, "m"))
        except (NoFrame, OSError):
            continue
        if same_grid(frame, other):
            beside.append(Beside(other.values[0], minutes))
    found = judge(frame.values[0], beside)
    if found.impossible:
        raise BadField(f"{frame.attrs['product']} of {iso(to_datetime(time))}: {found.impossible}")
    return found.suspect or None


def keep_forecast(archive: Archive, ledger: Ledger, field: DataArray) -> dict[str, Any]:
    """Store the next two hours of a provider's forecast (lead_time, y, x) in mm/h.

    Returns:
        Columns of its arrival.

    Raises:
        BadField: The forecast lacks one of the lead times that are verified.
    """
    wanted = LEAD_STEP * np.arange(1, HORIZON + 1)
    lacking = [str(lead) for lead in wanted if lead not in field["lead_time"].values]
    product, issue = field.attrs["product"], time_of(field["forecast_reference_time"])
    if lacking:
        raise BadField(
            f"{product} of {issue} lacks the lead times {', '.join(lacking)}; fetch it again"
        )
    ahead = (field["lead_time"] > np.timedelta64(0)) & (field["lead_time"] <= wanted[-1])
    forecast = field.isel(lead_time=ahead.values)
    forecast.attrs |= {
        "model": PROVIDER_MODEL.get(product, product.lower()),
        "weights": NO_WEIGHTS,
        "radar_times": iso(to_datetime(issue)),
        "generated_at": iso(to_datetime(issue)),
    }
    kept = archive.put_forecast(forecast, history="cut to two hours by nowcast")
    note(ledger, forecast)
    is_known = not kept and ledger.has_accepted(to_datetime(issue), product)
    outcome = "duplicate" if is_known else "accepted"
    return {"product": product, "frame_time": to_datetime(issue), "outcome": outcome}
