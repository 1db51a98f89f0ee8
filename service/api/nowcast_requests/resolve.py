"""Resolves a request to a forecast and submits the job that makes it.

Everything here reads files and belongs in a thread.
"""

from typing import NamedTuple

import numpy as np
from starlette.exceptions import HTTPException
from xarray import DataArray

from ingest.precipitation import INTERVAL, is_of_domain
from service.api.dependencies import ApiContext
from service.api.freshness import check_recent
from service.api.negotiation import OFFERED, PNG
from service.api.nowcast_requests import idempotency
from service.api.nowcast_requests.request import (
    NowcastRequest,
    RawRequest,
    decode_json,
    validate,
)
from service.api.problems import QUOTED
from service.api.representations import no_picture
from service.api.schemas import InsteadOf
from service.archive.field_file import encode_upload
from service.archive.key import Key, Time, iso, stamp, to_datetime, to_time
from service.errors import BadRequest, NoFrames
from service.jobs.job import Job
from service.pipeline import gap_filling, upload
from service.pipeline.served_models import AUTO
from service.pipeline.upload import JSON, NETCDF

FORECAST_FIELDS = 16
"""Fields of a forecast: four lead times with rates and three exceedance probabilities."""
INTERVAL_MINUTES = INTERVAL / np.timedelta64(1, "m")


class ForecastRequest(NamedTuple):
    """A forecast that exists or can be made.

    Attributes:
        key: The forecast key.
        frames: Uploaded frames (time, y, x) in mm/h, NaN for no data; else None.
        latest: The request was for the newest forecast.
        instead_of: The default model, where it cannot forecast and another one does.
    """

    key: Key
    frames: DataArray | None = None
    latest: bool = False
    instead_of: InsteadOf | None = None


def submit_request(context: ApiContext, raw: RawRequest) -> tuple[ForecastRequest, Job | None]:
    """Resolve a request and submit its job. A refused request leaves nothing behind.

    Returns:
        The forecast, and the job that makes it; None where the forecast exists.

    Raises:
        BadRequest: Its idempotency key was used for another request; or as `parse_request`.
        QuotaExceeded: The client waits for too many jobs or has uploaded too much.
        NoRoom: The disk has no room for uploads.
        QueueFull: Too many jobs are waiting; or any other error of `parse_request`, `Jobs.admit`
            and `Jobs.submit`.
    """
    request = parse_request(context, raw)
    if raw.idempotency_key is not None:
        request = request._replace(key=idempotency.first_key(context, raw, request.key))
    has_forecast = context.archive.has_forecast(request.key)
    if not has_forecast:
        context.job_quota.admit(raw.client, request.key.id)
    if raw.idempotency_key is not None:
        key = idempotency.remember(context, raw, request.key, has_job=not has_forecast)
        request = request._replace(key=key)
    if has_forecast:
        return request, None
    if request.frames is not None:
        context.jobs.admit()
        context.upload_quota.admit(raw.client, disk_bytes(request.frames))
        context.archive.put_upload(request.frames)
    job = context.jobs.submit(request.key)
    if job.status == "successful" and not context.archive.has_forecast(request.key):
        job = context.jobs.submit(request.key, again=True)
    return request, job


def disk_bytes(frames: DataArray) -> int:
    """Disk space in bytes of uploaded frames (time, y, x) and their forecast."""
    return int(frames.nbytes + FORECAST_FIELDS * frames.nbytes // frames.sizes["time"])


def parse_request(context: ApiContext, raw: RawRequest) -> ForecastRequest:
    """The forecast that a request asks for.

    Raises:
        RequestValidationError: The body does not match the schema.
        HTTPException: The content type is not supported (415).
        ModelError: There is no such model, or it has no weights.
        BadRequest: The issue time is in the future or between two frames, or the uploaded frames
            do not suit the model.
        BadField: The uploaded frames are invalid.
        NotRead: The machine is too busy to read the upload.
        NoFrame: A radar frame is missing.
        NoFrames: There are too few radar frames.
        StaleRadar: The newest radar frame is too old.
    """
    if raw.body_type in OFFERED[NETCDF]:
        return from_upload(context, raw, NETCDF)
    if raw.body and raw.body_type != JSON:
        kind = raw.body_type[:QUOTED] or "without Content-Type"
        raise HTTPException(415, f"the body is {kind}, should be {JSON} or {NETCDF}")
    # Only frames exceed this size; they are decoded in the sandbox.
    large = len(raw.body) > context.settings.largest_body_bytes
    document = None if large else decode_json(raw.body)
    if large or (isinstance(document, dict) and "frames" in document):
        return from_upload(context, raw, JSON)
    request = validate({} if document is None else document)
    return from_archive(context, request, request.model or raw.model)


def from_archive(
    context: ApiContext, request: NowcastRequest, model: str | None
) -> ForecastRequest:
    """A forecast from radar of the archive.

    Args:
        context: The API context.
        request: The validated body.
        model: Name of the model; None for the default model, or another where that cannot forecast.

    Raises:
        BadRequest: The issue time is in the future or between two frames.
        ModelError: There is no such model, or it has no weights.
        NoFrames: There is no radar frame, or too few for any model.
        StaleRadar: The newest frame is too old for a forecast of the present.
    """
    latest = request.issue == "latest"
    issue = (
        latest_frame_time(context)
        if request.issue == "latest"
        else past_frame_time(context, to_time(request.issue))
    )
    key = Key(issue, *context.forecasters.named(model))
    if context.archive.has_forecast(key):
        return ForecastRequest(key, latest=latest)
    if latest:
        check_recent(context, issue)
    forecaster, reason = gap_filling.usable_model(
        context.archive, context.forecasters, issue, None if model == AUTO else model
    )
    if model is not None or not reason:
        return ForecastRequest(key, latest=latest)
    instead_of = InsteadOf(model=context.forecasters.default, reason=reason)
    key = Key(issue, forecaster.name, forecaster.weights)
    return ForecastRequest(key, latest=latest, instead_of=instead_of)


def latest_frame_time(context: ApiContext) -> Time:
    """Time of the newest radar frame.

    Raises:
        NoFrames: The archive has no frame.
    """
    newest = context.archive.latest_frame()
    if newest is None:
        raise NoFrames("there is no radar frame yet; run `nowcast ingest` or try again later")
    return newest


def past_frame_time(context: ApiContext, issue: Time) -> Time:
    """Check that an issue time is a frame time in the past.

    Raises:
        BadRequest: It is in the future, or between two frames.
    """
    now = context.clock()
    if to_datetime(issue) > now:
        raise BadRequest(
            f"issue is {stamp(issue)}, which is in the future of {iso(now)}; "
            f"use 'latest' or a time in the past"
        )
    return frame_time(issue)


def frame_time(time: Time) -> Time:
    """Check that a time is one of a radar frame.

    Raises:
        BadRequest: It is between two frames.
    """
    if (time - np.datetime64(0, "ns")) % INTERVAL:
        raise BadRequest(
            f"issue is {time}Z, should be a whole multiple of {INTERVAL_MINUTES:g} minutes"
        )
    return time


def from_upload(context: ApiContext, raw: RawRequest, media: str) -> ForecastRequest:
    """A forecast from uploaded frames, issued at the time of the newest.

    Args:
        context: The API context.
        raw: The request, whose body has the frames.
        media: Media type of the body, JSON or netCDF.

    Raises:
        BadField: The frames are invalid.
        BadRequest: The model is `auto`, or the frames do not suit it.
        ModelError: There is no such model, or it has no weights.
        NotAcceptable: A picture is requested of a grid that has none.
        NotRead: The machine is too busy to read the upload.
    """
    frames = upload.read(raw.body, media)
    model = validate({"model": frames.attrs.pop("model", None)}).model or raw.model
    if model == AUTO:
        raise BadRequest(
            f"{AUTO} selects by skill on the radar of this service, which says nothing about "
            f"uploaded frames; name a model"
        )
    forecaster = context.forecasters.get(model)
    if raw.media == PNG and not is_of_domain(frames):
        raise no_picture()
    try:
        gap_filling.gap_in(frames, forecaster)
    except NoFrames as error:
        raise BadRequest(f"the uploaded frames do not suit the model: {error}") from error
    sha256, _ = encode_upload(frames)
    key = Key(frames["time"].values[-1], forecaster.name, forecaster.weights, sha256)
    return ForecastRequest(key, frames)
