"""Sizes and times of every kind of answer of the service, and of four of them at a rate.

    python -m benchmarks.speed.served.answers
    python -m benchmarks.speed.served.answers --write docs/performance.md

A service as it runs, in a process of its own, with two hours of simulated radar and forecasts by a
network and by advection. Each kind of answer is asked for over one connection, one request after
the other: the newest forecast again and again, as clients do, and places, areas and tiles at
another position each time, so that no cache answers. Takes about two minutes.
"""

import argparse
import math
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.report import measured, table, write_section
from benchmarks.server_process import PORT, serving
from benchmarks.speed.served.timed_requests import CODINGS, Answers, Client, Request, at_a_rate
from ingest.simulation.simulate import write
from service.archive.key import to_time
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest import ingest_file
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings

MODELS = ("ms-lstm", "advection")
FRAMES = 26
"""5 minutes apart: 90 minutes before the first issue."""
ISSUES = (-7, -1)
"""Frames from which there are forecasts: the newest, and one whose first leads are verified."""
RATE = 100.0
"""Requests per second where it is measured how long one takes."""
MOST = 200
"""Requests of a kind."""
PLACES = 64
NAME = "sizes and times of answers"
ZOOM, COLUMNS, ROWS = 8, range(133, 140), range(81, 90)
"""Tiles over Germany."""


@contextmanager
def service() -> Iterator[int]:
    """A service with radar, forecasts and scores in a process of its own. Yields its port."""
    with tempfile.TemporaryDirectory(prefix="nowcast-bench-") as folder:
        fill(Path(folder))
        environment = {
            "NOWCAST_DATA": folder,
            "NOWCAST_MODELS": ",".join(MODELS),
            "NOWCAST_ACCESS_LOG": "false",
        }
        command = ("-m", "service.cli", "serve", "--port", PORT)
        with serving(*command, settings=environment) as server:
            server.wait_for("/readyz")
            yield server.port


def fill(folder: Path) -> None:
    """Radar until now, forecasts from it and their verification."""
    deployment = Deployment(Settings(data=folder, models=MODELS, access_log=False))
    archive, ledger, now = deployment.archive, deployment.ledger, datetime.now(UTC)
    times = []
    for path in write(folder / "radar", frame_times(now)[0], FRAMES, seed=1):
        arrival = ingest_file(archive, ledger, path, now)
        assert arrival.frame_time is not None
        times.append(to_time(arrival.frame_time))
    for issue in ISSUES:
        for model in MODELS:
            forecast_model(archive, ledger, deployment.forecasters.get(model), times[issue], now)
    verify(archive, ledger, now)
    ledger.engine.dispose()


def frame_times(now: datetime) -> list[datetime]:
    """The times of the frames up to now, the newest last."""
    newest = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    return [newest - timedelta(minutes=5 * age) for age in reversed(range(FRAMES))]


def places() -> list[tuple[float, float]]:
    """Longitudes and latitudes in Germany."""
    draw = random.Random(1)
    return [
        (round(draw.uniform(7.5, 13), 3), round(draw.uniform(48.5, 53), 3)) for _ in range(PLACES)
    ]


def mercator(longitude: float, latitude: float) -> tuple[float, float]:
    """Metres of a position in Web Mercator (EPSG:3857)."""
    radius = 6378137.0
    x, y = math.radians(longitude), math.asinh(math.tan(math.radians(latitude)))
    return radius * x, radius * y


def frequent() -> list[Request]:
    """What is asked for most: a forecast, the newest one, and values and sums at a place."""
    return [
        Request("POST /nowcast", ["/nowcast"], {}),
        Request("latest nowcast, JSON", ["/nowcasts/latest"]),
        Request(
            "position, CoverageJSON",
            [f"/collections/nowcast/position?coords=POINT({x}%20{y})" for x, y in places()],
        ),
        Request("sums at a place", [f"/sums?lat={y}&lon={x}" for x, y in places()]),
    ]


def queries() -> list[Request]:
    """Queries of areas and boxes of about 100 km in each format."""
    found = []
    ends = [(x, y, round(x + 1.4, 3), round(y + 0.9, 3)) for x, y in places()]
    paths = [quote(f"LINESTRING({x} {y},{east} {north})") for x, y, east, north in ends]
    circles = [f"coords=POINT({x}%20{y})&within=20&within-units=km" for x, y in places()]
    found += [
        Request("trajectory", [f"/collections/nowcast/trajectory?coords={path}" for path in paths]),
        Request("radius", [f"/collections/nowcast/radius?{circle}" for circle in circles]),
        Request("a place by name", ["/collections/nowcast/locations/Berlin"]),
    ]
    for form in ("CoverageJSON", "GeoJSON", "CSV", "netCDF", "GeoTIFF"):
        areas, boxes = [], []
        for x, y in places():
            east, north = round(x + 1.4, 3), round(y + 0.9, 3)
            ring = f"{x} {y},{east} {y},{east} {north},{x} {north},{x} {y}"
            areas.append(f"/collections/nowcast/area?coords={quote(f'POLYGON(({ring}))')}&f={form}")
            boxes.append(f"/collections/nowcast/cube?bbox={x},{y},{east},{north}&f={form}")
        found += [Request(f"area, {form}", areas), Request(f"cube, {form}", boxes)]
    return found


def fields(radar_time: str, issue: str) -> list[Request]:
    """Fields of the map page, and the ensemble.

    Args:
        radar_time: Time of a radar frame.
        issue: Issue time of a forecast with probabilities.
    """
    return [
        Request("radar of the map page", [f"/grids/radar/{radar_time}"]),
        Request("forecast of the map page", [f"/grids/forecasts/{issue}"]),
        Request("measured sums of the map page", [f"/grids/radar/{radar_time}/sum/60"]),
        Request("sums of the map page", [f"/grids/forecasts/{issue}/sum/60"]),
        Request("motion of the map page", [f"/grids/motion/{radar_time}"]),
        Request("outlines of the map page", ["/grids/outlines/sphere"]),
        Request("ensemble, one lead, netCDF", [f"/nowcasts/{issue}/ensemble?leads=30"]),
    ]


def pictures(tilejson: Mapping[str, Any], weather_maps: Mapping[str, Any]) -> list[Request]:
    """Tiles, maps and pictures.

    Args:
        tilejson: The TileJSON of the radar, which has the addresses of tiles.
        weather_maps: The document that has those of clients of RainViewer's API.
    """
    template = tilejson["tiles"][0]
    others = (tile for time in tilejson["times"] for tile in time["tiles"])
    other = next(tile for tile in others if tile != template)
    squares = [(x, y) for x in COLUMNS for y in ROWS]

    def tiles(template: str) -> list[str]:
        return [template.format(z=ZOOM, x=x, y=y) for x, y in squares]

    maps = []
    for x, y in places():
        west, south, east, north = (*mercator(x, y), *mercator(x + 3, y + 2))
        maps.append(
            "/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=radar&STYLES=&CRS=EPSG:3857"
            f"&BBOX={west},{south},{east},{north}&WIDTH=256&HEIGHT=256&FORMAT=image/png"
        )
    path = weather_maps["radar"]["past"][-1]["path"]
    pixel = "&QUERY_LAYERS=radar&I=128&J=128"
    values = [f"{address.replace('GetMap', 'GetFeatureInfo')}{pixel}" for address in maps]
    return [
        Request(
            "tile of weather-maps.json",
            [f"{path}/256/{ZOOM}/{x}/{y}/2/1_1.png" for x, y in squares],
        ),
        Request("WMS GetFeatureInfo", values),
        Request(
            "WMS GetLegendGraphic", ["/wms?SERVICE=WMS&REQUEST=GetLegendGraphic&LAYER=radar"]
        ),
        Request("tile, first of its place", tiles(template)),
        Request("tile, another time of its place", tiles(other)),
        Request("tile, held", tiles(template)[:1]),
        Request("map (PNG)", [f"/maps/radar.png?bbox={x},{y},{x + 2},{y + 2}&width=400"
                              for x, y in places()]),
        Request("WMS GetMap", maps),
        Request("WMS GetCapabilities", ["/wms?SERVICE=WMS&REQUEST=GetCapabilities"]),
        Request("latest nowcast, PNG", ["/nowcasts/latest?f=png"]),
    ]  # fmt: skip


def documents() -> list[Request]:
    """All that is the same for everyone, and the search of places."""
    return [
        Request("latest nowcast, netCDF", ["/nowcasts/latest?f=netcdf"]),
        Request("latest nowcast, one lead, JSON", ["/nowcasts/latest?leads=30"]),
        Request("widget", [f"/widget?lat={y}&lon={x}" for x, y in places()]),
        Request("search of places", [f"/places?q={quote(name)}" for name in ("Ber", "Mün", "101")]),
        Request("models", ["/models"]),
        Request("nowcasts", ["/nowcasts"]),
        Request("verification", ["/verification"]),
        Request("feed", ["/feed.atom"]),
        Request("weather-maps.json", ["/public/weather-maps.json"]),
        Request("landing page", ["/"]),
        Request("conformance", ["/conformance"]),
        Request("collections", ["/collections"]),
        Request("a collection", ["/collections/nowcast"]),
        Request("instances", ["/collections/nowcast/instances"]),
        Request("items", ["/collections/nowcast/items"]),
        Request("places of a collection", ["/collections/nowcast/locations"]),
        Request("map layers", ["/tiles"]),
        Request("TileJSON", ["/tiles/radar/tile.json"]),
        Request("map page, HTML", ["/?f=html"]),
        Request("place card", ["/embed"]),
        Request("health", ["/healthz"]),
        Request("readiness", ["/readyz"]),
        Request("overview of the map page", ["/grids/latest"]),
        Request("metrics", ["/metrics"]),
        Request("OpenAPI document", ["/openapi.json"]),
    ]


def every_request(document: Callable[[str], Any]) -> list[Request]:
    """All requests that are measured.

    Args:
        document: Gives the document of the service at a path.
    """
    tilejson, weather = map(document, ("/tiles/radar/tile.json", "/public/weather-maps.json"))
    issue = document("/nowcasts/latest?leads=30")["issue_time"]
    return [
        *frequent(),
        *documents(),
        *queries(),
        *fields(tilejson["time"], issue),
        *pictures(tilejson, weather),
    ]


def section(found: Sequence[Answers], paced: Sequence[Answers]) -> str:
    """What was found, as Markdown."""
    about = measured("benchmarks.speed.served.answers --write docs/performance.md", "uvicorn")
    headings = ("answer", "bytes", "gzip", "br", "zstd", "p50, ms", "p99, ms")
    sizes = ([f"{row.sizes[coding]:,}" for coding in CODINGS] for row in found)
    rows = [[row.name, *size, *row.quantiles()] for row, size in zip(found, sizes, strict=True)]
    at_rate = [[row.name, f"{len(row.seconds):,}", *row.quantiles()] for row in paced]
    return f"""\
## Sizes and times of answers

{about}

{table(headings, rows)}

Bytes on the wire as it is and by content coding; what is compressed already, such as PNG, is sent
as it is. Times are those of one request after the other over one connection, without coding:
documents again and again, places, areas, boxes, tiles and maps each at another position. The radar
has 180x180 cells, the forecasts have 24 leads and probabilities.

At {RATE:g} requests/s over several connections, each time from when the request was due:

{table(("answer", "requests", "p50, ms", "p99, ms"), at_rate)}
"""


def measure(seconds: float, rate_seconds: float) -> tuple[list[Answers], list[Answers]]:
    """The answers of each kind, and those of the most frequent kinds at a rate."""
    with service() as port:
        client = Client(port)
        requests = every_request(client.document)
        found = [client.measure(request, seconds, MOST) for request in requests]
        paced = [at_a_rate(port, request, RATE, rate_seconds) for request in frequent()]
        client.close()
    return found, paced


def main() -> None:
    """Print the tables, and write them as a section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5, help="at most, of each kind")
    parser.add_argument("--rate-seconds", type=float, default=6.0, help="of each kind at a rate")
    parser.add_argument("--write", type=Path, help="a Markdown file; changes its section only")
    options = parser.parse_args()
    text = section(*measure(options.seconds, options.rate_seconds))
    print(text)
    if options.write:
        write_section(options.write, text, NAME)


if __name__ == "__main__":
    main()
