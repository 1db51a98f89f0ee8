"""What the service does, each thing a plain function that may be repeated at any point.

A task looks whether its product is there and stops if so; files come first and their rows in the
ledger second, so that whatever is interrupted between the two is made good by the next call. `now`
is an argument everywhere: a stored day is replayed as it would have happened.
"""

import hashlib
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from xarray import DataArray

from ingest import BadField, parse
from ingest.grid import MODEL_FACTOR, same_grid
from model_zoo.forecaster import Forecaster, NotEnoughFrames
from service.archive import Archive, Key, Time, key_of, stamp, time_of, to_datetime, to_time
from service.errors import NoFrame, NoFrames
from service.forecasters import PROVIDER_MODEL
from service.ledger import Arrival, Ledger
from service.skill import seen_by_all, sums

log = logging.getLogger(__name__)

HORIZON = 4
LEAD_STEP = np.timedelta64(30, "m")
CLOCK_TOLERANCE = timedelta(minutes=10)
"""By how much a frame may be ahead of our clock."""
MISSING_AFTER = timedelta(hours=6)
"""A truth frame that has not come by then will not be waited for."""


def ingest(archive: Archive, ledger: Ledger, path: Path, now: datetime) -> Arrival:
    """Take in a radar file that lies on disk; see `take_in`.

    Raises:
        OSError: The file cannot be read at all.
    """
    # A name on disk is any bytes, in the ledger it is text.
    name = os.fsencode(path.name).decode(errors="backslashreplace")
    return take_in(archive, ledger, path.read_bytes(), name, now)


def take_in(archive: Archive, ledger: Ledger, data: bytes, name: str, now: datetime) -> Arrival:
    """Take in a radar file that came under a name: check it, bring it to the model grid, keep it.

    A bad file goes to quarantine beside its reason. A file that came before changes nothing.
    """
    # One empty file is like the other: the name tells them apart.
    fingerprint = hashlib.sha256(data + name.encode()).hexdigest()
    if known := ledger.arrival(fingerprint):
        return known
    try:
        field = parse(data, name, factor=MODEL_FACTOR)
        check_clock(field, name, now)
        keep = keep_forecast if "lead_time" in field.dims else keep_frame
        came = keep(archive, ledger, field)
    except BadField as error:
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
    newest = archive.latest_frame()
    outcome = "late" if newest is not None and time < newest else "accepted"
    if not archive.put_frame(frame) and ledger.has_accepted(to_datetime(time)):
        outcome = "duplicate"
    return {
        "product": frame.attrs["product"],
        "frame_time": to_datetime(time),
        "outcome": outcome,
        "valid_area": float(1 - np.isnan(frame.values).mean()),
    }


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
        "weights": "none",
        "radar_times": iso(to_datetime(issue)),
        "generated_at": iso(to_datetime(issue)),
    }
    kept = archive.put_forecast(forecast, history="cut to the leads that are verified, by nowcast")
    note(ledger, forecast)
    outcome = "accepted" if kept else "duplicate"
    return {"product": product, "frame_time": to_datetime(issue), "outcome": outcome}


def forecast(
    archive: Archive, ledger: Ledger, forecaster: Forecaster, issue: Time, now: datetime
) -> Key:
    """Make the forecast of a model from the frames up to `issue`, and keep it.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it.
    """
    key = Key(issue.astype("datetime64[ns]"), forecaster.name, forecaster.weights)
    if archive.has_forecast(key):
        if not ledger.has_forecast(ledger_key(key)):
            note(ledger, archive.forecast(key))
        return key
    frames = frames_for(archive, forecaster, key.issue)
    try:
        made = forecaster(frames, horizon=HORIZON)
    except NotEnoughFrames as error:
        raise NoFrames(f"{error}; ingest more of them or take another model") from error
    made.attrs["generated_at"] = iso(now)
    kept = archive.put_forecast(made, history=f"{iso(now)} forecast by nowcast")
    note(ledger, made if kept else archive.forecast(key))
    return key


def frames_for(archive: Archive, forecaster: Forecaster, issue: Time) -> DataArray:
    """The frames a forecaster can use for a forecast issued at a time, oldest first.

    Whether enough are there of those that are useful, only the forecaster can tell, but for one
    frame alone, which none of these can do with.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: One that is required is not there.
    """
    if not archive.has_frame(issue):
        raise NoFrame(f"there is no radar frame of {stamp(issue)} to forecast from")
    needs = forecaster.needs
    lacking = [issue - age for age in needs.required if not archive.has_frame(issue - age)]
    if lacking:
        raise NoFrames(
            f"{forecaster.name} at {stamp(issue)} needs the radar frames of "
            f"{', '.join(map(stamp, lacking))} too; ingest them or take another model"
        )
    frames = archive.frames(needs.times(issue))
    if needs.useful and frames.sizes["time"] < 2:  # known before any work begins
        raise NoFrames(
            f"{forecaster.name} at {stamp(issue)} needs a radar frame of the time from "
            f"{stamp(needs.times(issue)[0])} on too; ingest one or take another model"
        )
    return frames


def note(ledger: Ledger, forecast: DataArray) -> None:
    """Enter a forecast and its leads into the ledger."""
    key = key_of(forecast)
    minutes = (forecast["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    valid = dict(zip(minutes, map(to_datetime, forecast["time"].values), strict=True))
    times = {
        "radar_time": to_datetime(key.issue),
        "generated": datetime.fromisoformat(forecast.attrs["generated_at"]),
    }
    ledger.forecast(ledger_key(key), times, valid)


def iso(moment: datetime) -> str:
    """A time as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ledger_key(key: Key) -> dict[str, object]:
    return {"model": key.model, "weights": key.weights, "issue": to_datetime(key.issue)}


def verify(archive: Archive, ledger: Ledger, now: datetime) -> int:
    """Verify every lead whose frame has come. Returns how many.

    All forecasts of an issue are counted on the cells where the frame and each of them has data.
    """
    waiting: dict[tuple[datetime, int], list[Key]] = {}
    for row in ledger.pending(now):
        if archive.has_frame(to_time(row["valid_time"])):
            key = Key(to_time(row["issue"]), row["model"], row["weights"])
            waiting.setdefault((row["issue"], row["lead_minutes"]), []).append(key)
    done = sum(enter(archive, ledger, keys, lead) for (_, lead), keys in waiting.items())
    ledger.give_up(now - MISSING_AFTER)
    return done


def enter(archive: Archive, ledger: Ledger, keys: list[Key], lead: int) -> int:
    """Verify one lead, in minutes, of forecasts of one issue. Returns how many could be."""
    issue, step = keys[0].issue, np.timedelta64(lead, "m")
    observed = archive.frame(issue + step).isel(time=0)
    compared = {
        key: forecast.sel(lead_time=step)
        for key, forecast in archive.forecasts(issue).items()
        if step in forecast.lead_time.values and same_grid(forecast, observed)
    }
    truth = seen_by_all(observed, compared.values())
    there = [key for key in keys if key in compared]
    for key in there:
        ledger.verified(ledger_key(key) | {"lead_minutes": lead}, *sums(compared[key], truth))
    for key in set(keys) - set(there):
        log.warning("%s cannot be verified at +%d min: no file, or another grid", key.id, lead)
    return len(there)
