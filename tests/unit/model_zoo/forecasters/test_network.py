"""Networks that tell exceedances, in a moving view and in a fixed one, from frames to forecasts."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.ndimage import gaussian_filter
from xarray import DataArray

from model_zoo import intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import CUT, THRESHOLDS
from model_zoo.forecasters import advect
from model_zoo.forecasters.baselines import Advection, motion_of
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.network import Network
from model_zoo.zoo import build

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
MODEL = "ms-convlstm"  # halves its grid twice
TOLD = {
    0.5: "exceedance_probability_0.5",
    2.0: "exceedance_probability_2",
    5.0: "exceedance_probability_5",
}
ROWS, COLUMNS = 40, 48


def network(
    folder: Path,
    view: str = "moving",
    cuts: Sequence[Sequence[float]] = (),
    thresholds: Sequence[float] = THRESHOLDS,
) -> Network:
    """Random weights, as if trained."""
    torch.manual_seed(0)
    made = build(MODEL, channels=4, exceedances=len(thresholds))
    if thresholds:
        with torch.no_grad():
            made.guess.levels.copy_(intensity.scale("rate").encode(torch.tensor(thresholds)))
            made.head.weight.normal_(std=0.3)
    path = folder / "network.safetensors"
    checkpoint.save(
        path,
        made,
        model=MODEL,
        channels=4,
        scale="rate",
        view=view,
        thresholds=thresholds,
        cuts=cuts,
        experiment={},
        provenance={},
    )
    return Network(checkpoint.load(path), name="sample", device="cpu")


def frames(
    rows: int = ROWS, columns: int = COLUMNS, step: int = 5, drift: tuple[int, int] = (1, 0)
) -> DataArray:
    """90 minutes of showers that drift so many cells to the east and south in 10 minutes."""
    ages = np.arange(90, -1, -step)
    noise = np.random.default_rng(0).standard_normal((rows + 40, columns + 40))
    height = gaussian_filter(noise, 3)
    everywhere = np.where(height > 0, 20 * height / height.max(), 0).astype(np.float32)
    offsets = [(20 + drift[1] * age // 10, 20 + drift[0] * age // 10) for age in ages]
    rates = np.stack([everywhere[row:, column:][:rows, :columns] for row, column in offsets])
    time = ISSUE - ages.astype("timedelta64[m]")
    return DataArray(rates, {"time": time}, ("time", "y", "x"))


def gappy(step: int = 5) -> DataArray:
    """Frames with a part that no radar sees, larger in those of before."""
    given = frames(step=step)
    given[:, 10:16, 10:18] = np.nan
    given[:-4, :, 30:34] = np.nan
    return given


@pytest.mark.parametrize("step", [5, 10, 30])
@pytest.mark.parametrize("thresholds", [THRESHOLDS, ()])
def test_in_a_moving_view_no_data_is_where_that_of_advection_is(
    step: int, thresholds: Sequence[float], tmp_path: Path
) -> None:
    given = gappy(step)
    forecast = network(tmp_path, thresholds=thresholds)(given)
    gone = Advection()(given).isnull()
    assert 0 < gone[0].sum() < gone[-1].sum() < gone[-1].size
    np.testing.assert_array_equal(forecast.isnull(), gone)
    assert float(forecast.min()) >= 0


def test_chances_fall_with_the_threshold_and_are_told_where_the_rain_is(tmp_path: Path) -> None:
    forecast = network(tmp_path)(gappy())
    assert [name for name in forecast.coords if str(name).startswith("exceedance_probability")] == [
        *TOLD.values()
    ]
    chances = [forecast[name] for name in TOLD.values()]
    for chance in chances:
        assert chance.dims == forecast.dims
        assert chance.dtype == np.float32
        np.testing.assert_array_equal(chance.isnull(), forecast.isnull())
        assert 0 <= float(chance.min()) < float(chance.max()) <= 1
    for lower, higher in pairwise(chances):
        assert (lower >= higher).where(lower.notnull(), other=True).all()


@pytest.mark.parametrize("view", ["moving", "fixed"])
def test_it_rains_so_hard_where_the_chance_reaches_the_cut(view: str, tmp_path: Path) -> None:
    given = gappy()
    before = network(tmp_path, view)(given)
    middle = before["exceedance_probability_2"].median(("y", "x")).values
    cuts = [[float(cut)] * len(THRESHOLDS) for cut in middle]
    forecast = network(tmp_path, view, cuts)(given)
    for threshold, name in TOLD.items():
        np.testing.assert_array_equal(before[name], forecast[name])
        passed = forecast[name] >= DataArray(middle.astype(np.float32), dims="lead_time")
        np.testing.assert_array_equal(forecast >= threshold, passed)
    assert 0.1 < (forecast >= 2).mean() < 0.9


def test_without_cuts_it_takes_the_same_one_everywhere(tmp_path: Path) -> None:
    forecast = network(tmp_path)(frames())
    for threshold, name in TOLD.items():
        np.testing.assert_array_equal(forecast >= threshold, forecast[name] >= np.float32(CUT))


def test_more_leads_leave_the_first_as_they_are(tmp_path: Path) -> None:
    cuts = [[0.5 - 0.05 * lead] * len(THRESHOLDS) for lead in range(4)]
    forecaster = network(tmp_path, cuts=cuts)
    four, six = (forecaster(frames(), horizon=horizon) for horizon in (4, 6))
    assert six.sizes["lead_time"] == 6
    xr.testing.assert_identical(six[:4], four)
    for lead in six[4:]:  # with the cut of the last that is known
        np.testing.assert_array_equal(
            lead >= 2, lead["exceedance_probability_2"] >= np.float32(cuts[-1][0])
        )
        assert lead.notnull().any()


@pytest.mark.parametrize(("rows", "columns"), [(13, 17), (4, 5), (1, 1), (33, 40)])
def test_takes_a_grid_of_any_size(rows: int, columns: int, tmp_path: Path) -> None:
    given = frames(rows, columns)
    forecast = network(tmp_path)(given)
    assert forecast.shape == (4, rows, columns)
    np.testing.assert_array_equal(forecast.isnull(), Advection()(given).isnull())


def test_rain_that_drifts_is_seen_as_if_it_stood_still(tmp_path: Path) -> None:
    given, forecaster = frames(drift=(1, 0)), network(tmp_path)
    newest = given[-1].to_numpy()
    standing, motion = forecaster.predict(np.stack([newest] * 4), 4), motion_of(given[-7:])
    fixed = forecaster.predict(given[::6].to_numpy(), 4)
    at = THRESHOLDS.index(2.0)
    for lead, forecast in enumerate(forecaster(given)):
        expected, unmoved = (
            advect.advect(said[lead, at], motion, [30 * (lead + 1)])[0]
            for said in (standing, fixed)
        )
        # away from the edge, over which older frames know nothing
        inner = (slice(8, -8), slice(24, -8))
        error, without = (
            np.abs(said - expected)[inner].mean()
            for said in (forecast["exceedance_probability_2"].values, unmoved)
        )
        assert error < 0.3 * without


def test_in_a_fixed_view_no_data_is_where_the_newest_frame_has_none(tmp_path: Path) -> None:
    given = gappy()
    forecast = network(tmp_path, "fixed")(given)
    for lead in forecast:
        np.testing.assert_array_equal(lead.isnull(), given[-1].isnull())


def test_no_data_is_not_taken_for_dry(tmp_path: Path) -> None:
    given, forecaster = frames(), network(tmp_path, "fixed")
    dry = given.copy(deep=True)
    given[:-1, 10:20, 10:20] = np.nan
    dry[:-1, 10:20, 10:20] = 0
    assert not np.allclose(
        forecaster(given)["exceedance_probability_2"], forecaster(dry)["exceedance_probability_2"]
    )


def test_frames_between_are_of_use_in_a_moving_view_alone(tmp_path: Path) -> None:
    moving = network(tmp_path)
    ages = [90, 60, 30, 25, 20, 15, 10, 5, 0]
    assert moving.needs.times(ISSUE) == list(ISSUE - np.array(ages, "timedelta64[m]"))
    fixed = network(tmp_path, "fixed")
    assert fixed.needs.times(ISSUE) == list(ISSUE - np.array([90, 60, 30, 0], "timedelta64[m]"))
    worth = frames().sel(time=moving.needs.times(ISSUE))
    xr.testing.assert_identical(moving(frames()), moving(worth))


def test_a_missing_frame_is_named(tmp_path: Path) -> None:
    given = frames().drop_sel(time=ISSUE - np.timedelta64(60, "m"))
    with pytest.raises(NotEnoughFrames, match="2020-09-07T13:00:00Z missing"):
        network(tmp_path)(given)


def test_the_frames_given_are_left_as_they_are(tmp_path: Path) -> None:
    given = gappy()
    before = given.copy(deep=True)
    network(tmp_path)(given)
    xr.testing.assert_identical(given, before)
