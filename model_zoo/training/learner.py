"""Training of a network, one step at a time."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from model_zoo import intensity
from model_zoo.cells.lean_gates import recompute_gates
from model_zoo.fast import c_library
from model_zoo.fast.c_backend import CBackend
from model_zoo.layers.local_attention import LocalAttention
from model_zoo.nowcaster import Nowcaster, Rollout
from model_zoo.training.c_kernels import use
from model_zoo.training.data.batches import generator
from model_zoo.training.data.sample import Sample
from model_zoo.training.distributed import Ranks
from model_zoo.training.errors import BadExperiment
from model_zoo.training.experiment import Experiment, Optimiser
from model_zoo.training.optimisation.ema import ExponentialMovingAverage
from model_zoo.training.optimisation.learning_rate import learning_rate
from model_zoo.training.optimisation.losses import make_frame_losses, total_loss
from model_zoo.training.optimisation.scheduled_sampling import draw_fed_mask, sampling_probabilities

MASKS, LAYERS = 1, 2
"""What random numbers of a step are for."""


class StepResult(NamedTuple):
    """What a step came to."""

    loss: Tensor
    """Of this device's part of the batch, before the step; a scalar on the device."""
    norm: Tensor
    """Of the gradient, before it was clipped."""
    rate: float
    future: float
    """Probability that a future frame was shown."""


class Trainer:
    """A network with what makes it learn."""

    def __init__(
        self, network: Nowcaster, experiment: Experiment, steps: int, ranks: Ranks
    ) -> None:
        """Bring a network to its device and share it with the others.

        Args:
            network: To be trained, in place.
            experiment: How.
            steps: Of the whole training.
            ranks: The devices that train together.
        """
        self.experiment = experiment
        self.steps = steps
        self.ranks = ranks
        self.network = network.to(ranks.device)
        if experiment.machine.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if experiment.machine.lean:
            recompute_gates(self.network)
        if experiment.machine.kernels:
            by_kernels(self.network, ranks.device)
        for layer in network.modules():
            if isinstance(layer, LocalAttention):
                layer.frozen = experiment.frozen_attention
        if experiment.machine.compile:
            # one time step, which is small to compile and the same for any number of frames
            self.network.stack.compile()
        if ranks.device.type == "cuda":
            # all steps have the same shapes, so looking for the fastest convolution pays
            torch.backends.cudnn.benchmark = True
        self.network.train()
        self.average = ExponentialMovingAverage(network, experiment.ema) if experiment.ema else None
        self.optimiser = make_optimiser(network, experiment.optimiser)
        self.losses = make_frame_losses(experiment.loss, intensity.scale(experiment.scale))
        self.shared: nn.Module = self.network
        if ranks.size > 1:
            self.shared = DistributedDataParallel(self.network)

    def step(self, sample: Sample, step: int) -> StepResult:
        """Learn from this device's part of the batch of a step, counted from 0."""
        rate = learning_rate(self.experiment.optimiser, step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # whatever else is random in a layer: the same if the step is taken again
        own = generator(self.experiment.seed, step, LAYERS, self.ranks.rank)
        torch.manual_seed(own.initial_seed())
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(sample, step)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = self.clip()
        self.optimiser.step()
        if self.average is not None:
            self.average.update(self.network, step)
        future = sampling_probabilities(
            self.experiment.sampling, step, self.steps, self.experiment.epochs
        ).future
        return StepResult(loss.detach(), norm, rate, future)

    def clip(self) -> Tensor:
        """Shorten the gradient if it is too long, and return its norm before, a scalar."""
        weights, limit = list(self.network.parameters()), self.experiment.optimiser.clip
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if limit is not None:
            nn.utils.clip_grads_with_norm_(weights, limit, norm)
        return norm

    def loss(self, sample: Sample, step: int) -> Tensor:
        """Compute the loss of this device's part of a batch, a scalar."""
        device, settings = self.ranks.device, self.experiment.loss
        mask = sample.mask.to(device, non_blocking=True)
        # what is not known must not be seen either
        frames = sample.frames.to(device, non_blocking=True).where(mask, 0.0)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.experiment.machine.bf16):
            rollout = self.rollout(frames, mask, sample, step)
        measured = {}
        if settings.kind == "exceedance":
            measured["measured"] = sample.measured.to(device, non_blocking=True)
        losses = self.losses(rollout.frames, frames[:, 1:], mask[:, 1:], **measured)
        penalty = rollout.summed_penalty if settings.decoupling_sum else rollout.penalty
        return total_loss(losses, penalty, self.experiment.data.given, settings, mask[:, 1:])

    def rollout(self, frames: Tensor, mask: Tensor, sample: Sample, step: int) -> Rollout:
        """Run the network on this device's part of a batch.

        Args:
            frames: (batch, time, 1, height, width) in 0..1.
            mask: Shaped likewise, True where known.
            sample: With the guidance.
            step: Of the training, counted from 0.
        """
        device, data = self.ranks.device, self.experiment.data
        guidance = sample.guidance.to(device, non_blocking=True)
        shown = seen(self.network, frames, mask, guidance)
        if self.network.guidance:
            rollout: Rollout = self.shared(
                shown[:, : data.given],
                horizon=data.horizon,
                guess_only=self.experiment.learns == "guess",
            )
            return rollout
        fed = self.fed(len(frames), frames.shape[1] - 1, step).to(device, non_blocking=True)
        unguided: Rollout = self.shared(shown[:, :-1], fed=fed)
        return unguided

    def fed(self, batch: int, steps: int, step: int) -> Tensor:
        """Draw which frames this device's part of the batch is shown, (batch, steps) bool.

        See `scheduled_sampling`.
        """
        probabilities = sampling_probabilities(
            self.experiment.sampling, step, self.steps, self.experiment.epochs
        )
        drawn = draw_fed_mask(
            probabilities,
            batch * self.ranks.size,
            self.experiment.data.given,
            steps,
            generator(self.experiment.seed, step, MASKS),
        )
        return drawn[self.ranks.rank * batch :][:batch]


def by_kernels(network: Nowcaster, device: torch.device) -> None:
    """Let a network learn by the kernels in C.

    Raises:
        BadExperiment: There are none for the device.
    """
    kernels = c_library.load() if device.type == "cpu" else None
    if kernels is None:
        raise BadExperiment(
            f"machine.kernels needs a processor and GCC to compile them, not found for {device}; "
            "install gcc, train with --device cpu, or unset it"
        )
    use(network, CBackend(kernels, torch.get_num_threads()))


def seen(network: Nowcaster, frames: Tensor, mask: Tensor, guidance: Tensor) -> Tensor:
    """Return the input of a network.

    Args:
        network: Which sees masks and guidance, or frames alone.
        frames: (batch, time, 1, height, width).
        mask: Likewise.
        guidance: Forecast of a baseline, (batch, lead, 1, height, width).

    Returns:
        (batch, time, channels, height, width).
    """
    if not network.exceedances:
        return frames
    shown = [frames, mask.to(frames)]
    if network.guidance:
        ahead = guidance.transpose(1, 2)
        shown.append(ahead.expand(-1, frames.shape[1], -1, -1, -1))
    return torch.cat(shown, dim=2)


def make_optimiser(network: Nowcaster, settings: Optimiser) -> torch.optim.Optimizer:
    """Make the optimiser of a network.

    Adam, Kingma and Ba (2015), https://arxiv.org/abs/1412.6980, or with decoupled decay AdamW,
    Loshchilov and Hutter (2019), https://arxiv.org/abs/1711.05101.
    """
    kind = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
    return kind(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
