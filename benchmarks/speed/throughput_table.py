"""Table of samples per second in training."""

from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from model_zoo.training.experiment import Machine

LESSON, LESSON_SIDE = 20, 32
"""Steps, and the side of the fields they are on, after which is shown what was learnt."""
MODES: Mapping[str, Machine] = MappingProxyType(
    {
        "float32": Machine(),
        "float32-channels-last": Machine(channels_last=True),
        "float32-kernels": Machine(kernels=True),
        "float32-kernels-lean": Machine(kernels=True, lean=True),
        "bf16-channels-last": Machine(bf16=True, channels_last=True),
        "bf16-channels-last-compile": Machine(bf16=True, channels_last=True, compile=True),
    }
)
"""Ways to do the arithmetic of ours."""
PUBLISHED_MODE = "published, float32"


class TimedStep(NamedTuple):
    """What one step took."""

    seconds: float
    processor: float
    """Seconds of the CPU, of all threads together."""


class Row(NamedTuple):
    """A network trained in one way."""

    name: str
    mode: str
    batch: int
    taken: Sequence[TimedStep]
    beside: Sequence[TimedStep]
    """By the published network, just before each."""
    difference: float
    """Of the first loss from that of the published network, as a share of it."""
    learnt: float
    """Loss of the first sequence of the lesson after it."""
    peak: float
    """MB that steps take above the network at rest: the allocator's on a GPU, else resident."""
    published_peak: float
    """The same by the published network."""

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.batch / median(step.seconds for step in self.taken)

    @property
    def ratio(self) -> float:
        """Of the rate to that of the published network."""
        pairs = zip(self.taken, self.beside, strict=True)
        return median(before.seconds / step.seconds for step, before in pairs)

    @property
    def processor_ratio(self) -> float:
        """The same by processor time."""
        pairs = zip(self.taken, self.beside, strict=True)
        return median(before.processor / step.processor for step, before in pairs)

    @property
    def share(self) -> float:
        """Of the published network's memory."""
        return self.peak / self.published_peak


HEADINGS = (
    "network",
    "how",
    "samples/s",
    "against published",
    "by processor time",
    "first loss differs by",
    f"loss after {LESSON} steps",
    "peak, MB",
    "of published",
)


def table(found: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [HEADINGS, ["---", "---", *["---:"] * (len(HEADINGS) - 2)], *map(cells, found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: Row) -> list[str]:
    """A row as it is printed, in the order of `HEADINGS`."""
    return [
        row.name,
        row.mode,
        f"{row.rate:.3g}",
        f"{row.ratio:.2f}",
        f"{row.processor_ratio:.2f}",
        f"{row.difference:.1e}" if row.mode in MODES else "",
        f"{row.learnt:,.1f}",
        f"{row.peak:,.0f}",
        f"{row.share:.3f}",
    ]


def advice(found: Sequence[Row]) -> str:
    """What to write into an experiment for the fastest way of each network."""
    lines = []
    for name in dict.fromkeys(row.name for row in found):
        own = [row for row in found if row.name == name and row.mode in MODES]
        best = max(own, key=lambda row: row.ratio)
        settings = MODES[best.mode].model_dump(exclude_defaults=True)
        toml = ", ".join(f"{key} = {str(value).lower()}" for key, value in settings.items())
        setting = f"in an experiment `machine = {{ {toml} }}`" if toml else "as by default"
        lines.append(f"- **{name}** is fastest with {best.mode}: {setting}.")
    return "\n".join(lines)
