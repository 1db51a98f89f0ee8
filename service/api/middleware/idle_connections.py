"""Timeout of idle connections, which uvicorn itself keeps open until a first request arrives."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class IdleTimeout:
    """Protocol factory for uvicorn that aborts idle connections.

    A connection is idle when within the timeout (up to twice the timeout, since connections are
    checked periodically) no request headers are complete and no response is being read by the
    client. Requests that are being answered have a limit of their own (`TimeLimit`).

    Args:
        seconds: The timeout.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connections: set[Any] | None = None
        self._last_requests: dict[Any, object] = {}
        """Connections at the last check, with the request each was handling."""

    def __call__(self, **arguments: Any) -> asyncio.Protocol:  # noqa: ANN401  as uvicorn passes them
        """Make the protocol of a new connection; the first call starts the periodic check."""
        if self._connections is None:
            self._connections = arguments["server_state"].connections
            self._check()
        protocol: asyncio.Protocol = AutoHTTPProtocol(**arguments)
        return protocol

    def _check(self) -> None:
        requests = {connection: connection.cycle for connection in self._connections or ()}
        for connection, request in requests.items():
            known = connection in self._last_requests
            unchanged = known and self._last_requests[connection] is request
            if unchanged and (request is None or request.response_complete):
                connection.transport.abort()
        self._last_requests = requests
        asyncio.get_running_loop().call_later(self._seconds, self._check)
