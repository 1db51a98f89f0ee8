"""The HTTP application, made from its parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Scope

from service.api import problems
from service.api.dependencies import ApiContext
from service.api.middleware.access import AccessControl
from service.api.middleware.api_keys import KeyFile
from service.api.middleware.head_as_get import HeadAsGet
from service.api.middleware.limits import BodyLimit, TimeLimit
from service.api.middleware.response_cache import ResponseCache
from service.api.middleware.security_headers import SecurityHeaders
from service.api.negotiation import JSON, NETCDF, OFFERED
from service.api.openapi_responses import NEEDS_KEY, PROBLEMS
from service.api.routes import grids, health, jobs, metrics, nowcasts, page, position, verification
from service.settings import Settings

DESCRIPTION = """
Two-hour precipitation nowcasts for Germany from DWD radar, every forecast verified.

No data is `null` and never 0. Times are UTC and mark the end of five minutes. Errors are
`application/problem+json`.
"""
UPLOADED = (JSON, *OFFERED[NETCDF])
"""Types of a large body, where one is taken."""
ASKED = ("Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Prefer",
         "X-API-Key")  # fmt: skip
TOLD = ("Content-Location", "ETag", "Link", "Location", "Preference-Applied", "RateLimit",
        "RateLimit-Policy", "Retry-After")  # fmt: skip
"""Headers that pages of other origins may send, and read."""


class Api(FastAPI):
    """The application, with one more layer before all others, which together cost a request half as
    much as sending it does.

    Attributes:
        front: Makes that layer of what is behind it.
    """

    front: Callable[[ASGIApp], ASGIApp] | None = None

    def build_middleware_stack(self) -> ASGIApp:
        behind = super().build_middleware_stack()
        return self.front(behind) if self.front else behind


def create_app(context: ApiContext) -> Api:
    """The API of a context.

    Raises:
        BadKeys: The file of keys cannot be read.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        context.jobs.close()

    keys = KeyFile(context.settings.api_keys) if context.settings.api_keys else None
    app = Api(
        title="Nowcast",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        # Looking at each request whether somebody wants to hear of it costs as much as sending it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    for part in (nowcasts, jobs, position, verification, grids):
        app.include_router(part.router, responses=PROBLEMS, dependencies=NEEDS_KEY if keys else [])
    app.include_router(health.router, responses=PROBLEMS)
    app.include_router(page.router)
    guard(app, context, keys)
    problems.install(app)
    process = metrics.install(app, context)
    if is_shared(context.settings):
        app.front = partial(ResponseCache, encoded=context.encoded, given=process.answered)
    return app


def is_shared(settings: Settings) -> bool:
    """Whether an answer that is kept may be given to any client, whoever asks and how often."""
    return not (settings.api_keys or settings.requests_per_minute or settings.cors_origins)


def guard(app: FastAPI, context: ApiContext, keys: KeyFile | None) -> None:
    """Put before the routes what every request passes, the last first."""
    settings = context.settings
    app.add_middleware(BodyLimit, largest_bytes=partial(largest_bytes, settings))
    app.add_middleware(TimeLimit, seconds=settings.request_seconds)
    if not is_shared(settings):
        app.add_middleware(ResponseCache, encoded=context.encoded)
    app.add_middleware(AccessControl, keys=keys, per_minute=settings.requests_per_minute)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=ASKED,
            expose_headers=TOLD,
        )
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)


def largest_bytes(settings: Settings, scope: Scope) -> int:
    """How large the body of a request may be."""
    media = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].decode("latin-1")
    uploads = scope["path"] == "/nowcast" and media.strip().lower() in UPLOADED
    return settings.largest_upload_bytes if uploads else settings.largest_body_bytes
