"""Jobs in SQL: each has one who does it, and none is lost with the one who did."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from service.archive.key import Key
from service.jobs.job_table import JobRow, JobTable
from service.ledger.ledger import Ledger
from tests.parallel import run_parallel
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
def job_table(url: str) -> Iterator[JobTable]:
    ledger = Ledger(url)
    yield JobTable(ledger.engine)
    ledger.engine.dispose()


def asked(
    job_table: JobTable, number: int = 0, queue: str = "interactive", now: datetime = NOW
) -> str:
    return job_table.ask(key(number), queue, now)[0].id


def claim(
    job_table: JobTable, job: str, worker: str = "anna", now: datetime = NOW
) -> JobRow | None:
    return job_table.claim(job, worker, now, MOST, dead_since=now - MINUTE)


def running(job_table: JobTable, worker: str = "anna", number: int = 0) -> str:
    job = asked(job_table, number)
    assert claim(job_table, job, worker)
    return job


def status(job_table: JobTable, job: str) -> str:
    row = job_table.get(job)
    assert row is not None
    return row.status


# asking


def test_a_job_is_new_once(job_table: JobTable) -> None:
    row, is_new = job_table.ask(key(), "interactive", NOW)
    assert is_new
    assert (row.id, row.status, row.created, row.attempts) == (key().id, "accepted", NOW, 0)
    assert (row.model, row.weights, row.issue) == ("persistence", "none", NOW - 30 * MINUTE)
    assert job_table.ask(key(), "interactive", NOW + HOUR) == (row, False)
    assert job_table.get(row.id) == row


def test_what_is_made_of_uploaded_frames_is_a_job_of_its_own(job_table: JobTable) -> None:
    for upload in ("", "a" * 64, "b" * 64):
        row, is_new = job_table.ask(key(upload=upload), "interactive", NOW)
        assert is_new
        assert row.upload == upload


@pytest.mark.parametrize("again", [False, True])
def test_what_is_under_way_is_not_accepted_anew(job_table: JobTable, again: bool) -> None:
    running(job_table)
    row, is_new = job_table.ask(key(), "interactive", NOW, again=again)
    assert (row.status, is_new) == ("running", False)


def test_what_was_successful_stays_so_unless_it_is_wanted_again(job_table: JobTable) -> None:
    job_table.finish(running(job_table), NOW)
    row, is_new = job_table.ask(key(), "interactive", NOW)
    assert (row.status, is_new) == ("successful", False)


@pytest.mark.parametrize("end", ["failed", "dismissed", "expired", "dead letter", "successful"])
def test_what_is_over_is_accepted_anew_as_if_it_had_never_been(
    job_table: JobTable, end: str
) -> None:
    job = asked(job_table, queue="scheduled")
    if end == "dismissed":
        job_table.dismiss(job, NOW)
    elif end == "expired":
        job_table.expire(NOW + SECOND)
    elif end == "successful":
        claim(job_table, job)
        job_table.finish(job, NOW)
    else:
        job_table.claim(job, "anna", NOW, 9 if end == "failed" else 0, LONG_AGO)
        job_table.finish(job, NOW, "NoFrames", "there are too few")
    row, is_new = job_table.ask(key(), "interactive", NOW + HOUR, again=end == "successful")
    assert is_new
    fresh = (row.status, row.created, row.queue, row.attempts)
    assert fresh == ("accepted", NOW + HOUR, "interactive", 0)
    assert {row.sent, row.started, row.finished, row.worker, row.kind, row.message} == {None}


def test_a_scheduled_job_that_somebody_waits_for_is_moved_ahead_once(job_table: JobTable) -> None:
    asked(job_table, queue="scheduled")
    row, is_new = job_table.ask(key(), "interactive", NOW)
    assert (row.queue, is_new) == ("interactive", True)
    for queue in ("interactive", "scheduled"):
        row, is_new = job_table.ask(key(), queue, NOW)
        assert (row.queue, is_new) == ("interactive", False)


def test_jobs_are_found_by_their_ids(job_table: JobTable) -> None:
    ids = [asked(job_table, number) for number in range(3)]
    assert set(job_table.many(ids[1:])) == set(ids[1:])
    assert job_table.many([]) == {}


@pytest.mark.parametrize("bad", ["none", "", "a\0b", "half \udcff", "x" * 10_000, "' OR 1=1 --"])
def test_there_is_no_job_of_an_id_that_is_none(job_table: JobTable, bad: str) -> None:
    asked(job_table)
    assert job_table.get(bad) is None
    assert job_table.dismiss(bad, NOW) is None


# doing


def test_a_claimed_job_is_running_and_nobody_else_s(job_table: JobTable) -> None:
    job = asked(job_table)
    row = claim(job_table, job, "anna")
    assert row is not None
    found = (row.status, row.worker, row.started, row.attempts)
    assert found == ("running", "anna", NOW, 1)
    assert job_table.get(job) == row
    assert claim(job_table, job, "otto") is None
    assert claim(job_table, job, "anna") is None, "brought twice to the same worker"
    assert job_table.get(job) == row


@pytest.mark.parametrize("end", ["successful", "failed", "dismissed"])
def test_what_has_ended_is_not_claimed(job_table: JobTable, end: str) -> None:
    job = asked(job_table)
    if end == "dismissed":
        job_table.dismiss(job, NOW)
    else:
        claim(job_table, job)
        job_table.finish(job, NOW, None if end == "successful" else "NoFrames")
    assert job_table.claim(job, "otto", FAR_AHEAD, MOST, dead_since=FAR_AHEAD) is None
    assert status(job_table, job) == end


def test_the_job_of_a_dead_worker_is_taken_over(job_table: JobTable) -> None:
    job_table.beat("anna", ["interactive"], "cpu", NOW)
    job = running(job_table)
    assert claim(job_table, job, "otto", NOW + MINUTE - SECOND) is None, "just begun"
    job_table.beat("anna", ["interactive"], "cpu", NOW + HOUR)
    assert claim(job_table, job, "otto", NOW + HOUR) is None, "alive"
    row = claim(job_table, job, "otto", NOW + 2 * HOUR)
    assert row is not None
    assert (row.worker, row.attempts) == ("otto", 2)


def test_a_worker_that_was_never_heard_of_counts_from_its_claim_on(job_table: JobTable) -> None:
    job = running(job_table, "unknown")
    assert claim(job_table, job, "otto", NOW + MINUTE - SECOND) is None
    assert claim(job_table, job, "otto", NOW + MINUTE) is not None


def test_a_job_that_ends_its_workers_is_given_up(job_table: JobTable) -> None:
    job = asked(job_table)
    for number in range(MOST):
        assert claim(job_table, job, f"{number}", NOW + number * HOUR)
    assert claim(job_table, job, "next", NOW + (MOST - 1) * HOUR + SECOND) is None
    assert status(job_table, job) == "running", "the last attempt may come to its end yet"
    assert claim(job_table, job, "next", NOW + MOST * HOUR) is None
    row = job_table.get(job)
    assert row is not None
    assert (row.status, row.kind, row.attempts) == ("failed", "DeadLetter", MOST)
    assert row.finished == NOW + MOST * HOUR
    assert "2 workers" in str(row.message)
    assert job_table.given_up_by() == {("persistence", "DeadLetter"): 1}


def test_a_job_ends_with_success_or_with_its_error(job_table: JobTable) -> None:
    good, bad = running(job_table, number=0), running(job_table, number=1)
    job_table.finish(good, NOW + SECOND)
    job_table.finish(bad, NOW + SECOND, "NoFrames", "there are \0 too few")
    ends = [job_table.get(job) for job in (good, bad)]
    assert [(row.status, row.kind, row.finished) for row in ends if row] == [
        ("successful", None, NOW + SECOND),
        ("failed", "NoFrames", NOW + SECOND),
    ]
    assert ends[1] is not None
    assert str(ends[1].message).startswith("there are")


def test_a_success_is_true_whoever_says_so(job_table: JobTable) -> None:
    """A worker that was thought dead comes to the end after all: the forecast is there."""
    job = running(job_table)
    claim(job_table, job, "otto", NOW + HOUR)
    job_table.finish(job, NOW + HOUR, worker="anna")
    assert status(job_table, job) == "successful"
    job_table.finish(job, NOW + HOUR, "NoFrames", worker="otto")
    job_table.release(job, NOW + HOUR, worker="otto")
    assert status(job_table, job) == "successful"


def test_who_was_thought_dead_does_not_end_the_job_of_another(job_table: JobTable) -> None:
    job = running(job_table)
    before = claim(job_table, job, "otto", NOW + HOUR)
    job_table.finish(job, NOW + HOUR, "OutOfMemory", worker="anna")
    job_table.release(job, NOW + HOUR, worker="anna")
    assert job_table.get(job) == before


def test_a_released_job_waits_again_and_was_not_tried(job_table: JobTable) -> None:
    job = running(job_table)
    job_table.release(job, NOW, worker="anna")
    row = job_table.get(job)
    assert row is not None
    assert (row.status, row.attempts, row.worker, row.started) == ("accepted", 0, None, None)
    assert claim(job_table, job, "otto") is not None


def test_only_what_nobody_has_begun_is_dismissed(job_table: JobTable) -> None:
    waits, runs = asked(job_table, 0), running(job_table, number=1)
    dismissed = job_table.dismiss(waits, NOW)
    assert dismissed is not None
    assert (dismissed.status, dismissed.finished) == ("dismissed", NOW)
    kept = job_table.dismiss(runs, NOW)
    assert kept is not None
    assert kept.status == "running"


# watching over them


def test_what_was_never_sent_or_long_ago_is_lost(job_table: JobTable) -> None:
    never, old, fresh = (asked(job_table, number, now=NOW + number * SECOND) for number in range(3))
    job_table.sent([old], NOW)
    job_table.sent([fresh], NOW + HOUR)
    assert job_table.lost(NOW, LONG_AGO) == []
    assert [row.id for row in job_table.lost(NOW + MINUTE, LONG_AGO)] == [never, old]
    job_table.sent([never, old], NOW + HOUR)
    assert job_table.lost(NOW + MINUTE, LONG_AGO) == []


def test_what_a_dead_worker_ran_is_lost_and_what_a_living_one_runs_is_not(
    job_table: JobTable,
) -> None:
    dead, alive = running(job_table, "anna", 0), running(job_table, "otto", 1)
    job_table.beat("anna", [], "cpu", NOW)
    job_table.beat("otto", [], "cpu", NOW + HOUR)
    assert [row.id for row in job_table.lost(LONG_AGO, NOW + MINUTE)] == [dead]
    job_table.forget(NOW + MINUTE)
    assert [row.id for row in job_table.lost(LONG_AGO, NOW + MINUTE)] == [dead]
    job_table.finish(dead, NOW)
    job_table.finish(alive, NOW)
    assert job_table.lost(FAR_AHEAD, FAR_AHEAD) == []


def test_what_was_noted_before_the_clock_was_set_back_does_not_live_for_ever(
    job_table: JobTable,
) -> None:
    runs, waits = (asked(job_table, number, now=NOW + HOUR) for number in range(2))
    assert claim(job_table, runs, "anna", NOW + HOUR)
    job_table.beat("anna", [], "cpu", NOW + HOUR)
    job_table.sent([waits], NOW + HOUR)
    later = NOW + MINUTE
    assert job_table.lost(later, later) == []
    job_table.settle(NOW)
    assert [worker.seen for worker in job_table.workers()] == [NOW]
    assert {row.id for row in job_table.lost(later, later)} == {runs, waits}
    job_table.beat("anna", [], "cpu", NOW + SECOND)
    job_table.settle(NOW)
    assert [worker.seen for worker in job_table.workers()] == [NOW + SECOND], (
        "clocks differ a little"
    )


def test_waiting_jobs_are_counted_by_queue(job_table: JobTable) -> None:
    assert job_table.waiting(["interactive"]) == (0, None)
    for number, queue in enumerate(["interactive", "interactive", "scheduled"]):
        asked(job_table, number, queue, NOW + number * MINUTE)
    assert job_table.waiting(["interactive"]) == (2, NOW)
    assert job_table.waiting(["scheduled"]) == (1, NOW + 2 * MINUTE)
    assert job_table.waiting(["interactive", "scheduled"]) == (3, NOW)
    claim(job_table, key(0).id)
    assert job_table.waiting(["interactive"]) == (1, NOW + MINUTE)


def test_only_old_scheduled_jobs_that_nobody_has_begun_expire(job_table: JobTable) -> None:
    old, begun = asked(job_table, 0, "scheduled"), asked(job_table, 1, "scheduled")
    others = [
        asked(job_table, 2, "interactive"),
        asked(job_table, 3, "scheduled", NOW + HOUR),
        begun,
    ]
    claim(job_table, begun)
    assert job_table.expire(NOW + MINUTE) == 1
    assert job_table.expire(NOW + MINUTE) == 0
    row = job_table.get(old)
    assert row is not None
    assert (row.status, row.kind) == ("failed", "Expired")
    assert job_table.given_up_by() == {("persistence", "Expired"): 1}
    assert row.finished is not None
    assert [status(job_table, job) for job in others] == ["accepted", "accepted", "running"]


def test_what_jobs_came_to_is_counted_and_only_rises(job_table: JobTable) -> None:
    assert job_table.jobs_by() == {}
    job = running(job_table)
    job_table.finish(job, NOW, "NoFrames")
    job_table.finish(running(job_table), NOW)
    asked(job_table)
    job_table.dismiss(asked(job_table, 1), NOW)
    expected = {"accepted": 3, "running": 2, "failed": 1, "successful": 1, "dismissed": 1}
    assert job_table.jobs_by() == {("persistence", status): n for status, n in expected.items()}


# workers


def test_a_worker_is_known_by_its_last_beat_until_it_is_forgotten(job_table: JobTable) -> None:
    job_table.beat("anna", ["interactive"], "cpu", NOW)
    job_table.beat("anna", ["interactive", "scheduled"], "cuda:0", NOW + MINUTE)
    job_table.beat("otto", [], "cpu", NOW)
    anna, otto = job_table.workers()
    assert (anna.worker, anna.queues, anna.device) == (
        "anna",
        ("interactive", "scheduled"),
        "cuda:0",
    )
    assert (anna.started, anna.seen) == (NOW, NOW + MINUTE)
    assert otto.queues == ()
    job_table.forget(NOW + SECOND)
    assert [row.worker for row in job_table.workers()] == ["anna"]


# idempotency keys


def test_the_first_request_of_a_key_is_remembered_for_a_day(job_table: JobTable) -> None:
    day = 24 * HOUR
    assert job_table.remember("key", "body", "job", NOW) == ("body", "job")
    assert job_table.remember("key", "other body", "other job", NOW + HOUR) == ("body", "job")
    assert job_table.remember("key", "other body", "other job", NOW + day) == ("body", "job")
    after = NOW + day + SECOND
    assert job_table.remember("key", "other body", "other job", after) == (
        "other body",
        "other job",
    )
    assert job_table.remember("other key", "body", "job", NOW) == ("body", "job")


# many at once


def claim_all(number: int, ledger: Ledger, job_table: JobTable) -> list[int]:
    del ledger
    jobs = [(step, key(step).id) for step in range(ROUNDS)]
    return [step for step, job in jobs if claim(job_table, job, f"worker {number}")]


@pytest.mark.parametrize("dead", [False, True])
def test_of_eight_processes_one_gets_the_job(job_table: JobTable, url: str, dead: bool) -> None:
    for number in range(ROUNDS):
        asked(job_table, number)
        if dead:
            claim(job_table, key(number).id, "dead", NOW - HOUR)
    won = run_parallel(claim_all, url, 8)
    assert sorted(step for steps in won for step in steps) == list(range(ROUNDS))
    for worker, steps in enumerate(won):
        for row in job_table.many(key(step).id for step in steps).values():
            assert (row.worker, row.attempts) == (f"worker {worker}", 1 + dead)
    assert job_table.jobs_by()["persistence", "running"] == ROUNDS * (1 + dead)


def ask_all(number: int, ledger: Ledger, job_table: JobTable) -> list[int]:
    del number, ledger
    return [step for step in range(ROUNDS) if job_table.ask(key(step), "interactive", NOW)[1]]


def test_of_eight_processes_that_ask_one_is_to_send_it(job_table: JobTable, url: str) -> None:
    for number in range(0, ROUNDS, 2):
        job_table.dismiss(asked(job_table, number), NOW)
    new = run_parallel(ask_all, url, 8)
    assert sorted(step for steps in new for step in steps) == list(range(ROUNDS))
    assert job_table.waiting(["interactive"]) == (ROUNDS, NOW)
    assert job_table.jobs_by()["persistence", "accepted"] == ROUNDS * 3 // 2


def remember_all(number: int, ledger: Ledger, job_table: JobTable) -> list[str]:
    del ledger
    return [job_table.remember(f"{step}", f"{number}", "job", NOW)[0] for step in range(ROUNDS)]


def test_of_eight_requests_with_a_key_one_is_the_first(job_table: JobTable, url: str) -> None:
    first, *others = run_parallel(remember_all, url, 8)
    assert others == [first] * 7
    assert first == [job_table.remember(f"{step}", "", "", NOW)[0] for step in range(ROUNDS)]


def work_until_all_is_done(number: int, ledger: Ledger, job_table: JobTable) -> list[str]:
    """Give back some, fail at some, and go on until there is nothing more to do."""
    del ledger
    name, chance = f"worker {number}", random.Random(number)
    left, done = [key(step).id for step in range(ROUNDS)], []
    while left:
        job_table.beat(name, ["interactive", "scheduled"], "cpu", NOW)
        job = chance.choice(left)
        if job_table.claim(job, name, NOW, 99, LONG_AGO) is None:
            left = [row.id for row in job_table.many(left).values() if row.finished is None]
        elif chance.random() < 0.3:
            job_table.release(job, NOW, name)
        else:
            done.append(job)
            job_table.finish(job, NOW, chance.choice([None, "NoFrames"]), "there are too few", name)
    return done


def test_workers_that_do_whatever_they_find_do_everything_once(
    job_table: JobTable, url: str
) -> None:
    for number in range(ROUNDS):
        asked(job_table, number, "scheduled" if number % 2 else "interactive")
    done = [job for jobs in run_parallel(work_until_all_is_done, url, 4) for job in jobs]
    assert sorted(done) == sorted(key(step).id for step in range(ROUNDS))
    assert {row.attempts for row in job_table.many(done).values()} == {1}
    totals = {status: n for (_, status), n in job_table.jobs_by().items()}
    assert totals["accepted"] == totals["running"]
    assert totals["successful"] + totals["failed"] == ROUNDS
    assert len(job_table.workers()) == 4
