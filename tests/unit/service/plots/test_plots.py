"""Pictures of fields: every cell in the colour of the map, no data never as dry, moving or not."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from xarray import DataArray

from ingest.precipitation import SIMULATED
from model_zoo import load_forecaster
from service.plots.animation import play
from service.plots.colours import BELOW_AND_ABOVE, COLOURS, HATCH, LAND, LEVELS, NO_DATA
from service.plots.curves import of_skill
from service.plots.fields import difference_sheet, forecast_series, forecast_sheet, of_forecast
from service.plots.maps import paint
from service.plots.sheet import png
from tests.showers import frame

NAN = float("nan")


def colours(image: NDArray[np.uint8]) -> set[str]:
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in image.reshape(-1, 3).tolist()}


def cell(rate: float, *, is_difference: bool = False) -> set[str]:
    """Colours of the one cell of a field."""
    field = np.array([[rate]], np.float32)
    return colours(paint(field, 24, 24, is_difference=is_difference))


@pytest.fixture(scope="module")
def forecast() -> DataArray:
    return load_forecaster("persistence")(frame(6))


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(
    ("rate", "colour"),
    [
        (0.0, LAND),
        (0.09, LAND),
        (0.1, COLOURS[0]),
        (0.49, COLOURS[0]),
        (0.5, COLOURS[1]),
        (5.0, COLOURS[4]),
        (49.9, COLOURS[6]),
        (50.0, COLOURS[7]),
        (400.0, COLOURS[7]),
    ],
)
def test_rain_has_the_colour_of_its_rate(rate: float, colour: str) -> None:
    assert cell(rate) == {colour}


@pytest.mark.parametrize(
    ("difference", "colour"),
    [
        (0.0, LAND),
        (0.49, LAND),
        (-0.49, LAND),
        (0.5, BELOW_AND_ABOVE[3]),
        (-0.5, BELOW_AND_ABOVE[2]),
        (2.0, BELOW_AND_ABOVE[4]),
        (-5.0, BELOW_AND_ABOVE[0]),
        (30.0, BELOW_AND_ABOVE[5]),
    ],
)
def test_a_difference_has_the_colour_of_its_step(difference: float, colour: str) -> None:
    assert cell(difference, is_difference=True) == {colour}


@pytest.mark.parametrize("is_difference", [False, True])
def test_no_data_is_hatched_and_looks_like_no_rain_and_no_dry(is_difference: bool) -> None:
    found = cell(NAN, is_difference=is_difference)
    assert found == {NO_DATA, HATCH}
    assert not found & {LAND, *COLOURS, *BELOW_AND_ABOVE}


def test_each_cell_is_where_it_is_and_as_large_as_the_others() -> None:
    field = np.array([[0.0, NAN], [60.0, 0.2]], np.float32)
    image = paint(field, 40, 40)
    assert colours(image[:20, :20]) == {LAND}
    assert colours(image[:20, 20:]) == {NO_DATA, HATCH}
    assert colours(image[20:, :20]) == {COLOURS[7]}
    assert colours(image[20:, 20:]) == {COLOURS[0]}


def test_a_sheet_has_a_map_for_each_lead_and_one_for_what_came(forecast: DataArray) -> None:
    observed = DataArray(forecast.values, forecast.coords, forecast.dims).rename("x")
    observed = observed.swap_dims(lead_time="time").drop_vars("lead_time")
    alone, beside = (forecast_sheet(forecast, frame(6), seen) for seen in (None, observed))
    assert len(alone.panels) == 5
    assert len(beside.panels) == 9
    assert [panel.is_radar for panel in beside.panels] == [True, *[False] * 4, *[True] * 4]
    assert beside.panels[2].title == "+60 min · 00:00"
    assert beside.panels[6].title == "Radar · 00:00"
    size = opened(png(beside)).size
    assert size == (beside.width, beside.height)
    assert size[1] > opened(png(alone)).size[1] + 360


def test_a_picture_says_when_it_is_of_and_whom_to_credit(forecast: DataArray) -> None:
    found = opened(of_forecast(forecast, frame(6))).info
    assert found["Title"] == "Rain by persistence, issued 2026-06-21 23:00 UTC"
    assert found["Copyright"] == "Quelle: Deutscher Wetterdienst"
    made_up = forecast.assign_attrs(source=SIMULATED)
    assert "no radar" in opened(of_forecast(made_up)).info["Copyright"]


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_what_moves_shows_the_radar_then_the_leads_over_and_over(
    forecast: DataArray, form: str
) -> None:
    sheets = list(forecast_series(forecast, frame(6)))
    image = opened(play(sheets, form))
    assert image.format == form.upper()
    assert image.n_frames == 5  # type: ignore[attr-defined]
    assert image.info["loop"] == 0
    stood, shown = [], set()
    for picture in ImageSequence.Iterator(image):
        picture.load()
        stood.append(picture.info["duration"])
        shown.add(picture.convert("RGB").tobytes())
    assert stood == [150, 700, 700, 700, 1800]
    assert len(shown) == 5


def test_what_moves_keeps_the_colours_of_the_map(forecast: DataArray) -> None:
    sheets = list(forecast_series(forecast, frame(6)))
    image = opened(play(sheets, "gif")).convert("RGB")
    panel = sheets[0]
    left, top = 14 + 2, panel.height - 84 - 46 - panel.map_height + 2
    inside = np.asarray(image)[top : top + panel.map_height - 4, left : left + panel.map_width - 4]
    rate = frame(6).values[0]
    rows, columns = np.arange(len(inside)) // 4, np.arange(inside.shape[1]) // 4
    for level, colour in zip(LEVELS, COLOURS, strict=True):
        index = LEVELS.index(level)
        above = LEVELS[index + 1] if index + 1 < len(LEVELS) else np.inf
        cells = ((rate >= level) & (rate < above))[np.ix_(rows, columns)]
        if cells.sum() > 200:
            wanted = np.round(255 * np.array(to_rgb(colour))).astype(int)
            off = np.abs(inside[cells].astype(int) - wanted).max(-1)
            assert np.median(off) <= 3, colour  # outlines lie over some


def test_a_difference_is_no_data_where_either_is(forecast: DataArray) -> None:
    other = forecast.where(forecast["x"] < forecast["x"].mean()).assign_attrs(forecast.attrs)
    sheet = difference_sheet(forecast, other)
    differences = [panel.field for panel in sheet.panels if panel.is_difference]
    assert len(differences) == 4
    blind = np.isnan(forecast.values) | np.isnan(other.values)
    for k, field in enumerate(differences):
        np.testing.assert_array_equal(np.isnan(field.values), blind[k])
        assert np.nanmax(np.abs(field.values)) == 0


def test_curves_leave_a_gap_where_a_score_is_not_defined() -> None:
    rows = [
        {"model": "advection", "lead_minutes": lead, "threshold": 0.5, "csi": value}
        for lead, value in ((30, 0.5), (60, None), (90, 0.2))
    ]
    whole = [row | {"csi": row["csi"] or 0.0} for row in rows]
    drawn, filled = (
        of_skill(scores, ["csi"], [0.5], "Skill", "of one") for scores in (rows, whole)
    )
    assert drawn != filled
    assert opened(drawn).info["Title"] == "Skill"
