"""Scores of forecasters on one event or several, as Markdown tables.

Of several events the mean of each score stands in a table, so that each event counts the same. In
brackets stand 90 % intervals of a bootstrap: over blocks of starts, of several events over events
too. They are left out for a single event with fewer than three blocks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from xarray import DataArray, Dataset

from benchmarks.skill.scoring import ADVECTION, MAIN_THRESHOLDS, SPROG, START
from ingest.precipitation import lead_minutes_of
from verification import csi, estimate, event_mean, fbias, hss

Score = Callable[[Dataset], DataArray]
SCORES: dict[str, Score] = {"CSI": csi, "HSS": hss, "FBIAS": fbias}
COMPARED = ("CSI", "HSS")
PERSISTENCE = "persistence"
REFERENCES = (SPROG, ADVECTION)


class EventSums(NamedTuple):
    """Sums of an event by `start`, and how many consecutive starts a bootstrap draws together."""

    sums: Dataset
    block: int


def scores(events: Sequence[EventSums]) -> str:
    """CSI, HSS and frequency bias of each forecaster, by lead."""
    lines = []
    for name, score in SCORES.items():
        values = with_bounds(events, score)
        for keys, found in rows(values, "threshold", "model"):
            cells = [bounded(entry, "{:.3f}") for entry in found]
            lines.append([name, f"{keys['threshold']:g}", keys["model"], *cells])
    return markdown(["score", "mm/h", "forecaster", *leads(events[0].sums)], lines)


def differences(events: Sequence[EventSums]) -> str:
    """CSI and HSS less those of the references, on the same draws; empty if none is among them.

    In bold where the interval excludes 0. The references themselves are compared once, and
    persistence not at all.
    """
    events = at_main_thresholds(events)
    models = events[0].sums["model"].to_numpy().tolist()
    lines = []
    for reference in (name for name in REFERENCES if name in models):
        others = [name for name in models if name not in {PERSISTENCE, ADVECTION, reference}]
        if not others:
            continue
        chosen = [
            entry._replace(sums=entry.sums.sel(model=[reference, *others])) for entry in events
        ]
        for name in COMPARED:
            values = with_bounds(chosen, above(reference, SCORES[name]))
            for keys, found in rows(values, "threshold", "model"):
                if keys["model"] != reference:
                    pair = f"{keys['model']} - {reference}"
                    cells = [significance(entry) for entry in found]
                    lines.append([name, f"{keys['threshold']:g}", pair, *cells])
    headings = ["score", "mm/h", "difference", *leads(events[0].sums)]
    return markdown(headings, lines) if lines else ""


def above(reference: str, score: Score) -> Score:
    """How much higher a score is than that of one of the models."""

    def difference(counts: Dataset) -> DataArray:
        found = score(counts)
        return found - found.sel(model=reference, drop=True)

    return difference


def at_main_thresholds(events: Sequence[EventSums]) -> list[EventSums]:
    """Only the sums of `MAIN_THRESHOLDS`, of those there are."""
    thresholds = events[0].sums["threshold"].to_numpy().tolist()
    chosen = [threshold for threshold in MAIN_THRESHOLDS if threshold in thresholds]
    return [entry._replace(sums=entry.sums.sel(threshold=chosen)) for entry in events]


def value_of(events: Sequence[EventSums], score: Score) -> DataArray:
    """Return a score (model, lead_time, ...) of an event, or its mean over events."""
    return event_mean([entry.sums for entry in events], score, START)


def with_bounds(events: Sequence[EventSums], score: Score) -> tuple[DataArray, ...]:
    """Return a score (model, lead_time, ...) and the bounds of its interval, likewise.

    The bounds are NaN where there are too few blocks.
    """
    sums, blocks = [entry.sums for entry in events], [entry.block for entry in events]
    return estimate(sums, score, START, blocks)


def rows(
    fields: Sequence[DataArray], *by: str
) -> Iterator[tuple[dict[str, str | float], list[tuple[float, ...]]]]:
    """Yield the values of fields (..., lead_time) by lead time, for each combination of dims."""
    ordered = [field.transpose(*by, "lead_time") for field in fields]
    labels = [ordered[0][dim].to_numpy().tolist() for dim in by]
    for keys in np.ndindex(*(len(entry) for entry in labels)):
        found = zip(*(field.to_numpy()[keys].tolist() for field in ordered), strict=True)
        names = {dim: entry[n] for dim, entry, n in zip(by, labels, keys, strict=True)}
        yield names, list(found)


def bounded(score: Sequence[float], pattern: str) -> str:
    """A score with its lower and upper bound, if it has any."""
    value, low, high = score
    shown = figure(value, pattern)
    if np.isnan(value) or np.isnan(low) or np.isnan(high):
        return shown
    return f"{shown} [{pattern.format(low)}, {pattern.format(high)}]"


def significance(difference: Sequence[float]) -> str:
    """A difference with its bounds, in bold where they exclude 0."""
    _, low, high = difference
    shown = bounded(difference, "{:+.3f}")
    return f"**{shown}**" if low > 0 or high < 0 else shown


def figure(value: float, pattern: str) -> str:
    """A number, or a dash for none."""
    return "-" if np.isnan(value) else pattern.format(value)


def leads(found: Dataset | DataArray) -> list[str]:
    """Return the headings of columns of sums or scores (..., lead_time)."""
    minutes = lead_minutes_of(found)
    return [f"{lead} min" for lead in minutes]


def markdown(headings: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table; pipes in a cell would end it."""
    ruled = [headings, ["---"] * len(headings), *lines]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in ruled
    )
