"""The HTTP application, made from its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from service.api import problems
from service.api.dependencies import Desk
from service.api.head import HeadAsGet
from service.api.limits import BodyLimit
from service.api.routes import health, jobs, nowcasts, position, verification
from service.jobs import EmbeddedJobs

DESCRIPTION = """
Two-hour precipitation nowcasts for Germany from DWD radar, every forecast verified.

No data is `null` and never 0. Times are UTC and mark the end of five minutes. Errors are
`application/problem+json`.
"""


def create_app(desk: Desk) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        if isinstance(desk.jobs, EmbeddedJobs):
            desk.jobs.close()

    app = FastAPI(title="Nowcast", description=DESCRIPTION, version="1", lifespan=lifespan)
    app.state.desk = desk
    for part in (nowcasts, jobs, position, verification, health):
        app.include_router(part.router, responses=PROBLEMS)
    app.add_api_route("/", home, include_in_schema=False)
    app.add_middleware(BodyLimit, largest_bytes=desk.settings.largest_body_bytes)
    app.add_middleware(HeadAsGet)
    problems.install(app)
    return app


def home() -> RedirectResponse:
    """The picture of the newest forecast."""
    return RedirectResponse("/nowcasts/latest?f=png")


PROBLEMS: dict[int | str, dict[str, object]] = {
    "4XX": {
        "description": "The request cannot be answered; the body says why.",
        "content": problems.CONTENT,
    },
    503: {"description": "It cannot be answered yet.", "content": problems.CONTENT},
}
