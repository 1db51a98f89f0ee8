"""MotionRNN on MIM as published with the MS-RNN papers, its slips included; and without them.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor, nn

from benchmarks.published.cell import States, Step, conv, given
from benchmarks.published.mim import MIM
from benchmarks.published.stack import DEPTH
from benchmarks.published.warp import mended_warp, warp

FLOWS = 9
TREND_RATE = 0.5


class MotionRNN(MIM):
    """States h, c, n, s of MIM, then flow F and trend D at half the resolution; memory m.

    The motion GRU of the top layer is worked out and its result dropped.
    """

    def __init__(self, channels: int, layer: int) -> None:
        super().__init__(channels, layer)
        inner = channels // 4
        self._conv_enc = nn.Conv2d(channels, inner, 2, stride=2)
        self._conv_u = conv(1, inner + 2 * FLOWS, 2 * FLOWS)
        self._conv_r = conv(1, inner + 2 * FLOWS, 2 * FLOWS)
        self._conv_z = conv(1, inner + 2 * FLOWS, 2 * FLOWS)
        self._conv_hm = conv(1, inner, FLOWS)
        self._conv_dec = conv(1, FLOWS * inner, inner)
        self._deconv_dec = nn.ConvTranspose2d(inner, channels, 4, stride=2, padding=1)
        self._conv_g = conv(1, 2 * channels, channels)

    def begin(self, like: Tensor, height: int, width: int) -> States:
        """Zeros of the batch and type of `like`."""
        size = (len(like), 2 * FLOWS, height // 2, width // 2)
        return *super().begin(like, height, width), like.new_zeros(size), like.new_zeros(size)

    def forward(
        self, x: Tensor, states: States, memory: Tensor | None, last_x: Tensor | None
    ) -> Step:
        """One time step."""
        *inner, flow, trend = states
        (h, *rest), m, o = self.advance(x, tuple(inner), given(memory), given(last_x))
        moved, flow, trend = self.motion(h, flow, trend)
        if self.layer < DEPTH - 1:
            h = moved + (1 - o) * x
        return Step((h, *rest, flow, trend), m)

    def motion(self, h: Tensor, flow: Tensor, trend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The motion GRU: a field moved, the new flow and the new trend."""
        e = self._conv_enc(h)
        u = torch.sigmoid(self._conv_u(torch.cat([e, flow], dim=1)))
        r = torch.sigmoid(self._conv_r(torch.cat([e, flow], dim=1)))
        z = torch.tanh(self._conv_z(torch.cat([e, r * flow], dim=1)))
        passing = u * z + (1 - u) * flow
        trend = trend + TREND_RATE * (flow - trend)
        flow = passing + trend
        weight = torch.sigmoid(self._conv_hm(e))
        d = self._deconv_dec(self._conv_dec(self.copies(e, flow, weight)))
        g = torch.sigmoid(self._conv_g(torch.cat([d, h], dim=1)))
        return g * h + (1 - g) * d, flow, trend

    def copies(self, e: Tensor, flow: Tensor, weight: Tensor) -> Tensor:
        """The field moved along each flow and weighted, all copies on channels.

        As published: flows are cut by a reshape that mixes the samples of a batch, and the last
        axis, of copies, is laid on the channels by one that scatters them over the field.
        """
        batch, channels, height, width = e.shape
        flows = flow.reshape(FLOWS, batch, 2, height, width)
        moved = torch.stack([warp(e, flow) for flow in flows], dim=4)
        moved = moved * weight.permute(0, 2, 3, 1).unsqueeze(1)
        return moved.reshape(batch, channels * FLOWS, height, width)


class MendedMotionRNN(MotionRNN):
    """The same with samples kept apart, copies in their places and zero flow moving nothing."""

    def copies(self, e: Tensor, flow: Tensor, weight: Tensor) -> Tensor:
        """The field moved along each flow and weighted, all copies on channels."""
        moved = torch.stack([mended_warp(e, part) for part in flow.chunk(FLOWS, dim=1)], dim=4)
        moved = moved * weight.permute(0, 2, 3, 1).unsqueeze(1)
        return moved.permute(0, 1, 4, 2, 3).flatten(1, 2)
