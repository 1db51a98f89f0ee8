"""What the service answers to methods and addresses of all kinds."""

import pytest
from fastapi.testclient import TestClient

from tests.served import LATEST, iso, problem


@pytest.mark.parametrize(
    "address", ["/nope", "/forecasts", "/forecasts/", "/jobs", "/jobs/", "/nowcast/x",
                "/../etc/passwd", "/%00", "/%ff", "/jobs/%2e%2e%2f%2e%2e",
                "/jobs/00010101T0000Z-a-none",
                "/jobs/99991231T2355Z-a-none", "/jobs/20260621T2325Z-none-advection/results"],
)  # fmt: skip
def test_an_address_that_there_is_not_is_404(reader: TestClient, address: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("PUT", "/nowcast", {"POST"}),
        ("GET", "/nowcast", {"POST"}),
        ("HEAD", "/nowcast", {"POST"}),
        ("POST", "/nowcasts/latest", {"GET", "HEAD"}),
        ("OPTIONS", "/nowcasts/latest", {"GET", "HEAD"}),
        ("PATCH", "/jobs/x", {"GET", "HEAD", "DELETE"}),
        ("DELETE", "/verification", {"GET", "HEAD"}),
        ("BREW", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_there_is_not_is_405_and_says_which_there_are(
    reader: TestClient, method: str, address: str, allowed: set[str]
) -> None:
    answer = reader.request(method, address)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        problem(answer, 405)


@pytest.mark.parametrize(
    "address",
    ["/nowcasts/latest", f"/nowcasts/{iso(LATEST)}", "/healthz", "/readyz", "/verification",
     "/collections/nowcast/position?coords=POINT(10 51)", "/nope", "/openapi.json"],
)  # fmt: skip
def test_head_is_get_without_the_body(reader: TestClient, address: str) -> None:
    asked = {"X-Request-ID": "the-same"}
    head, get = reader.head(address, headers=asked), reader.get(address, headers=asked)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert dict(head.headers) == dict(get.headers)


def test_the_service_describes_itself(reader: TestClient) -> None:
    description = reader.get("/openapi.json").json()
    assert {
        "/nowcast",
        "/nowcasts/latest",
        "/nowcasts/{issue}",
        "/jobs/{job}",
        "/jobs/{job}/results",
        "/collections/nowcast/position",
        "/verification",
        "/healthz",
        "/readyz",
    } <= set(description["paths"])
    ask = description["paths"]["/nowcast"]["post"]["responses"]
    assert {"200", "202", "4XX", "503"} <= set(ask)
    assert "application/problem+json" in ask["4XX"]["content"]
