"""Routes that list what there is: models, and issue times with their forecasts."""

from datetime import datetime
from itertools import islice
from typing import Annotated
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Response

from model_zoo.errors import ModelError
from service.api.dependencies import ApiContext, Context
from service.api.representations import SHORT_LIVED, location
from service.api.schemas import (
    IssueForecasts,
    IssueModel,
    Issues,
    Link,
    ModelName,
    Models,
    Moment,
    ServedModel,
)
from service.archive.key import Key, Time, iso, to_datetime, to_time
from service.errors import NoForecast
from service.pipeline.served_models import AUTO, PROVIDER_MODEL

router = APIRouter(tags=["nowcasts"])

MOST_LISTED = 100
"""Issue times in one response."""
FEW_LISTED = 12


@router.get("/models", operation_id="list_models")
def list_models(context: Context, response: Response) -> Models:
    """The models of the service, those of the schedule first, and why one cannot forecast."""
    response.headers["Cache-Control"] = SHORT_LIVED
    others = [AUTO, *PROVIDER_MODEL.values()]
    names = [*context.forecasters.served, *others]
    return Models(
        models=[served_model(context, name) for name in names],
        links=[Link(rel="self", href="/models")],
    )


def served_model(context: ApiContext, name: str) -> ServedModel:
    """A model by name, with its newest forecast."""
    weights, latest, problem = "none", None, None
    try:
        _, weights = context.forecasters.named(name)
        latest = to_datetime(context.archive.latest_issue(name, Key(NEVER, name, weights).version))
    except NoForecast:
        pass
    except ModelError as error:
        problem = str(error)
    query = urlencode({"model": name})
    return ServedModel(
        name=name,
        version=None if problem else Key(NEVER, name, weights).version,
        weights_sha256=None if weights == "none" else weights,
        default=name == context.forecasters.default,
        scheduled=name in context.forecasters.served,
        latest_issue=latest,
        problem=problem,
        links=[Link(rel="latest-version", href=f"/nowcasts/latest?{query}")] if latest else [],
    )


NEVER = np.datetime64("NaT", "ns")


@router.get("/nowcasts", operation_id="list_nowcasts")
def list_issues(
    context: Context,
    response: Response,
    before: Annotated[
        Moment | None, Query(description="Only issue times before this time.")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MOST_LISTED, description="Issue times in one response.")
    ] = FEW_LISTED,
    model: Annotated[
        ModelName | None, Query(description="Only forecasts of this model.", examples=["auto"])
    ] = None,
) -> Issues:
    """Issue times with their forecasts, newest first; the link `next` leads to older ones."""
    response.headers["Cache-Control"] = SHORT_LIVED
    end = None if before is None else to_time(before)
    listed = (
        (issue, keys)
        for issue, keys in context.archive.forecast_keys(end)
        if model is None or model in {key.model for key in keys}
    )
    page = list(islice(listed, limit + 1))
    query = {"limit": limit} | ({"model": model} if model else {})
    here = query | ({"before": iso(before)} if before else {})
    links = [Link(rel="self", href=f"/nowcasts?{urlencode(here)}")]
    if len(page) > limit:
        oldest = iso(to_datetime(page[limit - 1][0]))
        links.append(Link(rel="next", href=f"/nowcasts?{urlencode(query | {'before': oldest})}"))
    return Issues(
        issues=[forecasts_of(issue, keys, model) for issue, keys in page[:limit]], links=links
    )


def forecasts_of(issue: Time, keys: list[Key], model: str | None) -> IssueForecasts:
    """The forecasts of an issue time, of one model or of all."""
    time: datetime = to_datetime(issue)
    return IssueForecasts(
        issue_time=time,
        models=[
            IssueModel(
                name=key.model,
                version=key.version,
                links=[Link(rel="item", href=location(key))],
            )
            for key in sorted(keys)
            if model in (None, key.model)
        ],
    )
