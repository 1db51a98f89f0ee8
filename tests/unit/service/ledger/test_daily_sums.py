"""Sums over any period, by way of whole days, are those of its rows."""

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from service.ledger import contents, daily_rain_sums, integrity, sum_rows, tables
from service.ledger.daily_sums import DAY, EPOCH, parts_of
from service.ledger.ledger import Ledger
from service.skill.verification import counted
from tests.postgres import DATABASES, new_url

BEGIN = datetime(2026, 6, 20, 22, 0, tzinfo=EPOCH.tzinfo)
STEP = timedelta(minutes=200)
ISSUES = 25
"""Over three days and a half, with valid times at midnight among them."""
MODELS = ("advection", "persistence")
LEADS, THRESHOLDS = (120, 200), (0.5, 2.0)


@pytest.fixture(params=DATABASES)
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    """Verified, missing and pending lead times; midnight is the valid time of some."""
    ledger, draw = Ledger(new_url(request.param, tmp_path)), random.Random(7)
    for number in range(ISSUES):
        issue = BEGIN + number * STEP
        for model in MODELS:
            key = {"model": model, "weights": "none", "issue": issue}
            valid = {lead: issue + timedelta(minutes=lead) for lead in LEADS}
            ledger.forecast(key, {"radar_time": issue, "generated": issue}, valid)
            for lead in LEADS:
                if number < ISSUES - 2 and draw.random() < 0.7:
                    ledger.verified(key | {"lead_minutes": lead}, {}, rows(draw), [])
                if lead % 60 == 0 and draw.random() < 0.7:
                    probable = {"n_probable": 4, "squared": draw.randrange(9)}
                    found = [row | probable for row in rows(draw)]
                    sum_rows.enter(ledger.engine, key | {"lead_minutes": lead}, found)
    ledger.give_up(BEGIN + (ISSUES - 2) * STEP)
    return ledger


def rows(draw: random.Random) -> list[dict[str, Any]]:
    return [
        {"threshold": threshold} | {name: draw.randrange(9) for name in tables.COUNTS}
        for threshold in THRESHOLDS
    ]


def periods() -> list[tuple[datetime | None, datetime | None]]:
    """Open ones, short ones, whole days, and some at random."""
    draw, midnight = random.Random(3), datetime(2026, 6, 21, tzinfo=EPOCH.tzinfo)
    second = timedelta(seconds=1)
    found: list[tuple[datetime | None, datetime | None]] = [
        (None, None),
        (None, midnight),
        (midnight, None),
        (midnight, midnight + DAY),
        (midnight - second, midnight + 2 * DAY - second),
        (midnight, midnight),
        (midnight + DAY, midnight),
        (midnight + second, midnight + DAY),
        (midnight - 400 * DAY, midnight + 400 * DAY),
    ]
    for _ in range(8):
        begin = BEGIN + draw.random() * 4 * DAY
        found.append((begin, begin + draw.random() * 4 * DAY))
    return found


@pytest.mark.parametrize("equal", [{}, {"lead_minutes": 120}])
def test_sums_over_a_period_are_those_of_its_rows(filled: Ledger, equal: dict[str, Any]) -> None:
    for begin, end in periods():
        for models in ([], ["persistence"]):
            for more in ({}, {"threshold": 2.0}):
                found = filled.totals(models, begin, end, **equal, **more)
                each = filled.rows(tables.counts, models, begin, end, **equal, **more)
                assert counted(found).equals(counted(each)), (begin, end)
            statuses = [
                row["status"] for row in filled.rows(tables.leads, models, begin, end, **equal)
            ]
            states = {status: statuses.count(status) for status in set(statuses)}
            assert filled.states(models, begin, end, **equal) == states, (begin, end)
    assert integrity.faults(filled.engine.url.render_as_string(hide_password=False)) == []


def test_whole_days_are_not_summed_again(filled: Ledger) -> None:
    """However long a period is, only the days at its edges are summed from their rows."""
    everything = filled.totals([], BEGIN - DAY, BEGIN + 9 * DAY)
    with filled.engine.begin() as connection:
        connection.execute(delete(tables.counts))
    assert filled.totals([], BEGIN - DAY, BEGIN + 9 * DAY) == everything
    assert parts_of(BEGIN, BEGIN + timedelta(hours=25)).edges == [
        (BEGIN, BEGIN + timedelta(hours=25))
    ]
    for days in (3, 400, 4000):
        (_, first), (last, _) = parts_of(BEGIN, BEGIN + days * DAY).edges
        assert first - BEGIN <= DAY
        assert BEGIN + days * DAY - last <= DAY


def test_rain_sums_over_a_period_are_those_of_their_rows(filled: Ledger) -> None:
    names = ("model", "lead_minutes", "threshold")
    added = (*tables.COUNTS, "n_probable", "squared", "n_valid")
    with filled.engine.connect() as connection:
        each = connection.execute(daily_rain_sums.each_count().add_columns(
            tables.sum_leads.c.valid_time)).mappings().all()  # fmt: skip
    assert len(each) > 10
    for begin, end in periods():
        for models in ([], ["persistence"]):
            expected: dict[tuple[Any, ...], Counter[str]] = {}
            for row in each:
                inside = (begin is None or row["valid_time"] > begin) and (
                    end is None or row["valid_time"] <= end
                )
                if inside and (not models or row["model"] in models):
                    key = tuple(row[name] for name in names)
                    expected.setdefault(key, Counter()).update({n: row[n] for n in added})
            found = daily_rain_sums.totals(filled.engine, models, begin, end)
            assert {
                tuple(row[name] for name in names): {n: row[n] for n in added} for row in found
            } == expected, (begin, end)


def test_sums_that_are_wrong_are_found_and_renewed(filled: Ledger) -> None:
    url = filled.engine.url.render_as_string(hide_password=False)
    before = filled.totals(), filled.states()
    with filled.engine.begin() as connection:
        connection.execute(update(tables.daily_counts).values(hits=7))
        connection.execute(delete(tables.daily_leads))
        connection.execute(delete(tables.daily_sum_counts))
    found = " ".join(integrity.faults(url))
    assert "counts of days are not the sums of what they count" in found
    assert "counts of rain sums of days are not the sums of what they count" in found
    assert "leads of days are not the sums of what they count" in found
    contents.renew_totals(filled)
    assert integrity.faults(url) == []
    assert (filled.totals(), filled.states()) == before
