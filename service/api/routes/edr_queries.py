"""Queries of the collections: OGC API - Environmental Data Retrieval 1.1."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import shapely
from fastapi import APIRouter, Depends, Request, Response

from service.api.dependencies import Context, in_pool
from service.api.edr import answers, cells, extracts
from service.api.edr.collections import COLLECTIONS, Collection, existing_instance
from service.api.edr.crs import CRS84, from_radar, to_radar
from service.api.edr.documents import base_url, document_response
from service.api.edr.formats import ALL, TABLES
from service.api.edr.geometry_parameters import (
    Area,
    Box,
    Coords,
    LocationPath,
    PathQuery,
    Point,
    Within,
    WithinUnits,
)
from service.api.edr.metadata import GEOJSON, link
from service.api.edr.options import (
    GEOJSON_NAMES,
    GeoJsonFormat,
    InstancePath,
    Options,
    check_format,
    forecast_options,
    instance_options,
    radar_options,
)
from service.api.edr.places import place_named, places
from service.api.openapi.responses import (
    COVERAGE,
    FEATURES,
    CoverageJsonResponse,
    GeoJsonResponse,
)

Endpoint = Callable[..., Response]


def position(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of position queries."""

    def query_position(
        request: Request,
        context: Context,
        coords: Coords,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values at one position or several, each of the cell that holds it.

        Of a forecast at one position, `nowcast:summary` is a summary for programs, with its wording
        in English and German. Its state is `rain`, `rain_possible`, `probably_dry`, `dry` or
        `unknown`, which means no data, not dry; only `dry` is safe to rely on.
        `nowcast:radar_age_s` is the age of the radar; `nowcast:stale` means it is too old.
        """
        geometry = cells.parse_wkt(coords, "Point", "MultiPoint")
        several = geometry.geom_type == "MultiPoint"
        query = answers.Query(request, context, collection, options, TABLES)
        return at_points(query, geometry, several=several)

    return query_position


def at_points(query: answers.Query, geometry: Any, *, several: bool) -> Response:  # noqa: ANN401
    """The response with the values at the points of a geometry."""
    found = cells.cells_at_points(query.source.field, query.system, geometry)
    series = [
        extracts.at_cells(
            query.source,
            query.system,
            found.only(slice(number, number + 1)),
            "PointSeries",
        )
        for number in range(len(found.rows))
    ]
    return query.points(series, several=several)


def area(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of area queries."""

    def query_area(
        request: Request,
        context: Context,
        coords: Area,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values of the cells whose centres lie in an area.

        Of an area too small for any centre, those of the cell that holds its middle.
        """
        geometry = cells.parse_wkt(coords, "Polygon", "MultiPolygon")
        query = answers.Query(request, context, collection, options, ALL)
        found = cells.cells_within(query.source.field, query.system, geometry)
        return in_cells(query, found)

    return query_area


def in_cells(query: answers.Query, found: cells.Cells) -> Response:
    """The response with the values of cells."""
    return query.raster(
        lambda: found,
        lambda: extracts.at_cells(query.source, query.system, found, "MultiPointSeries"),
    )


def radius(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of radius queries."""

    def query_radius(
        request: Request,
        context: Context,
        coords: Point,
        within: Within,
        within_units: WithinUnits,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values of the cell that holds a point and of those whose centres lie around it."""
        geometry = cells.parse_wkt(coords, "Point")
        distance = cells.distance_in_metres(within, within_units)
        query = answers.Query(request, context, collection, options, ALL)
        found = cells.cells_around(query.source.field, query.system, geometry, distance)
        return in_cells(query, found)

    return query_radius


def cube(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of cube queries."""

    def query_cube(
        request: Request,
        context: Context,
        bbox: Box,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values on a regular grid in a box, each of the cell that holds the point.

        With `crs=radar`, and in netCDF and GeoTIFF, the points are the cells of the radar.
        """
        box = extracts.parse_box(bbox)
        query = answers.Query(request, context, collection, options, ALL)
        return query.raster(
            lambda: cells.cells_within(query.source.field, query.system, shapely.box(*box)),
            lambda: extracts.on_grid(query.source, query.system, box),
        )

    return query_cube


def trajectory(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of trajectory queries."""

    def query_trajectory(
        request: Request,
        context: Context,
        coords: PathQuery,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values along a path, cell by cell.

        At points with times (M) each value is that of the nearest time; along a path without them
        there is a coverage for each time.
        """
        geometry = cells.parse_wkt(coords, "LineString", "MultiLineString")
        query = answers.Query(request, context, collection, options, TABLES)
        return query.points(extracts.along_path(query.source, query.system, geometry))

    return query_trajectory


def location(collection: Collection, options_of: Callable[..., Any]) -> Endpoint:
    """The endpoint of queries by the name of a place."""

    def query_location(
        request: Request,
        context: Context,
        location: LocationPath,
        options: Annotated[Options, Depends(options_of)],
    ) -> Response:
        """Values at a place by its name, as at its position."""
        town = place_named(location, context.archive.domain)
        query = answers.Query(request, context, collection, options, TABLES)
        if query.system is not CRS84 and not query.system.is_geographic:
            x, y = from_radar(
                query.source.field,
                query.system,
                *to_radar(query.source.field, CRS84, [town.longitude], [town.latitude]),
            )
        else:
            x, y = np.array([town.longitude]), np.array([town.latitude])
        return at_points(query, shapely.Point(x[0], y[0]), several=False)

    return query_location


def list_locations(collection: Collection) -> Endpoint:
    """The endpoint that lists all places."""

    def list_locations_(request: Request, context: Context, f: GeoJsonFormat = None) -> Response:
        """Places that can be queried by name, as GeoJSON."""
        return locations(request, context, collection, f)

    return list_locations_


def list_instance_locations(collection: Collection) -> Endpoint:
    """The endpoint that lists all places of an instance."""

    def list_locations_(
        request: Request, context: Context, instance: InstancePath, f: GeoJsonFormat = None
    ) -> Response:
        """Places that can be queried by name, as GeoJSON."""
        existing_instance(context, collection, instance)
        return locations(request, context, collection, f)

    return list_locations_


def locations(
    request: Request, context: Context, collection: Collection, f: str | None
) -> Response:
    """The response with all places.

    Raises:
        BadQuery: The format is not GeoJSON.
    """
    check_format(f, *GEOJSON_NAMES)
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": town.name,
                "geometry": {"type": "Point", "coordinates": [town.longitude, town.latitude]},
                "properties": {"name": town.name, "name_de": town.german},
            }
            for town in dict.fromkeys(places(context.archive.domain).values())
        ],
        "links": [
            link(base_url(request), request.scope["path"], "self", collection.title, GEOJSON)
        ],
    }
    return document_response(request, document, GEOJSON)


QUERY_KINDS: dict[str, Callable[[Collection, Callable[..., Any]], Endpoint]] = {
    "position": position,
    "area": area,
    "cube": cube,
    "radius": radius,
    "trajectory": trajectory,
    "locations/{location}": location,
}
LARGE_KINDS = ("area", "cube", "radius", "trajectory")
"""Queries of up to all cells of a field."""


def create_router() -> APIRouter:
    """The routes of all queries of all collections."""
    router = APIRouter(tags=["EDR"])
    for collection in COLLECTIONS.values():
        prefix = f"/collections/{collection.id}"
        if collection.forecasts:
            add_queries(router, collection, prefix, forecast_options)
            add_queries(router, collection, f"{prefix}/instances/{{instance}}", instance_options)
        else:
            add_queries(router, collection, prefix, radar_options)
    return router


def add_queries(
    router: APIRouter, collection: Collection, prefix: str, options_of: Callable[..., Any]
) -> None:
    """Add the routes of all queries of a collection or of its instances."""
    of_instance = options_of is instance_options
    of = collection.id + ("_instance" if of_instance else "")
    for kind, endpoint_of in QUERY_KINDS.items():
        endpoint = endpoint_of(collection, options_of)
        name = kind.partition("/")[0].removesuffix("s") if "/" in kind else kind
        router.add_api_route(
            f"{prefix}/{kind}",
            endpoint,
            methods=["GET"],
            route_class_override=in_pool("queries") if kind in LARGE_KINDS else None,
            response_class=CoverageJsonResponse,
            responses=COVERAGE,
            operation_id=f"query_{of}_{name}",
            summary=f"{collection.title}: {name} query",
        )
    router.add_api_route(
        f"{prefix}/locations",
        (list_instance_locations if of_instance else list_locations)(collection),
        methods=["GET"],
        response_class=GeoJsonResponse,
        responses=FEATURES,
        operation_id=f"list_{of}_locations",
        summary=f"{collection.title}: places by name",
    )
