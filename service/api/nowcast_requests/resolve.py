"""From a request to the forecast it is about, and whether that can be made. All of this touches
disk and belongs in a thread."""

from typing import NamedTuple

import numpy as np
from starlette.exceptions import HTTPException
from xarray import DataArray

from ingest.grid import known_grid
from ingest.precipitation import INTERVAL
from service.api.dependencies import ApiContext
from service.api.negotiation import JSON, NETCDF, OFFERED, PNG
from service.api.nowcast_requests.idempotency import before
from service.api.nowcast_requests.request import NowcastRequest, RawRequest, check, parse
from service.api.representations import no_picture
from service.api.schemas import InsteadOf
from service.archive.archive import uploaded
from service.archive.key import Key, Time, iso, stamp, to_datetime, to_time
from service.errors import BadRequest, NoFrames
from service.jobs.job import Job
from service.pipeline import gap_filling, upload
from service.pipeline.served_models import AUTO


class ForecastRequest(NamedTuple):
    """A forecast that can be made.

    Attributes:
        frames: Uploaded ones (time, y, x) to make it from, where that is so.
        latest: RawRequest for as the newest.
        instead_of: The default model, where that cannot forecast.
    """

    key: Key
    frames: DataArray | None = None
    latest: bool = False
    instead_of: InsteadOf | None = None


def submit_request(context: ApiContext, asked: RawRequest) -> tuple[ForecastRequest, Job | None]:
    """What a request asks for, and the job that makes it; None where it is there.

    What is refused leaves nothing behind.

    Raises:
        As `parse_request`, `before` and `Jobs.submit`.
    """
    order = parse_request(context, asked)
    if asked.name is not None:
        order = order._replace(key=before(context, asked, order.key))
    if context.archive.has_forecast(order.key):
        return order, None
    if order.frames is not None:
        context.jobs.admit()
        context.archive.put_upload(order.frames)
    job = context.jobs.submit(order.key)
    if job.status == "successful" and not context.archive.has_forecast(order.key):
        job = context.jobs.submit(order.key, again=True)
    return order, job


def parse_request(context: ApiContext, asked: RawRequest) -> ForecastRequest:
    """What a request asks for.

    Raises:
        RequestValidationError: The body breaks the schema.
        HTTPException: It is of a type that is not taken.
        ModelError: There is no such model, or it has no weights.
        BadRequest: The time lies in the future, or between two frames; or uploaded frames will not
            do for the model.
        BadField: What was uploaded is no frames.
        NotRead: The machine is too busy to read it now.
        NoFrame, NoFrames: There are no frames to make it from.
    """
    if asked.media in OFFERED[NETCDF]:
        return of_upload(context, asked, NETCDF)
    if asked.body and asked.media not in (JSON, ""):
        raise HTTPException(415, f"the body is {asked.media}, should be {JSON} or {NETCDF}")
    # What is larger than any other request must be frames, and these are unfolded elsewhere.
    large = len(asked.body) > context.settings.largest_body_bytes
    said = None if large else parse(asked.body)
    if large or (isinstance(said, dict) and "frames" in said):
        return of_upload(context, asked, JSON)
    wanted = check({} if said is None else said)
    return of_radar(context, wanted, wanted.model or asked.model)


def of_radar(context: ApiContext, wanted: NowcastRequest, model: str | None) -> ForecastRequest:
    """An order of a forecast from the radar of the archive."""
    latest = wanted.issue == "latest"
    issue = newest(context) if wanted.issue == "latest" else past(context, to_time(wanted.issue))
    key = Key(issue, *context.forecasters.named(model))
    if context.archive.has_forecast(key):
        return ForecastRequest(key, latest=latest)
    forecaster, reason = gap_filling.best_possible(context, issue, None if model == AUTO else model)
    if model is not None or not reason:
        return ForecastRequest(key, latest=latest)
    instead_of = InsteadOf(model=context.forecasters.default, reason=reason)
    key = Key(issue, forecaster.name, forecaster.weights)
    return ForecastRequest(key, latest=latest, instead_of=instead_of)


def newest(context: ApiContext) -> Time:
    found = context.archive.latest_frame()
    if found is None:
        raise NoFrames("there is no radar frame yet; run `nowcast ingest` or ask again later")
    return found


def past(context: ApiContext, issue: Time) -> Time:
    """A time that frames can have.

    Raises:
        BadRequest: It lies in the future, or between two frames.
    """
    now = context.clock()
    if to_datetime(issue) > now:
        raise BadRequest(
            f"issue is {stamp(issue)}, which is in the future of {iso(now)}; "
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


def of_upload(context: ApiContext, asked: RawRequest, media: str) -> ForecastRequest:
    """An order of a forecast from uploaded frames, the newest of which is its issue."""
    frames = upload.read(asked.body, media)
    model = check({"model": frames.attrs.pop("model", None)}).model or asked.model
    if model == AUTO:
        raise BadRequest(
            f"{AUTO} goes by skill on the radar of this service, which says nothing of frames from "
            f"elsewhere; name a model"
        )
    forecaster = context.forecasters.get(model)
    if asked.form == PNG and known_grid(frames) is None:
        raise no_picture()
    try:
        gap_filling.gap_in(frames, forecaster)
    except NoFrames as error:
        raise BadRequest(f"the uploaded frames will not do: {error}") from error
    sha, _ = uploaded(frames)
    key = Key(frames["time"].values[-1], forecaster.name, forecaster.weights, sha)
    return ForecastRequest(key, frames)
