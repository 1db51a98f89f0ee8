"""How good a network is on data it is not trained on, summed over all devices."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from model_zoo import exceedance, intensity
from model_zoo.nowcaster import Nowcaster
from model_zoo.training.data.sample import Draw, Sample, Sequences, spread
from model_zoo.training.data.settings import DataSettings, Rain
from model_zoo.training.distributed import Ranks
from model_zoo.training.learner import seen
from model_zoo.training.metrics import Scores, ScoreSums
from model_zoo.training.optimisation.losses import FrameLosses

RATES = (0.5, 2.0, 5.0)
"""mm/h; the thresholds of the papers' table of Germany."""


class Validation(NamedTuple):
    """Result of a validation."""

    loss: float
    """That of training, of a future frame."""
    scores: Scores


class Validator:
    """A way to judge a network: on which samples, by which loss and thresholds."""

    def __init__(
        self,
        sequences: Sequences,
        settings: DataSettings,
        scale: str,
        *,
        batch: int,
        samples: int | None = None,
        workers: int = 0,
        per_cell: bool = False,
    ) -> None:
        """Choose what to judge on.

        Args:
            sequences: Of a split that is not trained on.
            settings: What they are.
            scale: Name of the intensity scale.
            batch: Samples of a device at a time; changes the result by rounding only.
            samples: So many, spread evenly; all by default.
            workers: Processes that make samples.
            per_cell: Whether the loss is a mean over known cells, not a sum over those of a frame.
        """
        self.sequences = sequences
        self.per_cell = per_cell
        self.given, self.horizon = settings.given, settings.horizon
        self.thresholds = RATES if isinstance(settings, Rain) else ()
        self.scale = intensity.scale(scale)
        self.scaled = self.scale.encode(torch.tensor(self.thresholds))
        self.batch = batch
        self.workers = workers
        self.chosen = spread(sequences.events, samples)

    def batches(self, ranks: Ranks) -> Iterator[Sample]:
        """This device's share of the samples."""
        mine = [Draw(0, index) for index in self.chosen[ranks.rank :: ranks.size]]
        parts = [mine[start : start + self.batch] for start in range(0, len(mine), self.batch)]
        pinned = ranks.device.type == "cuda"
        yield from DataLoader(
            self.sequences, batch_sampler=parts, num_workers=self.workers, pin_memory=pinned
        )

    @torch.no_grad()
    def __call__(
        self,
        network: Nowcaster,
        ranks: Ranks,
        losses_of: FrameLosses,
        *,
        bf16: bool = False,
        report: Callable[[int, int], None] | None = None,
    ) -> Validation:
        """Let a network predict all samples from their given frames.

        Args:
            network: On the device of `ranks`; left in the mode it was in.
            ranks: The devices that share the samples.
            losses_of: The loss of frames.
            bf16: Convolutions in bfloat16.
            report: Called with the numbers of samples done by this device and in all.
        """
        steps = self.given + self.horizon - 1
        sums = ScoreSums.zeros(steps, self.horizon, self.thresholds, self.scaled, ranks.device)
        losses = torch.zeros(2, dtype=torch.float64, device=ranks.device)
        was_training, done = network.training, 0
        network.eval()
        for sample in self.batches(ranks):
            frames = sample.frames.to(ranks.device, non_blocking=True)
            mask = sample.mask.to(ranks.device, non_blocking=True)
            with torch.autocast(ranks.device.type, torch.bfloat16, enabled=bf16):
                guidance = sample.guidance.to(ranks.device, non_blocking=True)
                shown = seen(network, frames, mask, guidance)[:, : self.given]
                predicted = network(shown, horizon=self.horizon).frames
            sums.add(self.rain(network, predicted), frames[:, 1:], mask[:, 1:])
            ahead = slice(-self.horizon, None)
            found = losses_of(predicted[:, ahead], frames[:, ahead], mask[:, ahead]).double()
            number = mask[:, ahead].sum() if self.per_cell else found.new_tensor(found.numel())
            losses += torch.stack([found.sum(), number])
            done += len(frames)
            if report is not None:
                report(done, len(self.chosen[ranks.rank :: ranks.size]))
        network.train(was_training)
        total, number = ranks.sum(losses).tolist()
        return Validation(total / number, sums.all_reduce(ranks).scores())

    def rain(self, network: Nowcaster, predicted: Tensor) -> Tensor:
        """Frames (batch, time, 1, height, width) in 0..1 of what a network predicted."""
        if not network.exceedances:
            return predicted
        levels = self.scale.encode(torch.tensor(exceedance.THRESHOLDS))
        return exceedance.rain(predicted.sigmoid(), levels.to(predicted.device))
