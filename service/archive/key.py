"""What frames and forecasts are known by: keys, times as words, and names in the archive."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from xarray import DataArray

Time = np.datetime64

STAMP = "%Y%m%dT%H%MZ"
UPLOAD_DIGITS = 16
"""Of the hash of uploaded frames, in names."""
DATED = re.compile(
    r"(frames|forecasts)/\d{4}/\d\d/\d\d/(?P<stamp>\d{8}T\d{4}Z)"
    r"(\.nc|/[^./][^/]*-([0-9a-f]{8}|[a-z]{4})\.nc)"
)


class Key(NamedTuple):
    """What a forecast is known by."""

    issue: Time
    model: str
    weights: str
    upload: str = ""
    """SHA-256 of the frames it is made from, where these were uploaded."""

    @property
    def version(self) -> str:
        """Short form of the weights: eight digits of their hash, or "none"."""
        return self.weights[:8]

    @property
    def id(self) -> str:
        """One word, safe in a URL: also the id of the job that makes it."""
        parts = [stamp(self.issue), self.model, self.version]
        return "-".join([*parts, self.upload[:UPLOAD_DIGITS]] if self.upload else parts)


def key_of(forecast: DataArray) -> Key:
    return Key(
        time_of(forecast["forecast_reference_time"]),
        forecast.attrs["model"],
        forecast.attrs["weights"],
        forecast.attrs.get("upload", ""),
    )


def ledger_key(key: Key) -> dict[str, object]:
    """The same as the ledger has it, which knows no uploads."""
    return {"model": key.model, "weights": key.weights, "issue": to_datetime(key.issue)}


def stamp(time: Time) -> str:
    return to_datetime(time).strftime(STAMP)


def iso(moment: datetime) -> str:
    """A time as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_stamp(text: str) -> Time | None:
    """The time of a stamp, if it is one."""
    try:
        return to_time(datetime.strptime(text, STAMP).replace(tzinfo=UTC))
    except ValueError:
        return None


def day(time: Time) -> str:
    return to_datetime(time).strftime("%Y/%m/%d")


def to_datetime(time: Time) -> datetime:
    """A numpy time as a datetime in UTC."""
    return datetime.fromtimestamp(int(time.astype("datetime64[s]").astype(np.int64)), UTC)


def to_time(moment: datetime) -> Time:
    """A datetime with a time zone as a numpy time in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns")


def time_of(coordinate: DataArray) -> Time:
    """The time in a scalar coordinate."""
    return np.datetime64(int(coordinate.values.astype("datetime64[ns]").astype(np.int64)), "ns")


def frame_name(time: Time) -> str:
    return f"frames/{day(time)}/{stamp(time)}.nc"


def forecast_name(key: Key) -> str:
    folder = (
        f"uploads/{key.upload[:UPLOAD_DIGITS]}" if key.upload else f"forecasts/{day(key.issue)}"
    )
    return f"{folder}/{stamp(key.issue)}/{key.model}-{key.version}.nc"


def upload_name(sha: str) -> str:
    return f"uploads/{sha[:UPLOAD_DIGITS]}/frames.nc"


def dated(path: str) -> Time | None:
    """The time that the path of a frame or forecast says; None for files that are not ours."""
    found = DATED.fullmatch(path)
    return from_stamp(found["stamp"]) if found else None
