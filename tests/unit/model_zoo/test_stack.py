"""Shapes of networks: levels, skips, and what flows between the layers."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model_zoo import MODELS, build
from model_zoo.cell import Cell, State, Step
from model_zoo.shape import all_skips, mirror_skips, no_skips, unet3_plus_skips
from model_zoo.stack import Stack

PYRAMID = (0, 1, 2, 2, 1, 0)


def test_mirror_skips_join_layers_of_equal_height_where_the_field_grows() -> None:
    assert mirror_skips(PYRAMID) == ((), (), (), (), (1,), (0,))
    assert mirror_skips((0, 1, 2, 3, 3, 2, 1, 0)) == ((), (), (), (), (), (2,), (1,), (0,))
    assert mirror_skips((0, 1, 0)) == ((), (), (0,))
    assert mirror_skips((0, 0, 0)) == ((), (), ())


def test_unet3_plus_skips_take_finer_layers_going_down_and_coarser_going_up() -> None:
    assert unet3_plus_skips(PYRAMID) == ((), (), (), (0, 1), (0, 1), (0, 3))


def test_all_skips_take_every_earlier_layer_but_the_one_below() -> None:
    assert all_skips(PYRAMID) == ((), (), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3))


def test_no_skips_are_none() -> None:
    assert no_skips(PYRAMID) == ((),) * 6


@pytest.mark.parametrize("levels", [(0, 1, 2, 1, 1, 0), (0, 2, 1, 0)])
def test_slopes_that_differ_cannot_be_mirrored(levels: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="must read the same both ways"):
        build("ms-convlstm", channels=4, levels=levels)


@pytest.mark.parametrize("levels", [(1, 0), (0, 1), (1, 1), (0, -1, 0)])
def test_a_stack_must_end_at_the_scale_it_began_at(levels: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="must begin and end with 0"):
        build("ms-convlstm-wo-skip", channels=4, levels=levels)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("levels", [(0, 0), (0, 1, 0), (0, 2, 0), (0, 1, 2, 3, 3, 2, 1, 0)])
def test_every_model_comes_deeper_and_shallower(name: str, levels: tuple[int, ...]) -> None:
    network = build(name, channels=4, levels=levels)
    size = max(network.stack.multiple, 8)
    with torch.no_grad():
        assert network(torch.rand(1, 2, 1, size, size)).frames.shape == (1, 2, 1, size, size)


class Echo(Cell):
    """Gives its input out, and counts how often it was asked in its state and memory."""

    states = 1

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        return Step(x, (state[0] + 1,), torch.ones_like(x) if memory is None else memory + 1)


def test_adds_skips_resampled_to_the_level_they_join() -> None:
    """The sums of section 1.3 of the reference, written out."""
    x = torch.rand(1, 1, 8, 8)
    out, _, _ = Stack([Echo() for _ in range(6)], PYRAMID, unet3_plus_skips(PYRAMID))(x, None)
    out0 = x
    out1 = F.max_pool2d(out0, 2)
    out2 = F.max_pool2d(out1, 2)
    out3 = out2 + F.max_pool2d(out1, 2) + F.max_pool2d(out0, 4)
    out4 = F.interpolate(out3, scale_factor=2, mode="bilinear") + out1 + F.max_pool2d(out0, 2)
    out5 = F.interpolate(out4, scale_factor=2, mode="bilinear") + out0
    out5 = out5 + F.interpolate(out3, scale_factor=4, mode="bilinear")
    torch.testing.assert_close(out, out5)


def test_memory_climbs_all_layers_then_enters_the_bottom_one_of_the_next_step() -> None:
    stack = Stack([Echo() for _ in range(6)], PYRAMID, mirror_skips(PYRAMID))
    x = torch.zeros(1, 1, 8, 8)
    _, past, _ = stack(x, None)
    assert past.memory is not None
    assert past.memory.shape == x.shape
    assert past.memory.unique().tolist() == [6]
    _, past, _ = stack(x, past)
    assert past.memory is not None
    assert past.memory.unique().tolist() == [12]


def test_state_stays_in_its_layer_at_its_scale() -> None:
    stack = Stack([Echo() for _ in range(6)], PYRAMID, mirror_skips(PYRAMID))
    _, past, _ = stack(torch.zeros(1, 1, 8, 8), None)
    _, past, _ = stack(torch.zeros(1, 1, 8, 8), past)
    assert [state[0].shape[-1] for state in past.states] == [8, 4, 2, 2, 4, 8]
    assert all(state[0].unique().tolist() == [2] for state in past.states)
