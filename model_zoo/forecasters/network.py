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
from model_zoo.forecasters.advect import sample_whole
from model_zoo.forecasters.baselines import MINUTE, motion_of, put_back, recent_frames, set_aside
from model_zoo.forecasters.baselines import rates as rates_of
from model_zoo.forecasters.contract import (
    HORIZON,
    LEAD_STEP,
    STEP_MINUTES,
    Needs,
    make_forecast,
    minutes,
    select_frames,
)
from model_zoo.forecasters.lead_interpolation import with_step
from model_zoo.forecasters.rain_amounts import expected_change, matched_rain
from model_zoo.forecasters.sprog import carried_to_newest, sprog_fields
from model_zoo.frame_cache import cached_by_frames
from model_zoo.guided_guess import LEADS
from model_zoo.nowcaster import Nowcaster

Array = NDArray[np.float32]

GIVEN = 4
"""Frames a network sees, 30 minutes apart, in the papers and in every experiment of ours."""
AGES = tuple(LEAD_STEP * age for age in reversed(range(GIVEN)))


class Network:
    """A trained network.

    In a fixed view it knows nothing of no data: NaN goes in as 0, which is dry, and the forecast is
    NaN wherever the newest frame has no data, at every lead. Of what drifts in from there it saw
    nothing, so near such an edge, on the side the wind comes from, its rain fades too early.

    In a moving view it sees all frames carried to where their rain is at the newest, as
    `Advection` carries them, and its output is carried on from there; so its forecast is NaN just
    where that of `Advection` is. With guidance it also sees the field of S-PROG for each lead.

    Where it predicts exceedances, its forecast has the coordinates `exceedance_probability_0.5`
    and so on: the probability that the rain reaches so many mm/h. The likeliest cells get the rain
    of the newest frame, or that of S-PROG, whose area goes on growing or shrinking
    (`matched_rain`), part of the way to what its probabilities expect (`expected_change`).
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
        self._calibration = trained.calibration
        self._half_hourly = cached_by_frames(self._forecast_half_hourly)

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) from frames (time, y, x) in mm/h; see `Forecaster`.

        Raises:
            NotEnoughFrames: One of the frames 90, 60, 30 and 0 minutes old is missing.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        return with_step(self.half_hourly, frames, horizon, step_minutes, self.name)

    def half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
        """Forecast (lead_time, y, x) in mm/h every 30 minutes, as the network was trained.

        The forecasts of the last frames are kept: a blend of the network asks for them again.
        """
        return self._half_hourly(frames, horizon).copy()

    def _forecast_half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
        select_frames(frames, AGES, self.name)  # to say first what is missing of the network's own
        frames, kept = set_aside(frames, self.name) if self.moves else (frames, None)
        given = select_frames(frames, AGES, self.name)
        rates = rates_of(given)
        ahead: list[Array] = []
        guidance: Array | None = None
        if self.moves:
            recent = recent_frames(frames, motion.SPAN_MINUTES, self.name)
            moving = motion_of(recent)
            leads = range(1, max(horizon, GIVEN - 1) + 1)
            ahead = list(advect.departure_points(moving, [lead * STEP_MINUTES for lead in leads]))
            # a frame of so many leads ago is where a forecast of so many leads will come from
            here = [
                advect.sample_at(rate[None], positions)[0]
                for rate, positions in zip(rates[:-1], ahead[GIVEN - 2 :: -1], strict=True)
            ]
            rates = np.stack([*here, rates[-1]])
            if self._network.guidance:
                # the first guess of a lead sees the one after it as well, whatever is asked for
                guidance = sprog_guidance(recent, moving, max(horizon, LEADS))
        predicted = self.predict(rates, horizon, guidance)
        predicted[:, :, np.isnan(rates[-1])] = np.nan
        if not self._thresholds:
            if self.moves:
                pairs = zip(predicted, ahead, strict=False)
                predicted = np.stack([advect.sample_at(*pair) for pair in pairs])
            alone = predicted[:, 0]
            return make_forecast(alone if kept is None else put_back(alone, kept), given, self)
        predicted = self._calibration.probabilities(predicted, rates[-1], self._thresholds)
        amounts = np.repeat(rates[-1:], horizon, axis=0) if guidance is None else guidance[:horizon]
        if self.moves:
            reached = ahead[:horizon]
            predicted = np.stack([*map(advect.sample_at, predicted, reached)])
            amounts = np.stack([*map(sample_whole, amounts, reached)])
        rain = np.stack(
            [
                matched_rain(of_lead, field, self._thresholds, self._growth(lead, of_lead, field))
                for lead, (of_lead, field) in enumerate(zip(predicted, amounts, strict=True))
            ]
        )
        probabilities = {
            threshold: predicted[:, index]
            for index, threshold in enumerate(self._thresholds)
            if threshold in exceedance.FORECAST_THRESHOLDS
        }
        return make_forecast(
            rain if kept is None else put_back(rain, kept), given, self, probabilities
        )

    def _growth(self, lead: int, probabilities: Array, amounts: Array) -> NDArray[np.float64]:
        """By which factor (threshold,) the area of each threshold of `amounts` grows."""
        growth = np.array(self._calibration.growth_of(lead, len(self._thresholds)))
        if self._calibration.expects:
            growth *= expected_change(probabilities, amounts, self._thresholds)
        return growth

    def predict(self, rates: Array, horizon: int, guidance: Array | None = None) -> Array:
        """Return the output of the network for the next `horizon` lead times.

        These are rates (horizon, 1, y, x) in mm/h, or exceedance probabilities of its thresholds
        (horizon, thresholds, y, x).

        Args:
            rates: (time, y, x) in mm/h, NaN for no data.
            horizon: How many leads.
            guidance: (horizon, y, x) in mm/h, the forecast of the baseline it sees, in the view of
                `rates`.
        """
        given = torch.from_numpy(rates).to(self._device)
        known = ~given.isnan()
        scaled = self._encode(given)[None, :, None]
        if self._thresholds:
            scaled = torch.cat([scaled, known[None, :, None].to(scaled)], dim=2)
        if guidance is not None:
            baseline = self._encode(torch.from_numpy(guidance).to(self._device))
            scaled = torch.cat([scaled, baseline.expand(1, len(rates), -1, -1, -1)], dim=2)
        height, width = rates.shape[-2:]
        multiple = self._network.stack.multiple
        # dry beyond the edge, as no data is, and as the convolutions pad
        padded = F.pad(scaled, (0, -width % multiple, 0, -height % multiple))
        with torch.inference_mode():
            predicted = self._forecast(padded, horizon)[0, :, :, :height, :width]
            if self._thresholds:
                predicted = predicted.sigmoid()
            else:
                predicted = self._scale.decode(predicted).clamp(min=0)
        found: Array = predicted.cpu().numpy()
        return found

    def _encode(self, rates: Tensor) -> Tensor:
        """Rates in mm/h in 0..1, 0 for no data."""
        return self._scale.encode(rates.nan_to_num(0.0).clamp(min=0))


@cached_by_frames
def sprog_guidance(recent: DataArray, moving: Array, horizon: int) -> Array:
    """What S-PROG forecasts for each lead, (horizon, y, x) in mm/h, not yet carried along.

    All networks of a cycle share it, so that none may change it.

    Args:
        recent: The frames of the last minutes.
        moving: Their motion, (y, x, 2) in cells per minute.
        horizon: How many leads, 30 minutes apart.
    """
    times = recent["time"].to_numpy()
    ages = ((times[-1] - times) / MINUTE).tolist()
    rates = carried_to_newest(rates_of(recent), moving, ages)
    return sprog_fields(rates, ages, [STEP_MINUTES * lead for lead in range(1, horizon + 1)])
