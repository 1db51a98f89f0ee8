"""Areas and sizes of pictures: of tiles, and as a request names them."""

from functools import cache

import morecantile
from pyproj import Transformer

from service.api.edr.crs import SYSTEMS, ReferenceSystem, reference_system
from service.api.edr.extracts import parse_box
from service.api.maps.drawing import MOST_PIXELS, Frame
from service.errors import BadQuery

MERCATOR = next(system for system in SYSTEMS if system.name == "EPSG:3857")
LARGEST_ZOOM = 18
SIZES = (256, 512)
"""Sizes of tiles in pixels."""
DEFAULT_WIDTH = 768


@cache
def web_mercator() -> morecantile.TileMatrixSet:
    """The tiles of web maps."""
    return morecantile.tms.get("WebMercatorQuad")


def tile_frame(z: int, x: int, y: int, size: int) -> Frame:
    """The frame of a tile.

    Raises:
        BadQuery: There is no such tile or size.
    """
    if size not in SIZES:
        raise BadQuery(f"the size of a tile is {size}, should be {' or '.join(map(str, SIZES))}")
    if not (0 <= z <= LARGEST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise BadQuery(
            f"there is no tile {z}/{x}/{y}: z should be 0 to {LARGEST_ZOOM}, x and y from 0 to "
            f"below 2**z"
        )
    bounds = web_mercator().xy_bounds(morecantile.Tile(x, y, z))
    return Frame(MERCATOR, *bounds, size, size)


def tile_around(z: int, longitude: float, latitude: float, size: int) -> Frame:
    """The frame of the size of a tile with a place in its middle.

    Raises:
        BadQuery: There is no such place, zoom or size.
    """
    if not (0 <= z <= LARGEST_ZOOM and abs(longitude) <= 180 and abs(latitude) <= 85):
        raise BadQuery(
            f"there is no picture of zoom {z} around {latitude:g} {longitude:g}; latitude should "
            f"be -85 to 85, longitude -180 to 180"
        )
    if size not in SIZES:
        raise BadQuery(f"the size of a tile is {size}, should be {' or '.join(map(str, SIZES))}")
    x, y = web_mercator().xy(longitude, latitude)
    half = web_mercator().matrix(z).cellSize * 256 / 2
    return Frame(MERCATOR, x - half, y - half, x + half, y + half, size, size)


def frame_of(
    bbox: str, bbox_crs: str | None, crs: str | None, width: int | None, height: int | None
) -> Frame:
    """The frame that a request names.

    Args:
        bbox: West, south, east and north.
        bbox_crs: System of these; CRS84 by default.
        crs: System of the picture; EPSG:3857 by default.
        width: Pixels; where it is missing it follows from the height.
        height: Pixels; where it is missing it follows from the width.

    Raises:
        BadQuery: A system is unknown, or the picture too large.
        BadPlace: `bbox` is invalid.
    """
    box = parse_box(bbox)
    system = MERCATOR if crs is None else reference_system(crs)
    given = reference_system(bbox_crs)
    if not (system.definition and given.definition):
        raise BadQuery("maps are in CRS84, EPSG:4326, EPSG:3857 or EPSG:25832")
    if given.definition != system.definition:
        box = converted(box, given, system)
    west, south, east, north = box
    ratio = (east - west) / (north - south)
    if width is None and height is None:
        width = DEFAULT_WIDTH
    width = width if width is not None else max(1, round((height or 1) * ratio))
    height = height if height is not None else max(1, round(width / ratio))
    return sized(system, box, width, height)


def sized(
    system: ReferenceSystem, box: tuple[float, float, float, float], width: int, height: int
) -> Frame:
    """A frame of a size that is not too large.

    Raises:
        BadQuery: It is.
    """
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise BadQuery(
            f"the picture has {width} x {height} pixels, should have 1 to {MOST_PIXELS} along "
            f"each side"
        )
    return Frame(system, *box, width, height)


def converted(
    box: tuple[float, float, float, float], given: ReferenceSystem, system: ReferenceSystem
) -> tuple[float, float, float, float]:
    """The smallest box of a system around a box of another.

    Raises:
        BadQuery: The box reaches to where the system is not defined.
    """
    transformer = Transformer.from_crs(given.definition, system.definition, always_xy=True)
    found = transformer.transform_bounds(*box)
    if not all(abs(value) < 1e9 for value in found):
        raise BadQuery(f"bbox reaches to where {system.name} is not defined")
    west, south, east, north = found
    return west, south, east, north
