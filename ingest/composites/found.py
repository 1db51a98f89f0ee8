"""Frames that were found in files, and the options by which a user says what files do not."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from ingest.errors import BadField
from ingest.grid import Grid

Rates = NDArray[np.float32]

SQUARE = 1e-3
"""Relative difference of height and width up to which cells are square."""
UNIFORM = 0.02
"""Largest deviation of a coordinate from equal steps, in steps."""


class Options(NamedTuple):
    """What a user says of files.

    Attributes:
        variable: Name of the variable of a netCDF file; empty to find it by its
            standard name, or where it is the only one that can be rain.
        units: Units, where files state none.
        projection: As pyproj takes it, where files state none.
        minutes: Accumulation time of amounts; 0 for the time between frames.
        zr: Factor a and exponent b of Z = a R**b, for reflectivities.
        first_row: "north" or "south" where files do not say where their first row lies.
        importer: Name of an importer of pysteps; empty for our readers.
    """

    variable: str = ""
    units: str = ""
    projection: str = ""
    minutes: float = 0.0
    zr: tuple[float, float] = (200.0, 1.6)
    first_row: str = ""
    importer: str = ""


class Layout(NamedTuple):
    """Where the cells of a composite lie, with row 0 in the north and column 0 in the west.

    Attributes:
        wkt: The coordinate reference system.
        west, north: Outer edges, in m or degrees.
        width, height: Of a cell, in m or degrees.
        shape: Rows and columns.
    """

    wkt: str
    west: float
    north: float
    width: float
    height: float
    shape: tuple[int, int]

    @property
    def is_square(self) -> bool:
        """Whether cells are squares in metres."""
        is_even = abs(self.width / self.height - 1) < SQUARE
        return is_even and not CRS(self.wkt).is_geographic

    def grid(self) -> Grid:
        """Return the grid of the same cells, if they are squares.

        Raises:
            BadField: They are not.
        """
        if not self.is_square:
            unit = "degrees" if CRS(self.wkt).is_geographic else "m"
            raise BadField(
                f"cells are {self.width:g} x {self.height:g} {unit}, should be squares in metres; "
                "--cell-km 5 brings them to squares of 5 km"
            )
        return Grid(self.wkt, self.west, self.north, self.width, self.shape)


class Found(NamedTuple):
    """A frame in a file, not read yet.

    Attributes:
        time: End of its interval, or its moment, UTC.
        path: Of the file.
        layout: Of its cells.
        units: Of its numbers, as the file states them.
        read: Returns its numbers (y, x) in these units, row 0 in the north, NaN for no data.
        minutes: Accumulation time that the file states; 0 if it states none.
        is_turned: Whether the file begins in the south.
        variable: Name of the variable of a netCDF file; empty in other formats.
    """

    time: np.datetime64
    path: Path
    layout: Layout
    units: str
    read: Callable[[], Rates]
    minutes: float = 0.0
    is_turned: bool = False
    variable: str = ""


def projection_of(text: str) -> CRS:
    """Return a coordinate reference system.

    Raises:
        BadField: The text is none.
    """
    try:
        return CRS(text)
    except CRSError as error:
        raise BadField(
            f"projection is {text[:100]!r}, which is none ({str(error)[:100]}); give one by "
            "--projection, such as EPSG:28992 or a PROJ string"
        ) from error


def edges(centres: NDArray[np.float64], axis: str) -> tuple[float, float, bool]:
    """Return the least coordinate of the outer edges, the step, and whether values fall.

    Args:
        centres: (number,) of rows or columns.
        axis: Its name, for messages.

    Raises:
        BadField: The steps are not equal.
    """
    if centres.ndim != 1 or len(centres) < 2 or not np.isfinite(centres).all():
        raise BadField(f"coordinate {axis} has {centres.shape} values, should have one per cell")
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    even = centres[0] + step * np.arange(len(centres))
    if step == 0 or np.abs(centres - even).max() > UNIFORM * abs(step):
        raise BadField(f"coordinate {axis} has unequal steps, should have cells of one size")
    least = min(centres[0], centres[-1]) - abs(step) / 2
    return float(least), float(abs(step)), bool(step < 0)
