"""Responses with documents that have absolute links."""

import hashlib
from typing import Any

from fastapi import Request, Response

from service.api.encoded_cache import json_bytes
from service.api.negotiation import etag_matches

CACHE_CONTROL = "private, max-age=30"
"""The links depend on the name of the host, so that no shared cache may keep them."""
DIGITS = 20
"""Hexadecimal digits of the hash in an entity tag."""


def document_response(request: Request, document: dict[str, Any], media: str) -> Response:
    """The response with a JSON document; 304 where the client has it."""
    content = json_bytes(document)
    tag = f'"{hashlib.sha256(content).hexdigest()[:DIGITS]}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept"}
    if etag_matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)


def base_url(request: Request) -> str:
    """URL of the service as the client knows it, without a slash at its end."""
    return str(request.base_url).rstrip("/")
