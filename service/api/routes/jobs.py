"""Jobs: forecasts on their way, in the words of OGC API - Processes, part 1."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.api.dependencies import Context
from service.api.negotiation import Form
from service.api.nowcast_requests.lookup import find
from service.api.openapi_responses import FORMS, JOB
from service.api.representations import gone, respond
from service.api.schemas import Forecast, JobStatus
from service.errors import JobRunning, NoForecast, UnknownJob
from service.jobs.job import fresh

router = APIRouter(prefix="/jobs", tags=["jobs"])

JobId = Annotated[
    str,
    Path(
        description="As the answer to `POST /nowcast` names it.",
        examples=["20260621T2330Z-advection-none"],
    ),
]


@router.get("/{job}", responses=JOB)
def status(context: Context, job: JobId) -> JobStatus:
    """What has become of a job."""
    return JobStatus.of(find(context, job))


@router.get("/{job}/results", responses=FORMS, response_model=Forecast)
def results(request: Request, context: Context, job: JobId, form: Form) -> Response:
    """The forecast a job was to make: 409 while it is on its way, the reason where it failed, 410
    where it is past its keeping time."""
    found = find(context, job)
    if found.status in ("accepted", "running"):
        raise JobRunning(f"job {job} is {found.status}; ask again in a moment")
    if found.error is not None:
        raise fresh(found.error)
    if found.status == "dismissed":
        raise NoForecast(f"job {job} was dismissed; POST /nowcast asks again")
    if not context.archive.has_forecast(found.key):
        raise gone(found.key)
    return respond(request, context, found.key, form)


@router.delete("/{job}", responses=JOB)
def dismiss(context: Context, job: JobId) -> JobStatus:
    """Give up a job that has not started yet; one that has, goes on."""
    try:
        return JobStatus.of(context.jobs.dismiss(job))
    except UnknownJob:
        return JobStatus.of(find(context, job))
