"""Looking inside networks: what is drawn is what the network does."""

import numpy as np
import pytest
import torch

from model_zoo import MODELS, build
from model_zoo.profiling.activations import drifting_blobs, layer_outputs, open_network, sights

SIDE = 32


@pytest.mark.parametrize("name", MODELS)
def test_every_network_can_be_looked_into(name: str) -> None:
    network = build(name, channels=4)
    outputs = layer_outputs(network, drifting_blobs(3, SIDE), horizon=2)
    found = list(sights(network, drifting_blobs(2, SIDE, batch=2)))
    sides = [SIDE // 2**level for level in network.stack.levels]
    assert [output.shape for output in outputs] == [(4, side, side) for side in sides]
    assert [sight.level for sight in found] == list(network.stack.levels[:3])
    for sight in found:
        assert sight.field.shape == sight.gradient.shape == (SIDE, SIDE)
        assert sight.field.max() == pytest.approx(1)
        assert sight.gradient.max() == pytest.approx(1)


def test_the_outputs_are_those_of_the_layers() -> None:
    """The top layer's output through the head is the forecast."""
    torch.manual_seed(0)
    network = build("convlstm", channels=1)
    frames = drifting_blobs(3, SIDE)
    top = layer_outputs(network, frames, horizon=2)[-1]
    hidden = (network(frames, horizon=2).frames - network.head.bias) / network.head.weight
    np.testing.assert_allclose(top, hidden[0, :, 0].abs().detach().numpy(), atol=1e-5)


def test_the_pyramid_sees_further_than_the_plain_stack() -> None:
    frames = drifting_blobs(1, 64, batch=2)

    def seen(name: str) -> int:
        torch.manual_seed(0)
        *_, deepest = sights(build(name, channels=4), frames)
        return int((deepest.field > 0.01).sum())

    assert seen("ms-convlstm") > 3 * seen("convlstm")


def test_a_layer_sees_nothing_beyond_its_kernels() -> None:
    """Three 3x3 convolutions on one frame reach 3 cells: all else has no gradient."""
    torch.manual_seed(0)
    *_, third = sights(build("convlstm", channels=4), drifting_blobs(1, SIDE))
    rows, columns = np.nonzero(third.field)
    assert rows.min() >= SIDE // 2 - 3
    assert columns.max() <= SIDE // 2 + 3


def test_looking_leaves_no_hook_behind() -> None:
    network = build("ms-lstm", channels=2)
    layer_outputs(network, drifting_blobs(2, SIDE), horizon=1)
    assert not any(cell._forward_hooks for cell in network.stack.cells)


def test_the_same_seed_gives_the_same_network() -> None:
    (title, first, _), (_, second, _) = (open_network("ms-lstm", 2, seed=3) for _ in range(2))
    assert title == "ms-lstm with random weights"
    for here, there in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(here, there)
