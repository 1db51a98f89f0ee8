"""Runs the unit tests of the map page's JavaScript with the test runner of Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ingest.grid import Grid, projector
from service.api.edr.summary import summary_document
from service.api.page.outlines import positions
from service.api.page.overview import GRIDS, grid_info
from service.archive.key import iso, to_datetime
from service.pipeline.place_summary import PlaceSummary, State, Window

NODE = shutil.which("node")
FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.test.js"))

pytestmark = pytest.mark.skipif(
    NODE is None, reason="Node.js, which runs the JavaScript of the page, is not installed"
)


def points_by_proj() -> str:
    """JSON: each grid of the page, and points in it whose cells PROJ has computed."""
    longitudes, latitudes = np.meshgrid(np.linspace(2, 18, 9), np.linspace(46, 56, 6))
    grids = []
    for name, grid in GRIDS.items():
        x, y = projector(grid.projection).transform(longitudes, latitudes)
        columns, rows = (x - grid.west) / grid.cell, (grid.north - y) / grid.cell
        numbers = zip(longitudes.flat, latitudes.flat, columns.flat, rows.flat, strict=True)
        points = [
            dict(zip(("lon", "lat", "column", "row"), point, strict=True)) for point in numbers
        ]
        grids.append({"grid": grid_info(name, grid).model_dump(), "points": points})
    return json.dumps(grids)


LAEA = Grid(
    "+proj=laea +lat_0=55 +lon_0=10 +x_0=1950000 +y_0=-2100000 +ellps=WGS84 +units=m",
    1_500_000.0, -1_900_000.0, 5000.0, (200, 240),
)  # fmt: skip
"""A part of the European composite, on an oblique projection."""


def nodes_by_proj() -> str:
    """JSON: the positions of nodes of a grid, and cells with their degrees by PROJ."""
    columns, rows = np.meshgrid(np.linspace(-100, 340, 23), np.linspace(-70, 270, 18))
    x, y = LAEA.west + columns * LAEA.cell, LAEA.north - rows * LAEA.cell
    lon, lat = projector(LAEA.projection).transform(x, y, direction="INVERSE")
    values = zip(lon.flat, lat.flat, columns.flat, rows.flat, strict=True)
    points = [dict(zip(("lon", "lat", "column", "row"), point, strict=True)) for point in values]
    return json.dumps({"positions": positions(LAEA), "points": points})


ISSUE = np.datetime64("2026-06-21T12:00", "ns")


def wordings_of_the_api() -> str:
    """JSON: summaries of places of every kind as the API has them, with their words."""
    after = [ISSUE + np.timedelta64(minutes, "m") for minutes in range(0, 121, 5)]
    windows: list[Window | None] = [None, (after[2], after[5])]
    states: tuple[State, ...] = ("dry", "probably_dry", "rain_possible", "rain", "unknown")
    found = [
        PlaceSummary(
            issue=ISSUE,
            until=after[-1],
            state=state,
            rate_now=1.5,
            peak=peak if state == "rain" else (None if known == after[0] else 0.0),
            probability=probability if known is None or state == "rain_possible" else None,
            starts=None,
            ends=None,
            starts_between=starts,
            ends_between=ends,
            with_interruptions=starts is None,
            unknown_after=known,
        )
        for state in states
        for starts in windows
        for ends in windows
        for known in (None, after[0], after[7])
        for probability, peak in ((0.23, 2.0), (0.66, 12.34))
    ]
    return json.dumps(
        [{"issue": iso(to_datetime(ISSUE)), "summary": summary_document(each)} for each in found]
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.js"))
def test_the_javascript_of_the_page_passes_its_unit_tests(file: Path) -> None:
    assert NODE
    result = subprocess.run(
        [NODE, "--test", file],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "NOWCAST_GRIDS": points_by_proj(),
            "NOWCAST_NODES": nodes_by_proj(),
            "NOWCAST_WORDINGS": wordings_of_the_api(),
        },
        timeout=550,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
