"""How a training is run on a machine, beside what it learns."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from model_zoo.training.errors import BadRun


class Moment(NamedTuple):
    """Where a training is, for whoever watches."""

    step: int
    steps: int
    loss: float
    samples_per_second: float
    validation: float | None
    """The last one's loss, if there was one since the start of this process."""


@dataclass(frozen=True)
class Run:
    """How a training is run here; changes nothing in what it learns."""

    folder: Path
    data: Path | None = None
    """Where the files of the data set lie."""
    start: Path | None = None
    """Checkpoint to begin with instead of random weights."""
    device: str = "auto"
    workers: int = 0
    """Processes of each device that make samples."""
    log_every: int = 20
    save_every: int = 200
    """Steps; a state is saved after each validation as well."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """More to say of where the weights come from."""
    report: Callable[[Moment], None] = lambda _: None


@contextmanager
def alone(folder: Path, *, leads: bool) -> Iterator[None]:
    """Keep others out of a folder of training; whoever dies lets go of it.

    Args:
        folder: Of one training; made if it is not there.
        leads: Whether this process is the one of its training that writes.

    Raises:
        BadRun: Another training is at work in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            if leads:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadRun(
                f"another training is at work in {folder}; wait for it or name another folder"
            ) from error
        yield
