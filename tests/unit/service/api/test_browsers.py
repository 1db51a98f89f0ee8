"""Headers for browsers: which pages may read, and how responses may be used."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.middleware import api_keys
from tests.served import api_context

PAGE = "https://weather.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def client(filled: Path) -> Iterator[TestClient]:
    """Of a service that a page may read."""
    with TestClient(create_app(api_context(filled, cors_origins=(PAGE,)))) as opened:
        yield opened


def test_a_page_that_may_read_is_told_so(client: TestClient) -> None:
    answer = client.get("/nowcasts/latest", headers={"Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "origin" in answer.headers["vary"].lower()
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert {"etag", "location", "retry-after"} <= {name.strip() for name in exposed.split(",")}


def test_a_page_may_ask_with_the_headers_that_we_take(client: TestClient) -> None:
    wanted = {"Access-Control-Request-Headers": "content-type, prefer, idempotency-key, x-api-key"}
    answer = client.options("/nowcast", headers=PREFLIGHT | wanted)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://weather.example", "null"])
def test_another_page_may_not_read(client: TestClient, origin: str) -> None:
    assert (
        "access-control-allow-origin"
        not in client.get("/nowcasts/latest", headers={"Origin": origin}).headers
    )
    preflight = client.options("/nowcast", headers=PREFLIGHT | {"Origin": origin})
    assert "access-control-allow-origin" not in preflight.headers


def test_errors_can_be_read_too(client: TestClient) -> None:
    answer = client.get("/nope", headers={"Origin": PAGE})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_by_default_no_page_of_another_origin_may_read(reader: TestClient) -> None:
    answer = reader.get("/nowcasts/latest", headers={"Origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert reader.options("/nowcast", headers=PREFLIGHT).status_code == 405


def test_a_browser_asks_beforehand_without_the_key(filled: Path, tmp_path: Path) -> None:
    api_keys.add(tmp_path / "keys", "anna")
    app = create_app(api_context(filled, cors_origins=("*",), api_keys=tmp_path / "keys"))
    with TestClient(app) as client:
        assert client.options("/nowcast", headers=PREFLIGHT).status_code == 200
        refused = client.post("/nowcast", headers={"Origin": PAGE})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "address", ["/nowcasts/latest", "/nowcasts/latest?f=png", "/nope", "/healthz", "/openapi.json"]
)
def test_no_answer_is_taken_for_a_page(reader: TestClient, address: str) -> None:
    headers = reader.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
