"""Web Map Service 1.3.0: layers for QGIS, Home Assistant and other clients of WMS."""

import hashlib
from collections.abc import Mapping

import numpy as np
from fastapi import APIRouter, Request, Response

from service.api.dependencies import ApiContext, Context, in_pool
from service.api.edr.documents import CACHE_CONTROL, base_url, document_response
from service.api.maps import wms_capabilities
from service.api.maps.drawing import cells_of
from service.api.maps.palettes import LEVELS, NO_DATA, UNITS, palette
from service.api.maps.pictures import PNG, picture_response
from service.api.maps.wms_requests import (
    OLD,
    WmsError,
    background_of,
    in_lower_case,
    known_layer,
    map_request,
    needed,
    style_named,
)
from service.api.negotiation import etag_matches
from service.api.openapi.responses import WMS, WMS_PARAMETERS
from service.api.page.static_files import conditional_response
from service.api.problems import NO_STORE
from service.api.query_parameters import READ_BY_THEMSELVES
from service.api.representations import IMMUTABLE, SHORT_LIVED
from service.archive.key import iso
from service.pipeline.upload import JSON

router = APIRouter(tags=["maps"], route_class=in_pool("maps"))

XML = "text/xml"


@router.get(
    "/wms",
    response_class=Response,
    responses=WMS,
    openapi_extra=WMS_PARAMETERS,
    operation_id="query_wms",
)
def wms(request: Request, context: Context) -> Response:
    """GetCapabilities, GetMap, GetFeatureInfo and GetLegendGraphic, with TIME.

    Names of parameters may be in any case. A parameter that is unknown is refused.
    """
    try:
        given = in_lower_case(request.query_params.multi_items())
        if given.get("service", "WMS").upper() != "WMS":
            raise WmsError("InvalidParameterValue", "SERVICE should be WMS")
        wanted = needed(given, "request").lower()
        answer = OPERATIONS.get(wanted)
        if answer is None:
            raise WmsError(
                "OperationNotSupported",
                f"REQUEST is {wanted[:60]!r}, should be GetCapabilities, GetMap, GetFeatureInfo or "
                f"GetLegendGraphic",
            )
        return answer(request, context, given)
    except WmsError as error:
        return Response(wms_capabilities.exception(error), 400, NO_STORE, XML)


READ_BY_THEMSELVES.add(wms)


def get_capabilities(request: Request, context: ApiContext, given: Mapping[str, str]) -> Response:
    """The capabilities."""
    del given
    content = wms_capabilities.capabilities(context, base_url(request))
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL}
    if etag_matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=XML, headers=headers)


def check_version(given: Mapping[str, str]) -> None:
    """Refuse other versions than 1.3.0 and those before it.

    Raises:
        WmsError: The version is another.
    """
    version = given.get("version", "1.3.0")
    if version not in ("1.3.0", *OLD):
        raise WmsError("InvalidParameterValue", f"VERSION is {version[:20]!r}, should be 1.3.0")


def check_format(given: Mapping[str, str], name: str, *offered: str) -> str:
    """The format that is asked for, by default the first.

    Raises:
        WmsError: It is not available.
    """
    media = given.get(name, "") or offered[0]
    if media not in offered:
        raise WmsError(
            "InvalidFormat", f"{name.upper()} is {media[:60]!r}, should be {' or '.join(offered)}"
        )
    return media


def get_map(request: Request, context: ApiContext, given: Mapping[str, str]) -> Response:
    """A map; one whose request names its time never changes.

    Raises:
        WmsError: A parameter is missing or invalid.
    """
    check_version(given)
    check_format(given, "format", PNG, "image/png; mode=8bit", "image/png8")
    background = background_of(given)
    wanted = map_request(context, given)
    named = wanted.dated and (not wanted.layer.model)
    return picture_response(
        request,
        context,
        wanted.picture,
        wanted.frame,
        wanted.style,
        IMMUTABLE if named else SHORT_LIVED,
        background,
    )


def get_feature_info(request: Request, context: ApiContext, given: Mapping[str, str]) -> Response:
    """The value at a pixel of a map.

    Raises:
        WmsError: A parameter is missing or invalid.
    """
    check_version(given)
    media = check_format(given, "info_format", JSON, "text/plain")
    wanted = map_request(context, {**given, "layers": needed(given, "query_layers")})
    old = given.get("version", "1.3.0") in OLD
    try:
        column, row = (int(needed(given, name)) for name in ("xy" if old else "ij"))
    except ValueError:
        row = column = -1
    if not (0 <= column < wanted.frame.width and 0 <= row < wanted.frame.height):
        raise WmsError("InvalidPoint", "I and J should be a column and a row of the map")
    cells = cells_of(wanted.picture.field, wanted.frame)
    flat = np.append(wanted.picture.field.values.ravel(), np.float32(np.nan))
    value = float(flat[cells[row, column]])
    document = {
        "layer": wanted.layer.name,
        "title": wanted.layer.title,
        "time": iso(wanted.picture.time),
        "value": None if np.isnan(value) else round(value, 3),
        "unit": "1" if wanted.layer.kind == "probability" else UNITS[wanted.layer.kind],
        "attribution": wanted.picture.attribution,
    }
    if media == JSON:
        return document_response(request, document, JSON)
    shown = "no data" if document["value"] is None else f"{document['value']} {document['unit']}"
    return Response(f"{document['title']}, {document['time']}: {shown}\n", media_type=media)


def get_legend(request: Request, context: ApiContext, given: Mapping[str, str]) -> Response:
    """The legend of a layer."""
    check_version(given)
    check_format(given, "format", PNG)
    layer = known_layer(context, needed(given, "layer"))
    style = style_named(given.get("style", ""))
    name = f"legend-{layer.kind}-{style}"

    def draw() -> bytes:
        # importing matplotlib takes half a second, and legends are drawn once
        from service.plots.legend import legend

        percent = layer.kind == "probability"
        labels = [f"{level:.0%}" if percent else f"{level:g}" for level in LEVELS[layer.kind]]
        every = palette(layer.kind, style).colours
        colours = ["#" + bytes(colour[:3]).hex() for colour in every[1 : len(labels) + 1]]
        no_data = "#" + bytes(NO_DATA).hex()
        return legend(labels, colours, no_data, UNITS[layer.kind])

    return conditional_response(
        request,
        name,
        lambda: context.pictures.get(name, draw),
        {"Cache-Control": SHORT_LIVED},
        PNG,
    )


OPERATIONS = {
    "getcapabilities": get_capabilities,
    "getmap": get_map,
    "getfeatureinfo": get_feature_info,
    "getlegendgraphic": get_legend,
}
"""Answers by the parameter REQUEST in lower case."""
