"""Selects the model with the best recent skill at each lead time: the forecast `auto`.

Skill is that known in the ledger before the issue time. The provider's own forecast is not a
candidate: its licence allows it, but it comes minutes after the frame, and a forecast should not
depend on when it is requested.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.precipitation import (
    INTERVAL,
    exceedance_probabilities,
    exceedance_probability_name,
    lead_minutes_of,
)
from model_zoo.forecasters.contract import STEP_MINUTES
from service.archive.archive import SUSPECT
from service.archive.key import Key, to_datetime
from service.ledger import tables
from service.ledger.ledger import Ledger
from service.pipeline.served_models import AUTO
from service.skill import verification
from service.skill.verification import Row

WINDOWS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""Periods of skill: the next is used where one has too few events or forecasts."""
THRESHOLDS = (0.5, 2.0)
"""Thresholds in mm/h of the HSS whose mean is the skill."""
FEWEST_EVENTS = 200
"""Fewest cells at or above a threshold for its score to count."""
FEWEST_STARTS = 12
"""Fewest forecasts for a score to count: one hour; fewer are of one weather situation."""


def best(ledger: Ledger, forecasts: Mapping[Key, DataArray]) -> DataArray:
    """Combine forecasts into one of the best model at each lead time.

    Args:
        ledger: Ledger with the verification of the models.
        forecasts: Forecasts (lead_time, y, x) of one issue in mm/h; the first is used where the
            skill is unknown.

    Returns:
        The forecast (lead_time, y, x) in mm/h at the lead times that all have, NaN for no data. A
        model is chosen for each half hour, and for the lead times since the one before. The
        attribute `chosen` names it for each half hour. It has exceedance probabilities of the
        thresholds for which all chosen forecasts have them.
    """
    leads = sorted(set.intersection(*(set(lead_minutes_of(field)) for field in forecasts.values())))
    half_hours = sorted({-(-lead // STEP_MINUTES) * STEP_MINUTES for lead in leads})
    chosen = choose(ledger, list(forecasts), half_hours)
    by_half_hour = dict(zip(half_hours, chosen, strict=True))
    parts = [
        forecasts[by_half_hour[-(-lead // STEP_MINUTES) * STEP_MINUTES]].sel(
            lead_time=[np.timedelta64(lead, "m")]
        )
        for lead in leads
    ]
    thresholds = [set(exceedance_probabilities(part)) for part in parts]
    common = set.intersection(*thresholds)
    alike = [
        part.drop_vars([exceedance_probability_name(threshold) for threshold in of_part - common])
        for part, of_part in zip(parts, thresholds, strict=True)
    ]
    forecast = xr.concat(alike, "lead_time", coords="minimal", compat="override", join="override")
    forecast.attrs = parts[0].attrs | {
        "model": AUTO,
        "weights": "none",
        "chosen": ",".join(key.model for key in chosen),
        "radar_times": " ".join(split_attribute(parts, "radar_times", " ")),
        "bridged": ",".join(split_attribute(parts, "bridged", ",")),
    }
    if not forecast.attrs["bridged"]:
        del forecast.attrs["bridged"]
    if suspect := split_attribute(parts, SUSPECT, "; "):
        forecast.attrs[SUSPECT] = "; ".join(suspect)
    return forecast


def split_attribute(parts: Sequence[DataArray], name: str, separator: str) -> list[str]:
    """Return the separated values of an attribute of some fields (any shape), unique and sorted."""
    values = separator.join(part.attrs.get(name, "") for part in parts)
    return sorted(set(values.split(separator)) - {""})


def choose(ledger: Ledger, candidates: Sequence[Key], leads: Sequence[int]) -> list[Key]:
    """Return the candidate with the best skill at each lead time.

    Args:
        ledger: Ledger with the verification of the models.
        candidates: Keys of forecasts of one issue; the first wins ties and where skill is unknown.
        leads: Lead times in min.
    """
    # lead times valid at the issue time are verified while the forecast is made, or later
    end = to_datetime(candidates[0].issue - INTERVAL)
    chosen: dict[int, Key] = {}
    for window in WINDOWS:
        if chosen.keys() >= set(leads):
            break
        for lead, scores in skills(ledger, candidates, end - window, end).items():
            chosen.setdefault(lead, max(candidates, key=lambda key: scores[key.model]))
    return [chosen.get(lead, candidates[0]) for lead in leads]


def skills(
    ledger: Ledger, candidates: Sequence[Key], begin: datetime, end: datetime
) -> dict[int, dict[str, float]]:
    """Return the skill by lead time in min and model, over the issue times that all models have.

    Lead times and thresholds with too few events or forecasts are left out.

    Args:
        ledger: Ledger with the verification of the models.
        candidates: Keys of forecasts with the models and weights to compare.
        begin: Valid times are after this.
        end: Valid times are at or before this.
    """
    models = {key.model: key.weights for key in candidates}
    rows = [
        row
        for threshold in THRESHOLDS
        for row in ledger.rows(tables.counts, list(models), begin, end, threshold=threshold)
        if row["weights"] == models[row["model"]]
    ]
    by_threshold: dict[tuple[int, float], dict[str, float]] = {}
    for row in verification.table(verification.counted(verification.shared_issues(rows))):
        if is_significant(row):
            by_threshold.setdefault((row["lead_minutes"], row["threshold"]), {})[row["model"]] = (
                row["hss"]
            )
    by_lead: dict[int, list[dict[str, float]]] = {}
    for (lead, _), scores in by_threshold.items():
        if scores.keys() == models.keys():
            by_lead.setdefault(lead, []).append(scores)
    return {
        lead: {model: fmean(scores[model] for scores in thresholds) for model in models}
        for lead, thresholds in by_lead.items()
    }


def is_significant(row: Row) -> bool:
    """Whether a row of counts and scores has enough events and forecasts for its HSS to count."""
    events = row["hits"] + row["misses"]
    return row["hss"] is not None and events >= FEWEST_EVENTS and row["n_valid"] >= FEWEST_STARTS
