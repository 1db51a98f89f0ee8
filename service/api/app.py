"""The FastAPI application: routes, middleware and error handlers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Scope

from service.api import problems
from service.api.dependencies import ApiContext
from service.api.edr.metadata import description_of
from service.api.middleware.access import AccessControl
from service.api.middleware.api_keys import KeyFile, is_loopback
from service.api.middleware.compression import Compression
from service.api.middleware.entity_tags import EntityTags
from service.api.middleware.head_as_get import HeadAsGet
from service.api.middleware.limits import BodyLimit, TimeLimit
from service.api.middleware.request_log import HEADER, RequestLog
from service.api.middleware.response_cache import ResponseCache
from service.api.middleware.same_origin import LOOPBACK_NAMES, SameOrigin
from service.api.middleware.security_headers import SecurityHeaders
from service.api.middleware.unpacking import Unpacking
from service.api.negotiation import OFFERED
from service.api.openapi.components import completed
from service.api.openapi.responses import NEEDS_KEY, PROBLEMS
from service.api.query_parameters import only_declared_parameters
from service.api.routes import (
    catalogue,
    documentation,
    edr_metadata,
    edr_queries,
    embed,
    grids,
    health,
    jobs,
    maps,
    metrics,
    nowcasts,
    page,
    verification,
    weather_maps,
    widget,
    wms,
)
from service.api.routes.alerts import subscriptions
from service.api.routes.feeds import feeds
from service.api.routes.places import search
from service.api.routes.sums import rain_sums, sum_grids, sum_tiles
from service.pipeline.upload import JSON, NETCDF
from service.settings import Settings

DESCRIPTION = """
{what}.

No data is `null` and never 0. Times are UTC and mark the end of five minutes. Errors are
`application/problem+json`. Every response has an `X-Request-ID`, that of the request where it is
valid, by which logs tell of it.
"""
UPLOAD_TYPES = (JSON, *OFFERED[NETCDF])
"""Content types of uploaded frames, whose body may be large."""
CORS_REQUEST_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "X-API-Key",
    HEADER,
)
"""Headers that pages of other origins may send."""
CORS_RESPONSE_HEADERS = (
    "Content-Location",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    HEADER,
)
"""Headers that pages of other origins may read."""


class Api(FastAPI):
    """The application, with outermost middleware.

    All other middleware together takes half as long as sending a response, so what the outermost
    ones answer is cheaper.

    Attributes:
        outermost: Wrap the application, the first one innermost.
    """

    outermost: Sequence[Callable[[ASGIApp], ASGIApp]] = ()

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self.openapi_schema:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Build the middleware stack, the outermost middleware included."""
        stack = super().build_middleware_stack()
        for wrap in self.outermost:
            stack = wrap(stack)
        return stack


def create_app(context: ApiContext) -> Api:
    """The application of an API context.

    Raises:
        BadKeys: The key file cannot be read.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        if context.drawing is not None:
            context.drawing.close()
        context.jobs.close()

    keys = KeyFile(context.settings.api_keys) if context.settings.api_keys else None
    app = Api(
        title="Nowcast",
        description=DESCRIPTION.format(what=description_of(context.area)),
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # a route of `documentation`, which checks its query and negotiates
        # A member with a default is optional in answers, too.
        separate_input_output_schemas=False,
        servers=[{"url": "/", "description": "This service"}],
        dependencies=[Depends(only_declared_parameters)],
        # Checking for telemetry at each request takes as long as sending a response.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    parts = (
        catalogue,
        nowcasts,
        jobs,
        rain_sums,
        verification,
        grids,
        maps,
        sum_tiles,
        sum_grids,
        weather_maps,
        widget,
    )
    routers = [part.router for part in (*parts, search, wms, subscriptions, feeds)]
    for router in (*routers, edr_metadata.create_router(), edr_queries.create_router()):
        app.include_router(router, responses=PROBLEMS, dependencies=NEEDS_KEY if keys else [])
    app.include_router(health.router, responses=PROBLEMS)
    app.include_router(page.router)
    app.include_router(documentation.router)
    app.include_router(embed.router)
    add_middleware(app, context, keys)
    problems.install(app)
    process = metrics.install(app, context)
    cache = partial(
        ResponseCache, encoded_cache=context.encoded_cache, on_response=process.answered
    )
    request_log = partial(RequestLog, logs_requests=context.settings.access_log)
    app.outermost = (*([cache] if is_shared(context.settings) else []), request_log)
    return app


def is_shared(settings: Settings) -> bool:
    """Whether a cached response may be served to any client, without keys, limits or CORS."""
    return not (settings.api_keys or settings.requests_per_minute or settings.cors_origins)


def add_middleware(app: FastAPI, context: ApiContext, keys: KeyFile | None) -> None:
    """Add the middleware that every request passes; the last added is the outermost."""
    settings = context.settings
    app.add_middleware(EntityTags)
    app.add_middleware(Compression)
    app.add_middleware(
        BodyLimit,
        largest_bytes=partial(largest_bytes, settings),
        most_bytes=settings.bodies_bytes,
    )
    app.add_middleware(Unpacking)
    app.add_middleware(TimeLimit, seconds=settings.request_seconds)
    if not is_shared(settings):
        app.add_middleware(ResponseCache, encoded_cache=context.encoded_cache)
    if keys is None:  # a key is sent in a header, which no page of another origin can
        app.add_middleware(SameOrigin, hosts=own_hosts(settings), origins=settings.cors_origins)
    app.add_middleware(AccessControl, keys=keys, per_minute=settings.requests_per_minute)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_RESPONSE_HEADERS,
        )
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)


def own_hosts(settings: Settings) -> tuple[str, ...] | None:
    """Names of the service in the header Host; None for any, where others reach the API."""
    if not is_loopback(settings.host):
        return None
    return (*LOOPBACK_NAMES, settings.host, *settings.allowed_hosts)


def largest_bytes(settings: Settings, scope: Scope) -> int:
    """Largest body of a request in bytes, by its path and content type."""
    media = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].decode("latin-1")
    uploads = scope["path"] == "/nowcast" and media.strip().lower() in UPLOAD_TYPES
    return settings.largest_upload_bytes if uploads else settings.largest_body_bytes
