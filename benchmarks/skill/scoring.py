"""Verification of several forecasters on an event, in one pass: each forecast is made once.

All forecasters start at the same times and count on the cells where each of them and the radar
have data.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.skill import events
from benchmarks.skill.events import EventRole
from benchmarks.skill.forecasters import NamedForecaster
from benchmarks.skill.opponents.simple_probabilities import SimpleProbabilities
from benchmarks.skill.remembered import Remembered
from ingest import precipitation
from model_zoo.exceedance import FORECAST_THRESHOLDS
from model_zoo.forecasters.contract import LEAD_STEP, Forecaster, NotEnoughFrames
from verification import (
    common_mask,
    count,
    crps_sums,
    fraction_sums,
    match,
    probability_sums,
    radial_spectrum,
    rate_crps_sums,
    window_cells,
)

THRESHOLDS = FORECAST_THRESHOLDS
"""mm/h."""
MAIN_THRESHOLDS = (0.5, 2.0, 5.0)
"""mm/h; of differences, of neighbourhoods, and of what is shown in short."""
HORIZON = 4
ADVECTION, SPROG = "advection", "s-prog"
SCALES = (5.0, 10.0, 20.0, 40.0)
"""km; of neighbourhoods of the fractions skill score."""
WAVELENGTHS = (10.0, 20.0, 40.0, 80.0, 160.0)
"""km; the middles of octaves."""
SPECTRUM_LEADS = np.array([30, 120], "timedelta64[m]").astype("timedelta64[ns]")
RADAR, START = "radar", "start"
HOUR = np.timedelta64(1, "h")


class Sums(NamedTuple):
    """What scores are computed from, of one start or, with the dim `start`, of several."""

    counts: Dataset
    """Contingency counts by (model, threshold, lead_time)."""
    amounts: Dataset
    """`forecast` and `observed` rain by (model, lead_time), summed over cells in mm/h."""
    fractions: Dataset
    """Sums of the fractions skill score by (model, threshold, scale, lead_time)."""
    crps: Dataset
    """Sums of the CRPS by (model, lead_time)."""
    probabilities: Dataset | None
    """Sums of probabilities by (model, threshold, lead_time, bin); None if none is forecast."""
    power: DataArray
    """Variance in octaves by (model, lead_time, wavelength), the radar's first."""


class Scored(NamedTuple):
    """Verification of forecasters on an event."""

    event: str
    about: str
    role: EventRole
    sums: Sums
    """By start too."""
    seconds: Mapping[str, float]
    """Median of a forecast, by model."""
    left_out: int
    """Starts that some forecaster lacks frames for."""
    hour: int
    """Starts in an hour, on average."""

    @property
    def counts(self) -> Dataset:
        """Contingency counts by (model, start, threshold, lead_time)."""
        return self.sums.counts

    @property
    def probabilities(self) -> Dataset | None:
        """Sums of probabilities by (model, start, threshold, lead_time, bin)."""
        return self.sums.probabilities


class NoStarts(LookupError):
    """An event is too short for what the forecasters need, or too dry."""


def score(
    event: str,
    frames: DataArray,
    forecasters: Sequence[NamedForecaster],
    every: np.timedelta64,
    least_wet: float = 0.0,
) -> Scored:
    """Let all forecasters forecast an event.

    Args:
        event: Its name.
        frames: (time, y, x) in mm/h, NaN for no data.
        forecasters: Those to compare.
        every: From start to start.
        least_wet: Share of the known cells with rain at the start, below which it is left out.

    Raises:
        NoStarts: There is no time that leaves enough frames before and after, and has rain.
    """
    back = history(forecasters)
    for entry in forecasters:
        if isinstance(entry.forecaster, Remembered):
            entry.forecaster.begin(event)
    simple = SimpleProbabilities.read()
    issues = [
        issue
        for issue in events.starts(frames, every, back, HORIZON * LEAD_STEP)
        if events.wet_share(frames.sel(time=issue)) >= least_wet
    ]
    found, seconds = [], []
    for issue in issues:
        with suppress(NotEnoughFrames):
            sums, took = of_start(issue, frames, forecasters, back, simple)
            found.append(sums)
            seconds.append(took)
    if not found:
        raise NoStarts(
            f"{event}: no start leaves the frames of {back.astype('timedelta64[m]')} before it and "
            f"of {(HORIZON * LEAD_STEP).astype('timedelta64[m]')} after it"
            + f", with rain on {least_wet:.0%} of the cells"
            * (least_wet > 0)
        )
    labels = [entry.label for entry in forecasters]
    return Scored(
        event,
        events.described(frames),
        events.role_of(event, [entry for each in forecasters for entry in each.experiments]),
        concatenated(found),
        dict(zip(labels, np.median(seconds, axis=0).tolist(), strict=True)),
        len(issues) - len(found),
        max(round(len(found) * HOUR / (issues[-1] - issues[0] + every)), 1),
    )


def concatenated(found: Sequence[Sums]) -> Sums:
    """Sums of several starts, with the dim `start`."""
    probabilities = [sums.probabilities for sums in found if sums.probabilities is not None]
    return Sums(
        xr.concat([sums.counts for sums in found], START),
        xr.concat([sums.amounts for sums in found], START),
        xr.concat([sums.fractions for sums in found], START),
        xr.concat([sums.crps for sums in found], START),
        xr.concat(probabilities, START) if probabilities else None,
        xr.concat([sums.power for sums in found], START),
    )


def history(forecasters: Sequence[NamedForecaster]) -> np.timedelta64:
    """How far back the most demanding of them looks."""
    needs = [entry.forecaster.needs for entry in forecasters]
    return max(age for need in needs for age in (*need.required, *need.useful))


def of_start(
    issue: np.datetime64,
    frames: DataArray,
    forecasters: Sequence[NamedForecaster],
    back: np.timedelta64,
    simple: SimpleProbabilities,
) -> tuple[Sums, list[float]]:
    """Return the sums of one issue time, and the duration of each forecast in s.

    Args:
        issue: Issue time.
        frames: Frames (time, y, x) of the event in mm/h.
        forecasters: Forecasters to compare.
        back: Length of the history that they get.
        simple: Simple probabilities to compare with.

    Raises:
        NotEnoughFrames: Some forecaster lacks frames.
    """
    past = frames.sel(time=slice(issue - back, issue))
    results = [timed(entry.forecaster, past) for entry in forecasters]
    forecasts = {
        entry.label: forecast for entry, (forecast, _) in zip(forecasters, results, strict=True)
    }
    observed = match(results[0][0], frames)
    compared = observed.where(common_mask(*forecasts.values(), observed=observed))
    compared = compared.reset_coords(drop=True)
    bare = {label: entry.reset_coords(drop=True) for label, entry in forecasts.items()}
    rates, km = xr.concat(list(bare.values()), "model"), events.cell_km(frames)
    rates = rates.assign_coords(model=list(bare))
    masked = xr.concat([compared, *bare.values()], "model").where(compared.notnull())
    masked = masked.assign_coords(model=[RADAR, *bare])
    probabilities = probabilities_of(forecasts, km, simple)
    sums = Sums(
        count(rates, compared, THRESHOLDS, ["y", "x"]),
        amounts(masked),
        fractions(rates, compared, km),
        crps_of(bare, probabilities, compared),
        sums_of_probabilities(probabilities, compared),
        power(masked, km),
    )
    return sums, [seconds for _, seconds in results]


def timed(forecaster: Forecaster, past: DataArray) -> tuple[DataArray, float]:
    """Return a forecast (lead_time, y, x) from frames (time, y, x), and its duration in s.

    The duration of a remembered forecast is that of its first run.
    """
    began = time.perf_counter()
    forecast = forecaster(past, horizon=HORIZON)
    took = time.perf_counter() - began
    return forecast, forecaster.seconds if isinstance(forecaster, Remembered) else took


def probabilities_of(
    forecasts: Mapping[str, DataArray], km: float, simple: SimpleProbabilities
) -> dict[str, DataArray]:
    """Probabilities (threshold, lead_time, y, x) by label.

    Of all forecasts that have some; beside them, the simple ones of the baselines where both are
    there.
    """
    found: dict[str, DataArray] = {}
    for label, forecast in forecasts.items():
        fields = precipitation.exceedance_probabilities(forecast)
        if set(THRESHOLDS) <= fields.keys():
            chosen = [fields[threshold].reset_coords(drop=True) for threshold in THRESHOLDS]
            found[label] = xr.concat(chosen, "threshold").assign_coords(threshold=list(THRESHOLDS))
    if found and {ADVECTION, SPROG} <= forecasts.keys():
        advection, sprog = (
            forecasts[label].reset_coords(drop=True) for label in (ADVECTION, SPROG)
        )
        found = {**simple.probabilities(advection, sprog, km), **found}
    return found


def sums_of_probabilities(
    probabilities: Mapping[str, DataArray], compared: DataArray
) -> Dataset | None:
    """Return sums of exceedance probabilities by model; None if there are none.

    Args:
        probabilities: Probabilities (threshold, lead_time, y, x) by model.
        compared: Observed rates (lead_time, y, x) in mm/h; cells that are NaN are not compared.
    """
    if not probabilities:
        return None
    sums: Dataset = xr.concat(
        [probability_sums(entry, compared) for entry in probabilities.values()], "model"
    )
    return sums.assign_coords(model=list(probabilities))


def crps_of(
    rates: Mapping[str, DataArray], probabilities: Mapping[str, DataArray], compared: DataArray
) -> Dataset:
    """Return sums of the CRPS by model, of rates where a model has no probabilities.

    Args:
        rates: Rates (lead_time, y, x) in mm/h by model.
        probabilities: Probabilities (threshold, lead_time, y, x) by model.
        compared: Observed rates (lead_time, y, x) in mm/h; cells that are NaN are not compared.
    """
    highest = max(THRESHOLDS)
    found = {
        label: rate_crps_sums(rate, compared, highest)
        for label, rate in rates.items()
        if label not in probabilities
    }
    found |= {label: crps_sums(field, compared) for label, field in probabilities.items()}
    sums: Dataset = xr.concat(
        [entry.drop_vars("threshold", errors="ignore") for entry in found.values()], "model"
    )
    return sums.assign_coords(model=list(found))


def amounts(masked: DataArray) -> Dataset:
    """Return rain summed over cells, forecast and observed, (model, lead_time).

    Args:
        masked: Rates (model, lead_time, y, x) in mm/h, among them those of the radar.
    """
    total = masked.astype(float).sum(["y", "x"])
    observed = total.sel(model=RADAR, drop=True)
    forecast = total.drop_sel(model=RADAR)
    return Dataset({"forecast": forecast, "observed": observed.broadcast_like(forecast)})


def fractions(rates: DataArray, compared: DataArray, km: float) -> Dataset:
    """Return sums of the fractions skill score at `SCALES`.

    Args:
        rates: Forecast rates (model, lead_time, y, x) in mm/h.
        compared: Observed rates (lead_time, y, x) in mm/h; cells that are NaN are not compared.
        km: Width of a cell.
    """
    windows = [window_cells(scale, km) for scale in SCALES]
    sums = fraction_sums(rates, compared, MAIN_THRESHOLDS, windows)
    return sums.rename(window="scale").assign_coords(scale=list(SCALES))


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
    found = DataArray(variance, coords, ("model", "lead_time", "wavelength"))
    return found.assign_coords(model=density["model"]) if "model" in density.coords else found
