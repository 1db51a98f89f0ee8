"""What a forecast says about the condition of a subscription."""

from typing import Any

import numpy as np
import pytest
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.precipitation import exceedance_probability, exceedance_probability_name
from model_zoo import load_forecaster
from service.archive.archive import SUSPECT
from service.pipeline.alerts.conditions import Finding, cells_of, find
from service.pipeline.alerts.subscription import Subscription
from tests.alerts.rain_band import COLUMN, RATE, ROW, frame, longitude_latitude, subscription
from tests.showers import time

LEADS = 24


def still(rates: list[float], now: float = 0.0) -> tuple[DataArray, DataArray]:
    """A forecast (24, y, x) and the frame (y, x) it starts from with rates at the place."""
    observed = frame(0)
    observed.values[:] = 0
    observed.values[0, ROW, COLUMN] = now
    forecast = load_forecaster("persistence")(observed, horizon=LEADS, step_minutes=5)
    forecast.values[:, ROW, COLUMN] = [*rates, *[0.0] * (LEADS - len(rates))]
    return forecast, observed.isel(time=0)


def found(rates: list[float], now: float = 0.0, **condition: Any) -> Finding:
    wanted = {"rate_mm_h": 0.5, "lead_minutes": 30} | condition
    return find(subscription(condition=wanted), *still(rates, now))


def minutes(when: np.datetime64 | None) -> float | None:
    return None if when is None else float((when - time(0)) / np.timedelta64(1, "m"))


def test_rain_within_the_longest_lead_time_fulfils_it_with_begin_and_end() -> None:
    finding = found([0, 0.4, 0.5, 3, 0.2])
    assert finding.fulfilled is True
    assert (minutes(finding.begins), minutes(finding.ends), finding.peak) == (15, 25, 3)


def test_rain_after_the_longest_lead_time_or_below_the_rate_does_not() -> None:
    assert found([0] * 6 + [9.0]).fulfilled is False
    assert found([0.49] * 24).fulfilled is False


def test_rain_that_falls_now_fulfils_it() -> None:
    finding = found([], now=1.0)
    assert finding.fulfilled is True
    assert (minutes(finding.begins), minutes(finding.ends)) == (0, 5)


def test_rain_to_the_end_of_the_forecast_has_no_end() -> None:
    assert found([1.0] * LEADS).ends is None
    assert found([1.0, np.nan]).ends is None


@pytest.mark.parametrize("rates", [[np.nan], [0.1, 0.2, np.nan], [np.nan] * LEADS])
def test_missing_data_are_never_dry(rates: list[float]) -> None:
    assert found(rates).fulfilled is None
    assert found([], now=np.nan).fulfilled is None


def test_missing_data_hide_no_rain() -> None:
    assert found([np.nan, 2.0]).fulfilled is True


def test_suspect_radar_says_nothing() -> None:
    for part in range(2):
        fields = still([2.0])
        fields[part].attrs[SUSPECT] = "nothing has changed"
        assert find(subscription(), *fields) == Finding(None)


def test_a_probability_is_compared_where_the_model_forecasts_it() -> None:
    forecast, observed = still([0.1])
    probability = np.full(forecast.shape, 0.3, np.float32)
    probability[3, ROW, COLUMN] = 0.7
    name = exceedance_probability_name(0.5)
    forecast = forecast.assign_coords({name: exceedance_probability(0.5, probability)})

    def finding(wanted: float, rate: float = 0.5) -> Finding:
        condition = {"rate_mm_h": rate, "probability": wanted, "lead_minutes": 30}
        return find(subscription(condition=condition), forecast, observed)

    likely = finding(0.6)
    assert (likely.fulfilled, minutes(likely.begins), likely.probability) == (True, 20, 0.7)
    assert finding(0.8).fulfilled is False
    assert finding(0.1, rate=3.0).fulfilled is None, "the model forecasts no such probability"
    observed.values[ROW, COLUMN] = 1.0
    assert finding(0.8).fulfilled is True, "radar measures it"
    observed.values[ROW, COLUMN] = np.nan
    assert finding(0.8).fulfilled is None


def square(size: float) -> dict[str, Any]:
    lon, lat = longitude_latitude()
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [[lon + size * x, lat + size * y] for x, y in corners]
    return {"type": "Polygon", "coordinates": [ring]}


def in_area(area: dict[str, Any]) -> Subscription:
    return subscription(point=None, area=area)


def test_a_place_is_its_cell_or_all_within_a_distance() -> None:
    rows, columns = cells_of(subscription(), frame(0))
    assert (rows.tolist(), columns.tolist()) == ([ROW], [COLUMN])
    lon, lat = longitude_latitude()
    near = subscription(point={"lat": lat, "lon": lon, "radius_km": 5.5})
    assert len(cells_of(near, frame(0))[0]) == 5


def test_an_area_is_the_cells_in_it_and_a_small_one_that_of_its_middle() -> None:
    rows, columns = cells_of(in_area(square(0.2)), frame(0))
    assert 20 < len(rows) < 60
    assert ROW in rows
    assert COLUMN in columns
    tiny = cells_of(in_area(square(1e-4)), frame(0))
    assert [part.tolist() for part in tiny] == [[ROW], [COLUMN]]
    forecast, observed = still([0.0])
    forecast.values[2, ROW + 1, COLUMN + 1] = RATE
    assert find(in_area(square(0.2)), forecast, observed).fulfilled is True
    assert find(in_area(square(1e-4)), forecast, observed).fulfilled is False


def test_a_place_outside_the_grid_is_refused() -> None:
    with pytest.raises(OutsideGrid, match="longitude 30"):
        cells_of(subscription(point={"lat": 52, "lon": 30}), frame(0))


@pytest.mark.parametrize(
    "area",
    [
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[9, 50], [10, 50]]]},
        {"type": "Polygon", "coordinates": [[[9, 50], [10, 51], [9, 51], [10, 50], [9, 50]]]},
        {"type": "Polygon", "coordinates": [[[9, 50], [10, 50], [float("nan"), 51], [9, 50]]]},
        {"type": "Polygon", "coordinates": [[[9, 50], [200, 50], [10, 51], [9, 50]]]},
        {"type": "Polygon", "coordinates": [[[9, 50], [10, 50]] * 300 + [[9, 50]]]},
        {"type": "Polygon", "coordinates": [[[[9, 50], [10, 50], [10, 51], [9, 50]]]]},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Point", "coordinates": [9, 50]},
    ],
)
def test_what_is_no_area_is_refused(area: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"area|valid|vertices|degrees|coordinates|type"):
        in_area(area)
