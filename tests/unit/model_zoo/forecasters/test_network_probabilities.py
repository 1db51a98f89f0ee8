"""Networks that tell exceedances: what all of the zoo promise, and how they are kept."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from model_zoo import MODELS, Nowcaster, build, exceedance, load_forecaster
from model_zoo.calibration import Calibration
from model_zoo.checkpoints import checkpoint
from model_zoo.errors import BadCheckpoint
from model_zoo.first_guess import FirstGuess
from model_zoo.intensity import SCALES, scale
from model_zoo.training.checkpoints import initial_network
from tests.unit.model_zoo.training.conftest import tiny

CHANNELS, THRESHOLDS, SIDE = 4, (0.5, 2.0, 5.0), 16
MODEL = "ms-convlstm"
CARD: dict[str, Any] = {
    "model": MODEL,
    "channels": CHANNELS,
    "scale": "rate",
    "experiment": {},
    "provenance": {},
}
EXCEEDING: dict[str, Any] = {
    "view": "moving",
    "thresholds": THRESHOLDS,
    "calibration": Calibration(
        (((0.1, 0.9, 0.2), (0.0, 1.1, 0.1), (-0.1, 1.2, 0.0)),), ((1.1, 1.05, 0.9),) * 2
    ),
}


def trained(name: str) -> Nowcaster:
    """A network whose head and first guess are other than they begin, as after some training."""
    torch.manual_seed(0)
    network = build(name, channels=CHANNELS, exceedances=len(THRESHOLDS))
    with torch.no_grad():
        for weight in (*network.head.parameters(), *network.guess.parameters()):
            weight.add_(torch.randn_like(weight), alpha=0.3)
    return network


@pytest.fixture(params=MODELS)
def network(request: pytest.FixtureRequest) -> Nowcaster:
    return trained(request.param).double()


@pytest.fixture
def exceeding() -> Nowcaster:
    return trained(MODEL)


def radar(batch: int = 2, time: int = 4) -> Tensor:
    """Frames and, beside them, where anything is known, (batch, time, 2, height, width)."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.rand(batch, time, 1, SIDE, SIDE, generator=generator, dtype=torch.float64)
    known = torch.rand(frames.shape, generator=generator) < 0.8
    return torch.cat([frames * known, known.double()], dim=2)


def test_tells_logits_that_fall_from_threshold_to_threshold(network: Nowcaster) -> None:
    with torch.no_grad():
        logits = network(radar(), horizon=3).frames
    assert logits.shape == (2, 6, len(THRESHOLDS), SIDE, SIDE)
    assert (logits.diff(dim=2) <= 0).all()
    assert (logits.diff(dim=2) < 0).any()


def test_beyond_the_given_frames_it_sees_the_newest_of_them(network: Nowcaster) -> None:
    given = radar(time=3)
    again = torch.cat([given, given[:, -1:], given[:, -1:]], dim=1)
    with torch.no_grad():
        assert isinstance(network.guess, FirstGuess)
        network.guess.weight[:] = network.guess.weight[0]  # else it guesses by how old a frame is
        network.guess.bias[:] = network.guess.bias[0]
        assert torch.equal(network(given, horizon=3).frames, network(again).frames)


def test_learning_without_later_frames_is_forecasting(network: Nowcaster) -> None:
    given, fed = radar(time=7), torch.ones(2, 7, dtype=torch.bool)
    fed[:, 3:] = False
    with torch.no_grad():
        expected = network(given[:, :3], horizon=5).frames
        given[:, 3:] = torch.nan  # what is not fed is not looked at
        torch.testing.assert_close(network(given, fed=fed).frames, expected)


def test_samples_of_a_batch_may_be_fed_different_frames(exceeding: Nowcaster) -> None:
    given, fed = radar(time=5).float(), torch.ones(2, 5, dtype=torch.bool)
    fed[0, 2:4] = False
    fed[1, 1] = False
    with torch.no_grad():
        combined = exceeding(given, fed=fed, horizon=2).frames
        for sample in (0, 1):
            only = slice(sample, sample + 1)
            alone = exceeding(given[only], fed=fed[only], horizon=2).frames
            torch.testing.assert_close(combined[only], alone)


def test_an_untrained_network_says_the_first_guess_of_the_newest_frame() -> None:
    torch.manual_seed(0)
    first, other = (build(name, channels=4, exceedances=3) for name in (MODEL, "predrnn"))
    given = radar().float()
    with torch.no_grad():
        logits = first(given, horizon=2).frames
        assert torch.equal(logits, other(given, horizon=2).frames)
        assert torch.equal(logits[:, -2:], first(given[:, -1:], horizon=2).frames)


def test_trains_every_part_of_every_parameter(network: Nowcaster) -> None:
    """As in training: the newest given frame is the second of seven, and each lead counts."""
    given, levels = radar(time=7), torch.tensor([0.3, 0.5, 0.7])
    fed = torch.ones(2, 6, dtype=torch.bool)
    fed[:, 2:] = False
    rollout = network(given[:, :-1], fed=fed)
    truth, mask = given[:, 1:, :1], given[:, 1:, 1:] > 0
    losses = exceedance.losses(rollout.frames, truth, mask, levels)
    (losses.mean() + rollout.penalty).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or (p.grad == 0).any()]
    assert idle == []


def test_where_nothing_is_known_is_seen_apart_from_where_it_is_dry(exceeding: Nowcaster) -> None:
    blind = torch.zeros(1, 4, 2, SIDE, SIDE)
    dry = blind.clone()
    dry[:, :, 1] = 1
    with torch.no_grad():
        assert not torch.allclose(exceeding(blind).frames, exceeding(dry).frames)


@pytest.mark.parametrize("name", SCALES)
def test_training_begins_with_the_thresholds_on_its_scale(name: str) -> None:
    data = {"source": "corpus", "train": ["one"]}
    network, _ = initial_network(tiny(data=data, scale=name, loss={"kind": "exceedance"}), None)
    expected = scale(name).encode(torch.tensor(exceedance.THRESHOLDS))
    assert torch.equal(network.guess.levels, expected)


def test_a_checkpoint_keeps_view_thresholds_and_calibration(
    exceeding: Nowcaster, tmp_path: Path
) -> None:
    checkpoint.save(tmp_path / "x", exceeding, **CARD, **EXCEEDING)
    loaded = checkpoint.load(tmp_path / "x")
    assert {key: getattr(loaded, key) for key in CARD | EXCEEDING} == CARD | EXCEEDING
    given = radar().float()
    with torch.no_grad():
        logits = loaded.network(given, horizon=2).frames
        assert torch.equal(logits, exceeding.eval()(given, horizon=2).frames)


def test_a_checkpoint_of_before_exceedances_sees_a_fixed_view(tmp_path: Path) -> None:
    path = tmp_path / "x"
    torch.manual_seed(0)
    checkpoint.save(path, build(MODEL, channels=CHANNELS), **CARD)
    forget(path, *EXCEEDING, "guidance")
    loaded = checkpoint.load(path)
    assert (loaded.view, loaded.thresholds) == ("fixed", ())
    assert loaded.calibration == Calibration()
    assert loaded.network.guidance == 0
    assert loaded.network.exceedances == 0
    assert load_forecaster(path).needs.useful == ()


def test_a_checkpoint_of_before_calibration_changes_nothing(
    exceeding: Nowcaster, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    checkpoint.save(path, exceeding, **CARD, **EXCEEDING)
    forget(path, "calibration", "guidance")
    loaded = checkpoint.load(path)
    assert (loaded.view, loaded.thresholds) == ("moving", THRESHOLDS)
    assert loaded.calibration == Calibration()


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        (THRESHOLDS[:2], r"head\.weight is \(3, 4, 1, 1\), not \(2, 4, 1, 1\)"),
        ((), r"embed\.weight is \(4, 2, 1, 1\), not \(4, 1, 1, 1\)"),
    ],
)
def test_a_network_of_other_thresholds_is_not_saved(
    exceeding: Nowcaster, tmp_path: Path, thresholds: tuple[float, ...], reason: str
) -> None:
    with pytest.raises(BadCheckpoint, match=reason):
        checkpoint.save(tmp_path / "x", exceeding, **CARD, thresholds=thresholds)
    assert list(tmp_path.iterdir()) == []


def forget(path: Path, *keys: str) -> None:
    """Leave something out of the metadata of a checkpoint, as versions of before did."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    card = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["nowcast"])
    for key in keys:
        del card[key]
    safetensors.torch.save_file(safetensors.torch.load(data), path, {"nowcast": json.dumps(card)})
