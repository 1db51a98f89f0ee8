"""A blend is recalibrated by what the ledger knows of its members' reliability."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo import load_forecaster
from model_zoo.forecasters.blend import Blend
from service.archive.key import to_datetime
from service.ledger.ledger import Ledger
from service.ledger.tables import BINNED, bins_of
from service.pipeline import recent_reliability
from service.pipeline.model_selection import FEWEST_STARTS
from service.pipeline.recent_reliability import recalibrated
from service.pipeline.served_models import Forecasters, Served, sample_frames
from verification.probabilistic import BINS

ISSUE = np.datetime64("2026-06-01T12:00", "ns")
MEMBERS = ("ms-lstm", "ms-preciplstm")
ERRORS = {"n": 10_000, "signed": 0.0, "absolute": 0.0, "squared": 0.0}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.engine.dispose()


@pytest.fixture(scope="module")
def blend() -> Served:
    served = Forecasters(["blend"], device="cpu").get("blend")
    assert isinstance(served, Served)
    return served


def enter(
    ledger: Ledger,
    blend: Served,
    *,
    occur: float,
    ended: timedelta = timedelta(minutes=30),
    weights: str | None = None,
    starts: int = FEWEST_STARTS,
) -> None:
    """Verified forecasts of rain of 0.5 mm/h in 30 minutes, half likely, which so often came."""
    assert blend.blend is not None
    bins = {
        "number": 10_000.0,
        "probability": 5_500.0,
        "events": 10_000.0 * occur,
    }
    filled = {
        column: (value if number == BINS // 2 else 0.0)
        for name, value in bins.items()
        for number, column in enumerate(bins_of(name))
    }
    assert bins.keys() == BINNED.keys()
    for member in blend.blend.members:
        if member.name not in MEMBERS:
            continue
        for start in range(starts):
            valid = to_datetime(ISSUE) - ended - timedelta(minutes=5 * start)
            issue = valid - timedelta(minutes=30)
            key = {"model": member.name, "weights": weights or member.weights, "issue": issue}
            ledger.forecast(key, {"radar_time": issue, "generated": issue}, {30: valid})
            of_lead = key | {"lead_minutes": 30}
            ledger.verified(of_lead, ERRORS, [], [], [{"threshold": 0.5, "squared": 0.0} | filled])


def mean_probability(forecaster: Served) -> float:
    forecast = forecaster(sample_frames(forecaster.needs), 1)
    return float(forecast["exceedance_probability_0.5"].mean())


def test_probabilities_rise_where_rain_came_more_often_than_was_forecast(
    ledger: Ledger, blend: Served
) -> None:
    enter(ledger, blend, occur=0.9)
    found = recalibrated(ledger, blend, ISSUE)
    assert "ms-lstm" in found.basis
    assert isinstance(found.forecaster, Served)
    assert found.forecaster.weights == blend.weights  # its URLs and keys are the same
    assert mean_probability(found.forecaster) > mean_probability(blend)


def test_probabilities_fall_where_it_came_less_often(ledger: Ledger, blend: Served) -> None:
    enter(ledger, blend, occur=0.1)
    found = recalibrated(ledger, blend, ISSUE).forecaster
    assert isinstance(found, Served)
    assert mean_probability(found) < mean_probability(blend)


@pytest.mark.parametrize(
    "entered",
    [
        {"ended": recent_reliability.WINDOW + timedelta(minutes=5)},
        {"ended": timedelta(0)},  # which some would know and some not yet
        {"weights": "f" * 64},
        {"starts": 1},
    ],
    ids=["of before yesterday", "of the issue time", "of other weights", "too few"],
)
def test_what_does_not_count_changes_nothing(
    ledger: Ledger, blend: Served, entered: dict[str, Any]
) -> None:
    starts = {"starts": 1} if "starts" not in entered and "ended" in entered else {}
    enter(ledger, blend, occur=0.9, **(starts | entered))
    assert recalibrated(ledger, blend, ISSUE) == (blend, "")


def test_an_empty_ledger_changes_nothing(ledger: Ledger, blend: Served) -> None:
    assert recalibrated(ledger, blend, ISSUE) == (blend, "")


def test_other_models_stay_as_they_are(ledger: Ledger) -> None:
    advection = load_forecaster("advection")
    assert recalibrated(ledger, advection, ISSUE) == (advection, "")


def test_a_blend_that_is_not_served_is_recalibrated_too(ledger: Ledger, blend: Served) -> None:
    enter(ledger, blend, occur=0.9)
    found = recalibrated(ledger, load_forecaster("blend", device="cpu"), ISSUE)
    assert isinstance(found.forecaster, Blend)
    assert found.basis
