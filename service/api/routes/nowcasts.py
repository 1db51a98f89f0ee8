"""Nowcasts: ask for one, read one."""

import re
from http import HTTPStatus
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Header, Path, Query, Request, Response

from ingest.precipitation import INTERVAL
from service import tasks
from service.api.dependencies import AtDesk, Desk
from service.api.representations import JSON, NETCDF, PNG, respond
from service.api.schemas import Forecast, JobStatus, ModelName, Moment, NowcastRequest
from service.archive import Key, Time, stamp, to_datetime, to_time
from service.errors import BadRequest, NoFrames
from service.jobs import Job, fresh

router = APIRouter(tags=["nowcasts"])

LONGEST_WAIT_SECONDS = 30.0
RESPOND_ASYNC = "respond-async"
FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Forecast,
        "description": "The forecast.",
        "content": {NETCDF: {}, PNG: {}},
    },
    304: {"description": "The client has it already."},
}
ModelQuery = Annotated[
    ModelName | None, Query(description="Name of a model; the default one where left out.")
]


@router.post("/nowcast", responses={**FORMS, 202: {"model": JobStatus, "description": "A job."}})
def ask(
    request: Request,
    desk: AtDesk,
    wanted: Annotated[NowcastRequest | None, Body()] = None,
    prefer: Annotated[str, Header(max_length=200)] = "",
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Ask for a forecast.

    If there is one already, here it is. Otherwise a job makes it, once, however many ask; with
    `Prefer: wait=N` the answer waits for it up to N seconds.
    """
    wanted = wanted or NowcastRequest()
    key = desk.asked.key(idempotency_key, wanted, lambda: resolve(desk, wanted))
    if desk.archive.has_forecast(key):
        return respond(request, desk, key, latest=wanted.issue == "latest")
    job = desk.jobs.submit(key)
    seconds = seconds_to_wait(prefer)
    if seconds:
        job = desk.jobs.wait(job.id, seconds)
    if desk.archive.has_forecast(key):
        return respond(request, desk, key, latest=wanted.issue == "latest")
    if job.error is not None:
        raise fresh(job.error)
    return accepted(job, prefer)


def accepted(job: Job, prefer: str) -> Response:
    headers = {"Location": f"/jobs/{job.id}", "Retry-After": "2"}
    if seconds_to_wait(prefer) is not None:
        headers["Preference-Applied"] = "wait"
    elif RESPOND_ASYNC in prefer.lower():
        headers["Preference-Applied"] = RESPOND_ASYNC
    body = JobStatus.of(job).model_dump_json()
    return Response(body, HTTPStatus.ACCEPTED, headers, JSON)


def seconds_to_wait(prefer: str) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240); None where it is not there or `respond-async` is."""
    found = re.search(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])", prefer.lower())
    if found is None or RESPOND_ASYNC in prefer.lower():
        return None
    return min(float(found[1]), LONGEST_WAIT_SECONDS)


def resolve(desk: Desk, wanted: NowcastRequest) -> Key:
    """The key of a forecast that can be made, or has been.

    Raises:
        ModelError: There is no such model, or it has no weights.
        BadRequest: The time lies in the future, or between two frames.
        NoFrame, NoFrames: There are no frames to make it from.
    """
    forecaster = desk.forecasters.get(wanted.model)
    if wanted.issue == "latest":
        newest = desk.archive.latest_frame()
        if newest is None:
            raise NoFrames("there is no radar frame yet; run `nowcast ingest` or ask again later")
        issue = newest
    else:
        issue = past(desk, to_time(wanted.issue))
    key = Key(issue, forecaster.name, forecaster.weights)
    if not desk.archive.has_forecast(key):
        tasks.frames_for(desk.archive, forecaster, issue)
    return key


def past(desk: Desk, issue: Time) -> Time:
    """A time that frames can have.

    Raises:
        BadRequest: It lies in the future, or between two frames.
    """
    now = desk.clock()
    if to_datetime(issue) > now:
        raise BadRequest(
            f"issue is {stamp(issue)}, which is in the future of {tasks.iso(now)}; "
            f"ask for 'latest' or a time that has been"
        )
    return on_mark(issue)


def on_mark(issue: Time) -> Time:
    """A time at which frames are due.

    Raises:
        BadRequest: It lies between two frames.
    """
    if (issue - np.datetime64(0, "ns")) % INTERVAL:
        raise BadRequest(f"issue is {issue}Z, should be a whole multiple of 5 minutes")
    return issue


@router.get("/nowcasts/latest", responses={**FORMS}, response_model=Forecast)
def latest(request: Request, desk: AtDesk, model: ModelQuery = None) -> Response:
    """The newest forecast of a model."""
    forecaster = desk.forecasters.named(model)
    issue = desk.archive.latest_issue(*forecaster)
    return respond(request, desk, Key(issue, *forecaster), latest=True)


@router.get("/nowcasts/{issue}", responses={**FORMS}, response_model=Forecast)
def read(
    request: Request,
    desk: AtDesk,
    issue: Annotated[Moment, Path(description="Time of the radar frame it starts from.")],
    model: ModelQuery = None,
) -> Response:
    """The forecast of a model issued at a time."""
    return respond(request, desk, Key(on_mark(to_time(issue)), *desk.forecasters.named(model)))
