"""Precipitation fields as CF netCDF, and back.

CF Metadata Conventions 1.11, https://cfconventions.org. Written by the netCDF library directly and
in memory: nothing half-written ever has a name.
"""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray
from xarray.backends import NetCDF4DataStore
from xarray.backends.store import StoreBackendEntrypoint

from ingest.accumulation import AMOUNT
from ingest.errors import BadField
from ingest.formats.hdf5_times import without_padding, without_times
from ingest.precipitation import (
    INTERVAL,
    NAME,
    UNITS,
    credit,
    exceedance_probabilities,
    exceedance_probability,
    exceedance_probability_name,
)

SECONDS = "seconds since 1970-01-01 00:00:00"
BOUNDS = "time_bnds"
FIRST_SIZE = 1
"""Bytes set aside for a file in memory; it grows to what it needs, and not beyond."""
PROBABILITY, THRESHOLD = "exceedance_probability", "threshold"
"""Variable of `precipitation.exceedance_probabilities`, and its dimension of thresholds."""
FORMER_PROBABILITY = "probability_of_rainfall_rate"
"""Name of that variable in files of earlier programs, which are still read."""
FORECAST_DIM = "lead_time"
"""Dimension of a forecast in the contract; on file it is `time`, which other software looks for."""
CERTAIN, FINEST, NO_PROBABILITY = 100 * 256, 16, -1
"""Packed probability of 1, the smallest difference between two, and no data. A probability that is
rounded to 0.01 takes one byte of the two, the other compresses to nothing."""
COMPRESSION: Final = 7
"""Level of zlib. Higher ones save 3 % of a forecast and take four times as long."""
LARGE = 1000
"""Values from which on compression pays."""
EXTRA = (
    "product",
    "source",
    "model",
    "weights",
    "upload",
    "radar_times",
    "bridged",
    "suspect",
    "stale",
    "chosen",
    "generated_at",
)
"""Attributes of a field that CF does not know of a variable: kept as global ones."""

ABOUT = {
    "Conventions": "CF-1.11",
    "institution": "nowcast, from radar composites of Deutscher Wetterdienst",
    "references": "https://opendata.dwd.de/weather/radar/",
    "licence": "Radar data: CC BY 4.0 / GeoNutzV",
    "comment": "Rates are means of the five minutes that end at `time`. No data is NaN, dry is 0.",
}
OTHER_ABOUT = {
    "Conventions": ABOUT["Conventions"],
    "institution": "nowcast, from radar composites",
    "comment": ABOUT["comment"],
}
"""The same of another domain than Germany."""
CREDIT = "attribution"


def licence(field: DataArray) -> str:
    """Return the licence of the radar data of a field (of any shape)."""
    return str(field.attrs.get("licence", ABOUT["licence"]))


def encode(
    field: DataArray,
    *,
    packed: bool = True,
    interval: np.timedelta64 = INTERVAL,
    rates: bool = True,
    **about: str,
) -> bytes:
    """A field as the bytes of a CF netCDF file, the same whenever it is written.

    Time is the first dimension of all variables: cdo skips those of which it is not.

    Args:
        field: A frame or a forecast that keeps the contract of `ingest.precipitation`, or sums
            with the name of `ingest.accumulation.AMOUNT`.
        packed: netCDF-4 with compression, half the size or less; otherwise classic netCDF, written
            in a third of the time.
        interval: Period before its time that a value is of.
        rates: Whether the values of the field are written, or its exceedance probabilities alone.
        about: Global attributes beside those that are always there, such as `title` and `history`.
    """
    file = netCDF4.Dataset(
        "field",
        "w",
        memory=FIRST_SIZE,
        format="NETCDF4" if packed else "NETCDF3_64BIT_OFFSET",
    )
    file.setncatts(
        (ABOUT if CREDIT not in field.attrs else OTHER_ABOUT)
        | {CREDIT: credit(field), "licence": licence(field)}
        | {k: v for k, v in field.attrs.items() if k in EXTRA}
        | about
    )
    if FORECAST_DIM in field.dims:
        field = field.swap_dims({FORECAST_DIM: "time"}).transpose("time", ...)
    for name, size in (*field.sizes.items(), ("nv", 2)):
        file.createDimension(str(name), size)
    probabilities = exceedance_probabilities(field)
    names = list(map(exceedance_probability_name, probabilities))
    coords = field.drop_vars(names).coords.variables
    for name, variable in coords.items():
        values, units = on_file(variable.values)
        extra = {"bounds": BOUNDS} if name == "time" else {}
        write(file, str(name), variable.dims, values, variable.attrs | units | extra)
    ends, _ = on_file(coords["time"].values)
    bounds = np.stack([ends - interval / np.timedelta64(1, "s"), ends], axis=-1)
    write(file, BOUNDS, (*coords["time"].dims, "nv"), bounds, {})
    beside = " ".join(str(name) for name in coords if name not in (*field.dims, "crs"))
    attributes = {k: v for k, v in field.attrs.items() if k not in (*EXTRA, CREDIT, "licence")}
    if probabilities:
        write_probabilities(file, probabilities, beside)
    if rates:
        name = AMOUNT if field.name == AMOUNT else NAME
        write(file, name, field.dims, field.values, attributes | {"coordinates": beside})
    return without_times(without_padding(bytes(file.close())))


def write(
    file: netCDF4.Dataset,
    name: str,
    dims: Iterable[Hashable],
    values: NDArray[Any],
    attributes: Mapping[str, Any],
) -> None:
    """Write a variable of any shape with its attributes, large ones compressed."""
    packs = file.data_model == "NETCDF4" and values.size > LARGE
    about = dict(attributes)
    if name == PROBABILITY and packs:
        values, about = packed_probabilities(values), about | {"scale_factor": 1 / CERTAIN}
    fill = NO_PROBABILITY if values.dtype == np.int16 else np.nan
    variable = file.createVariable(
        name,
        values.dtype,
        tuple(map(str, dims)),
        compression="zlib" if packs else None,
        complevel=COMPRESSION,
        fill_value=fill if name in (NAME, AMOUNT, PROBABILITY) else None,
        chunksizes=(1, *values.shape[1:]) if packs and values.ndim > 2 else None,
    )
    variable.set_auto_maskandscale(False)
    variable.setncatts(about)
    variable[...] = values


def packed_probabilities(values: NDArray[np.float32]) -> NDArray[np.int16]:
    """Pack probabilities of any shape to 0.001; those of whole 0.01 have a low byte of 0."""
    codes = np.round(values.astype(np.float64) * (CERTAIN / FINEST)) * FINEST
    return np.where(np.isnan(values), NO_PROBABILITY, codes).astype(np.int16)


def write_probabilities(
    file: netCDF4.Dataset, probabilities: Mapping[float, DataArray], beside: str
) -> None:
    """Write the probabilities (lead_time, y, x) of all thresholds as one variable, to 0.001.

    Time comes first: cdo skips variables of which it does not. CF recommends that axes that are
    neither of space nor time come first "whenever possible".
    """
    file.createDimension(THRESHOLD, len(probabilities))
    about = {"standard_name": NAME, "long_name": "rainfall rate threshold", "units": UNITS}
    write(file, THRESHOLD, (THRESHOLD,), np.array(list(probabilities)), about)
    values = np.stack([probability.values for probability in probabilities.values()], axis=1)
    time, *cell = next(iter(probabilities.values())).dims
    dims = (time, THRESHOLD, *cell)
    about = {
        "long_name": "probability that the rainfall rate is at least the threshold",
        "units": "1",
    }
    about |= {"grid_mapping": "crs", "coordinates": beside}
    write(file, PROBABILITY, dims, values, about)


def on_file(values: NDArray[Any]) -> tuple[NDArray[Any], dict[str, str]]:
    """Return values (of any shape) as they are on file, and the attributes that name their unit."""
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[s]").astype(np.float64)
        return seconds, {
            "units": SECONDS,
            "calendar": "standard",
            "units_metadata": "leap_seconds: none",
        }
    if values.dtype.kind == "m":
        return (values // np.timedelta64(1, "m")).astype(np.int32), {"units": "minutes"}
    return values, {}


def decode(data: bytes | Path, every: np.timedelta64 | None = None) -> DataArray:
    """Read the field (time or lead_time, y, x) in a CF netCDF file in the project's conventions.

    Args:
        data: The file or its bytes.
        every: Read only lead times of a forecast that are multiples of this; all by default, or
            where none is.

    Raises:
        BadField: The file is not netCDF, or holds no rainfall rate in mm/h.
    """
    try:
        return field_in(opened(data, every))
    except BadField:
        raise
    except Exception as error:  # a decoder may raise anything on hostile bytes, or lack memory
        raise BadField(f"is no netCDF file that can be read to its end ({error})") from error


def field_in(dataset: xr.Dataset) -> DataArray:
    """The field (time or lead_time, y, x) of a file by its variables.

    Raises:
        BadField: There is none.
    """
    if NAME not in dataset:
        variables = ", ".join(map(str, dataset.data_vars))
        raise BadField(
            f"holds {variables or 'nothing'}, should hold a variable {NAME!r} in {UNITS!r}"
        )
    field = dataset[NAME].drop_vars(BOUNDS, errors="ignore")
    field.attrs |= {key: dataset.attrs[key] for key in EXTRA if key in dataset.attrs}
    field.attrs.pop("ancillary_variables", None)  # of files written until 2026-11
    if dataset.attrs.get(CREDIT, credit(field)) != credit(field):  # of another domain
        field.attrs |= {key: dataset.attrs[key] for key in (CREDIT, "licence")}
    for name in (PROBABILITY, FORMER_PROBABILITY):
        if name not in dataset:
            continue
        for threshold in dataset[THRESHOLD].values.tolist():
            values = dataset[name].sel({THRESHOLD: threshold}).values.astype(np.float32)
            coordinate = exceedance_probability(threshold, values)
            field.coords[exceedance_probability_name(threshold)] = coordinate
    if "crs" in field.coords:
        field.attrs["grid_mapping"] = "crs"
    for coord in field.coords.values():
        for written in ("bounds", "units_metadata"):
            coord.attrs.pop(written, None)
    field.encoding.clear()
    return field


def opened(data: bytes | Path, every: np.timedelta64 | None) -> xr.Dataset:
    """The variables of a file, those of a forecast by its lead times (see `decode`)."""
    memory = None if isinstance(data, Path) else data
    file = netCDF4.Dataset(data if isinstance(data, Path) else "field", memory=memory)
    store: Any = NetCDF4DataStore
    with xr.open_dataset(
        store(file),
        engine=StoreBackendEntrypoint,  # to guess it, all plugins would be imported: seconds
        decode_coords="all",
        decode_timedelta=True,
    ) as lazy:
        dataset = lazy
        if FORECAST_DIM in lazy.coords and FORECAST_DIM not in lazy.dims:
            dataset = lazy.swap_dims({"time": FORECAST_DIM})
        if every is not None and FORECAST_DIM in dataset.dims:
            wanted = dataset[FORECAST_DIM].values % every == np.timedelta64(0)
            dataset = dataset.isel({FORECAST_DIM: wanted}) if wanted.any() else dataset
        return dataset.load()
