"""The re-created published networks give the numbers of the parity kits beside the project."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.published.attention import attend_tiles, attend_windows
from benchmarks.published.network import Network, loss
from benchmarks.published.networks import NETWORKS, load
from benchmarks.published.warp import mended_warp, warp

GIVEN = 3
PRECISIONS = {"float32": 1e-5, "float64": 1e-10}
KITS = {
    "MotionRNN": "MotionRNN_B1",
    "MS-MotionRNN": "MS-MotionRNN_B1",
    "PrecipLSTM_tiled": "PrecipLSTM",
    "MS-PrecipLSTM_tiled": "MS-PrecipLSTM",
}
"""Of networks whose kit has another name."""
RUNS = [(name, precision) for name in NETWORKS for precision in PRECISIONS]
RUNS.remove(("PrecipLSTM", "float64"))  # 5 GB; its pyramid, and its attention below, are checked so

Array = NDArray[Any]


class Run(NamedTuple):
    """What a network says of a kit's frames, beside what the kit says."""

    kit: dict[str, Array]
    network: Network
    frames: Tensor
    outputs: Array
    cosines: Array
    loss: float
    tolerance: float


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=RUNS, ids="-".join, scope="module")
def run(request: pytest.FixtureRequest, shared: Path) -> Run:
    name, precision = request.param
    with np.load(shared / "parity" / f"{KITS.get(name, name)}.npz") as file:
        kit = dict(file)
    network = load(
        name, {k.removeprefix("w/"): a.astype(precision) for k, a in kit.items() if k[:2] == "w/"}
    )
    frames = torch.tensor(kit["input"].astype(precision))
    outputs, cosines = network.rollout(frames, GIVEN)
    found = loss(frames, outputs, cosines)
    torch.autograd.backward(found)
    return Run(
        kit,
        network,
        frames,
        outputs.detach().numpy(),
        cosines.detach().numpy(),
        found.item(),
        PRECISIONS[precision],
    )


def test_forecasts_the_same(run: Run) -> None:
    assert np.abs(run.outputs - run.kit["y_autoregressive"]).max() <= run.tolerance


def test_predicts_the_same_from_true_frames(run: Run) -> None:
    with torch.no_grad():
        outputs = run.network(run.frames, len(run.frames)).numpy()
    assert np.abs(outputs - run.kit["y_teacher"]).max() <= run.tolerance


def test_writes_as_much_alike_into_both_memories(run: Run) -> None:
    assert np.abs(run.cosines - run.kit["decouple"]).max() <= run.tolerance


def test_has_the_same_loss(run: Run) -> None:
    assert run.loss == pytest.approx(float(run.kit["loss"]), rel=run.tolerance)


def test_has_the_same_gradients_and_leaves_the_same_parameters_without(run: Run) -> None:
    wanted = {k.removeprefix("gnorm/"): float(v) for k, v in run.kit.items() if k[:6] == "gnorm/"}
    norms = {
        name: parameter.grad.norm().item()
        for name, parameter in run.network.named_parameters()
        if parameter.grad is not None
    }
    # of all gradients: those of flows are too small beside the others to have digits of their own
    whole = float(np.linalg.norm(list(wanted.values())))
    assert norms == pytest.approx(wanted, rel=0, abs=run.tolerance * whole)


def test_every_kit_is_of_a_network(shared: Path) -> None:
    kits = {file.stem for file in (shared / "parity").glob("*.npz")}
    assert kits == {KITS.get(name, name) for name in NETWORKS}


def test_a_flag_feeds_a_true_frame() -> None:
    torch.manual_seed(0)
    network, frames = NETWORKS["MS-PredRNN-V2"](4, 16, 16), torch.rand(5, 2, 1, 16, 16)
    fed = torch.zeros(4, 2)
    fed[3, 0] = 1
    with torch.no_grad():
        alone, helped, taught = network(frames, 3), network(frames, 3, fed), network(frames, 5)
    assert torch.equal(helped[3, 0], taught[3, 0])
    assert torch.equal(helped[3, 1], alone[3, 1])
    assert not torch.equal(alone[3, 0], taught[3, 0])


@pytest.mark.parametrize(("name", "mixes"), [("MotionRNN", True), ("MotionRNN_fixed", False)])
def test_motion_as_published_mixes_the_samples_of_a_batch(name: str, *, mixes: bool) -> None:
    torch.manual_seed(0)
    network, frames = NETWORKS[name](8, 16, 16), torch.rand(4, 2, 1, 16, 16)
    changed = frames.clone()
    changed[:, 1] = torch.rand(4, 1, 16, 16)
    with torch.no_grad():
        same = torch.equal(network(frames, 3)[:, 0], network(changed, 3)[:, 0])
    assert same is not mixes


def test_zero_flow_moves_a_field_as_published_but_not_when_mended() -> None:
    ones, still = torch.ones(1, 1, 6, 6), torch.zeros(1, 2, 6, 6)
    assert warp(ones, still)[0, 0, 0, 0].item() == pytest.approx(0.25)
    torch.testing.assert_close(mended_warp(ones, still), ones)


@pytest.mark.parametrize(("height", "width"), [(5, 14), (24, 36)])
def test_both_ways_of_attention_are_the_same(height: int, width: int) -> None:
    fields = [torch.randn(2, 3, height, width, dtype=torch.float64) for _ in range(4)]
    found = []
    for attend in (attend_windows, attend_tiles):
        leaves = [field.clone().requires_grad_() for field in fields[:3]]
        attended = attend(*leaves)
        torch.autograd.backward(attended, fields[3])
        found.append([attended, *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(*found)
