"""Idempotency-Key: a request repeated under the same key is the same request.

A key is kept in the job table where its request made a job, otherwise in memory.
"""

import hashlib

from service.api.dependencies import ApiContext
from service.api.nowcast_requests.lookup import find
from service.api.nowcast_requests.request import RawRequest
from service.archive.key import Key
from service.errors import BadRequest, LedgerAway, UnknownJob


def first_key(context: ApiContext, raw: RawRequest, key: Key) -> Key:
    """The forecast key of the first request under an idempotency key.

    Args:
        context: The API context.
        raw: The request as received.
        key: Forecast key of this request, returned where it is the first.

    Raises:
        BadRequest: The idempotency key was used for another request.
        LedgerAway: The job table cannot be read, and there is no forecast yet.
    """
    name = name_hash(raw)
    first = context.request_memory.recall(name)
    if first is None:
        try:
            recall = context.jobs.job_table.recall
            first = context.ledger_calls.call(recall, name, context.jobs.clock())
        except LedgerAway:
            if not context.archive.has_forecast(key):
                raise
    return key if first is None else checked(context, raw, key, *first)


def remember(context: ApiContext, raw: RawRequest, key: Key, *, has_job: bool) -> Key:
    """Remember a request under its idempotency key. Returns the key of the first one.

    Raises:
        BadRequest: Another request was first.
        LedgerAway: The job table cannot be written.
    """
    name, body = name_hash(raw), body_hash(raw)
    if has_job:
        first = context.jobs.job_table.remember(name, body, key.id, context.jobs.clock())
    else:
        first = context.request_memory.remember(name, body, key.id)
    return checked(context, raw, key, *first)


def checked(context: ApiContext, raw: RawRequest, key: Key, first_body: str, job: str) -> Key:
    """The forecast key of the first request, which must have had the same body.

    Raises:
        BadRequest: It had another body.
    """
    if first_body != body_hash(raw):
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


def name_hash(raw: RawRequest) -> str:
    """Hash of an idempotency key and its client."""
    return digest(raw.client, raw.idempotency_key or "")


def body_hash(raw: RawRequest) -> str:
    """Hash of all that makes two requests the same."""
    return digest(raw.content_type, raw.model or "", hashlib.sha256(raw.body).hexdigest())


def digest(*parts: str) -> str:
    """SHA-256 of several texts, in hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
