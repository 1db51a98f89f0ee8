"""The mean of the weights of checkpoints: of one network, of two at least, uncalibrated."""

from pathlib import Path
from typing import Any

import pytest
import torch

from model_zoo import build
from model_zoo.calibration import Calibration
from model_zoo.checkpoints import checkpoint
from model_zoo.checkpoints.arrays import arrays_of
from model_zoo.checkpoints.mean_weights import average
from model_zoo.errors import BadCheckpoint, NoWeights

CARD: dict[str, Any] = {
    "model": "ms-lstm",
    "channels": 4,
    "scale": "rate",
    "experiment": {"name": "one"},
    "provenance": {"data": "corpus", "seconds": 739},
}


def saved(path: Path, seed: int, **changes: Any) -> Path:
    card = {**CARD, **changes}
    torch.manual_seed(seed)
    number = len(card.get("thresholds", ()))
    network = build(card["model"], channels=card["channels"], exceedances=number)
    checkpoint.save(path, network, **card)
    return path


def test_each_weight_is_the_mean_of_those_of_the_checkpoints(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{seed}.safetensors", seed) for seed in range(3)]
    average(paths, tmp_path / "mean.safetensors")
    given = [arrays_of(checkpoint.load(path).network) for path in paths]
    for name, array in arrays_of(checkpoint.load(tmp_path / "mean.safetensors").network).items():
        torch.testing.assert_close(array, sum(part[name] for part in given) / 3)


def test_the_mean_says_what_it_is_of_and_is_not_calibrated(tmp_path: Path) -> None:
    calibration = Calibration(growth=((1.0,),))
    rain: dict[str, Any] = {"thresholds": (1.0,), "view": "moving", "calibration": calibration}
    paths = [saved(tmp_path / f"{seed}", seed, **rain) for seed in range(2)]
    average(paths, tmp_path / "mean")
    mean, last = checkpoint.load(tmp_path / "mean"), checkpoint.load(paths[-1])
    assert mean.calibration == checkpoint.UNCALIBRATED
    assert mean.experiment == last.experiment
    assert (mean.view, mean.thresholds) == ("moving", (1.0,))
    assert mean.provenance == {
        "data": "corpus",
        "start": " ".join(checkpoint.load(path).sha256 for path in paths),
        "mean of weights": "of 2 checkpoints",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "ms-convlstm"}, "has model ms-convlstm, .* has ms-lstm"),
        ({"channels": 8}, "has channels 8"),
        ({"scale": "reflectivity"}, "has scale reflectivity"),
        ({"thresholds": (1.0,)}, "has thresholds"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    paths = [saved(tmp_path / "a", 0, **changes), saved(tmp_path / "b", 1)]
    with pytest.raises(BadCheckpoint, match=message):
        average(paths, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_other_layers_are_refused(tmp_path: Path) -> None:
    network = build("ms-convlstm", channels=4, levels=(0, 1, 2, 3, 3, 2, 1, 0))
    checkpoint.save(tmp_path / "a", network, **{**CARD, "model": "ms-convlstm"})
    other = saved(tmp_path / "b", 0, model="ms-convlstm")
    with pytest.raises(BadCheckpoint, match="other layers"):
        average([tmp_path / "a", other], tmp_path / "mean")


def test_one_checkpoint_has_no_mean_and_a_missing_one_is_told(tmp_path: Path) -> None:
    only = saved(tmp_path / "a", 0)
    with pytest.raises(BadCheckpoint, match="two checkpoints at least"):
        average([only], tmp_path / "mean")
    with pytest.raises(NoWeights, match="no checkpoint can be read"):
        average([only, tmp_path / "b"], tmp_path / "mean")
