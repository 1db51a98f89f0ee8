"""A service to ask, from the inside of the process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ingest.formats import sandbox
from service.api import dependencies
from service.api.app import create_app
from service.api.routes import health, metrics
from service.api.routes.feeds import new_forecasts
from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline import upload
from tests.served import api_context


@pytest.fixture(scope="module", autouse=True)
def _slow_machine() -> Iterator[None]:
    """Files are read and the ledger answers, however slow the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (sandbox, upload, new_forecasts):
            patch.setattr(module, "READ_SECONDS", 500)
        patch.setattr(dependencies, "LEDGER_SECONDS", 100)
        patch.setattr(metrics, "LEDGER_SECONDS", 100)
        patch.setattr(health, "CHECK_SECONDS", 100)
        yield


@pytest.fixture(scope="session")
def reader(filled: Path) -> Iterator[TestClient]:
    """A client of a service that tests only read from."""
    with TestClient(create_app(api_context(filled)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(data: Path) -> Iterator[TestClient]:
    """A client of a service of the test's own."""
    with TestClient(create_app(api_context(data)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with nothing in it."""
    return Archive(tmp_path / "archive")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with nothing in it."""
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.engine.dispose()
