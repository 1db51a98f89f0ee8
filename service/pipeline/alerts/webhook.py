"""Signed POST requests, as the specification of standardwebhooks.com has them.

A message keeps its id over all attempts, so that a receiver knows one that it has had already.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

import httpcore

from service.pipeline.alerts.addresses import AllowedAddresses

PREFIX = "whsec_"
SECRET_BYTES = 32
ATTEMPT_SECONDS = 10.0
"""Longest duration of an attempt, from resolving the host to the status of the response, in s."""
AGENT = "nowcast-alerts"
Headers = dict[bytes | str, bytes | str]


class Refused(Exception):
    """The receiver has answered with another status than 2XX.

    Attributes:
        status: The status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the receiver answered with status {status}, should answer with 2XX")
        self.status = status


def new_secret() -> str:
    """Return a new secret to sign with."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002
    """Return the signature of a message: HMAC-SHA256 of its id, Unix time and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def post(
    url: str,
    secret: str,
    id: str,  # noqa: A002  as elsewhere
    body: bytes,
    now: datetime,
    allowed: AllowedAddresses,
) -> None:
    """Send a signed message. Redirects are not followed.

    Args:
        url: Address of the receiver.
        secret: Secret of the subscription.
        id: Id of the message.
        body: The message as JSON.
        now: Current time.
        allowed: Addresses that may be connected to.

    Raises:
        Refused: The receiver has refused it.
        OSError: It cannot be reached, also where its address is not allowed.
    """
    timestamp = int(now.timestamp())
    headers: Headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Webhook-Id": id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": signature(secret, id, timestamp, body),
    }
    status = asyncio.run(request(url, headers, body, allowed))
    if not 200 <= status < 300:
        raise Refused(status)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context of encrypted connections, which takes long to make."""
    return ssl.create_default_context()


async def request(url: str, headers: Headers, body: bytes, allowed: AllowedAddresses) -> int:
    """Send a POST request. Returns the status; the content of the response is not read.

    Raises:
        OSError: The receiver cannot be reached, or is too slow.
    """
    backend = AllowedBackend(allowed)
    context = tls_context() if url.lower().startswith("https:") else None
    try:
        async with (
            asyncio.timeout(ATTEMPT_SECONDS),
            httpcore.AsyncConnectionPool(ssl_context=context, network_backend=backend) as pool,
            pool.stream("POST", url, headers=headers, content=body) as response,
        ):
            return int(response.status)
    except TimeoutError:
        raise OSError(f"no response within {ATTEMPT_SECONDS:g} s") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class AllowedBackend(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only, and to just those that have been checked."""

    def __init__(self, allowed: AllowedAddresses) -> None:
        self._allowed, self._connect = allowed, httpcore.AnyIOBackend().connect_tcp

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve a host and connect to the first of its addresses that can be reached.

        Raises:
            ForbiddenAddress: One of its addresses is not allowed.
            OSError: It has no address, or cannot be connected to.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self._allowed.check(address)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError):
                return await self._connect(address, port, timeout, local_address, socket_options)
        return await self._connect(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse a socket of this machine.

        Raises:
            OSError: Always.
        """
        del timeout, socket_options
        raise OSError(f"{path} is no address of the internet")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)
