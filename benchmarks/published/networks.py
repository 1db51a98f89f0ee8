"""The published networks by the names they were published under.

Fields are (batch, channels, height, width).
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.published.attention import attend_tiles
from benchmarks.published.cell import Family
from benchmarks.published.cms_lstm import CMSLSTM
from benchmarks.published.convlstm import ConvLSTM
from benchmarks.published.mim import MIM
from benchmarks.published.mk_lstm import MKLSTM
from benchmarks.published.modernn import MoDeRNN
from benchmarks.published.motionrnn import MendedMotionRNN, MotionRNN
from benchmarks.published.network import Network, ReverseNetwork
from benchmarks.published.preciplstm import PrecipLSTM
from benchmarks.published.predrnn import PredRNN
from benchmarks.published.predrnn_plus import CausalLSTM
from benchmarks.published.stack import (
    FULLY_CONNECTED,
    MIRROR,
    NO_SKIPS,
    PLAIN,
    UNET3_PLUS,
    DecoupledStack,
    LastInput,
    Shape,
    Stack,
    hidden_below,
    input_itself,
    not_asked,
)
from benchmarks.published.trajgru import TrajGRU
from benchmarks.published.warp import mended_warp

Builder = Callable[[int, int, int], Network]
"""From channels, height and width to a network with random weights, for such frames only."""


def network(
    family: Family,
    shape: Shape,
    channels: int,
    height: int,
    width: int,
    *,
    has_memory: bool = False,
    last_input: LastInput = not_asked,
) -> Network:
    """Any network but PredRNN-V2."""
    size = (height, width)
    stack = Stack(shape, family, channels, size, has_memory=has_memory, last_input=last_input)
    return Network(stack, channels)


def predrnn_v2(shape: Shape, channels: int, height: int, width: int) -> Network:
    """PredRNN-V2, with an adapter for all layers."""
    return ReverseNetwork(DecoupledStack(shape, PredRNN, channels, (height, width)), channels)


def without_memory(family: Family) -> Callable[[Shape], Builder]:
    """Networks whose layers hand on nothing but their outputs."""
    return lambda shape: partial(network, family, shape)


def with_memory(family: Family, last_input: LastInput = not_asked) -> Callable[[Shape], Builder]:
    """Networks with a zigzag memory."""
    return lambda shape: partial(network, family, shape, has_memory=True, last_input=last_input)


FAMILIES: Mapping[str, Callable[[Shape], Builder]] = MappingProxyType(
    {
        "ConvLSTM": without_memory(ConvLSTM),
        "TrajGRU": without_memory(TrajGRU),
        "TrajGRU_fixed": without_memory(partial(TrajGRU, warp=mended_warp)),
        "PredRNN": with_memory(PredRNN),
        "PredRNN++": with_memory(CausalLSTM),
        "MIM": with_memory(MIM, hidden_below),
        "MotionRNN": with_memory(MotionRNN, hidden_below),
        "MotionRNN_fixed": with_memory(MendedMotionRNN, hidden_below),
        "PredRNN-V2": lambda shape: partial(predrnn_v2, shape),
        "PrecipLSTM": with_memory(PrecipLSTM, input_itself),
        "PrecipLSTM_tiled": with_memory(partial(PrecipLSTM, attend=attend_tiles), input_itself),
        "CMS-LSTM": without_memory(CMSLSTM),
        "MoDeRNN": without_memory(MoDeRNN),
    }
)

NETWORKS: Mapping[str, Builder] = MappingProxyType(
    {
        **{name: of(PLAIN) for name, of in FAMILIES.items()},
        **{f"MS-{name}": of(MIRROR) for name, of in FAMILIES.items()},
        "MK-LSTM": partial(network, MKLSTM, PLAIN),
        "MS-LSTM": partial(network, MKLSTM, MIRROR),
        "MS-ConvLSTM-WO-Skip": partial(network, ConvLSTM, NO_SKIPS),
        "MS-ConvLSTM-UNet3+": partial(network, ConvLSTM, UNET3_PLUS),
        "MS-ConvLSTM-FC": partial(network, ConvLSTM, FULLY_CONNECTED),
    }
)
"""Those that end with "_fixed" have their warp mended, and samples and copies in their places.
Those that end with "_tiled" have the same attention, run in a way that a CPU can: compare speed
with them.
"""


def load(
    name: str, weights: Mapping[str, NDArray[Any]], height: int = 32, width: int = 32
) -> Network:
    """A network with published weights.

    Args:
        name: One of `NETWORKS`.
        weights: Arrays by their published names; their type is that of the network.
        height: Of the frames.
        width: Of the frames.
    """
    arrays: dict[str, Tensor] = {key: torch.tensor(array) for key, array in weights.items()}
    first = arrays["embed.conv_embed.weight"]
    network = NETWORKS[name](len(first), height, width).to(first.dtype)
    network.load_state_dict(arrays)
    return network
