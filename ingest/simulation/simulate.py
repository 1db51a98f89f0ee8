"""A plausible rain event over Germany, written as the RADOLAN files a radar network would send.

For demonstrations and tests without a download, and for training before real data. The files are
of product RY in the format of DWD's own current ones, and say by their software version that no
radar saw them.
"""

import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadField
from ingest.grid import NATIONAL_SPHERE, projector
from ingest.precipitation import INTERVAL
from ingest.simulation.rainfield import RainField
from ingest.simulation.weather import Weather

RADARS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "asb": (53.564, 6.748),
        "boo": (54.004, 10.047),
        "ros": (54.176, 12.058),
        "hnr": (52.460, 9.694),
        "umd": (52.160, 11.176),
        "pro": (52.649, 13.858),
        "ess": (51.406, 6.967),
        "fld": (51.311, 8.802),
        "drs": (51.125, 13.769),
        "neu": (50.500, 11.135),
        "nhb": (50.110, 6.548),
        "oft": (49.985, 8.713),
        "eis": (49.541, 12.403),
        "tur": (48.585, 9.783),
        "isn": (48.175, 12.102),
        "fbg": (47.874, 8.004),
        "mem": (48.042, 10.219),
    }
)
"""Latitude and longitude of DWD's radars, in the order of the file headers."""
RANGE_KM = 150
MIX = Weather()
"""Rain and showers, on about a tenth of the area."""

STEP_MM = 0.01
"""Unit of the counts in a file, mm in five minutes."""
HIGHEST_COUNT = 0x0FFF
NO_DATA = 0x2000 | 2500
"""Flag and count of a cell that no radar sees, 0x29C4."""


def simulate(
    start: datetime | np.datetime64, frames: int, seed: int, weather: Weather = MIX
) -> Iterator[tuple[np.datetime64, NDArray[np.float32]]]:
    """Frames of one event, five minutes apart, made as they are asked for.

    A frame depends on the seed, the weather and its place in the series, on nothing after it.

    Args:
        start: Time of the first frame, the end of its interval, UTC, on a five-minute mark.
        frames: How many.
        seed: The same seed makes the same event; others are other events of the same weather.
        weather: What kind of event it is.

    Yields:
        The time, and the rain rate (900, 900) in mm/h on the national grid, row 0 in the north,
        NaN where no radar sees.

    Raises:
        ValueError: The start lies between the marks.
    """
    first = five_minute_mark(start)
    blind = ~coverage()
    field = RainField(seed, weather, NATIONAL_SPHERE.shape)
    for number in range(frames):
        if number:
            field.advance()
        rate = field.rate()
        rate[blind] = np.nan
        yield first + number * INTERVAL, rate


def write(
    folder: Path,
    start: datetime | np.datetime64,
    frames: int,
    seed: int,
    weather: Weather = MIX,
) -> Iterator[Path]:
    """The frames of `simulate` as files named as DWD names them, each written when asked for.

    A file that is there is whole: it is written beside its name and renamed. The same seed gives
    the same bytes.

    Yields:
        The path of each file, once it is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for time, rate in simulate(start, frames, seed, weather):
        path = folder / f"raa01-ry_10000-{_utc(time):%y%m%d%H%M}-dwd---bin.gz"
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(gzip.compress(encode(rate, time), compresslevel=4, mtime=0))
        part.replace(path)
        yield path


def encode(rate: NDArray[np.floating], time: datetime | np.datetime64) -> bytes:
    """One RADOLAN RY composite: a line of header, then a count of 0.01 mm for each cell.

    Format version 3 on the sphere, as DWD's files of 2025. Rates above 491.4 mm/h, the most that
    twelve bits hold, are cut off.

    Args:
        rate: (900, 900) in mm/h, row 0 in the north, NaN for no data.
        time: End of the interval, UTC.

    Raises:
        BadField: The field is of another shape, or holds rates below 0.
    """
    if rate.shape != NATIONAL_SPHERE.shape:
        raise BadField(f"the field has the shape {rate.shape}, should be {NATIONAL_SPHERE.shape}")
    if negative := int(np.sum(rate < 0)):
        raise BadField(f"rates are below 0 at {negative} cells, should be 0 or more, or no data")
    seen = ~np.isnan(rate)
    amount = np.where(seen, rate, 0) * (INTERVAL / np.timedelta64(1, "h"))
    counts = np.minimum(np.rint(amount / STEP_MM), HIGHEST_COUNT).astype("<u2")
    counts[~seen] = NO_DATA
    body = counts[::-1].tobytes()  # files begin in the south
    return _header(_utc(time), len(body)) + body


def _header(time: datetime, size: int) -> bytes:
    """The line before the counts; its length field counts the line itself and the end mark too."""
    rows, columns = NATIONAL_SPHERE.shape
    radars = f"<{','.join(RADARS)}> "
    before = f"RY{time:%d%H%M}10000{time:%m%y}BY"
    after = f"VS 3SW  0.0.simPR E-02INT   5GP{rows:4d}x{columns:4d}MS{len(radars):3d}{radars}\x03"
    total = len(before) + 7 + len(after) + size
    return f"{before}{total:7d}{after}".encode("ascii")


@cache
def coverage() -> NDArray[np.bool_]:
    """Return which cells (900, 900) of the national grid are within the range of a radar."""
    seen = np.zeros(NATIONAL_SPHERE.shape, bool)
    to_metres = projector(NATIONAL_SPHERE.projection)
    for latitude, longitude in RADARS.values():
        x, y = to_metres.transform(longitude, latitude)
        # the projection, true at 60 N, shows a km further south larger than it is
        scale = (1 + np.sin(np.deg2rad(60))) / (1 + np.sin(np.deg2rad(latitude)))
        away = np.hypot(NATIONAL_SPHERE.x - x, NATIONAL_SPHERE.y[:, None] - y)
        seen |= away <= RANGE_KM * 1000 * scale
    seen.setflags(write=False)
    return seen


def five_minute_mark(time: datetime | np.datetime64) -> np.datetime64:
    """Return the time in UTC.

    Raises:
        ValueError: No frame is due then.
    """
    mark = np.datetime64(_utc(time), "ns")
    if mark.astype(np.int64) % INTERVAL.astype("timedelta64[ns]").astype(np.int64):
        raise ValueError(f"the start is {time}, should be on a five-minute mark such as 12:05:00")
    return mark


def _utc(time: datetime | np.datetime64) -> datetime:
    """Without a zone, as numpy has it; a time that names no zone is UTC."""
    if isinstance(time, np.datetime64):
        moment: datetime = time.astype("datetime64[us]").item()
        return moment
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
