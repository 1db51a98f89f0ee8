"""What networks cost, against what was measured of the published ones.

The table is that of the reference: parameters, and multiply-adds in G at 32 channels for Moving
MNIST, TaxiBJ, KTH and Germany. Where ours differs, the test says by what, to the last multiply-add.
"""

import pytest
import torch

from model_zoo import MODELS, build
from model_zoo.errors import BadGrid, UnknownModel
from model_zoo.profiling.cost import MultiplyAdds, multiply_adds, parameters, saved_bytes
from model_zoo.zoo import FAMILIES

C = 32
SHAPES = [(64, 10, 10), (32, 4, 4), (128, 10, 10), (180, 4, 4)]

TABLE: dict[str, tuple[int, list[float | None]]] = {
    "convlstm": (444_001, [34.4, 3.2, 137.7, 100.3]),
    "trajgru": (497_113, [38.6, 3.6, 154.2, 112.4]),
    "predrnn": (900_385, [69.8, 6.4, 279.3, 203.5]),
    "predrnn++": (1_403_425, [94.7, 8.7, 378.7, 275.9]),
    "mim": (1_843_681, [143.0, 13.2, 571.9, 416.7]),
    "motionrnn": (1_899_859, [144.8, 13.3, 579.1, 421.9]),
    "predrnn-v2": (901_441, [70.8, 6.5, 283.1, 206.2]),
    "preciplstm": (1_763_425, [200.3, 16.4, 760.7, 544.9]),
    "cms-lstm": (1_123_489, [759.8, 25.6, 10750.8, 15155.6]),
    "modernn": (1_465_057, [232.9, 21.4, 931.5, 678.6]),
    "mk-lstm": (1_896_097, [147.3, 13.6, 589.1, 429.2]),
    "ms-convlstm": (444_001, [15.1, 1.4, 60.3, 43.9]),
    "ms-trajgru": (497_113, [16.9, 1.6, 67.5, 49.2]),
    "ms-predrnn": (900_385, [30.5, 2.8, 122.2, 89.0]),
    "ms-predrnn++": (1_403_425, [40.9, 3.8, 163.5, 119.2]),
    "ms-mim": (1_843_681, [62.6, 5.8, 250.2, 182.3]),
    "ms-motionrnn": (1_899_859, [63.3, 5.8, 253.4, None]),
    "ms-predrnn-v2": (901_441, [31.0, 2.9, 123.9, 90.2]),
    "ms-preciplstm": (1_763_425, [85.3, 7.2, 335.2, 239.7]),
    "ms-cms-lstm": (1_123_489, [279.7, 10.0, 3860.0, None]),
    "ms-modernn": (1_465_057, [101.9, 9.4, 407.5, 296.9]),
    "ms-lstm": (1_896_097, [64.4, 5.9, 257.7, 187.8]),
}

UNIT = 9 * C * C
"""Weights of a 3x3 convolution from C to C channels, and its multiply-adds per pixel."""

MOTION = C // 4  # channels of a motion GRU
MOTION_PARAMETERS = (
    (4 * C + 1) * MOTION  # to half the resolution
    + 3 * (MOTION + 18 + 1) * 18  # its three gates
    + (MOTION + 1) * 9  # weight of each copy
    + (9 * MOTION + 1) * MOTION  # and their union
    + 16 * MOTION * C + C  # back to full resolution
    + (2 * C + 1) * C  # how much of it is taken
)  # fmt: skip

UNUSED_PARAMETERS = {
    # highways that only the second layer uses, in the five others
    "predrnn++": 5 * 2 * (2 * UNIT + 2 * C),
    # the bottom layer's memories of change; the forget gate that was given up, in the five others
    "mim": (17 + 5 * 2) * (UNIT + C),
    # the same, and the motion above the top layer
    "motionrnn": (17 + 5 * 2) * (UNIT + C) + MOTION_PARAMETERS,
}


def family_of(name: str) -> str:
    return {"ms-lstm": "mk-lstm"}.get(name, name.removeprefix("ms-"))


@pytest.mark.parametrize("name", TABLE)
def test_learns_as_many_numbers_as_the_published_network_less_the_unused(name: str) -> None:
    published, _ = TABLE[name]
    assert parameters(name, C) == published - UNUSED_PARAMETERS.get(family_of(name), 0)


def left_out(family: str, pixels: list[int]) -> int:
    """Multiply-adds of one step of the published network that ours does not do.

    Args:
        family: Its cells.
        pixels: Of each layer, bottom first.
    """
    change = 17 * UNIT * pixels[0] + sum(2 * UNIT * size for size in pixels[1:])
    quarter = pixels[-1] // 4
    motion = 2 * C * C * pixels[-1] + quarter * (
        4 * C * MOTION + 3 * (MOTION + 18) * 18 + MOTION * 9 + 9 * MOTION**2 + 16 * MOTION * C
    )
    return {
        # memories of the bottom layer and forget gates of the others, whose results are dropped
        "mim": change,
        # the same, and motion above the top layer, dropped too
        "motionrnn": change + motion,
        # the adapter of both writings, which only the penalty needs
        "predrnn-v2": sum(2 * C * C * size for size in pixels),
        # three kernels, five times a step, which equal one of 7x7
        "modernn": sum(5 * (3**2 + 5**2) * C * C * size for size in pixels),
    }.get(family, 0)


@pytest.mark.parametrize("name", [name for name in TABLE if "precip" not in name])
@pytest.mark.parametrize(("place", "shape"), list(enumerate(SHAPES)))
def test_multiplies_as_often_as_was_measured_less_what_it_leaves_out(
    name: str, place: int, shape: tuple[int, int, int]
) -> None:
    size, given, horizon = shape
    wanted = TABLE[name][1][place]
    if wanted is None:
        with pytest.raises(BadGrid):
            multiply_adds(name, C, size, size, given, horizon)
        return
    counted = multiply_adds(name, C, size, size, given, horizon)
    pixels = [(size >> level) ** 2 for level in MODELS[name].shape.levels]
    rest = (given + horizon - 1) * left_out(family_of(name), pixels)
    assert (counted.total + rest) / 1e9 == pytest.approx(wanted, abs=0.0501)


@pytest.mark.parametrize("name", ["preciplstm", "ms-preciplstm"])
@pytest.mark.parametrize(("place", "shape"), list(enumerate(SHAPES)))
def test_attention_is_executed_in_other_tiles_than_was_measured(
    name: str, place: int, shape: tuple[int, int, int]
) -> None:
    """What was measured lies above convolutions and bare windows, for it counts masked products of
    its tiles, as ours does of its own: no more in all, but on the smallest field, which fills them
    worst."""
    size, given, horizon = shape
    wanted = TABLE[name][1][place]
    assert wanted is not None
    counted = multiply_adds(name, C, size, size, given, horizon)
    pixels = sum((size >> level) ** 2 for level in MODELS[name].shape.levels)
    windows = (given + horizon - 1) * 2 * C * 30**2 * pixels
    assert counted.convolutions + windows < wanted * 1e9
    assert windows <= counted.attention
    assert counted.total < 1.001 * wanted * 1e9 or size == 32


def test_without_attention_preciplstm_costs_what_the_paper_says() -> None:
    assert multiply_adds("preciplstm", C, 180, 180, 4, 4).convolutions / 1e9 == pytest.approx(
        398.5, abs=0.05
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_cost_row(name: str) -> None:
    assert parameters(name, 8) > 0
    cost = multiply_adds(name, 8, 16, 16, given=4, horizon=1)
    assert cost.convolutions > 0
    more = MultiplyAdds(cost.convolutions * 3 // 2, cost.attention * 3 // 2)
    assert multiply_adds(name, 8, 16, 16, given=4, horizon=3) == more


def test_an_unknown_model_has_none() -> None:
    with pytest.raises(UnknownModel):
        multiply_adds("unet", 8, 16, 16, 4, 4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pyramid_keeps_at_most_half_of_what_its_plain_stack_keeps_for_training(
    family: str,
) -> None:
    frames = torch.rand(1, 3, 1, 32, 32)
    plain = saved_bytes(build(family, channels=8), frames, horizon=2)
    pyramid = saved_bytes(build(f"ms-{family}", channels=8), frames, horizon=2)
    assert pyramid <= plain / 2


def test_kept_bytes_are_those_of_the_fields_that_gradients_need() -> None:
    """ConvLSTM, one layer, one step: input, embedding, four gates, tanh(c), h, and one zero in
    place of the states before the first step."""
    frames = torch.rand(1, 1, 1, 16, 16)
    kept = saved_bytes(build("convlstm", channels=4, levels=(0,)), frames, horizon=1)
    assert kept == 4 * 16 * 16 * (1 + 4 * (1 + 4 + 1 + 1)) + 4
