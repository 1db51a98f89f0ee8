"""Implausible frames are distinguished from plausible ones, however quickly rain comes and goes."""

import re
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.plausibility import Beside, Judgement, judge
from ingest.simulation.simulate import simulate
from ingest.simulation.weather import Weather

Array = NDArray[np.float32]
FINE = Judgement()


def rain(shift: int = 0) -> Array:
    """Showers over a third of the grid, without data in a corner."""
    noise = np.random.default_rng(1).normal(size=(180, 200)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 5)[:, shift : shift + 180]
    field: Array = np.maximum(noise / noise.std() - 0.4, 0) * 5
    field[:40, :50] = np.nan
    return field


def dry() -> Array:
    return np.where(np.isnan(rain()), np.float32(np.nan), np.float32(0))


@pytest.mark.parametrize("minutes", [5, 30, -5])
def test_widespread_rain_is_not_gone_within_minutes(minutes: float) -> None:
    found = judge(dry(), [Beside(rain(), minutes)])
    assert "it rains nowhere though" in found.impossible
    assert ("later" in found.impossible) == (minutes < 0)


@pytest.mark.parametrize("factor", [1e-3, 1e-9])
def test_rain_is_not_made_drier_by_a_scale(factor: float) -> None:
    assert judge(rain() * np.float32(factor), [Beside(rain(1), 5)]).impossible


def test_a_part_that_was_zeroed_is_seen() -> None:
    zeroed = rain(1)
    zeroed[100:150] = 0
    assert "in the part" in judge(zeroed, [Beside(rain(), 5)]).impossible


@pytest.mark.parametrize(
    ("rate", "other"),
    [
        (rain(2), Beside(rain(), 5)),
        (dry(), Beside(rain(), 60)),
        (dry(), Beside(dry(), 5)),
        (rain(), Beside(dry(), 5)),
        (dry(), Beside(rain() * np.float32(0.02), 5)),
        (np.where(np.arange(180) < 140, np.float32(np.nan), rain(1)), Beside(rain(), 5)),
    ],
    ids=["moves", "an hour", "dry", "begins", "drizzle", "radars drop out"],
)
def test_what_can_be_is_left_alone(rate: Array, other: Beside) -> None:
    assert judge(rate, [other]) == FINE


def test_rain_alike_everywhere_and_rain_that_stopped_are_suspect() -> None:
    assert "2 mm/h everywhere alike" in judge(dry() + np.float32(2), []).suspect
    found = judge(rain(), [Beside(rain(), 5)])
    assert found == Judgement(
        suspect="nothing has changed: though 5 minutes before it was the same"
    )
    assert judge(dry(), [Beside(dry(), 5)]) == FINE


@pytest.mark.parametrize("weather", [Weather(), Weather(wet_share=0.02, lifetime_minutes=10)])
def test_simulated_events_are_left_alone(weather: Weather) -> None:
    fields = [
        rate[::5, ::5] for _, rate in simulate(np.datetime64("2026-06-21T12:00"), 7, 3, weather)
    ]
    for number, field in enumerate(fields):
        beside = [
            Beside(other, 5.0 * (number - index))
            for index, other in enumerate(fields)
            if index != number
        ]
        assert judge(field, beside) == FINE


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda field: field[::-1].copy(), "it rains elsewhere"),
        (lambda field: field[:, ::-1].copy(), "it rains elsewhere"),
        (lambda field: field.T.copy(), "it rains elsewhere"),
        (lambda field: field * np.float32(10), "it rains 1\\d times as much"),
        (lambda field: field * np.float32(0.2), "it rains 0.2 times as much"),
    ],
    ids=["upside down", "mirrored", "transposed", "ten times", "a fifth"],
)
def test_widespread_rain_in_another_place_or_amount_within_minutes_is_suspect(
    spoil: Callable[[Array], Array], why: str
) -> None:
    whole = np.nan_to_num(rain())
    beside = [Beside(whole, 5), Beside(np.roll(whole, -2, axis=1), 10)]
    found = judge(spoil(np.roll(whole, 2, axis=1)), beside)
    assert not found.impossible
    assert re.search(f"{why}.*, though 5 minutes before it rained widely, too", found.suspect)
    assert judge(np.roll(whole, 2, axis=1), beside) == FINE


def test_one_neighbour_that_contradicts_may_be_wrong_itself() -> None:
    whole = np.nan_to_num(rain())
    beside = [Beside(whole[::-1].copy(), 5), Beside(np.roll(whole, -2, axis=1), 10)]
    assert judge(np.roll(whole, 2, axis=1), beside) == FINE
