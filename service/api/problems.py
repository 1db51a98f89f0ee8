"""Errors as HTTP problems (RFC 9457). The only place that knows both."""

import json
import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ingest.errors import BadField, NotRead, OutsideGrid
from model_zoo.errors import BadCheckpoint, BadFrames, ModelError
from service import errors
from service.api import openapi_examples

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.JobRunning: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.BadRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.BadPlace: HTTPStatus.BAD_REQUEST,
    OutsideGrid: HTTPStatus.BAD_REQUEST,
    BadField: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotRead: HTTPStatus.SERVICE_UNAVAILABLE,
    BadCheckpoint: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadFrames: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""By error, or by the nearest base of an error. Any other error is a bug: 500, and logged."""

HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "30"},
    HTTPStatus.CONFLICT: {"Retry-After": "2"},
}
MEDIA = "application/problem+json"
CONTENT: dict[str, Any] = {
    MEDIA: {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "instance"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string"},
                "errors": {"type": "array", "items": {"type": "object"}},
            },
        },
        "example": openapi_examples.PROBLEM,
    }
}
"""What a problem looks like, for the API's own description."""
QUOTED, LISTED = 200, 20
"""Characters of what was sent, and faults of it, that a problem tells of."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def problem(
    request: Request,
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401  members of a problem may be anything JSON can say
) -> Response:
    body = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": request.scope["path"],
        **more,
    }
    # ASCII, since what a client sent and is quoted here may hold half characters.
    content = json.dumps(body)
    return Response(content, status, {**HEADERS.get(status, {}), **(headers or {})}, MEDIA)


async def of_ours(request: Request, error: Exception, *, status: HTTPStatus) -> Response:
    title = (type(error).__doc__ or status.phrase).strip().splitlines()[0]
    return problem(request, status, type(error).__name__, title, str(error))


async def of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.title().replace(" ", "").replace("-", "")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed(request))
    return problem(request, error.status_code, kind, phrase, str(error.detail), headers=headers)


def allowed(request: Request) -> list[str]:
    """Methods there are for the path of a request; the framework names those of one route only."""

    def answers(method: str) -> bool:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if answers(method)]


async def of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Of what a client has sent as little as may be is sent back.
    found = [
        {"at": [step if isinstance(step, int) else step[:QUOTED] for step in part["loc"]],
         "detail": part["msg"][:QUOTED]}
        for part in error.errors()[:LISTED]
    ]  # fmt: skip
    detail = "; ".join(f"{'.'.join(map(str, part['at']))}: {part['detail']}" for part in found)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The request breaks the schema."
    return problem(request, status, "InvalidRequest", title, detail, errors=found)


async def of_bug(request: Request, error: Exception) -> Response:
    log.error("bug in %s %s", request.method, request.url.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "The service failed by a fault of its own, which has been logged."
    return problem(request, status, "Bug", status.phrase, detail)


def install(app: FastAPI) -> None:
    for error, status in STATUS.items():
        app.add_exception_handler(error, partial(of_ours, status=status))
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(Exception, of_bug)
