"""Tiles and pictures are found, never change under their address, and are not sent twice."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from ingest.formats import netcdf
from ingest.precipitation import exceedance_probabilities
from service.api.app import create_app
from service.api.maps.drawing import draw
from service.api.maps.frames import frame_of
from service.api.maps.layers import Picture
from service.api.maps.palettes import NO_DATA
from service.archive.archive import Archive
from service.archive.key import Key
from tests.served import (
    LATEST,
    MODELS,
    NEWEST,
    api_context,
    iso,
    layer_names,
    problem,
)
from tests.showers import frame, moment, time
from tests.unit.service.fake_probabilities import THRESHOLDS

TILE = f"/tiles/radar/{iso(3)}/6/33/20.png"


def decode(content: bytes) -> NDArray[Any]:
    """A PNG as (row, column, BGRA)."""
    image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image)


def local(href: str) -> str:
    parts = urlsplit(href)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_every_layer_leads_to_its_tiles(reader: TestClient) -> None:
    listed = reader.get("/tiles").json()["layers"]
    assert [layer["name"] for layer in listed] == layer_names("radar", *MODELS)
    for layer in listed:
        document = reader.get(local(layer["tilejson"])).json()
        assert document["tilejson"] == "3.0.0"
        assert [entry["time"] for entry in document["times"]] == layer["times"]
        for entry in (document["times"][0], document["times"][-1]):
            path = local(entry["tiles"][0]).format(z=6, x=33, y=20)
            answer = reader.get(path)
            assert answer.headers["content-type"] == "image/png"
            if "_sum_" not in layer["name"]:  # those lack radar from before the first frame
                assert "immutable" in answer.headers["cache-control"]
            assert decode(answer.content).shape == (256, 256, 4)


def test_a_tile_that_a_client_has_is_not_sent_again(reader: TestClient) -> None:
    first = reader.get(TILE)
    again = reader.get(TILE, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = reader.get(f"{TILE}?style=grey")
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/tiles/radar/{iso(3)}/6/64/20.png", 400),
        (f"/tiles/radar/{iso(3)}/6/-1/20.png", 400),
        (f"/tiles/radar/{iso(3)}/99/0/0.png", 400),
        (f"/tiles/radar/{iso(3)}/6/33/20.png?size=100", 400),
        (f"/tiles/radar/{iso(3)}/6/33/20.png?style=pink", 422),
        (f"/tiles/radar/{iso(3)}/6/33/20.png?colour=grey", 400),
        (f"/tiles/radar/{iso(99)}/6/33/20.png", 404),
        ("/tiles/forecasts/x/2026-06-21T23:55:00Z/6/33/20.png", 404),
        (f"/tiles/forecasts/20260621T2325Z-advection-none/{iso(3)}/6/33/20.png", 404),
        ("/tiles/radar_probability_x/tile.json", 404),
        ("/tiles/radar_sum_45/tile.json", 404),
        ("/tiles/nothing_sum_60/tile.json", 422),
        (f"/tiles/radar/{iso(3)}/sum/45/6/33/20.png", 404),
        (f"/tiles/radar/{iso(99)}/sum/60/6/33/20.png", 404),
        (f"/tiles/forecasts/20260621T2325Z-advection-none/{iso(3)}/sum/60/6/33/20.png", 404),
        ("/maps/radar.png?bbox=5,47,15,55&width=9999", 400),
        ("/maps/radar.png?bbox=15,47,5,55", 400),
        ("/maps/radar.png?bbox=5,47,15,55&crs=bogus", 400),
        ("/maps/radar.png", 422),
        ("/v2/radar/x/256/6/33/20/2/1_1.png", 404),
        ("/v2/radar/nowcast_1782086100/256/6/33/20/2/1_1.png", 404),
        ("/v2/radar/1782082801/256/6/33/20/2/1_1.png", 404),
        ("/v2/radar/1782082800/256/6/x/20/2/1_1.png", 404),
        ("/v2/radar/1782082800/256/6/nan/20/2/1_1.png", 400),
    ],
)
def test_what_there_is_no_tile_of_is_refused(reader: TestClient, path: str, status: int) -> None:
    problem(reader.get(path), status)


def test_a_picture_has_the_size_area_and_projection_that_are_asked_for(reader: TestClient) -> None:
    box = "bbox=9,50,11,52"
    for query, shape in {
        f"{box}&width=100&height=80": (80, 100),
        f"{box}&width=100&crs=CRS84": (100, 100),
        f"{box}&height=60&crs=EPSG:25832": None,
        "bbox=1001875,6446275,1224514,6800125&bbox-crs=EPSG:3857&width=64&height=64": (64, 64),
    }.items():
        answer = reader.get(f"/maps/advection.png?{query}")
        assert answer.status_code == 200, answer.text
        image = decode(answer.content)
        assert shape is None or image.shape[:2] == shape
    other = reader.get(f"/maps/advection.png?{box}&time={iso(LATEST + 24)}").content
    assert other != reader.get(f"/maps/advection.png?{box}&time={iso(LATEST + 6)}").content


def test_a_sum_of_a_forecast_is_drawn_in_the_colours_of_mm(
    reader: TestClient, filled: Path
) -> None:
    forecast = Archive(filled / "archive").full_forecast(Key(time(LATEST), "advection", "none"))
    amounts = forecast.isel(lead_time=slice(12)).values.astype(float).mean(axis=0)
    field = forecast.isel(lead_time=11).copy(data=amounts.astype(np.float32))
    area = frame_of("9,50,11,52", None, "CRS84", 40, 40)
    expected = draw(Picture("x", "sum", field, moment(LATEST + 12), ""), area, "default")
    query = f"bbox=9,50,11,52&crs=CRS84&width=40&height=40&time={iso(LATEST + 12)}"
    drawn = reader.get(f"/maps/advection_sum_60.png?{query}")
    np.testing.assert_array_equal(decode(drawn.content), decode(expected))
    document = reader.get("/tiles/advection_sum_60/tile.json").json()
    assert document["legend"][-1] == {"from": 40.0, "unit": "mm", "colour": "#8e1652"}
    assert "/sum/60/" in document["tiles"][0]


def test_a_sum_may_change_while_a_frame_is_missing_and_never_after(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path / "archive")
    for number in (0, 2):
        archive.put_frame(frame(number))
    path = f"/tiles/radar/{iso(2)}/sum/15/6/33/20.png"
    with TestClient(create_app(api_context(tmp_path, moment(3)))) as client:
        before = client.get(path)
        assert "immutable" not in before.headers["cache-control"]
        seen = decode(before.content)[..., 3]
        assert set(np.unique(seen)) <= {0, NO_DATA[3]}, "a missing frame is not dry"
    archive.put_frame(frame(1))
    with TestClient(create_app(api_context(tmp_path, moment(3)))) as client:
        after = client.get(path)
        assert "immutable" in after.headers["cache-control"]
        assert after.headers["etag"] != before.headers["etag"]
        assert (decode(after.content)[..., 3] == 255).any()


def test_a_forecast_gives_one_lead_of_an_area_as_a_picture(reader: TestClient) -> None:
    area = "lead=30&bbox=5,47,15,55&crs=EPSG:3857&width=128"
    for path in ("/nowcasts/latest", f"/nowcasts/{iso(LATEST)}"):
        answer = reader.get(f"{path}?f=png&{area}")
        image = decode(answer.content)
        assert image.shape[1:] == (128, 4)
        later = reader.get(f"{path}?f=png&{area.replace('30', '120')}")
        assert later.content != answer.content
    problem(reader.get("/nowcasts/latest?f=png&lead=31"), 400)
    assert "f=png" in problem(reader.get(f"/nowcasts/latest?f=json&{area}"), 400)["detail"]


def test_clients_of_weather_maps_find_past_and_nowcast(reader: TestClient) -> None:
    document = reader.get("/public/weather-maps.json").json()
    assert document["version"] == "2.0"
    assert document["host"] == "http://testserver"
    past, nowcast = document["radar"]["past"], document["radar"]["nowcast"]
    assert [frame["time"] for frame in past] == [
        int(moment(number).timestamp()) for number in range(NEWEST + 1)
    ]
    assert [frame["time"] for frame in nowcast] == [
        int(moment(LATEST + 6 * lead).timestamp()) for lead in (1, 2, 3, 4)
    ]
    for listed in (past[3], nowcast[0]):
        tile = reader.get(f"{listed['path']}/256/6/33/20/2/1_1.png")
        assert tile.headers["content-type"] == "image/png"
        around = reader.get(f"{listed['path']}/512/6/51.0/10.0/2/0_0.png")
        assert decode(around.content).shape[:2] == (512, 512)
    same = reader.get(f"{past[3]['path']}/256/6/33/20/2/1_1.png")
    assert same.content == reader.get(TILE).content


def test_probabilities_are_layers_and_a_collection(probable: TestClient) -> None:
    names = [layer["name"] for layer in probable.get("/tiles").json()["layers"]]
    layer = "persistence_probability_0.5"
    assert layer in names
    document = probable.get(f"/tiles/{layer}/tile.json").json()
    path = local(document["tiles"][0]).format(z=6, x=33, y=20)
    assert probable.get(path).headers["content-type"] == "image/png"
    collection = probable.get("/collections/probability").json()
    assert list(collection["parameter_names"]) == [
        f"exceedance_probability_{threshold:g}" for threshold in THRESHOLDS
    ]
    series = probable.get("/collections/probability/position?coords=POINT(10 51)").json()
    assert list(series["ranges"]) == list(collection["parameter_names"])
    cube = {"bbox": "9,50,11,52", "f": "netCDF"}
    alone = probable.get("/collections/probability/cube", params=cube)
    assert alone.headers["content-type"] == "application/x-netcdf"
    cube |= {"parameter-name": "rainfall_rate,exceedance_probability_2"}
    cube |= {"model": "persistence"}
    field = netcdf.decode(probable.get("/collections/nowcast/cube", params=cube).content)
    assert list(exceedance_probabilities(field)) == [2.0]
