"""The demo serves before it is loaded, and before its radar is complete."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from rich.console import Console

from ingest.simulation.simulate import write
from service.cli.demo import steps
from service.cli.demo.batches import newest_published
from service.clock import utc_now
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.free_port import free_port

FRAMES = 3
Answer = tuple[int, str]
"""Status and body."""
HEAVY = ("torch", "xarray", "pandas", "numpy", "wradlib", "rasterio", "fastapi", "sqlalchemy")
"""Packages that take longer to import than all that serves the page at first."""
UNTIL_THE_PAGE = """
import json, os, sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from rich.console import Console
from service.cli import app

PAGE = {"Accept": "text/html", "Prefer": "wait=0"}

def get(path):
    try:
        with urlopen(Request(address + path, headers=PAGE)) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()

def on_print(self, *texts, **more):
    global address
    address = texts[0].split("[bold]")[1].split("/[/]")[0]
    page, health, overview = map(get, ("/", "/healthz", "/grids/latest"))
    loaded = [name for name in HEAVY if name in sys.modules]
    print(json.dumps([page, health, overview, loaded]), flush=True)
    os._exit(0)

Console.print = on_print
app(["demo", "--port", "0", "--data", sys.argv[1]])
"""
"""The demo until it names the address of the map, and what that answers then."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Answer, Answer, list[str]]:
    """What the demo answers at first, and what it has imported by then."""
    program = f"HEAVY = {HEAVY!r}\n{UNTIL_THE_PAGE}"
    command = [sys.executable, "-c", program, str(tmp_path_factory.mktemp("demo"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=True)
    page, health, overview, loaded = json.loads(done.stdout.splitlines()[-1])
    return tuple(page), tuple(health), tuple(overview), loaded


def test_the_page_answers_before_anything_large_is_imported(
    first: tuple[Answer, Answer, Answer, list[str]],
) -> None:
    page, health, _, loaded = first
    assert page[0] == 200
    assert "<title>Nowcast" in page[1]
    assert health[0] == 503
    assert loaded == []


def test_the_page_can_say_what_is_being_prepared(
    first: tuple[Answer, Answer, Answer, list[str]],
) -> None:
    status, body = first[2]
    problem = json.loads(body)
    assert status == problem["status"] == 503
    assert problem["type"] == "/problems/Starting"
    assert problem["step"] == "loading"
    assert "libraries" in problem["detail"]


def test_the_map_answers_while_radar_is_still_coming(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=free_port(), models=("advection",))
    answers = []

    def batches() -> Iterator[Iterable[Path]]:
        def files() -> Iterator[Path]:
            start = newest_published(utc_now()) - (FRAMES - 1) * np.timedelta64(5, "m")
            for path in write(tmp_path / "radar", start, FRAMES, seed=1):
                answers.append(
                    httpx.get(f"http://127.0.0.1:{settings.port}/", timeout=300).status_code
                )
                yield path

        yield files()

    out = Console(record=True, width=200)
    deployment = Deployment(settings)
    with running(deployment) as url:
        steps.run_all(out, url, deployment, batches(), once=True)
    assert answers == [200] * FRAMES
    text = out.export_text()
    assert f"{FRAMES} accepted frames" in text
    assert "advection forecast in" in text
    assert "200  advection issued at" in text


def test_radar_that_is_old_by_now_is_told_and_ends_nothing() -> None:
    ready = httpx.Response(200, json={"radar_age_s": 180})
    assert steps.readiness(ready) == "GET  /readyz                 200  radar is 3 minutes old"
    late = httpx.Response(503, json={"detail": "the newest radar is 25 minutes old"})
    assert steps.readiness(late).endswith("503  the newest radar is 25 minutes old")
