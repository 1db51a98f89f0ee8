"""Stack of cells: depth and scale of a network."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from torch import Tensor, nn

from model_zoo.cell import Cell, State, Step
from model_zoo.errors import BadGrid
from model_zoo.layers.resample import resample
from model_zoo.shape import Skips


class Past(NamedTuple):
    """State of a stack between two time steps."""

    states: list[State]
    memory: Tensor | None


class Stack(nn.Module):
    """Cells one above another, each at 1 / 2**level of the resolution of the input.

    Where the level rises, the field is halved by max pooling; where it falls, the field is doubled
    bilinearly. Then the skips are added, resampled alike. With levels 0 0 0 0 0 0 this is a plain
    stack; with 0 1 2 2 1 0 and mirror skips it is the multi-scale network of Ma et al. (2022),
    https://arxiv.org/abs/2206.03010, whatever the cells are.

    Attributes:
        levels: Number of halvings of the resolution at each layer.
        multiple: Height and width of the input must be multiples of this.
    """

    def __init__(self, cells: Sequence[Cell], levels: Sequence[int], skips: Skips) -> None:
        """Stack `cells`, bottom first.

        Raises:
            ValueError: Levels are negative, or do not begin and end with 0.
        """
        super().__init__()
        if min(levels) < 0 or levels[0] != 0 or levels[-1] != 0:
            raise ValueError(
                f"levels {tuple(levels)} must begin and end with 0, the scale of the frames, "
                "and none may be negative"
            )
        self.cells = nn.ModuleList(cells)
        self.levels = tuple(levels)
        self.skips = skips
        self.multiple = max(
            cell.multiple * 2**level for cell, level in zip(cells, levels, strict=True)
        )

    def forward(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past, list[Tensor]]:
        """Advance one time step.

        Args:
            x: (batch, channels, height, width).
            past: State after the last step; None before the first.

        Returns:
            Hidden state of the top layer, as `x`; the new state; auxiliary losses (batch,
            channels) of the layers that have one.

        Raises:
            BadGrid: The height or width of `x` is not a multiple of `multiple`.
        """
        check_divisible(x, self.multiple)
        memory = past.memory if past else None
        outputs: list[Tensor] = []
        states: list[State] = []
        penalties: list[Tensor] = []
        below = 0
        cells = cast("Iterable[Cell]", self.cells)
        for layer, (cell, level) in enumerate(zip(cells, self.levels, strict=True)):
            x = resample(x, level - below)
            memory = None if memory is None else resample(memory, level - below)
            for skip in self.skips[layer]:
                x = x + resample(outputs[skip], level - self.levels[skip])
            state = past.states[layer] if past else cell.begin(x)
            step: Step = cell(x, state, memory)
            x, memory, below = step.hidden, step.memory, level
            outputs.append(step.hidden)
            states.append(step.state)
            if step.penalty is not None:
                penalties.append(step.penalty)
        return x, Past(states, memory), penalties


def check_divisible(x: Tensor, multiple: int) -> None:
    """Check that a field (..., height, width) can be halved as often as needed.

    Raises:
        BadGrid: Height or width is not a multiple of `multiple`.
    """
    height, width = x.shape[-2:]
    if height % multiple or width % multiple:
        raise BadGrid(
            f"a grid of {height} x {width} is not a multiple of {multiple}; pad or crop it"
        )
