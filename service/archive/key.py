"""Keys of forecasts, text forms of times, and paths in the archive."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from xarray import DataArray

Time = np.datetime64

STAMP = "%Y%m%dT%H%MZ"
"""Format of times in paths and ids."""
UPLOAD_DIGITS = 16
"""Digits of the SHA-256 of uploaded frames in paths and ids."""
DATED = re.compile(
    r"(frames|forecasts)/\d{4}/\d\d/\d\d/(?P<stamp>\d{8}T\d{4}Z)"
    r"(\.nc|/[^./][^/]*-([0-9a-f]{8}|[a-z]{4})\.nc)"
)


class Key(NamedTuple):
    """Key of a forecast: issue time, model, SHA-256 of its weights, and of an upload."""

    issue: Time
    model: str
    weights: str
    upload: str = ""
    """SHA-256 of the uploaded frames it is made from; empty for radar frames."""

    @property
    def version(self) -> str:
        """First eight digits of the SHA-256 of the weights, or "none"."""
        return self.weights[:8]

    @property
    def id(self) -> str:
        """Id of the forecast and of its job, safe in a URL."""
        parts = [stamp(self.issue), self.model, self.version]
        return "-".join([*parts, self.upload[:UPLOAD_DIGITS]] if self.upload else parts)


def key_of(forecast: DataArray) -> Key:
    """Return the key of a forecast (lead_time, y, x), from its attributes."""
    return Key(
        time_of(forecast["forecast_reference_time"]),
        forecast.attrs["model"],
        forecast.attrs["weights"],
        forecast.attrs.get("upload", ""),
    )


def ledger_key(key: Key) -> dict[str, object]:
    """Return the columns of a key in the ledger, which has no uploads."""
    return {"model": key.model, "weights": key.weights, "issue": to_datetime(key.issue)}


def stamp(time: Time) -> str:
    """Return a time as in paths and ids, such as 20200907T1400Z."""
    return to_datetime(time).strftime(STAMP)


def iso(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC, such as 2020-09-07T14:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_stamp(text: str) -> Time | None:
    """Parse a time as in paths and ids; None if it is of another form."""
    try:
        return to_time(datetime.strptime(text, STAMP).replace(tzinfo=UTC))
    except ValueError:
        return None


def day(time: Time) -> str:
    """Return the folder of the day of a time, such as 2020/09/07."""
    return to_datetime(time).strftime("%Y/%m/%d")


def to_datetime(time: Time) -> datetime:
    """Convert a NumPy time to a datetime in UTC."""
    return datetime.fromtimestamp(int(time.astype("datetime64[s]").astype(np.int64)), UTC)


def to_time(moment: datetime) -> Time:
    """Convert a datetime with time zone to a NumPy time in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns")


def time_of(coordinate: DataArray) -> Time:
    """Return the time in a scalar coordinate ()."""
    return np.datetime64(int(coordinate.values.astype("datetime64[ns]").astype(np.int64)), "ns")


def frame_name(time: Time) -> str:
    """Return the path of a frame."""
    return f"frames/{day(time)}/{stamp(time)}.nc"


def forecast_name(key: Key) -> str:
    """Return the path of a forecast."""
    folder = (
        f"uploads/{key.upload[:UPLOAD_DIGITS]}" if key.upload else f"forecasts/{day(key.issue)}"
    )
    return f"{folder}/{stamp(key.issue)}/{key.model}-{key.version}.nc"


def upload_name(sha: str) -> str:
    """Return the path of uploaded frames."""
    return f"uploads/{sha[:UPLOAD_DIGITS]}/frames.nc"


def dated(path: str) -> Time | None:
    """Return the time in the path of a frame or forecast; None for other paths."""
    match = DATED.fullmatch(path)
    return from_stamp(match["stamp"]) if match else None


def key_of_path(path: str) -> Key | None:
    """Return the key of a forecast in the archive, with the first digits of its weights only."""
    time = dated(path)
    model, hyphen, version = path.rpartition("/")[2].removesuffix(".nc").rpartition("-")
    return Key(time, model, version) if time is not None and hyphen else None
