"""Radar files that come: checked, brought to the model grid and kept, or put in quarantine."""

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
from ingest.grid import MODEL_FACTOR, same_grid
from ingest.plausibility import Beside, judge
from ingest.sources.stored_files import StoredFile, stored_files
from model_zoo.forecasters.contract import HORIZON, LEAD_STEP, NO_WEIGHTS
from service.archive.archive import Archive
from service.archive.key import iso, time_of, to_datetime
from service.errors import NoFrame
from service.ledger.ledger import Arrival, Ledger
from service.pipeline.record import note
from service.pipeline.served_models import PROVIDER_MODEL

log = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(minutes=10)
"""By how much a frame may be ahead of our clock."""

BESIDE_MINUTES = (5, 10, 15, 20, 25, 30, -5, -10)
"""Before a frame, and after it: what it is held against."""


def ingest_file(archive: Archive, ledger: Ledger, path: Path, now: datetime) -> Arrival:
    """Take in a radar file that lies on disk; see `take_in`. Of an archive of many all are taken
    in, and what became of the last one is returned."""
    for file in stored_files(path):
        arrival = ingest_stored(archive, ledger, file, now)
    return arrival


def ingest_stored(archive: Archive, ledger: Ledger, file: StoredFile, now: datetime) -> Arrival:
    """Take in a file that was read from disk or from an archive; see `take_in`."""
    return take_in(archive, ledger, file.data, file.name, now, partial(field_of, file))


def fingerprint_of(data: bytes, name: str) -> str:
    """What a file is known by: as one empty file is like the other, its name belongs to it."""
    return hashlib.sha256(data + name.encode()).hexdigest()


def look_into(data: bytes, name: str) -> DataArray:
    """The field in a file on the model grid.

    Raises:
        BadField: There is none that is good.
    """
    return parse(data, name, factor=MODEL_FACTOR)


def field_of(file: StoredFile) -> DataArray:
    """The field in a file that was read, on the model grid.

    Raises:
        BadField: There is none that is good, or it was not read.
    """
    if file.refused:
        raise BadField(f"{file.name}: {file.refused}")
    return look_into(file.data, file.name)


def take_in(
    archive: Archive,
    ledger: Ledger,
    data: bytes,
    name: str,
    now: datetime,
    looked_into: Callable[[], DataArray] | None = None,
) -> Arrival:
    """Take in a radar file that came under a name: check it, bring it to the model grid, keep it.

    A bad file goes to quarantine beside its reason. A file that came before changes nothing, but
    one that was refused is looked at again.

    Args:
        looked_into: What `look_into` came to, where that has been done already.

    Raises:
        NotRead: The machine is too busy for it now; nothing has been done.
        OSError: It cannot be kept.
    """
    fingerprint = fingerprint_of(data, name)
    refused = None
    if known := ledger.arrival(fingerprint):
        if known.outcome != "quarantined":
            return known
        # It may have been refused by a clock that was wrong. Where it is good by now, that is one
        # more arrival, and has a fingerprint of its own.
        refused, fingerprint = known, hashlib.sha256(known.fingerprint.encode()).hexdigest()
        if known := ledger.arrival(fingerprint):
            return known
    try:
        field = look_into(data, name) if looked_into is None else looked_into()
        check_clock(field, name, now)
        keep = keep_forecast if "lead_time" in field.dims else keep_frame
        came = keep(archive, ledger, field)
    except BadField as error:
        if refused is not None:
            return refused
        archive.quarantine(data, name, fingerprint, str(error))
        came = {"outcome": "quarantined", "reason": str(error)}
        log.warning("quarantined: %s", error)
    arrival = Arrival(fingerprint, name, arrived=now, **came)
    ledger.arrive(arrival)
    return arrival


def check_clock(field: DataArray, name: str, now: datetime) -> None:
    """Refuse what says to be of the future: it would be the newest frame until its time has come.

    Raises:
        BadField: The field is later than any clock that is right allows.
    """
    stamp_name = "forecast_reference_time" if "lead_time" in field.dims else "time"
    time = to_datetime(field[stamp_name].values.ravel()[0])
    if time > now + CLOCK_TOLERANCE:
        raise BadField(
            f"{name}: content is of {iso(time)}, which is in the future of {iso(now)}; "
            f"check the file and the clock"
        )


def keep_frame(archive: Archive, ledger: Ledger, frame: DataArray) -> dict[str, Any]:
    time = frame["time"].values[0]
    product = frame.attrs["product"]
    newest = archive.latest_frame()
    outcome = "late" if newest is not None and time < newest else "accepted"
    suspect = None if archive.has_frame(time) else check_plausible(archive, frame)
    if suspect:
        frame.attrs["suspect"] = suspect
        log.warning("suspect: frame of %s: %s", iso(to_datetime(time)), suspect)
    if not archive.put_frame(frame):
        kept = archive.frame(time).attrs["product"]
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
    """Hold a frame against those of the half hour before and the minutes after it.

    Returns:
        Why it should be looked at, if so: it is kept all the same.

    Raises:
        BadField: It cannot be what radar saw.
    """
    time = frame["time"].values[0]
    beside = []
    for minutes in BESIDE_MINUTES:
        try:
            other = archive.frame(time - np.timedelta64(minutes, "m"))
        except NoFrame:
            continue
        if same_grid(frame, other):
            beside.append(Beside(other.values[0], minutes))
    found = judge(frame.values[0], beside)
    if found.impossible:
        raise BadField(f"{frame.attrs['product']} of {iso(to_datetime(time))}: {found.impossible}")
    return found.suspect or None


def keep_forecast(archive: Archive, ledger: Ledger, field: DataArray) -> dict[str, Any]:
    """Keep the leads we verify of a provider's own forecast.

    Raises:
        BadField: The forecast lacks one of them.
    """
    wanted = LEAD_STEP * np.arange(1, HORIZON + 1)
    lacking = [str(lead) for lead in wanted if lead not in field["lead_time"].values]
    product, issue = field.attrs["product"], time_of(field["forecast_reference_time"])
    if lacking:
        raise BadField(f"{product} of {issue} lacks the leads {', '.join(lacking)}; fetch it again")
    forecast = field.sel(lead_time=wanted)
    forecast.attrs |= {
        "model": PROVIDER_MODEL.get(product, product.lower()),
        "weights": NO_WEIGHTS,
        "radar_times": iso(to_datetime(issue)),
        "generated_at": iso(to_datetime(issue)),
    }
    kept = archive.put_forecast(forecast, history="cut to the leads that are verified, by nowcast")
    note(ledger, forecast)
    is_known = not kept and ledger.has_accepted(to_datetime(issue), product)
    outcome = "duplicate" if is_known else "accepted"
    return {"product": product, "frame_time": to_datetime(issue), "outcome": outcome}
