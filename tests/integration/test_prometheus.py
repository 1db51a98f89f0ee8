"""Rules and configuration of Prometheus, and what it sees over restarts of what it watches."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.archive.archive import Archive
from service.archive.key import Key
from service.jobs.job import INTERACTIVE
from service.ledger.ledger import Ledger
from service.monitoring import metrics
from service.pipeline.ingest import ingest_bytes
from service.pipeline.verify import verify
from service.runtime.deployment import Deployment
from service.settings import Settings
from tests.free_port import free_port
from tests.process_cluster import until
from tests.prometheus_server import CONFIGURED, Prometheus, program, prometheus
from tests.provider import provider
from tests.redis_server import redis_server
from tests.scraped import DECLARED
from tests.served import MODELS, NOW, fill
from tests.showers import file_bytes, file_name
from tests.showers import time as frame_time

ALERTS = (
    "RadarStale", "ForecastStale", "NoWorkerHeartbeat", "QueueAgeHigh", "QuarantineRate",
    "ValidAreaDrop", "SkillBelowPersistence", "VerificationStalled",
)  # fmt: skip
OTHERS = {"up", "process_start_time_seconds"}
"""Metrics of Prometheus itself and of its client."""


def rules() -> list[dict[str, Any]]:
    files = sorted(CONFIGURED.glob("rules/*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def promtool(*arguments: object) -> str:
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_configuration_and_rules() -> None:
    output = promtool("check", "config", CONFIGURED / "prometheus.yml")
    assert "SUCCESS: 2 rule files found" in output
    found = promtool("check", "rules", "--lint-fatal", *sorted(CONFIGURED.glob("rules/*.yml")))
    assert sum(map(int, re.findall(r"(\d+) rules found", found))) == len(rules())


def test_alerts_fire_when_they_should_and_not_otherwise() -> None:
    files = sorted(CONFIGURED.glob("tests/*.yml"))
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files) == 2


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_twin_for_when_nobody_can_say(name: str) -> None:
    found = {rule["alert"]: rule for rule in alerts()}
    twin = found[f"{name}Absent"]
    assert twin["expr"].startswith("absent(")
    assert twin["for"]
    assert twin["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description", "action", "runbook_url"}
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^#+ (.+)$", (CONFIGURED.parents[1] / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert anchor == rule["alert"].removesuffix("Absent").lower()


def test_rules_ask_only_for_what_is_told() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = recorded | set(DECLARED) | OTHERS
    for rule in rules():
        bare = re.sub(r'"[^"]*"', "", rule["expr"])
        asked = set(re.findall(r"\b(?:nowcast[a-z0-9_:]*|up|process_\w+)\b", bare))
        asked = {re.sub(r"(?<!:)_(bucket|count|sum)$", "", name) for name in asked}
        assert asked
        assert asked <= known, rule


# over restarts


class Running:
    """A process of its own that tells Prometheus something, and may be killed."""

    def __init__(self, port: int, log: Path, /, *arguments: str, **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "service.cli", *arguments]
        self._environment = os.environ | {
            "NOWCAST_MODELS": '["advection", "persistence"]',
            **{f"NOWCAST_{name.upper()}": value for name, value in settings.items()},
        }
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log
            )
        end = time.monotonic() + 500
        while not self.answers():
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/metrics", timeout=60).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(port: int, log: Path, /, *arguments: str, **settings: str) -> Iterator[Running]:
    started = Running(port, log, *arguments, **settings)
    try:
        yield started
    finally:
        started.kill()


def test_a_restart_of_the_api_is_no_drop_and_no_jump(tmp_path: Path) -> None:
    program("prometheus")
    data, port = tmp_path / "data", free_port()
    fill(data)
    archive, ledger = Archive(data / "archive"), Ledger(f"sqlite:///{data / 'ledger.sqlite'}")

    def arrive(number: int) -> None:
        later = NOW + timedelta(minutes=5 * (number - 12))
        ingest_bytes(archive, ledger, file_bytes(number), file_name(number), later)
        verify(archive, ledger, later)

    targets = {"api": [port], "worker": [], "ingest": []}
    served_by = running(port, tmp_path / "api.log", "serve", data=str(data), port=str(port))
    with served_by as served, prometheus(tmp_path, targets) as watching:
        asked = 'nowcast_http_requests_total{route="/nowcasts/latest", code="2xx", method="GET"}'

        def accepted() -> float:
            found = watching.now('nowcast_ingest_frames_total{product="RY", outcome="accepted"}')
            return found[0].values[0] if found else -1

        def has_seen(requests: int) -> bool:
            return any(requests in series.values for series in watching.now(asked))

        arrive(13)
        watching.until(lambda: accepted() == 1, "the first frame is seen")
        for _ in range(9):
            httpx.get(f"{served.url}/nowcasts/latest", timeout=300)
        watching.until(lambda: has_seen(9), "the requests are seen")
        served.kill()
        arrive(14)  # while nobody can tell
        watching.until(lambda: not watching.now("nowcast_ledger_up"), "the API is missed")
        served.start()
        watching.until(lambda: accepted() == 2, "the second frame is seen")
        httpx.get(f"{served.url}/nowcasts/latest", timeout=300)
        watching.until(lambda: has_seen(1), "it counts from 0 again")

        names = "|".join(metric.name for metric in (metrics.FRAMES, metrics.JOBS, metrics.PIXELS))
        resets = watching.now(f'resets({{__name__=~"{names}"}}[1h])')
        assert len(resets) > 100
        assert {value for series in resets for value in series.values} == {0}
        rises = watching.over_time(f'{{__name__=~"{names}"}}', 120)
        assert all(sorted(series.values) == series.values for series in rises)
        rise = (
            f"max_over_time({metrics.PIXELS.name}[1h]) - min_over_time({metrics.PIXELS.name}[1h])"
        )
        counted = sum(value for series in watching.now(rise) for value in series.values)
        assert counted == sum_of(ledger) - sum(series.values[0] for series in oldest(watching))

        assert watching.now(f"resets({asked}[1h])")[0].values == [1]
        assert watching.rise(asked) <= 10
        assert_steady(watching, asked, 10)


def test_a_restart_of_a_worker_or_of_ingest_is_no_drop_and_no_jump(tmp_path: Path) -> None:
    program("prometheus")
    data, ports = tmp_path / "data", {"worker": free_port(), "ingest": free_port()}
    fill(data)
    with ExitStack() as stack:
        server = stack.enter_context(provider())
        redis = stack.enter_context(redis_server(tmp_path))
        shared = {"data": str(data), "redis": redis.url, "radar_server": server.url}
        shared |= {
            "poll_seconds": "0.5",
            "simulated_time": f"{NOW.isoformat()}@{time.time():.3f}*1",
        }
        deployment = Deployment(Settings.model_validate(shared | {"models": MODELS}))
        stack.callback(deployment.ledger.engine.dispose)
        arguments = {
            "worker": ("worker", "--queues", INTERACTIVE),
            "ingest": ("ingest", "--follow"),
        }
        started = time.monotonic()
        processes = [
            stack.enter_context(
                running(port, tmp_path / f"{name}.log", *arguments[name],
                        metrics_port=str(port), **shared)
            )
            for name, port in ports.items()
        ]  # fmt: skip
        targets: dict[str, list[int]] = {"api": []} | {n: [port] for n, port in ports.items()}
        watching = stack.enter_context(prometheus(tmp_path, targets))

        def counted(metric: str) -> float:
            found = watching.now(f"sum({metric})")
            return found[0].values[0] if found else -1

        begun, polled = f"{metrics.WAIT.name}_count", metrics.POLLS.name
        until(
            lambda: any(INTERACTIVE in worker.queues for worker in deployment.job_table.workers()),
            500,
            "a worker",
        )
        for number in range(1, 5):
            deployment.jobs.submit(Key(frame_time(number), "persistence", "none"), INTERACTIVE)
        until(lambda: counted(begun) == 4, 500, "four jobs are seen")
        # none is under way, which a worker would begin again
        until(lambda: not deployment.job_table.issues_under_way(), 500, "four jobs are done")
        until(lambda: counted(polled) >= 8, 500, "looks at the server are seen")
        for process in processes:
            process.kill()
        deployment.jobs.submit(Key(frame_time(5), "persistence", "none"), INTERACTIVE)
        for process in processes:
            process.start()
        inferred = f"{metrics.INFERENCE.name}_count"

        def has_reset(counter: str) -> bool:
            return any(found.values[0] for found in watching.now(f"sum(resets({counter}[1h]))"))

        for counter in (begun, inferred, polled):
            until(partial(has_reset, counter), 500, f"{counter} counts from 0 again")
        until(lambda: counted(begun) == 1, 500, "the fifth job is seen")  # after the reset

        tried = 2 * len(MODELS)  # each model, when a worker begins
        assert watching.rise(begun) <= 5
        assert watching.rise(inferred) <= 5 + tried
        assert watching.rise(polled) <= 2 * 2 * (time.monotonic() - started)  # two in a second
        for counter in (begun, inferred, polled):
            assert_steady(watching, counter, watching.rise(counter))


def assert_steady(watching: Prometheus, counter: str, rise: float) -> None:
    """Prometheus never finds a drop of a counter, nor more than its rise.

    It stretches the rise between the first and the last sample of a window to its ends, by 1.1
    intervals between samples at most at each: of two samples, to 3.2 times as much.
    """
    increases = watching.over_time(f"sum(increase({counter}[1h]))", 120)[0].values
    assert min(increases) >= 0, counter
    assert max(increases) <= 3.2 * rise, counter


def sum_of(ledger: Ledger) -> float:
    names = ("hits", "misses", "false_alarms", "correct_negatives")
    return float(sum(row[name] for row in ledger.pixels() for name in names))


def oldest(watching: Any) -> list[Any]:
    return list(watching.now(f"min_over_time({metrics.PIXELS.name}[1h])"))
