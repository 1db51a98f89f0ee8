"""Which frames a network sees in training: the true ones, or its own predictions of them.

A mask `fed` (batch, steps) says so for every sample and step, True for the true frame. Scheduled
sampling, Bengio et al. (2015), https://arxiv.org/abs/1506.03099, begins with true frames in the
future and ends without. Reverse scheduled sampling, Wang et al. (2021),
https://arxiv.org/abs/2103.09504, also hides frames of the past, and hides ever fewer. Formulas as
in the code published with the MS-RNN papers, but that masks are one per sample and step everywhere
and are drawn for the whole batch at once, alike on any number of devices.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["scheduled", "reverse", "none"]


class Chances(NamedTuple):
    """Probabilities of being shown a true frame."""

    past: float
    """Among the given frames; the first one is always shown."""
    future: float


def chances(kind: Kind, step: int, steps: int, epochs: int) -> Chances:
    """The probabilities at a step, counted from 0, of a training of so many.

    Scheduled: the future falls linearly from 1 by 1 / steps a step. Reverse, in epochs e from 1 to
    E: until E / 3 both are 0.5; until 2 E / 3 the past is 1 - 0.5 exp(-(e - E / 3) / (E / 15)) and
    the future falls linearly to 0; then they are 1 and 0.
    """
    if kind == "none":
        return Chances(1.0, 0.0)
    if kind == "scheduled":
        return Chances(1.0, 1 - step / steps)
    epoch = step * epochs // steps + 1
    begin, end = epochs / 3, 2 * epochs / 3
    if epoch < begin:
        return Chances(0.5, 0.5)
    if epoch < end:
        past = 1 - 0.5 * math.exp(-(epoch - begin) / (begin / 5))
        return Chances(past, 0.5 - 0.5 * (epoch - begin) / (end - begin))
    return Chances(1.0, 0.0)


def draw_fed(
    probabilities: Chances, batch: int, given: int, steps: int, generator: torch.Generator
) -> Tensor:
    """A mask (batch, steps) on the CPU.

    Args:
        probabilities: Of past and future.
        batch: Samples on all devices together.
        given: Frames of the past.
        steps: Frames that are put into the network, given ones included.
        generator: Where chance comes from.
    """
    limit = torch.full((steps,), probabilities.future)
    limit[:given] = probabilities.past
    limit[0] = 1.0
    return torch.rand(batch, steps, generator=generator) < limit
