"""What Prometheus asks for, and what it is told of each request."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import iter_route_contexts
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.dependencies import ApiContext
from service.errors import LedgerAway
from service.monitoring.ledger_collector import Facts
from service.monitoring.metrics import Process
from service.monitoring.skill_collector import SkillCollector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Method or route of what is neither known nor worth a number of its own."""


def install(app: FastAPI, context: ApiContext) -> Process:
    """Count every request of an application, also those that are refused before they come to a
    route, and answer at /metrics. To be called last. Returns what counts."""
    process = context.process or Process(context.settings)
    context.encoded.on_request = lambda held: process.cached(hit=held)
    router, facts = APIRouter(), CollectorRegistry()
    facts.register(Facts(context.settings, context.ledger, context.jobs.book))
    skill = SkillCollector(context.ledger)

    @router.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        """Counts and times of this process, and what the ledger knows."""
        told = generate_latest(process.registry) + generate_latest(facts)
        with suppress(LedgerAway):  # Facts says so
            told += skill.text().encode()
        return Response(told, media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)
    routes = list(templates(app))
    for route in routes:
        for method in route.methods:
            process.expects(method, route.path)
    app.add_middleware(Counted, process=process, routes=routes)
    return process


class Template(NamedTuple):
    """A route, as "/jobs/{job}"."""

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]


def templates(app: FastAPI) -> Iterator[Template]:
    """The routes of an application, in the order in which they are tried."""
    for route in iter_route_contexts(app.routes):
        if route.path is not None and route.methods:
            yield Template(route.path, frozenset(route.methods), compile_path(route.path)[0])


class Counted:
    """Counts requests by their route, which is a template: of paths there is no end."""

    def __init__(self, app: ASGIApp, process: Process, routes: Sequence[Template]) -> None:
        self.app, self.process, self.routes = app, process, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = perf_counter(), 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            took = perf_counter() - begun
            self.process.answered(method, self._route(scope), status, took)

    def _route(self, scope: Scope) -> str:
        """The path of the route that has answered, or would have if it had been asked."""
        if (route := scope.get("route")) is not None:
            return str(route.path)
        near = (route.path for route in self.routes if route.pattern.match(scope["path"]))
        return next(near, OTHER)
