"""The clock of the machine is set wrong and right again under the running service, which loses
nothing by it, counts nothing twice, and says so while it lasts.

A library that all processes are started with (`wrong_clock.c`) makes the time of day wrong by what
a file says.
"""

import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from service.runtime.deployment import Deployment
from tests.clean import (
    Frames,
    assert_same_counts,
    assert_same_forecasts,
    assert_same_frames,
    is_done,
    real_day,
    simulated_day,
)
from tests.end_to_end.watch import Answer, Watch
from tests.process_cluster import Broadcast, ProcessCluster, deployment_of, process_cluster, until
from tests.provider import provider
from tests.state_snapshot import outcomes_of

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
SOURCE = Path(__file__).with_name("wrong_clock.c")

SPEED = 60.0
"""A frame every 5 seconds; a step of a minute is one of an hour for the weather."""
STEP_SECONDS = 60
FRAMES = 20
WRONG_SECONDS = 12.0
"""How long the clock is wrong at least, about two frames."""
NOTICED_SECONDS = RECOVERED_SECONDS = 300.0
WORKER_SECONDS = 15.0
"""Silence after which a worker counts as dead: more than a busy machine keeps one waiting."""
BEFORE = timedelta(minutes=80)
"""How long before the first frame it begins, for all processes to start."""


class Step(NamedTuple):
    """When the clock was wrong, on one that was not."""

    begin: float
    noticed: float
    """When the service first reported that it was not ready."""
    end: float


class Played(NamedTuple):
    """What is left of it."""

    cluster: ProcessCluster
    frames: Frames
    watch: Watch
    steps: dict[str, Step]


class WrongClock:
    """How wrong the clock of those is that are started with an environment."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "wrong_clock.so", folder / "wrong_clock"
        assert COMPILER is not None
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True)
        self._file.write_bytes(struct.pack("<q", 0))
        self.environment = {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        with self._file.open("r+b") as file:
            file.write(struct.pack("<q", seconds))


def wrong_for_a_while(clock: WrongClock, seconds: int, watch: Watch) -> Step:
    begin = time.monotonic()
    clock.set(seconds)
    time.sleep(WRONG_SECONDS)
    until(lambda: len(not_ready(watch, begin)) > 2, NOTICED_SECONDS, "not ready")
    end = time.monotonic()
    clock.set(0)
    time.sleep(WRONG_SECONDS)
    return Step(begin, not_ready(watch, begin)[0].seconds, end)


def not_ready(watch: Watch, begin: float) -> list[Answer]:
    """Answers since some time that the service is not ready."""
    answers = watch.between(begin, time.monotonic())
    return [answer for answer in answers if answer.status == 503]


@pytest.fixture(scope="module")
def frames(request: pytest.FixtureRequest) -> Frames:
    try:
        return real_day(request.getfixturevalue("shared"))[:FRAMES]
    except pytest.skip.Exception:
        return simulated_day(FRAMES)


@pytest.fixture(scope="module")
def played(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("clock")
    clock, begin = WrongClock(folder), frames[0][0] - BEFORE
    more = clock.environment | {"NOWCAST_WORKER_SECONDS": f"{WORKER_SECONDS:g}"}
    with (
        provider() as server,
        process_cluster(folder, server.url, begin, SPEED, **more) as cluster,
    ):
        cluster.start_all()
        cluster.wait_until_up()
        frames = cluster.to_come(frames)
        broadcast = Broadcast(server, cluster.clock, frames)
        until(lambda: cluster.ask("/readyz").status_code == 200, 500, "ready")
        watch = Watch(cluster.url)
        steps = {
            "ahead": wrong_for_a_while(clock, STEP_SECONDS, watch),
            "behind": wrong_for_a_while(clock, -STEP_SECONDS, watch),
        }
        broadcast.wait()
        with deployment_of(cluster.settings) as deployment:
            until(lambda: is_done(deployment, [moment for moment, _ in frames]), 500, "all done")
        for step in steps.values():
            until(partial(watch.was_ready_after, step.end), RECOVERED_SECONDS, "ready again")
        watch.end()
        cluster.end_processes()
        yield Played(cluster, frames, watch, steps)


def test_nothing_is_lost_and_nothing_counted_twice(played: Played, clean: Deployment) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert_same_frames(live, clean)
        assert_same_forecasts(live, clean)
        assert assert_same_counts(live, clean) > 20
        assert live.ledger.states().get("missing", 0) == 0
        assert set(outcomes_of(live.ledger)) <= {"accepted", "late"}


def test_nothing_ended_by_it(played: Played) -> None:
    assert played.cluster.restarts == {}
    assert played.cluster.log("beat").count("the clock was set back") == 2


@pytest.mark.parametrize(("name", "word"), [("ahead", "minutes ago"), ("behind", "in the future")])
def test_while_the_clock_was_wrong_it_said_what_that_looks_like(
    played: Played, name: str, word: str
) -> None:
    step = played.steps[name]
    answers = played.watch.between(step.noticed, step.end)
    assert answers
    assert {answer.status for answer in answers} == {503}
    assert all(word in answer.text for answer in answers)


def test_with_the_right_clock_it_was_soon_ready_again(played: Played) -> None:
    def is_ready(answer: Answer) -> bool:
        return answer.status == 200

    for step in played.steps.values():
        after = played.watch.between(step.end, step.end + RECOVERED_SECONDS)
        ready = [answer.seconds - step.end for answer in after if is_ready(answer)]
        print(f"ready again after {ready[0]:.1f} s")
        assert ready
