"""Jobs in the process itself: each forecast once, in turn, and no more than can be remembered."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest

from service import jobs
from service.archive import Key
from service.errors import QueueFull, UnknownJob
from service.jobs import EmbeddedJobs

SECONDS = 10.0
"""How long a test waits for what should come at once."""


def key(number: int = 0) -> Key:
    issue = np.datetime64("2026-06-21T12:00", "ns") + number * np.timedelta64(5, "m")
    return Key(issue, "persistence", "none")


class Kitchen:
    """Makes forecasts, one after the other, when the door is open."""

    def __init__(self) -> None:
        self.door = threading.Event()
        self.entered = threading.Semaphore(0)
        self.made: list[Key] = []

    def make(self, key: Key) -> None:
        self.entered.release()
        assert self.door.wait(SECONDS)
        if key.model == "burnt":
            raise ValueError("burnt")
        self.made.append(key)


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is looked at."""
    seconds = count()
    return lambda: datetime(2026, 6, 21, tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.fixture
def kitchen() -> Iterator[Kitchen]:
    made = Kitchen()
    yield made
    made.door.set()


@pytest.fixture
def queue(kitchen: Kitchen) -> Iterator[EmbeddedJobs]:
    made = EmbeddedJobs(kitchen.make, ticking(), most_waiting=2)
    yield made
    kitchen.door.set()
    made.close()


def busy(queue: EmbeddedJobs, kitchen: Kitchen, number: int = 0) -> str:
    """The id of a job that runs and does not get on."""
    job = queue.submit(key(number))
    assert kitchen.entered.acquire(timeout=SECONDS)
    return job.id


def test_a_job_is_accepted_runs_and_succeeds(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    accepted = queue.submit(key())
    assert (accepted.status, accepted.started, accepted.finished) == ("accepted", None, None)
    kitchen.entered.acquire(timeout=SECONDS)
    running = queue.get(accepted.id)
    assert (running.status, running.finished) == ("running", None)
    kitchen.door.set()
    done = queue.wait(accepted.id, SECONDS)
    assert done.status == "successful"
    assert done.started is not None
    assert done.finished is not None
    assert done.created < done.started < done.finished
    assert kitchen.made == [key()]


def test_asking_again_while_it_is_made_gives_the_same_job(
    queue: EmbeddedJobs, kitchen: Kitchen
) -> None:
    busy(queue, kitchen)
    waiting = queue.submit(key(1))
    assert queue.submit(key(0)).status == "running"
    assert queue.submit(key(1)) == waiting
    kitchen.door.set()
    queue.wait(waiting.id, SECONDS)
    assert kitchen.made == [key(0), key(1)]


def test_many_who_ask_at_once_get_one_job(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    together = threading.Barrier(8)
    found: list[datetime] = []

    def ask() -> None:
        together.wait()
        found.append(queue.submit(key()).created)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kitchen.door.set()
    queue.wait(key().id, SECONDS)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert kitchen.made == [key()]


def test_jobs_are_done_one_after_the_other_in_their_order(
    queue: EmbeddedJobs, kitchen: Kitchen
) -> None:
    busy(queue, kitchen)
    for number in (2, 1):
        queue.submit(key(number))
    assert not kitchen.entered.acquire(timeout=0.05), "only one runs"
    kitchen.door.set()
    queue.wait(key(1).id, SECONDS)
    assert kitchen.made == [key(0), key(2), key(1)]


def test_a_full_queue_refuses_more_and_takes_more_when_it_is_empty(
    queue: EmbeddedJobs, kitchen: Kitchen
) -> None:
    busy(queue, kitchen)
    for number in (1, 2):
        queue.submit(key(number))
    with pytest.raises(QueueFull, match="waiting"):
        queue.submit(key(3))
    with pytest.raises(UnknownJob):
        queue.get(key(3).id)
    assert queue.submit(key(1)).status == "accepted", "one that waits already is no more"
    kitchen.door.set()
    queue.wait(key(2).id, SECONDS)
    queue.submit(key(3))
    assert queue.wait(key(3).id, SECONDS).status == "successful"


def test_waiting_ends_when_the_time_is_over(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    job = busy(queue, kitchen)
    assert queue.wait(job, 0.01).status == "running"


def test_a_job_that_waits_can_be_dismissed(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    busy(queue, kitchen)
    waiting = queue.submit(key(1))
    dismissed = queue.dismiss(waiting.id)
    assert dismissed.status == "dismissed"
    assert dismissed.finished is not None
    assert queue.dismiss(waiting.id) == dismissed
    kitchen.door.set()
    queue.submit(key(2))
    queue.wait(key(2).id, SECONDS)
    assert kitchen.made == [key(0), key(2)]
    assert queue.get(waiting.id) == dismissed


def test_dismissing_makes_room_in_the_queue(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    busy(queue, kitchen)
    for number in (1, 2):
        queue.submit(key(number))
    queue.dismiss(key(1).id)
    assert queue.submit(key(3)).status == "accepted"


def test_a_dismissed_job_can_be_asked_for_again(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    busy(queue, kitchen)
    queue.submit(key(1))
    queue.dismiss(key(1).id)
    assert queue.submit(key(1)).status == "accepted"
    kitchen.door.set()
    assert queue.wait(key(1).id, SECONDS).status == "successful"
    assert kitchen.made == [key(0), key(1)]


def test_a_job_that_runs_or_is_done_is_not_dismissed(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    job = busy(queue, kitchen)
    assert queue.dismiss(job).status == "running"
    kitchen.door.set()
    queue.wait(job, SECONDS)
    assert queue.dismiss(job).status == "successful"


def test_a_job_that_fails_says_why_and_does_not_stop_the_next(
    queue: EmbeddedJobs, kitchen: Kitchen
) -> None:
    kitchen.door.set()
    bad = queue.submit(key()._replace(model="burnt"))
    failed = queue.wait(bad.id, SECONDS)
    assert failed.status == "failed"
    assert str(failed.error) == "burnt"
    assert failed.finished is not None
    queue.submit(key(1))
    assert queue.wait(key(1).id, SECONDS).status == "successful"


def test_a_job_that_failed_can_be_tried_again(queue: EmbeddedJobs, kitchen: Kitchen) -> None:
    kitchen.door.set()
    bad = key()._replace(model="burnt")
    first = queue.wait(queue.submit(bad).id, SECONDS)
    again = queue.wait(queue.submit(bad).id, SECONDS)
    assert again.created > first.created


def test_a_job_that_nobody_asked_for_is_unknown(queue: EmbeddedJobs) -> None:
    for ask in (queue.get, queue.dismiss, lambda job: queue.wait(job, 0)):
        with pytest.raises(UnknownJob, match="no-such-job"):
            ask("no-such-job")


def test_only_so_many_finished_jobs_are_remembered(
    queue: EmbeddedJobs, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "REMEMBERED", 5)
    kitchen.door.set()
    for number in range(20):
        queue.submit(key(number))
        queue.wait(key(number).id, SECONDS)
    known = [n for n in range(20) if is_known(queue, key(n))]
    assert known == [15, 16, 17, 18, 19]


def is_known(queue: EmbeddedJobs, key: Key) -> bool:
    try:
        queue.get(key.id)
    except UnknownJob:
        return False
    return True


def test_jobs_that_are_not_done_are_never_forgotten(
    queue: EmbeddedJobs, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "REMEMBERED", 0)
    job = busy(queue, kitchen)
    queue.submit(key(1))
    assert queue.get(job).status == "running"
    assert queue.get(key(1).id).status == "accepted"


def test_closing_finishes_what_runs_and_drops_what_waits(kitchen: Kitchen) -> None:
    queue = EmbeddedJobs(kitchen.make, ticking(), most_waiting=2)
    busy(queue, kitchen)
    queue.submit(key(1))
    closing = threading.Thread(target=queue.close)
    closing.start()
    kitchen.door.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert kitchen.made == [key(0)]


def test_the_error_of_a_job_does_not_grow_with_every_answer() -> None:
    error = ValueError("burnt")
    for _ in range(5):
        with pytest.raises(ValueError, match="burnt"):
            raise jobs.fresh(error)
    depth, trace = 0, error.__traceback__
    while trace is not None:
        depth, trace = depth + 1, trace.tb_next
    assert depth == 1
