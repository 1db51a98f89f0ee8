"""Metrics are in the format that the scraper asks for."""

from collections.abc import Callable, Iterable

import pytest
from fastapi.testclient import TestClient
from prometheus_client import Metric, parser
from prometheus_client.openmetrics import parser as open_parser

open_metrics: Callable[[str], Iterable[Metric]] = open_parser.text_string_to_metric_families
plain_text: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families
OPEN = "application/openmetrics-text; version=1.0.0"
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
