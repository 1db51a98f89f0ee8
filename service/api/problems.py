"""Errors as problem details (RFC 9457): the only module that maps errors to HTTP statuses."""

import errno
import logging
import os
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ingest.errors import BadField, NotRead, OutsideGrid
from model_zoo.errors import BadCheckpoint, BadFrames, ModelError
from service import errors
from service.api import openapi_examples
from service.api.connections.problem_document import MEDIA, problem_document

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NoRoom: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.BadLedger: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NeedsApiKeys: HTTPStatus.FORBIDDEN,
    errors.JobRunning: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.BadRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.BadQuery: HTTPStatus.BAD_REQUEST,
    OutsideGrid: HTTPStatus.BAD_REQUEST,
    BadField: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotRead: HTTPStatus.SERVICE_UNAVAILABLE,
    BadCheckpoint: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadFrames: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""HTTP status by error class or nearest base class. Any other error is a bug: 500, and logged."""

NO_STORE = {"Cache-Control": "no-store"}
"""No cache may keep an error, such as that there is no forecast yet, which is over in a moment."""
HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "30"},
    HTTPStatus.CONFLICT: {"Retry-After": "2"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "10"},
    HTTPStatus.INSUFFICIENT_STORAGE: {"Retry-After": "3600"},
}
CONTENT: dict[str, Any] = {
    MEDIA: {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": openapi_examples.PROBLEM,
    }
}
"""Schema and example of problem details in OpenAPI."""
CLIENT_CLOSED = 499
"""Status, by nginx's convention, of a request whose client hung up."""
QUOTED, LISTED = 200, 20
"""Characters quoted of a request, and schema violations listed, in one problem."""
EDR_PREFIX = "/collections"
"""Paths where OGC API - EDR wants 400 for an invalid parameter."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def problem(
    request: Request,
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401  any JSON value
) -> Response:
    """A response with problem details (RFC 9457).

    Args:
        request: The request that failed.
        status: HTTP status.
        kind: Problem type, the last part of its URI.
        title: Short summary of the problem type.
        detail: What is wrong, what should be, and what to do.
        headers: Further response headers.
        **more: Further members of the problem.
    """
    content = problem_document(request.scope["path"], status, kind, title, detail, **more)
    about = {**NO_STORE, **HEADERS.get(status, {}), **(headers or {})}
    return Response(content, status, about, MEDIA)


async def on_known_error(request: Request, error: Exception, *, status: HTTPStatus) -> Response:
    """The problem of an error class in `STATUS`; its title is the first line of the docstring."""
    title = (type(error).__doc__ or status.phrase).strip().splitlines()[0]
    return problem(request, status, type(error).__name__, title, public_detail(error))


def public_detail(error: Exception) -> str:
    """What is wrong, without hosts, paths or users, which are for the log only."""
    if isinstance(error, errors.LedgerAway):
        log.warning("%s", error)
        return error.reason
    if isinstance(error, errors.BadLedger):
        log.error("%s", error)
        return "the ledger is damaged; it has to be restored from a backup"
    return str(error)


async def on_storage_error(request: Request, error: Exception) -> Response:
    """The problem of a disk that is full (507), or that cannot be read or written (503)."""
    assert isinstance(error, OSError)
    log.warning("%s %s: %s", request.method, request.url.path, error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        status, kind = HTTPStatus.INSUFFICIENT_STORAGE, "NoRoom"
        detail = "the disk of the service is full; try again later"
    else:
        status, kind = HTTPStatus.SERVICE_UNAVAILABLE, "StorageAway"
        reason = os.strerror(error.errno) if error.errno else "it does not respond"
        detail = f"the archive cannot be used now: {reason}; try again later"
    return problem(request, status, kind, status.phrase, detail)


async def on_disconnect(request: Request, error: Exception) -> Response:
    """The response to a client that has hung up before its request was complete."""
    del request, error
    return Response(status_code=CLIENT_CLOSED)


async def on_http_error(request: Request, error: Exception) -> Response:
    """The problem of an error of the framework, such as 404 and 405."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.title().replace(" ", "").replace("-", "")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return problem(request, error.status_code, kind, phrase, str(error.detail), headers=headers)


def allowed_methods(request: Request) -> list[str]:
    """Methods allowed for the path of a request; the framework lists those of one route only."""

    def has_route(method: str) -> bool:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if has_route(method)]


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """The problem of a request that does not match the schema, with at most `LISTED` violations."""
    assert isinstance(error, RequestValidationError)
    # The response repeats as little as possible of the request.
    violations = [
        {"at": [step if isinstance(step, int) else step[:QUOTED] for step in part["loc"]],
         "detail": part["msg"][:QUOTED]}
        for part in error.errors()[:LISTED]
    ]  # fmt: skip
    detail = "; ".join(f"{'.'.join(map(str, part['at']))}: {part['detail']}" for part in violations)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if request.scope["path"].startswith(EDR_PREFIX):
        status = HTTPStatus.BAD_REQUEST
    title = "Request does not match the schema"
    return problem(request, status, "InvalidRequest", title, detail, errors=violations)


async def on_bug(request: Request, error: Exception) -> Response:
    """The problem of an unexpected error: 500, and logged with its traceback."""
    log.error("bug in %s %s", request.method, request.url.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "the service failed because of an error in the program, which has been logged"
    return problem(request, status, "Bug", status.phrase, detail)


def install(app: FastAPI) -> None:
    """Install the handlers of all errors."""
    for error, status in STATUS.items():
        app.add_exception_handler(error, partial(on_known_error, status=status))
    app.add_exception_handler(OSError, on_storage_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(Exception, on_bug)
