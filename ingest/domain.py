"""A served domain other than Germany: its grid, its radar product and whom to credit.

It is described by a TOML file:

    title = "the Netherlands"
    product = "RAD_NL25"
    provider = "KNMI"
    attribution = "Source: KNMI"
    licence = "CC BY 4.0"

    [grid]            # cells of 5 km, from the outer edges in the north-west
    projection = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=0 +a=6378140 +b=6356750 +units=m"
    west = 0
    north = -3650000
    rows = 153
    columns = 140

    [files]           # what files do not state; see `nowcast data import --help`
    units = "mm/h"

    [towns]           # labels of the map page: degrees east and north, the largest first
    Amsterdam = [4.90, 52.37]
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from ingest.errors import BadField
from ingest.grid import Grid

CELL_METRES = 5000.0
"""Side of a cell: networks and scores are made for it."""
PRODUCT = re.compile(r"[A-Za-z0-9_+-]{1,8}")
"""Names of products, which the ledger keeps."""
TEXTS = ("title", "product", "provider", "attribution", "licence")
SMALLEST, LARGEST = 32, 1200
"""Cells along a side."""


class Domain(NamedTuple):
    """A served domain.

    Attributes:
        title: The area, as in "rain over the Netherlands".
        product: Name of the radar product, at most 8 characters.
        provider: Who makes the product.
        attribution: Whom to credit, as the licence wants it.
        licence: Of the radar data.
        grid: Onto which composites are brought.
        files: What files do not state, by the options of `nowcast data import`.
        towns: Degrees east and north of towns, by name, the largest first.
    """

    title: str
    product: str
    provider: str
    attribution: str
    licence: str
    grid: Grid
    files: Mapping[str, Any]
    towns: Mapping[str, tuple[float, float]] = MappingProxyType({})


def read_domain(path: Path) -> Domain:
    """Read a domain from a TOML file.

    Raises:
        BadField: The file cannot be read, or something is missing or wrong; the message says what.
    """
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadField(f"domain {path} cannot be read: {error}") from error
    if unknown := sorted(given.keys() - {*TEXTS, "grid", "files", "towns"}):
        raise BadField(f"domain {path} has {unknown[0]!r}, should have {', '.join(TEXTS)}, grid")
    if lacking := [name for name in TEXTS if not isinstance(given.get(name), str)]:
        raise BadField(f"domain {path} lacks the text {lacking[0]!r}")
    if not PRODUCT.fullmatch(given["product"]):
        raise BadField(f"domain {path}: product should match {PRODUCT.pattern}")
    try:
        grid = grid_of(given.get("grid", {}))
    except (CRSError, KeyError, TypeError, ValueError) as error:
        raise BadField(f"domain {path}: grid is wrong ({error!r})") from error
    texts = {name: given[name] for name in TEXTS}
    try:
        towns = {name: town_of(pair) for name, pair in given.get("towns", {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BadField(f"domain {path}: towns are wrong ({error!r})") from error
    return Domain(**texts, grid=grid, files=given.get("files", {}), towns=towns)


def town_of(pair: Sequence[float]) -> tuple[float, float]:
    """Return degrees east and north of a town.

    Raises:
        ValueError: They are none.
    """
    longitude, latitude = map(float, pair)
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise ValueError(f"{pair} should be degrees east and north")
    return longitude, latitude


def grid_of(given: Mapping[str, Any]) -> Grid:
    """Return the grid that a table describes; a missing entry is a KeyError.

    Raises:
        ValueError: It is none on Earth.
    """
    projection = str(given["projection"])
    crs = CRS(projection)
    shape = int(given["rows"]), int(given["columns"])
    if crs.is_geographic or not all(SMALLEST <= side <= LARGEST for side in shape):
        raise ValueError(f"should be {SMALLEST} to {LARGEST} cells a side in a projection in m")
    grid = Grid(projection, float(given["west"]), float(given["north"]), CELL_METRES, shape)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    if not np.isfinite(to_degrees.transform(*np.meshgrid(grid.x[[0, -1]], grid.y[[0, -1]]))).all():
        raise ValueError("its corners lie nowhere on Earth")
    return grid
