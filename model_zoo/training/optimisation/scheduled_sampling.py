"""Scheduled sampling: whether a network sees true frames or its own predictions in training.

A mask `fed` (batch, steps) is True where the true frame is the input. Scheduled sampling, Bengio et
al. (2015), https://arxiv.org/abs/1506.03099, starts with true frames at all leads and ends without.
Reverse scheduled sampling, Wang et al. (2021), https://arxiv.org/abs/2103.09504, also replaces
given frames by predictions, fewer and fewer. Formulas as in the code published with the MS-RNN
papers, but masks are drawn per sample and step for the whole batch, alike on any number of devices.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["scheduled", "reverse", "none"]


class SamplingProbabilities(NamedTuple):
    """Probabilities that the input is the true frame."""

    past: float
    """Of a given frame; the first is always the true one."""
    future: float
    """Of a frame after the given ones."""


def sampling_probabilities(kind: Kind, step: int, steps: int, epochs: int) -> SamplingProbabilities:
    """Return the probabilities at a step, counted from 0, of a training of `steps` steps.

    Scheduled: the future falls linearly from 1 by 1 / steps a step. Reverse, in epochs e from 1 to
    E: until E / 3 both are 0.5; until 2 E / 3 the past is 1 - 0.5 exp(-(e - E / 3) / (E / 15)) and
    the future falls linearly to 0; then they are 1 and 0.
    """
    if kind == "none":
        return SamplingProbabilities(1.0, 0.0)
    if kind == "scheduled":
        return SamplingProbabilities(1.0, 1 - step / steps)
    epoch = step * epochs // steps + 1
    begin, end = epochs / 3, 2 * epochs / 3
    if epoch < begin:
        return SamplingProbabilities(0.5, 0.5)
    if epoch < end:
        past = 1 - 0.5 * math.exp(-(epoch - begin) / (begin / 5))
        return SamplingProbabilities(past, 0.5 - 0.5 * (epoch - begin) / (end - begin))
    return SamplingProbabilities(1.0, 0.0)


def draw_fed_mask(
    probabilities: SamplingProbabilities,
    batch: int,
    given: int,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """Draw a mask of true input frames.

    Args:
        probabilities: Of given and future frames.
        batch: Samples on all devices together.
        given: Number of given frames.
        steps: Number of input frames, given ones included.
        generator: Of the random numbers.

    Returns:
        (batch, steps), bool, on the CPU.
    """
    limit = torch.full((steps,), probabilities.future)
    limit[:given] = probabilities.past
    limit[0] = 1.0
    return torch.rand(batch, steps, generator=generator) < limit
