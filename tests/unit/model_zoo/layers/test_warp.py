"""Moving fields along flows."""

import pytest
import torch

from model_zoo.layers.warp import shrinking_warp, warp


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_flow_of_zero_moves_nothing(dtype: torch.dtype) -> None:
    x = torch.rand(2, 3, 7, 900).to(dtype)
    still = warp(x, torch.zeros(2, 4, 2, 7, 900, dtype=dtype))
    assert still.dtype == dtype
    for link in range(4):
        torch.testing.assert_close(still[:, :, link], x, atol=1e-4, rtol=0)


def test_a_flow_in_whole_pixels_shifts_and_brings_in_zeros() -> None:
    x = torch.rand(1, 1, 5, 6, dtype=torch.float64)
    flow = torch.tensor([2.0, -1.0], dtype=torch.float64).view(1, 1, 2, 1, 1).expand(1, 1, 2, 5, 6)
    wanted = torch.zeros_like(x)
    wanted[..., 1:, :4] = x[..., :4, 2:]  # each pixel is read two columns east, one row up
    torch.testing.assert_close(warp(x, flow)[:, :, 0], wanted)


def test_half_a_pixel_is_the_mean_of_two() -> None:
    x = torch.tensor([[[[1.0, 3.0, 7.0]]]])
    flow = torch.tensor([0.5, 0.0]).view(1, 1, 2, 1, 1).expand(1, 1, 2, 1, 3)
    torch.testing.assert_close(warp(x, flow).flatten(), torch.tensor([2.0, 5.0, 3.5]))


def test_each_sample_and_each_flow_moves_by_itself() -> None:
    x = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    flows = torch.randn(2, 4, 2, 6, 5, dtype=torch.float64)
    combined = warp(x, flows)
    assert combined.shape == (2, 3, 4, 6, 5)
    for sample in range(2):
        for link in range(4):
            alone = warp(x[sample : sample + 1], flows[sample : sample + 1, link : link + 1])
            torch.testing.assert_close(combined[sample, :, link], alone[0, :, 0])


def test_can_be_learnt() -> None:
    x = torch.rand(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    flows = (0.1 + 0.3 * torch.rand(1, 3, 2, 4, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(warp, (x, flows))


def test_the_published_warp_shrinks_a_field_that_should_stand_still() -> None:
    ones = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    shrunk = shrinking_warp(ones, torch.zeros(1, 1, 2, 8, 8, dtype=torch.float64))[0, 0, 0]
    assert shrunk[0, 0] == pytest.approx(0.25)  # half a pixel out of both edges
    torch.testing.assert_close(shrunk[1:-1, 1:-1], ones[0, 0, 1:-1, 1:-1])
