"""What the map page is given: fields as grids, what there is, outlines, and the page itself."""

import json
import re
import struct
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from ingest.grid import NATIONAL_SPHERE, projector
from service.api.app import create_app
from service.api.page import make_boundaries, packed_fields
from service.archive.archive import Archive
from service.archive.key import Key
from service.pipeline.rain_sums.radar_history import measured_sum
from service.pipeline.rain_sums.sum_fields import PERIODS
from service.plots.colours import BELOW_AND_ABOVE, COLOURS, LEVELS, STEPS
from tests.served import LATEST, NEWEST, api_context, iso, problem
from tests.showers import frame, moment, time

GRID = NATIONAL_SPHERE.coarser(5)
STATIC = files("service.api.page").joinpath("static")


class Unpacked(NamedTuple):
    """A grid as `packed_fields.py` describes it, read by that description alone."""

    header: dict[str, Any]
    planes: dict[str, NDArray[np.int64]]


def unpack(answer: Response) -> Unpacked:
    assert answer.status_code == 200, answer.text
    data = answer.content
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    shape = (len(header["times"]), *header["shape"])
    position, cells, planes = 4 + length, int(np.prod(shape)), {}
    for name in header["planes"]:
        wide = 2 if name in ("rainfall_rate", "precipitation_amount") else 1
        parts = np.frombuffer(data, np.uint8, cells * wide, position).reshape(wide, *shape)
        planes[name] = sum(
            part.astype(np.int64) << 8 * (wide - 1 - k) for k, part in enumerate(parts)
        )
        position += cells * wide
    assert position == len(data)
    return Unpacked(header, planes)


def test_a_frame_tells_hundredths_of_mm_and_no_data_apart_from_dry(reader: TestClient) -> None:
    sent = unpack(reader.get(f"/grids/radar/{iso(NEWEST)}"))
    codes, rate = sent.planes["rainfall_rate"][0], frame(NEWEST).values[0]
    assert sent.header["times"] == [iso(NEWEST)]
    assert sent.header["grid"] == "sphere"
    np.testing.assert_array_equal(codes == 65535, np.isnan(rate))
    np.testing.assert_array_equal(codes[rate == 0], 0)
    np.testing.assert_allclose(codes[rate > 0] / 100, rate[rate > 0], atol=0.005)


def test_a_forecast_has_the_numbers_that_the_api_says_at_every_place(reader: TestClient) -> None:
    sent = unpack(reader.get(f"/grids/forecasts/{iso(LATEST)}?model=advection"))
    forecast = reader.get(f"/nowcasts/{iso(LATEST)}?model=advection").json()
    codes = sent.planes["rainfall_rate"]
    numbers = np.array(forecast["rainfall_rate"], dtype=float)  # null becomes NaN
    assert sent.header["lead_minutes"] == forecast["lead_minutes"]
    assert sent.header["times"] == forecast["valid_times"]
    np.testing.assert_array_equal(np.where(codes == 65535, np.nan, codes / 100), numbers)


def test_probabilities_are_told_in_per_cent(probable: TestClient) -> None:
    sent = unpack(probable.get(f"/grids/forecasts/{iso(0)}?model=persistence"))
    probabilities = probable.get(f"/nowcasts/{iso(0)}?model=persistence").json()[
        "exceedance_probability"
    ]
    assert sent.header["planes"][1:] == [
        f"exceedance_probability_{entry['threshold']:g}" for entry in probabilities
    ]
    assert probabilities
    for entry in probabilities:
        numbers = np.array(entry["values"], dtype=float)
        codes = sent.planes[f"exceedance_probability_{entry['threshold']:g}"]
        np.testing.assert_array_equal(codes == 255, np.isnan(numbers))
        np.testing.assert_allclose(codes[codes < 255] / 100, numbers[codes < 255], atol=0.0051)


@pytest.mark.parametrize(
    "path",
    [
        f"/grids/radar/{iso(3)}",
        f"/grids/forecasts/{iso(6)}?model=advection&version=none",
        f"/grids/radar/{iso(NEWEST)}/sum/15",
        "/grids/outlines/wgs84",
    ],
)
def test_a_grid_is_packed_kept_for_ever_and_not_sent_twice(reader: TestClient, path: str) -> None:
    packed = reader.get(path, headers={"Accept-Encoding": "gzip"})
    plain = reader.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "immutable" in packed.headers["cache-control"]
    again = reader.get(
        path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def sum_codes(sums: NDArray[np.float32]) -> NDArray[np.float64]:
    """Codes of sums in mm as the format describes them."""
    return np.where(np.isnan(sums), 65535, np.rint(sums.astype(float) * 100))


def test_a_measured_sum_is_in_hundredths_of_mm_and_says_which_frames_are_missing(
    reader: TestClient, filled: Path
) -> None:
    offered = reader.get("/grids/latest").json()["sum_minutes"]
    assert offered == list(PERIODS)
    archive = Archive(filled / "archive")
    for minutes in offered:
        answer = reader.get(f"/grids/radar/{iso(NEWEST)}/sum/{minutes}")
        expected = measured_sum(archive, time(NEWEST), minutes)
        sent = unpack(answer)
        assert sent.header["times"] == [iso(NEWEST)]
        assert sent.header["sum_minutes"] == minutes
        assert sent.header["frames_missing"] == expected.attrs["frames_missing"]
        is_whole = not expected.attrs["frames_missing"]
        assert ("immutable" in answer.headers["cache-control"]) == is_whole
        np.testing.assert_array_equal(
            sent.planes["precipitation_amount"][0], sum_codes(expected.values)
        )
    assert (sum_codes(measured_sum(archive, time(NEWEST), 15).values) == 0).any()


def test_a_forecast_sum_of_an_hour_at_60_minutes_is_the_mean_of_its_rates(
    reader: TestClient, filled: Path
) -> None:
    query = "model=advection&version=none"
    forecast = Archive(filled / "archive").full_forecast(Key(time(LATEST), "advection", "none"))
    for minutes in PERIODS:
        sent = unpack(reader.get(f"/grids/forecasts/{iso(LATEST)}/sum/{minutes}?{query}"))
        codes = sent.planes["precipitation_amount"]
        assert sent.header["lead_minutes"] == list(range(5, 121, 5))
        assert (sent.header["issue_time"], len(codes)) == (iso(LATEST), 24)
        steps = minutes // 5
        if steps > 24:
            continue
        rates = forecast.values[:steps].astype(float)
        known = ~np.isnan(rates).any(axis=0)
        np.testing.assert_allclose(
            codes[steps - 1][known] / 100, rates.sum(axis=0)[known] / 12, atol=0.0051
        )
        assert (codes[steps - 1][np.isnan(rates).all(axis=0)] == 65535).all()


def test_sums_of_another_period_time_or_issue_are_not_there(reader: TestClient) -> None:
    problem(reader.get(f"/grids/radar/{iso(NEWEST)}/sum/61"), 404)
    problem(reader.get(f"/grids/radar/{iso(NEWEST + 1)}/sum/60"), 404)
    problem(reader.get(f"/grids/radar/{iso(3)[:-3]}30Z/sum/60"), 422)
    problem(reader.get(f"/grids/forecasts/{iso(NEWEST)}/sum/60?model=advection"), 404)
    problem(reader.get(f"/grids/forecasts/{iso(LATEST)}/sum/0?model=advection"), 404)


def test_the_highest_sums_have_the_highest_code_and_not_that_of_no_data() -> None:
    packed = packed_fields.amounts(np.array([[[0.0, 655.34, 700.0, np.nan]]], np.float32))
    high, low = packed[:4], packed[4:]
    codes = [256 * a + b for a, b in zip(high, low, strict=True)]
    assert codes == [0, 65534, 65534, 65535]


def test_a_frame_or_forecast_that_is_not_there_is_404(reader: TestClient) -> None:
    problem(reader.get(f"/grids/radar/{iso(NEWEST + 1)}"), 404)
    problem(reader.get(f"/grids/forecasts/{iso(NEWEST)}?model=advection"), 404)
    problem(reader.get(f"/grids/forecasts/{iso(LATEST)}?model=advection&version=00000000"), 404)


def test_a_time_between_two_frames_is_refused(reader: TestClient) -> None:
    problem(reader.get(f"/grids/radar/{iso(3)[:-3]}30Z"), 422)


def test_what_there_is_names_frames_and_issues_that_can_be_read(reader: TestClient) -> None:
    latest = reader.get("/grids/latest").json()
    assert latest["radar"]["times"] == [iso(number) for number in range(NEWEST + 1)]
    assert latest["radar"]["age_s"] == 240
    assert latest["default_model"] == "advection"
    by_name = {model["name"]: model for model in latest["models"]}
    assert by_name["advection"]["issues"] == [iso(11), iso(6)]
    assert by_name["persistence"]["issues"] == [iso(11), iso(6), iso(0)]
    for model in latest["models"]:
        for issue in model["issues"]:
            query = {"model": model["name"], "version": model["version"]}
            assert reader.get(f"/grids/forecasts/{issue}", params=query).status_code == 200


def test_what_there_was_at_a_time_has_nothing_from_after_it(reader: TestClient) -> None:
    until = moment(7) + timedelta(minutes=3)
    latest = reader.get("/grids/latest", params={"until": until.isoformat()}).json()
    assert latest["radar"]["times"] == [iso(number) for number in range(8)]
    assert {model["name"]: model["issues"] for model in latest["models"]} == {
        "advection": [iso(6)],
        "persistence": [iso(6), iso(0)],
    }


def test_where_there_is_no_radar_it_says_so_without_an_error(tmp_path: Path) -> None:
    with TestClient(create_app(api_context(tmp_path))) as client:
        latest = client.get("/grids/latest").json()
    nothing: dict[str, object] = {
        "times": [],
        "age_s": None,
        "attribution": None,
        "simulated": False,
        "suspect": None,
        "grid": None,
    }
    assert latest["radar"] == nothing
    assert [model["issues"] for model in latest["models"]] == [[], []]


@pytest.mark.parametrize(
    ("longitude", "latitude", "land"),
    [
        (13.41, 52.52, True),  # Berlin
        (11.58, 48.14, True),  # Munich
        (7.5, 54.5, False),  # the North Sea
        (9.35, 47.62, False),  # Lake Constance
        (13.43, 54.45, True),  # Ruegen
        (14.5, 54.8, False),  # the Baltic
    ],
)
def test_land_is_where_there_is_land(
    reader: TestClient, longitude: float, latitude: float, *, land: bool
) -> None:
    outlines = reader.get("/grids/outlines/sphere").json()
    place = cell_of(longitude, latitude)
    lines = [
        np.cumsum(np.reshape(line, (-1, 2)), axis=0) / outlines["steps"]
        for line in outlines["land"]
    ]
    assert sum(Outline(line).contains_point(place) for line in lines) % 2 == land


@pytest.mark.skipif(
    not Path(make_boundaries.__file__).with_name(make_boundaries.FILE).exists(),
    reason="the boundaries of states and districts are not there; make boundaries fetches them",
)
def test_outlines_have_the_parts_that_are_wanted(reader: TestClient) -> None:
    found = reader.get("/grids/outlines/sphere?parts=states,districts").json()
    assert set(found) == {"steps", "window", "states", "districts"}
    for part in ("states", "districts"):
        points = np.concatenate(
            [np.cumsum(np.reshape(line, (-1, 2)), axis=0) / found["steps"] for line in found[part]]
        )
        assert (points > (26, 0)).all()
        assert (points < (184, 182)).all()
    spree = np.hypot(*(points - cell_of(13.41, 52.52)).T).min()
    assert spree > 2  # Berlin is a state without districts
    for wrong in ("towns", "land,", "land;states"):
        problem(reader.get(f"/grids/outlines/sphere?parts={wrong}"), 422)


def cell_of(longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row of a place in degrees, in cells from the north-western corner."""
    x, y = projector(GRID.projection).transform(longitude, latitude)
    return (x - GRID.west) / GRID.cell, (GRID.north - y) / GRID.cell


def test_the_page_loads_nothing_from_elsewhere_and_nothing_inline(reader: TestClient) -> None:
    answer = reader.get("/", headers={"Accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    policy = dict(
        part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", answer.text)
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)


def test_every_file_of_the_page_is_there_and_kept_for_ever(reader: TestClient) -> None:
    named = re.findall(
        r"(?:src|href)=\"(page/[^\"]+)\"", reader.get("/", headers={"Accept": "text/html"}).text
    )
    folder = named[0].rpartition("/")[0]
    files = {f"{folder}/{file.name}" for file in STATIC.iterdir() if file.name != "index.html"}
    assert set(named) < files
    assert f"{folder}/rain_chart.js" in named
    assert f"{folder}/place_search.js" not in named  # it is loaded after the first picture
    for name in files:
        answer = reader.get(f"/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-security-policy"]


def test_a_file_of_another_version_of_the_page_is_404(reader: TestClient) -> None:
    problem(reader.get("/page/0000000000000000/app.js"), 404)


def test_the_page_has_the_colours_of_the_pictures() -> None:
    text = STATIC.joinpath("colours.js").read_text()
    colours = re.search(r"light: \{\s*rain: \[([^\]]+)\]", text)
    levels = re.search(r"RAIN_LEVELS = \[([^\]]+)\]", text)
    assert colours
    assert levels
    assert tuple(re.findall(r"#\w+", colours[1])) == COLOURS
    assert tuple(map(float, levels[1].split(","))) == LEVELS
    light = text[text.index("light: {") : text.index("dark: {")]
    difference = re.search(r"difference: \[([^\]]+)\]", light)
    steps = re.search(r"const DIFFERENCE_LEVELS = \[([^\]]+)\]", text)
    assert difference
    assert steps
    assert tuple(re.findall(r"#\w+", difference[1])) == BELOW_AND_ABOVE
    assert tuple(map(float, steps[1].split(","))) == STEPS


def test_a_place_is_read_from_the_forecast_that_is_shown(reader: TestClient) -> None:
    query = {"coords": "POINT(13.41 52.52)", "model": "persistence", "issue": iso(6)}
    coverage = reader.get("/collections/nowcast/position", params=query).json()
    assert coverage["nowcast:issue_time"] == iso(6)
    problem(reader.get("/collections/nowcast/position", params={**query, "issue": iso(7)}), 404)
