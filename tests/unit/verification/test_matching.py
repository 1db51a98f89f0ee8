"""Frames find the valid times of forecasts, and several forecasts the cells they share."""

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from verification import DifferentGrids, common_mask, count, match, missing

START = np.datetime64("2020-09-07T10:00", "ns")
STEP = np.timedelta64(30, "m")


def frames(count: int) -> DataArray:
    """A frame every 30 minutes; the rate everywhere is the number of the frame."""
    rates = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 2, 3))
    coords = {"time": START + np.arange(count) * STEP, "y": [1.0, 0.0], "x": [0.0, 1.0, 2.0]}
    return DataArray(rates.copy(), coords, ["time", "y", "x"], "rainfall_rate", {"units": "mm h-1"})


def forecast(first: int = 0, leads: int = 4) -> DataArray:
    """Issued at the frame of that number, all dry."""
    lead = np.arange(1, leads + 1) * STEP
    issue = START + first * STEP
    return DataArray(
        np.zeros((leads, 2, 3), np.float32),
        {
            "lead_time": lead.astype("m8[ns]"),
            "time": ("lead_time", issue + lead),
            "forecast_reference_time": issue,
            "y": [1.0, 0.0],
            "x": [0.0, 1.0, 2.0],
        },
        ["lead_time", "y", "x"],
    )


def test_finds_the_frames_of_the_valid_times() -> None:
    truth = match(forecast(2), frames(9))
    assert truth.dims == ("lead_time", "y", "x")
    assert truth.dtype == np.float32
    np.testing.assert_array_equal(truth[:, 0, 0], [3, 4, 5, 6])
    np.testing.assert_array_equal(truth.time, forecast(2).time)
    assert truth.attrs == {"units": "mm h-1"}
    assert truth.name == "rainfall_rate"


def test_frames_may_come_in_any_order() -> None:
    shuffled = frames(9).isel(time=[5, 8, 0, 3, 1, 7, 4, 2, 6])
    xr.testing.assert_identical(match(forecast(2), shuffled), match(forecast(2), frames(9)))


def test_a_missing_frame_is_no_data_and_is_named() -> None:
    observed = frames(9).drop_isel(time=4)
    truth = match(forecast(2), observed)
    np.testing.assert_array_equal(truth.isnull().all(["y", "x"]), [False, True, False, False])
    np.testing.assert_array_equal(missing(forecast(2), observed), [False, True, False, False])
    assert missing(forecast(2), observed).lead_time.equals(forecast(2).lead_time)


def test_a_frame_without_data_is_not_missing() -> None:
    blind = frames(9)
    blind[4] = np.nan
    assert match(forecast(2), blind)[1].isnull().all()
    assert not missing(forecast(2), blind).any()


def test_no_frames_at_all_is_all_missing() -> None:
    assert missing(forecast(), frames(0)).all()
    assert match(forecast(), frames(0)).isnull().all()


def test_several_issues_are_matched_at_once() -> None:
    both = xr.concat([forecast(0), forecast(3)], "issue")
    truth = match(both, frames(6))
    assert truth.dims == ("issue", "lead_time", "y", "x")
    np.testing.assert_array_equal(truth[:, :, 0, 0], [[1, 2, 3, 4], [4, 5, np.nan, np.nan]])


def test_what_is_matched_can_be_counted() -> None:
    counts = count(forecast(2), match(forecast(2), frames(6)), [0.5], over=["y", "x"])
    np.testing.assert_array_equal(counts.misses.sel(threshold=0.5), [6, 6, 6, 0])


def test_other_precisions_of_time_are_the_same_time() -> None:
    seconds = frames(9).assign_coords(time=frames(9).time.astype("datetime64[s]"))
    assert not missing(forecast(2), seconds).any()


def test_two_frames_of_one_time_are_refused() -> None:
    twice = xr.concat([frames(3), frames(1)], "time")
    with pytest.raises(DifferentGrids, match="two frames claim the time 2020-09-07 10:00"):
        match(forecast(), twice)


def test_frames_upside_down_are_refused() -> None:
    with pytest.raises(DifferentGrids, match=r"y\[0\]"):
        match(forecast(), frames(5).isel(y=slice(None, None, -1)))


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(DifferentGrids, match="along x"):
        match(forecast(), frames(5).isel(x=slice(2)))


def test_the_common_mask_is_where_all_have_data() -> None:
    first, second, observed = forecast(), forecast(), match(forecast(), frames(4))
    first[0, 0, 0] = np.nan
    second[0, 1, 1] = np.nan
    observed[0, 0, 2] = np.nan
    mask = common_mask(first, second, observed=observed)
    np.testing.assert_array_equal(mask[0], [[False, True, False], [True, False, True]])
    np.testing.assert_array_equal(mask.sum(["y", "x"]), [3, 6, 6, 0])


def test_forecasts_under_the_common_mask_are_counted_on_the_same_cells() -> None:
    first, second, observed = forecast(), forecast(), match(forecast(), frames(9))
    first[:, 0, 0] = np.nan
    second[2] = np.nan
    seen = observed.where(common_mask(first, second, observed=observed))
    n = [count(f, seen, [0.5], over=["y", "x"]).to_array().sum("variable") for f in (first, second)]
    xr.testing.assert_equal(*n)
    np.testing.assert_array_equal(n[0].squeeze(), [5, 5, 0, 5])


def test_forecasts_of_other_leads_share_no_cells() -> None:
    observed = match(forecast(), frames(9))
    later = forecast().assign_coords(lead_time=forecast().lead_time + STEP)
    with pytest.raises(DifferentGrids, match="lead_time"):
        common_mask(forecast(), later, observed=observed)
