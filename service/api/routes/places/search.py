"""Places by name or postcode, as a person types them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from service.api import openapi_examples
from service.api.dependencies import Context
from service.api.representations import MINUTES
from service.errors import BadQuery
from service.pipeline.places.index import MOST, places_of
from service.pipeline.places.place import Place

router = APIRouter(tags=["places"])

FEW = 8
"""Results by default."""
NEAR_KM = 30.0
"""A position farther than this from every place is in none."""


class FoundPlace(BaseModel):
    """A place."""

    name: str
    """German name; that of the list of the domain."""
    name_en: str
    """English name."""
    state: str
    """State in which it lies; empty in other countries."""
    postcode: str | None
    """The postcode that was searched for, or the only one; null if there are several."""
    lat: float
    lon: float


class FoundPlaces(BaseModel):
    """Places, the best match first; empty if there is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [openapi_examples.FOUND_PLACES]})

    places: list[FoundPlace]
    attribution: str = "GeoNames (CC BY 4.0)"
    """Of the list of places; empty for that of a domain."""


@router.get("/places", operation_id="list_places")
def list_places(
    context: Context,
    response: Response,
    q: Annotated[
        str | None,
        Query(max_length=60, description="Start of a name or postcode.", examples=["Muenchen"]),
    ] = None,
    lat: Annotated[
        float | None, Query(ge=-90, le=90, description="Degrees north, instead of a text.")
    ] = None,
    lon: Annotated[
        float | None, Query(ge=-180, le=180, description="Degrees east, instead of a text.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most places.")] = FEW,
) -> FoundPlaces:
    """Places whose name or postcode starts with a text, or the place nearest to a position."""
    response.headers["Cache-Control"] = MINUTES
    domain = context.archive.domain
    index = places_of(domain)
    if q is not None and lat is None and lon is None:
        found = index.search(q, limit)
    elif q is None and lat is not None and lon is not None:
        nearest = [index.nearest(lat, lon)] if index.entries else []
        found = [town for town, km in nearest if km < NEAR_KM]
    else:
        raise BadQuery("there should be either q, or both lat and lon")
    credit = {} if domain is None else {"attribution": ""}
    return FoundPlaces(places=list(map(described, found)), **credit)


def described(found: Place) -> FoundPlace:
    """A place as the schema has it."""
    return FoundPlace(
        name=found.name,
        name_en=found.english,
        state=found.state,
        postcode=found.postcode or None,
        lat=found.latitude,
        lon=found.longitude,
    )
