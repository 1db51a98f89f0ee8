"""What a forecast says about the condition of a subscription."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from xarray import DataArray

from ingest.errors import OutsideGrid
from ingest.precipitation import exceedance_probability, exceedance_probability_name
from model_zoo import load_forecaster
from service.archive.archive import SUSPECT
from service.pipeline.alerts.conditions import SUM_STEPS, Finding, cells_of, find
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


def measured(rates: list[float], before: float = 0.0) -> NDArray[np.float32]:
    """Radar (24, y, x) of two hours whose newest rates at the place are some in mm/h."""
    radar = np.zeros((SUM_STEPS, *frame(0).shape[-2:]), np.float32)
    series = [before] * (SUM_STEPS - len(rates)) + rates
    radar[:, ROW, COLUMN] = series
    return radar


def found_sum(
    rates: list[float], radar: NDArray[np.float32] | None = None, **condition: Any
) -> Finding:
    wanted = {"sum_mm": 6, "sum_minutes": 30, "lead_minutes": 60} | condition
    past = measured([]) if radar is None else radar
    return find(subscription(condition=wanted), *still(rates, float(past[-1, ROW, COLUMN])), past)


def test_a_sum_is_reached_at_the_end_of_its_period_with_what_radar_measured_before() -> None:
    ahead = found_sum([12.0] * 6)
    assert (ahead.fulfilled, minutes(ahead.begins), ahead.peak_sum, ahead.peak) == (True, 30, 6, 12)
    both = found_sum([12.0] * 3, measured([12.0] * 3))
    assert (both.fulfilled, minutes(both.begins), minutes(both.ends)) == (True, 15, 20)
    fallen = found_sum([], measured([12.0] * 6))
    assert (fallen.fulfilled, minutes(fallen.begins)) == (True, 0)
    assert found_sum([12.0] * 5).fulfilled is False
    assert found_sum([12.0] * 5, sum_minutes=60, sum_mm=5).fulfilled is True
    assert found_sum([0.0] * 7 + [12.0] * 6, lead_minutes=60).fulfilled is False


def test_a_sum_with_missing_rates_is_unknown_and_never_dry() -> None:
    assert found_sum([], measured([np.nan])).fulfilled is None
    assert found_sum([np.nan]).fulfilled is None
    assert found_sum([np.nan, *[12.0] * 6]).fulfilled is True
    two_hours = {"sum_minutes": 120, "sum_mm": 1}
    assert found_sum([], measured([0.0], before=np.nan), **two_hours).fulfilled is None
    condition = {"sum_mm": 6, "sum_minutes": 30}
    without_radar = find(subscription(condition=condition), *still([12.0] * 6))
    assert without_radar.fulfilled is None


def test_a_mean_over_an_area_is_reached_where_all_of_it_has_rain() -> None:
    forecast, observed = still([12.0] * 6)

    def finding(statistic: str, amount: float) -> Finding:
        condition = {"sum_mm": amount, "sum_minutes": 30, "sum_statistic": statistic}
        area = subscription(point=None, area=square(0.2), condition=condition)
        return find(area, forecast, observed, measured([]))

    number = len(cells_of(in_area(square(0.2)), forecast)[0])
    assert finding("maximum", 6).fulfilled is True
    assert finding("mean", 6).fulfilled is False
    assert finding("mean", 6 / number).fulfilled is True
    assert finding("mean", 6 / number).peak_sum == pytest.approx(6 / number, abs=0.006)
    forecast.values[:, ROW + 1, COLUMN] = np.nan
    assert finding("mean", 6).fulfilled is None
    assert finding("mean", 6 / number).fulfilled is True, "the other cells alone are enough"


@pytest.mark.parametrize(
    "condition",
    [
        {"sum_mm": 5, "rate_mm_h": 1},
        {"sum_mm": 5, "probability": 0.5},
        {"sum_mm": 0},
        {"sum_mm": 5, "sum_minutes": 45},
        {"rate_mm_h": 0},
    ],
)
def test_a_condition_is_on_a_rate_or_on_a_sum(condition: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="condition"):
        subscription(condition=condition)


def test_a_condition_without_rate_and_sum_is_on_half_a_millimetre_per_hour() -> None:
    assert subscription(condition={}).condition.rate_mm_h == 0.5
    assert (
        Subscription.model_validate(
            {**subscription().model_dump(exclude={"condition"})}
        ).condition.rate_mm_h
        == 0.5
    )
    amount = subscription(condition={"sum_mm": 5}).condition
    assert (amount.rate_mm_h, amount.sum_minutes) == (None, 60)
    again = Subscription.model_validate_json(
        subscription(condition={"sum_mm": 5}).model_dump_json()
    )
    assert again.condition == amount


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
