"""Requests of WMS 1.3.0: parameters in any case, read into frames, layers and times.

Source: OGC 06-042, OpenGIS Web Map Server Implementation Specification 1.3.0.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from service.api.dependencies import ApiContext
from service.api.edr.crs import ReferenceSystem, reference_system
from service.api.edr.times import period
from service.api.maps import layers
from service.api.maps.drawing import Frame
from service.api.maps.frames import sized
from service.api.maps.layers import Layer, Picture
from service.api.maps.palettes import STYLES, Background, Style
from service.api.query_parameters import PLAIN_NUMBERS, is_misread
from service.errors import BadQuery, NoItem, ServiceError

PARAMETERS = frozenset(
    {
        "service", "request", "version", "format", "layers", "styles", "crs", "srs", "bbox",
        "width", "height", "transparent", "bgcolor", "exceptions", "time", "dim_reference_time",
        "elevation", "query_layers", "info_format", "feature_count", "i", "j", "x", "y", "layer",
        "style", "updatesequence", "sld_version", "language",
    }
)  # fmt: skip
"""Parameters of the standard, and of the legend of SLD."""
IGNORED = frozenset(
    {"dpi", "map_resolution", "format_options", "tiled", "tilesorigin", "scale", "map",
     "_salt", "_olsalt", "_dc", "transition", "opacity"}
)  # fmt: skip
"""Parameters that clients add and that change nothing: those of QGIS, OpenLayers, Leaflet."""
LATITUDE_FIRST = ("EPSG:4326",)
"""Systems whose axes WMS 1.3.0 has in the order of latitude and longitude."""
WHITE = "0xFFFFFF"
COLOUR = re.compile("0x([0-9a-f]{6})", re.ASCII | re.IGNORECASE)
"""A colour in the parameter BGCOLOR."""
OLD = ("1.1.1", "1.1.0")
"""Versions whose boxes are always in the order x, y."""


class WmsError(ServiceError):
    """An exception of WMS.

    Args:
        code: Its code in the standard.
        message: What is wrong, and what should be.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class MapRequest(NamedTuple):
    """A map that is asked for.

    Attributes:
        layer: The layer.
        picture: What it shows.
        frame: Area and size.
        style: Colours.
        dated: Whether the request names its time, so that the answer never changes.
    """

    layer: Layer
    picture: Picture
    frame: Frame
    style: Style
    dated: bool


def in_lower_case(items: list[tuple[str, str]]) -> dict[str, str]:
    """Parameters by their names in lower case.

    Raises:
        WmsError: One is unknown, given twice, or a number in other digits than 0 to 9.
    """
    found: dict[str, str] = {}
    for name, value in items:
        lower = name.lower()
        if lower in IGNORED:
            continue
        if lower not in PARAMETERS:
            raise WmsError("InvalidParameterValue", f"there is no parameter {name[:60]!r}")
        if lower in found:
            raise WmsError("InvalidParameterValue", f"the parameter {name[:60]!r} is given twice")
        if is_misread(value):
            text = f"{name.upper()[:60]} is {value[:60]!r}; {PLAIN_NUMBERS}"
            raise WmsError("InvalidParameterValue", text)
        found[lower] = value
    return found


def needed(given: Mapping[str, str], name: str) -> str:
    """The value of a parameter that must be given.

    Raises:
        WmsError: It is not.
    """
    value = given.get(name, "")
    if not value:
        raise WmsError("MissingParameterValue", f"the parameter {name.upper()} is missing")
    return value


def map_request(context: ApiContext, given: Mapping[str, str]) -> MapRequest:
    """The map of a GetMap or GetFeatureInfo request.

    Raises:
        WmsError: A parameter is missing or invalid.
    """
    names = needed(given, "layers").split(",")
    if len(names) != 1:
        raise WmsError("OperationNotSupported", "LAYERS has several layers, should have one")
    style = style_named(given.get("styles", ""))
    frame = frame_of(given)
    layer = known_layer(context, names[0])
    return MapRequest(layer, picture_at(context, layer, given), frame, style, "time" in given)


def known_layer(context: ApiContext, name: str) -> Layer:
    """A layer that has something to show.

    Raises:
        WmsError: There is none of this name.
    """
    with suppress(NoItem):
        layer = layers.layer_named(name)
        if layers.is_there(context, layer):
            return layer
    raise WmsError("LayerNotDefined", f"there is no layer {name[:60]!r}; see GetCapabilities")


def style_named(name: str) -> Style:
    """The style of a name; the default for an empty one.

    Raises:
        WmsError: There is none of this name.
    """
    for style in STYLES:
        if name in (style, ""):
            return style
    raise WmsError("StyleNotDefined", f"STYLES is {name[:60]!r}, should be of {', '.join(STYLES)}")


def frame_of(given: Mapping[str, str]) -> Frame:
    """Area and size of a map.

    Raises:
        WmsError: They are missing or invalid.
    """
    old = given.get("version", "1.3.0") in OLD
    name = needed(given, "srs" if old and "srs" in given else "crs")
    try:
        system = reference_system(name)
    except BadQuery as error:
        raise WmsError("InvalidCRS", str(error)) from None
    if not system.definition:
        raise WmsError("InvalidCRS", "maps are in CRS:84, EPSG:4326, EPSG:3857 or EPSG:25832")
    try:
        first, second, third, fourth = map(float, needed(given, "bbox").split(","))
        width, height = int(needed(given, "width")), int(needed(given, "height"))
    except ValueError:
        raise WmsError(
            "InvalidParameterValue", "BBOX should be four numbers, WIDTH and HEIGHT whole numbers"
        ) from None
    box = first, second, third, fourth
    if system.name in LATITUDE_FIRST and not old:
        box = second, first, fourth, third
    west, south, east, north = box
    if not (-1e8 < west < east < 1e8 and -1e8 < south < north < 1e8):
        raise WmsError("InvalidParameterValue", "BBOX should be the lowest and highest coordinates")
    try:
        return sized(system, box, width, height)
    except BadQuery as error:
        raise WmsError("InvalidParameterValue", str(error)) from None


def background_of(given: Mapping[str, str]) -> Background | None:
    """Colour behind a map, white by default; None for a transparent map, as maps are by default.

    The standard has opaque maps by default, which would hide the map below.

    Raises:
        WmsError: TRANSPARENT or BGCOLOR is invalid.
    """
    transparent = given.get("transparent", "").lower()
    if transparent not in ("", "true", "false"):
        raise WmsError("InvalidParameterValue", "TRANSPARENT should be TRUE or FALSE")
    colour = COLOUR.fullmatch(given.get("bgcolor", "") or WHITE)
    if colour is None:
        raise WmsError("InvalidParameterValue", f"BGCOLOR should be a colour such as {WHITE}")
    red, green, blue = bytes.fromhex(colour[1])
    return (red, green, blue) if transparent == "false" else None


def picture_at(context: ApiContext, layer: Layer, given: Mapping[str, str]) -> Picture:
    """What a layer shows at the time of a request.

    Raises:
        WmsError: There is nothing at this time.
    """
    try:
        time = moment(given.get("time"))
        issue = moment(given.get("dim_reference_time"))
        return layers.picture(context, layer, time, issue)
    except ServiceError as error:
        raise WmsError("InvalidDimensionValue", str(error)) from error


def moment(text: str | None) -> datetime | None:
    """The time of a dimension; None for the default.

    Raises:
        BadQuery: It is no time.
    """
    if text in (None, "", "current", "default"):
        return None
    found = period(text or "")
    if found.first != found.last:
        raise BadQuery(f"TIME is {(text or '')[:80]!r}, should be an instant")
    return found.first


def system_names() -> dict[str, ReferenceSystem]:
    """Reference systems of maps by their names in WMS."""
    return {
        name: reference_system(name) for name in ("CRS:84", "EPSG:4326", "EPSG:3857", "EPSG:25832")
    }
