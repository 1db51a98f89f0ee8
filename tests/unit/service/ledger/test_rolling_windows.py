"""The skill of the last hours: sums over the same forecasts of every model, kept for dashboards."""

import random
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from service.ledger import tables
from service.ledger.ledger import WINDOWS, Ledger
from tests.postgres import DATABASES, new_url
from tests.unit.service.ledger.test_ledger import probability_row

NOW = datetime(2026, 3, 29, 3, tzinfo=UTC)
"""The clocks of half of Europe have just leapt over an hour."""


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(new_url(request.param, tmp_path))
    yield opened
    opened.engine.dispose()


def issue(number: int) -> datetime:
    """The one whose first lead, of 30 minutes, is valid so many times 5 minutes before now."""
    return NOW - timedelta(minutes=30 + 5 * number)


def note(
    ledger: Ledger,
    model: str,
    numbers: Iterable[int],
    hits: int = 1,
    leads: Iterable[int] = (30,),
    status: str = "verified",
    weights: str = "none",
    *,
    telling: bool = False,
) -> None:
    """Note forecasts, and verify each with so many hits; `telling` those that tell probabilities,
    with as many cells in each bin."""
    for number in numbers:
        begin = issue(number)
        key = {"model": model, "weights": weights, "issue": begin}
        valid = {lead: begin + timedelta(minutes=lead) for lead in leads}
        ledger.forecast(key, {"radar_time": begin, "generated": begin}, valid)
        for lead in leads if status == "verified" else ():
            row = dict(zip(tables.COUNTS, (hits, 2, 3, 4), strict=True)) | {"threshold": 0.5}
            part = {"n": 10, "squared_difference": hits / 4, "squared_reference": 0.5}
            fraction = {"threshold": 0.5, "window": 3, **part}
            probable = [probability_row(hits)] if telling else []
            ledger.verified(key | {"lead_minutes": lead}, {"n": 9}, [row], [fraction], probable)


def hits(ledger: Ledger, hours: int = 6) -> dict[tuple[str, int], int]:
    return {(row["model"], row["lead_minutes"]): row["hits"] for row in ledger.windows(hours)}


def starts(ledger: Ledger, hours: int = 6) -> dict[str, int]:
    return {row["model"]: row["n_valid"] for row in ledger.windows(hours)}


def test_a_window_reaches_from_after_its_begin_to_now_by_valid_time(ledger: Ledger) -> None:
    hour = 12
    for number in (-1, 0, 6 * hour - 1, 6 * hour):
        note(ledger, "advection", [number], hits=10 ** (2 + number // 30))
    ledger.refresh_windows(NOW, [6, 24])
    assert hits(ledger, 6) == {("advection", 30): 100 + 10**4}
    assert hits(ledger, 24) == {("advection", 30): 100 + 2 * 10**4}
    assert len(ledger.windows()) == 2


def test_a_window_says_what_it_is_made_of(ledger: Ledger) -> None:
    note(ledger, "advection", range(3), hits=8)
    note(ledger, "advection", range(3, 5), status="pending")
    ledger.give_up(NOW)
    ledger.refresh_windows(NOW)
    rows = ledger.windows()
    axes = {"model": "advection", "lead_minutes": 30, "threshold": 0.5, "refreshed": NOW}
    found = {"hits": 24, "misses": 6, "false_alarms": 9, "correct_negatives": 12}
    assert rows == [axes | found | {"hours": h, "n_valid": 3, "n_missing": 2} for h in WINDOWS]
    assert all(isinstance(row[name], int) for row in rows for name in (*tables.COUNTS, "n_valid"))
    (row, *_) = ledger.window_fractions()
    sums = {"n": 30, "squared_difference": 6.0, "squared_reference": 1.5}
    assert row == axes | sums | {"hours": 6, "window": 3}
    assert len(ledger.window_fractions(24)) == 1


def test_models_are_compared_over_what_all_of_them_have(ledger: Ledger) -> None:
    note(ledger, "advection", range(10))
    note(ledger, "persistence", range(2, 12), hits=5)
    ledger.refresh_windows(NOW)
    assert starts(ledger) == {"advection": 8, "persistence": 8}
    assert hits(ledger) == {("advection", 30): 8, ("persistence", 30): 40}
    assert [row["n"] for row in ledger.window_fractions(6)] == [80, 80]


def test_probabilities_are_summed_over_the_forecasts_that_all_have_which_tell_them(
    ledger: Ledger,
) -> None:
    note(ledger, "advection", range(7))
    note(ledger, "ms-lstm", range(10), hits=8, telling=True)
    note(ledger, "ms-predrnn", range(2, 12), hits=80, telling=True)
    note(ledger, "seldom", range(4), hits=7, telling=True)
    ledger.refresh_windows(NOW)
    axes = {"hours": 6, "lead_minutes": 30, "refreshed": NOW}
    assert ledger.window_probabilities(6) == [
        axes | {"model": "ms-lstm"} | probability_row(8 * 8),
        axes | {"model": "ms-predrnn"} | probability_row(8 * 80),
    ]
    assert all(isinstance(row["events_9"], int) for row in ledger.window_probabilities())
    assert len(ledger.window_probabilities()) == 2 * len(WINDOWS)
    note(ledger, "persistence", range(-100, -90))
    ledger.refresh_windows(NOW + timedelta(hours=8))
    assert ledger.window_probabilities(6) == []


def test_forecasts_from_before_there_were_sums_of_probabilities_are_left_out_of_them(
    ledger: Ledger,
) -> None:
    note(ledger, "ms-lstm", range(4, 10), hits=100)
    note(ledger, "ms-lstm", range(4), hits=8, telling=True)
    ledger.refresh_windows(NOW)
    assert starts(ledger) == {"ms-lstm": 10}
    assert [row["number_0"] for row in ledger.window_probabilities(6)] == [32]


def test_what_is_pending_is_compared_with_nothing(ledger: Ledger) -> None:
    note(ledger, "advection", range(10))
    note(ledger, "persistence", range(1, 10))
    note(ledger, "persistence", [0], status="pending")
    ledger.refresh_windows(NOW)
    assert starts(ledger) == {"advection": 9, "persistence": 9}


def test_a_model_with_few_forecasts_does_not_narrow_the_comparison(ledger: Ledger) -> None:
    note(ledger, "advection", range(10))
    note(ledger, "asked-once", range(4))
    ledger.refresh_windows(NOW)
    assert starts(ledger) == {"advection": 10}
    note(ledger, "asked-once", [4])
    ledger.refresh_windows(NOW, share=0)
    assert starts(ledger) == {"advection": 5, "asked-once": 5}


def test_leads_are_compared_each_for_itself(ledger: Ledger) -> None:
    note(ledger, "advection", range(6, 16), leads=(30, 60))
    note(ledger, "persistence", range(6, 16))
    ledger.refresh_windows(NOW)
    assert set(hits(ledger)) == {("advection", 30), ("advection", 60), ("persistence", 30)}


def test_a_model_that_is_gone_leaves_the_window(ledger: Ledger) -> None:
    note(ledger, "advection", range(3))
    ledger.refresh_windows(NOW)
    note(ledger, "persistence", range(-60, -50))
    ledger.refresh_windows(NOW + timedelta(hours=7))
    assert set(starts(ledger, 6)) == {"persistence"}
    assert ledger.window_fractions(6)[0]["model"] == "persistence"
    ledger.refresh_windows(NOW + timedelta(days=1))
    assert ledger.windows(6) == ledger.window_fractions(6) == []


def test_a_window_is_left_as_it_is_until_something_of_it_is_new(ledger: Ledger) -> None:
    day = 288
    note(ledger, "advection", range(0, 7 * day, 4))
    assert ledger.refresh_windows(NOW, [168]) == [168]
    later = NOW + timedelta(minutes=5)
    note(ledger, "advection", [-1])
    assert ledger.refresh_windows(later, [168]) == []
    assert {row["refreshed"] for row in ledger.windows(168)} == {NOW}
    assert ledger.refresh_windows(later, [168], share=0) == [168]
    assert {row["refreshed"] for row in ledger.windows(168)} == {later}
    much_later = later + timedelta(hours=2)
    assert ledger.refresh_windows(much_later, [168]) == [168], "a hundredth of its time is over"
    assert ledger.refresh_windows(NOW, [168]) == [168], "of the future: the clock was set back"


def test_while_there_is_little_in_a_window_it_is_renewed_at_each_new_verification(
    ledger: Ledger,
) -> None:
    for number in (3, 2, 1, 0):
        note(ledger, "advection", [number])
        renewed = ledger.refresh_windows(NOW - timedelta(minutes=5 * number - 3))
        assert renewed == list(WINDOWS)
    assert starts(ledger, 720) == {"advection": 4}


def test_many_may_refresh_at_once(ledger: Ledger) -> None:
    note(ledger, "advection", range(10))
    note(ledger, "persistence", range(10))
    gate = Barrier(4)

    def refresh(_: int) -> None:
        gate.wait()
        for _ in range(5):
            ledger.refresh_windows(NOW, share=0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(refresh, range(4)))
    assert starts(ledger, 720) == {"advection": 10, "persistence": 10}


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_what_counting_by_hand_gives(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    shares = {"advection": 0.95, "persistence": 0.8, "ms-lstm": 0.6, "rare": 0.3}
    for model, share in shares.items():
        for number in range(-3, 80):
            if chance.random() < share:
                status = chance.choice(["verified"] * 4 + ["pending"])
                leads = chance.sample([30, 60], chance.choice([1, 2]))
                weights = chance.choice(["none", "v2"])
                note(ledger, model, [number], number + 5, sorted(leads), status, weights)
    ledger.refresh_windows(NOW)
    rows = ledger.rows(tables.counts, begin=NOW - timedelta(hours=6), end=NOW)
    found = {(row["model"], row["lead_minutes"]): row["hits"] for row in ledger.windows(6)}
    assert found == by_hand(rows)
    parts = {(row["model"], row["lead_minutes"]): row for row in ledger.window_fractions(6)}
    assert {lead: row["squared_difference"] * 4 for lead, row in parts.items()} == by_hand(rows)


def by_hand(rows: list[Mapping[str, Any]]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for lead in {row["lead_minutes"] for row in rows}:
        of_lead = [row for row in rows if row["lead_minutes"] == lead]
        issues = {
            model: {row["issue"] for row in of_lead if row["model"] == model}
            for model in {row["model"] for row in of_lead}
        }
        whole = set().union(*issues.values())
        regular = {model: of for model, of in issues.items() if 2 * len(of) >= len(whole)}
        common = set.intersection(*regular.values()) if regular else set()
        for row in of_lead:
            if row["model"] in regular and row["issue"] in common:
                key = (row["model"], lead)
                found[key] = found.get(key, 0) + row["hits"]
    return found
