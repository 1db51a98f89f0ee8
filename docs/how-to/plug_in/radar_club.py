"""A package that adds a cell, a forecaster, a reader and a score to nowcast."""

# --8<-- [start:cell]
from torch import Tensor

from model_zoo.cell import Cell, ConvSum, State, Step


class Leaky(Cell):
    """An LSTM that forgets as much as it takes in."""

    states = 2  # h, c

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = ConvSum(2, channels, 3 * channels)

    def forward(self, x: Tensor, state: State, memory: Tensor | None) -> Step:
        h, c = state
        i, g, o = self.gates(x, h).chunk(3, dim=1)
        i = i.sigmoid()
        c = (1 - i) * c + i * g.tanh()
        h = o.sigmoid() * c.tanh()
        return Step(h, (h, c), memory)


# --8<-- [end:cell]
# --8<-- [start:forecaster]
import numpy as np
from xarray import DataArray

from model_zoo.forecasters.contract import (
    HORIZON,
    STEP_MINUTES,
    Needs,
    lead_minutes,
    make_forecast,
    minutes,
    select_frames,
)


class Fading:
    """The newest frame, which halves every hour."""

    name = "fading"  # as the entry point
    weights = "none"  # or the SHA-256 of a file of weights
    needs = Needs(minutes(0))

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        newest = select_frames(frames, self.needs.required, self.name)
        leads = np.array(lead_minutes(horizon, step_minutes))
        rate = newest.to_numpy() * 0.5 ** (leads / 60)[:, None, None]
        return make_forecast(rate, newest, self, step_minutes=step_minutes)


# --8<-- [end:forecaster]
# --8<-- [start:reader]
from ingest.errors import BadField
from ingest.formats.radolan import Composite
from ingest.grid import NATIONAL_SPHERE


class CsvRates:
    """Rates of the national grid in mm/h as text: the time, then a row of numbers a line."""

    def recognises(self, data: bytes, name: str) -> bool:
        return name.endswith(".csv") and data.startswith(b"time,")

    def decode(self, data: bytes) -> list[Composite]:
        head, _, body = data.decode("ascii").partition("\n")
        rate = np.array([line.split(",") for line in body.split()], np.float32)
        if rate.shape != NATIONAL_SPHERE.shape:
            raise BadField(f"has {rate.shape} cells, should have {NATIONAL_SPHERE.shape}")
        return [
            Composite(
                product="CSV",
                issue=np.datetime64(head.removeprefix("time,")),
                lead=np.timedelta64(0, "m"),
                rate=rate,  # row 0 in the north, NaN for no data
                grid=NATIONAL_SPHERE,
                software="radar_club",
                provider="Radar Club",
            )
        ]


# --8<-- [end:reader]
# --8<-- [start:score]
from xarray import Dataset

from service.skill.scores import Score


def accuracy(counts: Dataset) -> DataArray:
    correct = counts["hits"] + counts["correct_negatives"]
    return correct / (correct + counts["misses"] + counts["false_alarms"])


ACCURACY = Score(accuracy, "Accuracy", "Share of cells that were forecast correctly.")
# --8<-- [end:score]
