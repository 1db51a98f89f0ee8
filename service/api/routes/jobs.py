"""Jobs that make forecasts, as in OGC API - Processes, part 1."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.api.delivery import deliver
from service.api.dependencies import Context
from service.api.negotiation import MediaType
from service.api.nowcast_requests.lookup import find
from service.api.openapi.responses import FORECAST, JOB
from service.api.representations import gone
from service.api.schemas import Forecast, JobStatus
from service.errors import JobRunning, NoForecast, UnknownJob
from service.jobs.job import without_traceback

router = APIRouter(prefix="/jobs", tags=["jobs"])

JobId = Annotated[
    str,
    Path(
        description="Job id from the response to `POST /nowcast`.",
        examples=["20260621T2330Z-advection-none"],
    ),
]


@router.get("/{job}", operation_id="read_job", responses=JOB)
def status(context: Context, job: JobId) -> JobStatus:
    """Status of a job."""
    return JobStatus.of(find(context, job))


@router.get(
    "/{job}/results", operation_id="read_job_results", responses=FORECAST, response_model=Forecast
)
async def results(request: Request, context: Context, job: JobId, media: MediaType) -> Response:
    """The forecast of a job.

    409 until the job has finished, its error where it failed, 410 past the retention.
    """
    found = await run_in_threadpool(find, context, job)
    if found.status in ("accepted", "running"):
        raise JobRunning(f"job {job} is {found.status}; try again later")
    if found.error is not None:
        raise without_traceback(found.error)
    if found.status == "dismissed":
        raise NoForecast(f"job {job} was dismissed; request it again with POST /nowcast")
    if not await run_in_threadpool(context.archive.has_forecast, found.key):
        raise gone(found.key)
    return await deliver(request, context, found.key, media, fixed=True)


@router.delete("/{job}", operation_id="dismiss_job", responses=JOB)
def dismiss(context: Context, job: JobId) -> JobStatus:
    """Dismiss a job that has not started; a running job continues."""
    try:
        return JobStatus.of(context.jobs.dismiss(job))
    except UnknownJob:
        return JobStatus.of(find(context, job))
