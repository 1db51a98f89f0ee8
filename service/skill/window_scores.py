"""Scores of summed rows of the ledger: contingency tables, fractions and probabilities."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from service.ledger.probability_rows import sums_of
from service.ledger.tables import COUNTS
from service.skill.scores import FSS_NAMES, PROBABILITY_SCORES, SCORES
from verification import fss, reliability
from verification.probabilistic import BINS

Row = Mapping[str, Any]

SUMS = ("squared_difference", "squared_reference")


class ScoreKey(NamedTuple):
    """Key of a score: model, score, lead time in min and threshold in mm/h, as label texts."""

    model: str
    score: str
    lead: str
    threshold: str


class ReliabilityPoint(NamedTuple):
    """A bin of a reliability diagram with its number of cells; `bin` is its lower bound as text."""

    model: str
    lead: str
    threshold: str
    bin: str
    forecast_probability: float
    observed_frequency: float
    number: int


def scores(counts: Sequence[Row], fractions: Sequence[Row]) -> Iterator[tuple[ScoreKey, float]]:
    """Yield the defined scores of contingency tables and of fractions.

    Besides the scores of the registry these are `base_rate`, the observed frequency of the event,
    and `forecast_rate`, its forecast frequency.

    Args:
        counts: Rows with the counts of `verification.count`.
        fractions: Rows with the sums of `verification.fraction_sums`.
    """
    cells = columns(counts, COUNTS)
    total = sum(cells[name] for name in COUNTS)
    named = {name: score.function(cells).values for name, score in SCORES.items()}
    with np.errstate(invalid="ignore"):
        named["base_rate"] = ((cells["hits"] + cells["misses"]) / total).values
        named["forecast_rate"] = ((cells["hits"] + cells["false_alarms"]) / total).values
    for name, values in named.items():
        yield from defined(counts, [name] * len(counts), values)
    names = [FSS_NAMES.get(row["window"], f"fss_{row['window']}cells") for row in fractions]
    yield from defined(fractions, names, fss(columns(fractions, SUMS)).values)


def probability_scores(rows: Sequence[Row]) -> Iterator[tuple[ScoreKey, float]]:
    """Yield the defined scores of exceedance probabilities, from rows with their sums."""
    if rows:
        sums = sums_of(rows)
        for name, score in PROBABILITY_SCORES.items():
            yield from defined(rows, [name] * len(rows), score.function(sums).values)


def sum_scores(rows: Sequence[Row]) -> Iterator[tuple[ScoreKey, float]]:
    """Yield the defined scores of rain sums by threshold in mm: of counts, and the Brier scores.

    Args:
        rows: Rows of `service.ledger.tables.sum_counts`, summed.
    """
    yield from scores(rows, ())
    probable = [row for row in rows if row["n_probable"]]
    if not probable:
        return
    cells = columns(probable, (*COUNTS, "n_probable", "squared"))
    events = (cells["hits"] + cells["misses"]) / sum(cells[name] for name in COUNTS)
    error = cells["squared"] / cells["n_probable"]
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = 1 - error / (events * (1 - events))
    for name, values in (("brier", error), ("brier_skill", skill)):
        yield from defined(probable, [name] * len(probable), values.values)


class DryClaimShares(NamedTuple):
    """How true it is that places stay dry, and how many dry ones are called so.

    Attributes:
        wrong: Share of places called dry that got rain; None where none was called so.
        called: Share of dry places that were called dry; None where there was none.
    """

    wrong: float | None
    called: float | None


def dry_claim_shares(counts: Row) -> DryClaimShares:
    """Return the shares of contingency counts whose event is rain at a place not called dry."""
    misses, negatives = counts["misses"], counts["correct_negatives"]
    claims, dry = misses + negatives, counts["false_alarms"] + negatives
    return DryClaimShares(misses / claims if claims else None, negatives / dry if dry else None)


def sum_table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows of counts of rain sums with their scores; None where one is undefined.

    Args:
        rows: Summed rows of `service.ledger.tables.sum_counts`, by model, lead time and threshold.
    """
    found = dict(sum_scores(rows))
    names = (*SCORES, *PROBABILITY_SCORES)
    return [dict(row) | {name: found.get(score_key(row, name)) for name in names} for row in rows]


def reliability_points(rows: Sequence[Row]) -> Iterator[ReliabilityPoint]:
    """Yield the points of reliability diagrams, from rows with sums of exceedance probabilities."""
    if not rows:
        return
    found = reliability(sums_of(rows))
    number, probability, frequency = (
        found[name].values.tolist()
        for name in ("number", "forecast_probability", "observed_frequency")
    )
    bounds = [f"{index / BINS:g}" for index in range(BINS)]
    for k, index in np.argwhere(found["number"].values > 0).tolist():
        lead, threshold = str(rows[k]["lead_minutes"]), f"{rows[k]['threshold']:g}"
        values = probability[k][index], frequency[k][index], number[k][index]
        yield ReliabilityPoint(rows[k]["model"], lead, threshold, bounds[index], *values)


def columns(rows: Sequence[Row], names: Iterable[str]) -> Dataset:
    """Return columns of rows as variables (row)."""
    return Dataset({name: ("row", np.array([row[name] for row in rows])) for name in names})


def defined(
    rows: Sequence[Row], names: Iterable[str], values: NDArray[np.floating]
) -> Iterator[tuple[ScoreKey, float]]:
    """Yield the finite values of an array (row,), each with its key."""
    for row, name, value in zip(rows, names, values.tolist(), strict=True):
        if np.isfinite(value):
            yield score_key(row, name), value


def score_key(row: Row, name: str) -> ScoreKey:
    """Return the key of a score of a row."""
    return ScoreKey(row["model"], name, str(row["lead_minutes"]), f"{row['threshold']:g}")
