"""A folder of files on a web server: asked for by name, had whole or not at all, within limits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from ssl import SSLContext
from types import MappingProxyType
from typing import NamedTuple

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

Version = Mapping[str, str]
"""What to send with a request so that a file comes only if it is another than before."""
UNKNOWN: Version = MappingProxyType({})
CONDITIONS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
HEADERS = {"User-Agent": "nowcast", "Accept-Encoding": "identity"}
"""A file is wanted as it lies there, packed or not."""


@dataclass(frozen=True)
class Limits:
    """What a server may cost us, and we it."""

    connections: int = 4
    """Files asked for at once."""
    attempts: int = 3
    """Times a file is asked for before it is given up for now."""
    wait_seconds: float = 1.0
    """Longest wait before the second time, doubled for each one after; with a random part."""
    silence_seconds: float = 15.0
    """Without a byte for so long, an attempt is given up."""
    file_seconds: float = 60.0
    """An attempt is given up after so long, however the bytes drip."""
    largest_bytes: int = 64 * 2**20
    """Size of a file as sent; an RV has some MB."""


class Answer(NamedTuple):
    """Version of a file as the server states it."""

    name: str
    data: bytes | None = None
    """The whole file; None where it is not there, or no other than before."""
    version: Version = UNKNOWN
    trouble: str = ""
    """Why it is not known whether there is such a file; empty where it is."""


class WebFolder:
    """A folder on a web server.

    Args:
        url: Of the folder; a proxy is taken from the environment, as by other programs.
    """

    def __init__(self, url: str, limits: Limits) -> None:
        self.url = url.rstrip("/") + "/"
        self.limits = limits

    def ask(self, wanted: Mapping[str, Version]) -> list[Answer]:
        """Ask for files at once, by name, each if it is another than of a version.

        Server errors and broken answers are tried again, longer and longer after, then are trouble.
        The name "" is the page of the folder itself.
        """
        return asyncio.run(self._ask(wanted))

    async def _ask(self, wanted: Mapping[str, Version]) -> list[Answer]:
        timeout = self.limits.silence_seconds
        # A client of its own for each call: in between, servers hang up anyway.
        async with httpx.AsyncClient(headers=HEADERS, timeout=timeout, verify=self._tls) as client:
            return await asyncio.gather(*(self._get(client, *item) for item in wanted.items()))

    @cached_property
    def _tls(self) -> SSLContext:
        return httpx.create_ssl_context()

    async def _get(self, client: httpx.AsyncClient, name: str, version: Version) -> Answer:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.limits.attempts),
            wait=wait_random_exponential(multiplier=self.limits.wait_seconds),
            retry=retry_if_exception(may_pass),
            reraise=True,
        )
        try:
            return await retrying(self._get_once, client, name, version)
        except (httpx.HTTPError, TimeoutError) as error:
            return Answer(name, trouble=words(error))

    async def _get_once(self, client: httpx.AsyncClient, name: str, version: Version) -> Answer:
        async with (
            asyncio.timeout(self.limits.file_seconds),
            client.stream("GET", self.url + name, headers=version) as response,
        ):
            if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                return Answer(name)
            if response.status_code == HTTPStatus.NOT_MODIFIED:
                return Answer(name, version=version)
            response.raise_for_status()
            data = bytearray()
            async for part in response.aiter_raw():
                data += part
                if len(data) > self.limits.largest_bytes:
                    return Answer(name, trouble=f"over {self.limits.largest_bytes} bytes long")
            return Answer(name, bytes(data), version_of(response))


def version_of(response: httpx.Response) -> Version:
    """What to send next time so that the same file does not come again."""
    there = (name for name in CONDITIONS if name in response.headers)
    return {CONDITIONS[name]: response.headers[name] for name in there}


def may_pass(error: BaseException) -> bool:
    """Whether asking again may help."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error
    return isinstance(error, httpx.TransportError | TimeoutError)


def words(error: Exception) -> str:
    """An error as part of a sentence."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}".strip()
    return f"{type(error).__name__}: {error}".removesuffix(": ")
