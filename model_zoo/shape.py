"""Shapes of networks: levels of resolution of the layers, and skip connections between them.

The shape of a network is a tuple of levels, one for each layer, and a rule for skips. Level l works
at 1 / 2**l of the resolution of the input. A rule gives, for each layer, the earlier layers whose
outputs are resampled to its level and added to the output of the layer below:

    mirror_skips      the encoder layer of the same level, as in a U-Net; MS-RNN,
                      https://arxiv.org/abs/2206.03010
    no_skips          none: the ablation without skips
    unet3_plus_skips  all finer or equal layers of the encoder, all coarser ones of the decoder, as
                      in UNet 3+, https://arxiv.org/abs/2004.08790
    all_skips         every earlier layer
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

Skips = tuple[tuple[int, ...], ...]
"""For each layer, the indices of the earlier layers added to its input."""


class Shape(NamedTuple):
    """Levels and skip connections of a stack."""

    levels: tuple[int, ...]
    skips: Callable[[Sequence[int]], Skips]


def no_skips(levels: Sequence[int]) -> Skips:
    """No skip connections."""
    return tuple(() for _ in levels)


def mirror_skips(levels: Sequence[int]) -> Skips:
    """Connect each decoder layer to the encoder layer of the same level.

    Raises:
        ValueError: The levels are not symmetric.
    """
    if list(levels) != list(reversed(levels)):
        raise ValueError(f"levels {tuple(levels)} must read the same both ways, to pair the slopes")
    top = len(levels) - 1
    return tuple(
        (top - layer,) if layer > 0 and level < levels[layer - 1] else ()
        for layer, level in enumerate(levels)
    )


def unet3_plus_skips(levels: Sequence[int]) -> Skips:
    """Connect decoder layers to finer or equal encoder layers and to coarser decoder layers."""
    half = len(levels) // 2
    return tuple(
        tuple(
            other
            for other in range(layer - 1)
            if layer >= half and (levels[other] > level) == (other >= half)
        )
        for layer, level in enumerate(levels)
    )


def all_skips(levels: Sequence[int]) -> Skips:
    """Connect each layer to every earlier layer."""
    return tuple(tuple(range(layer - 1)) for layer, _ in enumerate(levels))
