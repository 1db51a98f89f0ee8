"""No network keeps more for its backward pass than the published one that it stands for."""

from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.speed.saved_activations import (
    COUNTERPARTS,
    KeptBy,
    kept,
    kept_by_ours,
    kept_by_theirs,
    theirs_of,
    traced,
)
from model_zoo import build
from model_zoo.cells.modernn import MeanConv
from model_zoo.layers.lean_convolution import JoinedConv
from model_zoo.profiling.cost import saved_bytes
from model_zoo.profiling.papers import DataSet

NARROW = 4, DataSet("large fields of few channels", 32, 32, given=2, horizon=1)
WIDE = 32, DataSet("fields no larger than kernels", 16, 16, given=2, horizon=1)


@cache
def run(kept_by: KeptBy, name: str, channels: int, shape: DataSet) -> int:
    """Bytes kept in a real run."""
    return kept_by(name, channels, shape)


@pytest.mark.parametrize("name", COUNTERPARTS)
@pytest.mark.parametrize(("channels", "shape"), [NARROW, WIDE], ids=["narrow", "wide"])
def test_keeps_no_more_than_the_published_network_however_its_attention_is_run(
    name: str, channels: int, shape: DataSet
) -> None:
    theirs = theirs_of(name, channels, shape, count=run)
    assert run(kept_by_ours, name, channels, shape) <= min(theirs.values())


@pytest.mark.parametrize(
    "name",
    ["trajgru", "predrnn-v2", "ms-mim", "ms-motionrnn", "ms-preciplstm", "cms-lstm", "ms-lstm"],
)
def test_bytes_found_without_memory_are_those_of_a_run(name: str) -> None:
    for kept_by, network in ((kept_by_ours, name), (kept_by_theirs, COUNTERPARTS[name])):
        assert traced(kept_by, network, *NARROW) == run(kept_by, network, *NARROW)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_all_that_is_saved_on_the_way_is_kept_so_nothing_is_worked_out_in_vain(name: str) -> None:
    channels, shape = NARROW
    frames = torch.rand(1, shape.given, 1, shape.height, shape.width)
    saved = saved_bytes(build(name, channels=channels), frames, shape.horizon)
    assert saved == run(kept_by_ours, name, *NARROW) + frames.nbytes


def test_a_result_that_is_dropped_keeps_nothing() -> None:
    module, x = nn.Linear(3, 3), torch.rand(5, 3)
    assert kept(lambda: module(x), module, x) == 0
    assert kept(lambda: module(x).sigmoid(), module, x) == x.nbytes
    assert kept(lambda: (module(x).sigmoid(), module(x))[1], module, x) == 0


class Joined(nn.Module):
    """A convolution of copies side by side: what `JoinedConv` does, by torch alone."""

    def __init__(self, conv: JoinedConv) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, *fields: Tensor) -> Tensor:
        padding = self.conv.padding
        return F.conv2d(torch.cat(fields, 1), self.conv.weight, self.conv.bias, padding=padding)


class Three(nn.Module):
    """The mean of three convolutions: what `MeanConv` does, by torch alone."""

    def __init__(self, mean: MeanConv) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = sum(conv(x) for conv in self.mean.convs) / len(self.mean.convs)
        return total


class One(Three):
    """`MeanConv` itself."""

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = self.mean()(x)
        return mean


JOINED, MEAN = JoinedConv(2, 4, 3).double(), MeanConv(4).double()


@pytest.mark.parametrize(
    ("ours", "plain", "inputs"), [(JOINED, Joined(JOINED), 2), (One(MEAN), Three(MEAN), 1)]
)
@pytest.mark.parametrize("needed", [True, False])
def test_convolutions_that_keep_less_have_the_gradients_of_torch(
    ours: nn.Module, plain: nn.Module, inputs: int, *, needed: bool
) -> None:
    torch.manual_seed(0)
    fields = torch.rand(inputs, 2, 4, 9, 11, dtype=torch.float64, requires_grad=needed)
    found = []
    for module in (ours, plain):
        wanted = [*module.parameters(), *([fields] if needed else [])]
        output = module(*fields)
        found.append([output, *torch.autograd.grad(output.square().sum(), wanted)])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(("module", "inputs"), [(JoinedConv(2, 4, 3), 2), (One(MeanConv(4)), 1)])
def test_convolutions_that_keep_less_keep_their_fields_alone(
    module: nn.Module, inputs: int
) -> None:
    fields = torch.rand(inputs, 1, 4, 8, 8)
    assert kept(lambda: module(*fields), module, fields) == 0


@pytest.mark.parametrize(("module", "inputs"), [(JoinedConv(2, 4, 3), 2), (One(MeanConv(4)), 1)])
def test_convolutions_that_keep_less_train_in_mixed_precision(
    module: nn.Module, inputs: int
) -> None:
    torch.manual_seed(0)
    fields = torch.rand(inputs, 1, 4, 8, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        output = module(*fields)
    assert output.dtype == torch.bfloat16
    torch.autograd.backward(output.float().sum())
    mixed = [fields.grad, *(parameter.grad for parameter in module.parameters())]
    exact = torch.autograd.grad(module(*fields).sum(), [fields, *module.parameters()])
    torch.testing.assert_close(mixed, list(exact), rtol=0.02, atol=0.02)
