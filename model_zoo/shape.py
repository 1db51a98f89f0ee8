"""Where the layers of a stack sit in scale, and which earlier layers each one listens to.

The shape of a network is a tuple of levels, one for each layer, and a rule for skips. Level l works
at 1 / 2**l of the resolution of the input. A rule gives, for each layer, the earlier layers whose
outputs are added to what the layer below gives out, resampled to its level:

    mirror_skips      what the layer at the same height of the other slope gave out, as in a U-Net;
                      MS-RNN, https://arxiv.org/abs/2206.03010
    no_skips          nothing: the ablation without skips
    unet3_plus_skips  all finer or equal layers of the down slope, all coarser ones of the up slope,
                      as in UNet 3+, https://arxiv.org/abs/2004.08790
    all_skips         every earlier layer
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

Skips = tuple[tuple[int, ...], ...]
"""For each layer, the earlier layers added to its input beside the one below."""


class Shape(NamedTuple):
    """A stack without its cells."""

    levels: tuple[int, ...]
    skips: Callable[[Sequence[int]], Skips]


def no_skips(levels: Sequence[int]) -> Skips:
    """Each layer listens only to the one below."""
    return tuple(() for _ in levels)


def mirror_skips(levels: Sequence[int]) -> Skips:
    """Where the level falls, the layer at the same height of the other slope.

    Raises:
        ValueError: The levels do not read the same both ways, so slopes cannot be paired.
    """
    if list(levels) != list(reversed(levels)):
        raise ValueError(f"levels {tuple(levels)} must read the same both ways, to pair the slopes")
    top = len(levels) - 1
    return tuple(
        (top - layer,) if layer > 0 and level < levels[layer - 1] else ()
        for layer, level in enumerate(levels)
    )


def unet3_plus_skips(levels: Sequence[int]) -> Skips:
    """On the up slope, finer or equal layers of the down slope and coarser ones of the up slope."""
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
    """Every earlier layer."""
    return tuple(tuple(range(layer - 1)) for layer, _ in enumerate(levels))
