"""A small U-Net that networks of the service are measured against.

It sees no past frames, only what advection and S-PROG forecast for a lead, and tells how likely
thresholds are reached then. `benchmarks.skill.opponents.train_yardstick` trains it.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from xarray import DataArray

from model_zoo.errors import NoWeights
from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters import motion
from model_zoo.forecasters.baselines import Advection, recent_frames
from model_zoo.forecasters.contract import (
    HORIZON,
    STEP_MINUTES,
    Forecaster,
    Needs,
    make_forecast,
    minutes,
)
from model_zoo.forecasters.lead_interpolation import with_step
from model_zoo.forecasters.rain_amounts import matched_rain
from model_zoo.forecasters.sprog import SPROG
from model_zoo.guided_guess import MULTIPLE, WINDOW, Block

Array = NDArray[np.float32]

NAME = "u-net"
WEIGHTS = Path(__file__).parent / "yardstick.safetensors"
THRESHOLDS = FORECAST_THRESHOLDS
"""mm/h."""
CHANNELS = 24
INPUTS = 5
FAINTEST, BRIGHTEST = 0.05, 50.0
"""mm/h; 0 and 1 on the logarithmic scale in which rain is seen."""
SPAN = math.log(BRIGHTEST / FAINTEST)


class YardstickNetwork(nn.Module):
    """Logits of the thresholds at a lead, from `inputs_of`; a U-Net of four levels."""

    def __init__(self, channels: int = CHANNELS, thresholds: int = len(THRESHOLDS)) -> None:
        super().__init__()
        c = channels
        windows = [WINDOW >> level for level in range(4)]
        widths = [(INPUTS, c), (c, 2 * c), (2 * c, 2 * c), (2 * c, 2 * c)]
        self.down = nn.ModuleList(
            Block(*width, window) for width, window in zip(widths, windows, strict=True)
        )
        widths = [(4 * c, 2 * c), (4 * c, c), (2 * c, c)]
        self.up = nn.ModuleList(
            Block(*width, window) for width, window in zip(widths, windows[2::-1], strict=True)
        )
        self.out = nn.Conv2d(c, thresholds, kernel_size=1)
        # a logit that begins above that of a lower threshold is cut off, and would never learn
        with torch.no_grad():
            self.out.bias = nn.Parameter(-torch.arange(1.0, thresholds + 1))

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, INPUTS, y, x) to (batch, thresholds, y, x), falling with the threshold."""
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, finer in zip(self.up, reversed(levels[:-1]), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([finer, x], dim=1))
        logits: Tensor = self.out(x)[..., :height, :width]
        return logits.float().cummin(dim=1).values


def scaled(rates: NDArray[np.floating]) -> Array:
    """Return rates (any shape) in mm/h as logarithms, about 0 to 1; NaN counts as no rain."""
    rain = np.maximum(np.nan_to_num(rates.astype(np.float32)), FAINTEST)
    share: Array = (np.log(rain / FAINTEST) / SPAN).astype(np.float32)
    return share


def inputs_of(advection: NDArray[np.floating], sprog: NDArray[np.floating], lead: int) -> Array:
    """What the network sees for a lead, (INPUTS, y, x).

    Args:
        advection: Forecast (lead, y, x) in mm/h, NaN for no data.
        sprog: Likewise.
        lead: Number of the lead, from 0.
    """
    last = len(advection) - 1
    here = advection[lead]
    return np.stack(
        [
            scaled(here),
            np.isfinite(here).astype(np.float32),
            scaled(advection[min(lead + 1, last)]),
            scaled(sprog[lead]),
            np.full(here.shape, lead / (HORIZON - 1), np.float32),
        ]
    )


class Yardstick:
    """The trained yardstick as a forecaster.

    Its likeliest cells get the rain of advection, on as large an area.

    Attributes:
        members: Advection and S-PROG, which make what it sees.
    """

    name = NAME
    needs = Needs(minutes(0), useful=minutes(30, 25, 20, 15, 10, 5))

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Read its weights.

        Raises:
            NoWeights: There is no such file.
        """
        if not path.is_file():
            raise NoWeights(
                f"there are no weights of {self.name!r} at {path}; make them with "
                "`python -m benchmarks.skill.opponents.train_yardstick`"
            )
        self.weights = hashlib.sha256(path.read_bytes()).hexdigest()
        state = load_file(path)
        self.network = YardstickNetwork(state["out.weight"].shape[1], len(state["out.weight"]))
        self.network.load_state_dict(state)
        self.network.eval()
        self.members: list[Forecaster] = [Advection(), SPROG()]

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) from frames (time, y, x) in mm/h; see `Forecaster`.

        Raises:
            NotEnoughFrames: The newest has none before it in the half hour of `needs`.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        return with_step(self.half_hourly, frames, horizon, step_minutes, self.name)

    def half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
        """Forecast (lead_time, y, x) in mm/h at `horizon` lead times 30 minutes apart."""
        carried, faded = (forecaster(frames, horizon).to_numpy() for forecaster in self.members)
        seen = np.stack([inputs_of(carried, faded, lead) for lead in range(horizon)])
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(seen))
        probability = logits.sigmoid().numpy()
        probability[np.isnan(carried)[:, None].repeat(probability.shape[1], axis=1)] = np.nan
        growth = [1.0] * len(THRESHOLDS)
        rain = [
            matched_rain(of_lead, field, THRESHOLDS, growth)
            for of_lead, field in zip(probability, carried, strict=True)
        ]
        recent = recent_frames(frames, motion.SPAN_MINUTES, self.name)
        fields = {threshold: probability[:, index] for index, threshold in enumerate(THRESHOLDS)}
        return make_forecast(np.stack(rain), recent, self, fields)


def write_weights(path: Path, network: YardstickNetwork, about: dict[str, object]) -> None:
    """Write weights, and how they were trained."""
    save_file(network.state_dict(), path, {"about": json.dumps(about)})


def about_weights(path: Path = WEIGHTS) -> dict[str, object]:
    """How the weights of a file were trained."""
    with safe_open(path, "pt") as file:
        about: dict[str, object] = json.loads(file.metadata()["about"])
    return about


def experiment(path: Path = WEIGHTS) -> dict[str, object]:
    """What it was trained on, as an experiment says it."""
    return {"data": {"source": "corpus", "train": about_weights(path)["events"]}}
