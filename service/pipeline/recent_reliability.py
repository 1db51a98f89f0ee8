"""Recalibrates a blend by how reliable the probabilities of its members were in the last day.

Growing and decaying weather makes probabilities too low or too high for hours. The probabilities of
the members are those that count, as they are never recalibrated: a correction by what is corrected
already would swing. What is counted is known in the ledger before the issue time.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.precipitation import INTERVAL
from model_zoo.forecasters.contract import STEP_MINUTES, Forecaster
from service.archive.key import Time, iso, to_datetime
from service.ledger import probability_rows
from service.ledger.ledger import Ledger
from service.ledger.tables import bins_of
from service.pipeline.model_selection import FEWEST_EVENTS, FEWEST_STARTS
from service.pipeline.served_models import Served
from verification import recalibration

if TYPE_CHECKING:
    from model_zoo.forecasters.blend import BlendTable

WINDOW = timedelta(days=1)
LEAST_SLOPE, MOST_SLOPE = 0.5, 2.0


class Recalibrated(NamedTuple):
    """A forecaster, and how it was recalibrated.

    Attributes:
        forecaster: The one that was given where there is too little to go by.
        basis: What the correction is based on, in words; empty without one.
    """

    forecaster: Forecaster
    basis: str


def recalibrated(ledger: Ledger, forecaster: Forecaster, issue: Time) -> Recalibrated:
    """Recalibrate a blend for an issue; any other forecaster stays as it is.

    Args:
        ledger: Ledger with the verification of the members.
        forecaster: As it is served, or as it is loaded.
        issue: Issue time; only valid times before it count.
    """
    from model_zoo.forecasters.blend import Blend  # imports PyTorch

    blend = forecaster.blend if isinstance(forecaster, Served) else forecaster
    if not isinstance(blend, Blend) or not isinstance(forecaster, (Served, Blend)):
        return Recalibrated(forecaster, "")
    # lead times valid at the issue time are verified while the forecast is made, or later
    end = to_datetime(issue - INTERVAL)
    weights = {member.name: member.weights for member in blend.members}
    intercepts = np.zeros(blend.table.growth.shape)
    slopes = np.ones_like(intercepts)
    minutes = [STEP_MINUTES * (lead + 1) for lead in range(len(intercepts))]
    rows = probability_rows.summed(ledger.engine, weights, minutes, end - WINDOW, end)
    fields = 0
    for row in rows:
        index = minutes.index(row["lead_minutes"]), index_of(blend.table, row["threshold"])
        n, probability, events = (
            np.array([row[column] for column in bins_of(name)], float)
            for name in ("number", "probability", "events")
        )
        is_known = events.sum() >= FEWEST_EVENTS and row["n_valid"] >= FEWEST_STARTS
        if is_known and index[1] >= 0:
            intercepts[index], slope = recalibration(n, probability, events)
            slopes[index] = np.clip(slope, LEAST_SLOPE, MOST_SLOPE)
            fields = max(fields, row["n_valid"])
    if not fields:
        return Recalibrated(forecaster, "")
    basis = f"by {fields} fields of {', '.join(weights)} valid until {iso(end)}"
    return Recalibrated(forecaster.with_table(blend.table.recalibrated(intercepts, slopes)), basis)


def index_of(table: "BlendTable", threshold: float) -> int:
    """Index of a threshold in mm/h; -1 if the table has none of it."""
    return table.thresholds.index(threshold) if threshold in table.thresholds else -1
