"""Whatever is sent, the answer is a problem that says what is wrong, and the service goes on."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app
from tests.served import api_context, problem, serving

JSON = {"Content-Type": "application/json"}
LARGE = 50 * 2**20


def send(client: TestClient, body: bytes) -> Any:
    return client.post("/nowcast", content=body, headers=JSON)


@pytest.mark.parametrize(
    "wanted",
    [
        {"issue": "tomorrow"},
        {"issue": "2026-06-21T22:30:00"},
        {"issue": "2026-06-21"},
        {"issue": "2026-02-30T00:00:00Z"},
        {"issue": "0001-01-01T00:00:00Z"},
        {"issue": "0001-01-01T00:00:00+14:00"},
        {"issue": "9999-12-31T23:59:59-14:00"},
        {"issue": "1989-12-31T23:55:00Z"},
        {"issue": None},
        {"issue": True},
        {"issue": []},
        {"issue": {}},
        {"issue": 1e300},
        {"issue": -1},
        {"issue": 10**400},
        {"issue": "9" * 400},
        {"issue": "\ud800"},
        {"model": 7},
        {"model": ["advection"]},
        {"model": "a" * 65},
        {"model": "A"},
        {"model": "\ud800"},
        {"model": "\0"},
        {"model": "advection/../x"},
        {"\ud800": 1},
        {"unknown": 1},
        {"model": "advection", "weights": "none"},
        [],
        "latest",
        5,
        True,
    ],
    ids=ascii,
)
def test_a_body_that_breaks_the_schema_is_422(reader: TestClient, wanted: Any) -> None:
    body = problem(send(reader, json.dumps(wanted).encode()), 422)
    assert body["errors"][0]["at"][0] == "body"
    assert body["errors"][0]["detail"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"}", b"\xff\xfe", b"\0", b"{'model': 1}", b'{"issue": NaN}', b'{"issue": Infinity}',
     b'{"issue": -1e999}', b'{"model": "\xff"}', b'{"model": "a", "model": 2}'],
    ids=ascii,
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(reader: TestClient, body: bytes) -> None:
    answer = send(reader, body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("depth", [10, 90, 300, 480, 960, 990, 1_010, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"model":', b"}")])
def test_however_deep_a_body_is_it_is_refused(
    reader: TestClient, depth: int, opening: bytes, closing: bytes
) -> None:
    answer = send(reader, opening * depth + b"1" + closing * depth)
    assert answer.status_code in {400, 413, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 5_000, "what was sent is not sent back"


def test_a_number_of_many_digits_is_refused(reader: TestClient) -> None:
    answer = send(reader, b'{"issue": ' + b"1" * 100_000 + b"}")
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_kind_is_refused(reader: TestClient, kind: str) -> None:
    answer = reader.post("/nowcast", content=b"model=advection", headers={"Content-Type": kind})
    assert answer.status_code in {400, 415, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["Prefer", "Idempotency-Key"])
def test_an_endless_header_is_422(reader: TestClient, name: str) -> None:
    problem(reader.post("/nowcast", json={}, headers={name: "x" * 10_000}), 422)


@pytest.mark.parametrize("host", ["[", "[::", "a b", "\xff", "x" * 5_000, ""])
@pytest.mark.parametrize("address", ["/nope", "/nowcasts/latest/", "/jobs/x"])
def test_an_odd_host_does_no_harm(reader: TestClient, host: str, address: str) -> None:
    headers = {"Host": host.encode("latin-1")}
    answer = reader.get(address, headers=headers, follow_redirects=False)
    assert answer.status_code < 500


def test_a_body_at_the_limit_is_read_and_one_above_is_413(filled: Path) -> None:
    with TestClient(create_app(api_context(filled, largest_upload_bytes=2000))) as client:
        padding = b" " * 1998
        assert send(client, b'{"unknown": 1}').status_code == 422
        problem(send(client, b"[" + padding + b"]"), 422)
        problem(send(client, b"[" + padding + b" ]"), 413)


def test_of_many_faults_and_long_names_little_is_sent_back(reader: TestClient) -> None:
    many = {f"{number}{'x' * 500}": number for number in range(1000)}
    answer = send(reader, json.dumps(many).encode())
    assert len(problem(answer, 422)["errors"]) == 20
    assert len(answer.content) < 20_000


# over a socket


@pytest.fixture(scope="module")
def url(filled: Path) -> Iterator[str]:
    """The service as it really runs."""
    with serving(filled) as address:
        yield address


def test_50_megabytes_are_413(url: str) -> None:
    with httpx.Client(base_url=url, timeout=550) as client:
        answer = client.post("/nowcast", content=b"x" * LARGE, headers=JSON)
        problem(answer, 413)
        assert client.get("/healthz").status_code == 200


def test_50_megabytes_in_pieces_are_413(url: str) -> None:
    pieces = (b"x" * 2**16 for _ in range(LARGE // 2**16))
    with httpx.Client(base_url=url, timeout=550) as client:
        problem(client.post("/nowcast", content=pieces, headers=JSON), 413)
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_simple_client_that_sends_all_before_it_listens_hears_413(
    url: str, connection: str
) -> None:
    client = HTTPConnection(url.removeprefix("http://"), timeout=550)
    client.request("POST", "/nowcast", b"x" * LARGE, JSON | {"Connection": connection})
    answer = client.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["status"] == 413
    client.close()


@pytest.mark.parametrize("expectation", ["", "Expect: 100-continue\r\n"])
@pytest.mark.parametrize("begin", [b"{", b""])
def test_who_announces_too_much_and_waits_hears_413(
    url: str, begin: bytes, expectation: str
) -> None:
    host, port = url.removeprefix("http://").split(":")
    head = "POST /nowcast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=550) as caller:
        caller.sendall(f"{head}{expectation}Content-Length: {10**12}\r\n\r\n".encode() + begin)
        assert caller.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("address", ["/nope", "/jobs/x", "/verification"])
def test_50_megabytes_for_what_takes_none_do_no_harm(url: str, address: str) -> None:
    with httpx.Client(base_url=url, timeout=550) as client:
        answer = client.post(address, content=b"x" * LARGE)
        assert answer.status_code in {404, 405, 413}
        assert answer.headers["content-type"] == "application/problem+json"


def test_who_hangs_up_in_the_middle_of_a_body_does_no_harm(url: str) -> None:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    for sent in (b"", b"{", b"x" * 2_000_000):
        with socket.create_connection((host, port or 80), timeout=100) as caller:
            caller.sendall(
                b"POST /nowcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
            )
            caller.sendall(sent)
    assert httpx.get(f"{url}/healthz", timeout=300).status_code == 200


def test_many_clients_at_once_all_get_what_they_asked_for(url: str) -> None:
    forms = ["application/json", "application/x-netcdf", "image/png"] * 6

    def get(accept: str) -> tuple[int, str]:
        answer = httpx.get(f"{url}/nowcasts/latest", headers={"Accept": accept}, timeout=550)
        return answer.status_code, answer.headers["content-type"]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(get, forms)) == [(200, form) for form in forms]
