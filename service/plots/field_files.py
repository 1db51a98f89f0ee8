"""Reads fields from files of users: netCDF of this service, radar files, DWD's own forecast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from xarray import DataArray

import ingest
from ingest.errors import BadField, SourceUnavailable
from ingest.formats import netcdf
from ingest.grid import same_grid, with_places
from ingest.precipitation import check
from model_zoo.forecasters.contract import LEAD_STEP
from service.pipeline.served_models import PROVIDER_MODEL

NETCDF = (b"CDF", b"\x89HDF")
"""First bytes of netCDF files."""
ENDINGS = (".nc", ".tar", ".bz2", ".gz", ".hdf5")
"""Suffixes of file names, which models do not have."""


def is_file(named: str | None) -> bool:
    """Whether a name is that of a file, not of a model: the file exists or the name is a path."""
    return named is not None and ("/" in named or named.endswith(ENDINGS) or Path(named).is_file())


def read(path: Path) -> DataArray:
    """Return the field (time or lead_time, y, x) in a netCDF or radar file, in mm/h.

    Fields on the national 1 km grid are averaged to 5 km; NaN is no data.

    Raises:
        SourceUnavailable: There is no such file.
        BadField: It has no valid field; the message says why.
    """
    if not path.is_file():
        raise SourceUnavailable(f"{path} does not exist; name a netCDF file or a radar file")
    data = path.read_bytes()
    if not data.startswith(NETCDF) or path.suffix in (".hdf5", ".h5"):
        return ingest.to_model_grid(ingest.parse(data, path.name))
    try:
        return check(with_places(netcdf.decode(data)))
    except BadField as error:
        raise BadField(f"{path}: {error}") from error


def forecast_in(path: Path) -> DataArray:
    """Return the forecast (lead_time, y, x) in a file, at half-hourly lead times if it has them.

    Raises:
        SourceUnavailable: There is no such file.
        BadField: It has no valid forecast.
    """
    field = read(path)
    if "lead_time" not in field.dims:
        raise BadField(
            f"{path}: holds radar frames, should hold a forecast with a dimension lead_time; "
            f"`nowcast plot frames {path}` draws frames"
        )
    field.attrs.setdefault("model", PROVIDER_MODEL.get(field.attrs.get("product", ""), path.stem))
    half_hours = field["lead_time"].values % LEAD_STEP == np.timedelta64(0)
    ahead = field["lead_time"].values > np.timedelta64(0)
    return field.isel(lead_time=half_hours & ahead) if (half_hours & ahead).any() else field


def frames_in(paths: Sequence[Path]) -> DataArray:
    """Return the frames (time, y, x) in files, oldest first.

    Raises:
        SourceUnavailable: A file does not exist.
        BadField: A file has no valid frames, or they are on another grid than the first.
    """
    found = [(path, read(path)) for path in paths]
    for path, field in found:
        if "time" not in field.dims:
            raise BadField(
                f"{path}: holds a forecast, should hold radar frames; `nowcast plot forecast "
                f"{path}` draws forecasts"
            )
        if not same_grid(field, found[0][1]):
            raise BadField(f"{path}: lies on another grid than {found[0][0]}; draw them apart")
    joined = xr.concat(
        [field for _, field in found],
        "time",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    return joined.sortby("time")
