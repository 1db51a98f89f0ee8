"""Places by name: the towns that the map labels, and all others of Germany or of a domain."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import orjson

from ingest.domain import Domain
from service.errors import NoItem
from service.pipeline.places.folding import folded
from service.pipeline.places.index import places_of

TOWNS_FILE = "towns.js"
TOWNS = re.compile(r"export const TOWNS = (\[.*?\n\])\.map", re.DOTALL)


class Place(NamedTuple):
    """A place.

    Attributes:
        name: English name, by which queries name it.
        german: German name.
        longitude, latitude: Degrees east and north.
    """

    name: str
    german: str
    longitude: float
    latitude: float


def places(domain: Domain | None) -> dict[str, Place]:
    """All places by their names in lower case: those of a domain, or of Germany."""
    if domain is None:
        return german_towns()
    return {
        name.casefold(): Place(name, name, longitude, latitude)
        for name, latitude, longitude in reversed(domain.places)
    }


@cache
def german_towns() -> dict[str, Place]:
    """All towns by their English and German names in lower case, read from the map page.

    Raises:
        ValueError: The map page has no list of towns.
    """
    text = files("service.api.page").joinpath("static", TOWNS_FILE).read_text(encoding="utf-8")
    found = TOWNS.search(text)
    if found is None:
        raise ValueError(f"{TOWNS_FILE} has no list TOWNS")
    lines = re.sub(r"//[^\n]*", "", found[1])
    rows = orjson.loads(re.sub(r",\s*\]", "]", lines))
    towns = [Place(english, german or english, lon, lat) for english, german, lon, lat, _ in rows]
    return {name.casefold(): town for town in towns for name in (town.name, town.german)}


def place_named(name: str, domain: Domain | None) -> Place:
    """The place of a whole name, in Germany also one that is not listed.

    Raises:
        NoItem: There is no such place.
    """
    found = places(domain).get(name.strip().casefold()) or unlisted_place(name, domain)
    if found is None:
        raise NoItem(
            f"there is no place {name[:60]!r}; /collections/nowcast/locations lists all places"
        )
    return found


def unlisted_place(name: str, domain: Domain | None) -> Place | None:
    """The largest place of a whole name; None if there is none."""
    found = places_of(domain).search(name, most=1)
    if not found or folded(found[0].name) != folded(name):
        return None
    town = found[0]
    return Place(town.english, town.name, town.longitude, town.latitude)
