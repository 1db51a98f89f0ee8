"""How a training is run on a machine, beside what it learns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


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
