"""Pages of others in a real browser: Leaflet with our tiles, a frame, and the web component."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ingest.grid import cell
from service.api.app import create_app
from service.api.maps.palettes import palette
from service.archive.archive import Archive
from tests.browser import Watched, serving
from tests.served import NEWEST, api_context, fill, iso
from tests.showers import frame

LEAFLET = Path(__file__).parents[3] / "node_modules" / "leaflet" / "dist"
BERLIN = (13.41, 52.52)
SHOWN = NEWEST + 1
"""Number of the frame that the map shows."""
SIDE = 500
"""Width and height of the map in pixels."""
ZOOM = 8
POINTS = 60
NEIGHBOURS = ((0, 0), *((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y))
"""Pixels around a pixel in which its colour may be that of the cell."""

LEAFLET_PAGE = """<!doctype html><link rel="icon" href="data:,">
<link rel="stylesheet" href="leaflet.css"><script src="leaflet.js"></script>
<style>body {{ margin: 0 }} #map {{ width: {side}px; height: {side}px; background: #fff }}</style>
<div id="map"></div>
<script>
  const options = {{ zoomControl: false, attributionControl: false, fadeAnimation: false }};
  const map = L.map("map", options).setView([{lat}, {lon}], {zoom});
  fetch("{service}/tiles/radar/tile.json")
    .then((answer) => answer.json())
    .then(({{ tiles }}) => {{
      L.tileLayer(tiles[0]).on("load", () => {{ window.loaded = true; }}).addTo(map);
    }});
</script>
"""
DEGREES_OF_PIXELS = """(pixels) => pixels.map(([x, y]) => {
  const { lng, lat } = map.containerPointToLatLng([x + 0.5, y + 0.5]);
  return [lng, lat];
})"""
EMBEDDING_PAGE = """<!doctype html><html lang="{lang}"><link rel="icon" href="data:,"><body>
<script type="module" src="{service}/embed/nowcast-place.js"></script>
<nowcast-place lat="52.52" lon="13.41" name="Berlin" theme="dark"></nowcast-place>
<iframe src="{service}/embed?lat=48.14&lon=11.58&name=M%C3%BCnchen&lang={lang}"></iframe>
"""

Pages = Callable[..., str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of showers with its forecasts, and a newer frame with a shower over Berlin."""
    folder: Path = tmp_path_factory.mktemp("showers")
    fill(folder)
    newer = frame(SHOWN).copy(deep=True)
    row, column = cell(newer, *BERLIN)
    y, x = np.ogrid[: newer.shape[1], : newer.shape[2]]
    shower = 30 * np.exp(-np.hypot(y - row, (x - column) / 2) / 3)
    newer.values[0] = np.where(shower > 0.1, shower, newer.values[0]).round(2)
    Archive(folder / "archive").put_frame(newer)
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Another web server: its URL, and the folder of its pages."""
    folder: Path = tmp_path_factory.mktemp("pages")
    if LEAFLET.exists():
        for name in ("leaflet.js", "leaflet.css"):
            (folder / name).write_bytes((LEAFLET / name).read_bytes())
    app: Any = Starlette(routes=[Mount("/", StaticFiles(directory=folder))])
    with serving(app) as url:
        yield url, folder


@pytest.fixture(scope="module")
def service(data: Path, pages: tuple[str, Path]) -> Iterator[str]:
    """The service, which the pages of the other server may ask and show; gives its URL."""
    origin, _ = pages
    settings: dict[str, Any] = {"cors_origins": (origin,), "frame_ancestors": (origin,)}
    with serving(create_app(api_context(data, **settings))) as url:
        yield url


def opened(browser: Browser, pages: tuple[str, Path], name: str, content: str) -> Watched:
    """A page of the other server."""
    url, folder = pages
    (folder / name).write_text(content, encoding="utf-8")
    viewport: Any = {"width": 800, "height": 700}
    watched = Watched(browser.new_context(locale="en-GB", viewport=viewport).new_page())
    watched.page.goto(f"{url}/{name}")
    return watched


def test_leaflet_shows_berlin_s_rain_within_a_pixel_of_where_queries_have_it(
    browser: Browser, service: str, pages: tuple[str, Path]
) -> None:
    if not LEAFLET.exists():
        pytest.skip("needs Leaflet, which `npm ci` installs")
    lon, lat = BERLIN
    content = LEAFLET_PAGE.format(side=SIDE, lat=lat, lon=lon, zoom=ZOOM, service=service)
    watched = opened(browser, pages, "leaflet.html", content)
    watched.until("window.loaded")
    shown = picture(watched.page.locator("#map").screenshot())
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 3  # Berlin has rain in some classes
    pixels = np.random.default_rng(5).integers(2, SIDE - 2, (POINTS, 2))
    near = (pixels[:, None] + NEIGHBOURS).reshape(-1, 2)
    places = watched.page.evaluate(DEGREES_OF_PIXELS, near.tolist())
    colours = colours_of(rates(service, places)).reshape(POINTS, len(NEIGHBOURS), 3)
    found = shown[pixels[:, 1], pixels[:, 0]]
    distance = np.abs(colours.astype(int) - found[:, None].astype(int)).max(axis=2)
    assert (distance.min(axis=1) <= 1).all()
    assert (distance[:, 0] <= 1).mean() > 0.95  # most pixels are far from any edge
    assert not watched.errors


def picture(content: bytes) -> NDArray[np.uint8]:
    """A PNG as (row, column, RGB)."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(image, np.uint8)


def rates(service: str, places: list[list[float]]) -> NDArray[np.float32]:
    """Measured rates (place,) in mm/h at longitudes and latitudes, by a query."""
    coords = "MULTIPOINT(" + ",".join(f"({lon:.6f} {lat:.6f})" for lon, lat in places) + ")"
    query = {"coords": coords, "datetime": iso(SHOWN), "f": "CoverageJSON"}
    response = httpx.get(f"{service}/collections/radar/position", params=query, timeout=300)
    assert response.status_code == 200, response.text
    series = [each["ranges"]["rainfall_rate"]["values"] for each in response.json()["coverages"]]
    return np.array(series, np.float32).reshape(len(places))


def colours_of(rate: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours (place, RGB) of rates (place,) in mm/h on a white map."""
    scale = palette("rain", "default")
    colours = scale.colours[scale.classes(rate)].astype(float)
    opacity = colours[:, 3:] / 255
    return np.asarray(np.rint(colours[:, :3] * opacity + 255 * (1 - opacity)), np.uint8)


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_frame_and_a_web_component_have_the_words_of_the_service(
    browser: Browser, service: str, pages: tuple[str, Path], lang: str
) -> None:
    content = EMBEDDING_PAGE.format(service=service, lang=lang)
    watched = opened(browser, pages, f"embedding-{lang}.html", content)
    card = watched.page.locator("nowcast-place section")
    framed = watched.page.frame_locator("iframe").locator("nowcast-place section")
    name = "text" if lang == "en" else "text_de"
    for section, title, query in (
        (card, "Berlin", "lat=52.52&lon=13.41"),
        (framed, "München", "lat=48.14&lon=11.58"),
    ):
        section.wait_for()
        text = section.inner_text()
        assert title in text
        widget = httpx.get(f"{service}/widget?{query}&zone=Europe/Berlin", timeout=300)
        assert widget.json()[name] in text
    assert card.get_attribute("class") == "card dark"
    assert framed.get_attribute("class") == "card light"
    assert watched.page.context.cookies() == []
    storage = watched.page.frames[1].evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert json.loads(storage) == [{}, {}]
    assert not watched.errors


def test_a_page_that_is_not_named_may_not_show_the_service_in_a_frame(
    browser: Browser, data: Path, pages: tuple[str, Path]
) -> None:
    with serving(create_app(api_context(data))) as closed:
        content = f'<!doctype html><iframe src="{closed}/embed"></iframe>'
        watched = opened(browser, pages, "refused.html", content)
        watched.until_error("frame-ancestors")
        assert watched.page.frames[1].locator("nowcast-place").count() == 0
