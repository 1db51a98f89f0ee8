"""A day on the provider's server, with all that goes wrong there, through the whole service."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.process_cluster import (
    Broadcast,
    ProcessCluster,
    deployment_of,
    path_of,
    process_cluster,
    until,
)
from tests.provider import Fault, cut, half, other, provider, refuse, stall
from tests.state_snapshot import outcomes_of

SPEED = 200.0
AHEAD = (timedelta(minutes=80), timedelta(hours=24))
"""How long before the first frame the processes are started: the first that suffices."""
FEWEST = 50
"""Frames that have yet to come then; all faults are among the first of them."""
SIMULATED_FRAMES = 288 if os.environ.get("NOWCAST_LONG") else 60


@pytest.fixture(scope="module", params=["real", "simulated"])
def frames(request: pytest.FixtureRequest) -> Frames:
    if request.param == "simulated":
        return simulated_day(SIMULATED_FRAMES)
    return real_day(request.getfixturevalue("shared"))


LATE, MISSING = {10: timedelta(minutes=12), 22: timedelta(minutes=7)}, (17,)
OUTAGE = range(36, 39)
"""Frames during which the server answers nothing but errors."""


def faults(frames: Frames) -> dict[int, list[Fault]]:
    """By frame number, what the server answers first."""
    return {
        13: [cut, cut],
        15: [refuse(404), refuse(500), refuse(500)],
        26: [stall(1.0)],
        **{number: [answer] for number, answer in bad_files(frames).items()},
    }


def bad_files(frames: Frames) -> dict[int, Fault]:
    """Answers that come whole and are no good."""
    return {
        19: half,
        21: other(b"<html><title>Maintenance</title></html>"),
        24: other(frames[23][1]),
        28: other(b""),
    }


class Played(NamedTuple):
    """The stage after the day, when all is done."""

    cluster: ProcessCluster
    frames: Frames
    """Those that came."""
    bad: int
    """Answers that were files of no use."""


@contextmanager
def cluster_before(frames: Frames, folder: Path, url: str) -> Iterator[ProcessCluster]:
    """Processes at work before the day begins, however slow the machine is."""
    for ahead in AHEAD:
        place = folder / f"{ahead.total_seconds():.0f}"
        place.mkdir()
        with process_cluster(place, url, frames[0][0] - ahead, SPEED) as cluster:
            cluster.start_all()
            cluster.wait_until_up()
            if len(cluster.to_come(frames)) >= FEWEST or ahead == AHEAD[-1]:
                yield cluster
                return


@pytest.fixture(scope="module")
def played(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("day")
    with provider() as server, cluster_before(frames, folder, server.url) as cluster:
        frames = cluster.to_come(frames)
        server.listed |= {path_of(time) for time, _ in frames}  # before there is anything
        broadcast = Broadcast(server, cluster.clock, frames, LATE, MISSING, faults(frames))
        until(lambda: cluster.clock() > frames[OUTAGE[0]][0] + timedelta(minutes=3), 300, "outage")
        server.outage = refuse(503)
        until(
            lambda: cluster.clock() > frames[OUTAGE[-1]][0] + timedelta(minutes=4), 500, "its end"
        )
        server.outage = None
        broadcast.wait()
        arrived = [frame for number, frame in enumerate(frames) if number not in MISSING]
        with deployment_of(cluster.settings) as deployment:
            until(
                lambda: is_done(deployment, [t for t, _ in arrived]),
                500,
                "all taken in and verified",
            )
        cluster.end_processes()
        yield Played(cluster, arrived, len(bad_files(frames)))


def test_every_frame_that_came_is_in_the_archive_and_equal(
    played: Played, clean: Deployment
) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert_same_frames(live, clean)
    assert len(list(clean.archive.frame_times())) == len(played.frames) > 40


def test_forecasts_equal_those_made_by_hand(played: Played, clean: Deployment) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert assert_same_forecasts(live, clean) > 0.8


def test_every_forecast_is_verified_once_with_the_counts_of_a_clean_run(
    played: Played, clean: Deployment
) -> None:
    with deployment_of(played.cluster.settings) as live:
        assert assert_same_counts(live, clean) > 100


def test_every_bad_answer_is_in_quarantine_beside_its_reason(played: Played) -> None:
    cluster, bad = played.cluster, played.bad
    folder = cluster.folder / "data" / "archive" / "quarantine"
    reasons = sorted(folder.glob("*.reason.txt"))
    files = [path for path in folder.iterdir() if not path.name.endswith(".reason.txt")]
    assert len(files) == len(reasons) == bad
    assert all(path.read_text().strip() for path in reasons)
    with deployment_of(cluster.settings) as live:
        outcomes = outcomes_of(live.ledger)
    print(dict(outcomes), "restarts:", cluster.restarts)
    assert outcomes["quarantined"] == bad


def test_nothing_had_to_be_started_again(played: Played) -> None:
    assert played.cluster.restarts == {}
