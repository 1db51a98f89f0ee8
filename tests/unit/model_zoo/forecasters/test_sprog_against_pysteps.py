"""Our S-PROG against pysteps': the same filters and processes, and no less skill on real radar."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.pysteps_sprog import PystepsSPROG
from benchmarks.skill import events
from model_zoo.forecasters import cascade
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.sprog import SPROG
from verification import common_mask, count, csi, match

pytest.importorskip("pysteps", reason="needs pysteps: pip install 'nowcast[benchmark]'")

VALIDATION = {"knmi_20100826_5km": 45, "de_ry_20180712_5km": 90, "taasrad19_201609_5km": 360}
"""Events and the minutes from start to start."""
THRESHOLDS = (0.5, 2.0, 5.0)
TOLERANCE = 0.005
FEWEST_EVENTS = 500
"""Cells that reached a threshold, below which the CSI of a single event is chance."""


@pytest.mark.parametrize("side", [64, 180])
def test_filters_are_those_of_pysteps(side: int) -> None:
    from pysteps.cascade.bandpass_filters import filter_gaussian

    ours = cascade.bandpass(side, side)
    theirs = filter_gaussian((side, side), len(ours))["weights_2d"]
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_scales_decay_as_those_of_pysteps() -> None:
    from pysteps.timeseries.autoregression import adjust_lag2_corrcoef2, estimate_ar_params_yw

    lag1, lag2 = np.array([0.99, 0.9, 0.6, 0.3]), np.array([0.97, 0.84, 0.1, 0.02])
    ours = cascade.decay(cascade.Temporal(5, lag1, cascade.stationary(lag1, lag2)), 12)
    for level, pair in enumerate(zip(lag1, lag2, strict=True)):
        second = adjust_lag2_corrcoef2(*pair)
        phi = estimate_ar_params_yw([pair[0], second])
        expected = [1.0, pair[0]]
        for _ in range(11):
            expected.append(phi[0] * expected[-1] + phi[1] * expected[-2])
        np.testing.assert_allclose(ours[:, level], expected, atol=1e-6)


@pytest.fixture(scope="module")
def counts(shared: Path) -> dict[str, list[Dataset]]:
    """Contingency counts (threshold, lead_time) of ours and of pysteps' for each event."""
    return {
        event: scored(frames_of(event, shared), np.timedelta64(every, "m"))
        for event, every in VALIDATION.items()
    }


def frames_of(event: str, shared: Path) -> DataArray:
    """An event; the test is skipped where it is not there."""
    try:
        return events.read(event, shared)
    except events.UnknownEvent as error:
        pytest.skip(f"{error}")


def scored(frames: DataArray, every: np.timedelta64) -> list[Dataset]:
    """Counts of ours and of pysteps', over the starts of an event."""
    hour = np.timedelta64(60, "m")
    kept: list[list[Dataset]] = [[], []]
    for past, observed in starts(frames, every, hour):
        try:
            forecasts = [forecaster(past) for forecaster in (SPROG(), PystepsSPROG())]
        except NotEnoughFrames:
            continue
        matched = match(forecasts[0], observed)
        compared = matched.where(common_mask(*forecasts, observed=matched))
        for several, forecast in zip(kept, forecasts, strict=True):
            counted = count(forecast, compared, THRESHOLDS, ["y", "x"])
            several.append(counted.drop_vars(["time", "forecast_reference_time"]))
    return [xr.concat(several, "start").sum("start") for several in kept]


def starts(
    frames: DataArray, every: np.timedelta64, hour: np.timedelta64
) -> Iterator[tuple[DataArray, DataArray]]:
    """What was seen before each start, and after."""
    for issue in events.starts(frames, every, hour, 2 * hour):
        past = frames.sel(time=slice(issue - hour, issue))
        if float((past[-1] >= 0.1).sum()) >= 60:
            yield past, frames.sel(time=slice(issue, issue + 2 * hour))


def test_skill_is_no_less_than_that_of_pysteps_on_the_validation_events(
    counts: dict[str, list[Dataset]], tell: Callable[[str], None]
) -> None:
    ahead = {event: csi(ours) - csi(theirs) for event, (ours, theirs) in counts.items()}
    pooled = np.mean([score.values for score in ahead.values()], axis=0)
    tell(f"CSI is above that of pysteps by {pooled.min():.3f} to {pooled.max():.3f}")
    assert pooled.min() >= -TOLERANCE
    assert pooled.mean() > 0.01
    for event, (ours, _) in counts.items():
        reached = ours["hits"] + ours["misses"]
        assert float(ahead[event].where(reached >= FEWEST_EVENTS).min()) >= -TOLERANCE, event
