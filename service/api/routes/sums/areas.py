"""Areas of requests, as GeoJSON (RFC 7946): longitude before latitude, in degrees."""

from typing import Annotated, Literal

import shapely
from pydantic import BaseModel, FailFast, Field
from shapely import Geometry
from shapely.geometry import shape

from service.errors import BadPlace
from service.pipeline.rain_sums.cell_weights import MOST_VERTICES

MOST_PARTS = 1000
"""Polygons of an area, rings of a polygon, or features of a collection."""
Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Position = Annotated[list[Coordinate], Field(min_length=2, max_length=3), FailFast()]
"""Longitude and latitude; a height is ignored."""
Ring = Annotated[list[Position], Field(min_length=4, max_length=MOST_VERTICES), FailFast()]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=MOST_PARTS), FailFast()]


class Polygon(BaseModel):
    """A GeoJSON polygon: an outer ring, then its holes."""

    type: Literal["Polygon"]
    coordinates: Rings


class MultiPolygon(BaseModel):
    """Several GeoJSON polygons."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=MOST_PARTS), FailFast()]


Area = Annotated[Polygon | MultiPolygon, Field(discriminator="type")]


class AreaFeature(BaseModel):
    """A GeoJSON feature whose geometry is an area."""

    type: Literal["Feature"]
    geometry: Area


class AreaFeatures(BaseModel):
    """GeoJSON features that form an area together."""

    type: Literal["FeatureCollection"]
    features: Annotated[list[AreaFeature], Field(min_length=1, max_length=MOST_PARTS), FailFast()]


EXAMPLE = {
    "type": "Polygon",
    "coordinates": [[[13.0, 52.3], [13.8, 52.3], [13.8, 52.7], [13.0, 52.7], [13.0, 52.3]]],
}
GeoJson = Annotated[
    Polygon | MultiPolygon | AreaFeature | AreaFeatures,
    Field(discriminator="type", examples=[EXAMPLE]),
]
"""An area as a geometry, a feature or a collection of features."""


def geometry_of(area: Polygon | MultiPolygon | AreaFeature | AreaFeatures) -> Geometry:
    """The polygon or multipolygon of an area.

    Raises:
        BadPlace: A ring is not closed or crosses itself.
    """
    if isinstance(area, AreaFeatures):
        parts = [geometry_of(feature.geometry) for feature in area.features]
        for part in parts:
            if not part.is_valid:
                raise BadPlace(
                    f"the area is not valid: {shapely.is_valid_reason(part)[:100]}; every ring "
                    f"should be closed and cross no other"
                )
        return shapely.union_all(parts)
    if isinstance(area, AreaFeature):
        return geometry_of(area.geometry)
    polygons = [area.coordinates] if isinstance(area, Polygon) else area.coordinates
    flat = [[[position[:2] for position in ring] for ring in rings] for rings in polygons]
    for ring in (ring for rings in flat for ring in rings):
        if ring[0] != ring[-1]:
            raise BadPlace(
                f"a ring of the area begins at {ring[0]} and ends at {ring[-1]}, should end where "
                f"it begins"
            )
    coordinates = flat[0] if isinstance(area, Polygon) else flat
    found: Geometry = shape({"type": area.type, "coordinates": coordinates})
    return found
