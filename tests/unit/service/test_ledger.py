"""The ledger: every row once, whole or not at all, whoever writes at the same time."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from service import tables as book
from service.ledger import Arrival, Ledger
from tests.kept import rows_of

ROOT = Path(__file__).parents[3]
ISSUE = datetime(2026, 6, 21, 12, tzinfo=UTC)
KEY: dict[str, Any] = {"model": "persistence", "weights": "none", "issue": ISSUE}
LEAD = KEY | {"lead_minutes": 30}
TIMES = {"radar_time": ISSUE, "generated": ISSUE + timedelta(minutes=4)}
VALID = {minutes: ISSUE + timedelta(minutes=minutes) for minutes in (30, 60)}
ERRORS = {"n": 9, "signed": 0.5, "absolute": 1.5, "squared": 2.5}
LATER = ISSUE + timedelta(days=1)


def counts(hits: int = 1, threshold: float = 0.5) -> dict[str, Any]:
    others = {"misses": 2, "false_alarms": 3, "correct_negatives": 4}
    return {"threshold": threshold, "hits": hits, **others}


def fraction(n: int = 10) -> dict[str, Any]:
    sums = {"n": n, "squared_difference": 0.25, "squared_reference": 0.5}
    return {"threshold": 0.5, "window": 3, **sums}


def arrival(outcome: str = "accepted", name: str = "a.gz", frame_time: datetime = ISSUE) -> Arrival:
    return Arrival("f" * 64, name, outcome, arrived=ISSUE, product="RY", frame_time=frame_time)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def noted(ledger: Ledger) -> Ledger:
    """The ledger with a forecast of two leads."""
    ledger.forecast(KEY, TIMES, VALID)
    return ledger


def test_an_arrival_comes_back_as_it_went_in(ledger: Ledger) -> None:
    assert ledger.arrival("f" * 64) is None
    ledger.arrive(arrival())
    assert ledger.arrival("f" * 64) == arrival()


def test_a_file_arrives_once(ledger: Ledger) -> None:
    ledger.arrive(arrival())
    ledger.arrive(arrival("quarantined", "another"))
    assert ledger.arrival("f" * 64) == arrival()
    assert ledger.arrivals_by_outcome() == {"accepted": 1}


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [("accepted", True), ("late", True), ("duplicate", False), ("quarantined", False)],
)
def test_only_a_frame_that_was_kept_has_been_accepted(
    ledger: Ledger, outcome: str, counts: bool
) -> None:
    ledger.arrive(arrival(outcome))
    assert ledger.has_accepted(ISSUE) is counts
    assert not ledger.has_accepted(ISSUE + timedelta(minutes=5))


def test_times_are_utc_whatever_zone_they_came_in(ledger: Ledger) -> None:
    there = ISSUE.astimezone(timezone(timedelta(hours=2)))
    ledger.arrive(arrival(frame_time=there))
    found = ledger.arrival("f" * 64)
    assert found is not None
    assert found.frame_time == ISSUE
    assert found.frame_time.tzinfo is UTC
    assert ledger.has_accepted(there)


def test_the_leads_of_a_forecast_are_pending_from_their_valid_time_on(noted: Ledger) -> None:
    assert noted.has_forecast(KEY)
    assert noted.pending(ISSUE) == []
    assert [row["lead_minutes"] for row in noted.pending(VALID[30])] == [30]
    assert [row["lead_minutes"] for row in noted.pending(VALID[60])] == [30, 60]


def test_a_forecast_is_noted_once(noted: Ledger) -> None:
    before = rows_of(noted)
    noted.forecast(KEY, TIMES | {"generated": LATER}, VALID)
    assert rows_of(noted) == before


def test_noting_a_forecast_again_does_not_make_its_leads_pending_again(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    noted.forecast(KEY, TIMES, VALID)
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]


def test_a_lead_is_counted_once(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts(hits=1)], [fraction()])
    before = rows_of(noted)
    noted.verified(LEAD, ERRORS | {"n": 1}, [counts(hits=7), counts(7, 2.0)], [fraction(1)])
    assert rows_of(noted) == before
    (row,) = noted.rows(book.counts)
    assert row == LEAD | counts() | {"valid_time": VALID[30], "status": "verified"}


def test_a_verification_is_entered_whole_or_not_at_all(noted: Ledger) -> None:
    before = rows_of(noted)
    with pytest.raises(IntegrityError):
        noted.verified(LEAD, ERRORS, [counts(), {"threshold": 2.0} | dict.fromkeys(counts())], [])
    assert rows_of(noted) == before
    with pytest.raises(IntegrityError):
        noted.verified(LEAD, ERRORS, [counts()], [dict.fromkeys(fraction())])
    assert rows_of(noted) == before
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]


def test_a_lead_that_nobody_noted_is_not_counted(noted: Ledger) -> None:
    before = rows_of(noted)
    noted.verified(LEAD | {"model": "unknown"}, ERRORS, [counts()], [fraction()])
    assert rows_of(noted) == before


def test_a_lead_given_up_is_missing_and_stays_so(noted: Ledger) -> None:
    assert noted.give_up(VALID[30]) == 1
    assert noted.give_up(VALID[30]) == 0
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    states = {row["lead_minutes"]: row["status"] for row in noted.rows(book.leads)}
    assert states == {30: "missing", 60: "pending"}
    assert noted.rows(book.counts) == []


def test_what_is_verified_is_not_given_up(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert noted.give_up(LATER) == 1
    states = {row["lead_minutes"]: row["status"] for row in noted.rows(book.leads)}
    assert states == {30: "verified", 60: "missing"}


def test_rows_are_found_by_model_valid_time_and_value(noted: Ledger) -> None:
    other = KEY | {"model": "advection"}
    noted.forecast(other, TIMES, VALID)
    for key in (KEY, other):
        for minutes in VALID:
            at = key | {"lead_minutes": minutes}
            noted.verified(at, ERRORS, [counts(), counts(threshold=2.0)], [])

    def number(*args: Any, **equal: Any) -> int:
        return len(noted.rows(book.counts, *args, **equal))

    assert number() == 8
    assert number(["advection"]) == 4
    assert number(["advection", "persistence"]) == 8
    assert number(["unknown"]) == 0
    assert number([], VALID[30]) == 4, "the begin is left out"
    assert number([], None, VALID[30]) == 4, "the end is within"
    assert number([], lead_minutes=30, threshold=2.0) == 2
    assert len(noted.rows(book.leads, ["advection"], VALID[30])) == 1


def test_weights_tell_forecasts_apart(noted: Ledger) -> None:
    noted.forecast(KEY | {"weights": "a" * 64}, TIMES, VALID)
    noted.verified(LEAD, ERRORS, [counts()], [])
    pending = noted.pending(VALID[30])
    assert [row["weights"] for row in pending] == ["a" * 64]


def test_counts_beyond_32_bits_are_kept(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts(hits=2**40)], [])
    assert noted.rows(book.counts)[0]["hits"] == 2**40


def test_many_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    for attempt in range(10):
        url, together = f"sqlite:///{tmp_path / str(attempt)}", Barrier(6)

        def first(writer: int, url: str = url, together: Barrier = together) -> None:
            together.wait()
            Ledger(url).forecast(KEY | {"model": f"{writer}"}, TIMES, VALID)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(first, range(6)))
        assert len(Ledger(url).pending(LATER)) == 12


WRITER = """
import sys
from datetime import timedelta
from service.ledger import Ledger
from tests.unit.service.test_ledger import ERRORS, ISSUE, KEY, TIMES, counts, fraction

ledger = Ledger(sys.argv[1])
for number in range(40):
    issue = ISSUE + timedelta(minutes=5 * number)
    key = KEY | {"issue": issue}
    ledger.forecast(key, TIMES, {30: issue + timedelta(minutes=30)})
    ledger.verified(key | {"lead_minutes": 30}, ERRORS, [counts()], [fraction()])
"""


def test_processes_that_write_the_same_count_it_once(url: str) -> None:
    command = [sys.executable, "-c", WRITER, url]
    writers = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    ledger = Ledger(url)
    assert len(ledger.rows(book.counts)) == len(ledger.rows(book.fractions)) == 40
    assert sum(row["hits"] for row in ledger.rows(book.counts)) == 40
    assert ledger.pending(LATER) == []


KILLED = """
import os, signal, sys
from sqlalchemy import event
from service.ledger import Ledger
from tests.unit.service.test_ledger import ERRORS, LEAD, counts, fraction

ledger = Ledger(sys.argv[1])

@event.listens_for(ledger.engine, "after_cursor_execute")
def die(connection, cursor, statement, parameters, context, executemany):
    if statement.startswith("INSERT INTO counts"):
        os.kill(os.getpid(), signal.SIGKILL)

ledger.verified(LEAD, ERRORS, [counts()], [fraction()])
"""


def test_a_process_killed_in_the_middle_leaves_no_half_entry(noted: Ledger, url: str) -> None:
    before = rows_of(noted)
    command = [sys.executable, "-c", KILLED, url]
    killed = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows_of(noted) == before
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]
