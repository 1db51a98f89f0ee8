"""Hostile clients of every kind at once: readers are served, and the service stays as it was."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.reliability.hostile import ATTACKS, READ_PATHS, Reads, Target, besiege
from service.runtime.deployment import Deployment
from service.runtime.server import running
from service.settings import Settings
from tests.served import MODELS, fill, iso

SECONDS = 6.0
LONGEST_SECONDS = 300.0
ENOUGH = 40
"""Reads from which on a share of them means something."""
SEED = 7


def is_enough(target: Target, reads: Reads) -> bool:
    """Whether every kind has attacked and readers have asked often: at once on a usual machine."""
    asked = all(reads.statuses[path, 200] for path in READ_PATHS)
    return asked and len(target.connections) == len(ATTACKS) and reads.statuses.total() >= ENOUGH


@pytest.mark.timeout(600)
def test_readers_are_served_while_hostile_clients_of_every_kind_attack(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tell: Callable[[str], None]
) -> None:
    fill(tmp_path)
    settings = Settings(data=tmp_path, models=MODELS, port=0, connections=100)
    with running(Deployment(settings)) as url:
        assert httpx.get(f"{url}/nowcasts/latest", timeout=400).status_code == 200
        port = httpx.URL(url).port
        assert port is not None
        target, reads = Target(port, 0, [iso(11), iso(6)]), Reads()
        until = time.monotonic() + LONGEST_SECONDS
        for seed in count(SEED):
            target.end = time.monotonic() + SECONDS
            more = asyncio.run(besiege(target, clients=4, rate=20, seed=seed))
            reads.statuses.update(more.statuses)
            for path, seconds in more.seconds.items():
                reads.seconds[path] += seconds
            if is_enough(target, reads) or time.monotonic() > until:
                break
        assert httpx.get(f"{url}/healthz", timeout=100).json() == {"status": "ok"}
        errors = [record.getMessage() for record in caplog.records if record.exc_info]
    p99 = 1000 * np.quantile(reads.seconds["/healthz"], 0.99)
    tell(
        f"{target.connections.total():,} hostile connections of {len(target.connections)} kinds; "
        f"p99 of {len(reads.seconds['/healthz'])} `/healthz` {p99:.0f} ms"
    )
    assert {attack.__name__ for attack in ATTACKS} == set(target.connections)
    answered = {(path, 200): reads.statuses[path, 200] for path in READ_PATHS}
    assert min(answered.values()) > 0
    refused = {key: n for key, n in reads.statuses.items() if key not in answered}
    # a reader's own idle connection may end for a new one; it then asks over another
    assert all(status == 0 for _, status in refused), refused
    assert sum(refused.values()) <= sum(answered.values()) / 10
    assert all(status < 500 or status == 503 for _, status in target.statuses), target.statuses
    assert not errors, "no tracebacks"
