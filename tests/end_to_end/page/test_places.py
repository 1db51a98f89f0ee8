"""Rain at a place, in the page as over the API: typed, clicked, kept, outside and without data."""

from pathlib import Path
from typing import Any

import pytest

from ingest.grid import NATIONAL_SPHERE, Grid, cell, projector
from service.archive.archive import Archive
from tests.end_to_end.page.event import NEWEST, Open, ask, find_place

BERLIN = (13.41, 52.52)
FORECAST_ROWS = "#place-forecast table:not(.sums) tbody tr"
TOWNS = {
    "Berlin": BERLIN,
    "Leipzig": (12.37, 51.34),
    "Munich": (11.58, 48.14),
    "Freiburg im Breisgau": (7.85, 48.0),
    "Nuremberg": (11.08, 49.45),
}


def test_a_click_on_berlin_shows_the_numbers_of_the_api(
    open_page: Open, url: str, folder: Path
) -> None:
    archive = Archive(folder / "archive")
    row, column = cell(archive.frame(NEWEST), *BERLIN)
    watched = open_page(f"map={column + 0.5},{row + 0.5},12")
    watched.page.locator("#panes canvas").click()
    watched.until(f"document.querySelectorAll('{FORECAST_ROWS}').length === 4")
    watched.until_text("#place-name", "Berlin")
    coords = "POINT({} {})".format(*BERLIN)
    ranges = ask(url, "collections/nowcast/position", coords=coords, model="ms-lstm")["ranges"]
    names = [
        "rainfall_rate",
        "exceedance_probability_0.5",
        "exceedance_probability_2",
        "exceedance_probability_5",
    ]
    for k, line in enumerate(watched.page.locator(FORECAST_ROWS).all()):
        rate, *probabilities = line.locator("td").all_inner_texts()
        assert rate == f"{ranges[names[0]]['values'][k]:.2f}".rstrip("0").rstrip(".")
        expected = [100 * ranges[name]["values"][k] for name in names[1:]]
        assert [int(text.removesuffix(" %")) for text in probabilities] == pytest.approx(
            expected, abs=0.501
        )


def test_the_sentences_agree_with_the_summary_of_the_api(open_page: Open, url: str) -> None:
    watched = open_page()
    seen = set()
    for town, place in TOWNS.items():
        find_place(watched, town)
        watched.until("document.querySelector('#place-forecast table')")
        found = ask(url, "places", q=town)["places"][0]
        assert (found["lon"], found["lat"]) == pytest.approx(place, abs=0.03)
        coords = f"POINT({found['lon']} {found['lat']})"
        response = ask(url, "collections/nowcast/position", coords=coords, model="ms-lstm")
        state = response["nowcast:summary"]["state"]
        words = watched.text("#place-summary")
        assert ("dry" in words) == (state in {"dry", "probably_dry"})
        assert ("mm/h" in words) == (state == "rain")
        seen.add(state)
    assert "rain" in seen
    assert seen & {"dry", "probably_dry"}


def test_a_place_has_a_bar_for_each_lead_time_with_its_range(open_page: Open, url: str) -> None:
    watched = open_page("place=13.74,51.05")
    watched.until("document.querySelectorAll('.rain-chart g title').length === 24")
    assert watched.page.locator(".rain-chart rect.range").count() == 24
    query = {"coords": "POINT(13.74 51.05)", "model": "ms-lstm", "leads": "all"}
    ranges = ask(url, "collections/nowcast/position", **query)["ranges"]
    titles = watched.page.locator(".rain-chart g title").all_text_contents()
    for k, title in enumerate(titles):
        rate = f"{ranges['rainfall_rate']['values'][k]:.2f}".rstrip("0").rstrip(".")
        assert f": {rate} mm/h, in 8 of 10 cases" in title


def test_a_typed_place_is_found_in_any_spelling_and_brought_into_view(open_page: Open) -> None:
    watched = open_page("map=150,20,20")
    for typed, name in (
        ("muench", "Munich"),
        ("80331 M", "Munich"),
        ("Saarbruecken", "Saarbrücken"),
    ):
        find_place(watched, typed, name)
    watched.until("location.hash.includes('map=')")
    x, y, scale = map(
        float, watched.page.evaluate("location.hash.match(/map=([^&]+)/)[1]").split(",")
    )
    grid = NATIONAL_SPHERE.coarser(5)
    column, row = to_cell(grid, 6.99, 49.23)
    assert abs(x - column) * scale < 300
    assert abs(y - row) * scale < 200


def test_what_is_no_place_is_named_as_such(open_page: Open) -> None:
    watched = open_page()
    watched.page.locator("#place-search").fill("qqqq")
    watched.until("document.getElementById('place-status').textContent")
    assert "No place in Germany" in watched.text("#place-status")


def test_the_position_of_the_browser_is_a_place_also_outside(open_page: Open) -> None:
    here: dict[str, Any] = {"permissions": ["geolocation"]}
    munich = open_page(geolocation={"longitude": 11.58, "latitude": 48.14}, **here)
    munich.page.locator("#locate").click()
    munich.until_text("#place-name", "Munich")
    far = open_page(geolocation={"longitude": -3.7, "latitude": 40.4}, **here)
    far.page.locator("#locate").click()
    far.until_text("#place-summary", "outside the area")
    assert not any(character.isdigit() for character in far.text("#place-summary"))


def test_a_favourite_is_kept_in_the_browser(open_page: Open) -> None:
    watched = open_page()
    find_place(watched, "Leipzig")
    watched.page.locator("#favourite").click()
    watched.page.locator("#close-place").click()
    watched.page.reload()
    watched.until("document.querySelector('#favourites button')")
    watched.page.locator("#favourites button").click()
    watched.until_text("#place-name", "Leipzig")
    watched.page.locator("#favourite").click()
    watched.until("!document.querySelector('#favourites button')")


def test_a_place_without_data_is_unknown_and_not_dry(open_page: Open) -> None:
    watched = open_page("place=3.9,51.9")
    watched.until("document.querySelector('#place-forecast table')")
    assert watched.text("#place-summary").startswith("Unknown")
    assert watched.page.locator("#place-forecast td").first.inner_text() == "no data"
    assert watched.page.locator("#place-forecast rect.no-data").count() > 25


def to_cell(grid: Grid, longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row of a place in degrees, in cells from the north-western corner."""
    x, y = projector(grid.projection).transform(longitude, latitude)
    return (x - grid.west) / grid.cell, (grid.north - y) / grid.cell
