"""Forecasters that keep what they forecast, for others that build on it and for the next run.

A folder keeps forecasts by event, forecaster, weights and start. It does not see a change of a
baseline's code: delete it then.
"""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from xarray import DataArray

from benchmarks.skill.forecasters import NamedForecaster
from ingest.precipitation import exceedance_probabilities
from model_zoo.forecasters.contract import (
    HORIZON,
    STEP_MINUTES,
    Forecaster,
    make_forecast,
    times_of,
)

RATE, SECONDS = "rate", "seconds"
THRESHOLD = "reaches-"
"""Begin of the names of arrays of exceedance probabilities."""


class Remembered:
    """A forecaster that answers again from memory or from a folder.

    Attributes:
        seconds: Duration in s of the forecast that was asked for last, when it was made.
        calls: Number of forecasts that were made, and not remembered.
    """

    def __init__(self, forecaster: Forecaster, folder: Path | None) -> None:
        """Wrap a forecaster.

        Args:
            forecaster: What makes the forecasts.
            folder: Where they are kept; None for only the last one, in memory.
        """
        self.name, self.weights, self.needs = forecaster.name, forecaster.weights, forecaster.needs
        self.seconds, self.calls = 0.0, 0
        self.forecaster = forecaster
        self._folder, self._event = folder, ""
        self._last: tuple[str, str, DataArray] | None = None

    def begin(self, event: str) -> None:
        """Forecasts that follow are of this event."""
        self._event = event

    def __call__(
        self, frames: DataArray, horizon: int = HORIZON, step_minutes: int = STEP_MINUTES
    ) -> DataArray:
        """Forecast (lead_time, y, x) from frames (time, y, x) in mm/h; see `Forecaster`.

        Raises:
            BadFrames: The wrapped forecaster refuses the frames.
            NotEnoughFrames: There are too few frames for it.
        """
        issue = f"{times_of(frames)[-1].astype('datetime64[s]')}-{horizon}".replace(":", "")
        if step_minutes != STEP_MINUTES:
            issue += f"x{step_minutes}"
        if self._last is None or self._last[:2] != (self._event, issue):
            self._last = (self._event, issue, self._find(frames, horizon, step_minutes, issue))
        return self._last[2]

    def _find(self, frames: DataArray, horizon: int, step_minutes: int, issue: str) -> DataArray:
        """The forecast from the folder; where it is not there it is made and kept."""
        if self._folder is None:
            return self._make(frames, horizon, step_minutes)
        name = f"{self.name}-{self.weights[:16]}"
        path = self._folder / self._event / name / f"{issue}.npz"
        if not path.exists():
            forecast = self._make(frames, horizon, step_minutes)
            self._write(path, forecast)
            return forecast
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        self.seconds = float(arrays[SECONDS])
        probabilities = {
            float(key.removeprefix(THRESHOLD)): field
            for key, field in arrays.items()
            if key.startswith(THRESHOLD)
        }
        return make_forecast(arrays[RATE], frames, self, probabilities, step_minutes)

    def _make(self, frames: DataArray, horizon: int, step_minutes: int) -> DataArray:
        """Forecast, and note the time, with that of members that remembered theirs."""
        members = [
            member for member in members_of(self.forecaster) if isinstance(member, Remembered)
        ]
        before = [member.calls for member in members]
        began = perf_counter()
        found = self.forecaster(frames, horizon, step_minutes)
        self.seconds = perf_counter() - began
        self.seconds += sum(
            member.seconds
            for member, calls in zip(members, before, strict=True)
            if member.calls == calls
        )
        self.calls += 1
        return found

    def _write(self, path: Path, forecast: DataArray) -> None:
        """Write a forecast, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {RATE: forecast.to_numpy(), SECONDS: np.array(self.seconds)}
        for threshold, field in exceedance_probabilities(forecast).items():
            arrays[f"{THRESHOLD}{threshold:g}"] = field.to_numpy()
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, allow_pickle=False, **arrays)
        partial.replace(path)


def members_of(forecaster: Forecaster) -> list[Forecaster]:
    """The forecasters that one is made of; none of most."""
    found: list[Forecaster] = getattr(forecaster, "members", [])
    return found


def remember(
    forecasters: Sequence[NamedForecaster], folder: Path | None = None
) -> list[NamedForecaster]:
    """Forecasters that remember; those made of others take what these have forecast already.

    Args:
        forecasters: To be wrapped; the lists of members of some are changed.
        folder: Where forecasts are kept; None for nowhere.
    """
    wrapped = [
        entry._replace(forecaster=Remembered(entry.forecaster, folder)) for entry in forecasters
    ]
    known = {
        (entry.forecaster.name, entry.forecaster.weights): entry.forecaster for entry in wrapped
    }
    for entry in forecasters:
        members = members_of(entry.forecaster)
        members[:] = [known.get((member.name, member.weights), member) for member in members]
    return wrapped
