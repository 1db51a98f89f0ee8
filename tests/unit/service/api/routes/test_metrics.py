"""Metrics are in the format that the scraper asks for."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as open_parser

from service.api.app import create_app
from service.api.routes.metrics import label, templates
from tests.served import api_context, fill

open_metrics: Callable[[str], Iterable[Metric]] = open_parser.text_string_to_metric_families
plain_text: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families
OPEN = "application/openmetrics-text; version=1.0.0"
ENDLESS = "/events"
HTTP = ("nowcast_http_requests", "nowcast_http_request_duration_seconds")
PROMETHEUS = f"{OPEN};q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;q=0.3"


@pytest.mark.parametrize("accept", [OPEN, PROMETHEUS])
def test_a_scraper_that_asks_for_open_metrics_gets_it(reader: TestClient, accept: str) -> None:
    answer = reader.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert answer.text.count("# EOF") == 1
    names = {family.name for family in open_metrics(answer.text)}
    assert {"nowcast_http_requests", "nowcast_skill_score"} <= names


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "text/html,*/*;q=0.1"])
def test_another_client_gets_text_with_the_same_metrics(reader: TestClient, accept: str) -> None:
    answer = reader.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/plain")
    text = {family.name for family in plain_text(answer.text)}
    other = reader.get("/metrics", headers={"Accept": OPEN}).text
    assert {family.name for family in open_metrics(other)} == text


def test_metrics_are_not_kept_by_caches(reader: TestClient) -> None:
    assert reader.get("/metrics").headers["cache-control"] == "no-store"


def test_a_scrape_has_few_samples_after_every_route_was_asked_for(tmp_path: Path) -> None:
    fill(tmp_path)
    app = create_app(api_context(tmp_path))
    routes = {route.path for route in templates(app) if "GET" in route.methods} - {ENDLESS}
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in routes:
            client.get(path.replace("{", "").replace("}", ""))
        families = list(plain_text(client.get("/metrics").text))
    counts = {family.name: len(family.samples) for family in families}
    assert sum(counts[name] for name in HTTP) < 900
    assert sum(counts.values()) < 1400
    asked = next(family.samples for family in families if family.name == HTTP[0])
    assert {label(path) for path in routes} <= {sample.labels["route"] for sample in asked}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/collections", "/collections"),
        ("/collections/{collection}", "/collections/{collection}"),
        ("/collections/sums", "/collections/{collection}"),
        ("/collections/radar/items/{item}", "/collections/{collection}/items/{item}"),
        (
            "/collections/nowcast/instances/{instance}",
            "/collections/{collection}/instances/{instance}",
        ),
        ("/collections/nowcast/instances/{instance}/cube", "/collections/{collection}/cube"),
        ("/jobs/{job}/results", "/jobs/{job}/results"),
    ],
)
def test_queries_of_all_collections_are_counted_together(template: str, expected: str) -> None:
    assert label(template) == expected
