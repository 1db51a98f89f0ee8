"""What all published cells have in common: how the stack calls them, and their convolutions.

Fields are (batch, channels, height, width).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

States = tuple[Tensor, ...]
"""What a layer carries through time; the first is its output, h."""


class Step(NamedTuple):
    """What a cell returns."""

    states: States
    memory: Tensor | None = None
    """The zigzag memory m, for a cell that has one."""
    written: tuple[Tensor, Tensor] | None = None
    """What was written into c and into m, for PredRNN-V2."""


class Cell(nn.Module):
    """One layer."""

    states = 2

    def __init__(self, channels: int, layer: int) -> None:
        """Make layer number `layer` of six, counted from the bottom from 0."""
        super().__init__()
        self.channels = channels
        self.layer = layer

    def begin(self, like: Tensor, height: int, width: int) -> States:
        """Zeros of the batch and type of `like`."""
        size = (len(like), self.channels, height, width)
        return tuple(like.new_zeros(size) for _ in range(self.states))

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step.

        Args:
            x: Input, (batch, channels, height, width).
            states: Of the step before.
            memory: Of the layer below; None for networks without.
            last_x: What the network takes for the input of the step before; None for those that do
                not ask.
        """
        raise NotImplementedError


Family = Callable[[int, int], Cell]
"""From channels and layer to a cell."""


def conv(size: int, channels: int, outputs: int) -> nn.Conv2d:
    """A convolution that keeps height and width, with bias."""
    return nn.Conv2d(channels, outputs, size, padding=size // 2)


def given(field: Tensor | None) -> Tensor:
    """A field that the stack always gives to cells that ask for it."""
    assert field is not None
    return field
