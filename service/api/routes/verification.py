"""The route of verification results."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.api.dependencies import Context
from service.api.schemas import ModelName, Moment, SkillRow, Verification
from service.skill import verification as skill

router = APIRouter(tags=["verification"])


@router.get("/verification")
def verification(
    context: Context,
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
    """Counts and scores by model, lead time and threshold, over the valid times in (from, to]."""
    models = [] if model is None else [model]
    states = context.ledger.states(models, begin, end, lead_minutes=lead)
    totals = context.ledger.totals(models, begin, end, lead_minutes=lead, threshold=threshold)
    return Verification(
        n_valid=states.get("verified", 0),
        n_missing=states.get("missing", 0),
        n_pending=states.get("pending", 0),
        rows=[SkillRow.model_validate(row) for row in skill.table(skill.counted(totals))],
    )
