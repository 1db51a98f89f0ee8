"""Answers with a forecast in a thread of its kind."""

from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from service.api.dependencies import ApiContext
from service.api.field_selection import FieldSelection
from service.api.negotiation import PNG
from service.api.representations import WHOLE, entity_tag, respond
from service.archive.key import Key


async def deliver(
    request: Request,
    context: ApiContext,
    key: Key,
    media: str,
    selection: FieldSelection = WHOLE,
    **more: Any,  # noqa: ANN401  as `respond` takes them
) -> Response:
    """The response with a forecast; see `respond`.

    Raises:
        Busy: Too many requests wait for pictures, or for encoded forecasts.
        NoForecast: There is no such forecast; or any other error of `respond`.
    """
    if context.encoded_cache.is_ready(entity_tag(key, media, selection)):
        return await run_in_threadpool(
            respond, request, context, key, media, selection=selection, **more
        )
    pool = context.pools.pictures if media == PNG else context.pools.encodings
    return await pool.run(respond, request, context, key, media, selection=selection, **more)
