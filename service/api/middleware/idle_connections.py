"""Connections that come to nothing: the server itself waits for them for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class IdleTimeout:
    """Makes the protocol of each connection, and ends those on which nothing gets on.

    That is, where for so many seconds, or up to twice as many, no request has come to the end of
    its headers, and no client has taken the last answer. What is being answered has its own limit.

    Args:
        seconds: How long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: set[Any] | None = None
        self._before: dict[Any, object] = {}
        """The connections of the last look, and which request each was at."""

    def __call__(self, **parts: Any) -> asyncio.Protocol:  # noqa: ANN401  as the server has them
        if self._open is None:
            self._open = parts["server_state"].connections
            self._look()
        protocol: asyncio.Protocol = AutoHTTPProtocol(**parts)
        return protocol

    def _look(self) -> None:
        at = {connection: connection.cycle for connection in self._open or ()}
        for connection, request in at.items():
            stuck = connection in self._before and self._before[connection] is request
            if stuck and (request is None or request.response_complete):
                connection.transport.abort()
        self._before = at
        asyncio.get_running_loop().call_later(self._seconds, self._look)
