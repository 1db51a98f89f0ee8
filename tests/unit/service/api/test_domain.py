"""Another country's composite is a domain: ingested, forecast and served where it lies.

With events of KNMI where they are there, and always with rain that is made up.
"""

import json
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from pyproj import CRS

from ingest.domain import read_domain
from ingest.errors import BadField
from ingest.grid import projector
from ingest.sources.polled_server import Source
from ingest.sources.stored_folder import files_in
from model_zoo import load_forecaster
from model_zoo.training.data.record import from_hundredths
from service.api.app import create_app
from service.pipeline.forecast import forecast_model
from service.pipeline.ingest import ingest_bytes
from service.pipeline.poll import poll_once
from service.pipeline.replay import replay
from service.pipeline.verify import verify
from tests.provider import provider
from tests.served import api_context, iso, problem
from tests.showers import frame, moment, time

ROOT = Path(__file__).parents[4]
KNMI = ROOT / "../shared/data/corpus/knmi_20100826_5km.npz"
SHAPE = (153, 140)
DOMAIN = """
title = "the Netherlands"
product = "RAD_NL25"
provider = "KNMI"
attribution = "Source: KNMI"
licence = "CC BY 4.0"
provider_url = "https://www.knmi.nl/"
licence_url = "https://creativecommons.org/licenses/by/4.0/"

title_de = "die Niederlande"
time_zone = "Europe/London"
places = "places.csv"

[grid]
projection = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=0 +a=6378140 +b=6356750 +units=m +no_defs"
west = 0
north = -3650000
rows = 153
columns = 140

[towns]
Amsterdam = [4.90, 52.37]
Rotterdam = [4.48, 51.92]
"""
UTRECHT = (5.12, 52.09)
PLACES = "name,lat,lon\nUtrecht,52.09,5.12\n's-Hertogenbosch,51.69,5.30\n"
FRAMES = 19


def write_domain(folder: Path) -> None:
    (folder / "domain.toml").write_text(DOMAIN)
    (folder / "places.csv").write_text(PLACES)


def made_up() -> NDArray[np.float32]:
    return np.stack([frame(number).values[0, 20:173, 20:160] for number in range(FRAMES)])


def of_knmi() -> NDArray[np.float32]:
    if not KNMI.is_file():
        pytest.skip(f"needs {KNMI.name} in ../shared/data/corpus")
    with np.load(KNMI) as file:
        return from_hundredths(file["rate_x100"][:FRAMES])


def netcdf(rate: NDArray[np.float32], number: int, folder: Path) -> bytes:
    """A frame as CF netCDF that begins in the south."""
    grid = read_domain(folder / "domain.toml").grid
    coords = {"time": [time(number)], "y": grid.y, "x": grid.x}
    about = {"units": "mm/h", "standard_name": "rainfall_rate", "grid_mapping": "crs"}
    rain = xr.DataArray(rate[None], coords, ("time", "y", "x"), "rain", about)
    file = rain.isel(y=slice(None, None, -1)).to_dataset()
    file = file.assign(crs=((), 0, CRS(grid.projection).to_cf()))
    file.to_netcdf(folder / "frame.nc", engine="netcdf4")
    return (folder / "frame.nc").read_bytes()


GERMAN = ("Germany", "Deutsch", "DWD", "dwd.de", "german")
"""Words that documents of another domain have no reason to contain."""
Served = tuple[TestClient, NDArray[np.float32]]


@pytest.fixture(scope="module", params=[made_up, of_knmi])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service of the domain with an hour and a half of frames and a forecast."""
    rates = request.param()
    folder = tmp_path_factory.mktemp("domain")
    write_domain(folder)
    context = api_context(folder, moment(FRAMES - 1), domain=folder / "domain.toml")
    for number, rate in enumerate(rates):
        data = netcdf(rate, number, folder)
        arrival = ingest_bytes(
            context.archive, context.ledger, data, f"{number}.nc", moment(number)
        )
        assert arrival.outcome == "accepted", arrival.reason
    for name in ("advection", "persistence"):
        for number in (12, FRAMES - 1):
            forecaster = load_forecaster(name)
            forecast_model(
                context.archive, context.ledger, forecaster, time(number), moment(number)
            )
    verify(context.archive, context.ledger, moment(FRAMES - 1))
    with TestClient(create_app(context)) as client:
        yield client, rates


def cell_of(longitude: float, latitude: float, folder: Path) -> tuple[int, int]:
    write_domain(folder)
    grid = read_domain(folder / "domain.toml").grid
    x, y = projector(grid.projection).transform(longitude, latitude)
    return int((grid.north - y) // grid.cell), int((x - grid.west) // grid.cell)


def test_a_forecast_has_the_grid_and_the_credits_of_the_domain(served: Served) -> None:
    client, _ = served
    forecast = client.get("/nowcasts/latest?model=persistence").json()
    assert forecast["grid"]["shape"] == list(SHAPE)
    assert forecast["attribution"] == "Source: KNMI"
    assert forecast["licence"] == "CC BY 4.0"
    assert forecast["grid"]["y"][0] == -3652500


def test_a_place_has_the_values_of_the_cell_that_holds_it(served: Served, tmp_path: Path) -> None:
    client, rates = served
    row, column = cell_of(*UTRECHT, tmp_path)
    expected = rates[-1, row, column]
    asked = {"lon": UTRECHT[0], "lat": UTRECHT[1], "model": "persistence"}
    found = client.get("/widget", params=asked).json()
    now = np.nan if found["now_mm_h"] is None else found["now_mm_h"]
    assert now == pytest.approx(expected, abs=0.01, nan_ok=True)
    assert found["attribution"] == "Source: KNMI"
    point = {"coords": f"POINT({UTRECHT[0]} {UTRECHT[1]})", "datetime": iso(FRAMES - 1)}
    cover = client.get("/collections/radar/position", params=point).json()
    (value,) = cover["ranges"]["rainfall_rate"]["values"][-1:]
    assert (np.nan if value is None else value) == pytest.approx(expected, abs=0.01, nan_ok=True)


def test_places_outside_the_domain_are_refused(served: Served) -> None:
    client, _ = served
    answer = client.get("/widget", params={"lon": 20, "lat": 52, "model": "persistence"})
    assert problem(answer, 400)["type"] == "/problems/OutsideGrid"


def test_the_collections_lie_where_the_domain_lies(served: Served) -> None:
    client, _ = served
    west, south, east, north = client.get("/collections/radar").json()["extent"]["spatial"]["bbox"][
        0
    ]
    assert west == pytest.approx(0, abs=0.2)
    assert 48 < south < 50
    assert 54 < north < 57
    assert 9 < east < 12


def test_a_picture_and_a_tile_are_drawn(served: Served) -> None:
    client, _ = served
    picture = client.get("/nowcasts/latest?model=persistence&f=png")
    assert picture.status_code == 200, picture.text
    assert picture.content.startswith(b"\x89PNG")
    tile = client.get(f"/tiles/radar/{iso(FRAMES - 1)}/5/16/10.png")
    assert tile.status_code == 200, tile.text


@pytest.mark.parametrize(
    "path",
    [
        "/?f=json",
        "/collections",
        "/collections/nowcast/items",
        "/wms?SERVICE=WMS&REQUEST=GetCapabilities",
        "/tiles/radar/tile.json",
    ],
)
def test_documents_speak_of_the_domain_and_of_no_other_country(served: Served, path: str) -> None:
    client, _ = served
    text = client.get(path).text
    assert [word for word in GERMAN if word in text] == []
    assert "KNMI" in text or path.endswith("/items")


def test_the_description_of_the_api_names_the_domain(served: Served) -> None:
    client, _ = served
    about = client.get("/openapi.json").json()["info"]["description"]
    assert about.strip().startswith(
        "Two-hour precipitation nowcasts for the Netherlands from radar"
    )
    keywords = client.get("/?f=json").json()["keywords"]
    assert keywords[-1] == "the Netherlands"
    capabilities = client.get("/wms?SERVICE=WMS&REQUEST=GetCapabilities").text
    tiles = client.get("/tiles/radar/tile.json").json()
    assert f"<southBoundLatitude>{tiles['bounds'][1]}<" in capabilities
    assert tiles["attribution"] == '<a href="https://www.knmi.nl/">Source: KNMI</a>'
    assert (
        tiles["bounds"] == client.get("/collections/radar").json()["extent"]["spatial"]["bbox"][0]
    )


def test_a_picture_without_a_box_shows_the_whole_domain(served: Served) -> None:
    client, _ = served
    box = client.get("/tiles/radar/tile.json").json()["bounds"]
    asked = "/nowcasts/latest?model=persistence&f=png&lead=5"
    whole, boxed = (
        client.get(f"{asked}{more}") for more in ("", f"&bbox={','.join(map(str, box))}")
    )
    assert whole.status_code == 200, whole.text
    assert whole.content == boxed.content


def stored(folder: Path, name: str) -> list[tuple[str, bytes]]:
    """Frames of the domain under the names that a provider gives them, and their contents."""
    write_domain(folder)
    names = [f"{moment(number):{name}}" for number in range(4)]
    return [(names[n], netcdf(rate, n, folder)) for n, rate in enumerate(made_up()[:4])]


def test_files_of_the_domain_are_polled_by_their_names(tmp_path: Path) -> None:
    files = stored(tmp_path, "RAD_NL25_PCP_%Y%m%d%H%M.nc")
    context = api_context(tmp_path, moment(5), domain=tmp_path / "domain.toml")
    with provider() as server:
        server.files.update({f"radar/{name}": data for name, data in files})
        source = Source(server.url, "radar/RAD_NL25_PCP_%Y%m%d%H%M.nc")
        polled = poll_once(context.archive, context.ledger, [source], moment(5), hours=1)
        again = poll_once(context.archive, context.ledger, [source], moment(5), hours=1)
    assert [arrival.outcome for arrival in polled.arrivals] == ["accepted", *["late"] * 3]
    assert all(context.archive.has_frame(time(number)) for number in range(4))
    assert {arrival.product for arrival in polled.arrivals} == {"RAD_NL25"}
    assert again.arrivals == []


def test_files_of_the_domain_are_replayed_in_the_order_of_the_times_in_their_names(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "radar"
    folder.mkdir()
    for number, (name, data) in enumerate(stored(tmp_path, "%Y-%m-%dT%H:%MZ.nc")):
        (folder / f"{9 - number}_{name}").write_bytes(data)
    context = api_context(tmp_path, moment(0), domain=tmp_path / "domain.toml")
    seen: list[datetime | None] = []
    result = replay(
        context.archive,
        context.ledger,
        [load_forecaster("persistence")],
        files_in([folder]),
        progress=lambda arrival: seen.append(arrival.frame_time),
    )
    assert seen == [moment(number) for number in range(4)]
    assert result.outcomes == {"accepted": 4}
    assert result.forecasts == 4


def test_the_page_is_told_of_the_domain_its_towns_and_its_grid(served: Served) -> None:
    client, rates = served
    overview = client.get("/grids/latest").json()
    assert overview["domain"]["title"] == "the Netherlands"
    assert [town["name"] for town in overview["domain"]["towns"]] == ["Amsterdam", "Rotterdam"]
    grid = overview["radar"]["grid"]
    assert (grid["name"], grid["shape"], grid["north"]) == ("domain", list(SHAPE), -3650000)
    frame = client.get(f"/grids/radar/{iso(FRAMES - 1)}").content
    (size,) = struct.unpack("<I", frame[:4])
    header = json.loads(frame[4 : 4 + size])
    assert (header["grid"], header["shape"]) == ("domain", list(SHAPE))
    assert len(frame) == 4 + size + 2 * rates[0].size


def test_places_of_the_domain_are_found_by_name_and_position(served: Served) -> None:
    client, _ = served

    def found(query: str) -> list[str]:
        answer = client.get(f"/places?{query}").json()
        assert answer["attribution"] == ""
        return [place["name"] for place in answer["places"]]

    assert found("q=utr") == ["Utrecht"]
    assert found("q=hertogen") == ["'s-Hertogenbosch"]
    assert found("q=Berlin") == []
    assert found("q=12345") == []
    assert found("lat=52.3&lon=4.9") == ["Amsterdam"]
    assert found("lat=54&lon=4.9") == []
    locations = client.get("/collections/nowcast/locations").json()["features"]
    assert {place["id"] for place in locations} == {
        "Amsterdam",
        "Rotterdam",
        "Utrecht",
        "'s-Hertogenbosch",
    }
    assert client.get("/collections/nowcast/locations/utrecht").status_code == 200
    problem(client.get("/collections/nowcast/locations/Berlin"), 404)


def test_local_time_is_that_of_the_domain(served: Served) -> None:
    client, _ = served
    place = f"/widget?lat={UTRECHT[1]}&lon={UTRECHT[0]}&model=advection"
    local, london = (
        client.get(f"{place}&zone={zone}").json()["text"] for zone in ("local", "Europe/London")
    )
    assert local == london
    domain = client.get("/grids/latest").json()["domain"]
    assert (domain["time_zone"], domain["title_de"]) == ("Europe/London", "die Niederlande")
    assert domain["has_places"]


def test_a_wrong_row_of_places_is_named(tmp_path: Path) -> None:
    write_domain(tmp_path)
    (tmp_path / "places.csv").write_text("name,lat,lon\nUtrecht,52,5\nNowhere,95,5\n")
    with pytest.raises(BadField, match="line 3: should have the columns name, lat and lon"):
        read_domain(tmp_path / "domain.toml")


def test_outlines_and_positions_lie_on_the_grid_of_the_domain(
    served: Served, tmp_path: Path
) -> None:
    client, _ = served
    drawn = client.get("/grids/outlines/domain").json()
    assert drawn["states"] == drawn["districts"] == []
    assert len(drawn["borders"]) > 5
    west, north, east, south = drawn["window"]
    assert (west, north, east, south) == (-110, -80, SHAPE[1] + 110, SHAPE[0] + 80)
    assert all(line[0] <= east * 20 and line[1] <= south * 20 for line in drawn["land"])
    positions = drawn["positions"]
    rows, columns = positions["shape"]
    assert len(positions["lon"]) == len(positions["lat"]) == rows * columns
    first_column, first_row = positions["first"]
    row, column = cell_of(*UTRECHT, tmp_path)
    number = round((row - first_row) / positions["step"]) * columns
    number += round((column - first_column) / positions["step"])
    assert positions["lon"][number] == pytest.approx(UTRECHT[0], abs=0.5)
    assert positions["lat"][number] == pytest.approx(UTRECHT[1], abs=0.3)


def test_forecasts_of_the_domain_are_verified(served: Served) -> None:
    client, _ = served
    rows = client.get("/verification").json()["rows"]
    assert {row["model"] for row in rows} == {"advection", "persistence"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title", "titel"), "has 'titel'"),
        (("RAD_NL25", "a long product"), "product should match"),
        (("rows = 153", ""), "KeyError.*rows"),
        (("rows = 153", "rows = 3"), "32 to 1200 cells"),
        (("+proj=stere", "+proj=nowhere"), "grid is wrong"),
        (("[4.90, 52.37]", "[4.90]"), "towns are wrong"),
        (("[4.90, 52.37]", "[490, 52.37]"), "should be degrees east and north"),
        (("[grid]", "[grid"), "cannot be read"),
        (("https://www.knmi.nl/", "javascript:alert(1)"), "provider_url is 'javascript"),
        (("Europe/London", "Europe/Atlantis"), "time_zone is 'Europe/Atlantis'"),
        (("places.csv", "nothing.csv"), "nothing.csv cannot be read"),
    ],
)
def test_a_wrong_domain_is_refused_with_what_to_do(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    write_domain(tmp_path)
    (tmp_path / "domain.toml").write_text(DOMAIN.replace(*change))
    with pytest.raises(BadField, match=message):
        read_domain(tmp_path / "domain.toml")
