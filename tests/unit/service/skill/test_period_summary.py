"""The skill of a span of time: summed over the same forecasts, with how sure it is."""

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.errors import NoSkill
from service.ledger.ledger import Ledger
from service.skill.period_summary import BLOCK_HOURS, FEWEST_BLOCKS, Period, compare_models
from tests.event import enter
from tests.postgres import DATABASES, new_url
from tests.showers import moment
from verification import csi

HOUR = 12
"""Frames in an hour."""
LONG = range(0, 72 * HOUR, HOUR)
"""Three days of starts."""
WHOLE = Period(moment(0), moment(80 * HOUR))


@pytest.fixture(params=DATABASES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(new_url(request.param, tmp_path))
    yield opened
    opened.engine.dispose()


def test_a_period_has_the_sums_of_a_window_of_the_same_hours(ledger: Ledger) -> None:
    for number in range(0, 12 * HOUR, 6):
        enter(ledger, "advection", number, hits=number)
        if number % HOUR == 0:
            enter(ledger, "persistence", number, hits=7)
    now = moment(9 * HOUR)
    ledger.refresh_windows(now, [6], share=0)
    kept = {(r["model"], r["threshold"]): (r["hits"], r["n_valid"]) for r in ledger.windows(6)}
    found = compare_models(ledger, Period(now - timedelta(hours=6), now))
    assert {(r["model"], r["threshold"]): (r["hits"], r["n_valid"]) for r in found.rows} == kept
    assert kept["persistence", 0.5] == (42, 6)


def test_blocks_are_of_six_hours_each_and_add_up_to_the_whole(ledger: Ledger) -> None:
    for number in LONG:
        enter(ledger, "advection", number, hits=1)
    blocks = compare_models(ledger, WHOLE).blocks.sel(model="advection", threshold=0.5).hits
    starts = blocks["block"].values
    assert {int(start.astype("datetime64[h]").astype(int)) % BLOCK_HOURS for start in starts} == {0}
    assert blocks.squeeze().values.tolist() == [2, *[6] * 11, 4]  # they begin at half past ten


def test_what_nothing_reached_has_no_score_and_not_a_score_of_0(ledger: Ledger) -> None:
    enter(ledger, "advection", 0, hits=0)
    found = compare_models(ledger, WHOLE)
    assert found.value("advection", "csi", 60, 0.5) == 0
    assert found.value("advection", "csi", 60, 10.0) is None
    assert found.value("advection", "fss_20km", 60, 0.5) is None  # no sums of fractions are there


def test_a_difference_is_sure_where_all_blocks_have_it_and_not_where_one_makes_it(
    ledger: Ledger,
) -> None:
    for number in LONG:
        enter(ledger, "persistence", number, hits=50)
        enter(ledger, "always", number, hits=60)
        enter(ledger, "once", number, hits=800 if number == LONG[5] else 50)
    found = compare_models(ledger, WHOLE)
    bounds = {}
    for model in ("always", "once"):
        difference = found.difference(csi, model, "persistence")
        assert difference
        value, low, high = (part.sel(lead_minutes=60, threshold=0.5).item() for part in difference)
        assert low <= value <= high
        bounds[model] = low
    assert bounds["always"] > 0
    assert bounds["once"] <= 0


def test_of_a_short_period_nothing_is_said_of_how_sure_a_difference_is(ledger: Ledger) -> None:
    for number in range(0, (FEWEST_BLOCKS - 2) * BLOCK_HOURS * HOUR, HOUR):
        enter(ledger, "persistence", number, hits=50)
        enter(ledger, "advection", number, hits=60)
    difference = compare_models(ledger, WHOLE).difference(csi, "advection", "persistence")
    assert difference
    value, low, high = (part.sel(lead_minutes=60, threshold=0.5).item() for part in difference)
    assert value == pytest.approx(60 / 160 - 50 / 150)
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_model_with_too_few_forecasts_is_named_and_not_compared(ledger: Ledger) -> None:
    for number in range(0, 8 * HOUR, HOUR):
        enter(ledger, "advection", number, hits=1)
    enter(ledger, "new", 0, hits=1)
    found = compare_models(ledger, WHOLE)
    assert found.models == ["advection"]
    assert found.left_out == ("new",)
    assert found.difference(csi, "new", "advection") is None


def test_where_nothing_is_verified_it_is_said_what_is(ledger: Ledger) -> None:
    with pytest.raises(NoSkill, match="no forecast has been verified yet"):
        compare_models(ledger, WHOLE)
    enter(ledger, "advection", 6, hits=1)
    later = Period(WHOLE.end, WHOLE.end + timedelta(days=1))
    with pytest.raises(NoSkill, match="for 2026-06-22T00:00Z to 2026-06-22T00:00Z, name a time"):
        compare_models(ledger, later)
