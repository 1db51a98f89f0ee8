"""The skill of a span of time: of all models over the same forecasts, with how sure it is."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray import DataArray, Dataset

from service.errors import NoSkill
from service.ledger.ledger import Ledger
from service.skill.verification import COUNTS, Row, counted, table
from service.skill.window_scores import SCALES, scores
from verification import interval

BLOCK_HOURS = 6
"""What is drawn as one by the bootstrap: weather of the next six hours is about another."""
FEWEST_BLOCKS = 8
"""Below two days nothing is said of how sure a difference is."""

Score = Callable[[Dataset], DataArray]


class Period(NamedTuple):
    """Valid times after `begin` up to `end`."""

    begin: datetime
    end: datetime

    def __str__(self) -> str:
        is_one_day = self.begin.date() == self.end.date()
        last = f"{self.end:%H:%M}" if is_one_day else f"{self.end:%Y-%m-%d %H:%M}"
        return f"{self.begin:%Y-%m-%d %H:%M} to {last} UTC"


class Standing(NamedTuple):
    """How models stand in a period.

    Attributes:
        rows: Counts and scores by (model, lead_minutes, threshold), a score that is not defined
            being None; with `n_valid`, over how many forecasts.
        blocks: Counts (block, model, lead_minutes, threshold) of each few hours.
        chances: Sums of probabilities by (model, lead_minutes, threshold), over the same forecasts
            of all models that tell them; see `service.ledger.probability_rows`.
        missing: How many leads lack their truth, by (model, lead_minutes).
        left_out: Models that have too few of the forecasts to be compared.
    """

    period: Period
    rows: list[Row]
    blocks: Dataset
    chances: list[Row]
    missing: dict[tuple[str, int], int]
    left_out: tuple[str, ...]

    @property
    def models(self) -> list[str]:
        return sorted({row["model"] for row in self.rows})

    @property
    def compared(self) -> str:
        """Over what the models are compared, in words."""
        starts = {row["n_valid"] for row in self.rows}
        said = f"{min(starts)} to {max(starts)}" if len(starts) > 1 else f"{max(starts)}"
        return f"{said} forecasts by lead, the same ones and the same cells for all models"

    def value(self, model: str, score: str, lead: int, threshold: float) -> float | None:
        """A score; None where it is not defined."""
        for row in self.rows:
            if (row["model"], row["lead_minutes"], row["threshold"]) == (model, lead, threshold):
                found: float | None = row[score]
                return found
        return None

    def above(self, score: Score, model: str, rival: str) -> tuple[DataArray, ...] | None:
        """How much higher a score is than that of a rival, and the bounds of its 90 % interval, all
        (lead_minutes, threshold); None where a model is not compared, and NaN as bounds where the
        period is too short."""
        if not {model, rival} <= set(self.models):
            return None

        def difference(counts: Dataset) -> DataArray:
            return score(counts.sel(model=model)) - score(counts.sel(model=rival))

        value = difference(self.blocks.sum("block"))
        if self.blocks.sizes["block"] < FEWEST_BLOCKS:
            unknown = xr.full_like(value, np.nan)
            return value, unknown, unknown
        return value, *interval(self.blocks, difference, "block", block=1)


def standing(ledger: Ledger, period: Period) -> Standing:
    """How models stand in a period.

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
        place = row["model"], row["lead_minutes"], row["threshold"]
        row |= {name: fractions.get((*place, name)) for name in SCALES.values()}
    models = {row["model"] for row in rows}
    of_all = set(ledger.models_in(*period))
    left_out = tuple(sorted(of_all - models))
    return Standing(period, rows, blocks, found.chances, found.missing, left_out)


def by_block(rows: Sequence[dict[str, Any]]) -> Dataset:
    """Counts and `n_valid` (block, model, lead_minutes, threshold), 0 where there are none; a block
    is the time it begins at."""
    starts = sorted({row["block"] for row in rows})
    parts = [counted([row for row in rows if row["block"] == start]) for start in starts]
    hours = np.array(starts) * np.timedelta64(BLOCK_HOURS, "h")
    begin = (np.datetime64(0, "s") + hours).astype("datetime64[ns]")
    joined = xr.concat(parts, "block", join="outer", fill_value=0).assign_coords(block=begin)
    return joined[[*COUNTS, "n_valid"]]


def nothing_verified(ledger: Ledger, period: Period) -> NoSkill:
    span = ledger.verified_span()
    if span is None:
        return NoSkill(
            f"no forecast has been verified yet, from {period} or ever; run `nowcast ingest`, "
            f"`nowcast forecast` and, when the radar of two hours has come, `nowcast verify`"
        )
    first, last = (f"{time:%Y-%m-%dT%H:%MZ}" for time in span)
    return NoSkill(
        f"no forecast has been verified for {period}; the ledger has those for {first} to {last}, "
        f"name a time among them with --from and --to"
    )
