"""Items of a collection: its forecasts or radar frames, as GeoJSON features."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import numpy as np
from shapely.geometry import shape

from service.api.dependencies import ApiContext
from service.api.edr.cells import indices
from service.api.edr.collections import Collection, newest_field
from service.api.edr.crs import from_radar, reference_system
from service.api.edr.extracts import parse_box
from service.api.edr.metadata import GEOJSON, bounding_box, link
from service.api.edr.times import ALWAYS, Interval
from service.api.nowcast_requests.lookup import key_of_id
from service.api.representations import location
from service.archive.key import Key, Time, from_stamp, iso, stamp, to_datetime, to_time
from service.errors import NoItem

LIMIT, MOST = 10, 100
"""Items in one answer: by default, and at most."""
SAMPLES = 50
"""Points along the sides of a box that is compared with the grid."""
AFTER = 1
"""Nanosecond by which an open end lies behind the last time."""


class Item:
    """A forecast or a radar frame.

    Args:
        time: Issue time, or time of the frame.
        key: Key of the forecast; None for a frame.
    """

    def __init__(self, time: Time, key: Key | None) -> None:
        self.time, self.key = time, key
        self.id = stamp(time) if key is None else key.id

    def feature(self, base: str, path: str, polygon: dict[str, Any]) -> dict[str, Any]:
        """The item as a GeoJSON feature."""
        properties: dict[str, Any] = {"datetime": iso(to_datetime(self.time))}
        links = [link(base, f"{path}/items/{self.id}", "self", "This item", GEOJSON)]
        if self.key is not None:
            properties |= {"model": self.key.model, "version": self.key.version}
            links.append(link(base, location(self.key), "data", "The forecast"))
        else:
            query = urlencode({"datetime": properties["datetime"], "f": "GeoTIFF"})
            west, south, east, north = shape(polygon).bounds
            box = f"bbox={west},{south},{east},{north}"
            href = f"{path}/cube?{box}&{query}"
            links.append(link(base, href, "data", "The radar frame", "image/tiff"))
        return {
            "type": "Feature",
            "id": self.id,
            "geometry": polygon,
            "properties": properties,
            "links": links,
        }


def items_of(context: ApiContext, collection: Collection, interval: Interval) -> Iterator[Item]:
    """Items in an interval, newest first."""
    first = to_time(interval.first)
    end = None if interval == ALWAYS else to_time(interval.last) + AFTER
    if not collection.forecasts:
        for time in context.archive.frame_times(end):
            if time < first:
                return
            yield Item(time, None)
        return
    for issue, keys in context.archive.forecast_keys(end):
        if issue < first:
            return
        for key in sorted(keys):
            yield Item(issue, key)


def item_named(context: ApiContext, collection: Collection, name: str) -> Item:
    """The item of an id.

    Raises:
        NoItem: There is none.
    """
    if collection.forecasts:
        key = key_of_id(name)
        if key is not None and not key.upload and context.archive.has_forecast(key):
            return Item(key.issue, key)
    else:
        time = from_stamp(name)
        if time is not None and context.archive.has_frame(time):
            return Item(time, None)
    raise NoItem(f"there is no item {name[:60]!r} in {collection.id}; /items lists all")


def outline(context: ApiContext, collection: Collection) -> dict[str, Any]:
    """The area of a collection as a GeoJSON polygon."""
    west, south, east, north = bounding_box(context.area, newest_field(context, collection))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def meets(context: ApiContext, collection: Collection, bbox: str, crs: str | None) -> bool:
    """Whether a box meets the area of a collection."""
    west, south, east, north = parse_box(bbox)
    system, field = reference_system(crs), newest_field(context, collection)
    if field is None:
        return False
    x, y = np.meshgrid(*(np.linspace(*ends, SAMPLES) for ends in ((west, east), (south, north))))
    rows, _ = indices(field, system, x, y)
    middle = from_radar(field, system, float(field.x.mean()), float(field.y.mean()))
    contained = west <= middle[0] <= east and south <= middle[1] <= north
    return bool((rows >= 0).any() or contained)


def feature_collection(
    base: str, path: str, items: Iterable[Item], polygon: dict[str, Any], page: dict[str, Any]
) -> dict[str, Any]:
    """A page of items with a link to the next page.

    Args:
        base: URL of the service.
        path: Path of the collection.
        items: All items from the page on.
        polygon: Area of the items.
        page: Parameters of the page: `limit`, `offset` and others of the query.
    """
    offset, limit = page["offset"], page["limit"]
    taken = list(islice(items, offset, offset + limit + 1))
    here = urlencode(page)
    links = [link(base, f"{path}/items?{here}", "self", "This document", GEOJSON)]
    if len(taken) > limit:
        following = urlencode(page | {"offset": offset + limit})
        links.append(link(base, f"{path}/items?{following}", "next", "Older items", GEOJSON))
    features = [item.feature(base, path, polygon) for item in taken[:limit]]
    return {
        "type": "FeatureCollection",
        "features": features,
        "numberReturned": len(features),
        "links": links,
    }
