"""Cuts: such that it rains as often as it should, lead by lead and threshold by threshold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from model_zoo import build, exceedance, intensity
from model_zoo.checkpoints import checkpoint
from model_zoo.exceedance import THRESHOLDS
from model_zoo.training.calibration import BINS, calibrate, choose, histogram
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Draw, Split
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment
from model_zoo.training.learner import seen
from model_zoo.training.loop import train
from model_zoo.training.run import Run
from tests.unit.model_zoo.training.conftest import tiny

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


def told(*groups: tuple[float, int, int]) -> Tensor:
    """How often it was told with some probability, without and with the event, (bin, 2)."""
    counts = torch.zeros(BINS, 2, dtype=torch.int64)
    for probability, without, hits in groups:
        counts[round(probability * BINS)] += torch.tensor([without, hits])
    return counts


def cuts_of(*thresholds: Tensor) -> list[float]:
    """The cuts of one lead."""
    (cuts,) = choose(torch.stack(thresholds)[None]).tolist()
    return list(cuts)


OFTEN = told((0.9, 50, 400), (0.5, 200, 400), (0.2, 100, 200))
"""Down to 0.9 it rains 0.45 times as often as it did, down to 0.5 1.05 times, and down to 0.2 1.35
times, there with the highest CSI."""


def test_takes_the_best_cut_by_which_it_rains_about_as_often_as_it_did() -> None:
    (cut,) = cuts_of(OFTEN)
    assert 0.2 < cut <= 0.5


def test_of_cuts_that_rain_about_as_often_takes_the_one_that_hits_best() -> None:
    # 0.92, 1.02 and 1.12 times as often, with CSI 0.64, 0.75 and 0.71
    (cut,) = cuts_of(told((0.8, 170, 750), (0.6, 0, 100), (0.4, 100, 0), (0.1, 9000, 150)))
    assert 0.4 < cut <= 0.6


def test_where_no_cut_gives_about_the_right_number_takes_the_nearest() -> None:
    # a factor of 0.45 is further off than one of 2
    (cut,) = cuts_of(told((0.9, 0, 450), (0.3, 1000, 550), (0.01, 9000, 0)))
    assert 0.01 < cut <= 0.3


RARE, ENOUGH = (told((0.9, 0, hits), (0.01, 9000, 0)) for hits in (499, 500))


def test_thresholds_too_rare_to_tell_take_the_cut_of_the_one_below() -> None:
    first, second, third, fourth = cuts_of(OFTEN, RARE, RARE, ENOUGH)
    assert first == second == third
    assert fourth < first


def test_leads_have_cuts_of_their_own() -> None:
    other = told((0.1, 0, 1000), (0.05, 1000, 0))
    cuts = choose(torch.stack([OFTEN, other])[:, None])
    assert cuts.shape == (2, 1)
    assert 0.2 < cuts[0] <= 0.5
    assert 0.05 < cuts[1] <= 0.1


def test_counts_what_is_known_by_lead_threshold_and_probability() -> None:
    levels = torch.tensor([0.3, 0.6])
    frames = torch.tensor([0.0, 0.4, 0.7, 0.7]).expand(1, 2, 1, 1, 4)
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]], dtype=torch.bool).view(1, 2, 1, 1, 4)
    probabilities = torch.full((1, 2, 2, 1, 4), 0.25)
    probabilities[:, :, 0] = 1.0
    found = histogram(probabilities, frames, mask, levels)
    assert found.shape == (2, 2, BINS, 2)
    assert found[0, 0, BINS - 1].tolist() == [1, 2], "the lower threshold, told for certain"
    assert found[0, 1, BINS // 4].tolist() == [2, 1]
    assert found[1, :, [BINS - 1, BINS // 4]].tolist() == [[[1, 0], [0, 0]], [[0, 0], [1, 0]]]
    assert found.sum((2, 3)).tolist() == [[3, 3], [1, 1]]


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


def test_calibrating_adds_cuts_and_changes_nothing_else(
    trained: Path, corpus: Path, tmp_path: Path
) -> None:
    done: list[tuple[int, int]] = []
    path = tmp_path / "calibrated.safetensors"
    cuts = calibrate(
        trained, corpus, path, device="cpu", report=lambda *moment: done.append(moment)
    )
    before, after = checkpoint.load(trained), checkpoint.load(path)
    assert cuts.shape == (HORIZON, len(THRESHOLDS))
    assert ((cuts >= 0) & (cuts < 1)).all()
    assert before.cuts == ()
    assert after.cuts == tuple(map(tuple, cuts.tolist()))
    for name in ("model", "channels", "scale", "view", "thresholds", "experiment", "provenance"):
        assert getattr(after, name) == getattr(before, name)
    assert (after.view, after.thresholds) == ("moving", THRESHOLDS)
    weights, same = (one.network.state_dict() for one in (before, after))
    assert all(torch.equal(weights[name], same[name]) for name in weights | same)
    assert done[-1] == (30, 30), "all of the validation and of the training"


def test_by_its_cuts_it_rains_as_often_as_it_should(
    trained: Path, corpus: Path, experiment: Experiment, tmp_path: Path
) -> None:
    path = tmp_path / "calibrated.safetensors"
    calibrate(trained, corpus, path, device="cpu")
    loaded, scale = checkpoint.load(path), intensity.scale("rate")
    levels = scale.encode(torch.tensor(THRESHOLDS))
    cuts = exceedance.cuts_of(loaded.cuts, HORIZON, len(THRESHOLDS))
    validation = open_data(experiment.data, corpus, Split.VALIDATION, seed=1, scale="rate")
    rained, came = torch.zeros(HORIZON), torch.zeros(HORIZON)
    for index in range(len(validation)):
        frames, mask = (field[None] for field in validation[Draw(0, index)])
        with torch.no_grad():
            shown = seen(loaded.network, frames, mask)[:, :2]
            probabilities = loaded.network(shown, horizon=HORIZON).frames[:, -HORIZON:].sigmoid()
        said = scale.decode(exceedance.rain(probabilities, levels, cuts))
        truth, known = scale.decode(frames[:, 2:]), mask[:, 2:]
        rained += ((said >= 0.5) & known).sum((0, 2, 3, 4))
        came += ((truth >= 0.4999) & known).sum((0, 2, 3, 4))
    assert (came > 500).all()
    assert ((rained / came > 0.89) & (rained / came < 1.16)).all()


def test_a_checkpoint_may_be_calibrated_in_its_place(
    trained: Path, corpus: Path, tmp_path: Path
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(trained.read_bytes())
    first = calibrate(path, corpus, path, device="cpu")
    assert torch.equal(calibrate(path, corpus, path, batch=7, device="cpu"), first)
    assert [*checkpoint.load(path).cuts[0]] == first[0].tolist()


def test_a_network_that_tells_the_rain_has_nothing_to_cut(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    checkpoint.save(path, build(MODEL, channels=4), **CARD)
    before = path.read_bytes()
    with pytest.raises(BadExperiment, match="tells the rain and no exceedances"):
        calibrate(path, corpus, path, device="cpu")
    assert path.read_bytes() == before


def test_a_network_that_does_not_say_how_it_was_trained_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mute.safetensors"
    network = build(MODEL, channels=4, exceedances=len(THRESHOLDS))
    checkpoint.save(path, network, **CARD, thresholds=THRESHOLDS)
    with pytest.raises(BadExperiment, match="does not say how it was trained"):
        calibrate(path, None, path)
