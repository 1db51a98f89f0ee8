"""Jobs in SQL: each has one who does it, and none is lost with the one who did."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from service.archive.key import Key
from service.jobs.job_table import JobBook, JobRow
from service.ledger.ledger import Ledger
from tests.parallel import together
from tests.postgres import DATABASES, new_url

NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LONG_AGO, FAR_AHEAD = NOW - timedelta(days=9), NOW + timedelta(days=9)
MOST = 2
"""Attempts."""
ROUNDS = 20


def key(number: int = 0, upload: str = "") -> Key:
    issue = np.datetime64("2026-10-25T00:00", "ns") + number * np.timedelta64(5, "m")
    return Key(issue, "persistence", "none", upload)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


@pytest.fixture
def book(url: str) -> Iterator[JobBook]:
    ledger = Ledger(url)
    yield JobBook(ledger.engine)
    ledger.engine.dispose()


def asked(book: JobBook, number: int = 0, queue: str = "interactive", now: datetime = NOW) -> str:
    return book.ask(key(number), queue, now)[0].id


def claim(book: JobBook, job: str, worker: str = "anna", now: datetime = NOW) -> JobRow | None:
    return book.claim(job, worker, now, MOST, dead_since=now - MINUTE)


def running(book: JobBook, worker: str = "anna", number: int = 0) -> str:
    job = asked(book, number)
    assert claim(book, job, worker)
    return job


def status(book: JobBook, job: str) -> str:
    row = book.get(job)
    assert row is not None
    return row.status


# asking


def test_a_job_is_new_once(book: JobBook) -> None:
    row, is_new = book.ask(key(), "interactive", NOW)
    assert is_new
    assert (row.id, row.status, row.created, row.attempts) == (key().id, "accepted", NOW, 0)
    assert (row.model, row.weights, row.issue) == ("persistence", "none", NOW - 30 * MINUTE)
    assert book.ask(key(), "interactive", NOW + HOUR) == (row, False)
    assert book.get(row.id) == row


def test_what_is_made_of_uploaded_frames_is_a_job_of_its_own(book: JobBook) -> None:
    for upload in ("", "a" * 64, "b" * 64):
        row, is_new = book.ask(key(upload=upload), "interactive", NOW)
        assert is_new
        assert row.upload == upload


@pytest.mark.parametrize("again", [False, True])
def test_what_is_under_way_is_not_accepted_anew(book: JobBook, again: bool) -> None:
    running(book)
    row, is_new = book.ask(key(), "interactive", NOW, again=again)
    assert (row.status, is_new) == ("running", False)


def test_what_was_successful_stays_so_unless_it_is_wanted_again(book: JobBook) -> None:
    book.finish(running(book), NOW)
    row, is_new = book.ask(key(), "interactive", NOW)
    assert (row.status, is_new) == ("successful", False)


@pytest.mark.parametrize("end", ["failed", "dismissed", "expired", "dead letter", "successful"])
def test_what_is_over_is_accepted_anew_as_if_it_had_never_been(book: JobBook, end: str) -> None:
    job = asked(book, queue="scheduled")
    if end == "dismissed":
        book.dismiss(job, NOW)
    elif end == "expired":
        book.expire(NOW + SECOND)
    elif end == "successful":
        claim(book, job)
        book.finish(job, NOW)
    else:
        book.claim(job, "anna", NOW, 9 if end == "failed" else 0, LONG_AGO)
        book.finish(job, NOW, "NoFrames", "there are too few")
    row, is_new = book.ask(key(), "interactive", NOW + HOUR, again=end == "successful")
    assert is_new
    fresh = (row.status, row.created, row.queue, row.attempts)
    assert fresh == ("accepted", NOW + HOUR, "interactive", 0)
    assert {row.sent, row.started, row.finished, row.worker, row.kind, row.message} == {None}


def test_a_scheduled_job_that_somebody_waits_for_is_moved_ahead_once(book: JobBook) -> None:
    asked(book, queue="scheduled")
    row, is_new = book.ask(key(), "interactive", NOW)
    assert (row.queue, is_new) == ("interactive", True)
    for queue in ("interactive", "scheduled"):
        row, is_new = book.ask(key(), queue, NOW)
        assert (row.queue, is_new) == ("interactive", False)


def test_jobs_are_found_by_their_ids(book: JobBook) -> None:
    ids = [asked(book, number) for number in range(3)]
    assert set(book.many(ids[1:])) == set(ids[1:])
    assert book.many([]) == {}


@pytest.mark.parametrize("bad", ["none", "", "a\0b", "half \udcff", "x" * 10_000, "' OR 1=1 --"])
def test_there_is_no_job_of_an_id_that_is_none(book: JobBook, bad: str) -> None:
    asked(book)
    assert book.get(bad) is None
    assert book.dismiss(bad, NOW) is None


# doing


def test_a_claimed_job_is_running_and_nobody_else_s(book: JobBook) -> None:
    job = asked(book)
    row = claim(book, job, "anna")
    assert row is not None
    found = (row.status, row.worker, row.started, row.attempts)
    assert found == ("running", "anna", NOW, 1)
    assert book.get(job) == row
    assert claim(book, job, "otto") is None
    assert claim(book, job, "anna") is None, "brought twice to the same worker"
    assert book.get(job) == row


@pytest.mark.parametrize("end", ["successful", "failed", "dismissed"])
def test_what_has_ended_is_not_claimed(book: JobBook, end: str) -> None:
    job = asked(book)
    if end == "dismissed":
        book.dismiss(job, NOW)
    else:
        claim(book, job)
        book.finish(job, NOW, None if end == "successful" else "NoFrames")
    assert book.claim(job, "otto", FAR_AHEAD, MOST, dead_since=FAR_AHEAD) is None
    assert status(book, job) == end


def test_the_job_of_a_dead_worker_is_taken_over(book: JobBook) -> None:
    book.beat("anna", ["interactive"], "cpu", NOW)
    job = running(book)
    assert claim(book, job, "otto", NOW + MINUTE - SECOND) is None, "just begun"
    book.beat("anna", ["interactive"], "cpu", NOW + HOUR)
    assert claim(book, job, "otto", NOW + HOUR) is None, "alive"
    row = claim(book, job, "otto", NOW + 2 * HOUR)
    assert row is not None
    assert (row.worker, row.attempts) == ("otto", 2)


def test_a_worker_that_was_never_heard_of_counts_from_its_claim_on(book: JobBook) -> None:
    job = running(book, "unknown")
    assert claim(book, job, "otto", NOW + MINUTE - SECOND) is None
    assert claim(book, job, "otto", NOW + MINUTE) is not None


def test_a_job_that_ends_its_workers_is_given_up(book: JobBook) -> None:
    job = asked(book)
    for number in range(MOST):
        assert claim(book, job, f"{number}", NOW + number * HOUR)
    assert claim(book, job, "next", NOW + (MOST - 1) * HOUR + SECOND) is None
    assert status(book, job) == "running", "the last attempt may come to its end yet"
    assert claim(book, job, "next", NOW + MOST * HOUR) is None
    row = book.get(job)
    assert row is not None
    assert (row.status, row.kind, row.attempts) == ("failed", "DeadLetter", MOST)
    assert row.finished == NOW + MOST * HOUR
    assert "2 workers" in str(row.message)
    assert book.given_up_by() == {("persistence", "DeadLetter"): 1}


def test_a_job_ends_with_success_or_with_its_error(book: JobBook) -> None:
    good, bad = running(book, number=0), running(book, number=1)
    book.finish(good, NOW + SECOND)
    book.finish(bad, NOW + SECOND, "NoFrames", "there are \0 too few")
    ends = [book.get(job) for job in (good, bad)]
    assert [(row.status, row.kind, row.finished) for row in ends if row] == [
        ("successful", None, NOW + SECOND),
        ("failed", "NoFrames", NOW + SECOND),
    ]
    assert ends[1] is not None
    assert str(ends[1].message).startswith("there are")


def test_a_success_is_true_whoever_says_so(book: JobBook) -> None:
    """A worker that was thought dead comes to the end after all: the forecast is there."""
    job = running(book)
    claim(book, job, "otto", NOW + HOUR)
    book.finish(job, NOW + HOUR, worker="anna")
    assert status(book, job) == "successful"
    book.finish(job, NOW + HOUR, "NoFrames", worker="otto")
    book.release(job, NOW + HOUR, worker="otto")
    assert status(book, job) == "successful"


def test_who_was_thought_dead_does_not_end_the_job_of_another(book: JobBook) -> None:
    job = running(book)
    before = claim(book, job, "otto", NOW + HOUR)
    book.finish(job, NOW + HOUR, "OutOfMemory", worker="anna")
    book.release(job, NOW + HOUR, worker="anna")
    assert book.get(job) == before


def test_a_released_job_waits_again_and_was_not_tried(book: JobBook) -> None:
    job = running(book)
    book.release(job, NOW, worker="anna")
    row = book.get(job)
    assert row is not None
    assert (row.status, row.attempts, row.worker, row.started) == ("accepted", 0, None, None)
    assert claim(book, job, "otto") is not None


def test_only_what_nobody_has_begun_is_dismissed(book: JobBook) -> None:
    waits, runs = asked(book, 0), running(book, number=1)
    dismissed = book.dismiss(waits, NOW)
    assert dismissed is not None
    assert (dismissed.status, dismissed.finished) == ("dismissed", NOW)
    kept = book.dismiss(runs, NOW)
    assert kept is not None
    assert kept.status == "running"


# watching over them


def test_what_was_never_sent_or_long_ago_is_lost(book: JobBook) -> None:
    never, old, fresh = (asked(book, number, now=NOW + number * SECOND) for number in range(3))
    book.sent([old], NOW)
    book.sent([fresh], NOW + HOUR)
    assert book.lost(NOW, LONG_AGO) == []
    assert [row.id for row in book.lost(NOW + MINUTE, LONG_AGO)] == [never, old]
    book.sent([never, old], NOW + HOUR)
    assert book.lost(NOW + MINUTE, LONG_AGO) == []


def test_what_a_dead_worker_ran_is_lost_and_what_a_living_one_runs_is_not(book: JobBook) -> None:
    dead, alive = running(book, "anna", 0), running(book, "otto", 1)
    book.beat("anna", [], "cpu", NOW)
    book.beat("otto", [], "cpu", NOW + HOUR)
    assert [row.id for row in book.lost(LONG_AGO, NOW + MINUTE)] == [dead]
    book.forget(NOW + MINUTE)
    assert [row.id for row in book.lost(LONG_AGO, NOW + MINUTE)] == [dead]
    book.finish(dead, NOW)
    book.finish(alive, NOW)
    assert book.lost(FAR_AHEAD, FAR_AHEAD) == []


def test_what_was_noted_before_the_clock_was_set_back_does_not_live_for_ever(
    book: JobBook,
) -> None:
    runs, waits = (asked(book, number, now=NOW + HOUR) for number in range(2))
    assert claim(book, runs, "anna", NOW + HOUR)
    book.beat("anna", [], "cpu", NOW + HOUR)
    book.sent([waits], NOW + HOUR)
    later = NOW + MINUTE
    assert book.lost(later, later) == []
    book.settle(NOW)
    assert [worker.seen for worker in book.workers()] == [NOW]
    assert {row.id for row in book.lost(later, later)} == {runs, waits}
    book.beat("anna", [], "cpu", NOW + SECOND)
    book.settle(NOW)
    assert [worker.seen for worker in book.workers()] == [NOW + SECOND], "clocks differ a little"


def test_waiting_jobs_are_counted_by_queue(book: JobBook) -> None:
    assert book.waiting(["interactive"]) == (0, None)
    for number, queue in enumerate(["interactive", "interactive", "scheduled"]):
        asked(book, number, queue, NOW + number * MINUTE)
    assert book.waiting(["interactive"]) == (2, NOW)
    assert book.waiting(["scheduled"]) == (1, NOW + 2 * MINUTE)
    assert book.waiting(["interactive", "scheduled"]) == (3, NOW)
    claim(book, key(0).id)
    assert book.waiting(["interactive"]) == (1, NOW + MINUTE)


def test_only_old_scheduled_jobs_that_nobody_has_begun_expire(book: JobBook) -> None:
    old, begun = asked(book, 0, "scheduled"), asked(book, 1, "scheduled")
    others = [asked(book, 2, "interactive"), asked(book, 3, "scheduled", NOW + HOUR), begun]
    claim(book, begun)
    assert book.expire(NOW + MINUTE) == 1
    assert book.expire(NOW + MINUTE) == 0
    row = book.get(old)
    assert row is not None
    assert (row.status, row.kind) == ("failed", "Expired")
    assert book.given_up_by() == {("persistence", "Expired"): 1}
    assert row.finished is not None
    assert [status(book, job) for job in others] == ["accepted", "accepted", "running"]


def test_what_jobs_came_to_is_counted_and_only_rises(book: JobBook) -> None:
    assert book.jobs_by() == {}
    job = running(book)
    book.finish(job, NOW, "NoFrames")
    book.finish(running(book), NOW)
    asked(book)
    book.dismiss(asked(book, 1), NOW)
    expected = {"accepted": 3, "running": 2, "failed": 1, "successful": 1, "dismissed": 1}
    assert book.jobs_by() == {("persistence", status): n for status, n in expected.items()}


# workers


def test_a_worker_is_known_by_its_last_beat_until_it_is_forgotten(book: JobBook) -> None:
    book.beat("anna", ["interactive"], "cpu", NOW)
    book.beat("anna", ["interactive", "scheduled"], "cuda:0", NOW + MINUTE)
    book.beat("otto", [], "cpu", NOW)
    anna, otto = book.workers()
    assert (anna.worker, anna.queues, anna.device) == (
        "anna",
        ("interactive", "scheduled"),
        "cuda:0",
    )
    assert (anna.started, anna.seen) == (NOW, NOW + MINUTE)
    assert otto.queues == ()
    book.forget(NOW + SECOND)
    assert [row.worker for row in book.workers()] == ["anna"]


# idempotency keys


def test_the_first_request_of_a_key_is_remembered_for_a_day(book: JobBook) -> None:
    day = 24 * HOUR
    assert book.remember("key", "body", "job", NOW) == ("body", "job")
    assert book.remember("key", "other body", "other job", NOW + HOUR) == ("body", "job")
    assert book.remember("key", "other body", "other job", NOW + day) == ("body", "job")
    after = NOW + day + SECOND
    assert book.remember("key", "other body", "other job", after) == ("other body", "other job")
    assert book.remember("other key", "body", "job", NOW) == ("body", "job")


# many at once


def claim_all(number: int, ledger: Ledger, book: JobBook) -> list[int]:
    del ledger
    jobs = [(step, key(step).id) for step in range(ROUNDS)]
    return [step for step, job in jobs if claim(book, job, f"worker {number}")]


@pytest.mark.parametrize("dead", [False, True])
def test_of_eight_processes_one_gets_the_job(book: JobBook, url: str, dead: bool) -> None:
    for number in range(ROUNDS):
        asked(book, number)
        if dead:
            claim(book, key(number).id, "dead", NOW - HOUR)
    won = together(claim_all, url, 8)
    assert sorted(step for steps in won for step in steps) == list(range(ROUNDS))
    for worker, steps in enumerate(won):
        for row in book.many(key(step).id for step in steps).values():
            assert (row.worker, row.attempts) == (f"worker {worker}", 1 + dead)
    assert book.jobs_by()["persistence", "running"] == ROUNDS * (1 + dead)


def ask_all(number: int, ledger: Ledger, book: JobBook) -> list[int]:
    del number, ledger
    return [step for step in range(ROUNDS) if book.ask(key(step), "interactive", NOW)[1]]


def test_of_eight_processes_that_ask_one_is_to_send_it(book: JobBook, url: str) -> None:
    for number in range(0, ROUNDS, 2):
        book.dismiss(asked(book, number), NOW)
    new = together(ask_all, url, 8)
    assert sorted(step for steps in new for step in steps) == list(range(ROUNDS))
    assert book.waiting(["interactive"]) == (ROUNDS, NOW)
    assert book.jobs_by()["persistence", "accepted"] == ROUNDS * 3 // 2


def remember_all(number: int, ledger: Ledger, book: JobBook) -> list[str]:
    del ledger
    return [book.remember(f"{step}", f"{number}", "job", NOW)[0] for step in range(ROUNDS)]


def test_of_eight_requests_with_a_key_one_is_the_first(book: JobBook, url: str) -> None:
    first, *others = together(remember_all, url, 8)
    assert others == [first] * 7
    assert first == [book.remember(f"{step}", "", "", NOW)[0] for step in range(ROUNDS)]


def work_until_all_is_done(number: int, ledger: Ledger, book: JobBook) -> list[str]:
    """Give back some, fail at some, and go on until there is nothing more to do."""
    del ledger
    name, chance = f"worker {number}", random.Random(number)
    left, done = [key(step).id for step in range(ROUNDS)], []
    while left:
        book.beat(name, ["interactive", "scheduled"], "cpu", NOW)
        job = chance.choice(left)
        if book.claim(job, name, NOW, 99, LONG_AGO) is None:
            left = [row.id for row in book.many(left).values() if row.finished is None]
        elif chance.random() < 0.3:
            book.release(job, NOW, name)
        else:
            done.append(job)
            book.finish(job, NOW, chance.choice([None, "NoFrames"]), "there are too few", name)
    return done


def test_workers_that_do_whatever_they_find_do_everything_once(book: JobBook, url: str) -> None:
    for number in range(ROUNDS):
        asked(book, number, "scheduled" if number % 2 else "interactive")
    done = [job for jobs in together(work_until_all_is_done, url, 4) for job in jobs]
    assert sorted(done) == sorted(key(step).id for step in range(ROUNDS))
    assert {row.attempts for row in book.many(done).values()} == {1}
    totals = {status: n for (_, status), n in book.jobs_by().items()}
    assert totals["accepted"] == totals["running"]
    assert totals["successful"] + totals["failed"] == ROUNDS
    assert len(book.workers()) == 4
