"""A trained network of the zoo as a forecaster.

A network sees rain as numbers in 0..1 without NaN, on a grid that it can halve as often as it needs
to; here is the one place where frames become such tensors, and what it says becomes a forecast.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from xarray import DataArray

from model_zoo import exceedance, intensity
from model_zoo.checkpoints.checkpoint import Checkpoint
from model_zoo.device import named
from model_zoo.fast.autotune import AutotunedNetwork, Forecast
from model_zoo.forecasters import advect, motion
from model_zoo.forecasters.baselines import MINUTE, motion_of, put_back, recent_frames, set_aside
from model_zoo.forecasters.baselines import rates as rates_of
from model_zoo.forecasters.contract import (
    LEAD_STEP,
    Needs,
    check_horizon,
    make_forecast,
    minutes,
    select_frames,
)
from model_zoo.nowcaster import Nowcaster

Array = NDArray[np.float32]

GIVEN = 4
"""Frames a network sees, 30 minutes apart, in the papers and in every experiment of ours."""
AGES = tuple(LEAD_STEP * age for age in reversed(range(GIVEN)))
STEP_MINUTES = float(LEAD_STEP / MINUTE)


class Network:
    """A trained network.

    In a fixed view it knows nothing of no data: NaN goes in as 0, which is dry, and the forecast is
    NaN wherever the newest frame has no data, at every lead. Of what drifts in from there it saw
    nothing, so near such an edge, on the side the wind comes from, its rain fades too early.

    In a moving view it sees all frames carried to where their rain is at the newest, as
    `Advection` carries them, and what it says is carried on from there; so its forecast is NaN just
    where that of `Advection` is.

    Where it tells exceedances, its forecast has the coordinates `chance_0.5`, `chance_2` and
    `chance_5`: the probability that the rain reaches so many mm/h. It rains where a probability
    passes its cut, and on no less of the area than now as far as that is likely at all (`no_less`).
    """

    def __init__(
        self,
        trained: Checkpoint,
        *,
        name: str,
        device: str = "auto",
        by: Callable[[Nowcaster], Forecast] = AutotunedNetwork,
    ) -> None:
        """Bring a checkpoint onto a device.

        Args:
            trained: The network, with the view and the intensity scale it knows rain in.
            name: What its forecasts go by.
            device: As torch names it, or "auto" for the GPU if there is one.
            by: How the network is run.
        """
        self.name = name
        self.weights = trained.sha256
        self.moves = trained.view == "moving"
        self.needs = Needs(AGES, useful=minutes(25, 20, 15, 10, 5) if self.moves else ())
        self._device = named(device)
        self._network = trained.network.to(self._device).eval()
        self._forecast = by(self._network)
        self._scale = intensity.scale(trained.scale)
        self._thresholds = trained.thresholds
        self._levels = self._scale.encode(torch.tensor(trained.thresholds))
        self._cuts = trained.cuts

    def __call__(self, frames: DataArray, horizon: int = 4) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster`.

        Raises:
            NotEnoughFrames: One of the frames 90, 60, 30 and 0 minutes old is missing.
        """
        check_horizon(horizon)
        select_frames(frames, AGES, self.name)  # to say first what is missing of the network's own
        frames, kept = set_aside(frames, self.name) if self.moves else (frames, None)
        given = select_frames(frames, AGES, self.name)
        rates = rates_of(given)
        ahead: list[Array] = []
        if self.moves:
            moving = motion_of(recent_frames(frames, motion.SPAN_MINUTES, self.name))
            leads = range(1, max(horizon, GIVEN - 1) + 1)
            ahead = list(advect.departure_points(moving, [lead * STEP_MINUTES for lead in leads]))
            # a frame of so many leads ago is where a forecast of so many leads will come from
            here = [
                advect.sample_at(rate[None], at)[0]
                for rate, at in zip(rates[:-1], ahead[GIVEN - 2 :: -1], strict=True)
            ]
            rates = np.stack([*here, rates[-1]])
        said = self.predict(rates, horizon)
        said[:, :, np.isnan(rates[-1])] = np.nan
        cuts = self.cuts(said, rates[-1])
        if self.moves:
            said = np.stack([advect.sample_at(*pair) for pair in zip(said, ahead, strict=False)])
        if not self._thresholds:
            rain = said[:, 0]
            return make_forecast(rain if kept is None else put_back(rain, kept), given, self)
        chances = {
            threshold: said[:, at]
            for at, threshold in enumerate(self._thresholds)
            if threshold in exceedance.TOLD
        }
        rain = self.rain(said, cuts)
        return make_forecast(rain if kept is None else put_back(rain, kept), given, self, chances)

    def predict(self, rates: Array, horizon: int) -> Array:
        """What the network says of rates (time, y, x) in mm/h: the next `horizon` of them,
        (horizon, 1, y, x), or the probabilities of its thresholds, (horizon, thresholds, y, x)."""
        given = torch.from_numpy(rates).to(self._device)
        known = ~given.isnan()
        scaled = self._scale.encode(given.where(known, 0.0).clamp(min=0))[None, :, None]
        if self._thresholds:
            scaled = torch.cat([scaled, known[None, :, None].to(scaled)], dim=2)
        height, width = rates.shape[-2:]
        multiple = self._network.stack.multiple
        # dry beyond the edge, as no data is, and as the convolutions pad
        padded = F.pad(scaled, (0, -width % multiple, 0, -height % multiple))
        with torch.inference_mode():
            said = self._forecast(padded, horizon)[0, :, :, :height, :width]
            said = said.sigmoid() if self._thresholds else self._scale.decode(said).clamp(min=0)
        found: Array = said.cpu().numpy()
        return found

    def cuts(self, chances: Array, newest: Array) -> Tensor:
        """From which probability on it rains, (lead, thresholds, 1, 1), seeing where it rains now.

        Args:
            chances: (lead, thresholds, y, x), NaN where unknown, before they are carried.
            newest: The newest frame (y, x) in mm/h.
        """
        fixed = exceedance.cuts_of(self._cuts, len(chances), len(self._thresholds))
        scaled = self._scale.encode(torch.from_numpy(newest).nan_to_num(0.0).clamp(min=0))
        reached = exceedance.events(scaled[None, None], self._levels)[0]
        return exceedance.no_less(torch.from_numpy(chances), reached, fixed)

    def rain(self, chances: Array, cuts: Tensor) -> Array:
        """The rain (lead, y, x) in mm/h of probabilities (lead, thresholds, y, x), NaN as they."""
        said = torch.from_numpy(chances)
        known = ~said[:, 0].isnan()
        scaled: Tensor = exceedance.rain(said.nan_to_num(0.0), self._levels, cuts)[:, 0]
        rate: Array = self._scale.decode(scaled).where(known, torch.nan).numpy()
        return rate
