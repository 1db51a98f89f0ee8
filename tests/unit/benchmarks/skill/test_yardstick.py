"""The yardstick: a small U-Net on what baselines forecast, and its training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.skill import events
from benchmarks.skill.opponents import train_yardstick, yardstick
from benchmarks.skill.opponents.baseline_cases import BaselineCase, read_cases
from benchmarks.skill.opponents.train_yardstick import (
    LEAST_RATE,
    RATE,
    SIDE,
    case_weights,
    cut,
    learning_rate,
    loss_of,
    train,
)
from benchmarks.skill.opponents.yardstick import (
    THRESHOLDS,
    Yardstick,
    YardstickNetwork,
    about_weights,
    inputs_of,
    write_weights,
)
from ingest.precipitation import exceedance_probabilities
from model_zoo.errors import NoWeights
from tests.unit.benchmarks.conftest import showers, write_event


def case(side: int = 60, seed: int = 0) -> BaselineCase:
    """Rain that S-PROG forecasts right, and advection too little of."""
    rain = np.random.default_rng(seed).gamma(0.4, 4, (4, side, side))
    field = rain.astype(np.float16)
    return BaselineCase("one", 5.0, (rain / 4).astype(np.float16), field, field)


def test_a_network_tells_of_fields_of_any_size_and_falls_with_the_threshold() -> None:
    torch.manual_seed(0)
    network = YardstickNetwork(8)
    with torch.no_grad():
        logits = network(torch.randn(2, yardstick.INPUTS, 37, 50))
    assert logits.shape == (2, len(THRESHOLDS), 37, 50)
    assert (logits.diff(dim=1) <= 0).all()


def test_no_threshold_is_cut_off_by_a_lower_one() -> None:
    """Neither before training nor in the shipped weights: such a logit would never learn."""
    torch.manual_seed(0)
    field = showers(1, seed=1)[0]
    fields = np.stack([field] * 4)
    seen = torch.from_numpy(inputs_of(fields, fields, 1)[None])
    for network in (YardstickNetwork(8), Yardstick().network):
        with torch.no_grad():
            falls = network(seen).diff(dim=1) < 0
        assert (falls.float().mean((0, 2, 3)) > 0.5).all()


def test_it_sees_both_baselines_the_next_lead_and_what_is_known() -> None:
    advection = np.full((4, 8, 8), 0.05, np.float32)
    advection[2] = 50.0
    advection[1, 0, 0] = np.nan
    seen = inputs_of(advection, 0 * advection, 1)
    here, known, following, sprog, lead = seen
    assert known[0, 0] == here[0, 0] == 0
    assert known[1:].all()
    assert (following == 1).all()
    assert (sprog == 0).all()
    assert lead[0, 0] == pytest.approx(1 / 3)
    assert (inputs_of(advection, advection, 3)[2] == inputs_of(advection, advection, 3)[0]).all()


def test_training_learns_what_the_better_baseline_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_yardstick, "RATE", 0.03)
    monkeypatch.setattr(train_yardstick, "WARM_UP", 1)
    cases = [case(SIDE, seed) for seed in range(3)]
    crops = [crop for crop in (cut(each, 0, np.random.default_rng(1)) for each in cases) if crop]
    losses = []
    for steps in (1, 20):
        network, number = train(cases, steps, channels=4, crops=3)
        assert number == steps
        with torch.no_grad():
            losses.append(float(loss_of(network, crops)))
    assert losses[1] < 0.8 * losses[0]


def test_training_ends_with_its_minutes_and_the_rate_with_it() -> None:
    _, steps = train([case()], 10_000, 0.01, channels=4, crops=2)
    assert 0 < steps < 10_000
    assert learning_rate(5000, 0.0) == pytest.approx(RATE)
    assert learning_rate(0, 0.0) < 0.1 * RATE
    assert learning_rate(5000, 1.0) == pytest.approx(LEAST_RATE)


def test_a_crop_has_rain_and_data() -> None:
    rng = np.random.default_rng(0)
    wet = case()
    crop = cut(wet, 0, rng)
    assert crop is not None
    assert crop.reached.shape == (len(THRESHOLDS), SIDE, SIDE)
    dry = wet._replace(observed=0 * wet.observed)
    unknown = wet._replace(observed=wet.observed * np.float16(np.nan))
    assert cut(dry, 0, rng) is None
    assert cut(unknown, 0, rng) is None
    assert cut(case(SIDE - 8), 0, rng) is None
    small, large = case_weights([case(SIDE), case(180)])
    assert large > small


def test_the_forecaster_has_probabilities_and_as_much_rain_as_advection(
    corpus: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    write_weights(path, YardstickNetwork(8), {"events": ["one"]})
    assert about_weights(path) == {"events": ["one"]}
    forecaster = Yardstick(path)
    frames = events.read("late", corpus).isel(time=slice(8))
    forecast = forecaster(frames, horizon=2)
    carried = forecaster.members[0](frames, horizon=2)
    np.testing.assert_array_equal(forecast.isnull(), carried.isnull())
    for threshold in (0.5, 2.0):
        assert int((forecast >= threshold).sum()) == int((carried >= threshold).sum())
    fields = exceedance_probabilities(forecast)
    assert set(fields) == set(THRESHOLDS)
    np.testing.assert_array_equal(fields[2.0].isnull(), forecast.isnull())


def test_without_weights_it_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(NoWeights, match="train_yardstick"):
        Yardstick(tmp_path / "none.safetensors")


def test_cases_are_forecast_once_and_read_again(tmp_path: Path) -> None:
    write_event(tmp_path, "early", showers(20, seed=1))
    corpus, folder = tmp_path / "data" / "corpus", tmp_path / "cases"
    first = read_cases(corpus, folder, {"ear*": 60})
    assert {each.event for each in first} == {"early"}
    assert first[0].advection.shape == (4, 40, 40)
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = read_cases(corpus, folder, {"ear*": 60})
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    for each, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(each.observed, other.observed)
        np.testing.assert_array_equal(each.sprog, other.sprog)
