"""MotionRNN: a cell with an output gate, followed by a motion GRU, with a highway past both.

Wu et al. (2021), https://arxiv.org/abs/2103.02243, around MIM, as the MS-RNN and MS-LSTM papers
have it. From the code published with those come 1x1 gates, flows that start from zero, flows that
are displacements from the pixel itself (the authors' own code adds the nine neighbours of a pixel)
and the highway from the input of the cell. Three errors of that code are corrected: samples of a
batch are not mixed, warped copies keep their positions, and a flow of zero moves nothing. Its
motion GRU above the top layer, whose result is unused, is left out.
"""

import torch
from torch import Tensor, nn

from model_zoo.cell import Cell, State, Step, conv
from model_zoo.layers.lean_convolution import JoinedConv
from model_zoo.layers.warp import warp

TREND_RATE = 0.5
"""The alpha of the paper: rate at which the trend follows the flow."""


class MotionGRU(nn.Module):
    """Warps a field by `flows` flow fields, each the sum of a transient part and a slow trend."""

    def __init__(self, channels: int, *, flows: int = 9) -> None:
        super().__init__()
        inner = max(channels // 4, 1)
        self.flows = flows
        self.encode = nn.Conv2d(channels, inner, kernel_size=2, stride=2)
        self.update = conv(inner + 2 * flows, 2 * flows, kernel_size=1)
        self.reset = conv(inner + 2 * flows, 2 * flows, kernel_size=1)
        self.candidate = conv(inner + 2 * flows, 2 * flows, kernel_size=1)
        self.weight = conv(inner, flows, kernel_size=1)
        self.merge = conv(flows * inner, inner, kernel_size=1)
        self.decode = nn.ConvTranspose2d(inner, channels, kernel_size=4, stride=2, padding=1)
        self.gate = JoinedConv(2, channels, channels, kernel_size=1)

    def begin(self, x: Tensor) -> State:
        """Return initial flow and trend for `x` (batch, channels, height, width): zeros.

        Returns:
            Both (batch, 2 flows, height / 2, width / 2).
        """
        batch, _, height, width = x.shape
        still = x.new_zeros(batch, 2 * self.flows, height // 2, width // 2)
        return still, still

    def forward(self, h: Tensor, flow: Tensor, trend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Warp the hidden state.

        Args:
            h: (batch, channels, height, width).
            flow: (batch, 2 flows, height / 2, width / 2), in pixels of that resolution.
            trend: As `flow`.

        Returns:
            The warped field as `h`, the new flow and the new trend as `flow`.
        """
        e = self.encode(h)
        both = torch.cat([e, flow], dim=1)
        u = self.update(both).sigmoid()
        r = self.reset(both).sigmoid()
        z = self.candidate(torch.cat([e, r * flow], dim=1)).tanh()
        trend = trend + TREND_RATE * (flow - trend)
        flow = u * z + (1 - u) * flow + trend

        moved = warp(e, torch.unflatten(flow, 1, (self.flows, 2)))
        weighted = self.weight(e).sigmoid().unsqueeze(1) * moved
        decoded = self.decode(self.merge(weighted.flatten(1, 2)))
        g = self.gate(decoded, h).sigmoid()
        return g * h + (1 - g) * decoded, flow, trend


class MotionHighway(Cell):
    """A cell whose output is warped, plus its input weighted by 1 - output gate."""

    def __init__(self, channels: int, cell: Cell) -> None:
        """Wrap `cell`, which must have an output gate."""
        super().__init__()
        self.states = 2 + cell.states  # flow and trend, then those of the cell
        self.multiple = 2 * cell.multiple  # the motion GRU works at half resolution
        self.cell = cell
        self.motion = MotionGRU(channels)

    def begin(self, x: Tensor) -> State:
        """Return the initial state for `x` (batch, channels, height, width)."""
        return *self.motion.begin(x), *self.cell.begin(x)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        """Advance one time step; shapes as in `Cell.forward`.

        Raises:
            TypeError: The cell has no output gate.
        """
        flow, trend, *inner = state
        step: Step = self.cell(x, tuple(inner), memory)
        if step.gate is None:
            raise TypeError(f"{type(self.cell).__name__} has no output gate for a motion highway")
        moved, flow, trend = self.motion(step.hidden, flow, trend)
        hidden = moved + (1 - step.gate) * x
        _, *rest = step.state  # the next step of the cell starts from the warped field
        return step._replace(hidden=hidden, state=(flow, trend, hidden, *rest))
