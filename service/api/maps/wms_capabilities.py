"""Capabilities of the WMS and its exceptions, as XML."""

from datetime import datetime
from xml.etree import ElementTree as ET

from pyproj import Transformer

from ingest.domain import Domain
from service.api.dependencies import ApiContext
from service.api.edr.metadata import TITLE, bounding_box, description_of
from service.api.maps import layers
from service.api.maps.drawing import MOST_PIXELS
from service.api.maps.layers import Layer
from service.api.maps.palettes import STYLES
from service.api.maps.wms_requests import LATITUDE_FIRST, WmsError, system_names
from service.archive.key import iso, to_datetime

WMS = "http://www.opengis.net/wms"
XLINK = "http://www.w3.org/1999/xlink"
OGC = "http://www.opengis.net/ogc"
VERSION = "1.3.0"
FORMATS = {
    "GetCapabilities": ("text/xml",),
    "GetMap": ("image/png",),
    "GetFeatureInfo": ("application/json", "text/plain"),
}
STYLE_TITLES = {
    "default": "As on the page",
    "dark": "For dark maps",
    "colour-blind": "For colour-blind eyes",
    "grey": "Greys",
}


def exception(error: WmsError) -> bytes:
    """A service exception report."""
    root = ET.Element("ServiceExceptionReport", {"version": VERSION, "xmlns": OGC})
    ET.SubElement(root, "ServiceException", {"code": error.code}).text = str(error)
    return xml(root)


def xml(root: ET.Element) -> bytes:
    """An XML document."""
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def capabilities(context: ApiContext, base: str) -> bytes:
    """The capabilities, with all layers that have something to show now."""
    area = context.area
    ET.register_namespace("xlink", XLINK)
    root = ET.Element("WMS_Capabilities", {"version": VERSION, "xmlns": WMS})
    service = ET.SubElement(root, "Service")
    texts(service, Name="WMS", Title=TITLE, Abstract=description_of(area))
    online(service, f"{base}/")
    texts(
        service,
        Fees="none",
        AccessConstraints=f"Radar: {area.provider}, {area.licence}",
        LayerLimit="1",
        MaxWidth=str(MOST_PIXELS),
        MaxHeight=str(MOST_PIXELS),
    )
    capability = ET.SubElement(root, "Capability")
    requests = ET.SubElement(capability, "Request")
    for name, formats in FORMATS.items():
        request = ET.SubElement(requests, name)
        for media in formats:
            ET.SubElement(request, "Format").text = media
        get = ET.SubElement(ET.SubElement(ET.SubElement(request, "DCPType"), "HTTP"), "Get")
        online(get, f"{base}/wms?")
    ET.SubElement(ET.SubElement(capability, "Exception"), "Format").text = "XML"
    parent = ET.SubElement(capability, "Layer")
    texts(parent, Title=TITLE, Abstract=description_of(area))
    for system in system_names():
        ET.SubElement(parent, "CRS").text = system
    add_bounds(area, parent)
    for layer in layers.layers(context):
        add_layer(context, parent, layer, base)
    return xml(root)


def texts(parent: ET.Element, **values: str) -> None:
    """Add elements with text."""
    for name, value in values.items():
        ET.SubElement(parent, name).text = value


def online(parent: ET.Element, href: str) -> None:
    """Add the address of a resource."""
    attributes = {f"{{{XLINK}}}type": "simple", f"{{{XLINK}}}href": href}
    ET.SubElement(parent, "OnlineResource", attributes)


def add_bounds(area: Domain, parent: ET.Element) -> None:
    """Add the bounding box in every system."""
    west, south, east, north = bounding_box(area, None)
    box = ET.SubElement(parent, "EX_GeographicBoundingBox")
    texts(
        box,
        westBoundLongitude=f"{west}",
        eastBoundLongitude=f"{east}",
        southBoundLatitude=f"{south}",
        northBoundLatitude=f"{north}",
    )
    for name, system in system_names().items():
        to = Transformer.from_crs("OGC:CRS84", system.definition, always_xy=True)
        x1, y1, x2, y2 = (
            round(value, 4) for value in to.transform_bounds(west, south, east, north)
        )
        if name in LATITUDE_FIRST:
            x1, y1, x2, y2 = y1, x1, y2, x2
        ET.SubElement(
            parent,
            "BoundingBox",
            {"CRS": name, "minx": f"{x1}", "miny": f"{y1}", "maxx": f"{x2}", "maxy": f"{y2}"},
        )


def add_layer(context: ApiContext, parent: ET.Element, layer: Layer, base: str) -> None:
    """Add a layer with its times and styles."""
    element = ET.SubElement(parent, "Layer", {"queryable": "1", "opaque": "0"})
    texts(element, Name=layer.name, Title=layer.title)
    times = layers.times_of(context, layer)
    add_dimension(element, "time", times, layers.default_time(layer, times))
    if layer.model:
        issue = to_datetime(layers.newest_key(context, layer.model).issue)
        add_dimension(element, "reference_time", [issue], issue)
    for style in STYLES:
        part = ET.SubElement(element, "Style")
        texts(part, Name=style, Title=STYLE_TITLES[style])
        legend = ET.SubElement(part, "LegendURL", {"width": "130", "height": "260"})
        texts(legend, Format="image/png")
        query = (
            f"SERVICE=WMS&VERSION={VERSION}&REQUEST=GetLegendGraphic&FORMAT=image/png"
            f"&LAYER={layer.name}&STYLE={style}"
        )
        online(legend, f"{base}/wms?{query.replace('+', '%2B')}")


def add_dimension(element: ET.Element, name: str, times: list[datetime], default: datetime) -> None:
    """Add a dimension of times."""
    attributes = {
        "name": name,
        "units": "ISO8601",
        "default": iso(default),
        "nearestValue": "0",
    }
    ET.SubElement(element, "Dimension", attributes).text = ",".join(map(iso, times))
