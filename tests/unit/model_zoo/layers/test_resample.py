"""Fields from one scale to another."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.layers.resample import resample


def test_halving_takes_the_maximum() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert resample(x, 1).flatten().tolist() == [5, 7, 13, 15]
    assert resample(x, 2).item() == 15


def test_doubling_keeps_the_mean_and_the_place() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert resample(x, -1).shape == (1, 1, 8, 8)
    assert resample(x, -1).mean().item() == pytest.approx(x.mean().item())
    torch.testing.assert_close(F.avg_pool2d(resample(x, -1), 2)[..., 1:3, 1:3], x[..., 1:3, 1:3])


def test_on_the_same_level_nothing_is_done() -> None:
    x = torch.rand(1, 1, 4, 4)
    assert resample(x, 0) is x


@pytest.mark.parametrize("rise", [1, 2])
def test_gradients_are_those_of_max_pooling_even_where_rain_is_level(rise: int) -> None:
    field = torch.rand(2, 3, 8, 12, dtype=torch.float64).mul(3).round()  # many equal pixels
    ours, theirs = field.clone().requires_grad_(), field.clone().requires_grad_()
    weight = torch.rand(2, 3, 8 >> rise, 12 >> rise, dtype=torch.float64)
    torch.autograd.backward(resample(ours, rise), weight)
    torch.autograd.backward(F.max_pool2d(theirs, 2**rise), weight)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)


def test_halving_keeps_its_input_alone_for_the_backward_pass() -> None:
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    x = torch.rand(1, 1, 4, 4, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        resample(x, 1)
    assert [tensor.data_ptr() for tensor in kept] == [x.data_ptr()]
