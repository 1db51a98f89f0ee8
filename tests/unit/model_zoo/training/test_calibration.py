"""Calibrations: probabilities that come true, and areas of rain as large as they should be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from model_zoo import build
from model_zoo.calibration import IDENTITY, Calibration
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import THRESHOLDS
from model_zoo.fast.autotune import AutotunedNetwork
from model_zoo.forecasters.rain_amounts import expected_change, matched_rain
from model_zoo.training.calibration import (
    EDGES,
    FACTORS,
    FEWEST,
    LEAST_BIAS,
    MOST_BIAS,
    Sums,
    areas_of,
    calibrate,
    coefficients_of,
    corpus_of,
    growth_of,
    histogram,
    predicted,
)
from model_zoo.training.data.data_sets.corpus import whole_fields
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from model_zoo.training.loop import train
from model_zoo.training.run import Run
from tests.unit.model_zoo.training.conftest import tiny

Counts = NDArray[np.float64]

WHEN = np.datetime64("2020-01-01T00:00:00", "s")
HORIZON = 2
MODEL = "ms-convlstm"
CARD: dict[str, Any] = {
    "model": MODEL,
    "channels": 4,
    "scale": "rate",
    "experiment": {},
    "provenance": {},
}
WET = np.linspace(-2.5, 0, 6)
"""Wetness of the windows of an event."""
MIDDLE = (EDGES[1:] + EDGES[:-1]) / 2


def came_true(truth: Sequence[float], cells: float = 1e6) -> Counts:
    """How often probabilities come without and with an event, (window, bin, 2), whose true logit is
    `truth[0]` + `truth[1]` x their own + `truth[2]` x wetness."""
    often = cells * np.exp(-((MIDDLE + 2) ** 2) / 18)
    logits = truth[0] + truth[1] * MIDDLE + truth[2] * WET[:, None]
    chance = 1 / (1 + np.exp(-logits))
    return np.stack([often * (1 - chance), often * chance], axis=-1)


def event(*thresholds: Counts) -> Sums:
    """An event of one lead."""
    return Sums(WET, np.stack(thresholds, axis=1)[:, None])


@pytest.mark.parametrize(
    "truth",
    [
        (0.0, 1.0, 0.0),
        (0.7, 1.0, 0.0),
        (-0.5, 0.6, 0.0),
        (0.2, 1.3, 0.5),
        (1.0, 0.8, -0.4),
        (1.0, 0.5, 0.0),
        (0.5, 0.5, 0.0),
        (-2.0, 1.0, 0.0),
        (0.0, 2.0, 0.0),
    ],
)
def test_coefficients_recover_how_probabilities_are_wrong(truth: tuple[float, ...]) -> None:
    (((found),),) = coefficients_of([event(came_true(truth))] * 3)
    assert found == pytest.approx(truth, abs=0.02)


def test_calibrated_by_them_probabilities_come_true() -> None:
    truth = (-0.6, 0.7, 0.4)
    calibration = Calibration(coefficients_of([event(came_true(truth))] * 3))
    newest = np.zeros((10, 10), np.float32)
    newest[:1] = 1.0  # wetness -1
    uncalibrated = np.array([0.02, 0.1, 0.3, 0.5, 0.8], np.float32)
    logits = truth[0] + truth[1] * np.log(uncalibrated / (1 - uncalibrated)) - truth[2]
    found = calibration.probabilities(uncalibrated.reshape(1, 1, 1, -1), newest, (0.5,))
    np.testing.assert_allclose(found.ravel(), 1 / (1 + np.exp(-logits)), atol=0.005)


def test_leads_and_thresholds_have_coefficients_of_their_own() -> None:
    truths = [[(0.3, 0.9, 0.1), (-0.3, 1.1, 0.0)], [(0.8, 0.7, -0.2), (0.0, 1.2, 0.3)]]
    bins = np.stack(
        [np.stack([came_true(truth) for truth in lead], axis=1) for lead in truths], axis=1
    )
    found = coefficients_of([Sums(WET, bins)] * 2)
    np.testing.assert_allclose(found, truths, atol=0.03)


def test_each_event_counts_alike_however_many_cells_it_has() -> None:
    first, other = came_true((0.8, 1.0, 0.0)), came_true((-0.8, 1.0, 0.0))
    even = coefficients_of([event(first), event(other)])
    uneven = coefficients_of([event(first), event(100 * other)])
    np.testing.assert_allclose(uneven, even, rtol=1e-6)
    assert abs(even[0][0][0]) < 0.2, "half way between the two"


def test_an_event_too_rare_to_tell_leaves_probabilities_as_they_are() -> None:
    counts = came_true((0.7, 1.0, 0.0))
    for number, wanted in ((FEWEST - 1, True), (FEWEST + 1, False)):
        scaled = counts * number / counts[..., 1].sum()
        assert (coefficients_of([event(scaled)]) == (((IDENTITY),),)) == wanted


def test_an_event_that_never_came_leaves_probabilities_as_they_are() -> None:
    counts = came_true(IDENTITY)
    counts[..., 1] = 0
    assert coefficients_of([event(counts)]) == ((IDENTITY,),)


def area(now: float, observed: float, hits: float | Sequence[float] | Counts) -> Counts:
    """Hits, forecast and observed cells by growth, (factor, 3), where `now` cells have rain."""
    forecast = FACTORS * now
    return np.stack(
        [np.broadcast_to(hits, FACTORS.shape), forecast, np.full(len(FACTORS), observed)], -1
    )


def growths(*events: Sequence[Counts]) -> list[float]:
    """The growth of each threshold at one lead, of events of areas by threshold."""
    found = growth_of([np.stack(areas)[None] for areas in events])
    assert len(found) == 1
    return list(found[0])


@pytest.mark.parametrize("now", [700, 900, 1000, 1100, 1300])
@pytest.mark.parametrize("better", ["more", "less"])
def test_growth_keeps_the_bias_within_bounds_where_the_best_csi_lies_beyond(
    now: int, better: str
) -> None:
    observed = 1000
    hits = 0.9 * FACTORS * now if better == "more" else np.full(len(FACTORS), 400.0)
    (growth,) = growths([area(now, observed, hits)])
    allowed = FACTORS[
        (FACTORS * now / observed >= LEAST_BIAS) & (FACTORS * now / observed <= MOST_BIAS)
    ]
    assert 0 < len(allowed) < len(FACTORS)
    assert growth == (allowed[-1] if better == "more" else allowed[0])


def test_within_bounds_growth_is_that_of_the_highest_csi() -> None:
    hits = 500 + 200 * np.exp(-((FACTORS - 1.05) ** 2) / 1e-3)
    assert growths([area(1000, 1000, hits)]) == [1.05]


@pytest.mark.parametrize(("observed", "wanted"), [(9000, 1.6), (300 * 2, 0.7)])
def test_where_no_growth_is_within_bounds_it_is_the_nearest(observed: int, wanted: float) -> None:
    assert growths([area(1000, observed, 500.0)]) == [wanted]


def test_every_event_has_the_same_say_in_growth() -> None:
    small, large = area(1000, 1300, 700.0), 100 * area(1000, 800, 600.0)
    both = growths([small], [large])
    assert both == growths([small], [large / 100])
    combined = (FACTORS / 1.3 + FACTORS / 0.8) / 2
    index = FACTORS.tolist().index(both[0])
    assert LEAST_BIAS <= combined[index] <= MOST_BIAS


def test_areas_of_rare_thresholds_stay_as_they_are() -> None:
    often = area(1000, 1300, 0.8 * FACTORS * 1000)
    other = area(1000, 800, 300.0)
    rare = area(FEWEST / 2, FEWEST - 1, 0.4 * FACTORS * FEWEST)
    first, second, third, fourth = growths([often, rare, rare, other])
    assert first > 1.1
    assert second == third == 1
    assert fourth < 1


def test_a_threshold_that_is_rare_in_every_event_stays_as_it_is() -> None:
    """Together the events have enough cells, but no event has."""
    often, rare = area(1000, 1300, 0.8 * FACTORS * 1000), area(60, 60, 30.0)
    events = [[often, rare]] * 10
    assert FEWEST < 10 * 60
    first, second = growths(*events)
    assert first > 1.1
    assert second == 1


def test_histograms_count_what_is_known_by_lead_threshold_and_logit() -> None:
    observed = np.array([[[0.0, 1.0, 3.0, np.nan]], [[0.0, np.nan, np.nan, 9.0]]], np.float32)
    chance = np.full((2, 2, 1, 4), 0.25, np.float32)
    chance[:, 0] = 0.75
    found = histogram(chance, observed, (0.5, 2.0))
    assert found.shape == (2, 2, len(EDGES) - 1, 2)
    often, seldom = np.searchsorted(EDGES, [np.log(3), -np.log(3)]) - 1
    assert found[0, 0, often].tolist() == [1, 2]
    assert found[0, 1, seldom].tolist() == [2, 1]
    assert found[1, :, [often, seldom]].tolist() == [[[1, 1], [0, 0]], [[0, 0], [1, 1]]]
    assert found.sum((2, 3)).tolist() == [[3, 3], [2, 2]]


def test_probabilities_of_none_and_of_all_are_counted_too() -> None:
    chance = np.array([0.0, 1.0], np.float32).reshape(1, 1, 1, 2)
    found = histogram(chance, np.array([[[0.0, 9.0]]], np.float32), (0.5,))
    assert found.sum() == 2


def test_areas_count_hits_of_the_likeliest_cells() -> None:
    newest = np.zeros((1, 40), np.float32)
    newest[0, :20] = 3.0
    newest[0, 0] = np.nan
    observed = np.zeros((1, 1, 40), np.float32)
    observed[0, 0, 10:] = 3.0
    observed[0, 0, 39] = np.nan
    chance = np.linspace(0.1, 0.9, 40, dtype=np.float32).reshape(1, 1, 1, 40)
    found = areas_of(newest[None], chance, observed, (2.0,))
    assert found.shape == (1, 1, len(FACTORS), 3)
    hits, forecast, reached = np.moveaxis(found[0, 0], -1, 0)
    assert (reached == 29).all()
    # 19 known cells are wet now; the likeliest known ones are those at the end, which all rain
    np.testing.assert_array_equal(forecast, np.rint(19 * FACTORS))
    np.testing.assert_array_equal(hits, np.minimum(forecast, 29))
    halved = areas_of(newest[None], chance, observed, (2.0,), np.array([[0.5]]))
    np.testing.assert_array_equal(halved[0, 0, :, 1], np.rint(19 * 0.5 * FACTORS))


def write_event(folder: Path, name: str, seed: int) -> None:
    """Two hours of showers every 5 minutes that drift by a cell each time."""
    height = gaussian_filter(np.random.default_rng(seed).standard_normal((72, 72)), 3)
    everywhere = np.where(height > 0, 20 * height / height.max(), 0)
    rates = [everywhere[20:52, 24 - k :][:, :32] for k in range(24)]
    np.savez(
        folder / f"{name}.npz",
        rate_x100=np.rint(100 * np.stack(rates)).astype(np.uint16),
        time=WHEN + np.arange(24) * np.timedelta64(5, "m"),
        km=5.0,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for seed, name in enumerate(("one", "two")):
        write_event(folder, name, seed)
    return folder


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    """A training of seconds on exceedances in a moving view."""
    data = {
        "source": "corpus",
        "view": "moving",
        "train": ["one"],
        "validation": ["two"],
        "minutes": [15],
        "given": 2,
        "horizon": HORIZON,
    }
    return tiny(
        model=MODEL,
        channels=4,
        steps=2,
        scale="rate",
        sampling="none",
        loss={"kind": "exceedance"},
        data=data,
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train(experiment, Run(tmp_path_factory.mktemp("run") / "run", corpus))


def test_calibrating_adds_a_calibration_and_changes_nothing_else(
    trained: Path, corpus: Path, tmp_path: Path
) -> None:
    done: list[tuple[int, int]] = []
    path = tmp_path / "calibrated.safetensors"
    found = calibrate(
        trained, corpus, path, device="cpu", report=lambda *moment: done.append(moment)
    )
    before, after = checkpoint.load(trained), checkpoint.load(path)
    assert np.shape(found.coefficients) == (HORIZON, len(THRESHOLDS), 3)
    assert np.shape(found.growth) == (HORIZON, len(THRESHOLDS))
    assert ((np.array(found.growth) >= FACTORS[0]) & (np.array(found.growth) <= FACTORS[-1])).all()
    assert found.coefficients[0][0] != IDENTITY
    assert before.calibration == Calibration()
    assert after.calibration == found
    for name in ("model", "channels", "scale", "view", "thresholds", "experiment", "provenance"):
        assert getattr(after, name) == getattr(before, name)
    assert (after.view, after.thresholds) == ("moving", THRESHOLDS)
    weights, same = (loaded.network.state_dict() for loaded in (before, after))
    assert all(torch.equal(weights[name], same[name]) for name in weights | same)
    assert found.expects
    assert done == [(1, 3), (2, 3), (3, 3)], "both events, and the areas of that of validation"


def test_calibrated_it_rains_as_often_as_it_should_and_probabilities_come_true(
    trained: Path, corpus: Path, experiment: Experiment, tmp_path: Path
) -> None:
    """Of a network whose probabilities are too small."""
    path = tmp_path / "calibrated.safetensors"
    timid = checkpoint.load(trained)
    with torch.no_grad():
        assert timid.network.head.bias is not None
        timid.network.head.bias.sub_(0.7)
    checkpoint.save_again(path, timid)
    calibration = calibrate(path, corpus, path, device="cpu", training_windows=15)
    loaded = checkpoint.load(path)
    biases, promised, raw = [], [], []
    index = THRESHOLDS.index(0.5)
    plan = [("two", 15), ("one", 15)]
    for sequences, windows in whole_fields(experiment.data, corpus, plan, "rate"):  # type: ignore[arg-type]
        rained, reached, expected, uncalibrated = (np.zeros(HORIZON) for _ in range(4))
        forecast = AutotunedNetwork(loaded.network)
        for newest, amounts, chance, observed in predicted(
            loaded, forecast, sequences, windows, torch.device("cpu")
        ):
            right = calibration.probabilities(chance, newest, THRESHOLDS)
            for lead in range(HORIZON):
                known = ~np.isnan(observed[lead])
                np.testing.assert_array_equal(amounts[lead], newest)
                radar = np.where(known, amounts[lead], np.float32(np.nan))
                growth = np.array(calibration.growth_of(lead, len(THRESHOLDS)))
                growth *= expected_change(right[lead], radar, THRESHOLDS)
                rain = matched_rain(right[lead], radar, THRESHOLDS, growth)
                rained[lead] += np.count_nonzero(rain >= 0.5)
                reached[lead] += np.count_nonzero(observed[lead] >= 0.5)
                expected[lead] += right[lead, index][known].sum()
                uncalibrated[lead] += chance[lead, index][known].sum()
        assert (reached > 500).all()
        biases.append(rained / reached)
        promised.append(expected / reached)
        raw.append(uncalibrated / reached)
    bias, reliable, before = (np.mean(ratios, axis=0) for ratios in (biases, promised, raw))
    assert ((bias > 0.85) & (bias < 1.2)).all()
    assert (np.abs(reliable - 1) < 0.05).all()
    assert (before < 0.9).all()


def test_a_checkpoint_may_be_calibrated_in_its_place(
    trained: Path, corpus: Path, tmp_path: Path
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(trained.read_bytes())
    first = calibrate(path, corpus, path, device="cpu")
    assert calibrate(path, corpus, path, device="cpu") == first, "of the raw probabilities again"
    assert checkpoint.load(path).calibration == first


def test_settings_that_are_no_more_do_not_prevent_a_calibration(tmp_path: Path) -> None:
    settings = tiny(loss={"kind": "exceedance"}, data={"source": "corpus", "train": ["one"]})
    former = settings.model_dump(mode="json") | {"patience": None}
    former["machine"] |= {"graphs": False}
    former["data"] |= {"validation": ["two"]}
    path = tmp_path / "former.safetensors"
    network = build(MODEL, channels=4, exceedances=len(THRESHOLDS))
    checkpoint.save(path, network, **CARD | {"experiment": former}, thresholds=THRESHOLDS)
    assert corpus_of(checkpoint.load(path), path).validation == ("two",)


def test_a_network_that_tells_the_rain_has_nothing_to_calibrate(
    corpus: Path, tmp_path: Path
) -> None:
    path = tmp_path / "network.safetensors"
    checkpoint.save(path, build(MODEL, channels=4), **CARD)
    before = path.read_bytes()
    with pytest.raises(BadExperiment, match="predicts the rain and no exceedances"):
        calibrate(path, corpus, path, device="cpu")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "settings that this version does not know"),
        ({"data": {"source": "germany"}}, "trained on germany; .* validation events of a corpus"),
        ({"data": {"source": "corpus", "train": ["one"]}}, "validation events of a corpus"),
    ],
)
def test_a_network_of_another_training_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.safetensors"
    network = build(MODEL, channels=4, exceedances=len(THRESHOLDS))
    settings = (
        tiny(**{"loss": {"kind": "exceedance"}, **changes}).model_dump(mode="json")
        if changes
        else {}
    )
    checkpoint.save(path, network, **CARD | {"experiment": settings}, thresholds=THRESHOLDS)
    with pytest.raises(BadExperiment, match=reason):
        calibrate(path, None, path)
