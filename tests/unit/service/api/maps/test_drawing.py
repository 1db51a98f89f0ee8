"""Pixels have the colours of the cells that they lie in, and no data is apart from dry."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, cell, coordinates
from ingest.grid import at as series_at
from service.api.edr.crs import SYSTEMS, ReferenceSystem, grid_to_radar, to_radar
from service.api.maps.drawing import Frame, draw
from service.api.maps.frames import tile_frame
from service.api.maps.layers import Kind, Picture
from service.api.maps.palettes import COLOURS, LEVELS, NO_DATA, STYLES, Style, palette
from service.pipeline.rain_sums.warning_levels import WARNING_LEVELS
from service.plots import colours as plot_colours
from tests.showers import frame, moment

DEGREES, MERCATOR = SYSTEMS[0], SYSTEMS[2]


def decode(content: bytes) -> NDArray[np.uint8]:
    """A PNG as (row, column, RGBA)."""
    image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image[..., [2, 1, 0, 3]], np.uint8)


def test_each_pixel_has_the_colour_of_the_cell_at_its_place() -> None:
    field = frame(3).isel(time=0)
    area = Frame(DEGREES, 9.0, 50.0, 11.0, 52.0, 40, 50)
    image = decode(draw(Picture("x", "rain", field, moment(3), ""), area, "default"))
    scale = palette("rain", "default")
    for row, column in ((0, 0), (10, 30), (25, 20), (49, 39)):
        place = 9 + 2 * (column + 0.5) / 40, 52 - 2 * (row + 0.5) / 50
        value = series_at(field, *place).values
        expected = scale.colours[scale.classes(value)]
        np.testing.assert_array_equal(image[row, column], expected)


BOXES = [(5.0, 47.0, 15.0, 55.0), (-400.0, -120.0, 500.0, 130.0), (-1e8, -1e8, 1e8, 1e8)]


@pytest.mark.parametrize("system", SYSTEMS, ids=[system.name for system in SYSTEMS])
@pytest.mark.parametrize("box", BOXES, ids=["inside", "beyond the poles", "beyond the world"])
def test_points_of_a_grid_lie_where_each_point_alone_lies(
    system: ReferenceSystem, box: tuple[float, float, float, float]
) -> None:
    field = frame(3).isel(time=0)
    scale = 1.0 if system.is_geographic or max(box) > 1e6 else 1e5
    x = np.linspace(box[0], box[2], 37) * scale
    y = np.linspace(box[3], box[1], 41) * scale
    expected = to_radar(field, system, *np.meshgrid(x, y))
    np.testing.assert_array_equal(grid_to_radar(field, system, x, y), expected)


def test_rain_over_berlin_is_on_the_tile_of_berlin_at_the_pixel_of_berlin() -> None:
    grid = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
    field = frame(3).isel(time=0).copy()
    field[:] = 0
    row, column = cell(field, 13.41, 52.52)
    field[row, column] = 30.0
    area = tile_frame(7, 68, 41, 256)
    image = decode(draw(Picture("x", "rain", field, moment(3), ""), area, "default"))
    rows, columns = np.nonzero(image[..., 3])
    # the centre of the cell, by the formulas of web mercator
    lon = float(coordinates(grid)["lon"].values[row, column])
    lat = np.radians(float(coordinates(grid)["lat"].values[row, column]))
    x = ((lon + 180) / 360 * 2**7 - 68) * 256
    y = ((1 - np.log(np.tan(lat) + 1 / np.cos(lat)) / np.pi) / 2 * 2**7 - 41) * 256
    assert rows.size > 20
    assert abs(columns.mean() + 0.5 - x) < 1
    assert abs(rows.mean() + 0.5 - y) < 1


def test_dry_is_transparent_no_data_is_grey_and_outside_is_transparent() -> None:
    field = frame(3).isel(time=0).copy()
    field[:] = 0
    field[:, :90] = np.nan
    area = Frame(DEGREES, -10.0, 40.0, 25.0, 60.0, 200, 200)
    image = decode(draw(Picture("x", "rain", field, moment(3), ""), area, "default"))
    kinds = {tuple(map(int, pixel)) for pixel in image.reshape(-1, 4)}
    assert kinds == {(0, 0, 0, 0), NO_DATA}
    assert image[0, 0, 3] == 0
    west, east = image[80:110, 85:100, 3], image[80:110, 118:135, 3]
    assert (west == NO_DATA[3]).all()
    assert (east == 0).all()


@pytest.mark.parametrize("kind", ["rain", "sum", "probability"])
@pytest.mark.parametrize("style", STYLES)
def test_each_class_has_a_colour_of_its_own(kind: Kind, style: Style) -> None:
    scale = palette(kind, style)
    levels = LEVELS[kind]
    values = np.array([0.0, *levels, np.nan], np.float32)
    classes = scale.classes(values)
    assert classes.tolist() == list(range(len(levels) + 2))
    assert len({tuple(colour) for colour in scale.colours[:-1].tolist()}) == len(levels) + 2


@pytest.mark.parametrize("kind", ["rain", "sum", "probability"])
@pytest.mark.parametrize("style", ["colour-blind", "grey"])
def test_these_styles_are_told_apart_by_brightness_alone(kind: Kind, style: Style) -> None:
    rgb = palette(kind, style).colours[1:-2, :3].astype(float)
    brightness = rgb @ [0.2126, 0.7152, 0.0722]
    assert all(lighter - darker > 12 for lighter, darker in pairwise(brightness))


def test_sums_change_colour_at_the_warnings_for_an_hour() -> None:
    hourly = {level.from_mm for level in WARNING_LEVELS if level.minutes == 60}
    assert hourly
    assert hourly <= {*LEVELS["sum"]}


def test_the_colours_are_those_of_the_plots() -> None:
    assert COLOURS["rain", "default"] == plot_colours.COLOURS
    assert LEVELS["rain"] == plot_colours.LEVELS
