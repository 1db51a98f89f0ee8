"""Routes that request and read nowcasts."""

import re
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.api.delivery import deliver
from service.api.dependencies import ApiContext, Context
from service.api.field_selection import BoxQuery, LeadsQuery, Selection
from service.api.maps.nowcast_pictures import PictureOptions, area_picture, picture_options
from service.api.model_parameters import ModelQuery, VersionQuery, named
from service.api.negotiation import MediaType
from service.api.nowcast_requests.ensemble import EnsembleRequest, deliver_ensemble
from service.api.nowcast_requests.request import RawRequest
from service.api.nowcast_requests.resolve import ForecastRequest, frame_time, submit_request
from service.api.openapi.responses import ACCEPTED, BODY, ENSEMBLE, FORECAST, NO_ROOM, header
from service.api.representations import SHORT_LIVED, cache_control, location
from service.api.schemas import Forecast, JobStatus, Moment
from service.archive.key import Key, to_time
from service.errors import Gone, NoForecast
from service.jobs.job import Job, without_traceback
from service.pipeline.upload import JSON

router = APIRouter(tags=["nowcasts"])

LONGEST_WAIT_SECONDS = 30.0
IssuePath = Annotated[
    Moment,
    Path(
        description="Issue time: that of the newest radar frame used.",
        examples=["2026-06-21T23:25:00Z"],
    ),
]
Picture = Annotated[PictureOptions, Depends(picture_options)]
RESPOND_ASYNC = "respond-async"


@router.post(
    "/nowcast",
    operation_id="request_nowcast",
    responses={200: FORECAST[200], **ACCEPTED, **NO_ROOM},
    response_model=Forecast,
    openapi_extra=BODY,
)
async def request_nowcast(
    request: Request,
    context: Context,
    media: MediaType,
    model: ModelQuery = None,
    prefer: Annotated[
        str,
        Header(
            max_length=200,
            description="`wait=N` waits up to N seconds, at most 30, for the forecast itself; "
            "`respond-async` never waits.",
            examples=["wait=10"],
        ),
    ] = "",
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=200,
            description="A request repeated under the same key and with the same body within "
            "24 hours is the same request.",
            examples=["7f0c9a52"],
        ),
    ] = None,
) -> Response:
    """Request a forecast from the radar of the service or from uploaded frames.

    An existing forecast is returned at once. Otherwise one job makes it for all requests; with
    `Prefer: wait=N` the response waits for it.

    Frames are uploaded as netCDF, one variable in mm/h with its coordinates, or as JSON. They and
    their forecast are kept for a day.
    """
    content_type = request.headers.get("content-type", "")
    client = request.state.client
    body = await request.body()
    raw = RawRequest(body, content_type, model, media, client, idempotency_key)
    pool = context.pools.uploads if raw.may_have_frames else context.pools.requests
    resolved, job = await pool.run(submit_request, context, raw)
    if job is not None and (seconds := seconds_to_wait(prefer, context.settings.request_seconds)):
        job = await context.jobs.wait(job.id, seconds)
    return await answer(request, context, media, resolved, job, prefer)


async def answer(
    request: Request,
    context: ApiContext,
    media: str,
    resolved: ForecastRequest,
    job: Job | None,
    prefer: str,
) -> Response:
    """The forecast, the error of its job, or the status of the job."""
    has_forecast = context.archive.has_forecast
    if job is None or await run_in_threadpool(has_forecast, resolved.key):
        return await deliver(
            request,
            context,
            resolved.key,
            media,
            latest=resolved.latest,
            instead_of=resolved.instead_of,
        )
    if job.error is not None:
        raise without_traceback(job.error)
    headers = {"Location": f"/jobs/{job.id}", "Retry-After": "2"}
    if applied := preference(prefer):
        headers["Preference-Applied"] = applied
    body = JobStatus.of(job, resolved.instead_of).model_dump_json()
    return Response(body, HTTPStatus.ACCEPTED, headers, JSON)


def preference(prefer: str) -> str | None:
    """The preference that is applied (RFC 7240), or None."""
    if RESPOND_ASYNC in prefer.lower():
        return RESPOND_ASYNC
    return "wait" if WAIT.search(prefer.lower()) else None


WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")


def seconds_to_wait(prefer: str, request_seconds: float) -> float:
    """Seconds to wait for the forecast by the header `Prefer`, within the limit of a request."""
    found = WAIT.search(prefer.lower())
    if found is None or preference(prefer) != "wait":
        return 0.0
    return min(float(found[1]), LONGEST_WAIT_SECONDS, request_seconds / 2)


@router.get(
    "/nowcasts/latest",
    operation_id="read_latest_nowcast",
    responses=FORECAST,
    response_model=Forecast,
)
async def latest(
    request: Request,
    context: Context,
    media: MediaType,
    selection: Selection,
    picture: Picture,
    model: ModelQuery = None,
) -> Response:
    """The newest forecast of a model."""
    chosen = picture.check(media, selection)
    key = await run_in_threadpool(latest_key, context, model)
    if chosen:
        return await context.pools.pictures.run(
            area_picture, request, context, key, picture, selection.box, SHORT_LIVED
        )
    try:
        return await deliver(request, context, key, media, latest=True, selection=selection)
    except (NoForecast, Gone):  # if its file was damaged, it is in quarantine now
        key = await run_in_threadpool(latest_key, context, model)
        return await deliver(request, context, key, media, latest=True, selection=selection)


def latest_key(context: ApiContext, model: str | None) -> Key:
    """Key of the newest forecast of a model.

    Raises:
        NoForecast: The model has no recent forecast.
    """
    name = context.forecasters.named(model)
    return Key(context.archive.latest_issue(*name), *name)


@router.get(
    "/nowcasts/{issue}",
    operation_id="read_nowcast",
    responses={
        **FORECAST,
        307: {
            **FORECAST[200],
            "description": "The forecast of the default model, which the settings name; clients "
            "that follow no redirects have it here.",
            "headers": {"Location": header("URL with model and version, which never changes.")},
        },
    },
    response_model=Forecast,
)
async def read(
    request: Request,
    context: Context,
    issue: IssuePath,
    media: MediaType,
    selection: Selection,
    picture: Picture,
    model: ModelQuery = None,
    version: VersionQuery = None,
) -> Response:
    """The forecast of a model by issue time.

    Without a model, a redirect to that of the default model, whose content has the forecast as
    well. What the URL with model and version answers never changes.
    """
    chosen = picture.check(media, selection)
    name = await run_in_threadpool(named, context, model, version)
    key = Key(frame_time(to_time(issue)), *name)
    fixed = bool(model and version)
    if chosen:
        cached = cache_control(key, latest=False, fixed=fixed)
        answer = await context.pools.pictures.run(
            area_picture, request, context, key, picture, selection.box, cached
        )
    else:
        answer = await deliver(request, context, key, media, fixed=fixed, selection=selection)
    return to_default_model(request, key, answer) if model is None else answer


def to_default_model(request: Request, key: Key, answer: Response) -> Response:
    """The redirect of a URL without a model to that of the forecast of the default one.

    Args:
        request: The request.
        key: The forecast.
        answer: The response with it, which becomes the redirect unless the client holds it already.
    """
    given = [pair for pair in request.query_params.multi_items() if pair[0] != "version"]
    more = f"&{urlencode(given)}" if given else ""
    if answer.status_code == HTTPStatus.OK:
        answer.status_code = HTTPStatus.TEMPORARY_REDIRECT
        answer.headers["Location"] = location(key) + more
        answer.headers["Cache-Control"] = SHORT_LIVED
    return answer


@router.get(
    "/nowcasts/latest/ensemble",
    operation_id="read_latest_ensemble",
    responses=ENSEMBLE,
    response_class=Response,
)
async def latest_ensemble(
    request: Request,
    context: Context,
    model: ModelQuery = None,
    leads: LeadsQuery = None,
    bbox: BoxQuery = None,
) -> Response:
    """The ensemble of the newest forecast of a model, as netCDF.

    It has 20 members (dimension `realization`) whose marginals are the exceedance probabilities of
    the forecast and whose structure in space and time is that of the event.
    """
    key = await run_in_threadpool(latest_key, context, model)
    return await deliver_ensemble(request, context, key, EnsembleRequest(leads, bbox), latest=True)


@router.get(
    "/nowcasts/{issue}/ensemble",
    operation_id="read_ensemble",
    responses=ENSEMBLE,
    response_class=Response,
)
async def ensemble(
    request: Request,
    context: Context,
    issue: IssuePath,
    model: ModelQuery = None,
    version: VersionQuery = None,
    leads: LeadsQuery = None,
    bbox: BoxQuery = None,
) -> Response:
    """The ensemble of the forecast of a model by issue time, as netCDF."""
    name = await run_in_threadpool(named, context, model, version)
    key = Key(frame_time(to_time(issue)), *name)
    wanted = EnsembleRequest(leads, bbox)
    return await deliver_ensemble(request, context, key, wanted, fixed=bool(model and version))
