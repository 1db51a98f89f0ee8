"""Interface of the backends of fast cells.

Fields are (batch, channels, height, width).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from model_zoo.fast.fused_convolution import Kernel
from model_zoo.fast.pointwise import Formula

Field = Tensor | None
"""(batch, channels, height, width); None where it is zero everywhere."""


class Warped(NamedTuple):
    """A field warped by several flows, concatenated along channels in the order of the flows."""

    field: Tensor
    """(batch, channels, height, width)."""
    flows: Tensor
    """(batch, flows, 2, height, width) in pixels, see `model_zoo.layers.warp`."""
    weights: Tensor | None = None
    """Factor of the field warped by each flow, (batch, flows, height, width)."""
    shrinking: bool = False
    """Whether to warp as the published networks do, see `warp.shrinking_warp`."""


class Convolution(Protocol):
    """A convolution of concatenated fields followed by pointwise formulas of its output groups."""

    def __call__(self, fields: Sequence[Field | Warped], *formulas: Formula) -> list[Tensor]:
        """Convolve the fields and evaluate formulas of the outputs.

        Args:
            fields: (batch, channels, height, width) each, or None for zeros; one at least must be
                given. A `Warped` field must be the only one, and the kernel 1x1.
            formulas: Of the output groups.

        Returns:
            A field (batch, channels, height, width) for each formula.
        """


class Backend(Protocol):
    """An implementation of the operations that fast cells are made of."""

    def convolution(self, kernel: Kernel, groups: int = 1) -> Convolution:
        """Prepare a convolution of a kernel (outputs, inputs, size, size), to be run many times."""

    def mix(self, formula: Formula) -> Tensor:
        """Evaluate a formula without output groups, (batch, channels, height, width)."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        """Local attention of every pixel; see `model_zoo.layers.local_attention.attend`.

        Args:
            query: (batch, channels, height, width).
            key: Likewise.
            value: Likewise.
            window: Height and width of the window in pixels.

        Returns:
            Likewise.
        """

    def resample(self, x: Tensor, rise: int) -> Tensor:
        """Change the resolution by 2**-`rise`; see `model_zoo.layers.resample.resample`.

        Args:
            x: (batch, channels, height, width).
            rise: How many times to halve height and width, negative to double them.
        """
