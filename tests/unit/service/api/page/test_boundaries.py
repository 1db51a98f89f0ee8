"""Boundaries of states and districts are compiled from areas, and drawn where there are any."""

import json
from pathlib import Path

import pytest

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE
from service.api.page import outlines
from service.api.page.make_boundaries import LAND, compile_boundaries

GRID = NATIONAL_SPHERE.coarser(MODEL_FACTOR)


def square(west: float, east: float) -> dict[str, object]:
    """A feature from 50 to 51 degrees north."""
    ring = [[west, 50.0], [east, 50.0], [east, 51.0], [west, 51.0], [west, 50.0]]
    return {
        "type": "Feature",
        "properties": {"GF": LAND},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


@pytest.fixture
def areas(tmp_path: Path) -> Path:
    """Two states side by side; the eastern one has two districts."""
    for name, squares in {
        "laender": [square(9, 10), square(10, 12)],
        "kreise": [square(9, 10), square(10, 11), square(11, 12)],
    }.items():
        (tmp_path / f"{name}.geo.json").write_text(json.dumps(squares))
    return tmp_path


def test_only_lines_between_two_areas_are_boundaries(areas: Path) -> None:
    found = compile_boundaries(areas)
    steps = found["steps"]
    # both begin at 50 degrees north and go one degree northward
    assert found["states"] == [[10 * steps, 50 * steps, 0, steps]]
    assert found["districts"] == [[11 * steps, 50 * steps, 0, steps]]


def test_without_boundaries_the_map_has_its_other_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "BOUNDARIES", "missing.json.gz")
    assert list(outlines.boundaries("states", GRID)) == []
    assert next(iter(outlines.drawn_lines("borders", GRID))).shape[1] == 2
