"""A field of the archive as the content of its file."""

import errno
import hashlib
from threading import Lock

import numpy as np
from xarray import DataArray

from ingest.errors import BadField
from ingest.formats import netcdf
from ingest.grid import known_grid, with_places
from ingest.precipitation import INTERVAL
from service.archive.key import forecast_name, frame_name, key_of

NETCDF_LOCK = Lock()
"""The netCDF library is not thread-safe: it crashes even on different files."""


def decode(content: bytes, path: str, every: np.timedelta64 | None = None) -> DataArray:
    """Return the field (time or lead_time, y, x) in mm/h in the content of a file at a path.

    Args:
        content: The content.
        path: Where the file lies.
        every: Read only lead times of a forecast that are multiples of this.

    Raises:
        BadField: It has none, or belongs at another path.
        OSError: There is no memory to read it.
    """
    try:
        with NETCDF_LOCK:
            field = with_places(netcdf.decode(content, every))
    except BadField as error:
        if isinstance(error.__cause__, MemoryError):
            raise OSError(errno.ENOMEM, f"no memory to read it ({error})", path) from error
        raise
    check_name(field, path)
    return field


def check_name(field: DataArray, path: str) -> None:
    """Check that a frame (time, y, x) or forecast (lead_time, y, x) lies where it belongs.

    Raises:
        BadField: It lies elsewhere.
    """
    if path.endswith("/frames.nc"):
        return
    try:
        of_frame = "time" in field.dims
        belongs = frame_name(field["time"].values[0]) if of_frame else forecast_name(key_of(field))
    except (KeyError, ValueError, OverflowError) as error:
        raise BadField(f"it does not say what it is of ({error})") from error
    if belongs != path:
        raise BadField(f"it holds {belongs}")


def without_grid(frames: DataArray) -> DataArray:
    """Drop latitude and longitude (y, x) of a known grid, which would be 90 % of the file."""
    return (
        frames if known_grid(frames) is None else frames.drop_vars(["lat", "lon"], errors="ignore")
    )


def encode(field: DataArray, title: str, history: str, *, packed: bool, **about: str) -> bytes:
    """Encode a field (time or lead_time, y, x) in mm/h as netCDF, one thread at a time."""
    about |= {"title": title, "history": history}
    with NETCDF_LOCK:
        return netcdf.encode(field, packed=packed, interval=INTERVAL, rates=True, **about)


def encode_probabilities(forecast: DataArray, title: str, history: str) -> bytes:
    """Encode the exceedance probabilities of a forecast (lead_time, y, x) alone as netCDF."""
    with NETCDF_LOCK:
        return netcdf.encode(forecast, packed=True, rates=False, title=title, history=history)


def encode_sums(sums: DataArray, title: str, history: str, minutes: int) -> bytes:
    """Encode sums (lead_time, y, x) in mm of periods of a length in minutes as netCDF."""
    comment = "Sums of the period that ends at `time`. No data is NaN, dry is 0."
    period = np.timedelta64(minutes, "m")
    with NETCDF_LOCK:
        return netcdf.encode(
            sums, packed=True, interval=period, title=title, history=history, comment=comment
        )


def encode_upload(frames: DataArray) -> tuple[str, bytes]:
    """Return SHA-256 and netCDF file of uploaded frames (time, y, x) in mm/h."""
    data = encode(without_grid(frames), "Radar rainfall rate, uploaded", "", packed=False)
    return hashlib.sha256(data).hexdigest(), data
