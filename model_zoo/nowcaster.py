"""A network run over time: frames in, the frames after them out."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from model_zoo.exceedance import falling
from model_zoo.first_guess import FirstGuess
from model_zoo.guided_guess import LEADS, GuidedGuess
from model_zoo.stack import Past, Stack


class Rollout(NamedTuple):
    """Prediction of a network for a sequence."""

    frames: Tensor
    """Each next frame as predicted, (batch, time + horizon - 1, 1, height, width); of a network
    that predicts exceedances their logits, one for each threshold in place of the 1."""
    penalties: Tensor
    """Auxiliary losses of the cells, (batch, time + horizon - 1, layers, channels), counting only
    layers that have one; none do outside training mode."""

    @property
    def penalty(self) -> Tensor:
        """Mean of the auxiliary losses, a scalar; zero where no cell has one."""
        return self.penalties.mean() if self.penalties.numel() else self.penalties.sum()

    @property
    def summed_penalty(self) -> Tensor:
        """Penalties summed over layers and channels, as in the published code; a scalar."""
        return self.penalties.sum((2, 3)).mean()


class Nowcaster(nn.Module):
    """A stack of cells between a map from rain to features and one back, each a 1x1 convolution.

    As the papers have it, it predicts the next frame and goes on from its own predictions. With
    `exceedances` it instead predicts the probability that each of so many thresholds is reached,
    sees beside every frame where it is known, is fed the newest given frame at every lead, and its
    logits are added to the first guess of that frame.

    With `guidance` it also sees what a baseline forecasts for the lead, and the first guess is that
    of a U-Net of so many channels (`GuidedGuess`).
    """

    guess: FirstGuess | GuidedGuess
    """With `exceedances` only."""

    def __init__(
        self, stack: Stack, channels: int, exceedances: int = 0, guidance: int = 0
    ) -> None:
        super().__init__()
        self.exceedances = exceedances
        self.guidance = guidance
        inputs = 4 if guidance else 2 if exceedances else 1
        self.embed = nn.Conv2d(inputs, channels, kernel_size=1)
        self.stack = stack
        self.head = nn.Conv2d(channels, exceedances or 1, kernel_size=1)
        if exceedances:
            self.guess = GuidedGuess(exceedances, guidance) if guidance else FirstGuess(exceedances)
            for parameter in self.head.parameters():
                nn.init.zeros_(parameter)

    def forward(
        self,
        frames: Tensor,
        *,
        horizon: int = 1,
        fed: Tensor | None = None,
        guess_only: bool = False,
    ) -> Rollout:
        """Predict the frame after each given frame, then go on from the predictions.

        Args:
            frames: (batch, time, 1, height, width), scaled to 0..1; with exceedances (batch, time,
                2, height, width), the second 1 where anything is known and 0 elsewhere; with
                guidance (batch, time, 2 + leads, height, width), the others what a baseline
                forecasts for each lead, in 0..1 and the same beside each frame.
            horizon: How many frames to predict beyond the last given one.
            fed: Which given frames the network sees, (batch, time), True for all by default.
                Instead of the others it sees its own prediction, or with exceedances the frame it
                saw last. The first must be fed. Not with guidance.
            guess_only: With guidance: leave the stack out, and return the first guess.

        Raises:
            BadGrid: The height or width is not a multiple of `self.stack.multiple`.
        """
        if self.guidance:
            return self.guided(frames, horizon, guess_only=guess_only)
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
                    shares = cast("FirstGuess", self.guess).shares(x)
                prediction = falling(self.guess(shares, ages) + prediction)
            predictions.append(prediction)
            penalties.append(penalty)
        return Rollout(torch.stack(predictions, dim=1), torch.stack(penalties, dim=1))

    def guided(self, frames: Tensor, horizon: int, *, guess_only: bool) -> Rollout:
        """Predict as `forward` does, with guidance.

        Before the newest given frame the logits lack a first guess.

        Args:
            frames: (batch, time, channels, height, width), as `forward` takes them.
            horizon: Number of leads.
            guess_only: Whether only the first guess is made.
        """
        if guess_only:
            return self.guesses(frames, horizon)
        past: Past | None = None
        predictions: list[Tensor] = []
        penalties: list[Tensor] = []
        given = frames.shape[1]
        for t in range(given + horizon - 1):
            prediction, past, penalty = self.step(self.guided_input(frames, t), past)
            if t >= given - 1:
                prediction = prediction + self.guided_guess(frames, t - given + 1)
            predictions.append(falling(prediction))
            penalties.append(penalty)
        return Rollout(torch.stack(predictions, dim=1), torch.stack(penalties, dim=1))

    def guesses(self, frames: Tensor, horizon: int) -> Rollout:
        """Return the first guess alone, and zeros before the newest given frame.

        Args:
            frames: (batch, time, channels, height, width), as `forward` takes them.
            horizon: Number of leads.
        """
        ahead = [falling(self.guided_guess(frames, lead)) for lead in range(horizon)]
        nothing = [torch.zeros_like(ahead[0])] * (frames.shape[1] - 1)
        logits = torch.stack([*nothing, *ahead], dim=1)
        return Rollout(logits, logits.new_zeros(len(frames), logits.shape[1], 0, 0))

    def guided_input(self, frames: Tensor, t: int) -> Tensor:
        """Return the input of the stack at a step, (batch, 4, height, width).

        The frame, or the newest given one; where it is known; the baseline at the lead, the frame
        itself in the past; and the lead, as a fraction of the last.
        """
        given = frames.shape[1]
        frame, lead = frames[:, min(t, given - 1)], t - given + 1
        (baseline,) = guidance_of(frames, lead, 1) if lead >= 0 else (frame[:, :1],)
        relative_lead = torch.full_like(baseline, min(max(lead + 1, 0), LEADS) / LEADS)
        return torch.cat([frame[:, :2], baseline, relative_lead], dim=1)

    def guided_guess(self, frames: Tensor, lead: int) -> Tensor:
        """The first guess of a lead, counted from 0, (batch, thresholds, height, width)."""
        past = [frames[:, step, :2] for step in range(frames.shape[1])]
        after = max(lead, min(lead + 1, LEADS - 1))
        fields = [*guidance_of(frames, lead, 1), *guidance_of(frames, after, 1)]
        logits: Tensor = self.guess(past, fields, lead)
        return logits

    def step(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past, Tensor]:
        """Predict the next frame of one frame.

        With exceedances, what is to be added to the first guess.

        Args:
            x: The frame, (batch, 1, height, width).
            past: State after the step before; None before the first.

        Returns:
            The next frame, the state, and the penalties (batch, layers, channels).
        """
        hidden, past, penalties = self.stack(self.embed(x), past)
        none = hidden.new_zeros(len(hidden), 0, hidden.shape[1])
        return self.head(hidden), past, torch.stack(penalties, dim=1) if penalties else none


def guidance_of(frames: Tensor, lead: int, leads: int) -> list[Tensor]:
    """Return the forecast of the baseline for several leads, each (batch, 1, height, width).

    Beyond its last lead, that of the last.
    """
    known = frames.shape[2] - 2
    channels = [2 + min(each, known - 1) for each in range(lead, lead + leads)]
    return [frames[:, -1, channel : channel + 1] for channel in channels]
