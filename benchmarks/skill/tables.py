"""Scores of forecasters on events, as Markdown tables.

In brackets stand 90 % intervals of a bootstrap. They are left out below three blocks.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.skill.scoring import ADVECTION, RADAR
from verification import (
    brier,
    brier_skill,
    climatology,
    csi,
    fbias,
    hss,
    interval,
    reliability,
)
from verification.probabilistic import BINS

Score = Callable[[Dataset], DataArray]
SCORES: dict[str, Score] = {"CSI": csi, "HSS": hss, "FBIAS": fbias}
COMPARED = ("CSI", "HSS")
CLIMATOLOGY = "climatology"
PERSISTENCE = "persistence"
REFERENCES = ("s-prog", ADVECTION)
FEWEST_BLOCKS = 3


class Draws(NamedTuple):
    """What a bootstrap draws: blocks of so many along a dim."""

    over: str
    block: int


def scores(counts: Dataset, draws: Draws) -> str:
    """CSI, HSS and frequency bias of each forecaster, by lead."""
    lines = []
    for name, score in SCORES.items():
        values = with_bounds(counts, score, draws)
        for keys, found in rows(values, "threshold", "model"):
            cells = [bounded(score, "{:.2f}") for score in found]
            lines.append([name, f"{keys['threshold']:g}", keys["model"], *cells])
    return markdown(["score", "mm/h", "forecaster", *leads(counts)], lines)


def differences(counts: Dataset, draws: Draws) -> str:
    """CSI and HSS less those of the references, on the same draws; empty if none is among them.

    In bold where the interval leaves out 0. The references themselves are compared once, and
    persistence not at all.
    """
    models = counts["model"].to_numpy().tolist()
    lines = []
    for reference in (name for name in REFERENCES if name in models):
        others = [name for name in models if name not in {PERSISTENCE, ADVECTION, reference}]
        if not others:
            continue
        for name in COMPARED:
            chosen = counts.sel(model=[reference, *others])
            values = with_bounds(chosen, above(reference, SCORES[name]), draws)
            for keys, found in rows(values, "threshold", "model"):
                if keys["model"] != reference:
                    pair = f"{keys['model']} - {reference}"
                    cells = [significance(difference) for difference in found]
                    lines.append([name, f"{keys['threshold']:g}", pair, *cells])
    headings = ["score", "mm/h", "difference", *leads(counts)]
    return markdown(headings, lines) if lines else ""


def above(reference: str, score: Score) -> Score:
    """How much higher a score is than that of one of the models."""

    def difference(counts: Dataset) -> DataArray:
        found = score(counts)
        return found - found.sel(model=reference, drop=True)

    return difference


def probabilities(sums: Dataset, draws: Draws) -> str:
    """Brier scores, and the skill against the event's own frequency."""
    whole = sums.sum(draws.over)
    constant = climatology(whole).isel(model=[0]).assign_coords(model=[CLIMATOLOGY])
    plain = xr.concat([constant, brier(whole)], "model")
    skill = (field.reindex_like(plain) for field in with_bounds(sums, brier_skill, draws))
    lines = []
    for keys, found in rows((plain, *skill), "threshold", "model"):
        cells = [
            figure(score, "{:.5f}") + ("" if np.isnan(gain[0]) else f"; {bounded(gain, '{:.2f}')}")
            for score, *gain in found
        ]
        lines.append([f"{keys['threshold']:g}", keys["model"], *cells])
    return markdown(["mm/h", "probability", *leads(sums)], lines)


def reliabilities(sums: Dataset) -> str:
    """Forecast probability, observed frequency and cells of each bin, from the sums of one model.

    Bins without cells are left out.
    """
    found = reliability(sums)
    lines = []
    for threshold in found["threshold"].to_numpy():
        for number in range(BINS):
            of_bin = found.sel(threshold=threshold).isel(bin=number)
            names = ("forecast_probability", "observed_frequency", "number")
            values = (of_bin[name].to_numpy().tolist() for name in names)
            cells = [
                f"{probability:.3f}; {frequency:.3f}; {int(n):,}" if n else "-"
                for probability, frequency, n in zip(*values, strict=True)
            ]
            bounds = f"{number / BINS:g} to {(number + 1) / BINS:g}"
            if of_bin["number"].any():
                lines.append([f"{threshold:g}", bounds, *cells])
    return markdown(["mm/h", "probability", *leads(sums)], lines)


def blur(power: DataArray) -> str:
    """Variance of the forecasts relative to that of the radar, by wavelength."""
    whole = power.sum("start")
    ratio = whole / whole.sel(model=RADAR, drop=True).where(lambda variance: variance > 0)
    lengths = [f"{length:g} km" for length in power["wavelength"].to_numpy()]
    lines = []
    for model in power["model"].to_numpy()[1:]:
        for lead, name in enumerate(leads(power)):
            values = ratio.sel(model=model).isel(lead_time=lead).to_numpy()
            lines.append([name, model, *(figure(value, "{:.2f}") for value in values)])
    return markdown(["lead", "forecaster", *lengths], lines)


def with_bounds(sums: Dataset, score: Score, draws: Draws) -> tuple[DataArray, ...]:
    """A score, and its bounds; those are NaN where too little can be drawn."""
    value = score(sums.sum(draws.over))
    if sums.sizes[draws.over] < FEWEST_BLOCKS * draws.block:
        nothing = xr.full_like(value, np.nan)
        return value, nothing, nothing
    return value, *interval(sums, score, draws.over, block=draws.block)


def rows(
    fields: Sequence[DataArray], *by: str
) -> Iterable[tuple[dict[str, str | float], list[tuple[float, ...]]]]:
    """For each combination of two dims, the values of several fields by lead."""
    first, second = by
    ordered = [field.transpose(first, second, "lead_time") for field in fields]
    for i, value in enumerate(ordered[0][first].to_numpy().tolist()):
        for k, other in enumerate(ordered[0][second].to_numpy().tolist()):
            found = zip(*(field.to_numpy()[i, k].tolist() for field in ordered), strict=True)
            yield {first: value, second: other}, list(found)


def bounded(score: Sequence[float], pattern: str) -> str:
    """A score with its lower and upper bound, if it has any."""
    value, low, high = score
    text = figure(value, pattern)
    if np.isnan(low) or np.isnan(high):
        return text
    return f"{text} [{pattern.format(low)}, {pattern.format(high)}]"


def significance(difference: Sequence[float]) -> str:
    """A difference with its bounds, in bold where they exclude 0."""
    _, low, high = difference
    text = bounded(difference, "{:+.3f}")
    return f"**{text}**" if low > 0 or high < 0 else text


def figure(value: float, pattern: str) -> str:
    """A number, or a dash for none."""
    return "-" if np.isnan(value) else pattern.format(value)


def leads(found: Dataset | DataArray) -> list[str]:
    """Headings of the columns."""
    minutes = (found["lead_time"].to_numpy() / np.timedelta64(1, "m")).astype(int)
    return [f"{lead} min" for lead in minutes]


def markdown(headings: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table; pipes in a cell would end it."""
    ruled = [headings, ["---"] * len(headings), *lines]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in ruled
    )
