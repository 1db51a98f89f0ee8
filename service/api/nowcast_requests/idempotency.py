"""The same request sent twice under one Idempotency-Key is one request."""

import hashlib

from service.api.dependencies import ApiContext
from service.api.nowcast_requests.lookup import find
from service.api.nowcast_requests.request import RawRequest
from service.archive.key import Key
from service.errors import BadRequest, UnknownJob


def before(context: ApiContext, asked: RawRequest, key: Key) -> Key:
    """The forecast that a request was about when it first came under its idempotency key.

    Raises:
        BadRequest: Another request came under it.
    """
    name = digest(asked.client, asked.name or "")
    body = digest(asked.content_type, asked.model or "", hashlib.sha256(asked.body).hexdigest())
    first, job = context.jobs.book.remember(name, body, key.id, context.jobs.clock())
    if first != body:
        raise BadRequest(
            f"Idempotency-Key {asked.name!r} came with another request before; "
            f"take a new key for a new request"
        )
    if job == key.id:
        return key
    try:
        return find(context, job).key
    except UnknownJob:  # it was refused then
        return key


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
