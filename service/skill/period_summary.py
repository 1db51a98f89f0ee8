"""Skill over a period: all models over the same forecasts, with sampling uncertainty."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from service.errors import NoSkill
from service.ledger.ledger import Ledger
from service.skill.scores import FSS_SCORES
from service.skill.verification import COUNTS, Row, counted, table
from service.skill.window_scores import scores, sum_table
from verification import interval

BLOCK_HOURS = 6
"""Length of a block of the bootstrap; errors of later blocks are nearly independent."""
FEWEST_BLOCKS = 8
"""Blocks, two days of them, below which no interval is computed."""

Score = Callable[[Dataset], DataArray]


class Period(NamedTuple):
    """Valid times after `begin` up to `end`."""

    begin: datetime
    end: datetime

    def __str__(self) -> str:
        is_one_day = self.begin.date() == self.end.date()
        last = f"{self.end:%H:%M}" if is_one_day else f"{self.end:%Y-%m-%d %H:%M}"
        return f"{self.begin:%Y-%m-%d %H:%M} to {last} UTC"


class ModelComparison(NamedTuple):
    """Verification of all models over the same forecasts of a period.

    Attributes:
        rows: Counts and scores by (model, lead_minutes, threshold), None for an undefined score;
            with `n_valid`, the number of forecasts.
        blocks: Counts (block, model, lead_minutes, threshold) of each `BLOCK_HOURS`.
        probabilities: Sums of exceedance probabilities by (model, lead_minutes, threshold), over
            the same forecasts of all models that have them; see `service.ledger.probability_rows`.
        sums: Counts and scores of rain sums of an hour by (model, lead_minutes, threshold in mm),
            over the same forecasts of all models.
        missing: Number of leads without an observed frame, by (model, lead_minutes).
        left_out: Models with too few of the forecasts to be compared.
    """

    period: Period
    rows: list[Row]
    blocks: Dataset
    probabilities: list[Row]
    sums: list[Row]
    missing: dict[tuple[str, int], int]
    left_out: tuple[str, ...]

    @property
    def models(self) -> list[str]:
        """Names of the compared models, sorted."""
        return sorted({row["model"] for row in self.rows})

    @property
    def compared(self) -> str:
        """Number of forecasts compared, in words."""
        starts = {row["n_valid"] for row in self.rows}
        number = f"{min(starts)} to {max(starts)}" if len(starts) > 1 else f"{max(starts)}"
        return f"{number} forecasts by lead, the same ones and the same cells for all models"

    def value(self, model: str, score: str, lead: int, threshold: float) -> float | None:
        """Return a score; None if it is undefined."""
        for row in self.rows:
            if (row["model"], row["lead_minutes"], row["threshold"]) == (model, lead, threshold):
                found: float | None = row[score]
                return found
        return None

    def difference(self, score: Score, model: str, rival: str) -> tuple[DataArray, ...] | None:
        """Return the difference of a score to that of a rival, with its 90 % interval.

        Returns:
            Difference, lower and upper bound, each (lead_minutes, threshold). Bounds are NaN if the
            period is too short. None if one of the models is not compared.
        """
        if not {model, rival} <= set(self.models):
            return None

        def gain(counts: Dataset) -> DataArray:
            return score(counts.sel(model=model)) - score(counts.sel(model=rival))

        value = gain(self.blocks.sum("block"))
        if self.blocks.sizes["block"] < FEWEST_BLOCKS:
            unknown = xr.full_like(value, np.nan)
            return value, unknown, unknown
        return value, *interval(self.blocks, gain, "block", block=1)


def compare_models(ledger: Ledger, period: Period) -> ModelComparison:
    """Compare all models over the forecasts of a period that all of them have.

    Raises:
        NoSkill: Nothing has been verified in it.
    """
    found = ledger.summed(*period, BLOCK_HOURS)
    if not found.counts:
        raise nothing_verified(ledger, period)
    blocks = by_block(found.counts)
    rows = table(blocks.sum("block"))
    fractions = {
        (model, int(lead), float(rate), name): value
        for (model, name, lead, rate), value in scores(found.counts[:1], found.fractions)
        if name.startswith("fss")
    }
    for row in rows:
        key = row["model"], row["lead_minutes"], row["threshold"]
        row |= {name: fractions.get((*key, name)) for name in FSS_SCORES}
    models = {row["model"] for row in rows}
    of_all = set(ledger.models_in(*period))
    left_out = tuple(sorted(of_all - models))
    sums = sum_table(found.sums)
    return ModelComparison(period, rows, blocks, found.probabilities, sums, found.missing, left_out)


def by_block(rows: Sequence[dict[str, Any]]) -> Dataset:
    """Return counts and `n_valid` (block, model, lead_minutes, threshold), 0 where there are none.

    The coordinate of a block is the time of its begin.
    """
    starts = sorted({row["block"] for row in rows})
    parts = [counted([row for row in rows if row["block"] == start]) for start in starts]
    hours = np.array(starts) * np.timedelta64(BLOCK_HOURS, "h")
    begin = (np.datetime64(0, "s") + hours).astype("datetime64[ns]")
    joined = xr.concat(parts, "block", join="outer", fill_value=0).assign_coords(block=begin)
    return joined[[*COUNTS, "n_valid"]]


def nothing_verified(ledger: Ledger, period: Period) -> NoSkill:
    """Return the error of a period without verification, which names the verified times."""
    span = ledger.verified_span()
    if span is None:
        return NoSkill(
            f"no forecast has been verified yet, from {period} or ever; run `nowcast ingest`, "
            f"`nowcast forecast` and, when the radar of two hours is there, `nowcast verify`"
        )
    first, last = (f"{time:%Y-%m-%dT%H:%MZ}" for time in span)
    return NoSkill(
        f"no forecast has been verified for {period}; the ledger has those for {first} to {last}, "
        f"name a time among them with --from and --to"
    )
