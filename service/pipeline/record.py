"""Forecasts into archive and ledger: the file first, its rows second."""

from datetime import datetime

import numpy as np
from xarray import DataArray

from service.archive.archive import Archive
from service.archive.key import Key, iso, key_of, ledger_key, to_datetime
from service.ledger.ledger import Ledger


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
