"""A network run over time: frames in, the frames after them out."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model_zoo.exceedance import falling
from model_zoo.first_guess import FirstGuess
from model_zoo.stack import Past, Stack


class Rollout(NamedTuple):
    """What a network says of a sequence."""

    frames: Tensor
    """Each next frame as predicted, (batch, time + horizon - 1, 1, height, width); of a network
    that tells exceedances their logits, one for each threshold in place of the 1."""
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
    """A stack of cells between a map from rain to features and one back, each a 1x1 convolution.

    As the papers have it, it predicts the next frame and goes on from its own predictions. With
    `exceedances` it instead tells how likely each of so many thresholds is reached, sees beside
    every frame where anything is known, goes on from the newest given frame, whatever the lead, and
    what it says is added to the first guess of that frame.
    """

    def __init__(self, stack: Stack, channels: int, exceedances: int = 0) -> None:
        super().__init__()
        self.exceedances = exceedances
        self.embed = nn.Conv2d(2 if exceedances else 1, channels, kernel_size=1)
        self.stack = stack
        self.head = nn.Conv2d(channels, exceedances or 1, kernel_size=1)
        if exceedances:
            self.guess = FirstGuess(exceedances)
            for parameter in self.head.parameters():
                nn.init.zeros_(parameter)

    def forward(self, frames: Tensor, *, horizon: int = 1, fed: Tensor | None = None) -> Rollout:
        """Predict the frame after each given frame, then go on from the predictions.

        Args:
            frames: (batch, time, 1, height, width), scaled to 0..1; with exceedances (batch, time,
                2, height, width), the second 1 where anything is known and 0 elsewhere.
            horizon: How many frames to predict beyond the last given one.
            fed: Which given frames the network sees, (batch, time), True for all by default.
                Instead of the others it sees its own prediction, or with exceedances the frame it
                saw last. The first must be fed.

        Raises:
            BadGrid: The height or width is not a multiple of `self.stack.multiple`.
        """
        past: Past | None = None
        predictions: list[Tensor] = []
        penalties: list[Tensor] = []
        given = frames.shape[1]
        x = frames[:, 0]
        ages = torch.zeros(len(frames), dtype=torch.int64, device=frames.device)
        for t in range(given + horizon - 1):
            if t > 0:
                x, ages = x if self.exceedances else predictions[-1], ages + 1
                if t < given:
                    true = frames[:, t]
                    x = true if fed is None else true.where(fed[:, t, None, None, None], x)
                    ages = ages * 0 if fed is None else ages.where(~fed[:, t], 0)
            prediction, past, penalty = self.step(x, past)
            if self.exceedances:
                if t < given:
                    shares = self.guess.shares(x)
                prediction = falling(self.guess(shares, ages) + prediction)
            predictions.append(prediction)
            penalties.append(penalty)
        return Rollout(torch.stack(predictions, dim=1), torch.stack(penalties, dim=1))

    def step(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past, Tensor]:
        """One frame in, (batch, 1, height, width), the next out; with exceedances, what is to be
        added to the first guess.

        Args:
            x: The frame.
            past: What the step before remembered; None before the first.

        Returns:
            The next frame, what to remember, and the penalties (batch, layers, channels).
        """
        hidden, past, penalties = self.stack(self.embed(x), past)
        none = hidden.new_zeros(len(hidden), 0, hidden.shape[1])
        return self.head(hidden), past, torch.stack(penalties, dim=1) if penalties else none
