"""Training from beginning to end, and on from wherever it was stopped.

    experiment + data + folder -> folder/last.safetensors, folder/best.safetensors

A folder holds one training: the weights, `state.safetensors` to go on from, and its logs. Run the
same command again after a kill, on as many devices as you like, and it goes on from the last state
saved; on the CPU in float32 and with as many processes it ends bit for bit where it would have.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from model_zoo.nowcaster import Nowcaster
from model_zoo.training import state
from model_zoo.training.checkpoints import first_weights, keep, row_of
from model_zoo.training.data.batches import Batches
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Sample, Sequences, Split
from model_zoo.training.distributed import Ranks, joined
from model_zoo.training.errors import BadRun
from model_zoo.training.experiment import Experiment
from model_zoo.training.learner import Learner, Taken
from model_zoo.training.log import Log
from model_zoo.training.run import Moment, Run, alone
from model_zoo.training.validation import Judge, Judgement


def train(experiment: Experiment, run: Run) -> Path:
    """Train a network, or go on with a training in the folder of the run.

    Returns:
        The checkpoint with the least loss on the validation split.

    Raises:
        BadData: Files of the data set are missing or damaged.
        BadExperiment: The settings do not fit the data or the devices.
        BadRun: The folder holds another training, or the loss is no number any more.
        BadCheckpoint: The weights to start from are of another network.
    """
    with joined(run.device) as ranks, alone(run.folder, leads=ranks.leads):
        training = Training(experiment, run, ranks)
        training.go()
    return run.folder / "best.safetensors"


class Training:
    """One training in its folder."""

    def __init__(self, experiment: Experiment, run: Run, ranks: Ranks) -> None:
        """Open the data, make or load the network, and take up what is in the folder."""
        self.experiment, self.run, self.ranks = experiment, run, ranks
        sequences = self.open(Split.TRAIN)
        self.samples = len(sequences)
        self.per_epoch = max(self.samples // experiment.batch, 1)
        self.steps = experiment.steps or experiment.epochs * self.per_epoch
        self.validate_every = experiment.validate_every or self.per_epoch
        network, self.parent = first_weights(experiment, run.start)
        self.learner = Learner(network, experiment, self.steps, ranks)
        run.folder.mkdir(parents=True, exist_ok=True)
        self.plan = {
            "experiment": experiment.model_dump(mode="json"),
            "samples": self.samples,
            "start": self.parent,
        }
        self.progress = state.load(self.state_path, *self.stateful, self.plan)
        self.judge = Judge(
            self.open(Split.VALIDATION),
            experiment.data,
            experiment.scale,
            batch=max(experiment.batch // ranks.size, 1),
            samples=experiment.validation_samples,
            workers=run.workers,
        )
        self.loader = self.load(sequences)
        self.validation: float | None = None

    @property
    def state_path(self) -> Path:
        """The file to go on from."""
        return self.run.folder / "state.safetensors"

    @property
    def stateful(self) -> tuple[Nowcaster, Any, torch.optim.Optimizer]:
        """All that learns."""
        return self.learner.network, self.learner.average, self.learner.optimiser

    def open(self, split: Split) -> Sequences:
        """The samples of a split."""
        settings, seed = self.experiment.data, self.experiment.seed
        return open_data(settings, self.run.data, split, seed=seed, scale=self.experiment.scale)

    def load(self, sequences: Sequences) -> DataLoader[Sample]:
        """The batches from the next step to the last."""
        batches = Batches(
            len(sequences),
            self.experiment.batch,
            seed=self.experiment.seed,
            first=self.progress.step,
            steps=self.steps,
            rank=self.ranks.rank,
            ranks=self.ranks.size,
            in_order=getattr(sequences, "in_order", False),
        )
        pinned = self.ranks.device.type == "cuda"
        workers = self.run.workers
        return DataLoader(sequences, batch_sampler=batches, num_workers=workers, pin_memory=pinned)

    def go(self) -> None:
        """Take all steps that are left."""
        if self.is_over():
            return
        logs = {n: Log(self.run.folder, n, self.progress.step) for n in self.log_names}
        begin, before = time.monotonic(), self.progress.seconds
        last, last_step = begin, self.progress.step
        for sample in self.loader:
            step = self.progress.step
            taken = self.learner.step(sample, step)
            self.progress.step = step + 1
            done = self.progress.step
            if done % self.run.log_every == 0 or done == self.steps:
                now = time.monotonic()
                speed = (done - last_step) * self.experiment.batch / (now - last)
                last, last_step = now, done
                self.note(taken, speed, logs)
            self.progress.seconds = before + time.monotonic() - begin
            if done % self.validate_every == 0 or done == self.steps:
                self.validate(logs)
            if self.is_time_to_save(done):
                self.save()
            if self.is_over():
                break
        self.finish()
        for log in logs.values():
            log.close()

    def is_over(self) -> bool:
        """Whether no step is left, or none is worth it."""
        return self.progress.stopped or self.progress.step >= self.steps

    @property
    def log_names(self) -> tuple[str, ...]:
        """Logs that this process writes."""
        return ("training", "validation") if self.ranks.leads else ()

    def is_time_to_save(self, done: int) -> bool:
        """Whether a state is due after so many steps."""
        every = (self.run.save_every, self.validate_every)
        return any(done % steps == 0 for steps in every) or done == self.steps

    def note(self, taken: Taken, speed: float, logs: Mapping[str, Log]) -> None:
        """Write a row of the training log, and tell who watches."""
        loss = self.ranks.sum(taken.loss).item() / self.ranks.size
        done = self.progress.step
        if not math.isfinite(loss):
            raise BadRun(
                f"the loss of step {done} is {loss}; lower the rate, clip the gradient or lengthen "
                "the warm-up, and begin in a new folder"
            )
        if self.ranks.leads:
            row = {
                "epoch": (done - 1) // self.per_epoch + 1,
                "loss": loss,
                "rate": taken.rate,
                "gradient_norm": taken.norm.item(),
                "shown_future": taken.future,
                "samples_per_second": speed,
            }
            logs["training"].write(done, row)
            self.run.report(Moment(done, self.steps, loss, speed, self.validation))

    def validate(self, logs: Mapping[str, Log]) -> None:
        """Judge the network, or its mean over time, and keep it if it is the best so far."""
        average, network = self.learner.average, self.learner.network
        if average is not None:
            average.swap(network)
        bf16 = self.experiment.machine.bf16
        found = self.judge(network, self.ranks, self.learner.losses, bf16=bf16)
        self.validation, progress = found.loss, self.progress
        if math.isfinite(found.loss) and (progress.best is None or found.loss < progress.best):
            progress.best, progress.best_step, progress.worse = found.loss, progress.step, 0
            self.keep("best", found)
        else:
            progress.worse += 1
        patience = self.experiment.patience
        progress.stopped = patience is not None and progress.worse >= patience
        if average is not None:
            average.swap(network)
        if self.ranks.leads:
            logs["validation"].write(progress.step, row_of(found))

    def keep(self, name: str, found: Judgement | None = None) -> None:
        """Write the weights as they are now as a checkpoint."""
        if self.ranks.leads:
            path = self.run.folder / f"{name}.safetensors"
            about = {"samples": self.samples, "start": self.parent, **self.run.about}
            keep(path, self.learner.network, self.experiment, self.progress, found, about)

    def save(self) -> None:
        """Write the state to go on from."""
        if self.ranks.leads:
            state.save(self.state_path, *self.stateful, self.progress, self.plan)

    def finish(self) -> None:
        """Keep the last weights, or their mean."""
        average, network = self.learner.average, self.learner.network
        if average is not None:
            average.swap(network)
        self.keep("last")
        if average is not None:
            average.swap(network)
        self.ranks.wait()
