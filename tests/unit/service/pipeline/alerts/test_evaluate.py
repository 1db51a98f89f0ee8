"""A band of rain that crosses a place has one message at its start and one all-clear."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from xarray import DataArray

from model_zoo import load_forecaster
from service.archive.archive import SUSPECT, Archive
from service.ledger.alert_table import AlertTable
from service.ledger.ledger import Ledger
from service.pipeline.alerts.evaluate import evaluate
from service.pipeline.served_models import Forecasters
from tests.alerts.rain_band import frame, moment, row, subscription

STALE_MINUTES = 20
LEADS = 6
"""Half an hour, as far as the subscription looks."""
FORECASTERS = Forecasters(["persistence"])


class Weather:
    """An archive that gets a frame and its forecast at a time, and what is then announced."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder / "archive")
        self.table = AlertTable(Ledger(f"sqlite:///{folder / 'ledger.sqlite'}").engine)

    def subscribe(self, **more: Any) -> None:
        assert self.table.add(row(subscription(**more)), most=9)

    def take(self, observed: DataArray) -> None:
        """Store a frame (time of 1, y, x) and the forecast from it."""
        forecast = load_forecaster("persistence")(observed, horizon=LEADS, step_minutes=5)
        forecast.attrs["generated_at"] = moment(0).isoformat()
        self.archive.put_frame(observed)
        self.archive.put_forecast(forecast, "test")

    def evaluate(self, number: int, minutes: float = 4) -> int:
        now = moment(number) + timedelta(minutes=minutes)
        return evaluate(self.archive, self.table, FORECASTERS, now, STALE_MINUTES)

    def announced(self) -> list[dict[str, Any]]:
        return [orjson.loads(found.body) for found in self.table.messages("a1", 99)][::-1]


@pytest.fixture
def weather(tmp_path: Path) -> Weather:
    return Weather(tmp_path)


def test_a_band_that_crosses_a_place_has_a_start_and_an_all_clear(weather: Weather) -> None:
    weather.subscribe()
    numbers = {}
    for number in range(9, 17):
        weather.take(frame(number))
        for _ in range(2):
            if weather.evaluate(number):
                numbers[number] = weather.table.messages("a1", 1)[0].kind
    start, clear = weather.announced()
    # The band is over the place from frame 11 to 12, and persistence forecasts it from then on.
    assert numbers == {12: "start", 14: "clear"}
    assert start["type"] == "nowcast.alert.start"
    assert clear["type"] == "nowcast.alert.clear"
    assert start["event"] == clear["event"] == start["issue_time"] == "2026-06-21T23:30:00Z"
    assert (start["begins"], start["ends"], start["peak_mm_h"]) == ("2026-06-21T23:30:00Z", None, 5)
    assert start["title"] == "Rain expected: Garden"
    assert start["text"] == (
        "Rain of 0.5 mm/h or more from 01:30. Forecast from the radar of 01:30."
    )
    assert clear["text"] == (
        "Rain of 0.5 mm/h or more: none is expected until 02:10. Forecast from the radar of 01:40."
    )


def test_a_sum_of_radar_and_forecast_has_a_start_and_an_all_clear(weather: Weather) -> None:
    condition = {"sum_mm": 0.8, "sum_minutes": 30, "lead_minutes": 30}
    weather.subscribe(condition=condition)
    for number in range(6, 11):
        weather.archive.put_frame(frame(number))
    numbers = {}
    for number in range(11, 19):
        weather.take(frame(number))
        if weather.evaluate(number):
            numbers[number] = weather.table.messages("a1", 1)[0].kind
    # It rains at 11 and 12, 0.42 mm in each, which lie in half an hour up to 16.
    assert numbers == {12: "start", 18: "clear"}
    start, clear = weather.announced()
    assert (start["begins"], start["peak_sum_mm"]) == ("2026-06-21T23:30:00Z", 2.5)
    assert start["condition"]["rate_mm_h"] is None
    assert start["text"] == (
        "0.8 mm of rain or more in 30 minutes by 01:30. Forecast from the radar of 01:30."
    )
    assert clear["text"].startswith("0.8 mm of rain or more in 30 minutes: none is expected until")


def test_a_suspect_frame_adds_nothing_to_a_sum(weather: Weather) -> None:
    weather.subscribe(condition={"sum_mm": 0.3, "sum_minutes": 30, "lead_minutes": 30})
    for number in range(5, 14):
        observed = frame(number)
        if number in (11, 12):
            observed.attrs[SUSPECT] = "it rains where it did not"
        weather.take(observed)
        weather.evaluate(number)
    assert weather.evaluate(13) == 0
    assert weather.announced() == []


def test_without_data_with_suspect_or_stale_radar_there_is_no_all_clear(weather: Weather) -> None:
    weather.subscribe()
    for number in (11, 12):
        weather.take(frame(number))
        weather.evaluate(number)
    blind, doubtful = frame(13), frame(14)
    blind.values[:] = np.nan
    doubtful.attrs[SUSPECT] = "it rains 0 mm/h everywhere alike"
    for number, observed in ((13, blind), (14, doubtful), (15, frame(15))):
        weather.take(observed)
        assert weather.evaluate(number) == 0
    weather.take(frame(16))
    assert weather.evaluate(16, STALE_MINUTES + 1) == 0
    (active,) = weather.table.all()
    assert active.state.event == moment(12)
    assert [document["type"] for document in weather.announced()] == ["nowcast.alert.start"]
    weather.take(frame(17))
    assert weather.evaluate(17) == 1, "the second dry issue in a row, after that of frame 15"


def test_quiet_hours_hold_the_all_clear_back(weather: Weather) -> None:
    weather.subscribe(quiet_hours={"begin": "01:35", "end": "06:00"})
    for number in range(11, 16):
        weather.take(frame(number))
        weather.evaluate(number)
    clear, start = weather.table.messages("a1", 9)
    assert (start.kind, clear.kind) == ("start", "clear")
    assert start.due == start.created
    assert timedelta(hours=4) < clear.due - clear.created < timedelta(hours=4.5)


def test_texts_are_in_the_language_of_the_subscription(weather: Weather) -> None:
    weather.subscribe(language="de", condition={"rate_mm_h": 5, "lead_minutes": 10})
    for number in range(11, 15):
        weather.take(frame(number))
        weather.evaluate(number)
    assert [document["title"] for document in weather.announced()] == [
        "Regen erwartet: Garden", "Entwarnung: Garden"
    ]  # fmt: skip
    assert weather.announced()[1]["text"].startswith("Regen ab 5 mm/h: bis 01:50 nicht erwartet.")


def test_what_cannot_be_evaluated_stops_no_other(
    weather: Weather, caplog: pytest.LogCaptureFixture
) -> None:
    other = row(subscription(), "a0")._replace(subscription="{}")
    weather.table.add(other, most=9)
    weather.table.add(row(subscription(model="unknown"), "a2"), most=9)
    outside = subscription(point={"lat": 0, "lon": 0})
    weather.table.add(row(outside, "a3"), most=9)
    weather.subscribe()
    for number in (11, 12):
        weather.take(frame(number))
        weather.evaluate(number)
    assert len(weather.announced()) == 1
    assert "alert a0 cannot be read" in caplog.text
    assert "alert a3: longitude 0" in caplog.text
