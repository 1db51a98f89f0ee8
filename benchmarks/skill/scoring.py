"""Verification of several forecasters on an event, in one pass: each forecast is made once.

All forecasters start at the same times and count on the cells where each of them and the radar
have data.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.skill import events
from benchmarks.skill.events import EventRole
from benchmarks.skill.forecasters import NamedForecaster
from benchmarks.skill.neighbourhood_probability import neighbourhood
from ingest import precipitation
from model_zoo.forecasters.contract import LEAD_STEP, Forecaster, NotEnoughFrames
from verification import common_mask, count, match, probability_sums, radial_spectrum, window_cells

THRESHOLDS = (0.5, 2.0, 5.0)
HORIZON = 4
WINDOW_KM = 35.0
"""Of the neighbourhood that makes probabilities of advection."""
ADVECTION = "advection"
NEIGHBOURHOOD = f"advection within {WINDOW_KM:g} km"
WAVELENGTHS = (10.0, 20.0, 40.0, 80.0, 160.0)
"""km; the middles of octaves."""
SPECTRUM_LEADS = np.array([30, 120], "timedelta64[m]").astype("timedelta64[ns]")
RADAR = "radar"
HOUR = np.timedelta64(1, "h")


class Scored(NamedTuple):
    """Verification of forecasters on an event."""

    event: str
    about: str
    role: EventRole
    counts: Dataset
    """Contingency counts by (model, start, threshold, lead_time)."""
    probabilities: Dataset | None
    """Sums of probabilities by (model, start, threshold, lead_time, bin); None if without."""
    power: DataArray
    """Variance in octaves by (model, start, lead_time, wavelength), the radar's first."""
    seconds: Mapping[str, float]
    """Median of a forecast, by model."""
    left_out: int
    """Starts that some forecaster lacks frames for."""
    hour: int
    """Starts in an hour, on average."""


class NoStarts(LookupError):
    """An event is too short for what the forecasters need."""


class Start(NamedTuple):
    """The same for one start."""

    counts: Dataset
    probabilities: Dataset | None
    power: DataArray
    seconds: tuple[float, ...]


def score(
    event: str, frames: DataArray, forecasters: Sequence[NamedForecaster], every: np.timedelta64
) -> Scored:
    """Let all forecasters forecast an event.

    Args:
        event: Its name.
        frames: (time, y, x) in mm/h, NaN for no data.
        forecasters: Those to compare.
        every: From start to start.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after.
    """
    back = history(forecasters)
    issues = list(events.starts(frames, every, back, HORIZON * LEAD_STEP))
    found = [start for issue in issues if (start := of_start(issue, frames, forecasters, back))]
    if not found:
        raise NoStarts(
            f"{event}: no start leaves the frames of {back.astype('timedelta64[m]')} before it and "
            f"of {(HORIZON * LEAD_STEP).astype('timedelta64[m]')} after it"
        )
    per_start = [start.probabilities for start in found if start.probabilities is not None]
    seconds = np.median([start.seconds for start in found], axis=0)
    return Scored(
        event,
        events.described(frames),
        events.role_of(
            event, [experiment for each in forecasters for experiment in each.experiments]
        ),
        xr.concat([start.counts for start in found], "start"),
        xr.concat(per_start, "start") if per_start else None,
        xr.concat([start.power for start in found], "start"),
        dict(zip((forecaster.label for forecaster in forecasters), seconds.tolist(), strict=True)),
        len(issues) - len(found),
        max(round(len(found) * HOUR / (issues[-1] - issues[0] + every)), 1),
    )


def history(forecasters: Sequence[NamedForecaster]) -> np.timedelta64:
    """How far back the most demanding of them looks."""
    needs = [forecaster.forecaster.needs for forecaster in forecasters]
    return max(age for need in needs for age in (*need.required, *need.useful))


def of_start(
    issue: np.datetime64,
    frames: DataArray,
    forecasters: Sequence[NamedForecaster],
    back: np.timedelta64,
) -> Start | None:
    """What comes of one start; None if some forecaster lacks frames."""
    past = frames.sel(time=slice(issue - back, issue))
    try:
        timed_forecasts = [timed(forecaster.forecaster, past) for forecaster in forecasters]
    except NotEnoughFrames:
        return None
    forecasts = {
        forecaster.label: forecast
        for forecaster, (forecast, _) in zip(forecasters, timed_forecasts, strict=True)
    }
    observed = match(timed_forecasts[0][0], frames)
    compared = observed.where(common_mask(*forecasts.values(), observed=observed))
    compared = compared.reset_coords(drop=True)
    bare = [forecast.reset_coords(drop=True) for forecast in forecasts.values()]
    labels, km = list(forecasts), events.cell_km(frames)
    masked = xr.concat([compared, *bare], "model").where(compared.notnull())
    return Start(
        count(xr.concat(bare, "model"), compared, THRESHOLDS, ["y", "x"]).assign_coords(
            model=labels
        ),
        sums_of_probabilities(forecasts, compared, km),
        power(masked, km).assign_coords(model=[RADAR, *labels]),
        tuple(seconds for _, seconds in timed_forecasts),
    )


def timed(forecaster: Forecaster, past: DataArray) -> tuple[DataArray, float]:
    """A forecast, and the seconds it took."""
    began = time.perf_counter()
    forecast = forecaster(past, horizon=HORIZON)
    return forecast, time.perf_counter() - began


def sums_of_probabilities(
    forecasts: Mapping[str, DataArray], compared: DataArray, km: float
) -> Dataset | None:
    """Sums of all forecasts with exceedance probabilities, and of advection's neighbourhood."""
    fields_of: dict[str, DataArray] = {}
    for label, forecast in forecasts.items():
        found = precipitation.exceedance_probabilities(forecast)
        if set(THRESHOLDS) <= found.keys():
            fields = [found[threshold].reset_coords(drop=True) for threshold in THRESHOLDS]
            fields_of[label] = xr.concat(fields, "threshold").assign_coords(
                threshold=list(THRESHOLDS)
            )
    if not fields_of:
        return None
    if ADVECTION in forecasts:
        window = window_cells(WINDOW_KM, km)
        blurred = neighbourhood(forecasts[ADVECTION], THRESHOLDS, window)
        fields_of = {NEIGHBOURHOOD: blurred, **fields_of}
    sums: Dataset = xr.concat(
        [probability_sums(fields, compared) for fields in fields_of.values()], "model"
    )
    return sums.assign_coords(model=list(fields_of))


def power(fields: DataArray, km: float) -> DataArray:
    """Variance of fields (model, lead_time, y, x) in octaves, by (model, lead_time, wavelength).

    In some unit. NaN for octaves that the grid has no waves of, and for fields without data.
    """
    density = radial_spectrum(fields.sel(lead_time=SPECTRUM_LEADS), km)
    length = density["wavelength"].to_numpy()
    octaves = [(length >= middle / 2**0.5) & (length < middle * 2**0.5) for middle in WAVELENGTHS]
    # a ring of wavenumbers holds the more waves the larger it is
    rings = np.where(octaves, density["wavenumber"], 0)
    rings[~np.any(octaves, axis=1)] = np.nan
    variance = density.transpose("model", "lead_time", "wavenumber").to_numpy() @ rings.T
    coords = {"lead_time": SPECTRUM_LEADS, "wavelength": list(WAVELENGTHS)}
    return DataArray(variance, coords, ("model", "lead_time", "wavelength"))
