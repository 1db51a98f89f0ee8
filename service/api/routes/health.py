"""Whether the process lives, and whether it can do its work."""

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


class Finding(NamedTuple):
    """How a part of the service is, and what is wrong with it."""

    said: dict[str, Any]
    reasons: list[str]


@router.get("/healthz")
def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", response_model=Readiness, responses=NOT_READY)
def readyz(request: Request, context: Context) -> Response | Readiness:
    """There is fresh radar to forecast from and somebody to do it in time; 503 with every reason
    where that is not so."""
    radar, queue = of_radar(context), of_queue(context)
    said = radar.said | queue.said | {"jobs": "workers" if context.settings.redis else "embedded"}
    reasons = radar.reasons + queue.reasons
    if not reasons:
        return Readiness.model_validate(said)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title, detail = "The service cannot do its work now.", "; ".join(reasons)
    return problem(request, status, "NotReady", title, detail, reasons=reasons, **said)


def of_radar(context: ApiContext) -> Finding:
    newest = context.archive.latest_frame()
    if newest is None:
        nothing = {"radar_time": None, "radar_age_s": None}
        return Finding(nothing, ["there is no radar frame yet; run `nowcast ingest`"])
    time, most = to_datetime(newest), context.settings.stale_minutes
    age = (context.clock() - time).total_seconds()
    stale = (
        f"the newest radar frame is of {iso(time)}, {age / 60:.0f} minutes ago, should be under "
        f"{most}; see to the ingest"
    )
    early = (
        f"the newest radar frame is of {iso(time)}, {-age / 60:.0f} minutes in the future: the "
        f"clock of this machine is slow"
    )
    said = {"radar_time": iso(time), "radar_age_s": age}
    if age < -CLOCK_TOLERANCE.total_seconds():
        return Finding(said, [early])
    return Finding(said, [stale] if age > 60 * most else [])


def of_queue(context: ApiContext) -> Finding:
    """The jobs that somebody waits for, and who does them."""
    try:
        health = context.jobs.health()
    except LedgerAway as error:
        return Finding({"queue": None, "workers": None}, [str(error)])
    queue = {"waiting": health.waiting, "oldest_seconds": round(health.oldest_seconds, 1)}
    most = context.settings.oldest_job_seconds
    reasons = [] if health.problem is None else [health.problem]
    if health.oldest_seconds > most:
        reasons.append(
            f"a job has been waiting for {health.oldest_seconds:.0f} s, should be under {most:g}; "
            f"see to the workers"
        )
    return Finding({"queue": queue, "workers": health.workers}, reasons)
