"""Places by name: the towns that the map labels."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import orjson

from service.errors import NoItem

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


@cache
def places() -> dict[str, Place]:
    """All places by their English and German names in lower case, read from the map page.

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


def place_named(name: str) -> Place:
    """The place of a name.

    Raises:
        NoItem: There is no such place.
    """
    found = places().get(name.strip().casefold())
    if found is None:
        raise NoItem(
            f"there is no place {name[:60]!r}; /collections/nowcast/locations lists all places"
        )
    return found
