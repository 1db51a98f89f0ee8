"""The grids of German radar composites, and ways between them.

All arrays have row 0 in the NORTH and column 0 in the WEST, whatever the files do.
The national grid has 900 x 900 cells of 1 km in a polar stereographic projection, true at 60 N with
central meridian 10 E. Files up to format version 4 put it on a sphere, later ones on WGS84; cell by
cell the two differ by up to 1.6 km. Source: DWD, RADOLAN/RADVOR product description, section 1.3.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from xarray import DataArray, Dataset, Variable

from ingest.errors import BadField, OutsideGrid

Array = NDArray[np.float32]

SPHERE = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +R=6370040 +units=m +no_defs"
WGS84 = (
    "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +a=6378137 +b=6356752.3142451802"
    " +x_0=523196.835217778 +y_0=3772588.86193113 +units=m +no_defs"
)
MODEL_FACTOR = 5
"""Cells of the national grid along one side of a cell of the model grid."""


@dataclass(frozen=True)
class Grid:
    """Square cells in a projection, numbered from the north-west.

    Args:
        projection: PROJ string.
        west, north: Outer edges in m.
        cell: Side of a cell in m.
        shape: Rows, columns.
    """

    projection: str
    west: float
    north: float
    cell: float
    shape: tuple[int, int]

    @property
    def x(self) -> NDArray[np.float64]:
        """Centres of the columns in m, eastward."""
        return np.asarray(self.west + self.cell * (np.arange(self.shape[1]) + 0.5))

    @property
    def y(self) -> NDArray[np.float64]:
        """Centres of the rows in m, southward."""
        return np.asarray(self.north - self.cell * (np.arange(self.shape[0]) + 0.5))

    def coarser(self, factor: int) -> "Grid":
        """Return the grid of blocks of `factor` x `factor` cells.

        Raises:
            ValueError: There are no whole blocks.
        """
        rows, columns = self.shape
        if rows % factor or columns % factor:
            raise ValueError(f"{rows} x {columns} cells are not whole blocks of {factor}")
        shape = (rows // factor, columns // factor)
        return Grid(self.projection, self.west, self.north, self.cell * factor, shape)


NATIONAL_SPHERE = Grid(SPHERE, -523462.16692185635, -3758644.724265571, 1000.0, (900, 900))
NATIONAL_WGS84 = Grid(WGS84, -500.0, 500.0, 1000.0, (900, 900))


@cache
def coordinates(grid: Grid) -> Mapping[Hashable, Variable]:
    """CF coordinates of a grid: y, x, lat, lon and the grid mapping `crs`. Made once, read only."""
    axes = {
        name: DataArray(
            values,
            dims=name,
            attrs={"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": axis},
        )
        for name, values, axis in (("y", grid.y, "Y"), ("x", grid.x, "X"))
    }
    to_degrees = Transformer.from_crs(grid.projection, geographic(grid.projection), always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(grid.x, grid.y))
    places = {
        name: DataArray(
            values.astype(np.float32),
            dims=("y", "x"),
            attrs={"standard_name": long, "long_name": long, "units": f"degrees_{towards}"},
        )
        for name, values, long, towards in (
            ("lat", lat, "latitude", "north"),
            ("lon", lon, "longitude", "east"),
        )
    }
    crs = DataArray(np.int32(0), attrs=grid_mapping(grid.projection))
    return Dataset(coords={**axes, **places, "crs": crs}).variables


def geographic(projection: str) -> CRS:
    """Return longitude and latitude on the body of a projection: a sphere stays a sphere.

    Raises:
        ValueError: It is no projection of the Earth.
    """
    found = CRS(projection).geodetic_crs
    if found is None:
        raise ValueError(f"{projection!r} is no projection of the earth")
    return found


def grid_mapping(projection: str) -> dict[str, str | float]:
    """CF attributes of a projection, with what pyproj leaves out or gets wrong put right.

    CF 1.10, appendix F, wants the latitude of the projection's origin, and a sphere by its radius
    and not by an inverse flattening of zero. A projection without a name in CF has its WKT alone.
    """
    attributes: dict[str, str | float] = dict(CRS(projection).to_cf())
    if attributes.get("grid_mapping_name") == "polar_stereographic":
        attributes["latitude_of_projection_origin"] = 90.0
    if attributes.get("inverse_flattening") == 0:
        del attributes["inverse_flattening"]
        attributes["earth_radius"] = attributes["semi_major_axis"]
        del attributes["semi_major_axis"], attributes["semi_minor_axis"]
    return attributes


def to_model_grid(frame: DataArray, method: Literal["mean", "bilinear"] = "mean") -> DataArray:
    """A field of 1 km cells on the grid of the models, 5 km cells: 900 x 900 becomes 180 x 180.

    Args:
        frame: (..., y, x) on any grid of whole 5 x 5 blocks, NaN for no data.
        method: "mean" takes the mean rate of the valid cells of each 5 x 5 block, and no data where
            fewer than half are valid. "bilinear" is what the papers did: at a ratio of 5, bilinear
            sampling is the centre cell of each block (Ma et al., arXiv 2304.07724, their code).

    Raises:
        BadField: The field is not of whole blocks.
        ValueError: There is no such method.
    """
    if method not in ("mean", "bilinear"):
        raise ValueError(f"method is {method!r}, should be 'mean' or 'bilinear'")
    rows, columns = frame.shape[-2:]
    if rows % MODEL_FACTOR or columns % MODEL_FACTOR:
        raise BadField(
            f"the field has {rows} x {columns} cells, should have a multiple of {MODEL_FACTOR} "
            f"along each side; pad or cut it"
        )
    values = np.ascontiguousarray(frame.values, dtype=np.float32)
    if method == "mean":
        small = block_mean(values, MODEL_FACTOR)
    else:
        centre = slice(MODEL_FACTOR // 2, None, MODEL_FACTOR)
        small = np.ascontiguousarray(values[..., centre, centre])
    kept = {
        name: coord.variable
        for name, coord in frame.coords.items()
        if name != "crs" and not {"y", "x"} & set(coord.dims)
    }
    coords = {**model_coordinates(frame), **kept}
    return DataArray(small, coords=coords, dims=frame.dims, name=frame.name, attrs=frame.attrs)


def model_coordinates(frame: DataArray) -> Mapping[Hashable, Variable]:
    """Return the coordinates of the blocks of a field (..., y, x).

    Exact for the known grids, by axis for others.
    """
    if (grid := known_grid(frame)) and grid.cell == NATIONAL_SPHERE.cell:
        return coordinates(grid.coarser(MODEL_FACTOR))
    axes = frame.coords.to_dataset()[[axis for axis in ("y", "x") if axis in frame.coords]]
    blocks = axes.coarsen(dict.fromkeys(axes.coords, MODEL_FACTOR)).mean()
    crs = {"crs": frame.coords["crs"].variable} if "crs" in frame.coords else {}
    return blocks.assign_coords(crs).variables


def known_grid(field: DataArray) -> Grid | None:
    """Return which of the national and model grids a field (..., y, x) lies on, if any."""
    fine = (NATIONAL_SPHERE, NATIONAL_WGS84)
    known = (*fine, *(grid.coarser(MODEL_FACTOR) for grid in fine))
    return next((grid for grid in known if lies_on(field, grid)), None)


def with_places(field: DataArray) -> DataArray:
    """Add latitude and longitude of the cells of a field (..., y, x) where its grid is known."""
    grid = known_grid(field)
    return field if grid is None else field.assign_coords(coordinates(grid))


def lies_on(field: DataArray, grid: Grid) -> bool:
    """Whether the axes of a field (..., y, x) are those of a grid, to the metre."""
    if field.shape[-2:] != grid.shape or not {"y", "x"} <= set(field.coords):
        return False
    return all(
        np.abs(field.coords[axis].values[[0, -1]] - values[[0, -1]]).max() < 1
        for axis, values in (("y", grid.y), ("x", grid.x))
    )


def block_mean(values: Array, factor: int) -> Array:
    """Average the valid cells of blocks; NaN where fewer than half of them are valid.

    Args:
        values: (..., y, x), NaN for no data.
        factor: Cells along a side of a block.

    Returns:
        (..., y / factor, x / factor).
    """

    def block_sum(cells: NDArray[Any]) -> NDArray[Any]:
        # Whole rows first, then columns of what is left: several times faster than a reshape.
        tall = reduce(np.add, (cells[..., row::factor, :] for row in range(factor)))
        return reduce(np.add, (tall[..., column::factor] for column in range(factor)))

    # Counted in bytes, which hold the cells of blocks up to 15 x 15.
    number = factor**2 - block_sum(np.isnan(values).view(np.uint8))
    mean = np.asarray(block_sum(values) / np.float32(factor**2), dtype=np.float32)
    # NaN wherever one cell is; that is right but for the few blocks that lack less than half.
    partial = (number < factor**2) & (2 * number >= factor**2)
    *front, rows, columns = number.shape
    tiles = values.reshape(*front, rows, factor, columns, factor).swapaxes(-3, -2)
    mean[partial] = np.nanmean(tiles[partial], axis=(-2, -1))
    return mean


@cache
def projector(projection: str) -> Transformer:
    """From longitude and latitude in degrees (WGS84) to metres of a projection."""
    return Transformer.from_crs(geographic(projection), projection, always_xy=True)


def cell(field: DataArray, longitude: float, latitude: float) -> tuple[int, int]:
    """Return row and column of the cell of `field` that holds a place.

    Args:
        field: (..., y, x) with its projection.
        longitude: Degrees east.
        latitude: Degrees north.

    Raises:
        OutsideGrid: The place lies beyond the outer edges of the grid.
    """
    x, y = projector(field["crs"].attrs["crs_wkt"]).transform(longitude, latitude)
    found = []
    for axis, coordinate in (("y", y), ("x", x)):
        centres = field[axis].values
        step = (centres[-1] - centres[0]) / (len(centres) - 1)
        index = np.floor((coordinate - centres[0]) / step + 0.5) if np.isfinite(coordinate) else -1
        if not 0 <= index < len(centres):
            raise OutsideGrid(outside(field, longitude, latitude))
        found.append(int(index))
    return found[0], found[1]


def outside(field: DataArray, longitude: float, latitude: float) -> str:
    """Return what is wrong with a place outside a grid (y, x), which is no rectangle in degrees."""
    lon, lat = field["lon"].values, field["lat"].values
    text = (
        f"longitude {longitude:g}, latitude {latitude:g} lies outside the grid, which reaches from "
        f"{lon.min():.2f} to {lon.max():.2f} east at its widest and from {lat.min():.2f} to "
        f"{lat.max():.2f} north, and is no rectangle in degrees"
    )
    if not np.isfinite([longitude, latitude]).all():
        return text
    with np.errstate(over="ignore"):
        east = (lon - longitude) * np.cos(np.radians(lat))
        nearest = np.unravel_index(np.argmin(np.hypot(east, lat - latitude)), lon.shape)
    return f"{text}; its nearest cell is at {lon[nearest]:.2f} east, {lat[nearest]:.2f} north"


def at(field: DataArray, longitude: float, latitude: float) -> DataArray:
    """Return the values (...) of a field (..., y, x) in the cell that holds a place.

    Raises:
        OutsideGrid: The place lies beyond the outer edges of the grid.
    """
    row, column = cell(field, longitude, latitude)
    return field.isel(y=row, x=column)


def pad_to_national(rate: Array, top: int, left: int) -> Array:
    """Put a field into the national grid by whole cells: cut what is over, NaN where it ends.

    Args:
        rate: (rows, columns), row 0 in the north.
        top: Row of the field at which the national grid begins; may be negative.
        left: Column likewise.

    Returns:
        (900, 900).
    """
    rows, columns = NATIONAL_SPHERE.shape
    out = np.full((rows, columns), np.nan, dtype=np.float32)
    inside = rate[max(top, 0) : top + rows, max(left, 0) : left + columns]
    row, column = max(-top, 0), max(-left, 0)
    out[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return out


def same_grid(first: DataArray, second: DataArray) -> bool:
    """Whether two fields (..., y, x) have the same cells at the same places."""
    return all(
        first.sizes[axis] == second.sizes[axis]
        and np.array_equal(first[axis].values, second[axis].values)
        for axis in ("y", "x")
    )
