"""Composites brought to squares of another size by the mean of what lies in each."""

import numpy as np
import rasterio
from pyproj import CRS, Transformer
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject, transform_bounds

from ingest.composites.found import Layout, Rates
from ingest.grid import Grid, block_mean

WHOLE = 1e-6
"""How far a ratio of cells may be from a whole number."""
LARGEST_BLOCK = 15
"""Cells along a side of a block that are averaged by `block_mean`."""
AROUND = "+proj=laea +lat_0={lat:.3f} +lon_0={lon:.3f} +datum=WGS84 +units=m +no_defs"
"""Projection for composites in degrees."""


def target_grid(layout: Layout, cell_metres: float) -> Grid:
    """Return the grid of squares of a size that covers a composite.

    In its own projection, or for one in degrees in an equal-area projection around its centre.
    """
    crs = CRS(layout.wkt)
    rows, columns = layout.shape
    west, north = layout.west, layout.north
    east, south = west + layout.width * columns, north - layout.height * rows
    if crs.is_geographic:
        middle = AROUND.format(lat=(north + south) / 2, lon=(west + east) / 2)
        west, south, east, north = transform_bounds(layout.wkt, middle, west, south, east, north)
        west, north = (np.round(edge / cell_metres) * cell_metres for edge in (west, north))
        projection = CRS(middle).to_wkt()
    else:
        projection = layout.wkt
    shape = round((north - south) / cell_metres), round((east - west) / cell_metres)
    return Grid(projection, float(west), float(north), cell_metres, (shape[0], shape[1]))


def on_grid(rate: Rates, layout: Layout, grid: Grid) -> Rates:
    """Bring rates to a grid of larger or equal squares.

    Args:
        rate: (y, x) in mm/h, NaN for no data.
        layout: Where its cells lie.
        grid: Of `target_grid`.

    Returns:
        (y, x) in mm/h of the grid; the mean of the valid cells, NaN where there are none.
    """
    ratio = grid.cell / layout.width
    factor = round(ratio)
    whole = abs(ratio - factor) < WHOLE and layout.is_square and factor <= LARGEST_BLOCK
    size = (grid.shape[0] * factor, grid.shape[1] * factor)
    if whole and grid.projection == layout.wkt and size == layout.shape:
        return rate if factor == 1 else block_mean(rate, factor)
    out = np.full(grid.shape, np.nan, np.float32)
    reproject(
        rate,
        out,
        src_transform=from_origin(layout.west, layout.north, layout.width, layout.height),
        src_crs=rasterio.CRS.from_wkt(layout.wkt),
        src_nodata=np.nan,
        dst_transform=from_origin(grid.west, grid.north, grid.cell, grid.cell),
        dst_crs=rasterio.CRS.from_wkt(CRS(grid.projection).to_wkt()),
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    return out


def centre(grid: Grid) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a grid."""
    crs = CRS(grid.projection)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    rows, columns = grid.shape
    x, y = grid.west + grid.cell * columns / 2, grid.north - grid.cell * rows / 2
    longitude, latitude = to_degrees.transform(x, y)
    return float(longitude), float(latitude)
