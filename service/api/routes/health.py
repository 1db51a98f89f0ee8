"""Health checks: liveness and readiness."""

from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from service.api.dependencies import ApiContext, Context
from service.api.openapi_responses import NOT_READY
from service.api.problems import problem
from service.api.schemas import Health, Readiness
from service.archive.key import iso, to_datetime
from service.errors import LedgerAway
from service.pipeline.ingest import CLOCK_TOLERANCE

router = APIRouter(tags=["health"])


class Check(NamedTuple):
    """State of a part of the service.

    Attributes:
        state: Members of the response.
        reasons: Why the service is not ready; empty where it is.
    """

    state: dict[str, Any]
    reasons: list[str]


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", response_model=Readiness, responses=NOT_READY)
def readyz(request: Request, context: Context) -> Response | Readiness:
    """The service has recent radar and executes jobs in time; else 503 with all reasons."""
    radar, queue = check_radar(context), check_queue(context)
    state = (
        radar.state | queue.state | {"jobs": "workers" if context.settings.redis else "embedded"}
    )
    reasons = radar.reasons + queue.reasons
    if not reasons:
        return Readiness.model_validate(state)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title, detail = "Service not ready", "; ".join(reasons)
    return problem(request, status, "NotReady", title, detail, reasons=reasons, **state)


def check_radar(context: ApiContext) -> Check:
    """Check that the newest radar frame is recent."""
    newest = context.archive.latest_frame()
    if newest is None:
        no_frame = {"radar_time": None, "radar_age_s": None}
        return Check(no_frame, ["there is no radar frame yet; run `nowcast ingest`"])
    time, most = to_datetime(newest), context.settings.stale_minutes
    age = (context.clock() - time).total_seconds()
    stale = (
        f"the newest radar frame is of {iso(time)}, {age / 60:.0f} minutes ago, should be under "
        f"{most}; check the ingest"
    )
    early = (
        f"the newest radar frame is of {iso(time)}, {-age / 60:.0f} minutes in the future: the "
        f"clock of this machine is slow"
    )
    state = {"radar_time": iso(time), "radar_age_s": age}
    if age < -CLOCK_TOLERANCE.total_seconds():
        return Check(state, [early])
    return Check(state, [stale] if age > 60 * most else [])


def check_queue(context: ApiContext) -> Check:
    """Check that workers execute the jobs that clients wait for."""
    try:
        health = context.jobs.health()
    except LedgerAway as error:
        return Check({"queue": None, "workers": None}, [str(error)])
    queue = {"waiting": health.waiting, "oldest_seconds": round(health.oldest_seconds, 1)}
    most = context.settings.oldest_job_seconds
    reasons = [] if health.problem is None else [health.problem]
    if health.oldest_seconds > most:
        reasons.append(
            f"a job has been waiting for {health.oldest_seconds:.0f} s, should be under {most:g}; "
            f"check the workers"
        )
    return Check({"queue": queue, "workers": health.workers}, reasons)
