"""The ledger in a real PostgreSQL that goes away, comes back, and is killed in the middle."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from sqlalchemy import event

from service.archive.key import Key
from service.errors import LedgerAway, NotReady
from service.jobs.job_table import JobTable
from service.ledger import integrity, tables
from service.ledger.ledger import Ledger
from tests.postgres import Postgres
from tests.unit.service.ledger.test_ledger import ERRORS, KEY, TIMES, arrival, counts, fraction

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
"""In Berlin, where the server thinks to live, it is half past three: two hours ago it was half past
one, and half past two never was."""
FORECASTS = 200
KILLS = 6
SECONDS = 300.0
"""For anything at all, on a machine that has much to do."""


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of the test's own, to be killed."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_times_are_the_same_instants_to_whoever_else_reads_them(postgres: Postgres) -> None:
    url = postgres.new_database()
    times = [NOW + timedelta(minutes=15 * step) for step in range(-12, 12)]
    ledger = Ledger(url)
    for number, time_ in enumerate(times):
        ledger.arrive(arrival(frame_time=time_)._replace(fingerprint=f"{number}", arrived=time_))
    with psycopg.connect(url) as connection:
        read = connection.execute("SELECT frame_time FROM arrivals ORDER BY arrived").fetchall()
    assert [time_ for (time_,) in read] == times
    for number, time_ in enumerate(times):
        found = ledger.arrival(f"{number}")
        assert found is not None
        assert (found.frame_time, found.arrived) == (time_, time_)
        assert ledger.has_accepted(time_)


def test_a_server_that_is_away_is_told_as_such_and_used_again_when_it_is_back(
    postgres: Postgres,
) -> None:
    ledger = Ledger(postgres.new_database())
    jobs = JobTable(ledger.engine)
    ledger.arrive(arrival())
    tries: list[object] = []
    event.listen(
        ledger.engine, "do_connect", lambda *event_arguments: tries.append(event_arguments)
    )
    postgres.stop(signal.SIGKILL)
    for ask in (lambda: ledger.arrive(arrival()), ledger.arrivals_by, jobs.workers, jobs.jobs_by):
        tries.clear()
        with pytest.raises(LedgerAway, match="cannot be used now") as away:
            ask()
        assert isinstance(away.value, NotReady), "the API answers 503"
        assert len(tries) <= 2, "it is not tried for long"
    postgres.start()
    assert ledger.arrivals_by() == {("RY", "accepted"): 1}
    ledger.arrive(arrival()._replace(fingerprint="next"))
    assert ledger.arrivals_by() == {("RY", "accepted"): 2}


def test_a_restart_that_nobody_saw_is_not_felt(postgres: Postgres) -> None:
    ledger = Ledger(postgres.new_database())
    postgres.stop(signal.SIGKILL)
    postgres.start()
    ledger.arrive(arrival())
    assert ledger.arrivals_by() == {("RY", "accepted"): 1}


def test_nothing_is_lost_or_counted_twice_when_the_server_is_killed(postgres: Postgres) -> None:
    """Each writer tries again until it is done, without knowing how far the last try came."""
    url = postgres.new_database()
    ledger = Ledger(url)
    jobs = JobTable(ledger.engine)
    tries, done = [0], threading.Semaphore(0)

    def write() -> None:
        for step in range(FORECASTS):
            issue = NOW + timedelta(minutes=5 * step)
            row = KEY | {"issue": issue}
            key = Key(np.datetime64(issue.replace(tzinfo=None), "ns"), "persistence", "none")
            while True:
                tries[0] += 1
                try:
                    ledger.arrive(arrival()._replace(fingerprint=f"{step}", frame_time=issue))
                    known = jobs.get(key.id)
                    if known is None or known.status != "successful":
                        jobs.ask(key, "scheduled", NOW)
                        jobs.claim(key.id, "anna", NOW, 99, NOW - timedelta(minutes=1))
                        ledger.forecast(row, TIMES, {30: issue})
                        jobs.finish(key.id, NOW)
                    ledger.verified(row | {"lead_minutes": 30}, ERRORS, [counts()], [fraction()])
                    break
                except LedgerAway:
                    time.sleep(0.05)
            done.release()

    writer = threading.Thread(target=write)
    writer.start()
    moments = random.Random(1)
    for _ in range(KILLS):
        for _ in range(FORECASTS // (KILLS + 1)):
            assert done.acquire(timeout=SECONDS)
        time.sleep(moments.uniform(0, 0.02))
        postgres.stop(signal.SIGKILL)
        postgres.start()
    writer.join(SECONDS)
    assert not writer.is_alive()
    assert tries[0] > FORECASTS
    assert ledger.arrivals_by() == {("RY", "accepted"): FORECASTS}
    assert len(ledger.rows(tables.counts)) == FORECASTS
    (row,) = ledger.pixels()
    assert row["hits"] == FORECASTS
    assert jobs.jobs_by() == {
        ("persistence", status): FORECASTS for status in ("accepted", "running", "successful")
    }
    assert integrity.faults(url) == []


def test_a_password_is_in_no_message(postgres: Postgres) -> None:
    postgres.stop()
    with pytest.raises(LedgerAway) as away:
        Ledger(f"postgresql://anna:secret@127.0.0.1:{postgres.port}/nowcast")
    assert "secret" not in str(away.value)
