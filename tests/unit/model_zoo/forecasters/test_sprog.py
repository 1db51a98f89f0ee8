"""S-PROG: rain that moves as by advection and fades; refused with advice where pysteps is not."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from xarray import DataArray

from model_zoo.forecasters.baselines import Advection
from model_zoo.forecasters.by_name import load_forecaster
from model_zoo.forecasters.contract import NotEnoughFrames
from model_zoo.forecasters.sprog import SPROG, MissingExtra

ISSUE = np.datetime64("2020-09-07T14:00", "ns")


@pytest.fixture
def sprog() -> SPROG:
    pytest.importorskip("pysteps", reason="needs pysteps: pip install 'nowcast[sprog]'")
    return SPROG()


def showers(*minutes: int) -> DataArray:
    """Rain that drifts by a cell in 5 minutes and changes in its details, north-west not seen."""
    random = np.random.default_rng(1)
    rates = []
    lasting = gaussian_filter(random.standard_normal((128, 128)), 6)
    for before in minutes:
        passing = gaussian_filter(random.standard_normal((128, 128)), 1.5)
        field = 15 * shift(lasting, (0, -before / 5), mode="wrap") + 2 * passing
        rates.append(np.where(field > 0.3, np.exp(field), 0)[32:96, 32:96])
    stacked = np.stack(rates).astype(np.float32)
    stacked[:, :10, :10] = np.nan
    coords = {"time": ISSUE - np.array(minutes, "timedelta64[m]"), "x": 5000.0 * np.arange(64)}
    return DataArray(stacked, coords, ("time", "y", "x"))


def test_without_pysteps_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysteps", None)
    monkeypatch.setitem(sys.modules, "pysteps.nowcasts.sprog", None)
    with pytest.raises(MissingExtra, match=r"pip install 'nowcast\[sprog\]'"):
        load_forecaster("s-prog")


def test_details_fade_and_no_data_stays(sprog: SPROG, capsys: pytest.CaptureFixture[str]) -> None:
    given = showers(15, 10, 5, 0)
    forecast, moved = sprog(given), Advection()(given)
    assert forecast.attrs["model"] == "s-prog"
    assert forecast.dims == moved.dims
    assert float(forecast.min()) == 0
    roughness = [float(abs(field.diff("x")).mean()) for field in (forecast[-1], moved[-1])]
    assert roughness[0] < 0.8 * roughness[1]
    assert (moved.isnull() <= forecast.isnull()).all()
    assert float((moved.isnull() != forecast.isnull()).mean()) < 0.03
    assert capsys.readouterr().out == ""


def test_rain_that_does_not_change_is_carried(sprog: SPROG) -> None:
    given = showers(10, 5, 0)
    given[:] = given[-1].values
    np.testing.assert_array_equal(sprog(given).values, Advection()(given).values)


def test_dry_frames_stay_dry(sprog: SPROG) -> None:
    forecast = sprog(showers(10, 5, 0) * 0)
    assert float(forecast.max()) == 0


def test_three_frames_evenly_apart_are_needed(sprog: SPROG) -> None:
    with pytest.raises(NotEnoughFrames, match="three frames 5, 10 or 15 minutes apart"):
        sprog(showers(30, 25, 5, 0))
