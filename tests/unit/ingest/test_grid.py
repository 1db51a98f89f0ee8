"""Grids: where cells lie, and what a block of 5 x 5 becomes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Transformer
from xarray import DataArray

from ingest import BadField, OutsideGrid, to_model_grid
from ingest import at as series_at
from ingest.grid import (
    NATIONAL_SPHERE,
    NATIONAL_WGS84,
    SPHERE,
    Grid,
    block_mean,
    cell,
    coordinates,
    grid_mapping,
    known_grid,
    pad_to_national,
    same_grid,
    with_places,
)
from ingest.precipitation import make

GRIDS = [NATIONAL_SPHERE, NATIONAL_WGS84]
TIME = np.datetime64("2025-06-21T12:35")


def frame(grid: Grid = NATIONAL_SPHERE, seed: int = 0) -> DataArray:
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.3, 3, grid.shape).astype(np.float32)
    rate[rng.random(grid.shape) < 0.4] = np.nan
    return make(rate, TIME, grid, "RY")


def test_the_corners_of_the_sphere_are_those_dwd_publishes() -> None:
    to_degrees = Transformer.from_crs(SPHERE, "+proj=longlat +R=6370040", always_xy=True)
    west, north = NATIONAL_SPHERE.west, NATIONAL_SPHERE.north
    south_west = to_degrees.transform(west, north - 900_000)
    north_east = to_degrees.transform(west + 900_000, north)
    assert south_west == pytest.approx((3.5889, 46.9526), abs=1e-4)
    assert north_east == pytest.approx((15.7208, 54.7405), abs=1e-4)


def test_the_two_grids_differ_by_over_a_kilometre_at_the_corners_and_not_in_the_middle() -> None:
    (here, there) = (coordinates(grid) for grid in GRIDS)

    def apart_km(row: int, column: int) -> float:
        north = 111.2 * float(here["lat"][row, column] - there["lat"][row, column])
        east = float(here["lon"][row, column] - there["lon"][row, column])
        return float(np.hypot(north, east * 111.2 * np.cos(np.radians(51))))

    assert 1.0 < apart_km(0, 0) < 2.0
    assert 1.0 < apart_km(899, 899) < 2.0
    assert apart_km(450, 523) < 0.3


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [("Berlin", 13.41, 52.52), ("Muenchen", 11.58, 48.14), ("Aachen", 6.08, 50.78)],
)
def test_a_place_lies_in_its_cell(grid: Grid, name: str, lon: float, lat: float) -> None:
    del name
    small = to_model_grid(frame(grid))
    row, column = cell(small, lon, lat)
    found = small.isel(y=row, x=column)
    north = 111.2 * (float(found.lat) - lat)
    east = 111.2 * np.cos(np.radians(lat)) * (float(found.lon) - lon)
    assert np.hypot(north, east) < 5 / np.sqrt(2) * 1.1


def test_reading_at_a_place_gives_the_series_there() -> None:
    field = frame()
    row, column = cell(field, 10.0, 51.0)
    np.testing.assert_array_equal(series_at(field, 10.0, 51.0).values, field.values[:, row, column])


@pytest.mark.parametrize(
    ("lon", "lat"), [(0, 51), (20, 51), (10, 40), (10, 60), (10, 91), (1e9, 0), (np.nan, 51)]
)
def test_a_place_off_the_grid_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(OutsideGrid, match=r"outside the grid, which reaches from 2.* to 1"):
        cell(to_model_grid(frame()), lon, lat)


def test_a_refused_place_is_told_the_nearest_cell() -> None:
    field = to_model_grid(frame())
    with pytest.raises(OutsideGrid, match=r"nearest cell is at 2\.\d\d east, 5[01]\.\d\d north"):
        cell(field, 2.2, 51.0)


def test_a_place_just_inside_the_edge_belongs_and_just_outside_does_not() -> None:
    field = frame(NATIONAL_SPHERE)
    to_degrees = Transformer.from_crs(SPHERE, "+proj=longlat +R=6370040", always_xy=True)
    west, north = NATIONAL_SPHERE.west, NATIONAL_SPHERE.north
    assert cell(field, *to_degrees.transform(west + 1, north - 1)) == (0, 0)
    with pytest.raises(OutsideGrid):
        cell(field, *to_degrees.transform(west - 1, north - 1))


def test_a_block_is_the_mean_of_its_valid_cells_if_half_of_them_are() -> None:
    field = frame()
    small = to_model_grid(field)
    blocks = field.values[0].reshape(180, 5, 180, 5).transpose(0, 2, 1, 3).reshape(180, 180, 25)
    number = (~np.isnan(blocks)).sum(-1)
    mean = np.nansum(blocks.astype(np.float64), -1) / np.maximum(number, 1)
    expected = np.where(number >= 13, mean, np.nan)
    np.testing.assert_allclose(small.values[0], expected, rtol=1e-5)
    assert (number == 12).any()
    assert (number == 13).any(), "the edge of the rule is in the test"


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float32, (10, 15), elements=st.one_of(st.just(np.nan), st.floats(0, 300, width=32)))
)
def test_a_block_mean_lies_between_the_lowest_and_highest_of_its_cells(values: np.ndarray) -> None:
    mean = block_mean(values, 5)
    blocks = values.reshape(2, 5, 3, 5).transpose(0, 2, 1, 3).reshape(2, 3, 25)
    seen = ~np.isnan(mean)
    assert (mean[seen] >= np.nanmin(blocks[seen], axis=-1, initial=np.inf) * (1 - 1e-6)).all()
    assert (mean[seen] <= np.nanmax(blocks[seen], axis=-1, initial=0) * (1 + 1e-6)).all()


def test_bilinear_is_the_centre_of_each_block_as_the_papers_had_it() -> None:
    field = frame()
    small = to_model_grid(field, method="bilinear")
    np.testing.assert_array_equal(small.values, field.values[:, 2::5, 2::5])


def test_bilinear_agrees_with_opencv_on_a_field_without_gaps() -> None:
    cv2 = pytest.importorskip("cv2")
    field = frame().fillna(0)
    expected = cv2.resize(field.values[0], (180, 180), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(
        to_model_grid(field, method="bilinear").values[0], expected, rtol=1e-5
    )


def test_another_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method is 'cubic', should be 'mean' or 'bilinear'"):
        to_model_grid(frame(), method="cubic")  # type: ignore[arg-type]


def test_a_field_of_broken_blocks_is_refused() -> None:
    with pytest.raises(BadField, match="899 x 900 cells, should have a multiple of 5"):
        to_model_grid(frame().isel(y=slice(899)))


@pytest.mark.parametrize("grid", GRIDS)
def test_the_model_grid_is_known_and_its_centres_are_those_of_the_blocks(grid: Grid) -> None:
    field = frame(grid)
    small = to_model_grid(field)
    assert known_grid(small) == grid.coarser(5)
    np.testing.assert_allclose(small.x.values, field.x.values.reshape(180, 5).mean(1))
    np.testing.assert_allclose(small.lat.values, field.lat.values[2::5, 2::5], atol=1e-3)
    assert small.attrs == field.attrs
    assert small.time.identical(field.time)


def test_a_field_of_its_own_grid_keeps_its_axes() -> None:
    field = DataArray(
        np.ones((1, 10, 10), np.float32), dims=("time", "y", "x"), coords={"y": np.arange(10)[::-1]}
    )
    np.testing.assert_array_equal(to_model_grid(field).y, [7, 2])
    assert known_grid(field) is None
    assert with_places(field) is field


def test_the_grid_mapping_is_what_cf_asks_for() -> None:
    sphere, ellipsoid = (grid_mapping(grid.projection) for grid in GRIDS)
    for mapping in (sphere, ellipsoid):
        assert mapping["grid_mapping_name"] == "polar_stereographic"
        assert mapping["latitude_of_projection_origin"] == 90
        assert mapping["standard_parallel"] == 60
        assert mapping["straight_vertical_longitude_from_pole"] == 10
    assert sphere["earth_radius"] == 6370040
    assert "inverse_flattening" not in sphere
    assert ellipsoid["inverse_flattening"] == pytest.approx(298.257, abs=1e-3)


def test_cutting_and_padding_to_the_national_grid_moves_whole_cells() -> None:
    field = np.arange(1100 * 900, dtype=np.float32).reshape(1100, 900)
    national = pad_to_national(field, 100, -80)
    np.testing.assert_array_equal(national[:, 80:], field[100:1000, :820])
    assert np.isnan(national[:, :80]).all()


def test_fields_on_the_sphere_and_on_wgs84_are_not_on_the_same_grid() -> None:
    here, there = (frame(grid) for grid in GRIDS)
    assert same_grid(here, here)
    assert not same_grid(here, there)
