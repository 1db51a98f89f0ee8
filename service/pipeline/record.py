"""Stores forecasts in the archive and then in the ledger."""

from datetime import datetime

import numpy as np
from xarray import DataArray

from ingest.precipitation import lead_minutes_of
from model_zoo.forecasters.contract import LEAD_STEP
from service.archive.archive import Archive
from service.archive.key import Key, iso, key_of, ledger_key, to_datetime
from service.errors import NoForecast
from service.ledger.ledger import Ledger


def is_kept(archive: Archive, ledger: Ledger, key: Key) -> bool:
    """Whether the archive has the forecast of a key; adds it to the ledger if it lacks there."""
    if not archive.has_forecast(key):
        return False
    if not ledger.has_forecast(ledger_key(key)):
        try:
            note(ledger, archive.forecast(key))
        except NoForecast:  # its file is damaged
            return False
    return True


def keep(
    archive: Archive,
    ledger: Ledger,
    forecast: DataArray,
    now: datetime,
    duration_seconds: float | None = None,
) -> None:
    """Store a forecast (lead_time, y, x) in the archive and ledger; an existing file is kept.

    Args:
        archive: Archive of forecasts.
        ledger: Ledger of forecasts.
        forecast: Rainfall rate in mm/h, NaN for no data.
        now: Time of generation.
        duration_seconds: Duration of the inference; None if unknown.
    """
    forecast.attrs["generated_at"] = iso(now)
    history = f"{iso(now)} forecast by nowcast"
    if not archive.put_forecast(forecast, history):
        try:
            note(ledger, archive.forecast(key_of(forecast)))
        except NoForecast:  # its file is damaged, and its name is free again
            archive.put_forecast(forecast, history)
        else:
            return
    note(ledger, forecast, duration_seconds)


def note(ledger: Ledger, forecast: DataArray, duration_seconds: float | None = None) -> None:
    """Add a forecast (lead_time, y, x) and its half hours to the ledger, unless it has them."""
    key = key_of(forecast)
    forecast = half_hours(forecast)
    minutes = lead_minutes_of(forecast)
    valid = dict(zip(minutes, map(to_datetime, forecast["time"].values), strict=True))
    times = {
        "radar_time": to_datetime(key.issue),
        "generated": datetime.fromisoformat(forecast.attrs["generated_at"]),
    }
    bridged = forecast.attrs.get("bridged")
    ledger.forecast(
        ledger_key(key), times, valid, bridged=bridged, duration_seconds=duration_seconds
    )


def half_hours(forecast: DataArray) -> DataArray:
    """Return the lead times of a forecast (lead_time, y, x) that are multiples of 30 minutes."""
    return forecast.isel(lead_time=forecast["lead_time"].values % LEAD_STEP == np.timedelta64(0))
