"""The route of Prometheus metrics, and the middleware that counts requests."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from time import perf_counter
from typing import NamedTuple

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.dependencies import ApiContext
from service.api.problems import METHODS
from service.api.work_pools import SharedCall
from service.errors import BadLedger, LedgerAway
from service.monitoring.archive_collector import ArchiveCollector
from service.monitoring.ledger_collector import LedgerCollector
from service.monitoring.metrics import LEDGER_UP, Process
from service.monitoring.skill_collector import SkillCollector

LEDGER_SECONDS = 8.0
"""Time in s to read the ledger at a scrape; Prometheus waits 10 s."""
LEDGER_HANGS = (
    f"# HELP {LEDGER_UP.name} {LEDGER_UP.help}\n"
    f"# TYPE {LEDGER_UP.name} gauge\n{LEDGER_UP.name} 0.0\n"
).encode()
"""Metrics of a ledger that does not respond."""
PLAIN_TEXT, OPEN_METRICS = "text/plain", "application/openmetrics-text"
OPEN_METRICS_END = b"# EOF\n"
"""Last line of a scrape in OpenMetrics, and of no other format."""
OTHER = "other"
"""Label of unknown methods and routes."""
COLLECTION = re.compile("^/collections/(?!{)[^/]+")
INSTANCE_QUERY = re.compile("/instances/{instance}(?=/)")
"""Routes of a collection and of an issue in it, which are counted together."""


def install(app: FastAPI, context: ApiContext) -> Process:
    """Count every request, including those refused by middleware, and add the route /metrics.

    Call it last, after all other routes and middleware are added.

    Returns:
        The metrics of this process.
    """
    process = context.process or Process(context.settings)
    context.encoded_cache.on_request = lambda hit: process.cached(hit=hit)
    router, ledger_metrics = APIRouter(), CollectorRegistry()
    ledger_metrics.register(
        LedgerCollector(context.settings, context.ledger, context.jobs.job_table)
    )
    ledger_metrics.register(ArchiveCollector(context.archive))
    skill = SkillCollector(context.ledger)

    def text_of_ledger(encode: Callable[[CollectorRegistry], bytes]) -> bytes:
        text = encode(ledger_metrics).removesuffix(OPEN_METRICS_END)
        with suppress(LedgerAway, BadLedger):  # the other collector reports it
            text += skill.text().encode()
        return text

    formats = {accept: choose_encoder(accept)[0] for accept in (PLAIN_TEXT, OPEN_METRICS)}
    calls = {
        accept: SharedCall(partial(text_of_ledger, encode)) for accept, encode in formats.items()
    }

    @router.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """Metrics of this process and of the ledger, as Prometheus text or as OpenMetrics."""
        encode, media = choose_encoder(",".join(request.headers.getlist("accept")))
        text = encode(process.registry)
        is_open = text.endswith(OPEN_METRICS_END)
        text = text.removesuffix(OPEN_METRICS_END)
        try:
            text += await calls[OPEN_METRICS if is_open else PLAIN_TEXT].result(LEDGER_SECONDS)
        except TimeoutError:
            text += LEDGER_HANGS
        if is_open:
            text += OPEN_METRICS_END
        headers = {"Cache-Control": "no-store", "Vary": "Accept"}
        return Response(text, headers=headers, media_type=media)

    app.include_router(router)
    routes = list(templates(app))
    for route in routes:
        for method in route.methods:
            process.expects(method, label(route.path))
    app.add_middleware(RequestCounter, process=process, routes=routes)
    return process


class Template(NamedTuple):
    """Path template of a route, such as `/jobs/{job}`.

    Attributes:
        path: The template.
        methods: Methods of the route.
        pattern: Matches the paths of the route.
    """

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]


def templates(app: FastAPI) -> Iterator[Template]:
    """Path templates of an application, in the order of matching."""
    for route in iter_route_contexts(app.routes):
        if route.path is not None and route.methods:
            yield Template(route.path, frozenset(route.methods), compile_path(route.path)[0])


@cache
def label(template: str) -> str:
    """Route that a path template is counted under.

    Each collection has the same queries, of its newest issue and of each, which would be two thirds
    of all samples.
    """
    return INSTANCE_QUERY.sub("", COLLECTION.sub("/collections/{collection}", template))


class RequestCounter:
    """Counts requests by path template, since the number of paths is unbounded."""

    def __init__(self, app: ASGIApp, process: Process, routes: Sequence[Template]) -> None:
        self.app, self.process, self.routes = app, process, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = perf_counter(), 500

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            seconds = perf_counter() - begin
            self.process.answered(method, self._route(scope), status, seconds)

    def _route(self, scope: Scope) -> str:
        """Template of the route that answered, or that matches the path of a refused request."""
        if (route := scope.get("route")) is not None:
            return label(str(route.path))
        matching = (
            label(route.path) for route in self.routes if route.pattern.match(scope["path"])
        )
        return next(matching, OTHER)
