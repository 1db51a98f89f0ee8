"""Metadata of the collections: OGC API - Environmental Data Retrieval 1.1."""

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

from edr_pydantic.capabilities import ConformanceModel
from edr_pydantic.collections import Collection as CollectionModel
from edr_pydantic.collections import Collections, Instances
from fastapi import APIRouter, Path, Query, Request, Response

from service.api import openapi_examples
from service.api.dependencies import Context
from service.api.edr import items, metadata
from service.api.edr.collections import (
    COLLECTIONS,
    Collection,
    collection_named,
    existing_instance,
)
from service.api.edr.documents import base_url, document_response
from service.api.edr.metadata import GEOJSON, JSON
from service.api.edr.options import (
    GEOJSON_NAMES,
    CrsQuery,
    Datetime,
    GeoJsonFormat,
    InstancePath,
    check_format,
)
from service.api.edr.times import parse_interval
from service.api.openapi.responses import FEATURE, FEATURES, GeoJsonResponse

Endpoint = Callable[..., Response]
MOST_INSTANCES = 100
INSTANCES = 12
"""Instances in one answer by default."""
JSON_NAMES = ("json", JSON)
JsonFormat = Annotated[
    str | None,
    Query(
        description="Format of the response.",
        json_schema_extra={"enum": list(JSON_NAMES)},
        examples=["json"],
    ),
]
ItemPath = Annotated[
    str, Path(description="Id of an item.", examples=["20260621T2330Z-advection-none"])
]
Limit = Annotated[int, Query(ge=1, le=items.MOST, description="Items in one response.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Items to leave out.")]
Box = Annotated[
    str | None,
    Query(description="Only items in this box: lowest x and y, then the highest.",
          examples=["13,52,14,53"]),
]  # fmt: skip
Number = Annotated[int, Query(ge=1, le=MOST_INSTANCES, description="Instances in one response.")]


def example_of(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The description of a response with an example."""
    return {200: {"content": {JSON: {"example": example}}}}


def create_router() -> APIRouter:
    """The routes of all metadata."""
    router = APIRouter(tags=["EDR"])
    router.add_api_route(
        "/conformance",
        read_conformance,
        response_model=ConformanceModel,
        responses=example_of(openapi_examples.CONFORMANCE),
        operation_id="read_conformance",
    )
    router.add_api_route(
        "/collections",
        list_collections,
        response_model=Collections,
        responses=example_of(openapi_examples.COLLECTIONS),
        operation_id="list_collections",
    )
    for collection in COLLECTIONS.values():
        add_collection(router, collection)
    router.add_api_route("/collections/{collection}", no_collection, include_in_schema=False)
    return router


def read_conformance(request: Request, f: JsonFormat = None) -> Response:
    """Conformance classes of OGC API that hold."""
    check_format(f, *JSON_NAMES)
    return document_response(request, metadata.conformance(), JSON)


def list_collections(request: Request, context: Context, f: JsonFormat = None) -> Response:
    """All collections, each with its extent, parameters, queries and formats."""
    check_format(f, *JSON_NAMES)
    document = metadata.collections_document(context, base_url(request))
    return document_response(request, document, JSON)


def no_collection(collection: str) -> None:
    """The error of an unknown collection."""
    collection_named(collection)


def add_collection(router: APIRouter, collection: Collection) -> None:
    """Add the routes of the metadata of a collection."""
    path = f"/collections/{collection.id}"
    router.add_api_route(
        path,
        collection_endpoint(collection),
        response_model=CollectionModel,
        responses=example_of(openapi_examples.COLLECTION),
        operation_id=f"read_{collection.id}_collection",
        summary=collection.title,
    )
    router.add_api_route(
        f"{path}/items",
        items_endpoint(collection),
        response_class=GeoJsonResponse,
        responses=FEATURES,
        operation_id=f"list_{collection.id}_items",
        summary=f"{collection.title}: items",
    )
    router.add_api_route(
        f"{path}/items/{{item}}",
        item_endpoint(collection),
        response_class=GeoJsonResponse,
        responses=FEATURE,
        operation_id=f"read_{collection.id}_item",
        summary=f"{collection.title}: an item",
    )
    if collection.forecasts:
        router.add_api_route(
            f"{path}/instances",
            instances_endpoint(collection),
            response_model=Instances,
            responses=example_of(openapi_examples.INSTANCES),
            operation_id=f"list_{collection.id}_instances",
            summary=f"{collection.title}: issue times",
        )
        router.add_api_route(
            f"{path}/instances/{{instance}}",
            instance_endpoint(collection),
            response_model=CollectionModel,
            responses=example_of(openapi_examples.COLLECTION),
            operation_id=f"read_{collection.id}_instance",
            summary=f"{collection.title}: an issue time",
        )


def collection_endpoint(collection: Collection) -> Endpoint:
    """The endpoint of a collection."""

    def read_collection(request: Request, context: Context, f: JsonFormat = None) -> Response:
        """Extent, parameters, queries, reference systems and formats of the collection."""
        check_format(f, *JSON_NAMES)
        document = metadata.collection_document(context, base_url(request), collection)
        return document_response(request, document, JSON)

    return read_collection


def instances_endpoint(collection: Collection) -> Endpoint:
    """The endpoint that lists the instances of a collection."""

    def list_instances(
        request: Request, context: Context, f: JsonFormat = None, limit: Number = INSTANCES
    ) -> Response:
        """The newest issue times, each with its own queries."""
        check_format(f, *JSON_NAMES)
        base = base_url(request)
        issues = [issue for issue, _ in islice(context.archive.forecast_keys(), limit)]
        document = {
            "links": [
                metadata.link(base, request.scope["path"], "self", f"{collection.title}: issues")
            ],
            "instances": [
                metadata.collection_document(context, base, collection, issue) for issue in issues
            ],
        }
        return document_response(request, document, JSON)

    return list_instances


def instance_endpoint(collection: Collection) -> Endpoint:
    """The endpoint of an instance of a collection."""

    def read_instance(
        request: Request, context: Context, instance: InstancePath, f: JsonFormat = None
    ) -> Response:
        """Extent, parameters, queries, reference systems and formats of an issue time."""
        check_format(f, *JSON_NAMES)
        issue = existing_instance(context, collection, instance)
        document = metadata.collection_document(context, base_url(request), collection, issue)
        return document_response(request, document, JSON)

    return read_instance


def items_endpoint(collection: Collection) -> Endpoint:
    """The endpoint that lists the items of a collection."""

    def list_items(
        request: Request,
        context: Context,
        datetime: Datetime = None,
        bbox: Box = None,
        crs: CrsQuery = None,
        f: GeoJsonFormat = None,
        limit: Limit = items.LIMIT,
        offset: Offset = 0,
    ) -> Response:
        """Forecasts or radar frames, newest first; `datetime` is their issue time or time."""
        check_format(f, *GEOJSON_NAMES)
        interval = parse_interval(datetime)
        found = items.items_of(context, collection, interval)
        if bbox is not None and not items.meets(context, collection, bbox, crs):
            found = iter(())
        page: dict[str, object] = {"limit": limit, "offset": offset}
        page |= {
            name: value
            for name, value in (("datetime", datetime), ("bbox", bbox), ("crs", crs))
            if value is not None
        }
        document = items.feature_collection(
            base_url(request),
            f"/collections/{collection.id}",
            found,
            items.outline(context, collection),
            page,
        )
        return document_response(request, document, GEOJSON)

    return list_items


def item_endpoint(collection: Collection) -> Endpoint:
    """The endpoint of an item."""

    def read_item(
        request: Request, context: Context, item: ItemPath, f: GeoJsonFormat = None
    ) -> Response:
        """A forecast or radar frame as a GeoJSON feature, with links to its data."""
        check_format(f, *GEOJSON_NAMES)
        found = items.item_named(context, collection, item)
        path = f"/collections/{collection.id}"
        document = found.feature(base_url(request), path, items.outline(context, collection))
        return document_response(request, document, GEOJSON)

    return read_item
