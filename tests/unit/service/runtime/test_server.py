"""The configuration of the HTTP server: whose addresses it believes, and how much it opens."""

import gc
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import numpy as np
import pytest

from model_zoo.errors import NoWeights
from service.runtime import server_limits
from service.runtime.deployment import Deployment
from service.runtime.server import running, serve
from service.runtime.server_limits import backlog_of, is_in, most_connections
from service.settings import Settings
from tests.free_port import free_port
from tests.served import MODELS

ROOT = Path(__file__).parents[4]

PYTHONS_OWN = 700, 10, 10
"""Thresholds of garbage collections without other settings."""
LIMIT = 3
"""Requests per minute in these tests."""


@pytest.fixture
def file_limits() -> Iterator[tuple[int, int]]:
    """The limits of open files, as before after the test."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield limits
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(
    ("proxies", "passed"), [("", LIMIT), ("192.0.2.0/24", LIMIT), ("127.0.0.1", 8)]
)
def test_forwarded_addresses_are_believed_from_trusted_proxies_only(
    filled: Path, proxies: str, passed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOWCAST_TRUSTED_PROXIES", proxies)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    settings = Settings(data=filled, models=MODELS, port=0, requests_per_minute=LIMIT)
    with running(Deployment(settings)) as url:
        statuses = [
            httpx.get(
                f"{url}/verification", headers={"X-Forwarded-For": f"198.51.100.{n}"}, timeout=100
            ).status_code
            for n in range(8)
        ]
    assert statuses == [200] * passed + [429] * (8 - passed)


def test_the_page_answers_before_the_deployment_is_opened(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=free_port())
    statuses = []

    def open_deployment() -> Deployment:
        headers = {"Accept": "text/html", "Prefer": "wait=0"}
        for path in ("/", "/healthz"):
            url = f"http://127.0.0.1:{settings.port}{path}"
            answer = httpx.get(url, headers=headers, timeout=100, trust_env=False)
            statuses.append(answer.status_code)
        raise NoWeights("there is none")

    with pytest.raises(NoWeights, match="there is none"):
        serve(settings, open_deployment)
    assert statuses == [200, 503]


def test_a_server_that_cannot_listen_opens_no_deployment(tmp_path: Path) -> None:
    opened: list[Settings] = []

    def open_deployment() -> Deployment:
        opened.append(settings)
        raise NoWeights("there is none")

    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(data=tmp_path, port=other.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            serve(settings, open_deployment)
    assert ended.value.code
    assert not opened


def test_a_proxy_is_recognised_by_its_network() -> None:
    networks = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert is_in("10.1.2.3", networks)
    assert is_in("fd00::1", networks)
    assert not any(is_in(host, networks) for host in ("11.0.0.1", "fe80::1", "", "testclient"))


@pytest.mark.usefixtures("file_limits")
def test_file_descriptors_stay_in_reserve_for_the_archive_and_ledger() -> None:
    assert most_connections(50) == 50
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= 50 + server_limits.RESERVED_FILES


@pytest.mark.parametrize(
    ("free", "most"), [(1000, 600), (700, 444), (300, 100), (64, 22), (2, 1), (0, 1)]
)
def test_a_low_limit_of_open_files_leaves_up_to_two_thirds_in_reserve(
    free: int, most: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_open = sum(1 for _ in Path("/proc/self/fd").iterdir())
    limits = is_open + free, is_open + free
    monkeypatch.setattr("service.runtime.server_limits.resource.getrlimit", lambda kind: limits)
    monkeypatch.setattr(
        "service.runtime.server_limits.resource.setrlimit", lambda kind, limits: None
    )
    assert abs(most_connections(600) - most) <= 3, "other threads may open files"
    assert ("ulimit -n" in caplog.text) == (most < 600)
    assert backlog_of(most) <= max(free / 4, 1), "all that are accepted at a time find room beside"


def test_full_garbage_collections_are_rare_from_the_start(tmp_path: Path) -> None:
    found: list[tuple[int, int, int]] = []

    def open_deployment() -> Deployment:
        found.append(gc.get_threshold())
        raise LookupError

    before = gc.get_threshold()
    gc.set_threshold(*PYTHONS_OWN)
    try:
        with pytest.raises(LookupError):
            serve(Settings(data=tmp_path, port=0), open_deployment)
    finally:
        gc.set_threshold(*before)
    assert np.prod(found[0]) >= 10 * np.prod(PYTHONS_OWN), "allocations from one to the next"


def test_what_is_there_at_the_start_is_left_out_of_garbage_collections() -> None:
    """A full collection, which lets no other thread run, then looks through new objects only."""
    script = (
        "import gc, service.runtime.deployment\n"
        "from service.runtime.server import leave_out_of_collections\n"
        "before = len(gc.get_objects()); leave_out_of_collections()\n"
        "assert before > 50_000 and len(gc.get_objects()) < 1000, (before, len(gc.get_objects()))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=550, check=True)
