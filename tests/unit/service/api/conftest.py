"""A service whose jobs wait until they may go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import Gate, api_context


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
