"""Two hundred clients at once, for two minutes while frames arrive: each forecast is made once, and
reads are quick."""

import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sqlalchemy import select

from benchmarks.speed.targets import TARGETS
from service.ledger import tables
from tests.clean import Frames, real_day, simulated_day
from tests.process_cluster import Broadcast, deployment_of, process_cluster, until
from tests.provider import provider

SECONDS, CLIENTS, RATE = 120, 200, 100
SPEED = 20.0
"""A frame every 15 seconds."""
FIRST = 24
"""Number of the newest frame at the start."""
QUIET = bool(os.environ.get(TARGETS))
"""Whether this is a quiet machine, where targets are to be met: `benchmarks.speed.targets`."""
MOST_MS = 50 if QUIET else 20_000
"""In which 99 % of the reads are answered."""
FEWEST_READS = (0.7 if QUIET else 0.07) * SECONDS * RATE
"""Of those that clients would send if each were answered at once."""


ANNOUNCED = re.compile(r"/problems/(QueueFull|QueueTooOld|NoWorker|NoFrames)\b")
"""Why a request may be refused for now; each comes with when to ask again."""


class Told(NamedTuple):
    """What came of it."""

    crowd: dict[str, Any]
    memory: list[int]
    """Bytes of the API, twice a second."""
    jobs: list[dict[str, Any]]
    begun: dict[str, int]
    """How often a job of a model was begun."""


def memory_of(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    frames: Frames
    try:
        frames = real_day(request.getfixturevalue("shared"))[:48]
    except pytest.skip.Exception:
        frames = simulated_day(48)
    begin = frames[FIRST][0] + timedelta(minutes=4)
    folder = tmp_path_factory.mktemp("load")
    more = {
        "NOWCAST_FORECAST_MINUTES": "15",
        "NOWCAST_STALE_MINUTES": "600",
        "NOWCAST_WORKER_SECONDS": "60",  # under load, one that is slow is not taken for dead
    }
    with provider() as server, process_cluster(folder, server.url, begin, SPEED, **more) as cluster:
        cluster.start_all()
        cluster.wait_until_up()
        Broadcast(server, cluster.clock, frames)
        until(lambda: cluster.ask("/nowcasts/latest").status_code == 200, 500, "a first forecast")
        memory: list[int] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.5):
                memory.append(memory_of(cluster.processes["api"].pid))

        watch = threading.Thread(target=look)
        watch.start()
        command = [sys.executable, "-m", "tests.load_client", cluster.port, SECONDS, CLIENTS, RATE]
        done = subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=550)
        over.set()
        watch.join()
        with deployment_of(cluster.settings) as deployment:
            until(lambda: not deployment.job_table.issues_under_way(), 500, "nothing under way")
            with deployment.ledger.engine.connect() as connection:
                jobs = [dict(row) for row in connection.execute(select(tables.jobs)).mappings()]
            begun = {
                m: n
                for (m, status), n in deployment.job_table.jobs_by().items()
                if status == "running"
            }
    return Told(json.loads(done.stdout), memory, jobs, begun)


def test_nobody_gets_an_error_but_those_that_were_announced(loaded: Told) -> None:
    statuses = {int(code) for kind in loaded.crowd["statuses"].values() for code in kind}
    print(loaded.crowd["statuses"], loaded.crowd["problems"])
    assert statuses <= {200, 202, 503}
    assert all(ANNOUNCED.search(body) for body in loaded.crowd["problems"])
    assert sum(loaded.crowd["statuses"]["read"].values()) > FEWEST_READS


def test_each_forecast_is_made_once(loaded: Told) -> None:
    assert len(loaded.jobs) >= 4
    assert {job["attempts"] for job in loaded.jobs if job["status"] == "successful"} == {1}
    assert loaded.begun == Counter(
        job["model"] for job in loaded.jobs if job["started"] is not None
    )


def test_reads_are_answered(loaded: Told) -> None:
    seconds = np.array(loaded.crowd["seconds"]["read"])
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    print(f"{len(seconds) / SECONDS:.0f} reads/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert p99 < MOST_MS


def test_memory_is_flat(loaded: Told) -> None:
    half = len(loaded.memory) // 2
    print([round(m / 2**20) for m in loaded.memory[:: max(half // 5, 1)]])
    assert max(loaded.memory[half:]) < 1.1 * max(loaded.memory[half // 2 : half])
