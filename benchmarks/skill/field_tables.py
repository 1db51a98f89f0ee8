"""Amounts, CRPS, neighbourhoods and smoothness of forecasts, as Markdown tables."""

from collections.abc import Sequence

from xarray import DataArray, Dataset

from benchmarks.skill.scoring import RADAR
from benchmarks.skill.tables import (
    EventSums,
    Score,
    bounded,
    figure,
    leads,
    markdown,
    rows,
    value_of,
    with_bounds,
)
from verification import crps, fss

RAIN = "rain, forecast over observed"
CRPS = "CRPS, mm/h"


def amounts(events: Sequence[EventSums]) -> str:
    """Rain in total over that observed, of each forecaster."""
    return by_model(events, rain_ratio, RAIN, "{:.2f}")


def ranked_probability(events: Sequence[EventSums]) -> str:
    """CRPS of each forecaster."""
    return by_model(events, crps, CRPS, "{:.4f}")


def by_model(events: Sequence[EventSums], score: Score, name: str, pattern: str) -> str:
    """A score that has no thresholds."""
    lines = [
        [name, keys["model"], *(bounded(entry, pattern) for entry in found)]
        for keys, found in rows(with_bounds(events, score), "model")
    ]
    return markdown(["score", "forecaster", *leads(events[0].sums)], lines)


def rain_ratio(sums: Dataset) -> DataArray:
    """Return forecast per observed rain (any shape); NaN where none was observed."""
    ratio: DataArray = sums["forecast"] / sums["observed"].where(sums["observed"] > 0)
    return ratio


def neighbourhoods(events: Sequence[EventSums]) -> str:
    """Fractions skill score by scale."""
    lines = []
    for keys, found in rows(with_bounds(events, fss), "threshold", "scale", "model"):
        cells = [bounded(entry, "{:.2f}") for entry in found]
        lines.append([f"{keys['threshold']:g}", f"{keys['scale']:g} km", keys["model"], *cells])
    return markdown(["mm/h", "scale", "forecaster", *leads(events[0].sums)], lines)


def smoothness(powers: Sequence[DataArray]) -> str:
    """Return the table of variance relative to the radar's, by wavelength.

    Args:
        powers: Power (start, model, lead_time, wavelength) of each event, the radar first.
    """
    events = [EventSums(Dataset({"power": power}), 1) for power in powers]
    ratio = value_of(events, variance_left)
    lengths = [f"{length:g} km" for length in powers[0]["wavelength"].to_numpy()]
    lines = []
    for model in powers[0]["model"].to_numpy()[1:]:
        for lead, name in enumerate(leads(powers[0])):
            values = ratio.sel(model=model).isel(lead_time=lead).to_numpy()
            lines.append([name, model, *(figure(value, "{:.2f}") for value in values)])
    return markdown(["lead", "forecaster", *lengths], lines)


def variance_left(sums: Dataset) -> DataArray:
    """Return power relative to the radar's (model, lead_time, wavelength); NaN where that is 0."""
    power = sums["power"]
    radar = power.sel(model=RADAR, drop=True)
    ratio: DataArray = power / radar.where(radar > 0)
    return ratio
