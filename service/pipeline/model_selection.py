"""Of several forecasts of an issue the best, lead by lead: the forecast `auto`.

The best is the one whose model was the most skilful lately, as the ledger knew it before the issue:
what comes after it has no say. The provider's own forecast is no candidate. Its licence would allow
it, but it comes minutes after the frame, and what is served should not depend on when it was asked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

import numpy as np
import xarray as xr
from xarray import DataArray

from ingest.precipitation import INTERVAL, exceedance_probabilities, exceedance_probability_name
from service.archive.key import Key, to_datetime
from service.ledger import tables as book
from service.ledger.ledger import Ledger
from service.pipeline.served_models import AUTO
from service.skill import verification
from service.skill.verification import Row

WINDOWS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""How far back skill is looked at: the next where there is too little to see in one."""
THRESHOLDS = (0.5, 2.0)
"""mm/h, of the mean HSS that is the skill."""
FEWEST_EVENTS = 200
"""Cells that reached a threshold, below which its score says nothing."""
FEWEST_STARTS = 12
"""Forecasts, an hour of them, below which a score tells of one situation and not of a model."""


def best(ledger: Ledger, forecasts: Mapping[Key, DataArray]) -> DataArray:
    """A forecast (lead_time, y, x) of the best of some for each of its leads.

    Its attribute `chosen` names the model of each lead. It has exceedance probabilities of the
    thresholds for which all chosen forecasts have them.

    Args:
        forecasts: Of one issue, with the same leads; the first is taken where the skill is not
            known.
    """
    minutes = next(iter(forecasts.values()))["lead_time"].values / np.timedelta64(1, "m")
    chosen = choose(ledger, list(forecasts), minutes.astype(int).tolist())
    parts = [forecasts[key].isel(lead_time=[at]) for at, key in enumerate(chosen)]
    thresholds = [set(exceedance_probabilities(part)) for part in parts]
    common = set.intersection(*thresholds)
    bare = [
        part.drop_vars([exceedance_probability_name(one) for one in of - common])
        for part, of in zip(parts, thresholds, strict=True)
    ]
    made = xr.concat(bare, "lead_time", coords="minimal", compat="override", join="override")
    made.attrs = parts[0].attrs | {
        "model": AUTO,
        "weights": "none",
        "chosen": ",".join(key.model for key in chosen),
        "radar_times": " ".join(words(parts, "radar_times", " ")),
        "bridged": ",".join(words(parts, "bridged", ",")),
    }
    if not made.attrs["bridged"]:
        del made.attrs["bridged"]
    return made


def words(parts: Sequence[DataArray], name: str, separator: str) -> list[str]:
    """The words of an attribute of any of some fields, each once, in order."""
    said = separator.join(part.attrs.get(name, "") for part in parts)
    return sorted(set(said.split(separator)) - {""})


def choose(ledger: Ledger, candidates: Sequence[Key], leads: Sequence[int]) -> list[Key]:
    """The candidate with the most skilful model for each lead, in minutes.

    Args:
        candidates: Forecasts of one issue; of equals the first, which is also taken where too
            little is known.
    """
    # what is valid at the issue itself is verified while the forecast is made, or after
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
    """Skill by lead and model over valid times in (begin, end], of the starts that all have.

    Only leads with enough to see; of a threshold with too little, the score does not count.
    """
    models = {key.model: key.weights for key in candidates}
    rows = [
        row
        for threshold in THRESHOLDS
        for row in ledger.rows(book.counts, list(models), begin, end, threshold=threshold)
        if row["weights"] == models[row["model"]]
    ]
    found: dict[tuple[int, float], dict[str, float]] = {}
    for row in verification.table(verification.counted(verification.shared_issues(rows))):
        if is_significant(row):
            found.setdefault((row["lead_minutes"], row["threshold"]), {})[row["model"]] = row["hss"]
    whole: dict[int, list[dict[str, float]]] = {}
    for (lead, _), scores in found.items():
        if scores.keys() == models.keys():
            whole.setdefault(lead, []).append(scores)
    return {
        lead: {model: fmean(scores[model] for scores in several) for model in models}
        for lead, several in whole.items()
    }


def is_significant(row: Row) -> bool:
    """Whether a row of counts and scores has enough events and forecasts for its HSS to count."""
    events = row["hits"] + row["misses"]
    return row["hss"] is not None and events >= FEWEST_EVENTS and row["n_valid"] >= FEWEST_STARTS
