"""Runs the unit tests of the map page's JavaScript with the test runner of Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ingest.grid import projector
from service.api.page.overview import GRIDS, grid_info

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
    for grid in GRIDS.values():
        x, y = projector(grid.projection).transform(longitudes, latitudes)
        columns, rows = (x - grid.west) / grid.cell, (grid.north - y) / grid.cell
        numbers = zip(longitudes.flat, latitudes.flat, columns.flat, rows.flat, strict=True)
        points = [
            dict(zip(("lon", "lat", "column", "row"), point, strict=True)) for point in numbers
        ]
        sent = grid_info(grid)
        assert sent
        grids.append({"grid": sent.model_dump(), "points": points})
    return json.dumps(grids)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.js"))
def test_the_javascript_of_the_page_passes_its_unit_tests(file: Path) -> None:
    assert NODE
    result = subprocess.run(
        [NODE, "--test", file],
        capture_output=True,
        text=True,
        env={**os.environ, "NOWCAST_GRIDS": points_by_proj()},
        timeout=550,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
