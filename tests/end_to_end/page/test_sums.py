"""Rain sums on the map page: their chooser, legend, periods, values and links."""

from pathlib import Path

import numpy as np
import pytest

from ingest.grid import MODEL_FACTOR, NATIONAL_SPHERE, projector
from service.archive.archive import Archive
from service.pipeline.rain_sums.radar_history import measured_sum
from tests.end_to_end.page.event import COME, NEWEST, Open

GRID = NATIONAL_SPHERE.coarser(MODEL_FACTOR)
TITLE, WIDTHS = "#panes .map-title", (360, 1366, 1920)
DASH = "\N{EN DASH}"
PARTS = "#sums span, #sum-times button, #quantity span, #legend li, .map-title, #place-sum"
CUT_OFF = f"""() => [...document.querySelectorAll('{PARTS}')].filter((node) => node.offsetParent
  && (node.scrollWidth > node.clientWidth + 1
    || node.getBoundingClientRect().right > innerWidth)).map((node) => node.outerHTML)"""
"""Parts of the page whose text is wider than they are, or that leave the window."""
TEXTS = {
    "en": ("Rain sum over 1 h, in mm", f"Sum 21 Jun, 23:20 {DASH} 00:20 · Radar", "Next hour"),
    "de": (
        "Regensumme über 1 h, in mm",
        f"Summe 21. Juni, 23:20 {DASH} 00:20 · Radar",
        "Nächste Stunde",
    ),
}


def test_a_sum_is_chosen_with_the_keyboard_and_kept_in_the_link(open_page: Open) -> None:
    watched = open_page()
    watched.page.get_by_role("radio", name="Probability of 5 mm/h or more").focus()
    watched.page.keyboard.press("ArrowRight")
    assert watched.page.get_by_role("radio", name="Rain sum over 15 minutes").is_checked()
    assert watched.page.get_by_role("group", name="Rain sum in mm over").is_visible()
    watched.until_text("#legend", "Rain sum over 15 min, in mm")
    watched.until_text(TITLE, f"Sum 00:05{DASH}00:20 · Radar · latest")
    watched.until(COME)
    watched.until("location.hash.includes('show=sum_15')")
    watched.page.reload()
    watched.until_text(TITLE, f"Sum 00:05{DASH}00:20 · Radar · latest")


@pytest.mark.parametrize("language", TEXTS)
def test_the_last_and_the_next_hour_are_shown_at_all_widths(open_page: Open, language: str) -> None:
    legend, last, following = TEXTS[language]
    place = "place=13.74,51.05"
    watched = open_page(f"show=sum_60&{place}&lang={language}&time=2026-06-21T21:40:00Z")
    first, second = (watched.page.locator(name) for name in ("#sum-last", "#sum-next"))
    first.click()
    watched.until_text(TITLE, last)
    assert watched.text("#legend").startswith(legend)
    assert first.get_attribute("aria-pressed") == "true"
    assert second.inner_text() == following
    second.click()
    watched.until_text(TITLE, f"00:20{DASH}01:20")
    assert [b.get_attribute("aria-pressed") for b in (first, second)] == ["false", "true"]
    for width in WIDTHS:
        watched.page.set_viewport_size({"width": width, "height": 768})
        watched.until_painted()
        assert watched.page.evaluate(CUT_OFF) == []
    watched.page.keyboard.press("ArrowLeft")
    watched.until_text(TITLE, f"00:15{DASH}01:15 · Radar + ")


def test_the_place_and_the_pointer_have_the_sum_in_mm(open_page: Open, folder: Path) -> None:
    sums = measured_sum(Archive(folder / "archive"), NEWEST, 120).values
    row, column = np.unravel_index(np.nanargmax(sums), sums.shape)
    x, y = GRID.west + (column + 0.5) * GRID.cell, GRID.north - (row + 0.5) * GRID.cell
    lon, lat = projector(GRID.projection).transform(x, y, direction="INVERSE")
    watched = open_page(f"show=sum_120&place={lon:.4f},{lat:.4f}&map={column + 0.5},{row + 0.5},20")
    expected = f"{np.rint(100 * float(sums[row, column])) / 100:.1f}".removesuffix(".0")
    watched.until_text("#place-sum", f"{expected} mm")
    box = watched.page.locator("#panes canvas").bounding_box()
    assert box
    watched.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    watched.until_text("#readout", f"{expected} mm ·")


def test_a_sum_that_lacks_radar_images_says_so_instead_of_being_dry(open_page: Open) -> None:
    watched = open_page("show=sum_360&place=13.74,51.05")
    watched.until_text("#panes .message", "too many radar images are missing")
    watched.until_text("#place-sum", "no data")
    assert watched.page.locator("#sum-next").is_disabled()
