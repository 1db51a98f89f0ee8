"""The collection of rain sums."""

import io
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from fastapi.testclient import TestClient
from xarray import DataArray

from service.archive.archive import Archive
from service.archive.key import Key
from tests.served import LATEST, iso, problem
from tests.showers import time

LON, LAT = 10.03, 51.02
BOX = "POLYGON((9.5 50.6,10.4 50.6,10.4 51.3,9.5 51.3,9.5 50.6))"


@pytest.fixture(scope="module")
def wettest(filled: Path) -> tuple[DataArray, DataArray, tuple[int, int]]:
    """Radar and forecast in mm/h, and the cell with the most rain in the hour of the forecast."""
    archive = Archive(filled / "archive")
    frames = archive.frames(time(number) for number in range(LATEST + 1))
    forecast = archive.full_forecast(Key(time(LATEST), "advection", "none"))
    hour = forecast.isel(lead_time=slice(12)).mean("lead_time", skipna=False).fillna(0)
    row, column = np.unravel_index(int(hour.values.argmax()), hour.shape)
    return frames, forecast, (int(row), int(column))


def cover(client: TestClient, query: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/collections/sums/{query}", params=asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_each_time_has_the_rain_of_the_period_before_it(
    reader: TestClient, wettest: tuple[DataArray, DataArray, tuple[int, int]]
) -> None:
    frames, forecast, (row, column) = wettest
    lon, lat = float(forecast.lon[row, column]), float(forecast.lat[row, column])
    document = cover(reader, "position", coords=f"POINT({lon} {lat})")
    ranges = document["ranges"]
    assert list(ranges) == [
        f"precipitation_amount_{minutes}min" for minutes in (15, 30, 60, 120, 360)
    ]
    assert document["domain"]["axes"]["t"]["values"] == [iso(LATEST + 6 * n) for n in (1, 2, 3, 4)]
    series = np.concatenate([frames.values[:, row, column], forecast.values[:, row, column]])
    for steps, name in ((3, "15min"), (6, "30min"), (12, "60min")):
        ends = [12 + 6 * n for n in (1, 2, 3, 4)]
        expected = [series[end - steps : end].astype(float).sum() / 12 for end in ends]
        np.testing.assert_allclose(
            ranges[f"precipitation_amount_{name}"]["values"], np.round(expected, 2), atol=0.0051
        )
    assert ranges["precipitation_amount_360min"]["values"] == [None] * 4  # radar of an hour only
    assert document["nowcast:frames_missing"] == 60
    parameter = document["parameters"]["precipitation_amount_60min"]
    assert parameter["unit"]["symbol"]["value"] == "kg/m2"
    assert parameter["observedProperty"]["id"].endswith("/precipitation_amount/")


def test_every_five_minutes_can_be_asked_for(reader: TestClient) -> None:
    asked = {"coords": f"POINT({LON} {LAT})", "parameter-name": "precipitation_amount_60min"}
    assert (
        len(cover(reader, "position", leads="all", **asked)["domain"]["axes"]["t"]["values"]) == 24
    )
    instant = cover(reader, "position", datetime=iso(LATEST + 5), **asked)
    assert instant["domain"]["axes"]["t"]["values"] == [iso(LATEST + 5)]
    assert list(instant["ranges"]) == ["precipitation_amount_60min"]


def test_an_area_as_netcdf_has_one_sum_with_its_period_as_bounds(reader: TestClient) -> None:
    name = "precipitation_amount_30min"
    answer = reader.get(
        "/collections/sums/area", params={"coords": BOX, "parameter-name": name, "f": "netCDF"}
    )
    assert answer.status_code == 200, answer.text
    with netCDF4.Dataset("sums", memory=answer.content) as file:
        variable = file["precipitation_amount"]
        assert variable.standard_name == "precipitation_amount"
        assert variable.units == "kg m-2"
        assert variable.cell_methods == "time: sum"
        bounds = file["time_bnds"][:]
        assert (bounds[:, 1] - bounds[:, 0] == 1800).all()
        found = np.ma.filled(variable[:].astype(float), np.nan)
    document = cover(reader, "area", coords=BOX, **{"parameter-name": name})
    values = np.array(document["ranges"][name]["values"], float).reshape(4, -1)
    np.testing.assert_allclose(np.nansum(found, axis=(1, 2)), values.sum(1), rtol=0.01, atol=0.3)
    body = problem(reader.get("/collections/sums/area", params={"coords": BOX, "f": "netCDF"}), 400)
    assert "parameter-name" in body["detail"]


def test_tables_and_pictures_have_all_periods(reader: TestClient) -> None:
    table = reader.get(
        "/collections/sums/position", params={"coords": f"POINT({LON} {LAT})", "f": "CSV"}
    )
    header = io.StringIO(table.text).readline().strip().split(",")
    assert header[3:] == [f"precipitation_amount_{n}min" for n in (15, 30, 60, 120, 360)]
    raster = reader.get("/collections/sums/area", params={"coords": BOX, "f": "GeoTIFF"})
    assert raster.status_code == 200
    metadata = reader.get("/collections/sums").json()
    about = metadata["parameter_names"]["precipitation_amount_60min"]
    assert about["measurementType"] == {"method": "sum", "duration": "-PT60M"}
