"""Answers that have just been given, for who asks the same next. Plain ASGI, as the limits are.

Most who read ask for the newest forecast, and get the same bytes. Finding out that it is still the
newest takes a thread, the archive and the ledger, for each of them; here it is found out a few
times a second, by one of them. That is within what the answers say of themselves (`Cache-Control`),
and less than what it takes to hear of a new forecast in any other way.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.encoded_cache import EncodedCache

FRESH_SECONDS = 0.25
"""For so long nobody looks whether an answer would still be the same."""
LONGEST_SECONDS = 2.0
"""For so long it is still given while somebody looks."""
MOST_BYTES = 64 * 2**20
"""Of all answers together: the newest of all models in some forms. Most are held as encoded, too,
and cost nothing more."""
LONGEST_QUESTION = 500
"""Characters; nobody who asks for more asks for what many ask for."""

Question = tuple[str, bytes, bytes]
"""Path, query, and which form is taken: what an answer depends on."""
Headers = list[tuple[bytes, bytes]]
Given = Callable[[str, str, int, float], object]
"""Hears of an answer given out again: method, template of the path, status, seconds."""


@dataclass
class Answer:
    """What was said, and when.

    Attributes:
        looking: Somebody is finding out whether it would be the same now.
    """

    headers: Headers
    body: bytes
    tag: bytes
    route: Any
    given: float
    looking: bool = False


class ResponseCache:
    """Gives out again the answers that anybody may keep and that have an entity tag.

    Args:
        encoded: What is asked where no answer is held; hears of each that is.
        given: Hears of each too, where it passes nothing else that counts it.
        clock: Seconds, never set back.
    """

    def __init__(
        self,
        app: ASGIApp,
        encoded: EncodedCache,
        clock: Callable[[], float] = time.monotonic,
        given: Given | None = None,
    ) -> None:
        self.app, self.encoded, self.clock, self.given = app, encoded, clock, given
        self._held: OrderedDict[Question, Answer] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        begun = perf_counter()
        question, known_tags = asked(scope)
        if question is None:
            await self.app(scope, receive, send)
        elif (held := self._still_good(question)) is not None:
            self.encoded.on_request(True)  # noqa: FBT003  it was held
            scope["route"] = held.route
            status = await give(held, known_tags, send)
            if self.given is not None:
                self.given("GET", held.route.path, status, perf_counter() - begun)
        else:
            await self._pass_on(question, scope, receive, send)

    def _still_good(self, question: Question) -> Answer | None:
        """The answer to a question, unless who asks now shall look whether it has changed."""
        held = self._held.get(question)
        if held is None:
            return None
        age = self.clock() - held.given
        if age > LONGEST_SECONDS or (age > FRESH_SECONDS and not held.looking):
            held.looking = True
            return None
        self._held.move_to_end(question)
        return held

    async def _pass_on(
        self, question: Question, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have a question answered, and keep the answer."""
        headers: Headers = []
        kept = False

        async def heard(message: Message) -> None:
            nonlocal kept
            if message["type"] == "http.response.start":
                headers[:] = message["headers"] if message["status"] == 200 else []
                kept = message["status"] == 304 and self._renew(question, message["headers"])
            elif headers and not message.get("more_body"):
                kept = self._keep(question, headers, message["body"], scope.get("route"))
            await send(message)

        try:
            await self.app(scope, receive, heard)
        finally:
            if not kept:
                self._drop(question)

    def _renew(self, question: Question, headers: Headers) -> bool:
        """Note that a client has the right answer already. Returns whether it is the one held."""
        held = self._held.get(question)
        if held is None or dict(headers).get(b"etag") != held.tag:
            return False
        held.given, held.looking = self.clock(), False
        return True

    def _keep(self, question: Question, headers: Headers, body: bytes, route: Any) -> bool:  # noqa: ANN401
        said = dict(headers)
        tag = said.get(b"etag")
        if tag is None or not said.get(b"cache-control", b"").startswith(b"public"):
            return False
        if said.get(b"vary") != b"Accept" or said.get(b"content-length") != b"%d" % len(body):
            return False  # it depends on more, or came in pieces
        if self.given is not None and route is None:
            return False  # nobody could tell what it is an answer of
        self._drop(question)
        self._held[question] = Answer(list(headers), body, tag, route, self.clock())
        self._bytes += len(body)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._held)))
        return True

    def _drop(self, question: Question) -> None:
        if (held := self._held.pop(question, None)) is not None:
            self._bytes -= len(held.body)


def asked(scope: Scope) -> tuple[Question | None, bytes]:
    """What a request asks for, and the entity tags that its client has; None where the answer may
    depend on more."""
    accept, tags = b"", b""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept += value + b","
        elif name == b"if-none-match":
            tags += value + b","
        elif name in (b"content-length", b"transfer-encoding"):
            return None, tags
    if len(scope["path"]) + len(scope["query_string"]) + len(accept) > LONGEST_QUESTION:
        return None, tags
    return (scope["path"], scope["query_string"], accept), tags


async def give(held: Answer, known_tags: bytes, send: Send) -> int:
    """Send an answer, or that the client has it. Returns the status."""
    if known_tags and is_known(held.tag, known_tags):
        headers = [one for one in held.headers if one[0] not in DESCRIBING]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return 304
    await send({"type": "http.response.start", "status": 200, "headers": list(held.headers)})
    await send({"type": "http.response.body", "body": held.body})
    return 200


DESCRIBING = (b"content-length", b"content-type", b"content-disposition")
"""Headers of a content that is not sent."""


def is_known(tag: bytes, known_tags: bytes) -> bool:
    tags = [text.strip().removeprefix(b"W/") for text in known_tags.split(b",")]
    return tag in tags or b"*" in tags
