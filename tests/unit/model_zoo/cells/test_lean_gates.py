"""Recomputed gates: the same values and gradients, and less memory saved."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.speed.saved_activations import kept
from model_zoo import build
from model_zoo.cell import ConvSum, is_lazy_zeros, lazy_zeros
from model_zoo.cells.lean_gates import Fuse, Gates, recompute_gates

CHANNELS = 4


def fields(count: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 2, CHANNELS, 7, 9)
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return [field.requires_grad_() for field in drawn.unbind()]


def gates(number: int, *, recompute: bool) -> Gates:
    torch.manual_seed(0)
    return Gates(2, CHANNELS, number, recompute=recompute).double()


class Update(nn.Module):
    """What a layer does with gates, and its gradients."""

    def __init__(self, layer: Gates) -> None:
        super().__init__()
        self.layer = layer

    def results(self, memory: Tensor, x: Tensor, h: Tensor) -> list[Tensor]:
        found = self.layer.update(memory, x, h)
        total = torch.stack([(each * each.cos()).sum() for each in found]).sum()
        starts = [field for field in (memory, x, h) if field.requires_grad]
        return [*found, *torch.autograd.grad(total, [*self.parameters(), *starts])]


@pytest.mark.parametrize("number", [3, 4, 5])
def test_a_recomputed_update_has_the_values_and_gradients_of_a_saved_one(number: int) -> None:
    saved, recomputed = (Update(gates(number, recompute=recompute)) for recompute in (False, True))
    torch.testing.assert_close(recomputed.results(*fields(3)), saved.results(*fields(3)))


def test_so_it_has_at_the_first_step_when_all_states_are_zero() -> None:
    saved, recomputed = (gates(4, recompute=recompute) for recompute in (False, True))
    (x,) = fields(1)
    found = []
    for layer in (saved, recomputed):
        updated = layer.update(lazy_zeros(x), x, lazy_zeros(x))
        wanted = [
            parameter for name, parameter in layer.named_parameters() if name != "convs.1.weight"
        ]
        loss = torch.stack([each.square().sum() for each in updated]).sum()
        found.append([*updated, *torch.autograd.grad(loss, [*wanted, x])])
    torch.testing.assert_close(*found)


def test_a_recomputed_update_saves_its_inputs_only() -> None:
    layer, starts = (
        gates(4, recompute=True),
        torch.randn(3, 1, CHANNELS, 16, 16, dtype=torch.float64),
    )
    saved = kept(lambda: layer.update(*starts), layer, starts)
    assert saved == layer.convs[0].bias.nbytes
    assert (
        kept(lambda: gates(4, recompute=False).update(*starts), layer, starts)
        > 3 * starts[0].nbytes
    )


def test_a_fuse_is_a_gate_times_a_tanh_and_keeps_no_tanh() -> None:
    torch.manual_seed(0)
    fuse = Fuse(2, CHANNELS, CHANNELS, kernel_size=1).double()
    gate, *others = fields(3)
    plain = gate * F.conv2d(torch.cat(others, 1), fuse.weight, fuse.bias).tanh()
    parts = [gate, *others, *fuse.parameters()]
    torch.testing.assert_close(
        *(
            [output, *torch.autograd.grad(output.square().sum(), parts)]
            for output in (fuse(gate, *others), plain)
        )
    )
    starts = torch.randn(3, 1, CHANNELS, 16, 16, dtype=torch.float64)
    assert kept(lambda: fuse(*starts), fuse, starts) == 0


@pytest.mark.parametrize(
    "layer", [Gates(2, CHANNELS, 4, recompute=True), Fuse(1, CHANNELS, CHANNELS)]
)
def test_they_train_in_mixed_precision(layer: Gates | Fuse) -> None:
    starts = fields(3 if isinstance(layer, Gates) else 2, torch.float32)
    gradients = []
    for mixed in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            found = layer.update(*starts) if isinstance(layer, Gates) else (layer(*starts),)
        loss = torch.stack([each.float().sum() for each in found]).sum()
        gradients.append(torch.autograd.grad(loss, [*starts, *layer.parameters()]))
    torch.testing.assert_close(*gradients, rtol=0.05, atol=0.1)


def test_a_sum_of_convolutions_skips_lazy_zeros() -> None:
    torch.manual_seed(0)
    layer = ConvSum(2, CHANNELS, 3).double()
    (x,) = fields(1)
    assert is_lazy_zeros(lazy_zeros(x))
    assert not is_lazy_zeros(torch.zeros_like(x))
    torch.testing.assert_close(layer(x, lazy_zeros(x)), layer(x, torch.zeros_like(x)))
    assert kept(lambda: layer(x, lazy_zeros(x)), layer, x) == 0


@pytest.mark.parametrize("name", ["convlstm", "ms-lstm", "ms-mim", "ms-preciplstm", "modernn"])
def test_a_network_with_recomputed_gates_trains_alike_and_saves_less(name: str) -> None:
    frames = torch.rand(2, 3, 1, 16, 16, dtype=torch.float64)
    learnt, saved = [], []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = build(name, channels=CHANNELS).double()
        if recompute:
            recompute_gates(network)
        loss = network(frames, horizon=2).frames.square().sum()
        learnt.append([loss, *torch.autograd.grad(loss, list(network.parameters()))])
        saved.append(kept(partial(network, frames, horizon=2), network, frames))
    torch.testing.assert_close(*learnt)
    assert saved[1] < 0.85 * saved[0]
