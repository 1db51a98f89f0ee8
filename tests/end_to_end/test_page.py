"""The map page in a real browser, on a simulated event that is served as it would be."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Browser

from ingest import to_model_grid
from ingest.grid import NATIONAL_SPHERE, Grid, cell, projector
from ingest.precipitation import INTERVAL, SIMULATED, make
from ingest.simulation.simulate import simulate
from model_zoo import load_forecaster
from service.api.app import create_app
from service.api.middleware import api_keys
from service.archive.archive import Archive
from service.archive.key import to_datetime
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from service.pipeline.verify import verify
from tests.browser import Watched, chromium, serving
from tests.served import api_context

START = np.datetime64("2026-06-21T19:30", "ns")
SEED = 3
FRAMES = 35
NEWEST = START + (FRAMES - 1) * INTERVAL
ISSUES = {"ms-lstm": (18, 34), "advection": (6, 18, 26, 34), "persistence": (6, 18, 26, 34)}
"""Numbers of the frames from which there are forecasts, by model; the first is the default."""
BERLIN = (13.41, 52.52)
TOWNS = {
    "Berlin": BERLIN,
    "Leipzig": (12.37, 51.34),
    "Munich": (11.58, 48.14),
    "Freiburg im Breisgau": (7.85, 48.0),
    "Nuremberg": (11.08, 49.45),
}
POLL_SECONDS = 1
LOOP_SECONDS = 60
FIRST = "performance.getEntriesByName('first-picture')[0]?.startTime"
WHOLE = "document.querySelectorAll('#track .frame:not(.loading)').length === 25"
"""All frames of two hours have come."""
AHEAD = "document.querySelectorAll('#track .lead').length === 24"
READY = f"{FIRST} && {WHOLE} && {AHEAD}"

Open = Callable[..., Watched]
Tell = Callable[[str], None]


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event of three hours with its forecasts, verified."""
    folder: Path = tmp_path_factory.mktemp("event")
    archive, ledger = Archive(folder / "archive"), Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    for time, rate in simulate(START, FRAMES, SEED):
        archive.put_frame(to_model_grid(make(rate, time, NATIONAL_SPHERE, "RY", SIMULATED)))
    for model, numbers in ISSUES.items():
        forecaster = load_forecaster(model)
        for number in numbers:
            issue = START + number * INTERVAL
            forecast_model(archive, ledger, forecaster, issue, after(issue, minutes=4))
    verify(archive, ledger, after(NEWEST, minutes=4))
    ledger.engine.dispose()
    return folder


def after(time: np.datetime64, **span: float) -> datetime:
    return to_datetime(time) + timedelta(**span)


@pytest.fixture(scope="module")
def service_clock() -> Clock:
    """The clock of the service."""
    return Clock(after(NEWEST, minutes=6))


@pytest.fixture
def clock(service_clock: Clock) -> Clock:
    """The same, six minutes after the newest frame."""
    service_clock.now = after(NEWEST, minutes=6)
    return service_clock


@pytest.fixture(scope="module")
def service(folder: Path, service_clock: Clock) -> Iterator[str]:
    """A warm service on the event; gives its URL."""
    with serving(create_app(clocked_context(folder, service_clock))) as url:
        for path in ("grids/latest", "grids/outlines/sphere"):
            httpx.get(f"{url}/{path}", timeout=550).raise_for_status()
        yield url


@pytest.fixture
def url(service: str, clock: Clock) -> str:
    """The service at the usual time."""
    del clock
    return service


def clocked_context(folder: Path, clock: Clock, **settings: Any) -> Any:
    parts = api_context(folder, models=tuple(ISSUES), poll_seconds=POLL_SECONDS, **settings)
    return replace(parts, clock=clock)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Open]:
    """Opens the page with a fragment of its address, a window size and options of the browser.

    At the end of the test the page must have logged no error and sent no request elsewhere.
    """
    with ExitStack() as contexts:
        opened: list[Watched] = []

        def show(
            fragment: str = "", size: tuple[int, int] = (1280, 800), ready: str = READY, **more: Any
        ) -> Watched:
            wanted = {"locale": "en-GB", "viewport": {"width": size[0], "height": size[1]}, **more}
            context = browser.new_context(**wanted)
            contexts.callback(context.close)
            watched = Watched(context.new_page())
            watched.page.goto(f"{url}/#{fragment}")
            watched.until(ready)
            opened.append(watched)
            return watched

        yield show
        for watched in opened:
            assert not watched.errors
            assert all(asked.startswith(url) for asked in watched.requests)


def test_the_first_map_needs_less_than_100_kilobytes(open_page: Open, tell: Tell) -> None:
    opened = [open_page().page for _ in range(3)]
    before = f"performance.getEntriesByType('resource').filter(e => e.startTime < {FIRST})"
    sent = opened[0].evaluate(f"{before}.reduce((sum, e) => sum + e.transferSize, 0)")
    assert 20_000 < sent < 100_000
    times = [page.evaluate(FIRST) for page in opened]
    tell(f"first picture after {', '.join(f'{time:.0f}' for time in times)} ms")


WATCH = """() => {
  window.steps = []; window.screens = [];
  const slider = document.getElementById('time');
  const note = (now) => {
    if (steps.at(-1)?.[1] !== slider.value) steps.push([now, slider.value]);
    screens.push(now);
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}"""
STEPS = [*range(-120, 121, 5)]
"""Minutes from the newest frame."""


def test_the_loop_skips_no_frame_for_a_minute(open_page: Open, tell: Tell) -> None:
    watched = open_page()
    watched.page.evaluate(WATCH)
    watched.page.keyboard.press("Space")
    watched.page.wait_for_timeout(1000 * LOOP_SECONDS)
    watched.until(f"steps.length > {len(STEPS) + 2}")  # at once, but on a slow machine
    watched.page.keyboard.press("Space")
    noted = [(now, int(value)) for now, value in watched.page.evaluate("steps")]
    moves = list(pairwise(noted))
    for (_, before), (_, after_it) in moves:
        assert after_it == STEPS[(STEPS.index(before) + 1) % len(STEPS)]
    durations = [(then - now, before) for (now, before), (then, _) in moves if before < 120]
    measured = np.mean([duration for duration, before in durations if before < 0])
    forecast = np.mean([duration for duration, before in durations if before >= 0])
    screens = np.diff(watched.page.evaluate("screens"))
    late = np.quantile(screens, 0.99)
    tell(
        f"{len(moves)} steps in {LOOP_SECONDS} s, none skipped; a radar frame was shown for "
        f"{measured:.1f} ms, one of the forecast for {forecast:.1f} ms; 99 of 100 repaints took "
        f"less than {late:.1f} ms"
    )
    assert len(moves) > len(STEPS)


def test_a_click_on_berlin_shows_the_numbers_of_the_api(
    open_page: Open, url: str, folder: Path
) -> None:
    archive = Archive(folder / "archive")
    row, column = cell(archive.frame(NEWEST), *BERLIN)
    watched = open_page(f"map={column + 0.5},{row + 0.5},12")
    watched.page.locator("#panes canvas").click()
    watched.until("document.querySelectorAll('#place-forecast tbody tr').length === 4")
    assert watched.text("#place-name") == "Berlin"
    query = {"coords": "POINT({} {})".format(*BERLIN), "model": "ms-lstm"}
    response = httpx.get(f"{url}/collections/nowcast/position", params=query).json()
    ranges = response["ranges"]
    names = [
        "rainfall_rate",
        "exceedance_probability_0.5",
        "exceedance_probability_2",
        "exceedance_probability_5",
    ]
    for k, line in enumerate(watched.page.locator("#place-forecast tbody tr").all()):
        rate, *probabilities = line.locator("td").all_inner_texts()
        assert rate == f"{ranges[names[0]]['values'][k]:.2f}".rstrip("0").rstrip(".")
        expected = [100 * ranges[name]["values"][k] for name in names[1:]]
        assert [int(text.removesuffix(" %")) for text in probabilities] == pytest.approx(
            expected, abs=0.501
        )


def to_cell(grid: Grid, longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row of a place in degrees, in cells from the north-western corner."""
    x, y = projector(grid.projection).transform(longitude, latitude)
    return (x - grid.west) / grid.cell, (grid.north - y) / grid.cell


def find_place(watched: Watched, typed: str, name: str | None = None) -> None:
    """Type a place and choose the first suggestion, which has the name."""
    watched.page.locator("#place-search").fill(typed)
    watched.until("document.querySelector('#place-results li')", within_ms=60_000)
    watched.page.locator("#place-search").press("Enter")
    shown = "document.getElementById('place-name').textContent"
    watched.until(f"{shown} === '{name or typed}'", within_ms=60_000)


def test_the_sentences_agree_with_the_summary_of_the_api(open_page: Open, url: str) -> None:
    watched = open_page()
    seen = set()
    for town, place in TOWNS.items():
        find_place(watched, town)
        watched.until("document.querySelector('#place-forecast table')")
        found = httpx.get(f"{url}/places", params={"q": town}).json()["places"][0]
        assert (found["lon"], found["lat"]) == pytest.approx(place, abs=0.03)
        query = {"coords": f"POINT({found['lon']} {found['lat']})", "model": "ms-lstm"}
        response = httpx.get(f"{url}/collections/nowcast/position", params=query).json()
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
    ranges = httpx.get(f"{url}/collections/nowcast/position", params=query).json()["ranges"]
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
    munich.until("document.getElementById('place-name').textContent === 'Munich'")
    far = open_page(geolocation={"longitude": -3.7, "latitude": 40.4}, **here)
    far.page.locator("#locate").click()
    far.until("document.getElementById('place-summary').textContent.includes('outside the area')")
    assert not any(character.isdigit() for character in far.text("#place-summary"))


def test_a_favourite_is_kept_in_the_browser(open_page: Open) -> None:
    watched = open_page()
    find_place(watched, "Leipzig")
    watched.page.locator("#favourite").click()
    watched.page.locator("#close-place").click()
    watched.page.reload()
    watched.until("document.querySelector('#favourites button')")
    watched.page.locator("#favourites button").click()
    watched.until("document.getElementById('place-name').textContent === 'Leipzig'")
    watched.page.locator("#favourite").click()
    assert watched.page.locator("#favourites button").count() == 0


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
        assert day not in watched.text("#shown-time")
        assert "22" not in watched.text("#shown-time small")


def test_the_loop_has_a_range_and_a_speed(open_page: Open) -> None:
    watched = open_page()
    watched.page.locator("#loop-range").select_option("forecast")
    watched.page.locator("#loop-speed").select_option("fast")
    watched.page.evaluate(WATCH)
    watched.page.locator("#play").click()
    watched.until("steps.length > 30")
    watched.page.locator("#play").click()
    shown = [int(value) for _, value in watched.page.evaluate("steps")]
    assert set(shown) == set(range(0, 121, 5))
    watched.page.reload()
    watched.until(READY)
    assert watched.page.locator("#loop-range").input_value() == "forecast"
    assert watched.page.locator("#loop-speed").input_value() == "fast"


def test_a_place_without_data_is_unknown_and_not_dry(open_page: Open) -> None:
    watched = open_page("place=3.9,51.9")
    watched.until("document.querySelector('#place-forecast table')")
    assert watched.text("#place-summary").startswith("Unknown")
    assert watched.page.locator("#place-forecast td").first.inner_text() == "no data"
    assert watched.page.locator("#place-forecast rect.no-data").count() > 25


LAND, HATCH = "#faf9f6", "#a8a39a"
SCALE = 20
"""Pixels to a cell."""
PIXELS = """([left, top]) => {
  const context = document.querySelector('#panes canvas').getContext('2d');
  const { data } = context.getImageData(left - 8, top - 8, 16, 16);
  const hex = (k) => '#' + [0, 1, 2].map((c) => data[k + c].toString(16).padStart(2, '0')).join('');
  return [...new Set(Array.from({ length: 256 }, (_, k) => hex(4 * k)))];
}"""


def test_no_data_is_hatched_and_only_rain_is_coloured(open_page: Open, folder: Path) -> None:
    rate = Archive(folder / "archive").frame(NEWEST).values[0]
    no_data, dry, heavy = np.isnan(rate), rate == 0, (rate >= 10) & (rate < 20)
    row, column = middle_of_all(no_data, dry, heavy)
    watched = open_page(f"map={column + 0.5},{row + 0.5},{SCALE}")
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
    assert any("#f29e38" in found for found in colours(heavy))
    assert not any(HATCH in found for found in colours(dry) + colours(heavy))


AROUND = 12
"""Cells from the middle of the map that are in sight."""


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


def test_stale_radar_is_reported(open_page: Open, clock: Clock) -> None:
    watched = open_page()
    assert watched.page.locator("#stale").is_hidden()
    clock.now = after(NEWEST, minutes=47)
    watched.until("!document.getElementById('stale').hidden")
    assert "47 min" in watched.text("#stale")
    assert "outdated" in watched.text("#radar-age")
    clock.now = after(NEWEST, minutes=6)
    watched.until("document.getElementById('stale').hidden")


@pytest.mark.parametrize("size", [(360, 740), (1920, 1080)])
def test_all_controls_are_reachable_on_a_phone_and_on_a_large_screen(
    open_page: Open, size: tuple[int, int]
) -> None:
    watched = open_page("view=side&place=11.58,48.14", size)
    assert watched.page.evaluate("document.scrollingElement.scrollWidth") <= size[0]
    for control in watched.page.locator("button:visible, select:visible, label:visible").all():
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert 0 <= box["y"] <= size[1] - box["height"]
        assert min(box["width"], box["height"]) >= 24


def test_the_page_can_be_used_by_keyboard_alone(open_page: Open) -> None:
    watched = open_page()
    press = watched.page.keyboard.press
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    for key in ("+", "+", "ArrowRight", "Enter"):
        press(key)
    watched.until("document.querySelector('#place-forecast table')")
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.id") == "time":
            break
    press("End")
    assert "+120 min" in watched.text("#shown-time")
    press("ArrowLeft")
    assert "+115 min" in watched.text("#shown-time")
    press("Home")
    assert "120 min" in watched.text("#shown-time")
    press("Space")
    watched.until("document.querySelector('#play.playing')")
    press("Space")
    for _ in range(40):
        press("Tab")
        if watched.page.evaluate("document.activeElement.id") == "model":
            break
    press("m")
    press("o")
    watched.until("document.getElementById('model').value === 'advection'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 800)])
def test_axe_finds_no_serious_accessibility_problem(
    open_page: Open, clock: Clock, scheme: str, size: tuple[int, int]
) -> None:
    clock.now = after(NEWEST, minutes=47)
    words = "view=side&with=advection&show=0.5&place=11.58,48.14&time=2026-06-21T23:20:00Z"
    watched = open_page(words, size, color_scheme=scheme)
    watched.until("document.querySelector('#place-forecast table')")
    found = Axe().run(watched.page).response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert not serious, [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in serious]


def test_a_link_restores_the_state_of_the_page(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.locator("#model").select_option("advection")
    page.get_by_label("Side by side").check(force=True)
    page.locator("#compared-model").select_option("persistence")
    find_place(watched, "Leipzig")
    page.locator("#language").click()
    watched.until(AHEAD)
    page.keyboard.press("End")
    page.locator("#zoom-in").click()
    watched.until("location.hash.includes('map=')")
    other = open_page(page.url.partition("#")[2])
    other.until("document.querySelector('#place-forecast table')")
    for part in ("shown-time", "place-name", "place-summary", "panes", "legend", "language"):
        assert other.text(f"#{part}") == watched.text(f"#{part}")
    assert other.page.locator("#panes figure:visible").count() == 2
    assert "Vorhersage +120 min" in other.text("#shown-time")


def test_a_difference_of_two_models_has_its_own_legend(open_page: Open) -> None:
    watched = open_page("view=difference&with=persistence&time=2026-06-21T22:50:00Z")
    assert "Forecast +30 min · Neural network MS-LSTM" in watched.text("#panes")
    assert "Neural network MS-LSTM minus Unchanged radar" in watched.text("#legend")
    watched.page.keyboard.press("Home")
    assert "+5 min" in watched.text("#shown-time")  # there is no difference before


def test_a_model_without_probabilities_has_a_message_instead(open_page: Open) -> None:
    watched = open_page("model=persistence&show=2&time=2026-06-21T23:20:00Z")
    assert "does not forecast probabilities" in watched.text("#panes .message")


def test_the_page_is_german_in_german_browsers_and_english_in_others(open_page: Open) -> None:
    german = open_page(locale="de-DE", timezone_id="UTC")
    assert german.page.locator("html").get_attribute("lang") == "de"
    assert "MESZ" in german.text("#zone")
    assert german.text("#shown-time b") == "00:20"
    german.page.locator("#zone").click()
    german.until("document.querySelector('#shown-time b').textContent === '22:20'")
    assert "Rain at a place" in open_page(locale="fr-FR").text("#place")


def test_the_loop_is_slow_for_users_who_prefer_reduced_motion(open_page: Open) -> None:
    watched = open_page(reduced_motion="reduce")
    watched.page.evaluate(WATCH)
    watched.page.keyboard.press("Home")
    watched.page.keyboard.press("Space")
    watched.until("steps.length >= 5")
    assert watched.page.evaluate("(steps.at(-1)[0] - steps[2][0]) / (steps.length - 3)") > 450


def test_the_archive_is_shown_as_it_was_then(open_page: Open) -> None:
    words = "model=advection&time=2026-06-21T20:10:00Z&place=11.58,48.14"
    page = open_page(words, ready="document.querySelector('#place-forecast table')")
    assert "21 June 2026" in page.text("#archive")
    assert page.text("#shown-time b") == "22:10"
    assert page.page.evaluate("document.querySelectorAll('#track .frame').length") == 9
    page.page.locator("#archive button").click()
    page.until(WHOLE)
    assert page.text("#shown-time b") == "00:20"


def test_a_service_without_radar_has_a_notice(browser: Browser, tmp_path: Path) -> None:
    with serving(create_app(api_context(tmp_path))) as url:
        watched = Watched(browser.new_page())
        watched.page.goto(url)
        watched.until("!document.getElementById('problem').hidden")
        watched.until("document.getElementById('problem').innerText.includes('no radar image')")
        assert not watched.errors


def test_a_service_that_does_not_answer_has_a_notice(
    browser: Browser, folder: Path, clock: Clock
) -> None:
    with serving(create_app(clocked_context(folder, clock))) as url:
        watched = Watched(browser.new_page(locale="en-GB"))
        watched.page.goto(url)
        watched.until(f"{FIRST} && {WHOLE}")
    watched.until("document.getElementById('problem').innerText.includes('does not answer')")


def test_a_service_with_api_keys_asks_for_one(
    browser: Browser, folder: Path, clock: Clock, tmp_path: Path
) -> None:
    secret = api_keys.add(tmp_path / "keys.jsonl", "anna")
    with serving(
        create_app(clocked_context(folder, clock, api_keys=tmp_path / "keys.jsonl"))
    ) as url:
        watched = Watched(browser.new_page(locale="en-GB"))
        watched.page.goto(url)
        watched.page.get_by_label("API key").fill(secret)
        watched.page.keyboard.press("Enter")
        watched.until(f"{FIRST} && {WHOLE}")
        watched.until("document.getElementById('problem').hidden")
