"""Summaries of places: bands of rain that pass are never dry, and words agree with states."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probability, exceedance_probability_name
from model_zoo.forecasters.baselines import Advection, Persistence
from model_zoo.forecasters.contract import Forecaster
from model_zoo.forecasters.sprog import SPROG
from service.pipeline.place_summary import (
    WET,
    PlaceSummary,
    at_any_time,
    dry_places,
    end_of,
    motion_per_minute,
    rainy_areas,
    summarise,
)
from service.pipeline.place_wording import LANGUAGES, Language, clock_in, wording

SIDE = 100
ISSUE = np.datetime64("2024-06-01T12:00", "ns")
LEADS = np.arange(5, 121, 5)
RATE = np.float32(8.0)
FEWEST_CELLS = 5


def band(minutes: float, rng_seed: int) -> NDArray[np.float32]:
    """A band of any width, speed, direction, length and waviness, (y, x) in mm/h, mean of cells."""
    rng = np.random.default_rng(rng_seed)
    width, speed = rng.choice([1, 2, 3, 6, 15]), rng.uniform(0, 0.4)  # cells, and up to 120 km/h
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-30, 10)
    length, wave = rng.uniform(30, 80), rng.choice([0, 2.5])
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    ahead = x * np.cos(angle) + y * np.sin(angle) - offset - speed * minutes
    along = -x * np.sin(angle) + y * np.cos(angle)
    across = np.clip(width / 2 + 0.5 - np.abs(ahead - wave * np.sin(along / 8)), 0, 1)
    rate = RATE * across * np.clip(length / 2 + 0.5 - np.abs(along), 0, 1)
    return np.where(rate < 0.1, 0, rate).astype(np.float32)


def frames(rates: Sequence[NDArray[np.float32]]) -> DataArray:
    """Frames every 5 minutes up to the issue time, on cells of 5 km."""
    times = ISSUE - np.arange(len(rates))[::-1] * np.timedelta64(5, "m")
    cells = 5000.0 * np.arange(SIDE)
    coords = {"time": times, "y": -cells, "x": cells}
    return DataArray(np.stack(rates), coords, ("time", "y", "x"), "rainfall_rate")


@pytest.mark.parametrize("seed", range(12))
def test_where_a_moving_band_passes_it_is_never_called_dry(seed: int) -> None:
    given = frames([band(-age, seed) for age in range(30, -1, -5)])
    if (given.values[-1] > 0).sum() < FEWEST_CELLS:
        given = frames([band(0, 0)] * 7)
        seed = 0
    forecast = Advection()(given, horizon=24, step_minutes=5)
    dry = dry_places(forecast, given)
    passed = np.any([band(minutes, seed) >= 0.5 for minutes in LEADS.tolist()], axis=0)
    assert passed.any()
    assert not (dry & passed).any()


class Drizzle:
    """A band of 0.1 to 0.5 mm/h anywhere, also at the border, whose frames have holes."""

    def __init__(self, rng_seed: int) -> None:
        rng = np.random.default_rng(rng_seed)
        self.width, self.speed = rng.choice([1, 2, 3, 6, 15]), rng.uniform(0, 0.4)
        self.angle, self.offset = rng.uniform(0, 2 * np.pi), rng.uniform(-45, 30)
        self.length, self.wave = rng.uniform(10, 120), rng.choice([0, 2.5])
        self.aside, self.rate = rng.uniform(-40, 40), rng.uniform(0.1, 0.5)
        self.holes = rng.integers(0, SIDE, (int(rng.integers(0, 5)), 2)).tolist()
        self.hole = int(rng.integers(1, 12))

    def rates(self, minutes: float) -> NDArray[np.float32]:
        """What falls, (y, x) in mm/h, mean of cells."""
        y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
        ahead = x * np.cos(self.angle) + y * np.sin(self.angle) - self.offset - self.speed * minutes
        along = -x * np.sin(self.angle) + y * np.cos(self.angle) - self.aside
        off_centre = np.abs(ahead - self.wave * np.sin(along / 8))
        across = np.clip(self.width / 2 + 0.5 - off_centre, 0, 1)
        rate = self.rate * across * np.clip(self.length / 2 + 0.5 - np.abs(along), 0, 1)
        return np.where(rate < 0.01, 0, rate).astype(np.float32)

    def seen(self, minutes: float) -> NDArray[np.float32]:
        """What radar shows of it, NaN in its holes."""
        rate = self.rates(minutes)
        for row, column in self.holes:
            rate[row : row + self.hole, column : column + self.hole] = np.nan
        return rate


def drizzle_in_sight(seed: int) -> Drizzle:
    """Drizzle that radar sees at the issue time."""
    bands = (Drizzle(rng_seed) for rng_seed in count(seed, 1000))
    return next(b for b in bands if np.count_nonzero(b.seen(0) >= WET) >= FEWEST_CELLS)


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("forecaster", [Advection(), SPROG(), Persistence()], ids=lambda f: f.name)
def test_where_drizzle_passes_it_is_never_called_dry(seed: int, forecaster: Forecaster) -> None:
    drizzle = drizzle_in_sight(seed)
    given = frames([drizzle.seen(-age) for age in range(30, -1, -5)])
    forecast = forecaster(given, horizon=24, step_minutes=5)
    dry = dry_places(forecast, given)
    passed = np.any([drizzle.rates(minutes) >= WET for minutes in LEADS.tolist()], axis=0)
    assert passed.any()
    assert not (dry & passed).any()


def test_rain_may_come_from_beyond_the_border_and_from_holes() -> None:
    fields = np.zeros((7, SIDE, SIDE), np.float32)
    for number, field in enumerate(fields):  # 60 km/h to the east
        field[:, 20 + number : 24 + number] = RATE
        field[48:52, 60:64] = np.nan
    given = frames(list(fields))
    dry = dry_places(Persistence()(given, horizon=24, step_minutes=5), given)
    assert not dry[:, :24].any()
    assert not dry[48:52, 64:88].any()


def test_drizzle_beside_rain_belongs_to_it_and_noise_far_from_it_does_not() -> None:
    rates = np.zeros((SIDE, SIDE), np.float32)
    rates[10, 10:14] = [0.06, 0.3, 0.06, np.nan]
    rates[50, 50] = 0.06
    found = rainy_areas(rates)
    assert np.argwhere(found).tolist() == [[10, column] for column in range(10, 14)]


def test_the_motion_of_drizzle_is_seen() -> None:
    fields = np.zeros((7, SIDE, SIDE), np.float32)
    for number, field in enumerate(fields):
        field[40:60, 30 + number : 34 + number] = 0.1
    moved = motion_per_minute(frames(list(fields)))
    assert moved is not None
    assert moved == pytest.approx([0.2, 0], abs=0.02)


def test_the_motion_of_rain_that_has_just_come_is_unknown_and_that_of_none_is_zero() -> None:
    fields = np.zeros((7, SIDE, SIDE), np.float32)
    still = motion_per_minute(frames(list(fields)))
    assert still is not None
    assert still.tolist() == [0, 0]
    fields[-1, :20, :3] = RATE
    assert motion_per_minute(frames(list(fields))) is None
    given = frames(list(fields))
    dry = dry_places(Advection()(given, horizon=24, step_minutes=5), given)
    assert not dry[10, :24].any()  # 120 km
    assert dry[50, 50]


def test_far_from_a_band_it_is_called_dry() -> None:
    rates = np.zeros((SIDE, SIDE), np.float32)
    rates[:, 10:13] = RATE
    given = frames([rates] * 7)
    dry = dry_places(Advection()(given, horizon=24, step_minutes=5), given)
    assert dry[:, 40:].all()
    assert not dry[:, 8:15].any()  # 10 km on both sides of rain that stands


def test_the_faster_rain_moves_the_wider_is_what_is_not_called_dry() -> None:
    def rows_not_dry(cells_per_step: int) -> int:
        fields = np.zeros((7, SIDE, SIDE), np.float32)
        for number, field in enumerate(fields):
            first = 30 + cells_per_step * (number - 6)
            field[40:60, first : first + 3] = RATE
        given = frames(list(fields))
        dry = dry_places(Advection()(given, horizon=24, step_minutes=5), given)
        return int((~dry[:, :58]).any(axis=1).sum())

    assert rows_not_dry(0) == 20 + 2 * 2
    assert rows_not_dry(1) > 20 + 2 * 5


def test_where_rain_is_left_in_place_dry_reaches_less_far() -> None:
    rates = np.zeros((SIDE, SIDE), np.float32)
    rates[50, 50] = RATE
    given = frames([rates] * 7)
    moving, still = (
        dry_places(forecaster(given, horizon=24, step_minutes=5), given)
        for forecaster in (Advection(), Persistence())
    )
    assert (still & ~moving).sum() == 0
    assert moving.sum() > still.sum()
    assert moving[50, 60]
    assert not still[50, 70]


def test_half_hours_alone_leave_more_in_doubt() -> None:
    rates = np.zeros((SIDE, SIDE), np.float32)
    rates[50, 50] = RATE
    given = frames([rates] * 7)
    fine = dry_places(Advection()(given, horizon=24, step_minutes=5), given)
    coarse = dry_places(Advection()(given), given)
    assert fine.sum() > coarse.sum() > 0


def test_no_data_nearby_is_not_dry() -> None:
    rates = np.zeros((SIDE, SIDE), np.float32)
    rates[50, 50] = np.nan
    given = frames([rates] * 7)
    dry = dry_places(Persistence()(given, horizon=24, step_minutes=5), given)
    assert not dry[49:52, 49:52].any()
    assert dry[10, 10]


def place(rates: Sequence[float], now: float, probability: float | None, dry: bool) -> PlaceSummary:
    """Summary of a place with these rates in mm/h at the lead times of five minutes."""
    lead_time = LEADS[: len(rates)].astype("timedelta64[m]").astype("timedelta64[ns]")
    coords = {
        "lead_time": lead_time,
        "time": ("lead_time", ISSUE + lead_time),
        "forecast_reference_time": ISSUE,
    }
    series = DataArray(np.array(rates, np.float32), coords, ("lead_time",))
    if probability is not None:
        values = np.full((len(rates), 1, 1), probability, np.float32)
        name = exceedance_probability_name(0.5)
        series = series.assign_coords(
            {name: ("lead_time", exceedance_probability(0.5, values).values[:, 0, 0])}
        )
    return summarise(series, now, dry=dry)


@pytest.mark.parametrize("seed", range(40))
def test_words_agree_with_the_state_whatever_the_rates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates = rng.choice([0, 0.05, 0.1, 7.25, np.nan], 24, p=[0.6, 0.1, 0.1, 0.15, 0.05 * 1.0])
    if seed % 3 == 0:
        rates[:] = rng.choice([0, np.nan], 24, p=[0.95, 0.05])
    now = float(rng.choice([0, 2, np.nan]))
    probability = None if seed % 2 else float(rng.uniform(0, 0.6))
    summary = place(rates.tolist(), now, probability, dry=bool(seed % 5 == 0))
    series = np.array([now, *rates])
    assert (summary.state == "rain") == bool((series >= 0.1).any())
    if summary.state == "dry":
        assert not np.isnan(series).any()
    assert summary.complete == (not np.isnan(series).any())
    for language, dry, rain in zip(LANGUAGES, ("dry", "trocken"), ("mm/h", "mm/h"), strict=True):
        text = wording(summary, language)
        assert not re.search(r"None|nan|\{|\}", text)
        assert text.endswith(".")
        assert (rain in text) == (summary.state == "rain")
        if summary.state in {"rain", "rain_possible"}:
            assert dry not in text


def test_a_chance_of_rain_is_possible_rain_or_probably_dry() -> None:
    likely, small, safe = (
        place([0] * 24, 0, probability, dry=dry)
        for probability, dry in ((0.5, True), (0.08, False), (0.01, True))
    )
    assert (likely.state, small.state, safe.state) == ("rain_possible", "probably_dry", "dry")
    assert small.probability == pytest.approx(0.19, abs=0.03)
    assert "19 %" in wording(small, "en")
    assert "dry" in wording(safe, "en")


@pytest.mark.parametrize(
    ("zone", "language", "expected"),
    [
        ("UTC", "en", "Rain starts between 12:05 and 12:15 UTC. "),
        ("UTC", "de", "Zwischen 12:05 und 12:15 UTC beginnt es zu regnen. "),
        ("Europe/Berlin", "en", "Rain starts between 14:05 and 14:15. "),
        ("Europe/Berlin", "de", "Zwischen 14:05 und 14:15 Uhr beginnt es zu regnen. "),
    ],
)
def test_the_unit_of_two_times_is_said_once(zone: str, language: Language, expected: str) -> None:
    soon = place([0] * 2 + [1] * 22, 0, None, dry=False)
    minutes = np.timedelta64(1, "m")
    soon = replace(soon, starts_between=(ISSUE + 5 * minutes, ISSUE + 15 * minutes))
    assert wording(soon, language, clock_in(zone, language)).startswith(expected)


def test_the_probability_of_any_time_rises_with_that_of_one() -> None:
    found = at_any_time(np.array([0.0, 0.1, 0.5, 0.9, 1.0]))
    assert (np.diff(found) > 0).all()
    assert found[2] > 0.5
    assert 0 <= found[0] < found[-1] <= 1


def test_the_window_of_a_start_widens_with_the_lead_time() -> None:
    soon, late = (place([0] * n + [1] * (24 - n), 0, None, dry=False) for n in (1, 20))
    assert soon.starts_between is not None
    assert late.starts_between is not None
    widths = [last - first for first, last in (soon.starts_between, late.starts_between)]
    assert widths[0] < widths[1]
    for summary, (first, last) in ((soon, soon.starts_between), (late, late.starts_between)):
        assert summary.starts is not None
        assert ISSUE <= first < summary.starts <= last


def test_an_end_is_unknown_where_data_are_missing_before_it() -> None:
    times = ISSUE + np.arange(4) * np.timedelta64(5, "m")
    assert end_of(np.array([1, 0, 0, 0]), times) == times[1]
    assert end_of(np.array([1, np.nan, 0, 0]), times) is None
    assert end_of(np.array([0, 0, 0, 1]), times) is None
