"""Missing frames: one is bridged and recorded, and beyond that another model forecasts."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from xarray import DataArray

from ingest.grid import NATIONAL_SPHERE, NATIONAL_WGS84
from ingest.precipitation import make
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import HORIZON, STEP_MINUTES, Needs, minutes
from service.archive.archive import Archive
from service.archive.key import Key
from service.errors import NoFrame, NoFrames
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline import gap_filling
from service.pipeline.forecast import forecast_model
from service.pipeline.served_models import Forecasters
from tests.served import put_frames
from tests.showers import frame, moment, time
from tests.state_snapshot import rows_of
from verification import count, csi

GRID = NATIONAL_SPHERE.coarser(5)
DRIFT = (2.0, -1.0)
"""Cells that the rain moves east and south in five minutes."""


class Steady(Persistence):
    """Wants frames half an hour apart, and looks at those between where there are any."""

    needs = Needs(minutes(90, 60, 30, 0), useful=minutes(25, 20, 15, 10, 5))

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        self.seen = list(frames["time"].values)
        return super().__call__(frames, horizon, step_minutes)


def moving(number: int) -> DataArray:
    """A frame of rain in uniform motion over all of a grid."""
    y, x = np.indices(GRID.shape, np.float32)
    rain = np.zeros(GRID.shape, np.float32)
    rng = np.random.default_rng(3)
    for _ in range(60):
        east, south = rng.uniform(-20, 200, 2) + number * np.array(DRIFT)
        width, peak = rng.uniform(2.5, 8), rng.uniform(1, 20)
        rain += peak * np.exp(-((x - east) ** 2 + (y - south) ** 2) / (2 * width**2))
    rain[rain < 0.1] = 0
    return make(rain, time(number), GRID, "RY")


def flat(number: int, rate: float, nothing: slice | None = None) -> DataArray:
    """A frame of the same rain everywhere, with no data in some columns."""
    rain = np.full(GRID.shape, rate, np.float32)
    if nothing is not None:
        rain[:, nothing] = np.nan
    return make(rain, time(number), GRID, "RY")


def joined(*frames: DataArray) -> DataArray:
    return xr.concat(frames, "time", coords="minimal", compat="override", join="override")


def bridged(gap: int, *frames: DataArray) -> DataArray:
    """The frame of a gap that was bridged, (y, x)."""
    found = gap_filling.bridged(joined(*frames), time(gap))
    assert list(found["time"].values) == sorted(found["time"].values)
    return found.sel(time=time(gap))


@pytest.mark.parametrize(
    "there",
    [(4, 5, 7, 8), (5, 7), (4, 8), (4, 7, 12), (3, 4, 5), (4, 5, 12), (7, 8), (7, 8, 9, 12)],
    ids=str,
)
def test_rain_in_uniform_motion_is_bridged_as_it_was(there: tuple[int, ...]) -> None:
    scores = hits(bridged(6, *map(moving, there)))
    assert (scores > 0.95).all(), scores
    assert (hits(moving(there[0]).isel(time=0)) < 0.9).all(), "standing still would not do"


def hits(frame: DataArray) -> DataArray:
    """CSI of a frame (y, x) that should be the moving one of number 6, away from the border."""
    forecast, observed = (
        field.reset_coords(drop=True).isel(y=slice(20, -20), x=slice(20, -20))
        for field in (frame, moving(6).isel(time=0))
    )
    return csi(count(forecast, observed, [0.5, 2, 5], ["y", "x"]))


def test_the_nearer_neighbour_counts_more() -> None:
    filled = bridged(6, flat(5, 1.0), flat(8, 4.0))
    np.testing.assert_allclose(filled, (1.0 * 10 + 4.0 * 5) / 15, rtol=1e-5)


def test_where_one_neighbour_has_no_data_the_other_says_and_where_both_nobody() -> None:
    filled = bridged(6, flat(5, 1.0, slice(0, 20)), flat(7, 3.0, slice(10, 40)))
    columns = filled.values[50]
    assert np.isnan(columns[10:20]).all()
    np.testing.assert_allclose(columns[:10], 3)
    np.testing.assert_allclose(columns[20:40], 1)
    np.testing.assert_allclose(columns[40:], 2)


def test_a_forecast_from_a_bridged_frame_says_so_wherever_it_is_kept(
    archive: Archive, ledger: Ledger, tmp_path: Path
) -> None:
    put_frames(archive, *(number for number in range(25) if number != 12))
    steady = Steady()
    key = forecast_model(archive, ledger, steady, time(24), moment(25))
    assert steady.seen == [time(number) for number in (6, 12, 18, 19, 20, 21, 22, 23, 24)]
    bridged_times = f"{moment(12):%Y-%m-%dT%H:%M:%SZ}"
    assert archive.forecast(key).attrs["bridged"] == bridged_times
    (tmp_path / "file.nc").write_bytes(archive.forecast_bytes(key))
    with netCDF4.Dataset(tmp_path / "file.nc") as file:
        assert file.bridged == bridged_times
        assert "bridged" not in file["rainfall_rate"].ncattrs()
    assert bridged_in(ledger) == [bridged_times]
    assert list(archive.frame_times()).count(time(12)) == 0, "what nobody saw is no frame"


def test_a_forecast_from_whole_radar_says_nothing_of_bridges(
    archive: Archive, ledger: Ledger
) -> None:
    put_frames(archive, *range(25))
    key = forecast_model(archive, ledger, Steady(), time(24), moment(25))
    assert "bridged" not in archive.forecast(key).attrs
    assert bridged_in(ledger) == [None]


def bridged_in(ledger: Ledger) -> list[str | None]:
    """What the ledger tells of bridged frames, for each forecast."""
    with ledger.engine.connect() as connection:
        return [row.bridged for row in connection.execute(tables.forecasts.select())]


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({6, 12}, "two of those that are needed"),
        ({10, 11, 12, 13, 14}, "no neighbour within ten minutes"),
        (set(range(8, 16)) - {14}, "one neighbour alone, and so no motion"),
    ],
    ids=str,
)
def test_what_cannot_be_bridged_stays_missing(
    archive: Archive, ledger: Ledger, missing: set[int], why: str
) -> None:
    put_frames(archive, *(number for number in range(25) if number not in missing))
    with pytest.raises(NoFrames, match=rf"needs the radar frames of .*{moment(12):%H%M}Z"):
        forecast_model(archive, ledger, Steady(), time(24), moment(25))
    assert rows_of(ledger)["forecasts"] == [], why


def test_the_newest_frame_is_never_bridged(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *(number for number in range(30) if number != 24))
    with pytest.raises(NoFrame):
        forecast_model(archive, ledger, Steady(), time(24), moment(30))


def test_what_is_only_useful_is_not_bridged(archive: Archive) -> None:
    put_frames(archive, *(number for number in range(25) if number != 22))
    for forecaster in (Steady(), Advection()):
        frames = gap_filling.frames_for(archive, forecaster, time(24))
        assert "bridged" not in frames.attrs
        assert time(22) not in frames["time"].values


def test_frames_of_another_grid_bridge_nothing(archive: Archive) -> None:
    put_frames(archive, *(number for number in range(25) if number not in {10, 11, 12, 13, 14}))
    for number in (11, 13):
        archive.put_frame(frame(number, NATIONAL_WGS84))
    with pytest.raises(NoFrames):
        gap_filling.frames_for(archive, Steady(), time(24))


def models(*served: str) -> Forecasters:
    return Forecasters(served, device="cpu")


def test_the_default_model_forecasts_where_it_can_with_one_gap_too(archive: Archive) -> None:
    put_frames(archive, *range(6, 18), *range(19, 25))
    chosen, reason = gap_filling.usable_model(
        archive, models("ms-lstm", "advection"), time(24), None
    )
    assert (chosen.name, reason) == ("ms-lstm", "")


def test_where_the_default_model_cannot_the_next_one_does_and_the_reason_is_told(
    archive: Archive,
) -> None:
    put_frames(archive, 22, 23, 24)
    chosen, reason = gap_filling.usable_model(
        archive, models("ms-lstm", "ms-preciplstm", "advection"), time(24), None
    )
    assert chosen.name == "advection"
    assert "ms-lstm at 20260622T0030Z needs the radar frames of 20260621T2300Z" in reason


def test_a_baseline_forecasts_where_no_served_model_can(archive: Archive) -> None:
    put_frames(archive, 24)
    chosen, reason = gap_filling.usable_model(archive, models("ms-lstm"), time(24), None)
    assert chosen.name == "persistence"
    assert reason.startswith("ms-lstm")


def test_a_model_that_was_named_is_not_replaced(archive: Archive) -> None:
    put_frames(archive, 23, 24)
    with pytest.raises(NoFrames, match="ms-lstm"):
        gap_filling.usable_model(archive, models("ms-lstm", "advection"), time(24), "ms-lstm")
    chosen, reason = gap_filling.usable_model(archive, models("ms-lstm"), time(24), "advection")
    assert (chosen.name, reason) == ("advection", "")


def test_without_the_newest_frame_nothing_forecasts(archive: Archive) -> None:
    put_frames(archive, 23)
    with pytest.raises(NoFrame):
        gap_filling.usable_model(archive, models("persistence"), time(24), None)


def test_what_can_be_is_what_is_made(archive: Archive, ledger: Ledger) -> None:
    put_frames(archive, *range(6, 18), *range(19, 25))
    chosen, _ = gap_filling.usable_model(archive, models("ms-lstm"), time(24), None)
    key = forecast_model(archive, ledger, chosen, time(24), moment(25))
    assert key == Key(time(24), "ms-lstm", chosen.weights)
    assert archive.forecast(key).attrs["bridged"] == f"{moment(18):%Y-%m-%dT%H:%M:%SZ}"
