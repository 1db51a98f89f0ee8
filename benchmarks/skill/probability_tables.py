"""Scores of exceedance probabilities, as Markdown tables."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from benchmarks.skill.opponents import yardstick
from benchmarks.skill.opponents.simple_probabilities import LABELS
from benchmarks.skill.scoring import START
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
from verification import brier, brier_decomposition, brier_skill, climatology

CLIMATOLOGY = "climatology"
FEWEST_EVENTS = 500
"""Observed cells, below which no ratio is shown."""
BEST_SIMPLE = "best simple probability"
PARTS = ("reliability", "resolution", "uncertainty")


def brier_scores(events: Sequence[EventSums]) -> str:
    """Brier scores, and the skill against the event's own frequency."""
    constant = value_of(events, climatology).isel(model=[0]).assign_coords(model=[CLIMATOLOGY])
    plain = xr.concat([constant, value_of(events, brier)], "model")
    skill = (field.reindex_like(plain) for field in with_bounds(events, brier_skill))
    lines = []
    for keys, found in rows((plain, *skill), "threshold", "model"):
        cells = [
            figure(score, "{:.5f}") + ("" if np.isnan(gain[0]) else f"; {bounded(gain, '{:.2f}')}")
            for score, *gain in found
        ]
        lines.append([f"{keys['threshold']:g}", keys["model"], *cells])
    return markdown(["mm/h", "probability", *leads(events[0].sums)], lines)


def decomposition(events: Sequence[EventSums]) -> str:
    """Reliability, resolution and uncertainty, times 1000."""
    parts = [value_of(events, part_of(name)) for name in PARTS]
    lines = [
        [
            f"{keys['threshold']:g}",
            keys["model"],
            *("; ".join(figure(1000 * entry, "{:.2f}") for entry in cell) for cell in found),
        ]
        for keys, found in rows(parts, "threshold", "model")
    ]
    return markdown(["mm/h", "probability", *leads(events[0].sums)], lines)


def part_of(name: str) -> Score:
    """A part of the Brier score, as a score."""

    def part(sums: Dataset) -> DataArray:
        return brier_decomposition(sums)[name]

    return part


def ratios(events: Sequence[EventSums]) -> str:
    """Brier scores over that of the best simple probability, and over that of the yardstick.

    Only where at least `FEWEST_EVENTS` cells reached the threshold; empty without any of these.
    """
    models = events[0].sums["model"].to_numpy().tolist()
    simple = [label for label in LABELS if label in models]
    score = value_of(events, brier)
    observed = sum(
        entry.sums["events"].isel(model=0, drop=True).sum([START, "bin"]) for entry in events
    )
    references = {BEST_SIMPLE: score.sel(model=simple).min("model")} if simple else {}
    if yardstick.NAME in models:
        references[yardstick.NAME] = score.sel(model=yardstick.NAME, drop=True)
    lines = []
    for reference, lowest in references.items():
        others = [label for label in models if label not in {*simple, reference}]
        ratio = (score.sel(model=others) / lowest).where(observed >= FEWEST_EVENTS)
        for keys, found in rows([ratio], "threshold", "model"):
            cells = [figure(value, "{:.3f}") for (value,) in found]
            lines.append([f"{keys['threshold']:g}", f"{keys['model']} / {reference}", *cells])
    return markdown(["mm/h", "Brier score over", *leads(score)], lines) if lines else ""
