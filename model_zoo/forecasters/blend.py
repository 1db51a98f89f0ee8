"""Several forecasters as one: for each lead and threshold what they say, weighed as events taught.

A logistic regression (stacking, Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1) turns the members'
probabilities, or the distance of their rain from the threshold, into one probability; its
coefficients come from events with radar of what followed (`model_zoo.training.blending`) and lie in
a JSON file. The likeliest cells get the rain of one member (`matched_rain`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from xarray import DataArray

from ingest.precipitation import exceedance_probabilities
from model_zoo import intensity
from model_zoo.calibration import logit
from model_zoo.errors import BadCheckpoint, NoWeights
from model_zoo.forecasters.contract import (
    HORIZON,
    STEP_MINUTES,
    Forecaster,
    Needs,
    make_forecast,
    select_frames,
)
from model_zoo.forecasters.lead_interpolation import with_step
from model_zoo.forecasters.rain_amounts import expected_change, matched_rain

Array = NDArray[np.float32]

NAME = "blend"
SCALE = "rate"
"""Intensity scale in which the rain of a member is compared with a threshold."""


@dataclass(frozen=True)
class BlendTable:
    """What a blend is made of.

    Attributes:
        members: Names of forecasters.
        amounts: The member whose amounts the rain takes.
        thresholds: mm/h, rising.
        coefficients: (lead, threshold, 1 + member): intercept, weights of the `feature`s.
        growth: (lead, threshold), factor of the area of the member that lends its amounts, beside
            that which its probabilities expect (`expected_change`).
        sha256: Of the file.
    """

    members: tuple[str, ...]
    amounts: str
    thresholds: tuple[float, ...]
    coefficients: NDArray[np.float64]
    growth: NDArray[np.float64]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> "BlendTable":
        """The table of a file.

        Raises:
            NoWeights: There is no such file.
            BadCheckpoint: It is no such table.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NoWeights(
                f"no table of a blend can be read at {path}: {error.strerror}; make one with "
                "`nowcast blend`"
            ) from error
        try:
            card = json.loads(data)
            table = cls(
                tuple(map(str, card["members"])),
                str(card["amounts"]),
                tuple(map(float, card["thresholds"])),
                np.array(card["coefficients"], float),
                np.array(card["growth"], float),
                hashlib.sha256(data).hexdigest(),
            )
            table.check()
        except (ValueError, KeyError, TypeError) as error:
            raise BadCheckpoint(
                f"{path} is no table of a blend ({error}); make it again with `nowcast blend`"
            ) from error
        return table

    def check(self) -> None:
        """Check that the parts fit each other.

        Raises:
            ValueError: They do not.
        """
        number = len(self.thresholds)
        if self.coefficients.shape[1:] != (number, 1 + len(self.members)):
            raise ValueError(f"coefficients are {self.coefficients.shape}")
        if self.growth.shape != self.coefficients.shape[:2]:
            raise ValueError(f"growth is {self.growth.shape}")
        if not (np.isfinite(self.coefficients).all() and np.isfinite(self.growth).all()):
            raise ValueError("coefficients are not all finite")
        if self.amounts not in self.members:
            raise ValueError(f"amounts are of {self.amounts!r}, which is no member")

    def recalibrated(
        self, intercepts: NDArray[np.float64], slopes: NDArray[np.float64]
    ) -> "BlendTable":
        """The table whose probabilities have an intercept and a slope of their logit.

        Args:
            intercepts: (lead, threshold).
            slopes: (lead, threshold), positive.
        """
        coefficients = slopes[..., None] * self.coefficients
        coefficients[..., 0] += intercepts
        return replace(self, coefficients=coefficients)

    def probabilities(self, forecasts: Sequence[DataArray]) -> Array:
        """Blend the members' forecasts into probabilities (lead, threshold, y, x).

        Args:
            forecasts: One of each member, (lead_time, y, x).

        Returns:
            In 0..1, falling with the threshold; NaN where a member has no data.
        """
        features = np.stack([feature(forecast, self.thresholds) for forecast in forecasts])
        leads = np.minimum(np.arange(features.shape[1]), len(self.coefficients) - 1)
        weights = self.coefficients[leads].astype(np.float32)
        logits = weights[..., 0, None, None] + np.einsum(
            "mltyx,ltm->ltyx", features, weights[..., 1:], optimize=True
        )
        falling: Array = np.minimum.accumulate(1 / (1 + np.exp(-logits)), axis=1)
        unknown = np.isnan(logits).any(axis=1, keepdims=True)
        return np.where(unknown, np.float32(np.nan), falling)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "members": self.members,
            "amounts": self.amounts,
            "thresholds": self.thresholds,
            "coefficients": self.coefficients.round(5).tolist(),
            "growth": self.growth.round(3).tolist(),
        }


class Blend:
    """Members weighed by lead and threshold; NaN where one of them knows nothing."""

    name = NAME

    def __init__(self, table: BlendTable, members: Mapping[str, Forecaster]) -> None:
        """Join forecasters.

        Args:
            table: Their weights.
            members: By name; those of the table at least.
        """
        self.table = table
        self.members = [members[name] for name in table.members]
        parts = [table.sha256, *(member.weights for member in self.members)]
        self.weights = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        self.needs = Needs(*merged([member.needs for member in self.members]))

    def with_table(self, table: BlendTable) -> "Blend":
        """The same members weighed by another table; it goes by the same weights.

        Args:
            table: Of the same members.
        """
        other = copy(self)
        other.table = table
        return other

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast from the newest of `frames`; see `Forecaster` and `lead_interpolation`.

        Raises:
            NotEnoughFrames: A frame that one of the members requires is missing.
            ValueError: There is no lead time, or the step is less than a minute.
        """
        return with_step(self.half_hourly, frames, horizon, step_minutes, self.name)

    def half_hourly(self, frames: DataArray, horizon: int) -> DataArray:
        """Forecast `horizon` lead times that are 30 minutes apart, as events taught the weights."""
        forecasts = [member(frames, horizon) for member in self.members]
        probability = self.table.probabilities(forecasts)
        amounts = forecasts[self.table.members.index(self.table.amounts)].to_numpy()
        thresholds, last = self.table.thresholds, len(self.table.growth) - 1
        rain = [
            matched_rain(
                of_lead,
                field,
                thresholds,
                self.table.growth[min(lead, last)] * expected_change(of_lead, field, thresholds),
            )
            for lead, (of_lead, field) in enumerate(zip(probability, amounts, strict=True))
        ]
        probabilities = {t: probability[:, index] for index, t in enumerate(self.table.thresholds)}
        given = select_frames(frames, self.needs.required, self.name)
        return make_forecast(np.stack(rain), given, self, probabilities)


def feature(forecast: DataArray, thresholds: Sequence[float]) -> Array:
    """Turn a forecast into one predictor for each threshold.

    Args:
        forecast: (lead_time, y, x) in mm/h, with or without exceedance probabilities.
        thresholds: In mm/h, rising.

    Returns:
        (lead, threshold, y, x): the logit of the probability, or how far the rain lies above the
        threshold on the intensity scale; NaN for no data.
    """
    known = exceedance_probabilities(forecast)
    if all(threshold in known for threshold in thresholds):
        return logit(np.stack([known[t].to_numpy() for t in thresholds], axis=1))
    scale = intensity.scale(SCALE)
    rain = scale.encode(torch.from_numpy(np.ascontiguousarray(forecast.to_numpy())))
    levels = scale.encode(torch.tensor(thresholds))
    distance: Array = (rain[:, None] - levels[:, None, None]).float().numpy()
    return distance


def merged(needs: Sequence[Needs]) -> tuple[tuple[np.timedelta64, ...], tuple[np.timedelta64, ...]]:
    """The frames that all of several require, and those that are useful to one."""
    required = sorted({age for need in needs for age in need.required}, reverse=True)
    useful = sorted({age for need in needs for age in need.useful} - {*required}, reverse=True)
    return tuple(required), tuple(useful)
