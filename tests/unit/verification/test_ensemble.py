"""Scores of ensembles: flat ranks of what is alike, spread equal to error, CRPS by its integral."""

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from xarray import DataArray

from verification import crps, ensemble_error, ensemble_sums, rank_shares, spread

SIDE, MEMBERS = 60, 8


def fields(values: NDArray[np.floating]) -> DataArray:
    """Members (realization, y, x), or an observation (y, x)."""
    dims = ("realization", "y", "x")[-values.ndim :]
    return DataArray(values, {"y": np.arange(SIDE), "x": np.arange(SIDE)}, dims)


def draws(count: int, seed: int, scale: float = 1.0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).gamma(0.5, 2 * scale, (count, SIDE, SIDE))


def test_an_observation_like_a_member_has_flat_ranks_and_the_error_that_the_spread_says() -> None:
    sums = ensemble_sums(fields(draws(MEMBERS, 1)), fields(draws(1, 2)[0]))
    np.testing.assert_allclose(rank_shares(sums), 1, atol=0.15)
    assert float(spread(sums) / ensemble_error(sums)) == pytest.approx(1, abs=0.05)


def test_members_that_are_too_alike_leave_the_observation_outside() -> None:
    members = 1 + 0.1 * (draws(MEMBERS, 1) - 1)
    sums = ensemble_sums(fields(members), fields(draws(1, 2)[0]))
    shares = rank_shares(sums)
    assert float(shares[0]) > 3
    assert float(shares[-1]) > 1.5
    assert float(spread(sums) / ensemble_error(sums)) < 0.2


def test_crps_is_the_integral_of_the_squared_error_of_the_distribution() -> None:
    members, observed = draws(MEMBERS, 3), draws(1, 4)[0]
    rates = np.linspace(0, members.max() + observed.max(), 20_001)
    cell = (5, 7)
    below = (members[:, *cell, None] <= rates).mean(axis=0)
    expected = np.trapezoid((below - (observed[cell] <= rates)) ** 2, rates)
    elsewhere = np.full_like(observed, np.nan)
    elsewhere[cell] = observed[cell]
    sums = ensemble_sums(fields(members), fields(elsewhere))
    assert float(crps(sums)) == pytest.approx(float(expected), abs=1e-3)


def test_ties_open_all_their_ranks_in_equal_parts_and_a_dry_cell_none() -> None:
    members = np.zeros((2, SIDE, SIDE))
    members[1, 0, 0] = 1.0
    sums = ensemble_sums(fields(members), fields(np.zeros((SIDE, SIDE))))
    np.testing.assert_array_equal(sums["ranks"], [0.5, 0.5, 0])
    assert float(sums["n"]) == SIDE**2


def test_cells_without_data_count_nowhere_and_other_dims_are_kept() -> None:
    members, observed = draws(3, 6), draws(1, 7)[0]
    members[0, 0], observed[:, 0] = np.nan, np.nan
    leads = xr.concat([fields(members)] * 2, "lead_time")
    sums = ensemble_sums(leads, xr.concat([fields(observed)] * 2, "lead_time"))
    np.testing.assert_array_equal(sums["n"], (SIDE - 1) ** 2)
    assert rank_shares(sums).dims == ("lead_time", "rank")
    empty = ensemble_sums(fields(members * np.nan), fields(observed))
    assert np.isnan(float(crps(empty)))
    assert rank_shares(empty).isnull().all()
