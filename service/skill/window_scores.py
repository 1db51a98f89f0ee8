"""Scores of summed rows of the ledger, by model, score, lead and threshold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from service.ledger.probability_rows import sums_of
from service.skill.verification import CELL_KM, COUNTS, FRACTION_SCALES_KM, SCORES
from verification import brier, brier_skill, fss, window_cells

Row = Mapping[str, Any]

SCALES = {window_cells(scale, CELL_KM): f"fss_{scale:g}km" for scale in FRACTION_SCALES_KM}
"""Names of the fractions skill scores by the width of their neighbourhood in cells."""
SUMS = ("squared_difference", "squared_reference")
CHANCE_SCORES = {"brier": brier, "brier_skill": brier_skill}


def scores(
    counts: Sequence[Row], fractions: Sequence[Row]
) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    """Scores by (model, score, lead, threshold), those that are defined."""
    cells = columns(counts, COUNTS)
    total = sum(cells[name] for name in COUNTS)
    named = {name: score(cells).values for name, score in SCORES.items()}
    with np.errstate(invalid="ignore"):
        named["base_rate"] = ((cells["hits"] + cells["misses"]) / total).values
        named["forecast_rate"] = ((cells["hits"] + cells["false_alarms"]) / total).values
    for name, values in named.items():
        yield from defined(counts, [name] * len(counts), values)
    scales = [SCALES.get(row["window"], f"fss_{row['window']}cells") for row in fractions]
    yield from defined(fractions, scales, fss(columns(fractions, SUMS)).values)


def chance_scores(chances: Sequence[Row]) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    """The same of probabilities."""
    if chances:
        sums = sums_of(chances)
        for name, score in CHANCE_SCORES.items():
            yield from defined(chances, [name] * len(chances), score(sums).values)


def columns(rows: Sequence[Row], names: Iterable[str]) -> Dataset:
    return Dataset({name: ("row", np.array([row[name] for row in rows])) for name in names})


def defined(
    rows: Sequence[Row], names: Iterable[str], values: NDArray[np.floating]
) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    for row, name, value in zip(rows, names, values.tolist(), strict=True):
        if np.isfinite(value):
            yield (row["model"], name, str(row["lead_minutes"]), f"{row['threshold']:g}"), value
