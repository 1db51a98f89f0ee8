"""Where and how a training runs: folders, device, logging; no effect on what is learnt."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from model_zoo.training.errors import BadRun


class TrainingStatus(NamedTuple):
    """Progress of a training, as it is reported."""

    step: int
    steps: int
    loss: float
    samples_per_second: float
    validation: float | None
    """Loss of the last validation, if there was one since the start of this process."""


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
    """Steps between two saved states; there is one after each validation as well."""
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
