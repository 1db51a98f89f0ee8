"""Idempotency-Key: a request repeated under the same key is the same request."""

import hashlib

from service.api.dependencies import ApiContext
from service.api.nowcast_requests.lookup import find
from service.api.nowcast_requests.request import RawRequest
from service.archive.key import Key
from service.errors import BadRequest, UnknownJob


def first_key(context: ApiContext, raw: RawRequest, key: Key) -> Key:
    """The forecast key of the first request under an idempotency key.

    Args:
        context: The API context.
        raw: The request as received.
        key: Forecast key of this request, returned where it is the first.

    Raises:
        BadRequest: The idempotency key was used for another request.
    """
    name = digest(raw.client, raw.idempotency_key or "")
    body = digest(raw.content_type, raw.model or "", hashlib.sha256(raw.body).hexdigest())
    first_body, job = context.jobs.job_table.remember(name, body, key.id, context.jobs.clock())
    if first_body != body:
        raise BadRequest(
            f"Idempotency-Key {raw.idempotency_key!r} was used for another request; "
            f"use a new key for a new request"
        )
    if job == key.id:
        return key
    try:
        return find(context, job).key
    except UnknownJob:  # the first request was refused
        return key


def digest(*parts: str) -> str:
    """SHA-256 of several texts, in hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
