"""GeoJSON and CSV of what a query takes out of its fields."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from service.api.edr.encodings.coverage_json import rounded
from service.api.edr.extracts import Extract
from service.api.edr.parameters import parameter
from service.archive.key import iso


def flattened(extract: Extract) -> Extract:
    """A grid as its points; other extracts as they are."""
    if extract.kind != "Grid":
        return extract
    x, y = np.meshgrid(extract.x, extract.y)
    values = {name: grid.reshape(len(grid), -1) for name, grid in extract.values.items()}
    return extract._replace(kind="MultiPointSeries", x=x.ravel(), y=y.ravel(), values=values)


def feature_collection(extracts: Sequence[Extract], about: dict[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature for each point, with lists of times and values as properties."""
    features = [feature for extract in extracts for feature in features_of(flattened(extract))]
    return {
        "type": "FeatureCollection",
        "features": features,
        "numberReturned": len(features),
        "parameters": [parameter(name).metadata() for name in extracts[0].values],
        **about,
    }


def features_of(extract: Extract) -> Iterator[dict[str, Any]]:
    """The features of the points of an extract, in longitude and latitude."""
    x, y = np.round(extract.x, 4).tolist(), np.round(extract.y, 4).tolist()
    times = [iso(time) for time in extract.times]
    path = extract.kind == "Trajectory"
    for index, point in enumerate(zip(x, y, strict=True)):
        series = {
            name: rounded(
                values[index : index + 1] if path else values[:, index], parameter(name).decimals
            )
            for name, values in extract.values.items()
        }
        yield {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(point)},
            "properties": {
                "datetime": times[index : index + 1] if path else times,
                "parameter-name": list(extract.values),
                **series,
            },
        }


def comma_separated(extracts: Sequence[Extract]) -> bytes:
    """A line for each time and point; no data is an empty cell."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    x, y = ("longitude", "latitude") if extracts[0].system.is_geographic else ("x", "y")
    lines.writerow(["datetime", x, y, *extracts[0].values])
    for extract in map(flattened, extracts):
        lines.writerows(rows_of(extract))
    return text.getvalue().encode()


def rows_of(extract: Extract) -> Iterator[list[object]]:
    """The lines of an extract."""
    decimals = extract.system.decimals
    points = list(
        zip(np.round(extract.x, decimals).tolist(), np.round(extract.y, decimals).tolist(),
            strict=True)
    )  # fmt: skip
    columns = [rounded(values, parameter(name).decimals) for name, values in extract.values.items()]
    times = [iso(time) for time in extract.times]
    if extract.kind == "Trajectory":
        places = [(time, *point) for time, point in zip(times, points, strict=True)]
    else:
        places = [(time, *point) for time in times for point in points]
    for position, *values in zip(places, *columns, strict=True):
        yield [*position, *("" if value is None else value for value in values)]
