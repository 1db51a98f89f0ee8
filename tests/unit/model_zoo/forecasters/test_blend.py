"""Blends: several forecasters as one, weighed by lead and threshold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo.errors import BadCheckpoint, NoWeights
from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters.blend import Blend, BlendTable, feature
from model_zoo.forecasters.contract import Needs, make_forecast, minutes
from model_zoo.forecasters.rain_amounts import expected_change, matched_rain, pulled
from model_zoo.training.blending import Case, choose, write

SIDE, LEADS = 24, 4
ISSUE = np.datetime64("2020-09-07T14:00", "ns")


class Member:
    """A forecaster that states given rain, and probabilities if it has some."""

    weights = "none"

    def __init__(
        self,
        name: str,
        rain: NDArray[np.float32],
        probability: NDArray[np.float32] | None = None,
        needs: Needs | None = None,
    ) -> None:
        self.name, self.rain, self.probability = name, rain, probability
        self.needs = needs or Needs(minutes(0))

    def __call__(self, frames: DataArray, horizon: int = 4, step_minutes: int = 30) -> DataArray:
        known = {}
        if self.probability is not None:
            known = {
                t: self.probability[:horizon, index] for index, t in enumerate(FORECAST_THRESHOLDS)
            }
        return make_forecast(self.rain[:horizon], frames, self, known, step_minutes)


def frames(count: int = 7) -> DataArray:
    times = ISSUE - np.arange(count)[::-1] * np.timedelta64(5, "m")
    place = {"y": -5000.0 * np.arange(SIDE), "x": 5000.0 * np.arange(SIDE)}
    values = np.ones((count, SIDE, SIDE), np.float32)
    attributes = {"standard_name": "rainfall_rate", "units": "mm h-1"}
    return xr.DataArray(values, {"time": times, **place}, ("time", "y", "x"), attrs=attributes)


def rain(seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    wet = rng.random((LEADS, SIDE, SIDE)) < 0.3
    return np.where(wet, rng.gamma(0.6, 5, wet.shape), 0).astype(np.float32)


def probabilities_of(seed: int) -> NDArray[np.float32]:
    drawn = (
        np.random.default_rng(seed)
        .random((LEADS, len(FORECAST_THRESHOLDS), SIDE, SIDE))
        .astype(np.float32)
    )
    return np.sort(drawn, axis=1)[:, ::-1]


def table(*weights: float, members: tuple[str, ...] = ("first", "second", "base")) -> BlendTable:
    """All leads and thresholds alike: no intercept, and these weights."""
    row = [0.0, *weights]
    coefficients = np.broadcast_to(row, (LEADS, len(FORECAST_THRESHOLDS), len(row))).copy()
    growth = np.ones((LEADS, len(FORECAST_THRESHOLDS)))
    return BlendTable(members, members[-1], FORECAST_THRESHOLDS, coefficients, growth, "")


def blended(weights: BlendTable, **changes: NDArray[np.float32]) -> tuple[Blend, DataArray]:
    members = {
        "first": Member("first", rain(0), changes.get("first", probabilities_of(0))),
        "second": Member("second", rain(1), probabilities_of(1)),
        "base": Member("base", changes.get("base", rain(2))),
    }
    blend = Blend(weights, members)
    return blend, blend(frames())


def probabilities(forecast: DataArray) -> NDArray[np.float32]:
    found = exceedance_probabilities(forecast)
    assert tuple(found) == FORECAST_THRESHOLDS
    return np.stack([found[t].to_numpy() for t in FORECAST_THRESHOLDS], axis=1)


def test_one_member_with_all_the_weight_is_what_the_blend_says() -> None:
    _, forecast = blended(table(1.0, 0.0, 0.0))
    np.testing.assert_allclose(probabilities(forecast), probabilities_of(0), atol=1e-5)


def test_equal_weights_give_the_mean_of_the_log_odds() -> None:
    _, forecast = blended(table(0.5, 0.5, 0.0))
    odds = [np.log(p / (1 - p)) for p in (probabilities_of(0), probabilities_of(1))]
    wanted = 1 / (1 + np.exp(-(odds[0] + odds[1]) / 2))
    np.testing.assert_allclose(probabilities(forecast), wanted, atol=1e-5)


def test_probabilities_never_rise_with_the_threshold() -> None:
    _, forecast = blended(table(0.7, -0.3, 20.0))
    assert (np.diff(probabilities(forecast), axis=1) <= 0).all()


def test_it_rains_in_amounts_of_the_lender_where_it_is_likeliest() -> None:
    _, forecast = blended(table(1.0, 0.0, 0.0))
    for lead, field in enumerate(forecast.to_numpy()):
        amounts = rain(2)[lead]
        change = expected_change(probabilities_of(0)[lead], amounts, FORECAST_THRESHOLDS)
        assert change.max() > 1
        wanted = matched_rain(
            probabilities_of(0)[lead], amounts, FORECAST_THRESHOLDS, change.tolist()
        )
        np.testing.assert_allclose(field, wanted, atol=1e-3)
        assert 0.9 * amounts.max() < field.max() <= amounts.max()
        odds = pulled(probabilities_of(0)[lead, :1].reshape(1, -1), amounts.ravel(), (0.1,))
        likely = odds.reshape(field.shape)
        assert likely[field >= 0.1].min() >= likely[field < 0.1].max() - 1e-5


def test_a_rising_growth_makes_more_cells_wet() -> None:
    steady = table(1.0, 0.0, 0.0)
    more = replace(steady, growth=np.full_like(steady.growth, 1.3))
    few, many = (blended(growth)[1] for growth in (steady, more))
    ratio = float((many >= 0.1).sum() / (few >= 0.1).sum())
    assert 1.25 < ratio < 1.35


def test_no_data_of_a_member_is_no_data_of_the_blend() -> None:
    gap, hole = probabilities_of(0), rain(2)
    gap[:, :, 3] = np.nan
    hole[:, 5] = np.nan
    _, forecast = blended(table(0.5, 0.5, 1.0), first=gap, base=hole)
    unknown = np.isnan(forecast.to_numpy())
    assert unknown[:, [3, 5]].all()
    assert not np.delete(unknown, [3, 5], axis=1).any()
    np.testing.assert_array_equal(np.isnan(probabilities(forecast)[:, 0]), unknown)


def test_it_needs_what_any_member_needs() -> None:
    member = Member(
        "first", rain(0), probabilities_of(0), Needs(minutes(60, 30, 0), useful=minutes(10))
    )
    base = Member("base", rain(2), needs=Needs(minutes(0), useful=minutes(30, 15)))
    blend = Blend(table(1.0, 0.0, members=("first", "base")), {"first": member, "base": base})
    assert blend.needs == Needs(minutes(60, 30, 0), useful=minutes(15, 10))


def test_its_weights_name_those_of_its_members() -> None:
    members = {
        "first": Member("first", rain(0), probabilities_of(0)),
        "second": Member("second", rain(1), probabilities_of(1)),
        "base": Member("base", rain(2)),
    }
    before = Blend(table(1.0, 0.0, 0.0), members).weights
    members["second"].weights = "f" * 64
    assert Blend(table(1.0, 0.0, 0.0), members).weights != before


def test_a_baseline_counts_by_how_far_its_rain_lies_above_the_threshold() -> None:
    forecast = Member("base", np.full((LEADS, SIDE, SIDE), 2.0, np.float32))(frames())
    distance = feature(forecast, FORECAST_THRESHOLDS)[0, :, 0, 0]
    assert (np.diff(distance) < 0).all()
    assert distance[FORECAST_THRESHOLDS.index(2.0)] == pytest.approx(0, abs=1e-6)


def cases(count: int = 12) -> list[Case]:
    """Of two members, the first of which knows what comes, and a baseline that knows nothing."""
    found = []
    for number in range(count):
        truth = rain(100 + number)
        levels = np.array(FORECAST_THRESHOLDS)[None, :, None, None]
        probability = (0.1 + 0.8 * (truth[:, None] >= levels)).astype(np.float32)
        members = (
            Member("first", truth, probability),
            Member("second", rain(200 + number), probabilities_of(300 + number)),
            Member("base", rain(400 + number)),
        )
        given = frames()
        forecasts = tuple(member(given) for member in members)
        found.append(Case(f"event {number % 3}", forecasts, truth))
    return found


def test_the_member_that_knows_gets_the_weight() -> None:
    chosen = choose(cases(), ("first", "second", "base"), "base")
    often = [FORECAST_THRESHOLDS.index(t) for t in (0.1, 0.5, 1.0, 2.0)]
    _, first, second, base = np.moveaxis(chosen.coefficients[:, often], -1, 0)
    assert (first > 0.8).all()
    assert (abs(second) < 0.2).all()
    assert (abs(base) < 2).all()


def test_a_table_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "blend.json"
    write(path, table(0.4, 0.5, 2.0), {"events": {}})
    loaded = BlendTable.read(path)
    assert loaded.members == ("first", "second", "base")
    np.testing.assert_array_equal(loaded.coefficients, table(0.4, 0.5, 2.0).coefficients)
    assert len(loaded.sha256) == 64


def test_a_missing_table_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoWeights, match="nowcast blend"):
        BlendTable.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    "change",
    [
        {"members": ["first", "second"]},
        {"amounts": "nobody"},
        {"growth": [[1.0]]},
        {"coefficients": [[["x"]]]},
        {"thresholds": None},
    ],
)
def test_a_table_that_does_not_fit_itself_is_refused(
    change: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "blend.json"
    path.write_text(json.dumps({**table(0.4, 0.5, 2.0).as_dict(), **change}))
    with pytest.raises(BadCheckpoint, match="no table of a blend"):
        BlendTable.read(path)
