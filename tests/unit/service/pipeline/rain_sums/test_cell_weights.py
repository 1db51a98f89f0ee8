"""Areas have the cells that they cover, each by its share."""

import numpy as np
import pytest
import shapely
from shapely import Geometry
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.grid import projector
from service.errors import BadPlace
from service.pipeline.rain_sums.cell_weights import MOST_VERTICES, cell_of_place, cells_of_area
from tests.showers import frame


@pytest.fixture(scope="module")
def field() -> DataArray:
    return frame(0)


def box_of(field: DataArray, west: float, north: float, width: float, height: float) -> Geometry:
    """A box in longitude and latitude, by column, row and size in cells."""
    x, y = field.x.values, field.y.values
    left, top = x[0] + (west - 0.5) * 5000, y[0] - (north - 0.5) * 5000
    box = shapely.box(left, top - height * 5000, left + width * 5000, top)
    back = projector(field["crs"].attrs["crs_wkt"])
    return shapely.transform(
        shapely.segmentize(box, 1000),
        lambda points: np.stack(
            back.transform(points[:, 0], points[:, 1], direction="INVERSE"), axis=-1
        ),
    )


def test_the_outline_of_a_cell_is_that_cell_alone(field: DataArray) -> None:
    found = cells_of_area(field, box_of(field, 70, 80, 1, 1))
    assert (found.rows.tolist(), found.columns.tolist()) == ([80], [70])
    assert found.weights == pytest.approx([1.0], abs=1e-3)
    assert found.km2 == pytest.approx(25.0, abs=0.05)
    lon, lat = float(field.lon[80, 70]), float(field.lat[80, 70])
    at_place = cell_of_place(field, lon, lat)
    assert (at_place.rows.tolist(), at_place.columns.tolist()) == ([80], [70])


def test_cells_at_the_border_count_by_the_share_that_lies_in_the_area(field: DataArray) -> None:
    found = cells_of_area(field, box_of(field, 70.5, 80, 2, 1))
    assert found.columns.tolist() == [70, 71, 72]
    np.testing.assert_allclose(found.weights, [0.5, 1, 0.5], atol=2e-3)


def test_an_area_smaller_than_a_cell_has_the_cell_that_holds_it(field: DataArray) -> None:
    found = cells_of_area(field, box_of(field, 70.4, 80.4, 0.1, 0.1))
    assert (found.rows.tolist(), found.columns.tolist()) == ([80], [70])
    assert found.inside == pytest.approx(1.0)


def test_a_hole_does_not_count(field: DataArray) -> None:
    ring = shapely.difference(box_of(field, 70, 80, 3, 3), box_of(field, 71, 81, 1, 1))
    found = cells_of_area(field, ring)
    assert (81, 71) not in zip(found.rows.tolist(), found.columns.tolist(), strict=True)
    assert len(found.rows) == 8


def test_what_lies_beyond_the_grid_is_stated(field: DataArray) -> None:
    found = cells_of_area(field, box_of(field, -3, 80, 4, 1))
    assert found.inside == pytest.approx(0.25, abs=0.01)
    with pytest.raises(OutsideGrid, match="lies outside the grid"):
        cells_of_area(field, shapely.box(-60, 10, -59, 11))


@pytest.mark.parametrize(
    ("area", "reason"),
    [
        (shapely.Polygon([(9, 50), (10, 51), (10, 50), (9, 51)]), "not valid"),
        (shapely.box(3_500_000, 5_500_000, 3_600_000, 5_600_000), "longitude and latitude"),
        (shapely.box(5, 46, 16, 56), "parts of"),
        (shapely.Point(10, 51).buffer(1, quad_segs=MOST_VERTICES), "vertices"),
        (shapely.Polygon(), "longitude and latitude"),
    ],
    ids=["crosses itself", "metres", "too large", "too many vertices", "empty"],
)
def test_an_area_that_is_none_is_refused_with_the_reason(
    field: DataArray, area: Geometry, reason: str
) -> None:
    with pytest.raises(BadPlace, match=reason):
        cells_of_area(field, area)
