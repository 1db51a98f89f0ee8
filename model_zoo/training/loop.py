"""The training loop, with validation, checkpoints and resuming.

    experiment + data + folder -> folder/last.safetensors, folder/best.safetensors

A folder holds one training: weights, `state.safetensors` to resume from, and logs. While it runs,
`current.safetensors` has the weights of the last saved state. After a kill the
same command resumes from the last saved state, on any number of devices; on the CPU in float32 and
with the same number of processes the result is bit for bit that of an uninterrupted training.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from model_zoo.nowcaster import Nowcaster
from model_zoo.training import state
from model_zoo.training.checkpoints import initial_network, log_row, save_checkpoint
from model_zoo.training.data.batches import Batches
from model_zoo.training.data.opening import open_data
from model_zoo.training.data.sample import Sample, Sequences, Split
from model_zoo.training.distributed import Ranks, process_group
from model_zoo.training.errors import BadRun
from model_zoo.training.experiment import Experiment
from model_zoo.training.learner import StepResult, Trainer
from model_zoo.training.log import Log
from model_zoo.training.run import Pace, Run, TrainingStatus, exclusive
from model_zoo.training.validation import Validation, Validator

CURRENT = "current"
"""Name of the checkpoint of the last saved state."""


def train(experiment: Experiment, run: Run) -> Path:
    """Train a network, or resume the training in the folder of the run.

    Returns:
        Path of the checkpoint with the lowest validation loss.

    Raises:
        BadData: Files of the data set are missing or damaged.
        BadExperiment: The settings do not fit the data or the devices.
        BadRun: The folder holds another training, or the loss is not finite.
        BadCheckpoint: The initial weights are of another network.
    """
    with process_group(run.device) as ranks, exclusive(run.folder, is_main=ranks.is_main):
        training = Training(experiment, run, ranks)
        training.run_steps()
    return run.folder / "best.safetensors"


class Training:
    """One training in its folder."""

    def __init__(self, experiment: Experiment, run: Run, ranks: Ranks) -> None:
        """Open the data, make or load the network, and resume from the state in the folder."""
        self.experiment, self.run, self.ranks = experiment, run, ranks
        sequences = self.open(Split.TRAIN)
        self.samples = len(sequences)
        self.per_epoch = max(self.samples // experiment.batch, 1)
        self.steps = experiment.steps or experiment.epochs * self.per_epoch
        self.validate_every = experiment.validate_every or self.per_epoch
        network, self.parent = initial_network(experiment, run.start, run.guess)
        self.trainer = Trainer(network, experiment, self.steps, ranks)
        run.folder.mkdir(parents=True, exist_ok=True)
        self.plan = {
            "experiment": experiment.model_dump(mode="json"),
            "samples": self.samples,
            "start": self.parent,
        }
        self.progress = state.load(self.state_path, *self.stateful, self.plan)
        self.validator = Validator(
            self.open(Split.VALIDATION),
            experiment.data,
            experiment.scale,
            batch=max(experiment.batch // ranks.size, 1),
            samples=experiment.validation_samples,
            workers=run.workers,
            per_cell=experiment.loss.per_cell,
        )
        self.loader = self.load(sequences)
        self.validation: float | None = None

    @property
    def state_path(self) -> Path:
        """Path of the state to resume from."""
        return self.run.folder / "state.safetensors"

    @property
    def stateful(self) -> tuple[Nowcaster, Any, torch.optim.Optimizer]:
        """Network, moving average and optimiser, which make up the state."""
        return self.trainer.network, self.trainer.average, self.trainer.optimiser

    def open(self, split: Split) -> Sequences:
        """Open the samples of a split."""
        settings, seed = self.experiment.data, self.experiment.seed
        return open_data(settings, self.run.data, split, seed=seed, scale=self.experiment.scale)

    def load(self, sequences: Sequences) -> DataLoader[Sample]:
        """Make the loader of the batches from the next step to the last."""
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

    def run_steps(self) -> None:
        """Run the remaining steps."""
        if self.progress.step >= self.steps:
            return
        logs = {n: Log(self.run.folder, n, self.progress.step) for n in self.log_names}
        before = self.progress.seconds
        pace = Pace(self.progress.step, self.run.save_minutes * 60)
        for sample in self.loader:
            step = self.progress.step
            result = self.trainer.step(sample, step)
            self.progress.step = step + 1
            done = self.progress.step
            if done % self.run.log_every == 0 or done == self.steps:
                self.log_step(result, pace, logs)
            elif pace.is_report_due() and self.ranks.is_main:
                self.report(result, result.loss.item(), pace.reported(done))
            self.progress.seconds = before + pace.seconds
            if done % self.validate_every == 0 or done == self.steps:
                self.validate(logs)
            if self.is_time_to_save(done) or pace.is_save_due():
                self.save()
                pace.saved()
        self.finish()
        for log in logs.values():
            log.close()

    @property
    def log_names(self) -> tuple[str, ...]:
        """Names of the logs that this process writes."""
        return ("training", "validation") if self.ranks.is_main else ()

    def is_time_to_save(self, done: int) -> bool:
        """Whether a state is due after `done` steps."""
        every = (self.run.save_every, self.validate_every)
        return any(done % steps == 0 for steps in every) or done == self.steps

    def report(self, result: StepResult, loss: float, speeds: tuple[float, float]) -> None:
        """Report the progress, with the steps per second since the last report and in all."""
        speed, mean = speeds
        self.run.report(
            TrainingStatus(
                self.progress.step,
                self.steps,
                loss,
                result.rate,
                speed * self.experiment.batch,
                mean,
                self.validation,
            )
        )

    def log_step(self, result: StepResult, pace: Pace, logs: Mapping[str, Log]) -> None:
        """Write a row of the training log and report the progress.

        Raises:
            BadRun: The loss is not finite.
        """
        loss = self.ranks.sum(result.loss).item() / self.ranks.size
        done = self.progress.step
        if not math.isfinite(loss):
            raise BadRun(
                f"the loss of step {done} is {loss}; lower the rate, clip the gradient or lengthen "
                "the warm-up, and begin in a new folder"
            )
        if self.ranks.is_main:
            speeds = pace.reported(done)
            row = {
                "epoch": (done - 1) // self.per_epoch + 1,
                "loss": loss,
                "rate": result.rate,
                "gradient_norm": result.norm.item(),
                "shown_future": result.future,
                "samples_per_second": speeds[0] * self.experiment.batch,
            }
            logs["training"].write(done, row)
            self.report(result, loss, speeds)

    def validate(self, logs: Mapping[str, Log]) -> None:
        """Validate the weights, or their moving average, and save them if they are the best."""
        average, network = self.trainer.average, self.trainer.network
        if average is not None:
            average.swap(network)
        bf16 = self.experiment.machine.bf16
        validation = self.validator(network, self.ranks, self.trainer.losses, bf16=bf16)
        self.validation, progress = validation.loss, self.progress
        if math.isfinite(validation.loss) and (
            progress.best is None or validation.loss < progress.best
        ):
            progress.best, progress.best_step = validation.loss, progress.step
            self.save_weights("best", validation)
        if average is not None:
            average.swap(network)
        if self.ranks.is_main:
            logs["validation"].write(progress.step, log_row(validation))

    def save_weights(self, name: str, validation: Validation | None = None) -> None:
        """Write the current weights as a checkpoint."""
        if self.ranks.is_main:
            path = self.run.folder / f"{name}.safetensors"
            about = {"samples": self.samples, "start": self.parent, **self.run.about}
            save_checkpoint(
                path, self.trainer.network, self.experiment, self.progress, validation, about
            )

    def save(self) -> None:
        """Write the state to resume from, and the weights as a checkpoint that can be used."""
        if self.ranks.is_main:
            state.save(self.state_path, *self.stateful, self.progress, self.plan)
            self.save_averaged(CURRENT)

    def save_averaged(self, name: str) -> None:
        """Write the weights, or their moving average, as a checkpoint."""
        average, network = self.trainer.average, self.trainer.network
        if average is not None:
            average.swap(network)
        self.save_weights(name)
        if average is not None:
            average.swap(network)

    def finish(self) -> None:
        """Save the last weights, or their moving average."""
        self.save_averaged("last")
        if self.ranks.is_main:
            (self.run.folder / f"{CURRENT}.safetensors").unlink(missing_ok=True)
        self.ranks.wait()
