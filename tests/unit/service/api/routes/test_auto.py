"""The model `auto`, and frames that were made up, over HTTP."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from model_zoo.forecasters.baselines import Persistence
from service.api.app import create_app
from service.api.schemas import Forecast
from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline.verify import verify
from tests.served import MODELS, NEWEST, api_context, iso, problem
from tests.showers import frame, moment

WAIT = {"Prefer": "wait=30"}


@pytest.fixture
def chosen(client: TestClient) -> TestClient:
    """A client of a service that has a forecast of auto for the newest frame."""
    assert client.post("/nowcast", json={"model": "auto"}, headers=WAIT).status_code == 200
    return client


def test_auto_can_be_asked_for_and_says_which_model_each_lead_is_of(client: TestClient) -> None:
    answer = client.post("/nowcast", json={"model": "auto"}, headers=WAIT)
    forecast = Forecast.model_validate_json(answer.content)
    assert forecast.model.name == "auto"
    assert len(forecast.chosen) == len(forecast.lead_minutes) == 4
    assert set(forecast.chosen) <= set(MODELS)
    for lead, name in enumerate(forecast.chosen):
        other = client.get(f"/nowcasts/{iso(NEWEST)}?model={name}").json()
        assert other["rainfall_rate"][lead] == forecast.rainfall_rate[lead]


@pytest.mark.parametrize("address", ["/nowcasts/latest", f"/nowcasts/{iso(NEWEST)}"])
def test_auto_can_be_read(chosen: TestClient, address: str) -> None:
    forecast = chosen.get(address, params={"model": "auto"}).json()
    assert (forecast["model"]["name"], forecast["issue_time"]) == ("auto", iso(NEWEST))
    assert len(forecast["chosen"]) == 4


def test_auto_tells_the_rain_at_a_place(chosen: TestClient) -> None:
    query = {"coords": "POINT(10 51)", "model": "auto"}
    coverage = chosen.get("/collections/nowcast/position", params=query).json()
    assert coverage["nowcast:model"] == "auto"
    assert len(coverage["nowcast:chosen"]) == 4


def test_auto_is_verified_like_any_other(data: Path) -> None:
    with TestClient(create_app(api_context(data))) as client:
        wanted = {"model": "auto", "issue": iso(6)}
        assert client.post("/nowcast", json=wanted, headers=WAIT).status_code == 200
        ledger = Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
        assert verify(Archive(data / "archive"), ledger, moment(NEWEST)) == 1
        ledger.engine.dispose()
        rows = client.get("/verification?model=auto").json()["rows"]
    assert {row["model"] for row in rows} == {"auto"}


def test_auto_that_nobody_asked_for_is_404(reader: TestClient) -> None:
    problem(reader.get("/nowcasts/latest?model=auto"), 404)


def test_other_models_choose_none(reader: TestClient) -> None:
    forecast = reader.get("/nowcasts/latest").json()
    assert (forecast["chosen"], forecast["bridged"]) == ([], [])


def test_frames_that_were_made_up_are_named(tmp_path: Path) -> None:
    made_up, archive = [iso(-6), iso(-12)], Archive(tmp_path / "archive")
    forecast = Persistence()(frame(0))
    forecast.attrs |= {"generated_at": iso(0), "model": "advection", "bridged": ",".join(made_up)}
    archive.put_forecast(forecast, history="")
    with TestClient(create_app(api_context(tmp_path))) as client:
        answer = client.get("/nowcasts/latest")
        place = client.get("/collections/nowcast/position?coords=POINT(10 51)").json()
    assert answer.json()["bridged"] == place["nowcast:bridged"] == made_up
    assert len(Forecast.model_validate_json(answer.content).bridged) == 2
