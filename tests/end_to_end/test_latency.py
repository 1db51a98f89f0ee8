"""From a frame on the provider's server to its forecast in the hands of a client, and what of that
is whose: with MS-LSTM, which takes the time it takes."""

import os
import time
from datetime import datetime
from typing import NamedTuple

import pytest
from sqlalchemy import select

from benchmarks.speed.targets import TARGETS
from service.archive.key import iso, to_time
from service.ledger import tables
from service.settings import Settings
from tests.clean import Frames, real_day, simulated_day
from tests.process_cluster import (
    PUBLISHED_AFTER,
    ProcessCluster,
    deployment_of,
    path_of,
    process_cluster,
    until,
)
from tests.provider import provider

MODEL = "ms-lstm"
SPEED = 10.0
"""A frame every 30 seconds; what is measured takes the time it takes."""
FIRST = 24
"""Frames that are there at the start: enough for two hours of the past."""
ROUNDS = 3
AS_USUAL = ("poll_seconds", "forecast_minutes", "worker_seconds")
"""Settings that are not those of other tests."""
LONGEST_SECONDS = 10.0 if os.environ.get(TARGETS) else 500.0
"""From the frame to its forecast: the target on a quiet machine, which `benchmarks.speed.targets`
asks for, or what tells that it hangs."""


class Way(NamedTuple):
    """Seconds that each part took."""

    kept: float
    """Until it was looked for, fetched, checked and in the archive."""
    asked_for: float
    """Until there was a job for its forecast."""
    begun: float
    """Until a worker began it."""
    forecast: float
    """Until the forecast was kept."""
    served: float
    """Until a client had it."""

    def __str__(self) -> str:
        parts = [f"{name} {seconds:.2f}" for name, seconds in self._asdict().items()]
        return f"{sum(self):.2f} s: {', '.join(parts)}"


@pytest.fixture(scope="module")
def frames(request: pytest.FixtureRequest) -> Frames:
    try:
        return real_day(request.getfixturevalue("shared"))[40:]
    except pytest.skip.Exception:
        return simulated_day(FIRST + 15)


@pytest.fixture(scope="module")
def delays(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> list[Way]:
    folder = tmp_path_factory.mktemp("latency")
    begin = frames[FIRST - 1][0] + PUBLISHED_AFTER
    usual = {name: str(Settings.model_fields[name].default) for name in AS_USUAL}
    more = {
        **{f"NOWCAST_{name.upper()}": value for name, value in usual.items()},
        "NOWCAST_MODELS": f'["{MODEL}", "advection", "persistence"]',
        "NOWCAST_THREADS": "2",
    }
    with provider() as server, process_cluster(folder, server.url, begin, SPEED, **more) as cluster:
        publish_what_is_due(cluster, server.files, frames)
        cluster.start_all()
        cluster.wait_until_up()
        before = publish_what_is_due(cluster, server.files, frames)
        until(
            lambda: is_served(cluster, before), 500, "the forecast of the newest frame at the start"
        )
        with deployment_of(cluster.settings) as deployment:
            until(
                lambda: not deployment.job_table.issues_under_way(),
                500,
                "those of the frames before",
            )
        publish_what_is_due(cluster, server.files, frames)
        return [take(cluster, server.files, *frame) for frame in cluster.to_come(frames)[:ROUNDS]]


def publish_what_is_due(
    cluster: ProcessCluster, files: dict[str, bytes], frames: Frames
) -> datetime:
    """Put those frames on the server that are late by now. Returns the time of the newest."""
    due = frames[: len(frames) - len(cluster.to_come(frames))]
    files |= {path_of(moment): data for moment, data in due}
    return due[-1][0]


def is_served(cluster: ProcessCluster, issue: datetime) -> bool:
    response = cluster.ask(f"/nowcasts/latest?model={MODEL}")
    return response.status_code == 200 and response.json()["issue_time"] == iso(issue)


def take(cluster: ProcessCluster, files: dict[str, bytes], moment: datetime, data: bytes) -> Way:
    """Publish a frame when it is due, and follow it."""
    until(lambda: cluster.clock() > moment + PUBLISHED_AFTER, 500, f"the time of {moment}")
    published = time.time()
    files[path_of(moment)] = data
    with deployment_of(cluster.settings) as deployment:
        until(lambda: deployment.archive.has_frame(to_time(moment)), 500, f"the frame of {moment}")
        kept = time.time()
        until(lambda: is_served(cluster, moment), 500, f"the forecast from {moment}")
        served = time.time()
        query = select(tables.jobs).where(
            tables.jobs.c.issue == moment, tables.jobs.c.model == MODEL
        )
        with deployment.ledger.engine.connect() as connection:
            (job,) = connection.execute(query)
    created, started, finished = (
        time.timestamp() for time in (job.created, job.started, job.finished)
    )
    return Way(
        kept - published, created - kept, started - created, finished - started, served - finished
    )


def test_the_forecast_of_each_frame_is_served(delays: list[Way]) -> None:
    for way in delays:
        print(way)
    assert len(delays) == ROUNDS
    assert max(map(sum, delays)) < LONGEST_SECONDS


def test_each_step_follows_on_the_one_before(delays: list[Way]) -> None:
    """As the job tells: looks at the archive and at the API are late by up to one look."""
    for way in delays:
        assert way.begun >= 0
        assert way.forecast >= 0
        assert way.kept >= 0
