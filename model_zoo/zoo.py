"""The zoo: every family of cells, at every shape.

Installed packages add families by entry points of the group `nowcast.cells` (`ingest.plugins`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, cast

import torch
from torch import nn

from ingest import plugins
from model_zoo.cell import Cell
from model_zoo.cells.cms_lstm import CMSLSTM
from model_zoo.cells.convlstm import ConvLSTM
from model_zoo.cells.mim import MIM
from model_zoo.cells.mk_lstm import MKLSTM
from model_zoo.cells.modernn import MoDeRNN
from model_zoo.cells.motionrnn import MotionHighway
from model_zoo.cells.preciplstm import PrecipLSTM
from model_zoo.cells.predrnn import PredRNN
from model_zoo.cells.predrnn_plus import CausalLSTM, GradientHighway
from model_zoo.cells.predrnn_v2 import PredRNNv2
from model_zoo.cells.trajgru import TrajGRU
from model_zoo.errors import UnknownModel
from model_zoo.layers.warp import shrinking_warp
from model_zoo.nowcaster import Nowcaster
from model_zoo.shape import Shape, all_skips, mirror_skips, no_skips, unet3_plus_skips
from model_zoo.stack import Stack

CHANNELS = 32
"""Hidden width of all layers in the MS-LSTM paper."""

Family = Callable[[int, int], list[Cell]]
"""From channels and number of layers to the cells of a network, bottom first."""


class Model(NamedTuple):
    """Cells and shape of a network of any width."""

    family: Family
    shape: Shape


def all_of(cell: Callable[[int], Cell]) -> Family:
    """Make a family with the same cell in all layers."""
    return lambda channels, depth: [cell(channels) for _ in range(depth)]


def predrnn_plus(channels: int, depth: int) -> list[Cell]:
    """Make causal LSTMs with a gradient highway into the second, if there is one."""
    first, *rest = (CausalLSTM(channels) for _ in range(depth))
    return [first, *(GradientHighway(channels, cell) for cell in rest[:1]), *rest[1:]]


def predrnn_v2(channels: int, depth: int) -> list[Cell]:
    """Make PredRNN-V2 cells that share one adapter."""
    adapter = nn.Conv2d(channels, channels, kernel_size=1)
    return [PredRNNv2(channels, adapter) for _ in range(depth)]


def mim(channels: int, depth: int) -> list[Cell]:
    """Make MIM cells above a PredRNN cell: the bottom layer has no layer below to difference."""
    return [PredRNN(channels), *(MIM(channels) for _ in range(depth - 1))]


def motionrnn(channels: int, depth: int) -> list[Cell]:
    """Make MIM cells with motion highways between the layers."""
    *lower, top = mim(channels, depth)
    return [*(MotionHighway(channels, cell) for cell in lower), top]


OWN_FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "convlstm": all_of(ConvLSTM),
        "trajgru": all_of(TrajGRU),
        "trajgru-shrinking": all_of(partial(TrajGRU, warp=shrinking_warp)),
        "predrnn": all_of(PredRNN),
        "predrnn++": predrnn_plus,
        "mim": mim,
        "motionrnn": motionrnn,
        "predrnn-v2": predrnn_v2,
        "preciplstm": all_of(PrecipLSTM),
        "cms-lstm": all_of(CMSLSTM),
        "modernn": all_of(MoDeRNN),
        "mk-lstm": all_of(MKLSTM),
    }
)

PLAIN = Shape((0, 0, 0, 0, 0, 0), no_skips)
MULTI_SCALE = Shape((0, 1, 2, 2, 1, 0), mirror_skips)

SHAPES: Mapping[str, Shape] = MappingProxyType({"{}": PLAIN, "ms-{}": MULTI_SCALE})
"""Shapes of every family; the key is the pattern of the name."""

ABLATIONS: Mapping[str, Shape] = MappingProxyType(
    {
        "ms-convlstm-wo-skip": MULTI_SCALE._replace(skips=no_skips),
        "ms-convlstm-unet3+": MULTI_SCALE._replace(skips=unet3_plus_skips),
        "ms-convlstm-fc": MULTI_SCALE._replace(skips=all_skips),
    }
)
"""Ablations of the multi-scale shape, with ConvLSTM cells."""


def shaped(families: Mapping[str, Family]) -> dict[str, Model]:
    """Return families in every shape, by the names of the networks."""
    return {
        pattern.format(name): Model(family, shape)
        for pattern, shape in SHAPES.items()
        for name, family in families.items()
    }


OWN_MODELS: Mapping[str, Model] = MappingProxyType(
    {
        **shaped(OWN_FAMILIES),
        **{name: Model(OWN_FAMILIES["convlstm"], shape) for name, shape in ABLATIONS.items()},
        # as the MS-LSTM paper calls them
        "ms-lstm": Model(OWN_FAMILIES["mk-lstm"], MULTI_SCALE),
        "sms-lstm": Model(OWN_FAMILIES["convlstm"], MULTI_SCALE),
        "tms-lstm": Model(OWN_FAMILIES["mk-lstm"], PLAIN),
    }
)

RESERVED_NAMES = ("advection", "auto", "blend", "dwd-rv", "persistence", "s-prog")
"""Names of forecasts by other models than networks, which no network can have."""


def accepted_family(name: str, given: object) -> Family:
    """Return the family that an entry point refers to.

    Args:
        name: Of the entry point.
        given: A subclass of `Cell`, or a function as `Family`.

    Raises:
        TypeError: It is neither.
        ValueError: Its cells do not run in a stack.
    """
    if isinstance(given, type) and issubclass(given, Cell):
        family = all_of(given)
    elif callable(given) and not isinstance(given, type):
        family = cast("Family", given)
    else:
        raise TypeError(
            f"{given!r} should be a subclass of model_zoo.cell.Cell, or a function from channels "
            "and layers to a list of cells"
        )
    for shape in SHAPES.values():
        check_runs(family, shape)
    return family


def check_runs(family: Family, shape: Shape) -> None:
    """Run two steps of a small network on the meta device, which computes nothing.

    Raises:
        ValueError: The hidden state is not as the input. A cell may raise anything else.
    """
    channels, levels = 8, shape.levels
    with torch.device("meta"), torch.no_grad():
        stack = Stack(family(channels, len(levels)), levels, shape.skips(levels))
        x = torch.empty(1, channels, 4 * stack.multiple, 4 * stack.multiple)
        _, past, _ = stack(x, None)
        hidden, _, _ = stack(x, past)
    if hidden.shape != x.shape:
        raise ValueError(f"hidden states are {tuple(hidden.shape)}, should be {tuple(x.shape)}")


FAMILIES = plugins.Registry(
    OWN_FAMILIES,
    lambda: plugins.load(
        plugins.CELLS, (*OWN_MODELS, *RESERVED_NAMES), accepted_family, " ".join(SHAPES)
    ),
)
"""Families of cells by name."""
MODELS = plugins.Registry(OWN_MODELS, lambda: shaped(FAMILIES.added))
"""Networks by name."""


def build(
    name: str,
    *,
    channels: int = CHANNELS,
    levels: Sequence[int] | None = None,
    exceedances: int = 0,
    guidance: int = 0,
) -> Nowcaster:
    """Build a model of the zoo, such as "predrnn" or "ms-predrnn", with random weights.

    Args:
        name: One of `MODELS`.
        channels: Width of every layer.
        levels: Level of each layer, if not those of the model.
        exceedances: Number of thresholds whose exceedance probabilities are predicted instead of
            rain; see `Nowcaster`.
        guidance: Channels of the first guess from a baseline's forecast; 0 for a network without.

    Raises:
        UnknownModel: There is no such model; the message lists those there are.
        ValueError: The levels do not begin and end with 0, or skips cannot be paired.
    """
    if name not in MODELS:
        known = f"no model {name!r} in the zoo, only {', '.join(MODELS)}"
        raise UnknownModel("; ".join([known, *plugins.problems(name)]))
    family, shape = MODELS[name]
    levels = shape.levels if levels is None else tuple(levels)
    stack = Stack(family(channels, len(levels)), levels, shape.skips(levels))
    return Nowcaster(stack, channels, exceedances, guidance)
