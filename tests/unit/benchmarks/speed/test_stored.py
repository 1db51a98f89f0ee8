"""Bytes of stored forecasts, before and now."""

from pathlib import Path

import numpy as np

from benchmarks.speed.served.stored import Stored, half_hours, section, stored
from model_zoo import load_forecaster
from tests.showers import frame, time


def test_half_hours_are_the_lead_times_of_earlier_programs() -> None:
    forecast = load_forecaster("persistence")(frame(0), horizon=24, step_minutes=5)
    leads = half_hours(forecast)["lead_time"].values / np.timedelta64(1, "m")
    assert leads.tolist() == [30, 60, 90, 120]
    assert forecast["forecast_reference_time"].values == time(0)


def test_all_lead_times_of_a_forecast_take_at_most_twice_the_bytes(tmp_path: Path) -> None:
    (found,) = stored(["persistence"], tmp_path, frames=2)
    assert found.model == "persistence"
    assert 0 < found.wet < 1
    assert 1000 < found.before < found.now <= 2 * found.before


def test_the_section_compares_all_models_together() -> None:
    few = [Stored("advection", 0.1, 1000, 3000), Stored("blend", 0.1, 9000, 9000)]
    assert "| blend | 10 % | 9 | 9 | 1.00 |" in section(few)
    assert "1.20 times the\nbytes; 2 at most are wanted: as wanted." in section(few)
    assert "more than wanted" in section(few[:1])
