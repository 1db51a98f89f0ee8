"""Who is let in, and how often."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from service.api.middleware import api_keys
from tests.served import LATEST, api_context, iso, problem

ADDRESSES = ("/nowcasts/latest", f"/nowcasts/{iso(LATEST)}", "/jobs/x", "/verification",
             "/collections/nowcast/position?coords=POINT(10 51)", "/openapi.json", "/docs",
             "/nope")  # fmt: skip
OPEN = ("/healthz", "/readyz")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


@pytest.fixture
def serving(filled: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of a service with some settings."""
    with ExitStack() as open_clients:

        def serve(address: str = "192.0.2.1", **settings: Any) -> TestClient:
            app = create_app(api_context(filled, **settings))
            client = TestClient(app, raise_server_exceptions=False, client=(address, 50000))
            return open_clients.enter_context(client)

        yield serve


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


# keys


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_a_key_nothing_is_told(
    serving: Callable[..., TestClient], file: Path, address: str
) -> None:
    api_keys.add(file, "anna")
    client = serving(api_keys=file)
    answer = client.get(address)
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="nowcast"'
    wrong = client.get(address, headers=bearer("nowcast_wrong"))
    problem(wrong, 401)
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "HEAD", "BREW"])
def test_without_a_key_nothing_is_done(
    serving: Callable[..., TestClient], file: Path, method: str
) -> None:
    api_keys.add(file, "anna")
    assert serving(api_keys=file).request(method, "/nowcast").status_code == 401


def test_with_a_key_all_is_as_without_keys(
    serving: Callable[..., TestClient], file: Path, reader: TestClient
) -> None:
    secret = api_keys.add(file, "anna")
    client = serving(api_keys=file)
    content = reader.get("/nowcasts/latest").content
    for headers in (bearer(secret), {"authorization": f"bearer  {secret}"}, {"X-API-Key": secret}):
        answer = client.get("/nowcasts/latest", headers=headers)
        assert (answer.status_code, answer.content) == (200, content)
    wanted = {"issue": iso(LATEST)}
    assert client.post("/nowcast", json=wanted, headers=bearer(secret)).status_code == 200


def test_the_page_comes_without_a_key_and_what_it_shows_does_not(
    serving: Callable[..., TestClient], file: Path
) -> None:
    api_keys.add(file, "anna")
    client = serving(api_keys=file)
    assert (
        client.get("/", headers={"Accept": "text/html"})
        .headers["content-type"]
        .startswith("text/html")
    )
    assert client.get("/page/x/y").status_code == 404
    for address in ("/page", "/page/../nowcasts/latest", "//nowcasts/latest", "/grids/latest"):
        assert client.get(address).status_code in {401, 404}


@pytest.mark.parametrize("address", OPEN)
def test_who_watches_over_the_service_needs_no_key(
    serving: Callable[..., TestClient], file: Path, address: str
) -> None:
    api_keys.add(file, "anna")
    assert serving(api_keys=file).get(address).status_code == 200


def test_what_needs_a_key_is_kept_by_no_cache_on_the_way(
    serving: Callable[..., TestClient], file: Path
) -> None:
    secret = api_keys.add(file, "anna")
    client = serving(api_keys=file)
    for address in ("/nowcasts/latest", f"/nowcasts/{iso(LATEST)}"):
        kept = client.head(address, headers=bearer(secret)).headers["cache-control"]
        assert kept.startswith("private, max-age=")


def test_the_description_says_that_a_key_is_needed_where_it_is(
    serving: Callable[..., TestClient], file: Path, reader: TestClient
) -> None:
    secret = api_keys.add(file, "anna")
    description = serving(api_keys=file).get("/openapi.json", headers=bearer(secret)).json()
    schemes = description["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    ask = description["paths"]["/nowcast"]["post"]["security"]
    assert sorted(name for either in ask for name in either) == sorted(schemes)
    assert "security" not in description["paths"]["/healthz"]["get"]
    assert "securitySchemes" not in reader.get("/openapi.json").json()["components"]


# how often


def test_who_asks_too_often_is_told_how_long_to_wait(serving: Callable[..., TestClient]) -> None:
    client = serving(requests_per_minute=3)
    answers = [client.get("/verification") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[3], 429)
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        "r=2", "r=1", "r=0", "r=0"
    ]  # fmt: skip
    assert all(answer.headers["ratelimit-policy"] == '"requests";q=3;w=60' for answer in answers)
    assert "retry-after" not in answers[0].headers


def test_without_a_limit_nothing_is_said_of_one(reader: TestClient) -> None:
    assert "ratelimit" not in reader.get("/verification").headers


def test_who_watches_over_the_service_may_always_ask(serving: Callable[..., TestClient]) -> None:
    client = serving(requests_per_minute=1)
    for address in OPEN * 3:
        assert client.get(address).status_code == 200
    assert client.get("/verification").status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("a socket", "a socket", True),
    ],
)
def test_a_client_is_an_address_or_the_network_of_one_customer(
    serving: Callable[..., TestClient], first: str, second: str, same: bool
) -> None:
    client = serving(first, requests_per_minute=1)
    assert client.get("/verification").status_code == 200
    there = TestClient(client.app, client=(second, 1))
    assert there.get("/verification").status_code == (429 if same else 200)


def test_a_key_has_its_own_limit_wherever_it_is_used(
    serving: Callable[..., TestClient], file: Path
) -> None:
    secrets = {
        name: api_keys.add(file, name, n) for name, n in (("anna", 2), ("ben", 0), ("carl", None))
    }
    client = serving(api_keys=file, requests_per_minute=1)

    def passed(name: str) -> int:
        answers = [client.get("/verification", headers=bearer(secrets[name])) for _ in range(5)]
        assert {answer.status_code for answer in answers} <= {200, 429}
        return sum(answer.status_code == 200 for answer in answers)

    assert {name: passed(name) for name in secrets} == {"anna": 2, "ben": 5, "carl": 1}


def test_who_tries_keys_is_held_up_too(serving: Callable[..., TestClient], file: Path) -> None:
    api_keys.add(file, "anna", 0)
    client = serving(api_keys=file, requests_per_minute=2)
    tried = [client.get("/nope", headers=bearer(f"x{n}")).status_code for n in range(3)]
    assert tried == [401, 401, 429]
