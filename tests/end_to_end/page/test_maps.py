"""What the maps of the page show: rain, no data, differences of models, and outdated radar."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.archive.archive import Archive
from service.pipeline.rain_sums.radar_history import measured_sum
from tests.end_to_end.page.event import COME, FIRST, NEWEST, Clock, Open, Tell, after

LAND, HATCH = "#faf9f6", "#a8a39a"
HEAVY = {"rain": "#f29e38", "sum_30": "#0b4a91"}
"""Colours of 10 mm/h and of 5 mm."""
SCALE = 20
"""Pixels to a cell."""
PIXELS = """([left, top]) => {
  const context = document.querySelector('#panes canvas').getContext('2d');
  const { data } = context.getImageData(left - 8, top - 8, 16, 16);
  const hex = (k) => '#' + [0, 1, 2].map((c) => data[k + c].toString(16).padStart(2, '0')).join('');
  return [...new Set(Array.from({ length: 256 }, (_, k) => hex(4 * k)))];
}"""
AROUND = 12
"""Cells from the middle of the map that are in sight."""


def test_the_first_map_needs_less_than_100_kilobytes(open_page: Open, tell: Tell) -> None:
    opened = [open_page().page for _ in range(3)]
    before = f"performance.getEntriesByType('resource').filter(e => e.startTime < {FIRST})"
    sent = opened[0].evaluate(f"{before}.reduce((sum, e) => sum + e.transferSize, 0)")
    assert 20_000 < sent < 100_000
    times = [page.evaluate(FIRST) for page in opened]
    tell(f"first picture after {', '.join(f'{time:.0f}' for time in times)} ms")


@pytest.mark.parametrize(("show", "heavy_from", "heavy_to"), [("rain", 10, 20), ("sum_30", 5, 10)])
def test_no_data_is_hatched_and_only_rain_is_coloured(
    open_page: Open, folder: Path, show: str, heavy_from: float, heavy_to: float
) -> None:
    archive = Archive(folder / "archive")
    shown = archive.frame(NEWEST)[0] if show == "rain" else measured_sum(archive, NEWEST, 30)
    no_data, dry = np.isnan(shown.values), shown.values == 0
    heavy = (shown.values >= heavy_from) & (shown.values < heavy_to)
    row, column = middle_of_all(no_data, dry, heavy)
    watched = open_page(f"show={show}&map={column + 0.5},{row + 0.5},{SCALE}")
    watched.until(COME)
    canvas = watched.page.locator("#panes canvas").bounding_box()
    assert canvas

    def colours(mask: NDArray[np.bool_]) -> list[set[str]]:
        """In the middle of cells of a mask in sight."""
        found = [cell for cell in np.argwhere(mask) if max(abs(cell - (row, column))) <= AROUND]
        middle = (canvas["width"] / 2, canvas["height"] / 2)
        points = [
            [round(middle[0] + SCALE * (x - column)), round(middle[1] + SCALE * (y - row))]
            for y, x in found[:: max(len(found) // 12, 1)]
        ]
        return [set(watched.page.evaluate(PIXELS, point)) for point in points]

    assert all(HATCH in found and LAND not in found for found in colours(no_data))
    assert {LAND} in colours(dry)
    assert any(HEAVY[show] in found for found in colours(heavy))
    assert not any(HATCH in found for found in colours(dry) + colours(heavy))


def test_a_difference_of_two_models_has_its_own_legend(open_page: Open) -> None:
    watched = open_page("view=difference&with=persistence&time=2026-06-21T22:50:00Z")
    assert "Forecast +30 min · Neural network MS-LSTM" in watched.text("#panes")
    assert "Neural network MS-LSTM minus Unchanged radar" in watched.text("#legend")
    watched.page.keyboard.press("Home")
    watched.until_text("#shown-time", "+5 min")  # there is no difference before


def test_a_model_without_probabilities_has_a_message_instead(open_page: Open) -> None:
    watched = open_page("model=persistence&show=2&time=2026-06-21T23:20:00Z")
    assert "does not forecast probabilities" in watched.text("#panes .message")


def test_times_of_another_day_have_their_date_and_simulated_rain_is_named(
    open_page: Open,
) -> None:
    for language, day, rain in (
        ("en", "21 Jun", "Simulated rain"),
        ("de", "21. Juni", "Simulierter"),
    ):
        watched = open_page(f"lang={language}&time=2026-06-21T21:00:00Z")
        assert day in watched.text("#shown-time")
        assert day in watched.text("#panes")
        assert rain in watched.text("#simulated")
        watched.page.keyboard.press("End")
        watched.until_text("#shown-time", "+120 min")
        assert day not in watched.text("#shown-time")
        assert "22" not in watched.text("#shown-time small")


def test_stale_radar_is_reported(open_page: Open, clock: Clock) -> None:
    watched = open_page()
    assert watched.page.locator("#stale").is_hidden()
    clock.now = after(NEWEST, minutes=47)
    watched.until("!document.getElementById('stale').hidden")
    assert "47 min" in watched.text("#stale")
    assert "outdated" in watched.text("#radar-age")
    clock.now = after(NEWEST, minutes=6)
    watched.until("document.getElementById('stale').hidden")


def middle_of_all(*masks: NDArray[np.bool_]) -> tuple[int, int]:
    """Row and column around which each of the masks has some cells."""
    side = np.ones(2 * AROUND + 1)
    near = [
        np.apply_along_axis(
            np.convolve, 1, np.apply_along_axis(np.convolve, 0, mask, side, "same"), side, "same"
        )
        for mask in masks
    ]
    row, column = np.unravel_index(np.argmax(np.min(near, axis=0)), masks[0].shape)
    return int(row), int(column)
