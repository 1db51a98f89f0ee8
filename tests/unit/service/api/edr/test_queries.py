"""Queries give the values of the cells that they name, in every reference system and format."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient
from pyproj import Transformer
from rasterio.io import MemoryFile
from xarray import DataArray

from ingest.formats import netcdf
from ingest.grid import at as series_at
from service.api.edr import collections
from service.archive.archive import Archive
from service.archive.key import Key
from tests.served import LATEST, NEWEST, iso, problem
from tests.showers import time

LON, LAT = 10.03, 51.02
SYSTEMS = {"EPSG:4326": "EPSG:4326", "EPSG:3857": "EPSG:3857", "EPSG:25832": "EPSG:25832"}


@pytest.fixture(scope="module")
def forecast(filled: Path) -> DataArray:
    """The forecast that is served."""
    return Archive(filled / "archive").forecast(Key(time(LATEST), "advection", "none"))


def cover(client: TestClient, query: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/collections/nowcast/{query}", params=asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def values_of(document: dict[str, Any]) -> np.ndarray[Any, Any]:
    values = document["ranges"]["rainfall_rate"]
    return np.array(values["values"], dtype=float).reshape(values["shape"])


@pytest.mark.parametrize("crs", SYSTEMS)
def test_a_position_is_the_same_in_every_reference_system(reader: TestClient, crs: str) -> None:
    x, y = Transformer.from_crs("OGC:CRS84", SYSTEMS[crs], always_xy=True).transform(LON, LAT)
    plain = cover(reader, "position", coords=f"POINT({LON} {LAT})")
    other = cover(reader, "position", coords=f"POINT({x!r} {y!r})", crs=crs)
    assert other["ranges"] == plain["ranges"]
    back = Transformer.from_crs(SYSTEMS[crs], "OGC:CRS84", always_xy=True)
    axes, centre = other["domain"]["axes"], plain["domain"]["axes"]
    degrees = back.transform(axes["x"]["values"][0], axes["y"]["values"][0])
    np.testing.assert_allclose(degrees, [centre[axis]["values"][0] for axis in "xy"], atol=2e-4)


def test_the_projection_of_the_radar_has_the_cells_themselves(
    reader: TestClient, forecast: DataArray
) -> None:
    x, y = forecast.x.values, forecast.y.values
    box = f"{x[40] - 1},{y[63] - 1},{x[45] + 1},{y[60] + 1}"
    document = cover(reader, "cube", bbox=box, crs="radar")
    expected = np.round(forecast.values[:, 60:64, 40:46].astype(float), 2)
    np.testing.assert_array_equal(values_of(document), expected)
    np.testing.assert_allclose(document["domain"]["axes"]["x"]["values"], x[40:46], atol=0.1)


def test_a_cube_has_at_each_point_the_value_of_its_position(reader: TestClient) -> None:
    document = cover(reader, "cube", bbox="9.9,50.9,10.1,51.1")
    axes, values = document["domain"]["axes"], values_of(document)
    assert values.shape == (4, len(axes["y"]["values"]), len(axes["x"]["values"])) == (4, 5, 5)
    for row, column in ((0, 0), (2, 3), (4, 4)):
        lon, lat = axes["x"]["values"][column], axes["y"]["values"][row]
        series = cover(reader, "position", coords=f"POINT({lon} {lat})")
        np.testing.assert_array_equal(values_of(series), values[:, row, column])


def test_several_positions_are_a_collection_of_series(reader: TestClient) -> None:
    document = cover(reader, "position", coords=f"MULTIPOINT({LON} {LAT}, 13.41 52.52)")
    assert document["type"] == "CoverageCollection"
    assert len(document["coverages"]) == 2
    single = cover(reader, "position", coords=f"POINT({LON} {LAT})")
    assert document["coverages"][0]["ranges"] == single["ranges"]
    problem(
        reader.get(
            "/collections/nowcast/position",
            params={"coords": "MULTIPOINT(10 51, 0 0)"},
        ),
        400,
    )


def test_an_area_has_the_cells_whose_centres_lie_in_it(
    reader: TestClient, forecast: DataArray
) -> None:
    west, south, east, north = 9.5, 50.6, 10.4, 51.3
    triangle = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {south}))"
    document = cover(reader, "area", coords=triangle)
    lon, lat = forecast.lon.values, forecast.lat.values
    inside = (lat > south) & (lon < east)
    inside &= (lat - south) * (east - west) < (lon - west) * (north - south)
    assert values_of(document).shape == (4, int(inside.sum()))
    expected = np.round(forecast.values[:, inside].astype(float), 2)
    np.testing.assert_array_equal(values_of(document), expected)


def test_an_area_smaller_than_a_cell_has_the_cell_of_its_middle(reader: TestClient) -> None:
    tiny = "POLYGON((10.03 51.02,10.031 51.02,10.031 51.021,10.03 51.02))"
    document = cover(reader, "area", coords=tiny)
    series = cover(reader, "position", coords=f"POINT({LON} {LAT})")
    np.testing.assert_array_equal(values_of(document)[:, 0], values_of(series))


@pytest.mark.parametrize("coords", ["POLYGON((0 0,1 0,1 1,0 0))",
                                    "POLYGON((9 50,10 51,10 50,9 51,9 50))"])  # fmt: skip
def test_an_area_outside_or_that_crosses_itself_is_refused(reader: TestClient, coords: str) -> None:
    problem(reader.get("/collections/nowcast/area", params={"coords": coords}), 400)


@pytest.mark.parametrize(("within", "units"), [("20", "km"), ("20000", "m"), ("12.4274", "mi")])
def test_a_circle_has_the_cells_within_its_radius(
    reader: TestClient, within: str, units: str
) -> None:
    document = cover(
        reader, "radius", coords=f"POINT({LON} {LAT})", within=within, **{"within-units": units}
    )
    # 20 km around are 1257 km2, of cells of about 25 km2
    number = len(document["domain"]["axes"]["composite"]["values"])
    assert 40 < number < 70


@pytest.mark.parametrize(
    ("within", "units"), [("-1", "km"), ("x", "km"), ("nan", "m"), ("1", "pc")]
)
def test_a_circle_without_radius_or_unit_is_refused(
    reader: TestClient, within: str, units: str
) -> None:
    asked = {"coords": f"POINT({LON} {LAT})", "within": within, "within-units": units}
    assert (
        "within" in problem(reader.get("/collections/nowcast/radius", params=asked), 400)["detail"]
    )


def test_a_path_with_times_has_at_each_point_the_value_of_its_time(
    reader: TestClient, forecast: DataArray
) -> None:
    seconds = forecast["time"].values.astype("datetime64[s]").astype(int)
    path = f"LINESTRINGM({LON} {LAT} {seconds[0]}, {LON + 1} {LAT} {seconds[-1]})"
    document = cover(reader, "trajectory", coords=path)
    points = document["domain"]["axes"]["composite"]["values"]
    assert [points[0][0], points[-1][0]] == [iso(LATEST + 6), iso(LATEST + 24)]
    assert [point[0] for point in points] == sorted(point[0] for point in points)
    for index in (0, len(points) // 2, len(points) - 1):
        when, lon, lat = points[index]
        series = cover(reader, "position", coords=f"POINT({lon} {lat})", datetime=when)
        assert values_of(series)[0] == pytest.approx(values_of(document)[index], nan_ok=True)


def test_a_path_without_times_is_one_coverage_for_each_time(reader: TestClient) -> None:
    document = cover(reader, "trajectory", coords=f"LINESTRING({LON} {LAT},{LON + 1} {LAT})")
    assert len(document["coverages"]) == 4


@pytest.mark.parametrize("path", ["LINESTRING(10 51,0 0)", "LINESTRINGM(10 51 0,10.1 51 9)",
                                  "LINESTRING(10 51,1e300 51)"])  # fmt: skip
def test_a_path_that_leaves_the_grid_or_its_times_is_refused(reader: TestClient, path: str) -> None:
    problem(reader.get("/collections/nowcast/trajectory", params={"coords": path}), 400)


@pytest.mark.parametrize("name", ["Munich", "münchen", "BERLIN"])
def test_a_place_can_be_named(reader: TestClient, name: str) -> None:
    listed = {place["id"]: place for place in cover(reader, "locations")["features"]}
    place = next(p for p in listed.values() if name.casefold() in (
        p["properties"]["name"].casefold(), p["properties"]["name_de"].casefold()))  # fmt: skip
    lon, lat = place["geometry"]["coordinates"]
    at_place = cover(reader, "position", coords=f"POINT({lon} {lat})")
    assert cover(reader, f"locations/{name}")["ranges"] == at_place["ranges"]
    projected = cover(reader, f"locations/{name}", crs="EPSG:3857")
    assert projected["ranges"] == at_place["ranges"]


def test_places_that_are_not_listed_are_found_by_their_whole_name(reader: TestClient) -> None:
    ranges = cover(reader, "locations/Bad Hersfeld")["ranges"]
    assert ranges == cover(reader, "locations/bad hersfeld")["ranges"]
    problem(reader.get("/collections/nowcast/locations/Bad"), 404)


@pytest.mark.parametrize("query", ["position", "trajectory", "locations/Berlin"])
def test_a_raster_of_a_point_or_a_path_is_refused(reader: TestClient, query: str) -> None:
    coords = {"position": "POINT(10 51)", "trajectory": "LINESTRING(10 51,11 51)"}.get(query)
    for form in ("netCDF", "GeoTIFF"):
        asked = {"f": form} | ({"coords": coords} if coords else {})
        detail = problem(reader.get(f"/collections/nowcast/{query}", params=asked), 400)["detail"]
        assert "CoverageJSON, GeoJSON, CSV" in detail


def test_an_unknown_place_is_404(reader: TestClient) -> None:
    problem(reader.get("/collections/nowcast/locations/Atlantis"), 404)


def test_csv_has_a_line_for_each_time_and_point(reader: TestClient) -> None:
    asked = {"coords": f"POINT({LON} {LAT})", "f": "CSV"}
    text = reader.get("/collections/nowcast/position", params=asked).text
    rows = list(csv.DictReader(io.StringIO(text)))
    series = cover(reader, "position", coords=f"POINT({LON} {LAT})")
    assert [row["datetime"] for row in rows] == series["domain"]["axes"]["t"]["values"]
    assert [float(row["rainfall_rate"]) for row in rows] == series["ranges"]["rainfall_rate"][
        "values"
    ]


def test_no_data_is_null_in_json_and_empty_in_csv(reader: TestClient, forecast: DataArray) -> None:
    row, column = np.argwhere(np.isnan(forecast.values).all(axis=0))[0]
    lon, lat = float(forecast.lon[row, column]), float(forecast.lat[row, column])
    coords = f"POINT({lon} {lat})"
    assert (
        cover(reader, "position", coords=coords)["ranges"]["rainfall_rate"]["values"] == [None] * 4
    )
    text = reader.get("/collections/nowcast/position", params={"coords": coords, "f": "CSV"}).text
    assert all(line.endswith(",") for line in text.splitlines()[1:])


def test_netcdf_has_the_cells_of_an_area_and_no_data_around(
    reader: TestClient, forecast: DataArray
) -> None:
    triangle = "POLYGON((9.5 50.6,10.4 50.6,10.4 51.3,9.5 50.6))"
    document = cover(reader, "area", coords=triangle)
    answer = reader.get("/collections/nowcast/area", params={"coords": triangle, "f": "netCDF"})
    assert answer.headers["content-type"] == "application/x-netcdf"
    field = netcdf.decode(answer.content)
    kept = field.values[0][~np.isnan(field.values[0])]
    np.testing.assert_allclose(np.round(kept.astype(float), 2), values_of(document)[0], atol=0.011)
    np.testing.assert_array_equal(field["time"], forecast["time"])


def test_a_geotiff_lies_where_the_cells_are(reader: TestClient, forecast: DataArray) -> None:
    asked = {"bbox": "5,47,15,55", "f": "GeoTIFF"}
    content = reader.get("/collections/nowcast/cube", params=asked).content
    with MemoryFile(content) as memory, memory.open() as file:
        assert file.count == 4
        assert file.descriptions[0] == f"rainfall_rate {iso(LATEST + 6)}"
        assert np.isnan(file.nodata)
        row, column = 90, 90
        x, y = float(forecast.x[column]), float(forecast.y[row])
        (sampled,) = file.sample([(x, y)])
        np.testing.assert_array_equal(sampled, forecast.values[:, row, column])


def test_a_geotiff_in_another_system_has_the_values_of_the_same_places(
    reader: TestClient, forecast: DataArray
) -> None:
    asked = {"bbox": "5,47,15,55", "f": "GeoTIFF", "crs": "CRS84", "datetime": iso(LATEST + 6)}
    content = reader.get("/collections/nowcast/cube", params=asked).content
    with MemoryFile(content) as memory, memory.open() as file:
        assert file.crs == rasterio.CRS.from_epsg(4326)
        values = file.read(1)
        pixels = np.argwhere(values > 0)[::701]
        assert len(pixels) > 5
        for row, column in pixels:
            expected = series_at(forecast, *file.xy(row, column))
            assert values[row, column] == expected[0]


def test_radar_has_the_frames_of_two_hours_or_of_an_interval(
    reader: TestClient, filled: Path
) -> None:
    asked = {"coords": f"POINT({LON} {LAT})"}
    every = reader.get("/collections/radar/position", params=asked).json()
    assert every["domain"]["axes"]["t"]["values"] == [iso(n) for n in range(NEWEST + 1)]
    asked["datetime"] = f"{iso(2)}/{iso(4)}"
    part = reader.get("/collections/radar/position", params=asked).json()
    assert part["domain"]["axes"]["t"]["values"] == [iso(n) for n in (2, 3, 4)]
    frame = Archive(filled / "archive").frame(time(3))
    asked["datetime"] = iso(3)
    single = reader.get("/collections/radar/position", params=asked).json()
    series = series_at(frame, LON, LAT)
    (rate,) = single["ranges"]["rainfall_rate"]["values"]
    assert rate == pytest.approx(float(series[0]), abs=0.01)


@pytest.mark.parametrize("datetime", ["1999-01-01T00:00:00Z/..", "../2026-06-21T23:00:00Z"])
def test_more_radar_than_half_a_day_is_asked_for_in_parts(
    reader: TestClient, datetime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert collections.MOST_FRAMES == 145
    monkeypatch.setattr(collections, "MOST_FRAMES", 6)
    asked = {"coords": f"POINT({LON} {LAT})", "datetime": datetime}
    assert (
        "in parts"
        in problem(reader.get("/collections/radar/position", params=asked), 400)["detail"]
    )


def test_items_are_the_forecasts_and_lead_to_them(reader: TestClient) -> None:
    href: str | None = "/collections/nowcast/items?limit=2"
    seen = []
    while href:
        page = reader.get(href).json()
        seen += page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        href = following[0].removeprefix("http://testserver") if following else None
    assert len({feature["id"] for feature in seen}) == len(seen) == 5
    data = next(link["href"] for link in seen[0]["links"] if link["rel"] == "data")
    assert reader.get(data).json()["issue_time"] == seen[0]["properties"]["datetime"]
    assert reader.get(f"/collections/nowcast/items/{seen[0]['id']}").json()["id"] == seen[0]["id"]


def test_answers_that_would_be_too_large_are_refused(reader: TestClient) -> None:
    problem(reader.get("/collections/nowcast/cube?bbox=-1000,-1000,1000,1000"), 400)


def test_a_position_that_a_client_has_is_not_sent_again(reader: TestClient) -> None:
    path = f"/collections/nowcast/position?coords=POINT({LON} {LAT})"
    first = reader.get(path)
    again = reader.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "max-age" in first.headers["cache-control"]


def test_any_lead_time_can_be_asked_for(reader: TestClient) -> None:
    coords = f"POINT({LON} {LAT})"
    single = cover(reader, "position", coords=coords, datetime=iso(LATEST + 1))
    assert single["domain"]["axes"]["t"]["values"] == [iso(LATEST + 1)]
    every = cover(reader, "position", coords=coords, leads="all")
    assert every["domain"]["axes"]["t"]["values"] == [iso(LATEST + lead) for lead in range(1, 25)]
    assert every["nowcast:lead_minutes"] == [5 * lead for lead in range(1, 25)]


def test_places_of_an_instance_are_those_of_one_that_exists(reader: TestClient) -> None:
    path = "/collections/nowcast/instances/{}/locations"
    newest = reader.get("/collections/nowcast/instances").json()["instances"][0]["id"]
    assert reader.get(path.format(newest)).json()["features"]
    problem(reader.get(path.format("19990101T0000Z")), 404)
    problem(reader.get(path.format("today")), 404)
