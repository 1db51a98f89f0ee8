"""The route of verification results."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Response

from service.api.dependencies import ApiContext, Context
from service.api.schemas import ModelName, Moment, SkillRow, SumRow, Verification
from service.errors import BadRequest
from service.ledger import daily_rain_sums
from service.skill import verification as skill
from service.skill.window_scores import sum_table

router = APIRouter(tags=["verification"])

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDED = timedelta(minutes=5)
"""The default period begins on a multiple of this, so that all who ask share one result."""


@router.get("/verification", operation_id="read_verification")
async def verification(
    context: Context,
    response: Response,
    model: Annotated[ModelName | None, Query(description="Only this model.")] = None,
    lead: Annotated[int | None, Query(ge=1, le=1440, description="Lead time in minutes.")] = None,
    threshold: Annotated[
        float | None, Query(gt=0, le=1000, description="Threshold in mm/h.")
    ] = None,
    begin: Annotated[
        Moment | None, Query(alias="from", description="Valid times after this time.")
    ] = None,
    end: Annotated[
        Moment | None, Query(alias="to", description="Valid times until this time.")
    ] = None,
) -> Verification:
    """Counts and scores by model, lead time and threshold, over the valid times in (from, to].

    `sums` has those of rain sums of an hour, at thresholds in mm; it is empty where a `threshold`
    of rates is asked for.

    Without `from`, over the 400 days (NOWCAST_VERIFICATION_DAYS) before `to` or now, which is also
    the longest period.
    """
    longest = timedelta(days=context.settings.verification_days)
    last = end or context.clock()
    begin = begin or last - longest - (last - EPOCH) % ROUNDED
    if last - begin > longest + ROUNDED:
        raise BadRequest(
            f"the period is {(last - begin) / DAY:.1f} days, should be at most {longest / DAY:g}; "
            f"ask for parts of it"
        )
    response.headers["Cache-Control"] = "public, max-age=5"
    selection = Selection(model, lead, threshold, begin, end)
    return await context.pools.verification.run(summed_up, context, selection)


class Selection(NamedTuple):
    """What verification is summed up over; None for all.

    Attributes:
        model: Name of a model.
        lead: Lead time in minutes.
        threshold: Threshold in mm/h.
        begin: Valid times are after this time.
        end: Valid times are until this time.
    """

    model: str | None
    lead: int | None
    threshold: float | None
    begin: datetime
    end: datetime | None


def summed_up(context: ApiContext, selection: Selection) -> Verification:
    """Counts and scores of a selection, from the cache where they are a few seconds old."""
    with context.sums_lock:
        known = context.sums.get(selection)
    if known is None:
        known = sum_up(context, selection)
        with context.sums_lock:
            context.sums[selection] = known
    return known


def sum_up(context: ApiContext, selection: Selection) -> Verification:
    """Counts and scores of a selection, from the ledger."""
    model, lead, threshold, begin, end = selection
    models = [] if model is None else [model]
    states = context.ledger.states(models, begin, end, lead_minutes=lead)
    totals = context.ledger.totals(models, begin, end, lead_minutes=lead, threshold=threshold)
    return Verification(
        n_valid=states.get("verified", 0),
        n_missing=states.get("missing", 0),
        n_pending=states.get("pending", 0),
        rows=[SkillRow.model_validate(row) for row in skill.table(skill.counted(totals))],
        sums=[] if threshold is not None else sums_of(context, selection),
    )


def sums_of(context: ApiContext, selection: Selection) -> list[SumRow]:
    """Counts and scores of the rain sums of a selection, from the ledger."""
    models = [] if selection.model is None else [selection.model]
    rows = daily_rain_sums.totals(
        context.ledger.engine, models, selection.begin, selection.end, selection.lead
    )
    return [
        SumRow.model_validate(row | {"threshold_mm": row["threshold"]}) for row in sum_table(rows)
    ]
