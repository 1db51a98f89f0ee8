"""Coordinate reference systems of queries and answers.

Coordinates are in the order x, y, that is longitude before latitude, in every system: EPSG:4326
differs from CRS84 in its name only, as in the WKT of most clients.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from xarray import DataArray

from ingest.grid import projector
from service.errors import BadQuery

Coordinates = tuple[NDArray[np.float64], NDArray[np.float64]]
CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG_URI = "http://www.opengis.net/def/crs/EPSG/0/"


class ReferenceSystem(NamedTuple):
    """A coordinate reference system.

    Attributes:
        name: Its name in queries.
        uri: Its identifier; empty for the projection of the radar.
        definition: What PROJ understands; empty for the projection of the radar.
        step: Distance of the points of a grid in this system, about the side of a radar cell.
        decimals: Decimals of coordinates.
    """

    name: str
    uri: str
    definition: str
    step: float
    decimals: int

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are longitude and latitude in degrees."""
        return self.decimals > 2


CRS84 = ReferenceSystem("CRS84", CRS84_URI, "OGC:CRS84", 0.05, 4)
RADAR = ReferenceSystem("radar", "", "", 5000.0, 1)
"""The projection of the radar composite, in m."""
SYSTEMS = (
    CRS84,
    ReferenceSystem("EPSG:4326", f"{EPSG_URI}4326", "OGC:CRS84", 0.05, 4),
    ReferenceSystem("EPSG:3857", f"{EPSG_URI}3857", "EPSG:3857", 8000.0, 1),
    ReferenceSystem("EPSG:25832", f"{EPSG_URI}25832", "EPSG:25832", 5000.0, 1),
    RADAR,
)
CYLINDRICAL = ("CRS84", "EPSG:4326", "EPSG:3857")
"""Systems in which x decides on the longitude alone, and y on the latitude."""
NAMES = {
    name.lower(): system
    for system in SYSTEMS
    for name in (system.name, system.name.removeprefix("EPSG:"))
} | {"ogc:crs84": CRS84, "crs:84": CRS84}
"""Systems by authority and code, and by code alone."""
SPELLING = re.compile(
    r"(?:https?://www\.opengis\.net/def/crs/|urn:(?:x-)?ogc:def:crs:)?"
    r"(?:(epsg|ogc|crs)[:/](?:[\d.]*[:/])?)?(\w+)",
    re.ASCII,
)
"""A code with its authority and version, as URI, URN, CURIE (OGC:CRS84) or alone, in lower case."""
BRACKETS = ("[]", "<>")
"""Around a safe CURIE, and around a URI."""


def reference_system(name: str | None) -> ReferenceSystem:
    """The system of a name or URI; CRS84 by default.

    Raises:
        BadQuery: It is none that is available.
    """
    if name is None:
        return CRS84
    text = name.strip().lower()
    if text[:1] + text[-1:] in BRACKETS:
        text = text[1:-1]
    parts = SPELLING.fullmatch(text)
    found = NAMES.get(":".join(filter(None, parts.groups()))) if parts else None
    if found is None:
        names = ", ".join(system.name for system in SYSTEMS)
        raise BadQuery(f"crs is {name[:60]!r}, should be one of {names}")
    return found


@cache
def to_degrees(definition: str) -> Transformer:
    """From a system to longitude and latitude."""
    return Transformer.from_crs(definition, "OGC:CRS84", always_xy=True)


def to_radar(field: DataArray, system: ReferenceSystem, x: Any, y: Any) -> Coordinates:  # noqa: ANN401
    """Coordinates (any shape) of a system in the projection of a field (..., y, x), in m."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not system.definition:
        return x, y
    longitude, latitude = to_degrees(system.definition).transform(x, y)
    projected = projector(projection_of(field)).transform(longitude, latitude)
    return np.asarray(projected[0]), np.asarray(projected[1])


def grid_to_radar(
    field: DataArray, system: ReferenceSystem, x: NDArray[np.float64], y: NDArray[np.float64]
) -> Coordinates:
    """Coordinates (y, x) of the points of a grid in the projection of a field (..., y, x), in m.

    Args:
        field: The field.
        system: The system of the grid.
        x: The axis of columns in it.
        y: The axis of rows in it.
    """
    if system.name not in CYLINDRICAL:
        return to_radar(field, system, *np.meshgrid(x, y))
    transform = to_degrees(system.definition).transform
    longitude, _ = transform(x, np.zeros_like(x))
    _, latitude = transform(np.zeros_like(y), y)
    projected = projector(projection_of(field)).transform(*np.meshgrid(longitude, latitude))
    return np.asarray(projected[0]), np.asarray(projected[1])


def from_radar(field: DataArray, system: ReferenceSystem, x: Any, y: Any) -> Coordinates:  # noqa: ANN401
    """Coordinates (any shape) in the projection of a field (..., y, x), in another system."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not system.definition:
        return x, y
    degrees = projector(projection_of(field)).transform(x, y, direction="INVERSE")
    converted = to_degrees(system.definition).transform(*degrees, direction="INVERSE")
    return np.asarray(converted[0]), np.asarray(converted[1])


def projection_of(field: DataArray) -> str:
    """Projection of a field (..., y, x) as WKT."""
    wkt: str = field["crs"].attrs["crs_wkt"]
    return wkt


def referencing(system: ReferenceSystem, field: DataArray) -> list[dict[str, Any]]:
    """Reference systems of a CoverageJSON domain of a field (..., y, x)."""
    spatial: dict[str, Any] = {
        "type": "GeographicCRS" if system.is_geographic else "ProjectedCRS",
    }
    if system.uri:
        spatial["id"] = system.uri
    else:
        spatial |= {
            "description": {"en": CRS(projection_of(field)).name},
            "wkt": projection_of(field),
        }
    temporal = {"type": "TemporalRS", "calendar": "Gregorian"}
    return [
        {"coordinates": ["x", "y"], "system": spatial},
        {"coordinates": ["t"], "system": temporal},
    ]
