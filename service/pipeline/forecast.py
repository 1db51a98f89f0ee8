"""Forecasts are made and kept: of a model, of uploaded frames, or of the best models."""

import logging
from datetime import datetime
from time import perf_counter

from xarray import DataArray

from model_zoo.errors import NoWeights
from model_zoo.forecasters.contract import HORIZON, NO_WEIGHTS, Forecaster, NotEnoughFrames
from service.archive.archive import Archive
from service.archive.key import Key, Time, iso, stamp
from service.errors import NoFrames, ServiceError
from service.ledger.ledger import Ledger
from service.pipeline import gap_filling, model_selection
from service.pipeline.record import is_kept, keep
from service.pipeline.served_models import AUTO, Forecasters

log = logging.getLogger(__name__)

TOLD = ("standard_name", "long_name", "units", "cell_methods", "grid_mapping", "product", "source")
"""Attributes that a forecast takes over from uploaded frames."""


def make_forecast(
    archive: Archive, ledger: Ledger, forecasters: Forecasters, key: Key, now: datetime
) -> None:
    """Make the forecast of a key, however it is made, and keep it.

    Raises:
        NoFrame: There is no radar frame of that time, or no such upload any more.
        NoFrames: There are too few frames before it.
        NoWeights: The model is here with other weights, or with none.
    """
    if key.model == AUTO:
        forecast_auto(archive, ledger, forecasters, key.issue, now)
        return
    forecaster = forecasters.get(key.model)
    if forecaster.weights != key.weights:
        raise NoWeights(
            f"{key.model} is here with the weights {forecaster.weights[:8]}, should be with "
            f"{key.version}; after an upgrade, start all workers and the API anew"
        )
    if key.upload:
        forecast_upload(archive, forecaster, key, now)
    else:
        forecast_model(archive, ledger, forecaster, key.issue, now)


def forecast_model(
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


def forecast_auto(
    archive: Archive, ledger: Ledger, forecasters: Forecasters, issue: Time, now: datetime
) -> Key:
    """Make the forecast of the models that were best lately; first those that are not there yet.

    A model that fails leaves it to the others.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it for any model.
    """
    key = Key(issue.astype("datetime64[ns]"), AUTO, NO_WEIGHTS)
    if is_kept(archive, ledger, key):
        return key
    keys, trouble = [], NoFrames(f"no model could forecast from {stamp(issue)}; see the log")
    for forecaster in forecasters.all_served():
        try:
            keys.append(forecast_model(archive, ledger, forecaster, key.issue, now))
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
