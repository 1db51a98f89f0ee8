"""Forecasts are made and kept: of a model, of uploaded frames, or of the best models."""

import logging
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from xarray import DataArray

from model_zoo.errors import NoWeights
from model_zoo.forecasters.by_name import Forecaster, NotEnoughFrames
from model_zoo.forecasters.contract import NO_WEIGHTS
from service.archive.archive import Archive
from service.archive.key import Key, Time, iso, key_of, ledger_key, stamp, to_datetime
from service.errors import NoFrames, ServiceError
from service.ledger.ledger import Ledger
from service.pipeline import gap_filling, model_selection

if TYPE_CHECKING:
    from service.runtime.deployment import Deployment

log = logging.getLogger(__name__)

HORIZON = 4
TOLD = ("standard_name", "long_name", "units", "cell_methods", "grid_mapping", "product", "source")
"""Attributes that a forecast takes over from uploaded frames."""


def make(desk: "Deployment", key: Key, now: datetime) -> None:
    """Make the forecast of a key, however it is made, and keep it.

    Raises:
        NoFrame: There is no radar frame of that time, or no such upload any more.
        NoFrames: There are too few frames before it.
        NoWeights: The model is here with other weights, or with none.
    """
    if key.model == model_selection.AUTO:
        forecast_auto(desk, key.issue, now)
        return
    forecaster = desk.forecasters.get(key.model)
    if forecaster.weights != key.weights:
        raise NoWeights(
            f"{key.model} is here with the weights {forecaster.weights[:8]}, should be with "
            f"{key.version}; after an upgrade, start all workers and the API anew"
        )
    if key.upload:
        forecast_upload(desk.archive, forecaster, key, now)
    else:
        forecast(desk.archive, desk.ledger, forecaster, key.issue, now)


def forecast(
    archive: Archive, ledger: Ledger, forecaster: Forecaster, issue: Time, now: datetime
) -> Key:
    """Make the forecast of a model from the frames up to `issue`, and keep it.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it.
    """
    key = Key(issue.astype("datetime64[ns]"), forecaster.name, forecaster.weights)
    if not is_kept(archive, ledger, key):
        made, seconds = run(forecaster, gap_filling.frames_for(archive, forecaster, key.issue))
        keep(archive, ledger, made, now, seconds)
    return key


def forecast_upload(archive: Archive, forecaster: Forecaster, key: Key, now: datetime) -> None:
    """Make a forecast from uploaded frames, and keep it beside them. No ledger hears of it.

    Raises:
        NoFrame: The frames are not kept any more.
        NoFrames: There are too few.
    """
    if archive.has_forecast(key):
        return
    frames = archive.upload(key.upload)
    frames = frames.isel(time=frames["time"].values <= key.issue)
    # of what they may say of themselves, only this is theirs to say
    frames.attrs = {name: frames.attrs[name] for name in TOLD if name in frames.attrs}
    made, _ = run(forecaster, gap_filling.complete(frames, forecaster))
    made.attrs |= {"upload": key.upload, "generated_at": iso(now)}
    archive.put_forecast(made, history=f"{iso(now)} forecast by nowcast from uploaded frames")


def forecast_auto(desk: "Deployment", issue: Time, now: datetime) -> Key:
    """Make the forecast of the models that were best lately; first those that are not there yet.

    A model that fails leaves it to the others.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it for any model.
    """
    archive, ledger = desk.archive, desk.ledger
    key = Key(issue.astype("datetime64[ns]"), model_selection.AUTO, NO_WEIGHTS)
    if is_kept(archive, ledger, key):
        return key
    keys, trouble = [], NoFrames(f"no model could forecast from {stamp(issue)}; see the log")
    for forecaster in desk.forecasters.all_served():
        try:
            keys.append(forecast(archive, ledger, forecaster, key.issue, now))
        except NoFrames as error:
            trouble = error
        except (ServiceError, OSError):  # no fault of the model
            raise
        except Exception:
            log.exception("%s failed, and has no part in the choice", forecaster.name)
    if not keys:
        raise trouble
    keep(
        archive,
        ledger,
        model_selection.best(ledger, {key: archive.forecast(key) for key in keys}),
        now,
    )
    return key


def run(forecaster: Forecaster, frames: DataArray) -> tuple[DataArray, float]:
    """The forecast from some frames, and how many seconds it took.

    Raises:
        NoFrames: There are too few.
    """
    begun = perf_counter()
    try:
        made = forecaster(frames, horizon=HORIZON)
    except NotEnoughFrames as error:
        raise NoFrames(f"{error}; ingest more of them or take another model") from error
    return made, perf_counter() - begun


def is_kept(archive: Archive, ledger: Ledger, key: Key) -> bool:
    """Whether there is the forecast of a key; one that the ledger has not heard of is noted."""
    if not archive.has_forecast(key):
        return False
    if not ledger.has_forecast(ledger_key(key)):
        note(ledger, archive.forecast(key))
    return True


def keep(
    archive: Archive,
    ledger: Ledger,
    made: DataArray,
    now: datetime,
    duration_seconds: float | None = None,
) -> None:
    """Put a forecast into the archive and note it; where there is one already, note that one."""
    made.attrs["generated_at"] = iso(now)
    if archive.put_forecast(made, history=f"{iso(now)} forecast by nowcast"):
        note(ledger, made, duration_seconds)
    else:
        note(ledger, archive.forecast(key_of(made)))


def note(ledger: Ledger, forecast: DataArray, duration_seconds: float | None = None) -> None:
    """Enter a forecast and its leads into the ledger."""
    key = key_of(forecast)
    minutes = (forecast["lead_time"].values / np.timedelta64(1, "m")).astype(int).tolist()
    valid = dict(zip(minutes, map(to_datetime, forecast["time"].values), strict=True))
    times = {
        "radar_time": to_datetime(key.issue),
        "generated": datetime.fromisoformat(forecast.attrs["generated_at"]),
    }
    bridged = forecast.attrs.get("bridged")
    ledger.forecast(
        ledger_key(key), times, valid, bridged=bridged, duration_seconds=duration_seconds
    )
