"""Nowcasts: ask for one, read one."""

import re
from http import HTTPStatus
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.api.dependencies import ApiContext, Context
from service.api.negotiation import JSON, Form
from service.api.nowcast_requests.request import RawRequest
from service.api.nowcast_requests.resolve import ForecastRequest, on_mark, submit_request
from service.api.openapi_responses import ACCEPTED, BODY, FORMS
from service.api.representations import respond
from service.api.schemas import Forecast, JobStatus, ModelName, Moment
from service.archive.key import Key, to_time
from service.jobs.job import Job, fresh

router = APIRouter(tags=["nowcasts"])

LONGEST_WAIT_SECONDS = 30.0
RESPOND_ASYNC = "respond-async"
ModelQuery = Annotated[
    ModelName | None,
    Query(
        description="Name of a model, or `auto` for the most skilful at each lead; the default one "
        "where left out.",
        examples=["auto"],
    ),
]


@router.post(
    "/nowcast", responses={**FORMS, **ACCEPTED}, response_model=Forecast, openapi_extra=BODY
)
async def ask(
    request: Request,
    context: Context,
    form: Form,
    model: ModelQuery = None,
    prefer: Annotated[
        str,
        Header(
            max_length=200,
            description="`wait=N` waits up to N seconds, 30 at most, for the forecast itself; "
            "`respond-async` never waits.",
            examples=["wait=10"],
        ),
    ] = "",
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=200,
            description="Sent again within 24 hours with the same body, it is the same request.",
            examples=["7f0c9a52"],
        ),
    ] = None,
) -> Response:
    """Ask for a forecast, of the radar here or of frames of your own.

    If there is one already, here it is. Otherwise a job makes it, once, however many ask; with
    `Prefer: wait=N` the answer waits for it.

    Frames of your own come as netCDF, one variable in mm/h with its coordinates, or as JSON. They
    and their forecast are kept for a day.
    """
    kind = request.headers.get("content-type", "")
    client = request.state.client
    asked = RawRequest(await request.body(), kind, model, form, client, idempotency_key)
    threads = context.uploading if asked.may_bring_frames else None
    order, job = await to_thread.run_sync(submit_request, context, asked, limiter=threads)
    if job is not None and (seconds := seconds_to_wait(prefer, context.settings.request_seconds)):
        job = await context.jobs.wait(job.id, seconds)
    return await run_in_threadpool(answer, request, context, form, order, job, prefer)


def answer(
    request: Request,
    context: ApiContext,
    form: str,
    order: ForecastRequest,
    job: Job | None,
    prefer: str,
) -> Response:
    """The forecast, the reason why there is none, or the job that makes it."""
    if job is None or context.archive.has_forecast(order.key):
        return respond(
            request, context, order.key, form, latest=order.latest, instead_of=order.instead_of
        )
    if job.error is not None:
        raise fresh(job.error)
    headers = {"Location": f"/jobs/{job.id}", "Retry-After": "2"}
    if applied := preference(prefer):
        headers["Preference-Applied"] = applied
    body = JobStatus.of(job, order.instead_of).model_dump_json()
    return Response(body, HTTPStatus.ACCEPTED, headers, JSON)


def preference(prefer: str) -> str | None:
    """Which of the preferences that we know of is followed (RFC 7240)."""
    if RESPOND_ASYNC in prefer.lower():
        return RESPOND_ASYNC
    return "wait" if WAIT.search(prefer.lower()) else None


WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")


def seconds_to_wait(prefer: str, request_seconds: float) -> float:
    """Seconds to wait as `Prefer` has it, within what a request may take."""
    found = WAIT.search(prefer.lower())
    if found is None or preference(prefer) != "wait":
        return 0.0
    return min(float(found[1]), LONGEST_WAIT_SECONDS, request_seconds / 2)


@router.get("/nowcasts/latest", responses=FORMS, response_model=Forecast)
def latest(request: Request, context: Context, form: Form, model: ModelQuery = None) -> Response:
    """The newest forecast of a model."""
    named = context.forecasters.named(model)
    key = Key(context.archive.latest_issue(*named), *named)
    return respond(request, context, key, form, latest=True)


@router.get("/nowcasts/{issue}", responses=FORMS, response_model=Forecast)
def read(
    request: Request,
    context: Context,
    issue: Annotated[
        Moment,
        Path(
            description="Time of the radar frame it starts from.",
            examples=["2026-06-21T23:25:00Z"],
        ),
    ],
    form: Form,
    model: ModelQuery = None,
) -> Response:
    """The forecast of a model issued at a time."""
    key = Key(on_mark(to_time(issue)), *context.forecasters.named(model))
    return respond(request, context, key, form)
