"""What surrounds every published stack: the maps from and to rain, the loop over time, the loss.

Fields are (batch, channels, height, width).
"""

import torch
from torch import Tensor, nn

from benchmarks.published.stack import Past, Stack

DECOUPLING = 0.01
"""Weight of PredRNN-V2's cosines in the loss."""


class Network(nn.Module):
    """A published network."""

    def __init__(self, rnns: Stack, channels: int) -> None:
        super().__init__()
        self.embed = nn.ModuleDict({"conv_embed": nn.Conv2d(1, channels, 1)})
        self.rnns = rnns
        self.fc = nn.ModuleDict({"conv_fc": nn.Conv2d(channels, 1, 1)})

    def forward(self, frames: Tensor, given: int, fed: Tensor | None = None) -> Tensor:
        """What the network makes of each frame but the last: (time - 1, batch, 1, H, W).

        Args:
            frames: (time, batch, 1, height, width), the future included.
            given: How many the network sees. From there on it sees its own outputs.
            fed: Flags, (time - 1, batch), of the frames that it sees beyond those; none by default.
        """
        return self.rollout(frames, given, fed)[0]

    def rollout(
        self, frames: Tensor, given: int, fed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same, and the cosines of PredRNN-V2, (time - 1, layers, batch, C), else zero."""
        masks = self.masks(frames, given, fed)
        past: Past = self.rnns.begin(frames[0])
        outputs: list[Tensor] = []
        cosines: list[Tensor] = []
        for t, mask in enumerate(masks):
            x = frames[t]
            if t >= self.unmasked(given):
                x = mask * x + (1 - mask) * outputs[-1]
            hidden, past, cosine = self.rnns(self.embed["conv_embed"](x), past)
            outputs.append(self.fc["conv_fc"](hidden))
            cosines.append(cosine)
        return torch.stack(outputs), torch.stack(cosines)

    def masks(self, frames: Tensor, given: int, fed: Tensor | None) -> Tensor:
        """Ones for frames that are seen, zeros for others: (time - 1, batch, 1, 1, 1)."""
        time, batch = len(frames) - 1, frames.shape[1]
        masks = torch.zeros(time, batch) if fed is None else fed.clone()
        masks[:given] = 1
        return masks.to(frames)[:, :, None, None, None]

    def unmasked(self, given: int) -> int:
        """How many frames are seen without being asked for."""
        return given


class ReverseNetwork(Network):
    """PredRNN-V2: all frames but the first pass the mask, so that known ones can be hidden too."""

    def unmasked(self, given: int) -> int:
        """How many frames are seen without being asked for."""
        return min(given, 1)


def loss(frames: Tensor, outputs: Tensor, cosines: Tensor) -> Tensor:
    """Squares and absolutes summed over pixels, mean over steps and samples; cosines beside them.

    Args:
        frames: (time, batch, 1, height, width).
        outputs: As `Network.rollout` gives them.
        cosines: Likewise.
    """
    error = frames[1:] - outputs
    squares = error.square().sum((2, 3, 4)).mean()
    absolutes = error.abs().sum((2, 3, 4)).mean()
    return squares + absolutes + DECOUPLING * cosines.sum((1, 3)).mean()
