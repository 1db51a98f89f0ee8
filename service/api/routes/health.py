"""Health checks: liveness and readiness."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from service.api.dependencies import ApiContext, Context
from service.api.openapi.responses import NOT_READY
from service.api.problems import problem, public_detail
from service.api.schemas import Health, Readiness
from service.api.work_pools import SharedCall
from service.archive.key import iso, to_datetime
from service.errors import BadLedger, LedgerAway
from service.pipeline.ingest import CLOCK_TOLERANCE

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)

CHECK_SECONDS = 3.0
"""Time in s from which a part that does not respond counts as not ready."""
WRITE_SECONDS = 1.0
"""Age in s up to which the result of a write is used again."""
NO_FRAME = {"radar_time": None, "radar_age_s": None}
NO_QUEUE = {"queue": None, "workers": None}


class Check(NamedTuple):
    """State of a part of the service.

    Attributes:
        state: Members of the response.
        reasons: Why the service is not ready; empty where it is.
    """

    state: dict[str, Any]
    reasons: list[str]


NO_STORE = {"Cache-Control": "no-store"}
"""The state of this moment, which no cache may keep."""


@router.get("/healthz", operation_id="read_health")
async def healthz(response: Response) -> Health:
    """The process answers."""
    response.headers.update(NO_STORE)
    return Health()


@router.get("/readyz", operation_id="read_readiness", response_model=Readiness, responses=NOT_READY)
async def readyz(request: Request, context: Context, response: Response) -> Response | Readiness:
    """The service has recent radar, can keep more of it and executes jobs in time.

    Otherwise 503 with all reasons.
    """
    response.headers.update(NO_STORE)
    checks = await asyncio.gather(*(check(context) for check in CHECKS))
    state: dict[str, Any] = {"jobs": "workers" if context.settings.redis else "embedded"}
    for check in checks:
        state |= check.state
    reasons = list(dict.fromkeys(reason for check in checks for reason in check.reasons))
    if not reasons:
        return Readiness.model_validate(state)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title, detail = "Service not ready", "; ".join(reasons)
    return problem(request, status, "NotReady", title, detail, reasons=reasons, **state)


@dataclass
class Part:
    """A part of the service that is checked.

    Attributes:
        name: Its name, for the reason where the check itself hangs.
        check: Checks it.
        state: Members of the response where the check hangs.
        fresh_seconds: Age in s up to which a result is used again.
    """

    name: str
    check: Callable[[ApiContext], Check]
    state: dict[str, Any] = field(default_factory=dict)
    fresh_seconds: float = 0.0

    async def __call__(self, context: ApiContext) -> Check:
        """Check the part within `CHECK_SECONDS`, once at a time for all who ask."""
        call = context.checks.get(self.name)
        if call is None:
            call = SharedCall(lambda: self.check(context), self.fresh_seconds)
            context.checks[self.name] = call
        try:
            result: Check = await call.result(CHECK_SECONDS)
        except TimeoutError:
            reason = f"the {self.name} did not respond within {CHECK_SECONDS:g} s"
            return Check(self.state, [reason])
        return result


def check_writes(context: ApiContext) -> Check:
    """Check that radar and forecasts can be stored in the archive."""
    try:
        context.archive.store.probe()
    except OSError as error:
        log.warning("the archive cannot be written: %s", error)
        reason = os.strerror(error.errno) if error.errno else "it does not respond"
        return Check({}, [f"the archive cannot be written: {reason}; see to its disk"])
    return Check({}, [])


def check_ledger(context: ApiContext) -> Check:
    """Check that the ledger can be written."""
    try:
        context.ledger.probe()
    except (LedgerAway, BadLedger) as error:
        return Check({}, [public_detail(error)])
    return Check({}, [])


def check_radar(context: ApiContext) -> Check:
    """Check that the newest radar frame is recent."""
    try:
        newest = context.archive.latest_frame()
    except OSError as error:
        log.warning("the archive cannot be read: %s", error)
        reason = os.strerror(error.errno) if error.errno else "it does not respond"
        return Check(NO_FRAME, [f"the archive cannot be read: {reason}; see to its disk"])
    if newest is None:
        return Check(NO_FRAME, ["there is no radar frame yet; run `nowcast ingest`"])
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
    except (LedgerAway, BadLedger) as error:
        return Check(NO_QUEUE, [public_detail(error)])
    queue = {"waiting": health.waiting, "oldest_seconds": round(health.oldest_seconds, 1)}
    most = context.settings.oldest_job_seconds
    reasons = [] if health.problem is None else [health.problem]
    if health.oldest_seconds > most:
        reasons.append(
            f"a job has been waiting for {health.oldest_seconds:.0f} s, should be under {most:g}; "
            f"check the workers"
        )
    return Check({"queue": queue, "workers": health.workers}, reasons)


CHECKS = (
    Part("archive", check_radar, NO_FRAME),
    Part("queue", check_queue, NO_QUEUE),
    Part("disk of the archive", check_writes, fresh_seconds=WRITE_SECONDS),
    Part("ledger", check_ledger, fresh_seconds=WRITE_SECONDS),
)
"""All checks of `/readyz`; their reasons are reported in this order."""
