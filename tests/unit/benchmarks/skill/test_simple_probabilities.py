"""Three simple probabilities, chosen on training events."""

from pathlib import Path

import numpy as np
import pytest
from xarray import DataArray

from benchmarks.skill.opponents.baseline_cases import BaselineCase
from benchmarks.skill.opponents.simple_probabilities import (
    LABELS,
    MEAN,
    NEIGHBOURHOODS,
    REGRESSION,
    THRESHOLDS,
    WIDTHS,
    SimpleProbabilities,
    choose,
)
from model_zoo.forecasters.contract import HORIZON

LEADS = (np.arange(1, HORIZON + 1) * np.timedelta64(30, "m")).astype("timedelta64[ns]")
SIDE = 40


def rain(seed: int) -> np.ndarray:
    """Showers (y, x) in mm/h."""
    rng = np.random.default_rng(seed)
    field = np.zeros((SIDE, SIDE))
    for _ in range(12):
        row, column = rng.integers(2, SIDE - 2, 2)
        field[row - 2 : row + 3, column - 2 : column + 3] = rng.uniform(0.2, 8)
    return field


def cases(number: int = 6) -> list[BaselineCase]:
    """Advection that is right at first and some cells off later; S-PROG knows nothing."""
    found = []
    for seed in range(number):
        truth = rain(seed)
        advection = np.stack([np.roll(truth, 3 * lead, axis=1) for lead in range(HORIZON)])
        nothing = np.stack([rain(100 + seed)] * HORIZON)
        fields = (advection, nothing, np.stack([truth] * HORIZON))
        found.append(
            BaselineCase(f"event-{seed % 2}", 5.0, *(f.astype(np.float16) for f in fields))
        )
    return found


@pytest.fixture(scope="module")
def chosen() -> SimpleProbabilities:
    return choose(cases())


def test_the_worse_a_forecast_is_the_wider_is_its_neighbourhood(
    chosen: SimpleProbabilities,
) -> None:
    advection, sprog = chosen.widths
    wet = THRESHOLDS.index(0.5)
    assert advection[0, wet] == WIDTHS[0]
    assert advection[0, wet] < advection[1, wet] <= advection[3, wet]
    assert sprog[0, wet] > 35


def test_the_regression_follows_who_is_right(chosen: SimpleProbabilities) -> None:
    _, of_advection, of_sprog = chosen.coefficients[0, THRESHOLDS.index(0.5)]
    assert of_advection > 1
    assert of_advection > 2 * of_sprog


def test_too_rare_an_event_leaves_the_mean_of_both(chosen: SimpleProbabilities) -> None:
    assert tuple(chosen.coefficients[0, THRESHOLDS.index(20.0)]) == MEAN


def test_they_are_read_as_they_were_written(chosen: SimpleProbabilities, tmp_path: Path) -> None:
    chosen.write(tmp_path / "table.json", {"events": ["one"]})
    again = SimpleProbabilities.read(tmp_path / "table.json")
    np.testing.assert_array_equal(again.widths, chosen.widths)
    np.testing.assert_allclose(again.coefficients, chosen.coefficients, atol=1e-5)


def test_probabilities_are_shares_that_fall_with_the_threshold_and_know_their_gaps(
    chosen: SimpleProbabilities,
) -> None:
    fields = np.stack([rain(7)] * HORIZON).astype(np.float32)
    gap = fields.copy()
    gap[:, 0, 0] = np.nan
    advection, sprog = (
        DataArray(field, {"lead_time": LEADS}, ("lead_time", "y", "x")) for field in (fields, gap)
    )
    found = chosen.probabilities(advection, sprog, 5.0)
    assert tuple(found) == LABELS
    for label in LABELS:
        values = found[label].to_numpy()
        assert np.isnan(values[..., 0, 0]).all()
        assert np.isnan(values).sum() == len(THRESHOLDS) * HORIZON
        assert np.nanmin(values) >= 0
        assert np.nanmax(values) <= 1
    assert (found[REGRESSION].diff("threshold").fillna(0) <= 0).all()
    exact = found[NEIGHBOURHOODS[0]].sel(threshold=0.5).isel(lead_time=0)
    np.testing.assert_array_equal(exact.fillna(0), np.where(np.isnan(gap[0]), 0, fields[0] >= 0.5))


def test_the_shipped_table_has_widths_and_weights_for_every_lead_and_threshold() -> None:
    shipped = SimpleProbabilities.read()
    assert shipped.widths.shape == (2, HORIZON, len(THRESHOLDS))
    assert shipped.coefficients.shape == (HORIZON, len(THRESHOLDS), 3)
    assert (shipped.widths[:, 3] >= shipped.widths[:, 0]).all()
