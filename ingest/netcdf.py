"""Precipitation fields as CF netCDF, and back.

CF Metadata Conventions 1.11, https://cfconventions.org. Written by the netCDF library directly and
in memory: nothing half-written ever has a name, and the same field gives the same bytes.
"""

from io import BytesIO
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray, Variable

from ingest.errors import BadField
from ingest.precipitation import INTERVAL, NAME, UNITS, credit

SECONDS = "seconds since 1970-01-01 00:00:00"
BOUNDS = "time_bnds"
FIRST_SIZE = 1_000_000
"""Bytes set aside for a file in memory; it grows when it must."""
LARGE = 1000
"""Values from which on compression pays."""

ABOUT = {
    "Conventions": "CF-1.11",
    "institution": "nowcast, from radar composites of Deutscher Wetterdienst",
    "references": "https://opendata.dwd.de/weather/radar/",
    "licence": "Radar data: CC BY 4.0 / GeoNutzV",
    "comment": "Rates are means of the five minutes that end at `time`. No data is NaN, dry is 0.",
}


def encode(field: DataArray, **about: str) -> bytes:
    """A field as the bytes of a CF netCDF-4 file; the same field gives the same bytes.

    Args:
        field: A frame or a forecast that keeps the contract of `ingest.precipitation`.
        about: Global attributes beside those that are always there, such as `title` and `history`.
    """
    file = netCDF4.Dataset("field", "w", memory=FIRST_SIZE, format="NETCDF4")
    file.setncatts(
        ABOUT
        | {"attribution": credit(field)}
        | {k: v for k, v in field.attrs.items() if k in EXTRA}
        | about
    )
    for name, size in (*field.sizes.items(), ("nv", 2)):
        file.createDimension(str(name), size)
    coords = field.coords.variables
    for name, variable in coords.items():
        write(file, str(name), on_file(str(name), variable))
    write(file, BOUNDS, bounds(coords["time"]))
    beside = " ".join(str(name) for name in coords if name not in (*field.dims, "crs"))
    attributes = {k: v for k, v in field.attrs.items() if k not in EXTRA}
    write(file, NAME, Variable(field.dims, field.values, attributes | {"coordinates": beside}))
    return bytes(file.close())


EXTRA = ("product", "source", "model", "weights", "radar_times", "generated_at")
"""Attributes of a field that CF does not know: kept as global ones."""


def write(file: netCDF4.Dataset, name: str, variable: Variable) -> None:
    made = file.createVariable(
        name,
        variable.dtype,
        tuple(map(str, variable.dims)),
        compression="zlib" if variable.size > LARGE else None,
        complevel=1,
        fill_value=np.nan if name == NAME else None,
    )
    made.setncatts({key: value for key, value in variable.attrs.items() if value is not None})
    made[...] = variable.values


def on_file(name: str, variable: Variable) -> Variable:
    """A coordinate in the units it has on file."""
    if variable.dtype.kind == "M":
        extra = {"units": SECONDS, "calendar": "standard", "units_metadata": "leap_seconds: none"}
        extra |= {"bounds": BOUNDS} if name == "time" else {}
        return Variable(variable.dims, seconds(variable.values), variable.attrs | extra)
    if variable.dtype.kind == "m":
        minutes = (variable.values / np.timedelta64(1, "m")).astype(np.int32)
        return Variable(variable.dims, minutes, variable.attrs | {"units": "minutes"})
    return variable


def seconds(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return np.asarray(times.astype("datetime64[s]").astype(np.int64))


def bounds(time: Variable) -> Variable:
    """Begin and end of the intervals that end at `time`."""
    both = np.stack([time.values - INTERVAL, time.values], axis=-1)
    return Variable((*time.dims, "nv"), seconds(both))


def decode(data: bytes | Path) -> DataArray:
    """The field in a CF netCDF file that `encode` wrote, or another that keeps the contract.

    Raises:
        BadField: The file is not netCDF, or holds no rainfall rate in mm/h.
    """
    source = data if isinstance(data, Path) else BytesIO(data)
    engine = "netcdf4" if isinstance(data, Path) else "h5netcdf"
    try:
        dataset = xr.load_dataset(source, engine=engine, decode_coords="all", decode_timedelta=True)
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise BadField(f"is no netCDF-4 file that can be read to its end ({error})") from error
    if NAME not in dataset:
        held = ", ".join(map(str, dataset.data_vars))
        raise BadField(f"holds {held or 'nothing'}, should hold a variable {NAME!r} in {UNITS!r}")
    field = dataset[NAME].drop_vars(BOUNDS, errors="ignore")
    field.attrs |= {key: dataset.attrs[key] for key in EXTRA if key in dataset.attrs}
    if "crs" in field.coords:
        field.attrs["grid_mapping"] = "crs"
    for coord in field.coords.values():
        for written in ("bounds", "units_metadata"):
            coord.attrs.pop(written, None)
    field.encoding.clear()
    return field
