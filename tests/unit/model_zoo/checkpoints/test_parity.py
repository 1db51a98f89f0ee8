"""The numbers of the published networks, from the parity kits beside the project."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model_zoo import Nowcaster
from model_zoo.checkpoints import convert
from model_zoo.checkpoints.arrays import blank
from model_zoo.checkpoints.published_networks import PUBLISHED

Kit = dict[str, NDArray[Any]]

GIVEN, HORIZON = 3, 3
PRECISIONS = {"float32": 1e-5, "float64": 1e-10}
DECOUPLING = 0.01
"""Weight of PredRNN-V2's penalty in the published loss, which sums it over layers and channels."""


@pytest.fixture(params=PUBLISHED, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PRECISIONS, scope="module")
def precision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kit(shared: Path, name: str) -> Kit:
    with np.load(shared / "parity" / f"{name}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def network(kit: Kit, name: str, precision: str) -> Nowcaster:
    return convert.load(
        name, {k.removeprefix("w/"): a.astype(precision) for k, a in kit.items() if k[:2] == "w/"}
    )


def test_forecasts_the_same(network: Nowcaster, kit: Kit, precision: str) -> None:
    frames = torch.tensor(kit["input"].astype(precision)).transpose(0, 1)
    with torch.no_grad():
        close(
            network(frames[:, :GIVEN], horizon=HORIZON).frames, kit["y_autoregressive"], precision
        )


def test_predicts_the_same_from_true_frames(network: Nowcaster, kit: Kit, precision: str) -> None:
    frames = torch.tensor(kit["input"].astype(precision)).transpose(0, 1)
    with torch.no_grad():
        close(network(frames[:, :-1]).frames, kit["y_teacher"], precision)


def test_has_the_same_loss_and_gradients(
    network: Nowcaster, kit: Kit, name: str, precision: str
) -> None:
    frames = torch.tensor(kit["input"].astype(precision)).transpose(0, 1)
    network.zero_grad()
    rollout = network(frames[:, :GIVEN], horizon=HORIZON)
    error = frames[:, 1:] - rollout.frames
    loss = (error.square() + error.abs()).sum((2, 3, 4)).mean()
    loss = loss + DECOUPLING * rollout.summed_penalty
    loss.backward()
    assert loss.item() == pytest.approx(float(kit["loss"]), rel=PRECISIONS[precision])

    published = PUBLISHED[name]
    places = convert.match(published, blank(published.model, channels=4))
    ours = {theirs: place.name for theirs, place in places.items()}
    parameters = dict(network.named_parameters())
    norms = {theirs: norm(parameters[own].grad) for theirs, own in ours.items()}
    wanted = {k.removeprefix("gnorm/"): float(v) for k, v in kit.items() if k[:6] == "gnorm/"}
    # of all gradients: those of flows are too small beside the others to have digits of their own
    whole = float(np.linalg.norm(list(wanted.values())))
    assert norms == pytest.approx(wanted, rel=0, abs=PRECISIONS[precision] * whole)


def test_writes_as_much_alike_into_both_memories(
    network: Nowcaster, kit: Kit, precision: str
) -> None:
    """PredRNN-V2's cosines by sample, step, layer and channel; zero in the kits of all others."""
    frames = torch.tensor(kit["input"].astype(precision)).transpose(0, 1)
    with torch.no_grad():
        penalties = network(frames[:, :GIVEN], horizon=HORIZON).penalties.numpy()
    wanted = kit["decouple"].transpose(2, 0, 1, 3)
    if not penalties.size:
        assert not wanted.any()
        return
    assert np.abs(penalties - wanted).max() <= PRECISIONS[precision]


def norm(gradient: torch.Tensor | None) -> float:
    return float("nan") if gradient is None else gradient.norm().item()


def close(frames: torch.Tensor, wanted: NDArray[Any], precision: str) -> None:
    """Both agree, ours (batch, time, ...) and the kit's (time, batch, ...)."""
    error = np.abs(frames.transpose(0, 1).numpy() - wanted).max()
    assert error <= PRECISIONS[precision]
