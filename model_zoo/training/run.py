"""Where and how a training runs: folders, device, logging; no effect on what is learnt."""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from model_zoo.training.errors import BadRun

REPORT_SECONDS = 30.0
"""Longest time between two reports of a training, in s."""


class TrainingStatus(NamedTuple):
    """Progress of a training, as it is reported.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        loss: Loss of the step, of this process where it is not one of the training log.
        rate: Learning rate of the step.
        samples_per_second: Speed since the last report, over all devices.
        steps_per_second: Mean speed since the start of this process, validation included.
        validation: Loss of the last validation, if there was one since that start.
    """

    step: int
    steps: int
    loss: float
    rate: float
    samples_per_second: float
    steps_per_second: float
    validation: float | None

    @property
    def seconds_left(self) -> float:
        """Time until the last step at the mean speed, in s."""
        return (self.steps - self.step) / self.steps_per_second


class Pace:
    """Speed of a training in this process, and when a report and a save are due by the clock.

    Neither changes what is learnt: steps alone decide about logs, validation and rate.

    Args:
        step: Steps done before it.
        save_seconds: Longest time between two saved states, in s.
    """

    def __init__(self, step: int, save_seconds: float) -> None:
        self._begin = self._reported = self._saved = time.monotonic()
        self._first = self._step = step
        self._save_seconds = save_seconds
        self._has_reported = False

    @property
    def seconds(self) -> float:
        """Time since the start of this process's training, in s."""
        return time.monotonic() - self._begin

    def is_report_due(self) -> bool:
        """Whether no step has been reported yet, or none for some time."""
        return not self._has_reported or time.monotonic() - self._reported > REPORT_SECONDS

    def reported(self, step: int) -> tuple[float, float]:
        """Note a report at a step.

        Returns:
            Steps per second since the last report, and since the start.
        """
        now = time.monotonic()
        since = (step - self._step) / max(now - self._reported, 1e-9)
        mean = (step - self._first) / max(now - self._begin, 1e-9)
        self._reported, self._step, self._has_reported = now, step, True
        return since, mean

    def is_save_due(self) -> bool:
        """Whether no state has been saved for some time."""
        return time.monotonic() - self._saved > self._save_seconds

    def saved(self) -> None:
        """Note that a state was saved."""
        self._saved = time.monotonic()


@dataclass(frozen=True)
class Run:
    """Settings of a training on this machine, which do not change what is learnt."""

    folder: Path
    data: Path | None = None
    """Folder of the data set."""
    start: Path | None = None
    """Checkpoint with the initial weights, random if None."""
    guess: Path | None = None
    """Checkpoint whose first guess from a baseline is taken."""
    device: str = "auto"
    workers: int = 0
    """Data loader processes of each device."""
    log_every: int = 20
    save_every: int = 200
    """Steps between two saved states; there is one after each validation as well, and one whenever
    `save_minutes` have passed."""
    save_minutes: float = 2.0
    about: Mapping[str, Any] = field(default_factory=dict)
    """Further provenance of the weights."""
    report: Callable[[TrainingStatus], None] = lambda _: None


@contextmanager
def exclusive(folder: Path, *, is_main: bool) -> Iterator[None]:
    """Lock the folder of a training; the lock ends with the process.

    Args:
        folder: Of one training; made if missing.
        is_main: Whether this is the process of the training that writes files.

    Raises:
        BadRun: Another training runs in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            if is_main:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadRun(
                f"another training runs in {folder}; wait for it or name another folder"
            ) from error
        yield
