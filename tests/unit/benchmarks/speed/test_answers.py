"""The benchmark of answers asks for what the service has, and writes sizes and times of it."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from benchmarks.speed.served.answers import every_request, section
from benchmarks.speed.served.timed_requests import CODINGS, Answers, Client, Request, at_a_rate
from service.api.app import create_app
from service.api.routes.metrics import templates
from tests.served import api_context, fill

SLOW = ("latest nowcast, PNG", "OpenAPI document", "WMS GetLegendGraphic")
"""Answers that other tests ask for, as they take long."""
NEEDS_PROBABILITIES = ("ensemble, one lead, netCDF",)
"""Answers to requests of the benchmark's network, which the models of tests do not give."""
NOT_POLLED = {
    "/jobs/{job}", "/jobs/{job}/results", "/nowcasts/{issue}", "/nowcasts/latest/ensemble",
    "/alerts", "/alerts/web-push-key", "/alerts/{alert}", "/events",
    "/collections/nowcast/items/{item}", "/collections/{collection}", "/docs", "/redoc",
    "/docs/{version}/{name}", "/page/{digest}/{name}", "/push-worker.js", "/embed/{name}",
    "/tiles/forecasts/{forecast}/{time}/{z}/{x}/{y}.png",
    "/tiles/forecasts/{forecast}/{time}/probability/{threshold}/{z}/{x}/{y}.png",
    "/tiles/forecasts/{forecast}/{time}/sum/{minutes}/{z}/{x}/{y}.png",
    "/tiles/radar/{time}/sum/{minutes}/{z}/{x}/{y}.png",
}  # fmt: skip
"""Routes that are read once, need a key, have no end, or answer as another that is measured."""


def test_everything_that_clients_poll_is_measured_and_answers(tmp_path: Path) -> None:
    fill(tmp_path)
    app = create_app(api_context(tmp_path))
    with TestClient(app) as client:
        requests = every_request(lambda path: client.get(path).json())
        for request in requests:
            if request.name not in (*SLOW, *NEEDS_PROBABILITIES):
                ask = client.get if request.body is None else client.post
                assert ask(request.paths[0]).is_success, request.name
    assert len({request.name for request in requests}) == len(requests)
    addresses = {urlsplit(request.paths[0]).path for request in requests}
    measured = {
        next(route.path for route in templates(app) if route.pattern.match(address))
        for address in addresses
    }
    others = re.compile("/instances/{instance}|/collections/(?!nowcast|{)")
    routes = {route.path for route in templates(app) if "GET" in route.methods}
    assert {path for path in routes - measured if not others.search(path)} == NOT_POLLED


class Echo(BaseHTTPRequestHandler):
    """Answers with the coding that is asked for, and the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{self.headers['Accept-Encoding']} {self.path}".encode()
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_sizes_are_those_of_each_coding_and_times_of_each_request(port: int) -> None:
    client = Client(port)
    found = client.measure(Request("a", ["/1", "/22"]), seconds=30, most=5)
    assert found.sizes == {coding: len(coding) + 3 for coding in CODINGS}
    assert len(found.seconds) == 5
    with pytest.raises(ValueError, match="404, should be 200"):
        client.ask("/none", Request("none", ["/none"]))
    client.close()


def test_a_rate_is_kept(port: int) -> None:
    found = at_a_rate(port, Request("a", ["/1"]), rate=200, seconds=0.2)
    assert len(found.seconds) == pytest.approx(40, abs=8)


def test_a_section_has_a_row_for_each_answer() -> None:
    sizes = dict(zip(CODINGS, (4000, 300, 200, 250), strict=True))
    text = section([Answers("models", sizes, [0.001] * 9)], [Answers("models", {}, [0.002] * 100)])
    assert "| models | 4,000 | 300 | 200 | 250 | 1.0 | 1.0 |" in text
    assert "| models | 100 | 2.0 | 2.0 |" in text
