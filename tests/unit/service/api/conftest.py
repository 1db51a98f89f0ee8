"""Services whose jobs wait until they may go on, and whose model forecasts probabilities."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from tests.served import Gate, api_context, put_frames
from tests.showers import moment, time
from tests.unit.service.fake_probabilities import ProbabilisticPersistence


@pytest.fixture
def gate() -> Iterator[Gate]:
    opened = Gate()
    yield opened
    opened.open.set()


@pytest.fixture
def slow(data: Path, gate: Gate) -> Iterator[TestClient]:
    """A client of a service whose jobs wait at the gate."""
    with TestClient(
        create_app(api_context(data, before=gate)), raise_server_exceptions=False
    ) as client:
        yield client
        gate.open.set()


@pytest.fixture(scope="module")
def probable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service whose model forecasts probabilities."""
    data: Path = tmp_path_factory.mktemp("probable")
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    put_frames(archive, 0)
    forecast_model(archive, ledger, ProbabilisticPersistence(), time(0), moment(0))
    ledger.engine.dispose()
    with TestClient(create_app(api_context(data))) as client:
        yield client
