"""A network run over time: frames in, the frames after them out."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model_zoo.stack import Past, Stack


class Rollout(NamedTuple):
    """What a network says of a sequence."""

    frames: Tensor
    """Each next frame as predicted, (batch, time + horizon - 1, 1, height, width)."""
    penalties: Tensor
    """Auxiliary losses of the cells, (batch, time + horizon - 1, layers, channels), counting only
    layers that have one; none do outside training mode."""

    @property
    def penalty(self) -> Tensor:
        """Mean of the auxiliary losses, a scalar; zero where no cell has one."""
        return self.penalties.mean() if self.penalties.numel() else self.penalties.sum()

    @property
    def summed_penalty(self) -> Tensor:
        """The same, but summed over layers and channels, as the published code has it."""
        return self.penalties.sum((2, 3)).mean()


class Nowcaster(nn.Module):
    """A stack of cells between a map from rain to features and one back, each a 1x1 convolution."""

    def __init__(self, stack: Stack, channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, channels, kernel_size=1)
        self.stack = stack
        self.head = nn.Conv2d(channels, 1, kernel_size=1)

    def forward(self, frames: Tensor, *, horizon: int = 1, fed: Tensor | None = None) -> Rollout:
        """Predict the frame after each given frame, then go on from the predictions.

        Args:
            frames: (batch, time, 1, height, width), scaled to 0..1.
            horizon: How many frames to predict beyond the last given one.
            fed: Which given frames the network sees, (batch, time), True for all by default.
                It sees its own prediction instead of the others. The first must be fed.

        Raises:
            BadGrid: The height or width is not a multiple of `self.stack.multiple`.
        """
        past: Past | None = None
        predictions: list[Tensor] = []
        penalties: list[Tensor] = []
        given = frames.shape[1]
        for t in range(given + horizon - 1):
            if t >= given:
                x = predictions[-1]
            elif fed is None or t == 0:
                x = frames[:, t]
            else:
                x = torch.where(fed[:, t, None, None, None], frames[:, t], predictions[-1])
            prediction, past, penalty = self.step(x, past)
            predictions.append(prediction)
            penalties.append(penalty)
        return Rollout(torch.stack(predictions, dim=1), torch.stack(penalties, dim=1))

    def step(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past, Tensor]:
        """One frame in, (batch, 1, height, width), the next one out.

        Args:
            x: The frame.
            past: What the step before remembered; None before the first.

        Returns:
            The next frame, what to remember, and the penalties (batch, layers, channels).
        """
        hidden, past, penalties = self.stack(self.embed(x), past)
        none = hidden.new_zeros(len(hidden), 0, hidden.shape[1])
        return self.head(hidden), past, torch.stack(penalties, dim=1) if penalties else none
