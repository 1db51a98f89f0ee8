"""What holds of every route: entity tags, caching, HEAD, and refusal of what is not understood."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from service.api.app import create_app
from service.api.page.site import site
from service.api.routes.documentation import digest
from service.api.routes.metrics import templates
from service.archive.archive import Archive
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from tests.served import LATEST, api_context, iso, problem, put_frames
from tests.showers import moment, time
from tests.unit.service.fake_probabilities import ProbabilisticPersistence

JOB = "20260621T2325Z-persistence-none"
PATH_PARAMETERS = {
    "issue": iso(LATEST),
    "instance": "20260621T2325Z",
    "time": iso(LATEST),
    "job": JOB,
    "item": JOB,
    "forecast": JOB,
    "threshold": "0.5",
    "grid": "sphere",
    "minutes": "30",
    "collection": "sums",
}
FILES = {
    "/page/{digest}/{name}": f"/page/{site().digest}/app.js",
    "/embed/{name}": "/embed/embed.js",
    "/docs/{version}/{name}": f"/docs/{digest()}/swagger.js",
}
REQUIRED = {
    "coords": "POINT(10 51)",
    "within": "20",
    "within-units": "km",
    "bbox": "9.5,50.5,10.5,51.5",
    "lat": "51",
    "lon": "10",
    "q": "Fulda",
}
COORDS = {
    "area": "POLYGON((9.5 50.5,10.5 50.5,10.5 51.5,9.5 51.5,9.5 50.5))",
    "trajectory": "LINESTRING(9.5 50.5,10.5 51.5)",
}
WMS = {"service": "WMS", "request": "GetCapabilities"}
NEEDS_KEYS = ("/alerts", "/alerts/web-push-key", "/alerts/{alert}")
"""Answered to holders of API keys only."""
CHANGES = ("/metrics", "/readyz")
"""Changed by each request, or by the age of something in seconds."""
OK = (200, 307)
"""The address of the forecast of the default model redirects to that of its version."""
STREAM = "/events"
"""Has neither an end that could be hashed nor the length of one."""


class Read(NamedTuple):
    """A request that a route answers.

    Attributes:
        template: Path template of the route.
        path: Path of the request.
        query: Query parameters that the route needs.
        parameters: Names of all query parameters that the route has.
    """

    template: str
    path: str
    query: dict[str, str]
    parameters: frozenset[str]

    def get(self, client: TestClient, method: str = "GET", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = {"Accept": "*/*", "X-Request-ID": "the-same"} | named
        answer: Response = client.request(
            method, self.path, params=self.query, headers=asked, follow_redirects=False
        )
        return answer

    def refused(self, client: TestClient, **more: str) -> Response:
        answer: Response = client.get(self.path, params=self.query | more)
        return answer


def read_of(template: str, operation: dict[str, Any]) -> Read:
    """A request of a route, by its description in OpenAPI."""
    path, query = FILES.get(template, template), dict[str, str]()
    for parameter in operation.get("parameters", []):
        name, example = parameter["name"], (parameter | parameter["schema"]).get("examples")
        if parameter["in"] == "path":
            value = PATH_PARAMETERS.get(name) or str(example[0])
            path = path.replace(f"{{{name}}}", value)
        elif template == "/wms":
            query = WMS
        elif parameter["in"] == "query" and (parameter.get("required") or name in ("lat", "lon")):
            query[name] = REQUIRED[name]
    kind = path.rpartition("/")[2]
    if "coords" in query:
        query["coords"] = COORDS.get(kind, query["coords"])
    if template.startswith("/tiles/forecasts"):
        path = path.replace(iso(LATEST), iso(LATEST + 6), 1)
    if "radar/items/" in path:
        path = path.replace(PATH_PARAMETERS["item"], PATH_PARAMETERS["instance"])
    if template.startswith("/v2/radar"):
        seconds = "1782084300"
        path = path.replace(path.split("/")[3], seconds)
    names = frozenset(p["name"] for p in operation.get("parameters", []) if p["in"] == "query")
    return Read(template, path, query, names)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A service whose model forecasts probabilities."""
    data = tmp_path_factory.mktemp("probable")
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
    put_frames(archive, *range(LATEST + 1))
    forecast_model(archive, ledger, ProbabilisticPersistence(), time(LATEST), moment(LATEST))
    ledger.engine.dispose()
    return create_app(api_context(data, models=("persistence",)))


@pytest.fixture(scope="module")
def reads(app: FastAPI) -> list[Read]:
    """A request of every route with GET, also of those that OpenAPI does not describe."""
    described = app.openapi()["paths"]
    paths = [route.path for route in templates(app) if "GET" in route.methods]
    found = [
        read_of(path, described.get(path, {}).get("get", {}))
        for path in dict.fromkeys(paths)
        if path not in (STREAM, "/collections/{collection}")
    ]
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def answers(client: TestClient, reads: list[Read]) -> list[tuple[Read, Response]]:
    """What each route answers."""
    return [(read, read.get(client)) for read in reads]


def test_every_read_has_an_entity_tag_and_says_how_long_it_may_be_kept(
    answers: list[tuple[Read, Response]],
) -> None:
    wrong = []
    for read, answer in answers:
        if read.template in NEEDS_KEYS:
            assert answer.status_code == 403, read
            assert answer.headers["cache-control"] == "no-store"
        elif answer.status_code not in OK or not {"etag", "cache-control"} <= set(answer.headers):
            wrong.append((read.path, answer.status_code, answer.headers, answer.text[:200]))
    assert wrong == []


def test_a_client_that_has_the_newest_content_gets_304_with_the_same_headers(
    client: TestClient, answers: list[tuple[Read, Response]]
) -> None:
    for read, first in answers:
        if first.status_code != 200 or read.template in CHANGES:
            continue
        again = read.get(client, If_None_Match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b""), read
        for name in ("etag", "cache-control", "content-location"):
            assert again.headers.get(name) == first.headers.get(name), (read, name)


def test_head_of_every_route_is_get_without_the_body(
    client: TestClient, answers: list[tuple[Read, Response]]
) -> None:
    for read, get in answers:
        head = read.get(client, "HEAD")
        assert (head.status_code, head.content) == (get.status_code, b""), read
        varies = {"content-length", "etag"} if read.template in CHANGES else set[str]()
        same = [
            {name: value for name, value in answer.headers.items() if name not in varies}
            for answer in (head, get)
        ]
        assert same[0] == same[1], read


def test_every_route_refuses_a_parameter_that_it_does_not_have(
    client: TestClient, reads: list[Read]
) -> None:
    for read in reads:
        answer = read.refused(client, misspelt="1")
        assert answer.status_code == 400, read
        assert "'misspelt'" in answer.text, read


def test_every_route_with_formats_refuses_one_that_there_is_not(
    client: TestClient, reads: list[Read]
) -> None:
    formats = [read for read in reads if "f" in read.parameters]
    assert len(formats) > 60
    for read in formats:
        detail = problem(read.refused(client, f="bogus"), 400)["detail"]
        assert detail.startswith("f is 'bogus', should be one of "), read


def test_what_depends_on_accept_says_so_to_caches(
    client: TestClient, answers: list[tuple[Read, Response]]
) -> None:
    negotiated = 0
    for read, plain in answers:
        if plain.status_code != 200:
            continue
        vary = plain.headers.get("vary", "").lower().replace(" ", "").split(",")
        if "accept" in vary:
            negotiated += 1
            continue
        picture = read.get(client, Accept="image/png, text/html;q=0.9, text/csv;q=0.8")
        assert picture.headers["content-type"] == plain.headers["content-type"], read
    assert negotiated > 60
