"""Dashboards: made by code, as Grafana takes them, and every query answered by a real service."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from service.jobs.job import INTERACTIVE, SCHEDULED
from service.monitoring.metrics import exposed
from service.pipeline.poll import sources_of
from service.pipeline.replay import replay
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.runtime.follow import follow as follow_sources
from service.runtime.in_process import heartbeat
from service.runtime.schedule import FOLLOWING
from service.runtime.server import running
from service.settings import Settings
from tests.event import provided
from tests.free_port import free_port
from tests.integration.test_prometheus import alerts, rules
from tests.prometheus_server import CONFIGURED, Prometheus, prometheus
from tests.provider import provider
from tests.showers import moment, write_file

dashboards = pytest.importorskip("dashboards.__main__", reason="needs grafana-foundation-sdk")

GRAFANA = CONFIGURED.parent / "grafana"
FRAMES = 52
"""Of which the last come while Prometheus looks."""
SEEN = 46
MODELS = ("ms-lstm", "advection", "persistence")
"""The first tells probabilities."""
VARIABLES = {
    "$__rate_interval": "20s", "$model": ".+", "$lead": "60", "$threshold": "0.5",
    "$window": "6h", "$score": "csi",
}  # fmt: skip


class Query(NamedTuple):
    """A query of a panel."""

    dashboard: str
    panel: str
    expression: str
    is_instant: bool


def boards() -> dict[str, dict[str, Any]]:
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    return [
        Query(name, panel["title"], target["expr"], target.get("instant", False))
        for name, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


# as files


def test_files_are_as_the_code_has_them() -> None:
    kept = {file.name: file.read_text() for file in (GRAFANA / "dashboards").iterdir()}
    assert kept == dashboards.dashboard_files()


@pytest.mark.parametrize("name", ["skill", "operations", "model"])
def test_a_dashboard_is_what_grafana_takes(name: str) -> None:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    board = boards()[name]
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert again == board
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) > 8
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())
    uids = {entry["uid"] for entry in source["datasources"]}
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] in uids
        assert {target["datasource"]["uid"] for target in panel["targets"]} <= uids
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


@pytest.mark.parametrize("name", ["skill", "operations", "model"])
def test_panels_lie_side_by_side_and_not_on_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in boards()[name]["panels"]:
        position = panel["gridPos"]
        cells = {
            (position["x"] + x, position["y"] + y)
            for x in range(position["w"])
            for y in range(position["h"])
        }
        assert position["x"] + position["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_dashboards_have_names_of_their_own_and_only_variables_that_they_offer() -> None:
    found = boards()
    assert {name: board["uid"] for name, board in found.items()} == {
        name: f"nowcast-{name}" for name in ("skill", "operations", "model")
    }
    for board in found.values():
        offered = {variable["name"] for variable in board.get("templating", {}).get("list", [])}
        asked = set(re.findall(r"\$(\w+)", json.dumps(board["panels"]))) - {"__rate_interval"}
        assert asked == offered


# with data

SCRAPE_SECONDS = 4
"""Longer than an answer takes on a machine that has much to do."""


@contextmanager
def deployed(data: Path, server: str) -> Iterator[Deployment]:
    opened = Deployment(
        Settings(
            data=data,
            port=free_port(),
            models=MODELS,
            radar_server=server,
            poll_seconds=0.5,
            backfill_hours=0.5,
        )
    )
    try:
        yield opened
    finally:
        opened.ledger.engine.dispose()


def ingest_frames(deployment: Deployment, folder: Path, first: int, end: int) -> None:
    files = [write_file(folder, number) for number in range(first, end)]
    replay(
        deployment.archive,
        deployment.ledger,
        deployment.forecasters.all_served(),
        files,
        every_minutes=15,
    )
    for number in range(first, end, 3):
        provided(deployment, number)
    now = moment(end - 1) + timedelta(minutes=4)
    verify(deployment.archive, deployment.ledger, now)
    deployment.ledger.refresh_windows(now, share=0)


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has watched a service while frames came and people asked."""
    folder = tmp_path_factory.mktemp("watched")
    with ExitStack() as stack:
        server = stack.enter_context(provider())
        api, worker, ingest = (
            stack.enter_context(deployed(folder / "data", server.url)) for _ in range(3)
        )
        (folder / "files").mkdir()
        ingest_frames(api, folder / "files", 0, SEEN)
        for deployment, queues in ((worker, (INTERACTIVE, SCHEDULED)), (ingest, (FOLLOWING,))):
            stack.enter_context(closing(heartbeat(deployment, queues, "cpu")))
        url = stack.enter_context(running(api))
        others = [
            stack.enter_context(exposed(deployment.process, "127.0.0.1", 0))
            for deployment in (worker, ingest)
        ]
        follow(stack, ingest)
        nobody = free_port()
        targets = {
            "api": [api.settings.port, nobody],
            "worker": others[:1],
            "ingest": others[1:],
        }
        found = stack.enter_context(prometheus(folder, targets, SCRAPE_SECONDS))
        found.until(lambda: found.now("nowcast_ledger_up"), "the API is seen")
        people_ask(url, range(3))
        found.until(lambda: has_seen_orders(found, 3), "the first requests are seen")
        ingest_frames(api, folder / "files", SEEN, FRAMES)
        people_ask(url, range(3, 6))
        found.until(lambda: has_seen_orders(found, 6), "all requests are seen")
        found.until(lambda: all_answered(found, nobody), "all that are there have answered")
        yield found


def has_seen_orders(watching: Prometheus, number: int) -> bool:
    """Whether so many forecasts have been asked for, as far as is known."""
    asked = watching.now('sum(nowcast_http_requests_total{method="POST"}) or vector(0)')
    return asked[0].values[0] >= number


def all_answered(watching: Prometheus, nobody: int) -> bool:
    """Whether all targets but one have answered of late; questions are then about that time."""
    watching.moment = time.time()
    up = f'up{{instance!="127.0.0.1:{nobody}"}}[{4 * SCRAPE_SECONDS}s]'
    least = [series.values for series in watching.now(f"min_over_time({up})")]
    number = [series.values for series in watching.now(f"count_over_time({up})")]
    if least == [[1]] * 3 and min(number) >= [3]:
        return True
    watching.moment = None
    return False


def follow(stack: ExitStack, deployment: Deployment) -> None:
    """Look for files at a server that has none of today."""
    stop = threading.Event()
    arguments = deployment, sources_of(deployment.settings), stop, deployment.clock
    following = threading.Thread(target=follow_sources, args=arguments, daemon=True)
    following.start()
    stack.callback(following.join, 10)
    stack.callback(stop.set)


def people_ask(url: str, numbers: range) -> None:
    with httpx.Client(base_url=url, timeout=300) as client:
        for number in numbers:
            wanted = {"issue": moment(20 + number).isoformat(), "model": "advection"}
            answer = client.post("/nowcast", json=wanted, headers={"Prefer": "wait=30"})
            assert answer.status_code == 200, answer.text
            for path in ("/healthz", "/readyz", "/nothing", "/nowcasts/latest?model=persistence"):
                client.get(path, headers={"Accept": "application/json"})
            time.sleep(0.5)


def test_every_query_of_every_panel_returns_data(
    watching: Prometheus, tell: Callable[[str], None]
) -> None:
    found = {}
    for query in queries():
        ask = watching.now if query.is_instant else watching.over_time
        found[query] = sum(bool(series.values) for series in ask(filled_in(query.expression)))
    tell("\n" + table(found))
    assert [query for query, series in found.items() if not series] == []
    assert len(found) > 50


def test_models_are_compared_with_each_baseline_and_with_the_provider(
    watching: Prometheus,
) -> None:
    gains = [query for query in queries() if '"baseline", "dwd-rv"' in query.expression]
    assert {query.panel for query in gains} == {"CSI above a baseline"}
    assert len(gains) == 2
    for query in gains:
        found = watching.now(filled_in(query.expression))
        pairs = {
            (series.labels["model"], series.labels["baseline"]): series.values for series in found
        }
        for rival in ("persistence", "advection", "dwd-rv"):
            assert pairs["advection", rival], query.panel
        assert pairs["advection", "advection"] == [0]
        assert pairs["advection", "dwd-rv"] != [0]


def test_probabilities_are_those_of_the_model_that_tells_them_beside_the_diagonal(
    watching: Prometheus,
) -> None:
    predicted, observed = (
        {
            (series.labels["model"], series.labels["bin"]): series.values[0]
            for series in watching.now(filled_in(query.expression))
        }
        for query in queries()
        if query.panel == "Reliability diagram"
    )
    assert predicted.keys() == observed.keys()
    assert {model for model, _ in predicted} == {"ms-lstm", "perfect reliability"}
    for end in (0, 1):
        assert (
            predicted["perfect reliability", str(end)]
            == observed["perfect reliability", str(end)]
            == end
        )
    ours = {least: chance for (model, least), chance in predicted.items() if model == "ms-lstm"}
    assert len(ours) > 3
    for least, chance in ours.items():
        assert float(least) <= chance <= float(least) + 0.1001
        assert 0 <= observed["ms-lstm", least] <= 1
    for query in queries():
        if query.panel.startswith("Brier skill"):
            found = watching.now(filled_in(query.expression))
            assert {series.labels["model"] for series in found} == {"ms-lstm"}
            assert all(value <= 1 for series in found for value in series.values)


def table(found: dict[Query, int]) -> str:
    """Panels and how many series each of their queries has returned."""
    lines = [f"{'dashboard':12}{'panel':58}series"]
    lines += [f"{query.dashboard:12}{query.panel:58}{n:6}" for query, n in found.items()]
    return "\n".join(lines) + "\n"


def test_every_choice_of_a_dashboard_has_values(watching: Prometheus) -> None:
    for board in boards().values():
        for variable in board.get("templating", {}).get("list", []):
            asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", str(variable["query"]))
            if asked is None:
                assert variable["current"]["value"] in variable["query"].split(",")
                continue
            metric, label = asked.groups()
            values = watching.get(f"label/{label}/values", **{"match[]": metric})
            chosen = variable["current"]["value"]
            assert chosen == ["$__all"] or chosen in values


def test_marks_on_the_time_axis_can_be_asked_for(watching: Prometheus) -> None:
    for board in boards().values():
        for mark in board["annotations"]["list"]:
            watching.over_time(mark["expr"])
    assert watching.over_time(boards()["skill"]["annotations"]["list"][0]["expr"])


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_can_be_asked_and_what_it_asks_for_is_there(
    watching: Prometheus, rule: dict[str, Any]
) -> None:
    watching.now(rule["expr"])
    inner = re.findall(r"\b(?:nowcast[a-z0-9_:]*|up)\b", re.sub(r'"[^"]*"', "", rule["expr"]))
    assert inner
    for name in inner:
        assert watching.now(name), name
    if rule["alert"].endswith("Absent"):
        assert watching.now(rule["expr"]) == []


def test_what_is_recorded_is_there(watching: Prometheus) -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    assert [name for name in recorded if not watching.now(name)] == []
    health = watching.get("rules")
    troubles = [
        rule for group in health["groups"] for rule in group["rules"] if rule.get("lastError")
    ]
    assert troubles == []


def test_what_should_be_seen_is_seen(watching: Prometheus) -> None:
    def raised() -> set[str]:
        return {alert["labels"]["alertname"] for alert in watching.get("alerts")["alerts"]}

    # the frames are of another day, and one target is nobody
    watching.until(lambda: raised() >= {"RadarStale", "ApiDown"}, "both are raised")
    assert watching.now("nowcast:frame_age:seconds")[0].values[0] > 1800
    assert watching.now('up{job="worker"}')[0].values == [1]
