"""Pages of other origins cannot write to an API without keys."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import api_context, problem

BODY = b'{"model":"persistence","issue":"2100-01-01T00:00:00Z"}'
"""It is refused with 422 where it is read at all."""
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Origin": "http://localhost"}, 422),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 422),
        ({"Origin": "https://weather.example", "Sec-Fetch-Site": "same-origin"}, 422),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "["}, 421),
        ({"Host": "127.0.0.1:8000"}, 422),
        ({"Host": "[::1]:8000"}, 422),
        ({"Host": "LOCALHOST"}, 422),
    ],
)
def test_writes_by_pages_of_other_origins_are_refused(
    filled: Path, headers: dict[str, str], status: int
) -> None:
    app = create_app(api_context(filled))
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    problem(client.post("/nowcast", content=BODY, headers=JSON | headers), status)
    problem(client.delete("/jobs/x", headers=headers), 404 if status == 422 else status)
    assert client.get("/healthz", headers=headers).status_code == 200


def test_origins_that_may_read_may_write(filled: Path) -> None:
    app = create_app(api_context(filled, cors_origins=("https://weather.example",)))
    client = TestClient(app, base_url="http://localhost")
    page = {"Origin": "https://weather.example", "Sec-Fetch-Site": "cross-site"}
    problem(client.post("/nowcast", content=BODY, headers=JSON | page), 422)
    page["Origin"] = "https://other.example"
    problem(client.post("/nowcast", content=BODY, headers=JSON | page), 403)


def test_the_name_of_a_proxy_can_be_allowed(filled: Path) -> None:
    app = create_app(api_context(filled, allowed_hosts=("weather.example",)))
    client = TestClient(app, base_url="https://weather.example")
    problem(client.post("/nowcast", content=BODY, headers=JSON), 422)


def test_an_api_that_others_reach_has_any_name_but_no_foreign_pages(filled: Path) -> None:
    app = create_app(api_context(filled, host="0.0.0.0", open_to_all=True))
    client = TestClient(app, base_url="http://radar.example")
    problem(client.post("/nowcast", content=BODY, headers=JSON), 422)
    page = {"Origin": "http://evil.example"}
    problem(client.post("/nowcast", content=BODY, headers=JSON | page), 403)


def test_a_body_without_content_type_is_415(reader: TestClient) -> None:
    problem(reader.post("/nowcast", content=BODY), 415)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_loads_files_of_the_service_only(reader: TestClient, path: str) -> None:
    page = reader.get(path)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "://" not in page.text
    files = [part.split('"')[0] for part in page.text.split('="docs/')[1:]]
    assert len(files) >= 3
    for name in files:
        file = reader.get(f"/docs/{name}")
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
    assert reader.get("/docs/other/swagger.js").status_code == 404
