"""Jobs: forecasts on their way, in the words of OGC API - Processes, part 1."""

import re

from fastapi import APIRouter, Request, Response

from service.api.dependencies import AtDesk, Desk
from service.api.representations import respond
from service.api.routes.nowcasts import FORMS
from service.api.schemas import Forecast, JobStatus
from service.archive import Key, from_stamp
from service.errors import JobRunning, NoForecast, UnknownJob
from service.jobs import Job, fresh

router = APIRouter(prefix="/jobs", tags=["jobs"])

ID = re.compile(r"(?P<issue>\d{8}T\d{4}Z)-(?P<model>[a-z0-9+.-]{1,64})-(?P<version>[0-9a-z]{4,8})")


@router.get("/{job}")
def status(desk: AtDesk, job: str) -> JobStatus:
    """What has become of a job."""
    return JobStatus.of(found(desk, job))


@router.get("/{job}/results", responses={**FORMS}, response_model=Forecast)
def results(request: Request, desk: AtDesk, job: str) -> Response:
    """The forecast a job was to make: 409 while it is on its way, the reason where it failed."""
    there = found(desk, job)
    if there.status in ("accepted", "running"):
        raise JobRunning(f"job {job} is {there.status}; ask again in a moment")
    if there.error is not None:
        raise fresh(there.error)
    if there.status == "dismissed":
        raise NoForecast(f"job {job} was dismissed; POST /nowcast asks again")
    return respond(request, desk, there.key)


@router.delete("/{job}")
def dismiss(desk: AtDesk, job: str) -> JobStatus:
    """Give up a job that has not started yet; one that has, goes on."""
    found(desk, job)
    try:
        return JobStatus.of(desk.jobs.dismiss(job))
    except UnknownJob:
        return JobStatus.of(found(desk, job))


def found(desk: Desk, job: str) -> Job:
    """The job, also one that another process has done: its forecast is in the archive.

    Raises:
        UnknownJob: There is no trace of it.
    """
    try:
        return desk.jobs.get(job)
    except UnknownJob:
        parts = ID.fullmatch(job)
        issue = from_stamp(parts["issue"]) if parts else None
        if parts is None or issue is None:
            raise
        key = Key(issue, parts["model"], parts["version"])
        if not desk.archive.has_forecast(key):
            raise
        return Job(key, created=desk.archive.generated(key), status="successful")
