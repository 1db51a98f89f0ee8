"""Makes forecasts and stores them: of a model, of uploaded frames, or of the best models."""

import logging
from datetime import datetime
from time import perf_counter

from xarray import DataArray

from model_zoo.errors import NoWeights
from model_zoo.forecasters.contract import (
    HORIZON,
    NO_WEIGHTS,
    STEP_MINUTES,
    Forecaster,
    NotEnoughFrames,
)
from service.archive.archive import Archive
from service.archive.key import Key, Time, iso, stamp
from service.errors import NoForecast, NoFrames, ServiceError
from service.ledger.ledger import Ledger
from service.pipeline import gap_filling, model_selection
from service.pipeline.recent_reliability import recalibrated
from service.pipeline.record import is_kept, keep
from service.pipeline.served_models import AUTO, Forecasters

log = logging.getLogger(__name__)

LEAD_MINUTES = 5
"""Minutes from one lead time of a stored forecast to the next."""
LEADS = HORIZON * STEP_MINUTES // LEAD_MINUTES
UPLOAD_ATTRIBUTES = (
    "standard_name",
    "long_name",
    "units",
    "cell_methods",
    "grid_mapping",
    "product",
    "source",
)
"""Attributes that a forecast copies from uploaded frames."""


def forecast_by_key(
    archive: Archive, ledger: Ledger, forecasters: Forecasters, key: Key, now: datetime
) -> None:
    """Make the forecast of a key and store it.

    Args:
        archive: Archive of frames and forecasts.
        ledger: Ledger of forecasts.
        forecasters: Models of the deployment.
        key: Key of the forecast: of a model, of `auto` or of an upload.
        now: Current time.

    Raises:
        NoFrame: There is no radar frame of the issue time, or the upload has been removed.
        NoFrames: There are too few frames before it.
        NoWeights: The model is loaded with other weights, or has none.
    """
    if key.model == AUTO:
        forecast_auto(archive, ledger, forecasters, key.issue, now)
        return
    forecaster = forecasters.get(key.model)
    if forecaster.weights != key.weights:
        raise NoWeights(
            f"{key.model} is loaded with the weights {forecaster.weights[:8]}, should be "
            f"{key.version}; after an upgrade, restart all workers and the API"
        )
    if key.upload:
        forecast_upload(archive, forecaster, key, now)
    else:
        forecast_model(archive, ledger, forecaster, key.issue, now)


def forecast_model(
    archive: Archive, ledger: Ledger, forecaster: Forecaster, issue: Time, now: datetime
) -> Key:
    """Make the forecast of a model from the frames up to `issue` and store it. Returns its key.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it.
    """
    key = Key(issue.astype("datetime64[ns]"), forecaster.name, forecaster.weights)
    if not is_kept(archive, ledger, key):
        frames = gap_filling.frames_for(archive, forecaster, key.issue)
        recent = recalibrated(ledger, forecaster, key.issue)
        forecast, seconds = run(recent.forecaster, frames)
        if recent.basis:
            forecast.attrs["recalibrated"] = recent.basis
        keep(archive, ledger, forecast, now, seconds)
    return key


def forecast_upload(archive: Archive, forecaster: Forecaster, key: Key, now: datetime) -> None:
    """Make a forecast from uploaded frames and store it beside them, outside the ledger.

    Raises:
        NoFrame: The upload has been removed.
        NoFrames: There are too few frames.
    """
    if archive.has_forecast(key):
        return
    frames = archive.upload(key.upload)
    frames = frames.isel(time=frames["time"].values <= key.issue)
    # other attributes are set by the forecaster
    frames.attrs = {name: frames.attrs[name] for name in UPLOAD_ATTRIBUTES if name in frames.attrs}
    forecast, _ = run(forecaster, gap_filling.complete(frames, forecaster))
    forecast.attrs |= {"upload": key.upload, "generated_at": iso(now)}
    archive.put_forecast(forecast, history=f"{iso(now)} forecast by nowcast from uploaded frames")


def forecast_auto(
    archive: Archive, ledger: Ledger, forecasters: Forecasters, issue: Time, now: datetime
) -> Key:
    """Make the forecast `auto` of the models with the best recent skill, and store it.

    Forecasts of served models that do not exist are made first; a model that fails is left out.
    Returns the key.

    Raises:
        NoFrame: There is no radar frame of that time.
        NoFrames: There are too few frames before it for any model.
    """
    key = Key(issue.astype("datetime64[ns]"), AUTO, NO_WEIGHTS)
    if is_kept(archive, ledger, key):
        return key
    forecasts = dict[Key, DataArray]()
    error = NoFrames(f"no model could forecast from {stamp(issue)}; see the log")
    for name in forecasters.served:
        try:
            model = forecasters.get(name)
            of_model = forecast_model(archive, ledger, model, key.issue, now)
            forecasts[of_model] = archive.full_forecast(of_model)
        except NoFrames as lacking:
            error = lacking
        except NoForecast:  # its file is damaged, which the archive has logged
            continue
        except (ServiceError, OSError):  # not caused by the model
            raise
        except Exception:
            log.exception("%s failed and is left out of auto", name)
    if not forecasts:
        raise error
    keep(archive, ledger, model_selection.best(ledger, forecasts), now)
    return key


def run(forecaster: Forecaster, frames: DataArray) -> tuple[DataArray, float]:
    """Run a forecaster on frames (time, y, x) in mm/h.

    Returns:
        The forecast (lead_time, y, x) in mm/h, NaN for no data, and its duration in s.

    Raises:
        NoFrames: There are too few frames.
    """
    started = perf_counter()
    try:
        forecast = forecaster(frames, horizon=LEADS, step_minutes=LEAD_MINUTES)
    except NotEnoughFrames as error:
        raise NoFrames(f"{error}; ingest more frames or use another model") from error
    return forecast, perf_counter() - started
