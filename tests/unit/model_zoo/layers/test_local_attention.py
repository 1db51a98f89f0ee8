"""Local attention against the same by copying out every window."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo.layers.local_attention import (
    DENSE_CELLS,
    LocalAttention,
    WindowAttention,
    attend,
    attend_whole,
)

Fields = tuple[Tensor, Tensor, Tensor]


def by_unfolding(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """The plain way: window**2 copies of key and value."""
    before = window // 2
    pad = (before, window - 1 - before) * 2
    shape = (*key.shape[:2], window**2, *key.shape[2:])
    key = F.unfold(F.pad(key, pad), window).view(shape)
    value = F.unfold(F.pad(value, pad), window).view(shape)
    weight = (query.unsqueeze(2) * key).sum(1, keepdim=True).softmax(dim=2)
    return (weight * value).sum(2)


def fields(batch: int, channels: int, height: int, width: int, dtype: torch.dtype) -> Fields:
    generator = torch.Generator().manual_seed(0)
    shape = (3, batch, channels, height, width)
    query, key, value = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return query.requires_grad_(), key.requires_grad_(), value.requires_grad_()


@pytest.mark.parametrize("window", [1, 2, 5, 30])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (10, 20), (11, 29), (40, 8), (33, 32)])
def test_equals_the_plain_way_with_gradients(window: int, size: tuple[int, int]) -> None:
    ours = fields(2, 3, *size, torch.float64)
    theirs = fields(2, 3, *size, torch.float64)
    got, wanted = attend(*ours, window), by_unfolding(*theirs, window)
    torch.testing.assert_close(got, wanted)
    weight = torch.randn_like(wanted)
    torch.autograd.backward([got, wanted], [weight, weight])
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own.grad, other.grad)


def test_a_window_of_one_pixel_gives_its_value() -> None:
    query, key, value = fields(1, 3, 12, 12, torch.float64)
    torch.testing.assert_close(attend(query, key, value, 1), value)


def test_an_even_window_reaches_one_pixel_further_up_and_left() -> None:
    query, key = torch.zeros(2, 1, 1, 9, 9)
    value = torch.zeros(1, 1, 9, 9)
    value[..., 4, 4] = 16
    reached = attend(query, key, value, 4)[0, 0].nonzero()
    assert reached.amin(0).tolist() == [3, 3]  # sees (4, 4) one pixel down and right
    assert reached.amax(0).tolist() == [6, 6]  # sees it two pixels up and left


@pytest.mark.parametrize("size", [(23, 14), (35, 32)])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.bfloat16, 0.1)])
def test_computes_in_lower_precision(
    dtype: torch.dtype, error: float, size: tuple[int, int]
) -> None:
    low = fields(1, 4, *size, dtype)
    query, key, value = (field.detach().double() for field in low)
    exact = by_unfolding(query, key, value, 30)
    got = attend(*low, 30)
    assert got.dtype == dtype
    assert (got - exact).abs().max() < error
    torch.autograd.backward(got.sum())
    assert [field.grad.dtype for field in low if field.grad is not None] == [dtype] * 3


def test_keeps_only_query_key_and_value_for_the_backward_pass() -> None:
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        attend(*fields(1, 4, 33, 32, torch.float32), 30)
    assert [tensor.shape for tensor in kept] == [(1, 4, 33, 32)] * 3


@pytest.mark.parametrize("window", [1, 2, 5, 6, 30, 31])
@pytest.mark.parametrize("size", [(1, 1), (1, 13), (5, 7), (12, 12), (11, 29), (32, 32)])
def test_a_small_field_is_attended_to_whole_as_by_tiles_with_gradients(
    window: int, size: tuple[int, int]
) -> None:
    assert size[0] * size[1] <= DENSE_CELLS
    whole, tiled = (fields(2, 3, *size, torch.float64) for _ in range(2))
    got = attend_whole(*whole, window)
    wanted = WindowAttention.apply(*tiled, window)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(got, wanted)
    weight = torch.randn_like(wanted)
    torch.autograd.backward([got, wanted], [weight, weight])
    for own, other in zip(whole, tiled, strict=True):
        torch.testing.assert_close(own.grad, other.grad)
    torch.testing.assert_close(attend(*whole, window), got)


def test_positions_outside_count_though_a_field_is_attended_to_whole() -> None:
    """Each with a score and a value of zero: a pixel in the corner sees few others."""
    query, key = torch.zeros(2, 1, 1, 4, 4)
    value = torch.ones(1, 1, 4, 4)
    seen = attend_whole(query, key, value, 3)[0, 0]
    expected = torch.tensor([4.0, 6.0, 6.0, 4.0]) / 9
    torch.testing.assert_close(seen[0], expected)
    torch.testing.assert_close(seen[1, 1], torch.tensor(1.0))


@pytest.mark.parametrize("size", [(12, 9), (35, 32)])
def test_frozen_it_says_the_same_and_learns_nothing(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = LocalAttention(channels=3, window=6)
    x = torch.rand(1, 3, *size, requires_grad=True)
    free = layer(x)
    free.sum().backward()
    assert all(weight.grad is not None for weight in layer.parameters())
    layer.zero_grad()
    layer.frozen = True
    frozen = layer(x)
    torch.testing.assert_close(frozen, free)
    assert not frozen.requires_grad
    (frozen * x).sum().backward()  # what is around it learns all the same
    assert [weight.grad for weight in layer.parameters()] == [None] * 3


MEASURE = """
import sys, torch
from pathlib import Path
from model_zoo.layers.local_attention import LocalAttention

torch.set_num_threads(1)
layer = LocalAttention(channels=int(sys.argv[1]), window=30)
x = torch.rand(1, int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[2]))
with torch.set_grad_enabled(sys.argv[3] == "training"):
    y = layer(x)
    if sys.argv[3] == "training":
        y.sum().backward()
# not of getrusage, which goes on from the process that started this one
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell the peak")
@pytest.mark.parametrize(
    ("channels", "size", "mode"),
    [(32, 180, "training"), (32, 900, "forecasting"), (4, 900, "training")],
)
def test_stays_within_two_gigabytes(channels: int, size: int, mode: str) -> None:
    """The whole process; copies of the windows would take 7.5 and 187 GB at 32 channels."""
    command = [sys.executable, "-c", MEASURE, str(channels), str(size), mode]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 2e9


def test_the_layer_has_no_bias_and_attends_to_what_it_is_given() -> None:
    torch.manual_seed(0)
    layer = LocalAttention(channels=3, window=6).double()
    x = torch.rand(1, 3, 12, 9, dtype=torch.float64)
    wanted = by_unfolding(layer.query(x), layer.key(x), layer.value(x), 6)
    torch.testing.assert_close(layer(x), wanted)
    assert sum(p.numel() for p in layer.parameters()) == 3 * 3 * 3
