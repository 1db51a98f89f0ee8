"""The ledger: every row once, whole or not at all, with concurrent writers."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from service.errors import LedgerAway
from service.jobs.job_table import JobTable
from service.ledger import integrity, tables
from service.ledger.ledger import Arrival, Ledger
from tests.parallel import run_parallel
from tests.postgres import DATABASES, new_url
from tests.state_snapshot import outcomes_of, rows_of
from verification import probabilistic

ROOT = Path(__file__).parents[4]
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


def probability_row(number: int = 8, threshold: float = 0.5) -> dict[str, Any]:
    """Sums of probabilities with so many cells in each bin."""
    sums = {"number": number, "probability": number / 4, "events": number // 2}
    binned = {column: sums[name] for name in sums for column in tables.bins_of(name)}
    return {"threshold": threshold, "squared": number / 8, **binned}


def arrival(outcome: str = "accepted", name: str = "a.gz", frame_time: datetime = ISSUE) -> Arrival:
    return Arrival("f" * 64, name, outcome, ISSUE, "RY", frame_time, valid_area=0.5)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A ledger with nothing in it."""
    opened = Ledger(url)
    yield opened
    opened.engine.dispose()


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
    assert outcomes_of(ledger) == {"accepted": 1}


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


def test_a_provider_s_forecast_does_not_pass_for_a_frame(ledger: Ledger) -> None:
    """It comes under the time of the frame it starts from."""
    ledger.arrive(arrival()._replace(fingerprint="rv", product="RV", valid_area=None))
    assert not ledger.has_accepted(ISSUE)
    assert not ledger.has_accepted(ISSUE, "RY")
    assert ledger.has_accepted(ISSUE, "RV")
    ledger.arrive(arrival())
    assert ledger.has_accepted(ISSUE)
    assert ledger.has_accepted(ISSUE, "RY")
    assert not ledger.has_accepted(ISSUE, "YW")


def test_what_came_is_counted_by_product_and_outcome(ledger: Ledger) -> None:
    assert ledger.arrivals_by() == {}
    for number, (product, outcome) in enumerate(
        [("RY", "accepted"), ("RY", "late"), ("RY", "late"), (None, "quarantined")]
    ):
        entry = arrival(outcome)._replace(fingerprint=f"{number}", product=product)
        ledger.arrive(entry)
        ledger.arrive(entry)
    assert ledger.arrivals_by() == {
        ("RY", "accepted"): 1,
        ("RY", "late"): 2,
        (None, "quarantined"): 1,
    }
    assert outcomes_of(ledger) == {"accepted": 1, "late": 2, "quarantined": 1}


def test_the_latest_of_a_product_is_the_newest_that_was_accepted(ledger: Ledger) -> None:
    assert ledger.latest("RY") is None
    times = [(0, "accepted"), (10, "accepted"), (5, "late"), (15, "duplicate")]
    for minutes, outcome in times:
        time = ISSUE + timedelta(minutes=minutes)
        entry = arrival(outcome, frame_time=time)._replace(arrived=time + timedelta(seconds=170))
        ledger.arrive(entry._replace(fingerprint=f"{minutes}"))
    latest = ledger.latest("RY")
    assert latest is not None
    assert latest.frame_time == ISSUE + timedelta(minutes=10)
    assert latest.delay_seconds == 170
    assert latest.valid_area == 0.5
    assert ledger.latest("RV") is None


@pytest.mark.parametrize("name", ["half \udcff of a character", "a \0 in it", "ä\n\t日本"])
def test_whatever_a_file_is_called_it_is_noted(ledger: Ledger, name: str) -> None:
    ledger.arrive(arrival(name=name)._replace(reason=f"{name} is bad"))
    found = ledger.arrival("f" * 64)
    assert found is not None
    assert found.name[:2] == name[:2]


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


def test_what_is_known_of_a_forecast_is_noted_with_it(ledger: Ledger) -> None:
    ledger.forecast(KEY, TIMES, VALID, bridged="2026-06-21T11:55:00Z", duration_seconds=1.5)
    ledger.forecast(KEY | {"model": "advection"}, TIMES, VALID)
    with ledger.engine.connect() as connection:
        query = select(tables.forecasts.c.bridged, tables.forecasts.c.duration_seconds)
        rows = {tuple(row) for row in connection.execute(query)}
    assert rows == {("2026-06-21T11:55:00Z", 1.5), (None, None)}


def test_noting_a_forecast_again_does_not_make_its_leads_pending_again(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    noted.forecast(KEY, TIMES, VALID)
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]


def test_a_lead_is_counted_once(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts(hits=1)], [fraction()])
    before = rows_of(noted)
    noted.verified(LEAD, ERRORS | {"n": 1}, [counts(hits=7), counts(7, 2.0)], [fraction(1)])
    assert rows_of(noted) == before
    (row,) = noted.rows(tables.counts)
    assert row == LEAD | counts() | {"valid_time": VALID[30], "status": "verified"}


def test_sums_of_probabilities_come_back_as_they_went_in(noted: Ledger) -> None:
    rows = [probability_row(2**40), probability_row(4, 2.0)]
    noted.verified(LEAD, ERRORS, [counts()], [fraction()], rows)
    noted.verified(LEAD, ERRORS, [counts()], [fraction()], [probability_row(9)])
    more = {"valid_time": VALID[30], "status": "verified"}
    found = sorted(noted.rows(tables.probabilities), key=lambda row: row["threshold"])
    assert found == [LEAD | row | more for row in rows]


def test_a_verification_is_entered_whole_or_not_at_all(noted: Ledger) -> None:
    before = rows_of(noted)
    with pytest.raises(IntegrityError):
        noted.verified(LEAD, ERRORS, [counts(), {"threshold": 2.0} | dict.fromkeys(counts())], [])
    assert rows_of(noted) == before
    with pytest.raises(IntegrityError):
        noted.verified(LEAD, ERRORS, [counts()], [dict.fromkeys(fraction())])
    assert rows_of(noted) == before
    half = [probability_row(), probability_row() | {"threshold": None}]
    with pytest.raises(IntegrityError):
        noted.verified(LEAD, ERRORS, [counts()], [fraction()], half)
    assert rows_of(noted) == before
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]


def test_a_full_disk_is_told_as_such_and_leaves_nothing_half(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # no more than it has
    written: list[int] = []

    def fill() -> None:
        for number in range(1000):
            ledger.arrive(arrival()._replace(fingerprint=f"{number}", reason="x" * 1000))
            written.append(number)

    with pytest.raises(LedgerAway, match="full"):
        fill()
    assert sum(ledger.arrivals_by().values()) == len(written)
    assert ledger.arrival(f"{len(written)}") is None
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=100000")
    fill()
    assert ledger.arrivals_by() == {("RY", "accepted"): 1000}


def test_a_lead_that_nobody_noted_is_not_counted(noted: Ledger) -> None:
    before = rows_of(noted)
    noted.verified(LEAD | {"model": "unknown"}, ERRORS, [counts()], [fraction()])
    assert rows_of(noted) == before


def test_a_lead_given_up_is_missing_and_stays_so(noted: Ledger) -> None:
    assert noted.give_up(VALID[30]) == 1
    assert noted.give_up(VALID[30]) == 0
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    states = {row["lead_minutes"]: row["status"] for row in noted.rows(tables.leads)}
    assert states == {30: "missing", 60: "pending"}
    assert noted.rows(tables.counts) == []


def test_what_is_verified_is_not_given_up(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert noted.give_up(LATER) == 1
    states = {row["lead_minutes"]: row["status"] for row in noted.rows(tables.leads)}
    assert states == {30: "verified", 60: "missing"}


def test_rows_are_found_by_model_valid_time_and_value(noted: Ledger) -> None:
    other = KEY | {"model": "advection"}
    noted.forecast(other, TIMES, VALID)
    for key in (KEY, other):
        for minutes in VALID:
            lead = key | {"lead_minutes": minutes}
            noted.verified(lead, ERRORS, [counts(), counts(threshold=2.0)], [])

    def number(*args: Any, **equal: Any) -> int:
        return len(noted.rows(tables.counts, *args, **equal))

    assert number() == 8
    assert number(["advection"]) == 4
    assert number(["advection", "persistence"]) == 8
    assert number(["unknown"]) == 0
    assert number([], VALID[30]) == 4, "the begin is left out"
    assert number([], None, VALID[30]) == 4, "the end is within"
    assert number([], lead_minutes=30, threshold=2.0) == 2
    assert len(noted.rows(tables.leads, ["advection"], VALID[30])) == 1


def test_the_totals_of_a_time_are_those_of_its_rows(noted: Ledger) -> None:
    for minutes in VALID:
        noted.verified(KEY | {"lead_minutes": minutes}, ERRORS, [counts(), counts(5, 2.0)], [])
    (row,) = noted.totals(["persistence"], VALID[30], VALID[60], threshold=2.0)
    axes = {"model": "persistence", "lead_minutes": 60, "threshold": 2.0, "n_valid": 1}
    others = {"misses": 2, "false_alarms": 3, "correct_negatives": 4}
    assert row == axes | {"hits": 5} | others
    assert all(isinstance(row[name], int) for name in tables.COUNTS)


def test_states_are_counted_by_valid_time(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts()], [])
    assert noted.states() == {"verified": 1, "pending": 1}
    assert noted.states([], None, VALID[30]) == {"verified": 1}
    assert noted.states([], VALID[30], VALID[60]) == {"pending": 1}


def test_the_newest_of_each_model_is_known(noted: Ledger) -> None:
    for model in ("advection", "ms-lstm"):
        key = KEY | {"model": model, "weights": "b", "issue": ISSUE - timedelta(hours=1)}
        noted.forecast(key, TIMES, {30: ISSUE, 60: ISSUE})
        noted.verified(key | {"lead_minutes": 30}, ERRORS, [counts()], [])
    before = ISSUE - timedelta(hours=1)
    assert noted.forecasts_latest() == {
        "advection": before,
        "ms-lstm": before,
        "persistence": ISSUE,
    }
    assert noted.verified_latest() == {"advection": ISSUE, "ms-lstm": ISSUE}
    assert noted.pending_by_model() == {"advection": 1, "ms-lstm": 1, "persistence": 2}


def test_an_empty_ledger_has_nothing_to_show(ledger: Ledger) -> None:
    assert ledger.forecasts_latest() == ledger.verified_latest() == ledger.pending_by_model() == {}
    ledger.refresh_windows(LATER)
    assert ledger.windows() == ledger.window_fractions() == ledger.pixels() == []


@pytest.mark.parametrize(
    "ask",
    [
        Ledger.arrivals_by,
        Ledger.forecasts_latest,
        Ledger.pending_by_model,
        Ledger.pixels,
        Ledger.verified_latest,
        Ledger.window_probabilities,
        Ledger.window_fractions,
        Ledger.windows,
        lambda ledger: ledger.latest("RY"),
        lambda ledger: ledger.has_accepted(ISSUE),
        lambda ledger: ledger.totals(["persistence"], ISSUE, LATER),
        lambda ledger: ledger.states([], ISSUE, LATER),
        lambda ledger: ledger.pending(LATER),
        lambda ledger: JobTable(ledger.engine).jobs_by(),
        lambda ledger: JobTable(ledger.engine).waiting(["interactive"]),
        lambda ledger: JobTable(ledger.engine).lost(ISSUE, ISSUE),
    ],
)
def test_what_is_asked_for_all_the_time_reads_no_big_table_whole(
    tmp_path: Path, ask: Callable[[Ledger], object]
) -> None:
    ledger, asked = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"), []

    @event.listens_for(ledger.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((f"EXPLAIN QUERY PLAN {statement}", parameters))

    ask(ledger)
    event.remove(ledger.engine, "before_cursor_execute", note)
    with ledger.engine.connect() as connection:
        plan = [row[3] for statement in asked for row in connection.exec_driver_sql(*statement)]
    assert plan
    big = ("arrivals", "forecasts", "leads", "counts", "fractions", "probabilities", "jobs")
    assert [step for step in plan if step.startswith(tuple(f"SCAN {name}" for name in big))] == []


def test_pixels_are_the_counts_of_all_issues_and_weights(noted: Ledger) -> None:
    for weights, hits in (("none", 1), ("a" * 64, 10)):
        noted.forecast(KEY | {"weights": weights}, TIMES, VALID)
        lead = LEAD | {"weights": weights}
        noted.verified(lead, ERRORS, [counts(hits), counts(2**40, 2.0)], [fraction()])
        noted.verified(lead, ERRORS, [counts(hits)], [fraction()])
    noted.give_up(LATER)
    found = {row["threshold"]: row["hits"] for row in noted.pixels()}
    assert found == {0.5: 11, 2.0: 2**41}


def test_weights_tell_forecasts_apart(noted: Ledger) -> None:
    noted.forecast(KEY | {"weights": "a" * 64}, TIMES, VALID)
    noted.verified(LEAD, ERRORS, [counts()], [])
    pending = noted.pending(VALID[30])
    assert [row["weights"] for row in pending] == ["a" * 64]


def test_counts_beyond_32_bits_are_kept(noted: Ledger) -> None:
    noted.verified(LEAD, ERRORS, [counts(hits=2**40)], [])
    assert noted.rows(tables.counts)[0]["hits"] == 2**40


@pytest.mark.parametrize("kind", DATABASES)
def test_many_may_open_a_new_ledger_at_once(kind: str, tmp_path: Path) -> None:
    for attempt in range(5):
        (folder := tmp_path / str(attempt)).mkdir()
        url, gate = new_url(kind, folder), Barrier(6)

        def first(writer: int, url: str = url, gate: Barrier = gate) -> None:
            gate.wait()
            Ledger(url).forecast(KEY | {"model": f"{writer}"}, TIMES, VALID)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(first, range(6)))
        assert len(Ledger(url).pending(LATER)) == 12


def test_what_processes_write_at_once_counts_once(url: str) -> None:
    """Each writes what all write, in an order of its own, and what it alone writes."""
    run_parallel(write_all, url, 4)
    ledger = Ledger(url)
    assert ledger.pending(LATER) == []
    assert len(ledger.rows(tables.counts)) == 2 * STEPS * 5
    assert len(ledger.rows(tables.fractions)) == STEPS * 5
    hits = {(row["model"], row["threshold"]): row["hits"] for row in ledger.pixels()}
    assert hits == {(m, t): n * STEPS for m in MODELS for t, n in ((0.5, 1), (2.0, 7))}
    assert ledger.arrivals_by() == {("RY", "accepted"): STEPS * 5}
    assert integrity.faults(url) == []


STEPS = 20
MODELS = ("all", "alone-0", "alone-1", "alone-2", "alone-3")


def write_all(number: int, ledger: Ledger, job_table: JobTable) -> None:
    del job_table
    todo = [(model, step) for model in ("all", f"alone-{number}") for step in range(STEPS)]
    random.Random(number).shuffle(todo)
    for model, step in todo:
        issue = ISSUE + timedelta(minutes=5 * step)
        key = KEY | {"issue": issue, "model": model}
        ledger.arrive(arrival()._replace(fingerprint=f"{model}-{step}"))
        ledger.forecast(key, TIMES, {30: issue + timedelta(minutes=30)})
        rows = [counts(), counts(7, 2.0)]
        ledger.verified(key | {"lead_minutes": 30}, ERRORS, rows, [fraction()])


KILLED = """
import os, signal, sys
from sqlalchemy import event
from service.ledger.ledger import Ledger
from tests.unit.service.ledger.test_ledger import ERRORS, LEAD, counts, fraction

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
    killed = subprocess.run(command, cwd=ROOT, timeout=550, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows_of(noted) == before
    noted.verified(LEAD, ERRORS, [counts()], [fraction()])
    assert [row["lead_minutes"] for row in noted.pending(LATER)] == [60]


def test_the_bins_of_the_tables_are_those_of_verification() -> None:
    assert tables.BINS == probabilistic.BINS
