"""Ensembles of stored forecasts: derived once, the same in every process, with their errors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fastapi.testclient import TestClient

from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters import ensemble as model_level
from model_zoo.forecasters.ensemble import NoProbabilities
from service.api.app import create_app
from service.api.dependencies import ApiContext
from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import NoForecast
from service.ledger.ledger import Ledger
from service.pipeline.ensembles import stored_ensembles
from service.pipeline.ensembles.stored_ensembles import Ensembles
from service.pipeline.forecast import forecast_model
from tests.served import api_context, iso, make_forecasts, problem, put_frames
from tests.showers import moment, time
from tests.unit.service.fake_probabilities import ProbabilisticPersistence

KEY = Key(time(2), "persistence", "none")
ENSEMBLE = f"/nowcasts/{iso(2)}/ensemble?model=persistence&version=none"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with a forecast that has probabilities, and one that has none."""
    data: Path = tmp_path_factory.mktemp("ensembles")
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    put_frames(archive, 0, 1, 2)
    forecast_model(archive, ledger, ProbabilisticPersistence(), time(2), moment(2))
    make_forecasts(archive, ledger, 2, models=["advection"])
    ledger.engine.dispose()
    return data


@pytest.fixture(scope="module")
def members(folder: Path) -> xr.DataArray:
    return Ensembles(Archive(folder / "archive")).members(KEY)


@pytest.fixture(scope="module")
def context(folder: Path) -> ApiContext:
    return api_context(folder)


@pytest.fixture(scope="module")
def client(context: ApiContext) -> Iterator[TestClient]:
    with TestClient(create_app(context), raise_server_exceptions=False) as opened:
        yield opened


def test_members_have_the_probabilities_and_the_grid_of_the_stored_forecast(
    folder: Path, members: xr.DataArray
) -> None:
    forecast = Archive(folder / "archive").full_forecast(KEY)
    assert members.dims == ("realization", "lead_time", "y", "x")
    assert members.shape == (20, *forecast.shape)
    assert members.attrs == forecast.attrs
    np.testing.assert_array_equal(members["time"], forecast["time"])
    known = forecast.notnull()
    for threshold, probability in exceedance_probabilities(forecast).items():
        share = (members >= threshold).mean("realization").where(known)
        assert float(abs(share - probability).max()) <= 1 / 20 + 1e-6


def test_an_ensemble_is_derived_once_for_all_threads(
    folder: Path, members: xr.DataArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = []

    def counted(*arguments: object, **more: object) -> object:
        derived.append(more["seed"])
        return model_level.ensemble_members(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(stored_ensembles, "ensemble_members", counted)
    stored = Ensembles(Archive(folder / "archive"))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(stored.members, [KEY] * 4))
    xr.testing.assert_identical(found[0], members)  # that of another archive
    assert derived == [model_level.ensemble_seed("persistence", time(2))]
    assert all(each is found[0] for each in found)


def test_a_forecast_without_probabilities_or_none_has_no_ensemble(folder: Path) -> None:
    stored = Ensembles(Archive(folder / "archive"))
    with pytest.raises(NoProbabilities, match="advection has no exceedance probabilities"):
        stored.members(Key(time(2), "advection", "none"))
    with pytest.raises(NoForecast):
        stored.members(Key(time(1), "persistence", "none"))


def test_the_ensemble_is_served_as_netcdf_with_realizations_and_times(
    client: TestClient, members: xr.DataArray, tmp_path: Path
) -> None:
    answer = client.get(f"{ENSEMBLE}&leads=5,60")
    members = members.isel(lead_time=[0, 11])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-netcdf"
    file = tmp_path / "ensemble.nc"
    file.write_bytes(answer.content)
    with xr.open_dataset(file) as dataset:
        found = dataset["rainfall_rate"].load()
        assert found.dims == ("time", "realization", "y", "x"), "cdo needs time first"
        assert found["realization"].attrs["standard_name"] == "realization"
        assert found.attrs["units"] == "mm h-1"
        assert "ensemble copula coupling" in dataset.attrs["ensemble"]
        np.testing.assert_array_equal(found["time"], members["time"])
        found = found.transpose("realization", ...)
        np.testing.assert_allclose(found, members, atol=1 / 256)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(members))


def test_a_part_of_an_ensemble_is_selected_as_of_a_forecast(
    client: TestClient, tmp_path: Path
) -> None:
    whole = client.get(ENSEMBLE)
    part = client.get(f"{ENSEMBLE}&leads=60&bbox=9,50,10,51")
    assert part.headers["etag"] != whole.headers["etag"]
    assert len(part.content) < len(whole.content)
    file = tmp_path / "part.nc"
    file.write_bytes(part.content)
    with xr.open_dataset(file, decode_timedelta=True) as dataset:
        assert dataset.sizes["time"] == 1
        assert dataset.sizes["y"] < 40
        assert float(dataset["lead_time"][0] / np.timedelta64(1, "m")) == 60


def test_an_ensemble_is_tagged_and_a_client_that_has_it_gets_304(client: TestClient) -> None:
    answer = client.get(ENSEMBLE)
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(ENSEMBLE, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    latest = client.get("/nowcasts/latest/ensemble?model=persistence")
    assert latest.status_code == 200
    assert "immutable" not in latest.headers["cache-control"]


def test_what_has_no_ensemble_is_a_problem(client: TestClient) -> None:
    without = f"/nowcasts/{iso(2)}/ensemble?model=advection"
    assert "exceedance probabilities" in problem(client.get(without), 422)["detail"]
    problem(client.get(f"/nowcasts/{iso(1)}/ensemble?model=persistence"), 404)
    problem(client.get(f"{ENSEMBLE}&leads=7"), 422)
    problem(client.get(ENSEMBLE, headers={"Accept": "application/json"}), 406)


def test_a_full_queue_of_ensembles_is_503(context: ApiContext, client: TestClient) -> None:
    pool = context.pools.ensembles
    before, pool.most_waiting = pool.most_waiting, -pool.threads
    try:
        body = problem(client.get(f"{ENSEMBLE}&leads=90"), 503)
    finally:
        pool.most_waiting = before
    assert "ensembles" in body["detail"]
