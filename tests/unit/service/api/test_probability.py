"""Probabilities that a model tells, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from xarray import DataArray

from ingest.formats import netcdf
from ingest.precipitation import exceedance_probabilities
from service.api.app import create_app
from service.api.schemas import Forecast
from service.archive.archive import Archive
from service.archive.key import Key
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from tests.served import api_context, put_frames
from tests.showers import moment, time
from tests.unit.service.fake_probabilities import THRESHOLDS, ProbabilisticPersistence

LATEST = "/nowcasts/latest?model=persistence"
BLIND = (0, 0)
"""A cell that no radar sees."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with a forecast that tells probabilities."""
    data: Path = tmp_path_factory.mktemp("telling")
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    put_frames(archive, 0)
    forecast_model(archive, ledger, ProbabilisticPersistence(), time(0), moment(0))
    ledger.engine.dispose()
    return data


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(api_context(folder)), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def kept(folder: Path) -> DataArray:
    return Archive(folder / "archive").forecast(Key(time(0), "persistence", "none"))


def at_cell(client: TestClient, kept: DataArray, row: int, column: int) -> dict[str, Any]:
    """Coverage at the centre of a cell."""
    centre = kept.isel(y=row, x=column)
    point = f"POINT({float(centre.lon):.6f} {float(centre.lat):.6f})"
    query = {"coords": point, "model": "persistence"}
    answer = client.get("/collections/nowcast/position", params=query)
    assert answer.status_code == 200
    coverage: dict[str, Any] = answer.json()
    return coverage


def test_each_threshold_has_its_probabilities(client: TestClient, kept: DataArray) -> None:
    answer = client.get(LATEST)
    assert "NaN" not in answer.text
    probabilities = answer.json()["exceedance_probability"]
    assert [entry["threshold"] for entry in probabilities] == list(THRESHOLDS)
    for entry in probabilities:
        values = np.array(entry["values"], dtype=float)  # None becomes NaN
        expected = np.round(exceedance_probabilities(kept)[entry["threshold"]].values, 2)
        assert np.isnan(expected).any()
        assert (expected > 0).any()
        np.testing.assert_allclose(values, expected, atol=1e-6)


def test_the_probabilities_of_json_and_netcdf_are_the_same(client: TestClient) -> None:
    file = client.get(LATEST, headers={"Accept": "application/x-netcdf"}).content
    for entry in client.get(f"{LATEST}&leads=all").json()["exceedance_probability"]:
        probability = exceedance_probabilities(netcdf.decode(file))[entry["threshold"]]
        np.testing.assert_allclose(
            np.array(entry["values"], dtype=float), probability, atol=0.00501
        )


def test_a_forecast_with_probabilities_keeps_the_schema(client: TestClient) -> None:
    answer = client.get(LATEST)
    found = Forecast.model_validate_json(answer.content)
    assert [entry.threshold for entry in found.exceedance_probability] == list(THRESHOLDS)
    assert [entry.values for entry in found.exceedance_probability] == [
        entry["values"] for entry in answer.json()["exceedance_probability"]
    ]


def test_a_model_that_tells_none_has_an_empty_list(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest")
    assert answer.json()["exceedance_probability"] == []
    assert Forecast.model_validate_json(answer.content).exceedance_probability == []


def test_the_service_describes_probabilities(reader: TestClient) -> None:
    schemas = reader.get("/openapi.json").json()["components"]["schemas"]
    field = schemas["Forecast"]["properties"]["exceedance_probability"]
    assert (field["type"], field["items"]) == (
        "array", {"$ref": "#/components/schemas/ExceedanceProbability"}
    )  # fmt: skip
    assert "exceedance_probability" in schemas["Forecast"]["description"]
    assert set(schemas["ExceedanceProbability"]["properties"]) == {"threshold", "values"}
    assert "mm/h" in schemas["ExceedanceProbability"]["description"]


def test_a_place_has_a_range_for_each_threshold(client: TestClient, kept: DataArray) -> None:
    _, row, column = np.unravel_index(np.nanargmax(kept), kept.shape)
    coverage = at_cell(client, kept, int(row), int(column))
    names = {f"exceedance_probability_{least:g}": least for least in THRESHOLDS}
    assert list(coverage["ranges"]) == list(coverage["parameters"]) == ["rainfall_rate", *names]
    for name, least in names.items():
        probability = exceedance_probabilities(kept)[least].values[:, row, column]
        assert probability[0] > probability[-1] > 0
        found = coverage["ranges"][name]
        assert (found["axisNames"], found["shape"]) == (["t"], [4])
        np.testing.assert_allclose(found["values"], np.round(probability, 3), atol=1e-6)
        parameter = coverage["parameters"][name]
        assert parameter["type"] == "Parameter"
        assert f"{least:g} mm/h or more" in parameter["description"]["en"]
        assert parameter["unit"]["symbol"]["value"] == "1"
        assert "UCUM" in parameter["unit"]["symbol"]["type"]
        assert parameter["observedProperty"]["label"]["en"]


def test_where_there_is_no_data_there_is_no_probability(
    client: TestClient, kept: DataArray
) -> None:
    ranges = at_cell(client, kept, *BLIND)["ranges"]
    assert len(ranges) == 1 + len(THRESHOLDS)
    assert all(found["values"] == [None] * 4 for found in ranges.values())


def test_a_place_has_no_probability_from_a_model_that_tells_none(reader: TestClient) -> None:
    coverage = reader.get("/collections/nowcast/position?coords=POINT(13.41 52.52)").json()
    assert list(coverage["ranges"]) == list(coverage["parameters"]) == ["rainfall_rate"]
