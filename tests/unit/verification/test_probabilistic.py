"""Brier scores and reliability, on fields whose answers are known."""

import numpy as np
import pytest
from xarray import DataArray, Dataset

from verification import (
    DifferentGrids,
    brier,
    brier_decomposition,
    brier_skill,
    climatology,
    probability_sums,
    reliability,
)

LEADS = np.array([30, 60], "timedelta64[m]").astype("timedelta64[ns]")


def rain(seed: int = 0, side: int = 20) -> DataArray:
    """Rain rates at two leads."""
    rates = np.random.default_rng(seed).gamma(0.5, 3, (len(LEADS), side, side))
    return DataArray(rates, {"lead_time": LEADS}, ("lead_time", "y", "x"))


def constant(
    observed: DataArray, probability: DataArray | float, threshold: float = 2.0
) -> DataArray:
    """A probability for one threshold."""
    field = probability + 0 * observed.fillna(0)
    return field.expand_dims(threshold=[threshold])


def only(score: DataArray) -> list[float]:
    return [float(value) for value in score.sel(threshold=2.0)]


def test_a_perfect_forecast_has_no_error_and_all_skill() -> None:
    observed = rain()
    sums = probability_sums(constant(observed, (observed >= 2).astype(float)), observed)
    assert only(brier(sums)) == [0, 0]
    assert only(brier_skill(sums)) == [1, 1]


def test_the_observed_frequency_as_forecast_has_the_error_of_climatology_and_no_skill() -> None:
    observed = rain()
    often = (observed >= 2).mean(["y", "x"])
    sums = probability_sums(constant(observed, often), observed)
    np.testing.assert_allclose(only(brier(sums)), often * (1 - often))
    np.testing.assert_allclose(brier(sums), climatology(sums))
    np.testing.assert_allclose(only(brier_skill(sums)), 0, atol=1e-12)


def test_the_opposite_of_what_occurs_is_worse_than_climatology() -> None:
    observed = rain()
    sums = probability_sums(constant(observed, (observed < 2).astype(float)), observed)
    assert only(brier(sums)) == [1, 1]
    assert (brier_skill(sums) < 0).all()


def test_brier_skill_is_undefined_where_no_event_occurred() -> None:
    observed = 0 * rain()
    assert np.isnan(only(brier_skill(probability_sums(constant(observed, 0.1), observed)))).all()


def test_a_rate_of_the_threshold_is_an_event() -> None:
    observed = (0 * rain() + 0.7).astype(np.float32)
    sums = probability_sums(constant(observed, 1.0, threshold=0.7), observed)
    assert float(brier(sums).max()) == 0


def test_cells_without_data_on_either_side_count_nowhere() -> None:
    observed = rain()
    probabilities = constant(observed, 0.25)
    holes = observed.where(observed["x"] > 3)
    lacking = probabilities.where(probabilities["y"] > 5)
    sums = probability_sums(lacking, holes)
    assert (sums["number"].sum("bin") == 16 * 14).all()
    inside = observed.isel(x=slice(4, None), y=slice(6, None))
    expected = ((inside >= 2) - 0.25) ** 2
    np.testing.assert_allclose(only(brier(sums)), expected.mean(["y", "x"]))


def test_bins_hold_mean_probability_and_observed_frequency() -> None:
    probabilities = np.array([[0.0, 0.04, 0.1, 0.19], [0.5, 0.5, 0.55, 1.0]])
    rates = np.array([[0.0, 9.0, 0.0, 9.0], [9.0, 0.0, 9.0, 9.0]])
    observed = DataArray(rates[None], {"lead_time": LEADS[:1]}, ("lead_time", "y", "x"))
    field = observed.copy(data=probabilities[None]).expand_dims(threshold=[2.0])
    found = reliability(probability_sums(field, observed)).isel(threshold=0, lead_time=0)
    assert found["number"].values.tolist() == [2, 2, 0, 0, 0, 3, 0, 0, 0, 1]
    used = found.isel(bin=[0, 1, 5, 9])
    np.testing.assert_allclose(used["forecast_probability"], [0.02, 0.145, 1.55 / 3, 1])
    np.testing.assert_allclose(used["observed_frequency"], [0.5, 0.5, 2 / 3, 1])
    assert np.isnan(found["forecast_probability"].isel(bin=3))
    assert np.isnan(found["observed_frequency"].isel(bin=3))


def test_sums_of_parts_add_up_to_those_of_the_whole() -> None:
    observed = rain()
    probabilities = constant(observed, rain(seed=1) / 100)
    whole = probability_sums(probabilities, observed)
    parts: list[Dataset] = [
        probability_sums(probabilities.isel(y=rows), observed.isel(y=rows))
        for rows in (slice(0, 7), slice(7, None))
    ]
    for name, sums in whole.items():
        np.testing.assert_allclose(sums, parts[0][name] + parts[1][name])


def test_a_lead_by_itself_has_the_sums_that_it_has_among_others() -> None:
    observed = rain()
    probabilities = constant(observed, rain(seed=1) / 100)
    whole = probability_sums(probabilities, observed)
    for number in range(len(LEADS)):
        alone = probability_sums(
            probabilities.isel(lead_time=number), observed.isel(lead_time=number)
        )
        assert alone["number"].dims == ("threshold", "bin")
        for name, sums in alone.items():
            np.testing.assert_array_equal(sums, whole[name].isel(lead_time=number))


def test_probabilities_of_other_cells_are_refused() -> None:
    observed = rain()
    with pytest.raises(DifferentGrids, match="19 cells along x"):
        probability_sums(constant(observed, 0.5).isel(x=slice(1, None)), observed)


def test_the_parts_of_the_brier_score_add_up_to_it() -> None:
    """Where all probabilities of a bin are the same."""
    observed = rain()
    rng = np.random.default_rng(1)
    steps = DataArray(rng.integers(0, 10, observed.shape) / 10 + 0.05, dims=observed.dims)
    sums = probability_sums(constant(observed, steps), observed)
    parts = brier_decomposition(sums)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    np.testing.assert_allclose(total, brier(sums))
    assert (parts["reliability"] > 0.01).all()


def test_a_reliable_forecast_has_only_resolution_and_a_constant_one_has_none() -> None:
    observed = rain()
    perfect = probability_sums(constant(observed, (observed >= 2).astype(float)), observed)
    parts = brier_decomposition(perfect)
    np.testing.assert_allclose(parts["reliability"], 0)
    np.testing.assert_allclose(parts["resolution"], parts["uncertainty"])
    dull = brier_decomposition(probability_sums(constant(observed, 0.9), observed))
    np.testing.assert_allclose(dull["resolution"], 0, atol=1e-12)
    assert (dull["reliability"] > 0.1).all()
