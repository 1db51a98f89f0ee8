"""Six published layers, plain or as the mirror pyramid, with the ablations of its skips.

Fields are (batch, channels, height, width).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.published.cell import Cell, Family, States, Step

DEPTH = 6


class Shape(NamedTuple):
    """How layers are joined."""

    levels: tuple[int, ...]
    """Each layer works at 1 / 2**level of the resolution of the frames."""
    sources: tuple[tuple[int, ...], ...]
    """The layers whose outputs, resized to its own scale, each layer takes the sum of."""
    layers: str = "lstm"
    """What names of weights call the layers."""


BELOW = ((), (0,), (1,), (2,), (3,), (4,))
PYRAMID = (0, 1, 2, 2, 1, 0)
PLAIN = Shape((0,) * DEPTH, BELOW)
MIRROR = Shape(PYRAMID, ((), (0,), (1,), (2,), (3, 1), (4, 0)))
NO_SKIPS = Shape(PYRAMID, BELOW, "lstms")
UNET3_PLUS = Shape(PYRAMID, ((), (0,), (1,), (2, 1, 0), (3, 1, 0), (4, 0, 3)), "lstms")
FULLY_CONNECTED = Shape(
    PYRAMID, ((), (0,), (1, 0), (2, 1, 0), (0, 1, 2, 3), (0, 1, 2, 3, 4)), "lstms"
)


class Past(NamedTuple):
    """What a stack carries from one time step to the next."""

    states: list[States]
    inputs: list[Tensor]
    memory: Tensor | None


LastInput = Callable[["Stack", Past, int], Tensor | None]
"""What a layer is given as its input of the step before."""


def not_asked(stack: "Stack", past: Past, layer: int) -> Tensor | None:
    """Nothing, for cells that have no difference of inputs."""
    return None


def hidden_below(stack: "Stack", past: Past, layer: int) -> Tensor:
    """The output of the layer below, resized: without skips, zero at the bottom (MIM)."""
    if layer == 0:
        return torch.zeros_like(past.states[0][0])
    return stack.resized(past.states[layer - 1][0], layer - 1, layer)


def input_itself(stack: "Stack", past: Past, layer: int) -> Tensor:
    """The real input, skips included (PrecipLSTM)."""
    return past.inputs[layer]


class Stack(nn.Module):
    """Layers over each other, for one size of frames only."""

    def __init__(
        self,
        shape: Shape,
        family: Family,
        channels: int,
        size: tuple[int, int],
        *,
        has_memory: bool = False,
        last_input: LastInput = not_asked,
    ) -> None:
        super().__init__()
        self.shape, self.channels, self.size = shape, channels, size
        self.has_memory, self.last_input = has_memory, last_input
        self.add_module(
            shape.layers, nn.ModuleList(family(channels, layer) for layer in range(DEPTH))
        )

    def begin(self, like: Tensor) -> Past:
        """Zeros of the batch and type of `like`."""
        states = []
        for cell, level in zip(self.cells(), self.shape.levels, strict=True):
            height, width = (side >> level for side in self.size)
            states.append(cell.begin(like, height, width))
        inputs = [torch.zeros_like(state[0]) for state in states]
        return Past(states, inputs, torch.zeros_like(inputs[0]) if self.has_memory else None)

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, Past, Tensor]:
        """One time step: output of the top, what to carry on, and cosines (layers, batch, C)."""
        memory = past.memory
        inputs: list[Tensor] = []
        outputs: list[Tensor] = []
        states: list[States] = []
        cosines: list[Tensor] = []
        for layer, cell in enumerate(self.cells()):
            if layer > 0:
                x = self.joined(outputs, layer)
                memory = None if memory is None else self.resized(memory, layer - 1, layer)
            step: Step = cell(x, past.states[layer], memory, self.last_input(self, past, layer))
            memory = step.memory
            inputs.append(x)
            outputs.append(step.states[0])
            states.append(step.states)
            cosines.append(self.cosine(step))
        return outputs[-1], Past(states, inputs, memory), torch.stack(cosines)

    def cells(self) -> Iterable[Cell]:
        """Bottom first."""
        return cast("Iterable[Cell]", self.get_submodule(self.shape.layers))

    def joined(self, outputs: list[Tensor], layer: int) -> Tensor:
        """The input of a layer: outputs of others, each resized to its scale, summed."""
        first, *rest = self.shape.sources[layer]
        x = self.resized(outputs[first], first, layer)
        for source in rest:
            x = x + self.resized(outputs[source], source, layer)
        return x

    def resized(self, field: Tensor, source: int, layer: int) -> Tensor:
        """A field at the scale of one layer brought to that of another."""
        rise = self.shape.levels[layer] - self.shape.levels[source]
        if rise > 0:
            return F.max_pool2d(field, 2**rise)
        if rise < 0:
            return F.interpolate(field, scale_factor=2**-rise, mode="bilinear", align_corners=False)
        return field

    def cosine(self, step: Step) -> Tensor:
        """How alike the writings of a layer are, (batch, C): zero, but see `DecoupledStack`."""
        return step.states[0].new_zeros(len(step.states[0]), self.channels)


class DecoupledStack(Stack):
    """PredRNN-V2: writings are compared in every step, in training and in forecasts alike."""

    def __init__(self, shape: Shape, family: Family, channels: int, size: tuple[int, int]) -> None:
        super().__init__(shape, family, channels, size, has_memory=True)
        self.adapter = nn.Conv2d(channels, channels, 1)

    def cosine(self, step: Step) -> Tensor:
        """Of the angle between both writings, over the field, without its sign."""
        assert step.written is not None
        a, b = (F.normalize(self.adapter(field).flatten(2), dim=2) for field in step.written)
        return F.cosine_similarity(a, b, dim=2).abs()
