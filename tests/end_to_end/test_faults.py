"""Everything that runs is killed once, and more; nothing is lost, nothing counted twice.

A stored event at 200 times its speed through the real processes. Faults come one after the other;
what dies is started again at once, as a supervisor does.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
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
from tests.end_to_end.watch import Watch
from tests.process_cluster import Broadcast, ProcessCluster, deployment_of, process_cluster, until
from tests.provider import provider

SPEED = 200.0
LONG = bool(os.environ.get("NOWCAST_LONG"))
AWAY_SECONDS = 60.0 if LONG else 12.0
"""How long Redis is away."""
CALM_SECONDS = 5.0
"""Between faults, about three frames of radar."""
RECOVERED_SECONDS = 300.0
"""A cycle of radar."""
NEVER_STALE = {"NOWCAST_STALE_MINUTES": "1000000"}
"""So that it is ready again, too, where it takes longer than there are frames to come."""
DISK = "size=400m" if LONG else "size=200m"


class Fault(NamedTuple):
    """Something that went wrong, from when to when."""

    name: str
    begin: float
    mended: float
    """When it began to be mended, by the last step."""
    end: float


class Played(NamedTuple):
    """What is left of the faults."""

    cluster: ProcessCluster
    frames: Frames
    watch: Watch
    faults: dict[str, Fault]


def mount_small_disk(folder: Path) -> bool:
    """Whether a small disk could be put under a folder."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)]
    return mount is not None and subprocess.run(command, check=False).returncode == 0


def fill_disk(folder: Path) -> None:
    with suppress(OSError), (folder / "ballast").open("wb") as file:
        while True:
            file.write(bytes(2**16))
            file.flush()


class FaultSchedule:
    """The faults, one after the other."""

    def __init__(self, cluster: ProcessCluster, disk: Path | None) -> None:
        self.cluster, self.disk = cluster, disk
        self.done: dict[str, Fault] = {}

    def fault(self, name: str, begin: Callable[[], object], *then: Callable[[], object]) -> None:
        """Do what is wrong, what ends it, and let the service recover."""
        started = mended = time.monotonic()
        begin()
        for step in then:
            mended = time.monotonic()
            step()
        self.done[name] = Fault(name, started, mended, time.monotonic())
        time.sleep(CALM_SECONDS)

    def run(self) -> None:
        cluster = self.cluster
        for name in ("worker", "api", "worker-verify", "beat", "ingest"):
            self.fault(name, lambda name=name: cluster.kill(name))  # type: ignore[misc]
        self.fault("redis with its data", cluster.redis.kill, pause(1), cluster.redis.start)
        self.fault("redis without its data", cluster.redis.kill, self.forget, cluster.redis.start)
        self.fault(
            "postgres",
            lambda: cluster.postgres.stop(signal.SIGKILL),
            pause(1),
            cluster.postgres.start,
        )
        self.fault("two beats", lambda: cluster.start("other beat", "beat"))
        if self.disk is not None:
            disk = self.disk
            self.fault("disk full", lambda: fill_disk(disk), pause(4), (disk / "ballast").unlink)
        self.fault("redis away", cluster.redis.kill, pause(AWAY_SECONDS), cluster.redis.start)
        self.fault("all at once", self.kill_all)

    def forget(self) -> None:
        shutil.rmtree(self.cluster.folder / "appendonlydir")

    def kill_postgres(self) -> None:
        self.cluster.postgres.stop(signal.SIGKILL)

    def kill_all(self) -> None:
        for name in self.cluster.processes:
            self.cluster.kill(name)


def pause(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


@pytest.fixture(scope="module")
def frames(request: pytest.FixtureRequest) -> Frames:
    if LONG:  # radar comes until the last fault is over
        return simulated_day(150)
    try:
        return real_day(request.getfixturevalue("shared"))
    except pytest.skip.Exception:
        return simulated_day(79)


@pytest.fixture(scope="module")
def played(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("faults")
    disk = folder / "data"
    mounted = mount_small_disk(disk)
    begin = frames[0][0] - timedelta(minutes=80)
    try:
        with (
            provider() as server,
            process_cluster(folder, server.url, begin, SPEED, **NEVER_STALE) as cluster,
        ):
            cluster.start_all()
            cluster.wait_until_up()
            frames = cluster.to_come(frames)
            broadcast = Broadcast(server, cluster.clock, frames)
            with deployment_of(cluster.settings) as deployment:
                until(lambda: deployment.archive.latest_frame() is not None, 500, "the first frame")
                until(lambda: cluster.ask("/readyz").status_code == 200, 500, "ready")
            watch = Watch(cluster.url)
            faults = FaultSchedule(cluster, disk if mounted else None)
            faults.run()
            broadcast.wait()
            arrived = [moment for moment, _ in frames]
            with deployment_of(cluster.settings) as deployment:
                until(
                    lambda: is_done(deployment, arrived), 500, "all taken in, forecast and verified"
                )
            last = faults.done["all at once"].end
            until(lambda: watch.was_ready_after(last), 500, "ready in the end")
            watch.end()
            cluster.end_processes()
            yield Played(cluster, frames, watch, faults.done)
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def test_no_frame_is_lost(played: Played, clean: Deployment) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert_same_frames(live, clean)


def test_each_forecast_is_made_and_equals_one_made_by_hand(
    played: Played, clean: Deployment
) -> None:
    with deployment_of(played.cluster.settings) as live:
        print(f"made of all frames: {assert_same_forecasts(live, clean):.2f}")


def test_each_is_verified_once(played: Played, clean: Deployment) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert assert_same_counts(live, clean) > 300


def test_what_was_killed_was_started_again(played: Played) -> None:
    print(played.cluster.restarts)
    assert {"worker", "api", "worker-verify", "beat", "ingest"} <= set(played.cluster.restarts)


def test_without_redis_it_said_that_it_was_not_ready(played: Played) -> None:
    away = played.faults["redis away"]
    answers = played.watch.between(away.begin, away.mended)
    noticed = [number for number, answer in enumerate(answers) if answer.status == 503]
    assert noticed
    answers = answers[noticed[0] :]
    assert {answer.status for answer in answers} == {503}
    assert all("redis" in answer.text.lower() for answer in answers)


def test_after_each_fault_it_was_ready_again_soon(
    played: Played, tell: Callable[[str], None]
) -> None:
    """Within the time that a process takes to start, with one core to itself or less."""
    ready = [answer.seconds for answer in played.watch.answers if answer.status == 200]
    took = {
        name: min(seconds for seconds in ready if seconds >= fault.end) - fault.end
        for name, fault in played.faults.items()
    }
    tell("ready again after " + ", ".join(f"{took[name]:.1f} s ({name})" for name in took))
    assert max(took.values()) < RECOVERED_SECONDS


def test_the_disk_was_full_and_nothing_is_half_written(played: Played) -> None:
    if "disk full" not in played.faults:
        pytest.skip("no small disk could be mounted here")
    assert "No space left" in "".join(
        played.cluster.log(name) for name in ("worker", "worker-verify", "ingest")
    )
    assert not list((played.cluster.folder / "data" / "archive" / "incoming").glob("*"))
