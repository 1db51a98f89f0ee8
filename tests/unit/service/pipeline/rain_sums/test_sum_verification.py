"""Rain sums of an hour are verified as rates are."""

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from xarray import DataArray

from model_zoo import load_forecaster
from service.archive.archive import Archive
from service.ledger import sum_rows, tables
from service.ledger.ledger import Ledger
from service.pipeline.forecast import forecast_model
from service.pipeline.rain_sums.sum_verification import (
    THRESHOLDS,
    probability_error,
    sum_counts,
    verify_sums,
)
from service.pipeline.verify import verify
from service.skill.window_scores import sum_scores
from tests.served import put_frames
from tests.showers import frame, moment, time

LATER = timedelta(hours=3)
ISSUE = 6
"""Half an hour after the first frame: at its issues, probabilities are verified."""


def wet_members(archive: Archive, forecast: DataArray) -> NDArray[np.floating]:
    """Two members: the forecast, and no rain."""
    del archive
    return np.stack([forecast.values, forecast.values * 0])


def stored(ledger: Ledger) -> list[dict[str, object]]:
    """The rows of verified sums."""
    with ledger.engine.connect() as connection:
        return [dict(row) for row in connection.execute(tables.sum_counts.select()).mappings()]


@pytest.fixture
def forecast(archive: Archive, ledger: Ledger) -> DataArray:
    """A forecast of persistence from the second frame."""
    put_frames(archive, *range(ISSUE + 1))
    key = forecast_model(
        archive, ledger, load_forecaster("persistence"), time(ISSUE), moment(ISSUE)
    )
    return archive.full_forecast(key)


def test_a_sum_is_verified_once_the_radar_of_its_hour_is_there(
    archive: Archive, ledger: Ledger, forecast: DataArray
) -> None:
    put_frames(archive, *range(ISSUE + 1, ISSUE + 12))
    assert verify_sums(archive, ledger, moment(ISSUE) + LATER, ensemble=wet_members) == 0
    put_frames(archive, ISSUE + 12)
    assert verify_sums(archive, ledger, moment(ISSUE) + LATER, ensemble=wet_members) == 1
    assert verify_sums(archive, ledger, moment(ISSUE) + LATER, ensemble=wet_members) == 0
    rows = stored(ledger)
    assert [row["threshold"] for row in rows] == list(THRESHOLDS)
    assert {row["lead_minutes"] for row in rows} == {60}
    observed = np.stack([frame(ISSUE + 1 + n).values[0] for n in range(12)]).astype(float).mean(0)
    expected = forecast.values[:12].astype(float).mean(0)
    both = ~(np.isnan(observed) | np.isnan(expected))
    for row in rows:
        level = float(str(row["threshold"]))
        wet, rained = expected[both] >= level, observed[both] >= level
        assert row["hits"] == (wet & rained).sum()
        assert row["false_alarms"] == (wet & ~rained).sum()
        assert row["misses"] == (~wet & rained).sum()
        assert row["n_probable"] == both.sum()
        assert row["squared"] == pytest.approx(((0.5 * wet - rained) ** 2).sum())


def test_between_the_half_hours_no_ensemble_is_drawn(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(14))
    forecast_model(archive, ledger, load_forecaster("persistence"), time(1), moment(1))
    assert verify_sums(archive, ledger, moment(1) + LATER, ensemble=wet_members) == 1
    assert {row["n_probable"] for row in stored(ledger)} == {0}


def test_a_missing_frame_is_waited_for_and_then_done_without(
    archive: Archive, ledger: Ledger, forecast: DataArray
) -> None:
    hour = [number for number in range(ISSUE + 1, ISSUE + 13) if number != ISSUE + 4]
    put_frames(archive, *hour)
    now = moment(ISSUE) + LATER
    assert verify_sums(archive, ledger, now, ensemble=wet_members) == 0
    put_frames(archive, ISSUE + 18)
    assert verify_sums(archive, ledger, now, ensemble=wet_members) == 1


def test_a_sum_without_enough_radar_is_given_up_and_never_counts(
    archive: Archive, ledger: Ledger, forecast: DataArray
) -> None:
    put_frames(archive, *range(ISSUE + 3, ISSUE + 13), ISSUE + 20)
    now = moment(ISSUE) + LATER
    assert verify_sums(archive, ledger, now, ensemble=wet_members) == 0
    assert len(sum_rows.pending(ledger.engine, now)) == 2
    assert sum_rows.give_up(ledger.engine, now) == 2
    assert sum_rows.pending(ledger.engine, now) == []
    assert stored(ledger) == []


def test_counts_and_errors_of_the_probability_by_hand() -> None:
    observed = DataArray(np.array([[6.0, 4.0], [30.0, np.nan]]), dims=("y", "x"))
    forecast = observed.copy(data=np.array([[5.0, 5.0], [4.0, 99.0]]))
    members = np.stack([np.full((12, 2, 2), mm) for mm in (0.0, 6.0, 12.0, 30.0)])
    rows = sum_counts(forecast, observed, members)
    names = ("threshold", "hits", "misses", "false_alarms")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (5, 1, 1, 1), (10, 0, 1, 0), (15, 0, 1, 0), (25, 0, 1, 0)
    ]  # fmt: skip
    # 3 of 4 members reach 5 mm, 2 reach 10, 1 reaches 15 and 25; two cells got 5 mm, one 10 or more
    assert [row["squared"] for row in rows] == [
        pytest.approx(value) for value in (2 / 16 + 9 / 16, 3 / 4, 2 / 16 + 9 / 16, 11 / 16)
    ]
    assert {row["n_probable"] for row in rows} == {3}
    assert probability_error(None, observed, 5) == {"n_probable": 0, "squared": 0.0}


def test_scores_of_sums_are_those_of_their_counts() -> None:
    row = {"model": "blend", "lead_minutes": 60, "threshold": 5.0, "hits": 6, "misses": 2,
           "false_alarms": 4, "correct_negatives": 8, "n_probable": 20, "squared": 2.4}  # fmt: skip
    found = {key.score: value for key, value in sum_scores([row])}
    assert found["csi"] == 0.5
    assert found["brier"] == pytest.approx(0.12)
    assert found["brier_skill"] == pytest.approx(1 - 0.12 / (0.4 * 0.6))
    without = {key.score for key, _ in sum_scores([row | {"n_probable": 0, "squared": 0.0}])}
    assert "csi" in without
    assert "brier" not in without


def test_windows_have_the_sums_of_the_same_forecasts_of_all_models(
    archive: Archive, ledger: Ledger, forecast: DataArray
) -> None:
    put_frames(archive, *range(ISSUE + 1, ISSUE + 13))
    now = moment(ISSUE + 13)
    verify(archive, ledger, now)
    ledger.refresh_windows(now, [6], 0)
    rows = ledger.window_sums(6)
    assert [(row["model"], row["lead_minutes"], row["threshold"]) for row in rows] == [
        ("persistence", 60, level) for level in THRESHOLDS
    ]
    assert {row["n_valid"] for row in rows} == {1}
