"""Metadata of the service and its collections, as OGC API - EDR 1.1 has it."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection as CollectionModel
from pyproj import CRS
from xarray import DataArray

from ingest.domain import Domain
from ingest.grid import coordinates
from ingest.precipitation import INTERVAL
from service.api.dependencies import ApiContext
from service.api.edr.cells import METRES
from service.api.edr.collections import (
    COLLECTIONS,
    Collection,
    available_parameters,
    issue_of,
    newest_field,
    valid_times,
)
from service.api.edr.crs import CRS84_URI, SYSTEMS, projection_of
from service.api.edr.formats import ALL, COVERAGE_JSON, TABLES, Format
from service.api.edr.parameters import parameter
from service.archive.key import Time, iso, stamp, to_datetime

TITLE = "Nowcast"
OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/"
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.0/conf/core",
    f"{EDR}core",
    f"{EDR}collections",
    f"{EDR}json",
    f"{EDR}geojson",
    f"{EDR}covjson",
)
"""What holds, each checked by a test."""
GREGORIAN = (
    'TIMECRS["DateTime",TDATUM["Gregorian Calendar"],CS[TemporalDateTime,1],'
    'AXIS["Time (T)",unspecified]]'
)
QUERIES: dict[str, tuple[Format, ...]] = {
    "position": TABLES,
    "area": ALL,
    "cube": ALL,
    "radius": ALL,
    "trajectory": TABLES,
    "locations": TABLES,
    "items": (),
}
"""Kinds of queries with their formats."""
JSON = "application/json"
GEOJSON = "application/geo+json"


def link(base: str, path: str, rel: str, title: str, media: str = JSON) -> dict[str, Any]:
    """A link to a path of the service."""
    return {"href": f"{base}{path}", "rel": rel, "type": media, "title": title}


def description_of(area: Domain) -> str:
    """What the service does, in a sentence."""
    return (
        f"Two-hour precipitation nowcasts for {area.title} from radar of {area.provider}, every "
        f"forecast verified"
    )


def landing_page(area: Domain, base: str) -> dict[str, Any]:
    """The landing page for programs."""
    page = LandingPageModel.model_validate(
        {
            "title": TITLE,
            "description": description_of(area),
            "keywords": ["precipitation", "nowcast", "radar", area.title],
            "provider": {"name": f"Radar: {area.provider}", "url": area.provider_url or None},
            "links": [
                link(base, "/", "self", "This document"),
                link(base, "/?f=html", "alternate", "Map", "text/html"),
                link(base, "/openapi.json", "service-desc", "API description", OPENAPI),
                link(base, "/docs", "service-doc", "API documentation", "text/html"),
                link(base, "/conformance", "conformance", "Conformance classes"),
                link(base, "/collections", "data", "Collections"),
            ],
        }
    )
    return page.model_dump(mode="json", exclude_none=True)


def conformance() -> dict[str, Any]:
    """The conformance classes that hold."""
    return ConformanceModel(conformsTo=list(CONFORMANCE)).model_dump(mode="json")


def collections_document(context: ApiContext, base: str) -> dict[str, Any]:
    """All collections."""
    return {
        "links": [link(base, "/collections", "self", "This document")],
        "collections": [
            collection_document(context, base, collection) for collection in COLLECTIONS.values()
        ],
    }


def collection_document(
    context: ApiContext, base: str, collection: Collection, issue: Time | None = None
) -> dict[str, Any]:
    """A collection, or one of its instances.

    Args:
        context: The API context.
        base: URL of the service.
        collection: The collection.
        issue: Issue time of the instance; None for the collection itself.
    """
    field = newest_field(context, collection)
    path = f"/collections/{collection.id}"
    if issue is not None:
        path = f"{path}/instances/{stamp(issue)}"
    document: dict[str, Any] = {
        "id": collection.id if issue is None else stamp(issue),
        "title": collection.title,
        "description": collection.description.format(area=context.area.title),
        "keywords": ["precipitation", "rain", "radar", context.area.title],
        "links": links(context.area, base, path, collection, is_instance=issue is not None),
        "extent": extent(context, collection, field, issue),
        "data_queries": {
            kind: {"link": query_link(context.area, base, path, kind, field)}
            for kind in queries_of(collection, is_instance=issue is not None)
        },
        "crs": [system.name for system in SYSTEMS],
        "output_formats": [form.name for form in ALL],
        "parameter_names": {
            name: parameter(name).metadata() for name in available_parameters(collection, field)
        },
        "distanceunits": list(METRES),
    }
    model = CollectionModel.model_validate(document)
    return model.model_dump(mode="json", exclude_none=True, by_alias=True)


def queries_of(collection: Collection, *, is_instance: bool) -> list[str]:
    """Kinds of queries of a collection or of an instance."""
    if is_instance:
        return [kind for kind in QUERIES if kind != "items"]
    return [*QUERIES, "instances"] if collection.forecasts else [*QUERIES]


def links(
    area: Domain, base: str, path: str, collection: Collection, *, is_instance: bool
) -> list[dict[str, Any]]:
    """Links of a collection or of an instance."""
    found = [
        link(base, path, "self", collection.title),
        link(base, f"{path}/position", "data", "Position query", COVERAGE_JSON.media),
    ]
    if area.licence_url:
        title = f"Radar data: {area.provider}, {area.licence}"
        licence = {"href": area.licence_url, "rel": "license", "type": "text/html", "title": title}
        found.append(licence)
    if is_instance:
        parent = f"/collections/{collection.id}"
        return [*found, link(base, parent, "collection", collection.title)]
    found.append(link(base, f"{path}/items", "items", "Items", GEOJSON))
    if collection.forecasts:
        found.append(link(base, f"{path}/instances", "instances", "Issues"))
    return found


def query_link(
    area: Domain, base: str, path: str, kind: str, field: DataArray | None
) -> dict[str, Any]:
    """The link to a kind of query of a field (step, y, x), with what it takes."""
    formats = QUERIES.get(kind, ())
    variables: dict[str, Any] = {
        "title": f"{kind.capitalize()} query",
        "query_type": kind,
        "output_formats": [form.name for form in formats]
        or ["GeoJSON" if kind == "items" else JSON],
        "crs_details": [
            {"crs": system.name, "wkt": wkt_of(system.definition, area, field)}
            for system in SYSTEMS
        ],
    }
    variables["default_output_format"] = variables["output_formats"][0]
    if kind == "radius":
        variables["within_units"] = list(METRES)
    if kind == "cube":
        variables["height_units"] = ["m"]
    media = GEOJSON if kind in ("items", "locations") else JSON if not formats else formats[0].media
    return {
        **link(base, f"{path}/{kind}", "data", f"{kind.capitalize()} query", media),
        "variables": variables,
    }


def wkt_of(definition: str, area: Domain, field: DataArray | None) -> str:
    """A reference system as WKT 1; that of a field (step, y, x) where it has no definition."""
    radar = area.grid.projection if field is None else projection_of(field)
    return short_wkt(definition or radar)


@cache
def short_wkt(definition: str) -> str:
    """A reference system as WKT 1, which is shorter than WKT 2."""
    wkt: str = CRS(definition).to_wkt("WKT1_GDAL")
    return wkt


def extent(
    context: ApiContext, collection: Collection, field: DataArray | None, issue: Time | None
) -> dict[str, Any]:
    """Extent in space and time of a collection with a newest field (step, y, x), or an instance."""
    spatial = {"bbox": [bounding_box(context.area, field)], "crs": CRS84_URI}
    if field is None:
        return {"spatial": spatial}
    times = valid_times(field)
    if not collection.forecasts:
        oldest = oldest_frame(context, times[-1])
        values = [f"{iso(oldest)}/{iso(times[-1])}/PT{minutes(INTERVAL)}M"]
        interval = [oldest, times[-1]]
    else:
        shift = timedelta()
        if issue is not None:
            shift = to_datetime(issue) - to_datetime(issue_of(field))
        values = [iso(time + shift) for time in times]
        interval = [times[0] + shift, times[-1] + shift]
    temporal = {"interval": [interval], "values": values, "trs": GREGORIAN}
    return {"spatial": spatial, "temporal": temporal}


def oldest_frame(context: ApiContext, newest: datetime) -> datetime:
    """Time of the oldest radar frame."""
    oldest = context.archive.oldest_frame()
    return newest if oldest is None else to_datetime(oldest)


def minutes(interval: np.timedelta64) -> int:
    """An interval in minutes."""
    return int(interval / np.timedelta64(1, "m"))


def bounding_box(area: Domain, field: DataArray | None) -> list[float]:
    """West, south, east and north of a field (..., y, x) in degrees; by default of the area."""
    if field is None or "lon" not in field.coords:
        grid = coordinates(area.grid)
        lon, lat = grid["lon"].values, grid["lat"].values
    else:
        lon, lat = field["lon"].values, field["lat"].values
    box = (lon.min(), lat.min(), lon.max(), lat.max())
    return [round(float(value), 4) for value in box]
