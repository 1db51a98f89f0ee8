"""New forecasts as an Atom feed and as server-sent events."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from xml.etree import ElementTree as ET

import orjson
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from service.api import openapi_examples
from service.api.dependencies import Context
from service.api.edr.documents import base_url
from service.api.edr.metadata import TITLE
from service.api.middleware.access import client_address
from service.api.middleware.head_as_get import IS_HEAD
from service.api.openapi.responses import Responses
from service.api.representations import SHORT_LIVED, location
from service.api.routes.feeds.new_forecasts import new_forecasts, newest_keys
from service.archive.key import Key, iso, stamp, to_datetime

router = APIRouter(tags=["nowcasts"])

ATOM = "application/atom+xml"
FEED: Responses = {
    200: {
        "description": "An Atom feed (RFC 4287).",
        "content": {
            ATOM: {
                "schema": {"type": "string"},
                "example": '<feed xmlns="http://www.w3.org/2005/Atom"/>',
            }
        },
    }
}
EVENTS: Responses = {
    200: {
        "description": "Server-sent events; the data of each is a `NewForecast`.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "event: forecast\ndata: "
                + orjson.dumps(openapi_examples.NEW_FORECAST).decode()
                + "\nid: 20260621T2230Z-ms-lstm-0d9ab7c1\n\n",
            }
        },
    }
}
RETRY_MILLISECONDS = 5000
"""Time after which a browser connects again."""


class NewForecast(BaseModel):
    """A new forecast."""

    issue_time: datetime
    model: str
    version: str
    href: str
    """Path of the forecast."""


def as_event(key: Key) -> ServerSentEvent:
    """The event of a forecast."""
    data = NewForecast(
        issue_time=to_datetime(key.issue),
        model=key.model,
        version=key.version,
        href=location(key),
    )
    return ServerSentEvent(data=data, event="forecast", id=key.id)


async def admitted(request: Request, context: Context) -> AsyncIterator[None]:
    """Count a stream until it ends.

    Raises:
        Busy: Too many streams are open.
    """
    client = str(getattr(request.state, "client", "") or client_address(request.scope))
    context.stream_quota.admit(client)
    try:
        yield
    finally:
        context.stream_quota.leave(client)


@router.get(
    "/events",
    operation_id="read_events",
    response_class=EventSourceResponse,
    responses=EVENTS,
    dependencies=[Depends(admitted)],
)
async def events(
    request: Request,
    context: Context,
    last_event_id: Annotated[
        str | None, Header(description="Id of the last event; those since then come first.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """New forecasts as server-sent events, those of the newest issue time first.

    A comment every 15 seconds keeps the connection open; after an hour the client connects again.
    """
    yield ServerSentEvent(comment="forecasts follow", retry=RETRY_MILLISECONDS)
    if getattr(request.state, IS_HEAD, False):
        return
    async for key in new_forecasts(context, last_event_id):
        yield as_event(key)


@router.get("/feed.atom", operation_id="read_feed", responses=FEED, response_class=Response)
def feed(request: Request, context: Context) -> Response:
    """The issue times of the last two hours as an Atom feed, newest first."""
    content = atom(base_url(request), newest_keys(context.archive))
    return Response(content, media_type=ATOM, headers={"Cache-Control": SHORT_LIVED})


def atom(base: str, keys: list[Key]) -> bytes:
    """An Atom feed with an entry for each forecast.

    Args:
        base: URL of the service.
        keys: Keys of the forecasts, oldest first.
    """
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    newest = to_datetime(keys[-1].issue) if keys else datetime.fromisoformat("1970-01-01T00:00Z")
    text(root, id=f"{base}/feed.atom", title=TITLE, updated=iso(newest))
    text(ET.SubElement(root, "author"), name="Nowcast")
    ET.SubElement(root, "link", {"rel": "self", "href": f"{base}/feed.atom", "type": ATOM})
    for key in reversed(keys):
        url, time = f"{base}{location(key)}", iso(to_datetime(key.issue))
        entry = ET.SubElement(root, "entry")
        text(entry, id=url, title=f"{key.model}, {stamp(key.issue)}", updated=time)
        ET.SubElement(entry, "link", {"rel": "alternate", "href": url, "type": "application/json"})
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def text(element: ET.Element, **children: str) -> None:
    """Add elements with text to an element."""
    for name, content in children.items():
        ET.SubElement(element, name).text = content
