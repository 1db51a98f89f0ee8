"""A served domain other than Germany: its grid, its radar product and whom to credit.

It is described by a TOML file:

    title = "the Netherlands"
    title_de = "die Niederlande"      # by default the title
    time_zone = "Europe/Amsterdam"    # IANA name; by default Europe/Berlin
    places = "places.csv"             # columns name, lat, lon; beside this file; found by name
    product = "RAD_NL25"
    provider = "KNMI"
    attribution = "Source: KNMI"
    licence = "CC BY 4.0"
    provider_url = "https://www.knmi.nl/"    # may be left out, as may the next
    licence_url = "https://creativecommons.org/licenses/by/4.0/"

    [grid]            # cells of 5 km, from the outer edges in the north-west
    projection = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=0 +a=6378140 +b=6356750 +units=m"
    west = 0
    north = -3650000
    rows = 153
    columns = 140

    [files]           # what files do not state; see `nowcast data import --help`
    units = "mm/h"

    [towns]           # labels of the map page: degrees east and north, the largest first
    Amsterdam = [4.90, 52.37]
"""

import csv
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from ingest.errors import BadField
from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, Grid

CELL_METRES = 5000.0
"""Side of a cell: networks and scores are made for it."""
PRODUCT = re.compile(r"[A-Za-z0-9_+-]{1,8}")
"""Names of products, which the ledger keeps."""
WEB_PAGE = re.compile(r"https?://[!-~]+")
TEXTS = ("title", "product", "provider", "attribution", "licence")
TIME_ZONE = "Europe/Berlin"
"""Time zone of Germany, and of a domain that names none."""
OPTIONS = ("title_de", "time_zone", "places", "provider_url", "licence_url")
SMALLEST, LARGEST = 32, 1200
"""Cells along a side."""


@cache
def time_zones() -> frozenset[str]:
    """IANA names of the known time zones, which are looked for on disk once."""
    return frozenset(available_timezones())


class NamedPlace(NamedTuple):
    """A place with its degrees north and east."""

    name: str
    latitude: float
    longitude: float


class Domain(NamedTuple):
    """A served domain.

    Attributes:
        title: The area, as in "rain over the Netherlands".
        product: Name of the radar product, at most 8 characters.
        provider: Who makes the product.
        attribution: Whom to credit, as the licence wants it.
        licence: Of the radar data.
        grid: Onto which composites are brought.
        files: What files do not state, by the options of `nowcast data import`.
        towns: Degrees east and north of towns, by name, the largest first.
        title_de: The area in German.
        time_zone: IANA name of the local time.
        places: What is found by name: the towns, then the places of the file.
        provider_url: Web page of the provider; empty for none.
        licence_url: Web page of the licence; empty for none.
    """

    title: str
    product: str
    provider: str
    attribution: str
    licence: str
    grid: Grid
    files: Mapping[str, Any]
    towns: Mapping[str, tuple[float, float]] = MappingProxyType({})
    title_de: str = ""
    time_zone: str = TIME_ZONE
    places: tuple[NamedPlace, ...] = ()
    provider_url: str = ""
    licence_url: str = ""


GERMANY = Domain(
    title="Germany",
    product="RY",
    provider="Deutscher Wetterdienst",
    attribution="Quelle: Deutscher Wetterdienst",
    licence="CC BY 4.0 / GeoNutzV",
    grid=NATIONAL_SPHERE.coarser(MODEL_FACTOR),
    files=MappingProxyType({}),
    title_de="Deutschland",
    provider_url="https://www.dwd.de/",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
)
"""What is served without a domain. Its frames may lie on the grid of WGS84, too."""


def read_domain(path: Path) -> Domain:
    """Read a domain from a TOML file.

    Raises:
        BadField: The file cannot be read, or something is missing or wrong; the message says what.
    """
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadField(f"domain {path} cannot be read: {error}") from error
    if unknown := sorted(given.keys() - {*TEXTS, *OPTIONS, "grid", "files", "towns"}):
        raise BadField(f"domain {path} has {unknown[0]!r}, should have {', '.join(TEXTS)}, grid")
    if lacking := [name for name in TEXTS if not isinstance(given.get(name), str)]:
        raise BadField(f"domain {path} lacks the text {lacking[0]!r}")
    if not PRODUCT.fullmatch(given["product"]):
        raise BadField(f"domain {path}: product should match {PRODUCT.pattern}")
    try:
        grid = grid_of(given.get("grid", {}))
    except (CRSError, KeyError, TypeError, ValueError) as error:
        raise BadField(f"domain {path}: grid is wrong ({error!r})") from error
    texts = {name: given[name] for name in TEXTS}
    try:
        towns = {name: town_of(pair) for name, pair in given.get("towns", {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise BadField(f"domain {path}: towns are wrong ({error!r})") from error
    if (zone := given.get("time_zone", TIME_ZONE)) not in time_zones():
        raise BadField(
            f"domain {path}: time_zone is {zone!r}, should be an IANA name such as Europe/Amsterdam"
        )
    named = [NamedPlace(name, north, east) for name, (east, north) in towns.items()]
    if "places" in given:
        named += read_places(path.parent / str(given["places"]))
    return Domain(
        **texts,
        grid=grid,
        files=given.get("files", {}),
        towns=towns,
        title_de=str(given.get("title_de", given["title"])),
        time_zone=zone,
        places=tuple(dict.fromkeys(named)),
        provider_url=web_page(path, given, "provider_url"),
        licence_url=web_page(path, given, "licence_url"),
    )


def web_page(path: Path, given: Mapping[str, Any], name: str) -> str:
    """Return the address of a web page in a domain; empty where there is none.

    Raises:
        BadField: It is none.
    """
    address = given.get(name, "")
    if not isinstance(address, str) or (address and not WEB_PAGE.fullmatch(address)):
        raise BadField(f"domain {path}: {name} is {address!r}, should begin with https://")
    return address


def read_places(path: Path) -> list[NamedPlace]:
    """Read places from a CSV file with the columns name, lat and lon.

    Raises:
        BadField: The file cannot be read, or a row is wrong; the message has its number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadField(f"places {path} cannot be read: {error}") from error
    places = []
    for number, row in enumerate(rows, start=2):
        try:
            longitude, latitude = town_of((float(row["lon"]), float(row["lat"])))
            name = row["name"].strip()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadField(
                f"places {path}, line {number}: should have the columns name, lat and lon, in "
                f"degrees ({error!r})"
            ) from error
        places.append(NamedPlace(name, latitude, longitude))
    return places


def town_of(pair: Sequence[float]) -> tuple[float, float]:
    """Return degrees east and north of a town.

    Raises:
        ValueError: They are none.
    """
    longitude, latitude = map(float, pair)
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise ValueError(f"{pair} should be degrees east and north")
    return longitude, latitude


def grid_of(given: Mapping[str, Any]) -> Grid:
    """Return the grid that a table describes; a missing entry is a KeyError.

    Raises:
        ValueError: It is none on Earth.
    """
    projection = str(given["projection"])
    crs = CRS(projection)
    shape = int(given["rows"]), int(given["columns"])
    if crs.is_geographic or not all(SMALLEST <= side <= LARGEST for side in shape):
        raise ValueError(f"should be {SMALLEST} to {LARGEST} cells a side in a projection in m")
    grid = Grid(projection, float(given["west"]), float(given["north"]), CELL_METRES, shape)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    if not np.isfinite(to_degrees.transform(*np.meshgrid(grid.x[[0, -1]], grid.y[[0, -1]]))).all():
        raise ValueError("its corners lie nowhere on Earth")
    return grid
