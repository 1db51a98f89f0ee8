"""netCDF and GeoTIFF of the cells that a query takes.

GDAL is imported with the first GeoTIFF, since the API is ready before it is loaded.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from xarray import DataArray

from ingest.accumulation import AMOUNT, minutes_of
from ingest.precipitation import EXCEEDANCE_PROBABILITY, NAME
from service.api.edr.cells import Cells, indices
from service.api.edr.collections import Source
from service.api.edr.crs import ReferenceSystem, projection_of
from service.api.edr.extracts import check_size
from service.api.edr.parameters import parameter
from service.archive.field_file import encode, encode_probabilities, encode_sums
from service.archive.key import iso
from service.errors import BadQuery
from service.pipeline.rain_sums.radar_history import FRAMES_MISSING

if TYPE_CHECKING:
    from rasterio import crs as raster_crs


def window(source: Source, cells: Cells) -> DataArray:
    """The smallest part of a field (step, y, x) with all of some cells; NaN in the others."""
    field = source.field
    top, left = int(cells.rows.min()), int(cells.columns.min())
    part = field.isel(
        y=slice(top, int(cells.rows.max()) + 1), x=slice(left, int(cells.columns.max()) + 1)
    ).copy(deep=True)
    kept = np.zeros(part.shape[-2:], dtype=bool)
    kept[cells.rows - top, cells.columns - left] = True
    part.values[:, ~kept] = np.nan
    for name in list(part.coords):
        if str(name).startswith((EXCEEDANCE_PROBABILITY, AMOUNT)):
            if name in source.parameters:
                masked = np.where(kept, part[name].values, np.float32(np.nan))
                part.coords[name] = part[name].copy(data=masked)
            else:
                part = part.drop_vars(str(name))
    return part


def netcdf(source: Source, cells: Cells, title: str) -> bytes:
    """The cells as CF netCDF, in the projection of the radar.

    Raises:
        BadQuery: Sums of several periods are among the parameters.
    """
    check_size(len(source.times) * len(cells.rows) * len(source.parameters))
    history = "selected by an EDR query"
    if source.parameters[0].startswith(AMOUNT):
        return amount_netcdf(window(source, cells), source.parameters, title, history)
    if NAME not in source.parameters:
        return encode_probabilities(window(source, cells), title, history)
    return encode(window(source, cells), title, history, packed=True)


def amount_netcdf(part: DataArray, names: list[str], title: str, history: str) -> bytes:
    """The sums (lead_time, y, x) of one period as CF netCDF, whose times have it as bounds.

    Raises:
        BadQuery: The names are of several.
    """
    if len(names) != 1:
        raise BadQuery(
            f"netCDF has the sums of one period, parameter-name has {len(names)}; name one, such "
            f"as parameter-name={names[0]}, or ask for another format"
        )
    (name,) = names
    attributes = {k: v for k, v in part.attrs.items() if k != FRAMES_MISSING}
    sums = part.copy(data=part[name].values).drop_vars(name)
    sums = sums.assign_attrs(attributes | part[name].attrs)
    return encode_sums(sums, title, history, minutes_of(name))


class Raster(NamedTuple):
    """Bands on a regular grid.

    Attributes:
        bands: Values (band, row, column), NaN for no data.
        transform: From column and row to coordinates.
        crs: Their reference system.
    """

    bands: NDArray[np.float32]
    transform: Affine
    crs: "raster_crs.CRS"


def geotiff(source: Source, cells: Cells, system: ReferenceSystem | None) -> bytes:
    """The cells as a cloud-optimised GeoTIFF, a band for each parameter and time.

    In the projection of the radar the values are those of its cells; in another system each pixel
    has the value of the cell that holds its centre.

    Args:
        source: The fields.
        cells: The cells; others are NaN.
        system: Reference system; None for the projection of the radar.
    """
    from rasterio.io import MemoryFile

    raster = cells_as_raster(source, cells)
    if system is not None and system.definition:
        raster = in_system(source, cells, raster, system)
    with MemoryFile() as memory:
        with memory.open(
            driver="COG",
            width=raster.bands.shape[-1],
            height=raster.bands.shape[-2],
            count=len(raster.bands),
            dtype="float32",
            crs=raster.crs,
            transform=raster.transform,
            nodata=np.nan,
            compress="deflate",
        ) as file:
            file.write(raster.bands)
            names = [(name, time) for name in source.parameters for time in source.times]
            for number, (name, time) in enumerate(names, start=1):
                file.set_band_description(number, f"{name} {iso(time)}")
                file.update_tags(number, parameter=name, datetime=iso(time))
                file.set_band_unit(number, parameter(name).symbol)
            file.update_tags(attribution=source.about()["nowcast:attribution"])
        content: bytes = memory.read()
    return content


def cells_as_raster(source: Source, cells: Cells) -> Raster:
    """The cells in the projection of the radar."""
    from rasterio import crs as raster_crs

    part = window(source, cells)
    check_size(len(source.times) * part.shape[-1] * part.shape[-2] * len(source.parameters))
    planes = [(part if name == NAME else part[name]).values for name in source.parameters]
    across, down = side(source.field, "x"), side(source.field, "y")
    west, north = float(part.x[0]) - across / 2, float(part.y[0]) + down / 2
    crs = raster_crs.CRS.from_wkt(CRS(projection_of(source.field)).to_wkt("WKT1_GDAL"))
    transform = Affine(across, 0, west, 0, -down, north)
    return Raster(np.concatenate(planes).astype(np.float32), transform, crs)


def in_system(source: Source, cells: Cells, raster: Raster, system: ReferenceSystem) -> Raster:
    """The cells in another reference system, at about the same resolution."""
    from rasterio import crs as raster_crs
    from rasterio.transform import array_bounds
    from rasterio.warp import calculate_default_transform

    name = "EPSG:4326" if system.is_geographic else system.definition
    target = raster_crs.CRS.from_user_input(name)
    rows, columns = raster.bands.shape[-2:]
    bounds = array_bounds(rows, columns, raster.transform)
    to, width, height = calculate_default_transform(raster.crs, target, columns, rows, *bounds)
    x = to.c + to.a * (np.arange(width) + 0.5)
    y = to.f + to.e * (np.arange(height) + 0.5)
    found_rows, found_columns = indices(source.field, system, *np.meshgrid(x, y))
    wanted = np.zeros(source.field.shape[-2:], dtype=bool)
    wanted[cells.rows, cells.columns] = True
    inside = (found_rows >= 0) & wanted[found_rows, found_columns]
    planes = [source.values(name)[:, found_rows, found_columns] for name in source.parameters]
    bands = np.where(inside, np.concatenate(planes), np.float32(np.nan))
    return Raster(bands, to, target)


def side(field: DataArray, axis: str) -> float:
    """Side of a cell of a field (..., y, x) along an axis, in m."""
    centres = field[axis].values
    return float(abs(centres[-1] - centres[0]) / (len(centres) - 1))
