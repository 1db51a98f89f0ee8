"""Precipitation fields as CF netCDF, and back.

CF Metadata Conventions 1.11, https://cfconventions.org. Written by the netCDF library directly and
in memory: nothing half-written ever has a name.
"""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray
from xarray.backends import NetCDF4DataStore
from xarray.backends.store import StoreBackendEntrypoint

from ingest.errors import BadField
from ingest.formats.hdf5_times import without_times
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


def encode(field: DataArray, *, packed: bool = True, **about: str) -> bytes:
    """A field as the bytes of a CF netCDF file, the same whenever it is written.

    Args:
        field: A frame or a forecast that keeps the contract of `ingest.precipitation`.
        packed: netCDF-4 with compression, half the size or less; otherwise classic netCDF, written
            in a third of the time.
        about: Global attributes beside those that are always there, such as `title` and `history`.
    """
    file = netCDF4.Dataset(
        "field",
        "w",
        memory=FIRST_SIZE,
        format="NETCDF4" if packed else "NETCDF3_64BIT_OFFSET",
    )
    file.setncatts(
        ABOUT
        | {"attribution": credit(field)}
        | {k: v for k, v in field.attrs.items() if k in EXTRA}
        | about
    )
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
    bounds = np.stack([ends - INTERVAL / np.timedelta64(1, "s"), ends], axis=-1)
    write(file, BOUNDS, (*coords["time"].dims, "nv"), bounds, {})
    beside = " ".join(str(name) for name in coords if name not in (*field.dims, "crs"))
    attributes = {k: v for k, v in field.attrs.items() if k not in EXTRA}
    if probabilities:
        write_probabilities(file, probabilities, beside)
        attributes["ancillary_variables"] = PROBABILITY
    write(file, NAME, field.dims, field.values, attributes | {"coordinates": beside})
    return without_times(bytes(file.close()))


def write(
    file: netCDF4.Dataset,
    name: str,
    dims: Iterable[Hashable],
    values: NDArray[Any],
    attributes: Mapping[str, Any],
) -> None:
    """Write a variable of any shape with its attributes, large ones compressed."""
    variable = file.createVariable(
        name,
        values.dtype,
        tuple(map(str, dims)),
        compression="zlib" if packs(file, values) else None,
        complevel=1,
        fill_value=np.nan if name in (NAME, PROBABILITY) else None,
        least_significant_digit=3 if name == PROBABILITY else None,
    )
    variable.set_auto_maskandscale(False)
    variable.setncatts(dict(attributes))
    variable[...] = values


def write_probabilities(
    file: netCDF4.Dataset, probabilities: Mapping[float, DataArray], beside: str
) -> None:
    """Write the probabilities (lead_time, y, x) of all thresholds as one variable, to 0.001."""
    file.createDimension(THRESHOLD, len(probabilities))
    about = {"standard_name": NAME, "long_name": "rainfall rate threshold", "units": UNITS}
    write(file, THRESHOLD, (THRESHOLD,), np.array(list(probabilities)), about)
    values = np.stack([probability.values for probability in probabilities.values()])
    dims = (THRESHOLD, *next(iter(probabilities.values())).dims)
    about = {
        "long_name": "probability that the rainfall rate is at least the threshold",
        "units": "1",
    }
    about |= {"grid_mapping": "crs", "coordinates": beside}
    write(file, PROBABILITY, dims, values, about)


def packs(file: netCDF4.Dataset, values: NDArray[Any]) -> bool:
    """Whether values of this shape are large enough to be compressed."""
    return file.data_model == "NETCDF4" and values.size > LARGE


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


def decode(data: bytes | Path) -> DataArray:
    """Read the field (time or lead_time, y, x) in a CF netCDF file in the project's conventions.

    Raises:
        BadField: The file is not netCDF, or holds no rainfall rate in mm/h.
    """
    memory = None if isinstance(data, Path) else data
    try:
        file = netCDF4.Dataset(data if isinstance(data, Path) else "field", memory=memory)
        store: Any = NetCDF4DataStore
        dataset = xr.load_dataset(
            store(file),
            engine=StoreBackendEntrypoint,  # to guess it, all plugins would be imported: seconds
            decode_coords="all",
            decode_timedelta=True,
        )
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise BadField(f"is no netCDF file that can be read to its end ({error})") from error
    if NAME not in dataset:
        variables = ", ".join(map(str, dataset.data_vars))
        raise BadField(
            f"holds {variables or 'nothing'}, should hold a variable {NAME!r} in {UNITS!r}"
        )
    field = dataset[NAME].drop_vars(BOUNDS, errors="ignore")
    field.attrs |= {key: dataset.attrs[key] for key in EXTRA if key in dataset.attrs}
    field.attrs.pop("ancillary_variables", None)
    for name in (PROBABILITY, FORMER_PROBABILITY):
        if name not in dataset:
            continue
        for threshold in dataset[THRESHOLD].values.tolist():
            values = dataset[name].sel({THRESHOLD: threshold}).values
            coordinate = exceedance_probability(threshold, values)
            field.coords[exceedance_probability_name(threshold)] = coordinate
    if "crs" in field.coords:
        field.attrs["grid_mapping"] = "crs"
    for coord in field.coords.values():
        for written in ("bounds", "units_metadata"):
            coord.attrs.pop(written, None)
    field.encoding.clear()
    return field
