"""Networks that tell exceedances, in a moving view and in a fixed one, from frames to forecasts."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from xarray import DataArray

from model_zoo import intensity
from model_zoo.calibration import Calibration
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import THRESHOLDS
from model_zoo.forecasters import advect
from model_zoo.forecasters.advect import sample_whole
from model_zoo.forecasters.baselines import Advection, motion_of
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.network import Network, sprog_guidance
from model_zoo.forecasters.rain_amounts import FAINTEST, pulled
from model_zoo.forecasters.sprog import SPROG
from model_zoo.zoo import build

ISSUE = np.datetime64("2020-09-07T14:00", "ns")
MODEL = "ms-convlstm"  # halves its grid twice
COORDINATES = {
    0.1: "exceedance_probability_0.1",
    0.5: "exceedance_probability_0.5",
    1.0: "exceedance_probability_1",
    2.0: "exceedance_probability_2",
    5.0: "exceedance_probability_5",
    10.0: "exceedance_probability_10",
    20.0: "exceedance_probability_20",
}
ROWS, COLUMNS = 40, 48


def network(
    folder: Path,
    view: str = "moving",
    calibration: Calibration | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    guidance: int = 0,
) -> Network:
    """Random weights, as if trained."""
    torch.manual_seed(0)
    built = build(MODEL, channels=4, exceedances=len(thresholds), guidance=guidance)
    if thresholds:
        with torch.no_grad():
            built.guess.levels.copy_(intensity.scale("rate").encode(torch.tensor(thresholds)))
            built.head.weight.normal_(std=0.3)
            for weight in built.guess.parameters():
                weight.add_(torch.randn_like(weight), alpha=0.05 if guidance else 0.0)
    path = folder / "network.safetensors"
    checkpoint.save(
        path,
        built,
        model=MODEL,
        channels=4,
        scale="rate",
        view=view,
        thresholds=thresholds,
        calibration=calibration or Calibration(),
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
@pytest.mark.parametrize(("thresholds", "guidance"), [(THRESHOLDS, 0), (THRESHOLDS, 4), ((), 0)])
def test_in_a_moving_view_no_data_is_where_that_of_advection_is(
    step: int, thresholds: Sequence[float], guidance: int, tmp_path: Path
) -> None:
    given = gappy(step)
    forecast = network(tmp_path, thresholds=thresholds, guidance=guidance)(given)
    gone = Advection()(given).isnull()
    assert 0 < gone[0].sum() < gone[-1].sum() < gone[-1].size
    np.testing.assert_array_equal(forecast.isnull(), gone)
    assert float(forecast.min()) >= 0


def test_calibrated_so_areas_go_towards_what_the_probabilities_expect(tmp_path: Path) -> None:
    plain, expecting = (
        network(tmp_path, calibration=Calibration(expects=expects))(frames(), horizon=2)
        for expects in (False, True)
    )
    for name in COORDINATES.values():
        np.testing.assert_array_equal(plain[name], expecting[name])
    expected = plain[COORDINATES[1.0]].sum(("y", "x"))
    before, after = (int(((found >= 1).sum(("y", "x")))[1]) for found in (plain, expecting))
    assert before != after
    assert (after > before) == (float(expected[1]) > before)


@pytest.mark.parametrize("guidance", [0, 4])
def test_chances_fall_with_the_threshold_and_are_told_where_the_rain_is(
    guidance: int, tmp_path: Path
) -> None:
    forecast = network(tmp_path, guidance=guidance)(gappy())
    assert [name for name in forecast.coords if str(name).startswith("exceedance_probability")] == [
        *COORDINATES.values()
    ]
    probabilities = [forecast[name] for name in COORDINATES.values()]
    for chance in probabilities:
        assert chance.dims == forecast.dims
        assert chance.dtype == np.float32
        np.testing.assert_array_equal(chance.isnull(), forecast.isnull())
        assert 0 <= float(chance.min()) < float(chance.max()) <= 1
    for lower, higher in pairwise(probabilities):
        assert (lower >= higher).where(lower.notnull(), other=True).all()


def carried(given: DataArray, view: str, guidance: int = 0) -> list[NDArray[np.float32]]:
    """The newest frame, or with guidance the field of S-PROG, at each lead; in a moving view
    carried along, no cell a mean of others."""
    newest = given[-1].to_numpy()
    if view == "fixed":
        return [newest] * 4
    recent, motion = given[-7:], motion_of(given[-7:])
    fields = sprog_guidance(recent, motion, 4) if guidance else np.stack([newest] * 4)
    ahead = advect.departure_points(motion, [30.0 * (lead + 1) for lead in range(4)])
    return [sample_whole(field, positions) for field, positions in zip(fields, ahead, strict=True)]


@pytest.mark.parametrize("guidance", [0, 4])
@pytest.mark.parametrize("view", ["moving", "fixed"])
def test_it_rains_in_amounts_of_the_newest_frame_or_of_its_guidance_where_it_is_likeliest(
    view: str, guidance: int, tmp_path: Path
) -> None:
    if guidance and view == "fixed":
        pytest.skip("guidance lies in a moving view")
    given = gappy()
    forecast = network(tmp_path, view, guidance=guidance)(given)
    for lead, (rain, radar) in enumerate(
        zip(forecast, carried(given, view, guidance), strict=True)
    ):
        known = rain.notnull().to_numpy() & ~np.isnan(radar)
        amounts = np.where(radar[known] >= FAINTEST, radar[known], 0)
        found = rain.to_numpy()[known]
        np.testing.assert_array_equal(np.sort(found), np.sort(amounts))
        likely = forecast["exceedance_probability_0.1"][lead].to_numpy()[known]
        assert 0.1 < (found >= 0.1).mean() < 0.9
        # what the field has counts a little, too
        odds = pulled(likely[None], radar[known], (0.1,))[0]
        assert odds[found >= 0.1].min() >= odds[found < 0.1].max() - 1e-5


@pytest.mark.parametrize("view", ["moving", "fixed"])
def test_steady_rain_stays_as_hard_as_it_is(view: str, tmp_path: Path) -> None:
    given = gappy()
    given[:] = given.where(given.isnull(), 3.21)
    forecast = network(tmp_path, view)(given)
    assert forecast.notnull().any()
    np.testing.assert_array_equal(forecast, np.where(forecast.isnull(), np.nan, np.float32(3.21)))


def test_it_may_rain_harder_than_the_last_threshold(tmp_path: Path) -> None:
    given = frames() * 10
    hardest = float(given[-1].max())
    assert hardest > 2 * THRESHOLDS[-1]
    assert float(network(tmp_path, "fixed")(given).max()) == pytest.approx(hardest)


def test_the_area_of_rain_grows_as_its_calibration_says(tmp_path: Path) -> None:
    given = 3 * frames()
    growth = ((1.2,) * 9, (1.1,) * 9, (0.9,) * 9, (0.8,) * 9)
    before, after = (
        network(tmp_path, "fixed", calibration)(given)
        for calibration in (None, Calibration(growth=growth))
    )
    for threshold, name in COORDINATES.items():
        np.testing.assert_array_equal(before[name], after[name])
        was, now = ((rain >= threshold).sum(("y", "x")) for rain in (before, after))
        assert int(was[0]) > 0
        wanted = [factor[0] * int(cells) for factor, cells in zip(growth, was, strict=True)]
        np.testing.assert_allclose(now, wanted, atol=2)


def test_chances_are_told_as_its_calibration_puts_them_right(tmp_path: Path) -> None:
    given = frames()
    table = tuple(((0.1 * lead, 0.9, 0.2),) * 9 for lead in range(4))
    before, after = (
        network(tmp_path, "fixed", calibration)(given) for calibration in (None, Calibration(table))
    )
    wet = np.log10(float((given[-1] >= 0.1).mean()))
    for name in COORDINATES.values():
        odds = np.log(before[name] / (1 - before[name])).astype(float)
        lifted = DataArray(0.1 * np.arange(4), dims="lead_time")
        wanted = 1 / (1 + np.exp(-(lifted + 0.9 * odds + 0.2 * wet)))
        np.testing.assert_allclose(after[name], wanted.transpose(*after.dims), atol=1e-5)
    # all thresholds are moved alike, and so the order of the cells stays
    assert (before >= 2).sum() == (after >= 2).sum()


@pytest.mark.parametrize("guidance", [0, 4])
def test_more_leads_leave_the_first_as_they_are(guidance: int, tmp_path: Path) -> None:
    tables = Calibration(
        tuple(((0.1 * lead, 1.0, 0.0),) * 9 for lead in range(4)),
        tuple((1.2 - 0.1 * lead,) * 9 for lead in range(4)),
    )
    forecaster = network(tmp_path, calibration=tables, guidance=guidance)
    two, four, six = (forecaster(frames(), horizon=horizon) for horizon in (2, 4, 6))
    assert six.sizes["lead_time"] == 6
    assert six[4:].notnull().any(("y", "x")).all()
    for more, fewer in ((six[:4], four), (four[:2], two)):
        # another number of leads may run by another backend, which rounds otherwise
        for name in COORDINATES.values():
            np.testing.assert_allclose(more[name], fewer[name], atol=2e-4)
        assert np.isclose(more, fewer, atol=1e-4, equal_nan=True).mean() > 0.98


def test_leads_beyond_the_calibrated_are_calibrated_as_the_last(tmp_path: Path) -> None:
    given = frames(drift=(0, 0))
    tables = Calibration(growth=((1.4,) * 9, (0.8,) * 9))
    forecast = network(tmp_path, "fixed", tables)(given, horizon=6)
    wet = (forecast >= 0.5).sum(("y", "x")).values
    now = int((given[-1] >= 0.5).sum())
    np.testing.assert_allclose(wet, [1.4 * now, *[0.8 * now] * 5], atol=2)


def test_guidance_is_what_s_prog_forecasts_before_it_is_carried_along() -> None:
    given = gappy()
    recent, moving = given[-7:], motion_of(given[-7:])
    fields = sprog_guidance(recent, moving, 5)
    assert fields.shape == (5, ROWS, COLUMNS)
    np.testing.assert_array_equal(np.isnan(fields), np.isnan(np.stack([given[-1]] * 5)))
    ahead = advect.departure_points(moving, [30 * (lead + 1) for lead in range(5)])
    pairs = zip(fields, ahead, strict=True)
    brought = [advect.sample_at(field[None], positions)[0] for field, positions in pairs]
    forecast = SPROG()(given, horizon=5).to_numpy()
    np.testing.assert_array_equal(np.isnan(brought), np.isnan(forecast))
    # rounding may swap cells of all but the same value
    assert np.nanmean(np.abs(np.stack(brought) - forecast)) < 1e-3 * np.nanmean(forecast)


def test_guidance_from_the_same_frames_is_computed_once() -> None:
    given = gappy()[-7:]
    moving = motion_of(given)
    assert sprog_guidance(given.copy(), moving.copy(), 5) is sprog_guidance(given, moving, 5)


def test_a_guided_network_heeds_its_guidance_lead_by_lead(tmp_path: Path) -> None:
    given, forecaster = frames()[::6].to_numpy(), network(tmp_path, guidance=4)
    fields = np.repeat(given[-1:], 4, axis=0)
    before = forecaster.predict(given, 4, fields)
    assert before.shape == (4, len(THRESHOLDS), ROWS, COLUMNS)
    later = fields.copy()
    later[3] *= 3
    after = forecaster.predict(given, 4, later)
    np.testing.assert_array_equal(after[:2], before[:2])
    assert np.abs(after[3] - before[3]).max() > 1e-3


@pytest.mark.parametrize(("rows", "columns"), [(13, 17), (4, 5), (1, 1), (33, 40)])
@pytest.mark.parametrize("guidance", [0, 4])
def test_takes_a_grid_of_any_size(rows: int, columns: int, guidance: int, tmp_path: Path) -> None:
    given = frames(rows, columns)
    forecast = network(tmp_path, guidance=guidance)(given)
    assert forecast.shape == (4, rows, columns)
    np.testing.assert_array_equal(forecast.isnull(), Advection()(given).isnull())


def test_rain_that_drifts_is_seen_as_if_it_stood_still(tmp_path: Path) -> None:
    given, forecaster = frames(drift=(1, 0)), network(tmp_path)
    newest = given[-1].to_numpy()
    unmoving, motion = forecaster.predict(np.stack([newest] * 4), 4), motion_of(given[-7:])
    fixed = forecaster.predict(given[::6].to_numpy(), 4)
    index = THRESHOLDS.index(2.0)
    for lead, forecast in enumerate(forecaster(given)):
        expected, unmoved = (
            advect.advect(predicted[lead, index], motion, [30 * (lead + 1)])[0]
            for predicted in (unmoving, fixed)
        )
        # away from the edge, over which older frames know nothing
        inner = (slice(8, -8), slice(24, -8))
        error, without = (
            np.abs(probability - expected)[inner].mean()
            for probability in (forecast["exceedance_probability_2"].values, unmoved)
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
